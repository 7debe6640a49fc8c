"""Every error that jqtrade raises on purpose.

JqtradeError
├── InvalidParam          a value from the user is wrong; nothing was done with it
├── InvalidCall           the call is not possible here or now
├── InvalidOrder          an order breaks a bound of the task; it was not sent
├── StrategyError         the strategy file cannot be loaded or has no process_initialize
├── TaskError             a task cannot be started, found or stopped
│   ├── TaskExists        the name belongs to a living process
│   └── JournalUnreadable there is no journal of a task that can be read
│       └── JournalBusy   it cannot be read for now
└── TradeGateError        the way to the broker failed
    ├── FileMissing       a file of the broker's terminal is not there
    ├── OrderNotSent      proven: the broker was not asked
    ├── OrderUncertain    nobody can say yet whether the broker was asked
    └── InvalidReport     a trade gate returned something that its contract does not allow
"""


class JqtradeError(Exception):
    """Base of all errors that jqtrade raises on purpose."""


class InvalidParam(JqtradeError, ValueError):
    """A value from the user is wrong; nothing was done with it."""


class InvalidCall(JqtradeError):
    """The call is not possible here or now."""


class InvalidOrder(JqtradeError):
    """An order breaks a bound of the task; it was not sent."""


class StrategyError(JqtradeError):
    """The strategy file cannot be loaded or has no process_initialize."""


class TaskError(JqtradeError):
    """A task cannot be started, found or stopped."""


class TaskExists(TaskError):
    """The name of a new task belongs to a living process."""


class JournalUnreadable(TaskError):
    """There is no journal, it is damaged, or another version of jqtrade wrote it."""


class JournalBusy(JournalUnreadable):
    """The journal cannot be read for now."""


class TradeGateError(JqtradeError):
    """The way to the broker failed."""


class FileMissing(TradeGateError):
    """A file of the broker's terminal is not there."""


class OrderNotSent(TradeGateError):
    """Proven: the broker was not asked. The order may be called rejected."""


class OrderUncertain(TradeGateError):
    """Nobody can say yet whether the broker was asked. The order must not be called rejected."""


class InvalidReport(TradeGateError):
    """A trade gate returned something that its contract does not allow."""
