"""Recorder: what happened in a replay, as the exchange and the strategy's process saw it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.account.order import Order, OrderStatus
from jqtrade.market.rules import to_cents
from jqtrade.paper.exchange import PaperExchange, PaperOrder
from jqtrade.runtime.strategy import Progress

_ZERO = Decimal(0)
_HOOKS = ("on_order_update", "process_exit")
"""what is called as a job without being scheduled"""


class JobRun(NamedTuple):
    """One call of the strategy's code."""

    name: str
    due: datetime
    failed: bool


class FillRecord(NamedTuple):
    """One trade."""

    time: datetime
    order_id: str
    code: str
    is_buy: bool
    price: Decimal
    amount: int
    fees: Decimal
    """what the trade added to the order's fees, yuan"""


class OrderRecord(NamedTuple):
    """An order that the strategy asked for, and what became of it."""

    asked: Order
    """as the strategy knew it when the day ended"""
    at_exchange: Optional[PaperOrder]
    """as the exchange knew it in the end; None: it never came there"""

    @property
    def status(self) -> OrderStatus:
        return self.asked.status if self.at_exchange is None else self.at_exchange.status

    @property
    def reason(self) -> str:
        return self.asked.err_msg if self.at_exchange is None else self.at_exchange.text

    @property
    def is_refused(self) -> bool:
        """Whether it was never on the order book: a limit of the task's, or the exchange."""
        return self.status is OrderStatus.rejected


class HoldingRecord(NamedTuple):
    """What was held of one security when a day ended."""

    code: str
    amount: int
    available: int
    average_cost: Decimal
    last_price: Decimal
    value: Decimal


class DayRecord(NamedTuple):
    """The account when a day ended, in yuan."""

    day: date
    cash: Decimal
    frozen: Decimal
    total: Decimal
    holdings: List[HoldingRecord]

    @property
    def market_value(self) -> Decimal:
        return sum((holding.value for holding in self.holdings), _ZERO)


class Recorder:
    """Keeps what happened. Everything in it follows from virtual time alone."""

    def __init__(self, strategy_time: Callable[[], Optional[datetime]] = lambda: None) -> None:
        self.strategy_time = strategy_time
        """when the running job was due"""
        self.cash = _ZERO
        """yuan in the account at the start"""
        self.jobs: List[JobRun] = []
        self.days: List[DayRecord] = []
        self.fills: List[FillRecord] = []
        self.jobs_run = 0
        self.jobs_failed = 0
        self._asked: Dict[Tuple[date, str], Order] = {}
        self._states: Dict[Tuple[date, str], PaperOrder] = {}
        self._running: List[Tuple[str, datetime]] = []

    def begin(self, cash: Decimal) -> None:
        """The account begins with `cash` yuan in it."""
        self.cash = cash

    def take_progress(self, progress: Progress) -> None:
        """The strategy begins a job, or has ended the one that it began last."""
        if progress.jobs_run > self.jobs_run:
            name, due = self._running.pop()
            self.jobs.append(JobRun(name, due, progress.jobs_failed > self.jobs_failed))
            self.jobs_run, self.jobs_failed = progress.jobs_run, progress.jobs_failed
        elif progress.current_job is not None and progress.since is not None:
            self._running.append((progress.current_job, self.strategy_time() or progress.since))

    def take_state(self, order: PaperOrder) -> None:
        """Something happened to an order at the exchange."""
        key = order.created.date(), order.order_id
        if order.fill is not None:
            before = self._states[key].fees if key in self._states else _ZERO
            fill = order.fill
            self.fills.append(
                FillRecord(
                    order.updated,
                    order.order_id,
                    order.code,
                    order.is_buy,
                    fill.price,
                    fill.amount,
                    order.fees - before,
                )
            )
        self._states[key] = order

    def take_orders(self, orders: Sequence[Order]) -> None:
        """The day's orders as the strategy knows them."""
        for order in orders:
            self._asked[order.create_time.date(), order.order_id] = order

    def end_day(self, day: date, now: datetime, exchange: Optional[PaperExchange]) -> None:
        """Keep what the account owns at `now`, the last moment of `day` that counts."""
        if exchange is None:
            self.days.append(DayRecord(day, self.cash, _ZERO, self.cash, []))
            return
        money = exchange.snapshot(now)
        held = sorted(exchange.ledger.holdings.values(), key=lambda holding: holding.code)
        holdings = [
            HoldingRecord(each.code, each.amount, each.available, each.average_cost, each.last_price, each.market_value)
            for each in held
            if each.amount
        ]
        self.days.append(DayRecord(day, money.cash, money.frozen, money.total, holdings))

    def always_failed(self) -> List[str]:
        """The names of the scheduled jobs that were called and failed each time, in the order of their first calls."""
        went_well = {job.name for job in self.jobs if not job.failed}
        names = [job.name for job in self._scheduled() if job.name not in went_well]
        return sorted(set(names), key=names.index)

    def all_failed(self) -> bool:
        """Whether jobs were called and not one call went well."""
        return bool(self._scheduled()) and all(job.failed for job in self._scheduled())

    def _scheduled(self) -> List[JobRun]:
        return [job for job in self.jobs if job.name not in _HOOKS]

    @property
    def orders(self) -> List[OrderRecord]:
        """Every order that the strategy asked for, in their order."""
        return [OrderRecord(order, self._states.get(key)) for key, order in self._asked.items()]

    @property
    def fees(self) -> Decimal:
        """All that the orders have cost, yuan."""
        return to_cents(sum((order.fees for order in self._states.values()), _ZERO))
