"""Observer: who hears what a strategy and its account do. Observers: those of one strategy, told at once and in order."""

from datetime import date, datetime
from typing import Callable, List, NamedTuple, Optional, Sequence, Set, Tuple

from jqtrade.account.journal import JobRun
from jqtrade.account.order import Order
from jqtrade.account.portfolio import Portfolio
from jqtrade.account.refusals import RefusedOrders
from jqtrade.log import get_log

log = get_log("jqtrade")


class Plan(NamedTuple):
    """What comes next."""

    next_job: Optional[str]
    next_time: Optional[datetime]
    calendar_ends: Optional[date] = None
    """the last day that the calendar of trading days knows, once that is near or past"""
    refused: Optional[RefusedOrders] = None
    """the day's orders that came to nothing so far"""


class Observer:
    """Override what you want to hear. Each method is called in the strategy's thread, right when it happens.

    It returns soon, for an order may wait for it, and neither orders nor syncs. What it raises is logged, once for each
    kind, and reaches neither the strategy nor an order; the other observers are told all the same, and this one hears of
    what comes next. Only a KeyboardInterrupt gets through: the user's second Ctrl+C.
    """

    def job_started(self, run: JobRun) -> None:
        """The strategy's function is about to be called: a job, a hook, process_exit."""

    def job_finished(self, run: JobRun) -> None:
        """It has returned, or raised (`run.error`)."""

    def job_missed(self, text: str, level: int) -> None:
        """A due time was missed or left out (logging.ERROR), or met late (logging.WARNING), as `text` says in Chinese."""

    def planned(self, plan: Plan) -> None:
        """Told after every start, end and miss of a job, after a sync that brought something, and when the clock was set."""

    def order_changed(self, order: Order) -> None:
        """An order is new, or stands otherwise than before; one that was refused is told of once or twice."""

    def sync_failed(self, what: str, reason: str) -> None:
        """The sync of `what` ("balance", "orders") fails, for the first time since it worked or for a new reason."""

    def sync_recovered(self, what: str) -> None:
        """It works again."""

    def balance_changed(self, portfolio: Portfolio) -> None:
        """The broker says something new of cash or positions."""

    def halted(self, reason: str) -> None:
        """New orders are refused from now on; "" : they are no more."""

    def stopped(self, reason: str) -> None:
        """The strategy's last function has returned; the account is about to be closed."""


def _telling(name: str) -> Callable[..., None]:
    def tell(self: "Observers", *event: object) -> None:
        for observer in self._observers:
            try:
                getattr(observer, name)(*event)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # a signal handler of the strategy may raise anything here
                self._say_once(observer, name, error)

    return tell


class Observers(Observer):
    """Tells each event to all of them, in the order in which they were added."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers: List[Observer] = list(observers)
        self._said: Set[Tuple[type, str, type]] = set()

    def add(self, observer: Observer) -> None:
        self._observers.append(observer)

    def _say_once(self, observer: Observer, name: str, error: BaseException) -> None:
        kind = (type(observer), name, type(error))
        if kind not in self._said:
            self._said.add(kind)
            text = "%s 没有记下 %s：%s: %s（策略和订单照常；同样的错误不再重复）"
            log.error(text, kind[0].__name__, name, kind[2].__name__, error)


for _event in [name for name in vars(Observer) if not name.startswith("_")]:
    setattr(Observers, _event, _telling(_event))
