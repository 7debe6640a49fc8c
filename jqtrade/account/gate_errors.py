"""What an error of a gate means for the order: AbsTradeGate.order says which ones leave it unknown whether it was sent."""

import signal
import sys
import traceback
from typing import List, Set, Type

from jqtrade.errors import JqtradeError, OrderUncertain

_TIMEOUTS = (("socket", "timeout"), ("concurrent.futures", "TimeoutError"), ("asyncio", "TimeoutError"))
"""classes of their own before Python 3.10 and 3.11"""


def is_uncertain(error: BaseException) -> bool:
    """Whether nobody can tell from the error if the broker was asked."""
    lost: List[Type[BaseException]] = [OrderUncertain, TimeoutError, ConnectionError, MemoryError, RecursionError]
    for module, name in _TIMEOUTS:
        if module in sys.modules:
            lost.append(getattr(sys.modules[module], name))
    if isinstance(error, tuple(lost)):
        return not isinstance(error, ConnectionRefusedError)
    return is_of_signal_handler(error)


def came_in_the_middle(error: BaseException) -> bool:
    """Whether the error may have come between any two steps of the gate, rather than where the gate raises it."""
    return not isinstance(error, (JqtradeError, OSError)) or is_of_signal_handler(error)


def is_of_signal_handler(error: BaseException) -> bool:
    """Whether a signal handler of the strategy raised the error (as timeout_decorator does), whatever its class."""
    handlers = _handler_codes()
    return any(frame.f_code in handlers for frame, _ in traceback.walk_tb(error.__traceback__))


def _handler_codes() -> Set[object]:
    codes: Set[object] = set()
    for number in signal.Signals:
        try:
            handler = signal.getsignal(number)
        except ValueError:  # Windows lists console events among them
            continue
        function = getattr(handler, "__func__", handler)  # of a bound method
        code = getattr(function, "__code__", None) or getattr(type(handler).__call__, "__code__", None)
        if callable(handler) and code is not None:
            codes.add(code)
    return codes
