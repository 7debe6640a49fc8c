"""The record of what a strategy did and what became of it: what reports are made of. It knows of no replay and no exchange."""

from datetime import date, datetime
from decimal import Decimal
from typing import List, NamedTuple, Optional

from jqtrade.account.order import OrderStatus

_ZERO = Decimal(0)
_HOOKS = ("on_order_update", "process_exit")
"""what is called as a job without being scheduled"""


class JobRecord(NamedTuple):
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

    time: datetime
    """when it was asked for"""
    order_id: str
    code: str
    is_buy: bool
    style: str
    price: Optional[float]
    """None: a market order"""
    amount: int
    status: OrderStatus
    filled: int = 0
    canceled: int = 0
    value: Decimal = _ZERO
    """of the fills, yuan"""
    fees: Decimal = _ZERO
    reason: str = ""

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


class Record(NamedTuple):
    """All of it, in the order in which it happened."""

    cash: Decimal
    """yuan in the account at the start"""
    jobs: List[JobRecord]
    days: List[DayRecord]
    fills: List[FillRecord]
    orders: List[OrderRecord]
    fees: Decimal
    """all that the orders have cost, yuan"""

    def always_failed(self) -> List[str]:
        """The names of the scheduled jobs that were called and failed each time, in the order of their first calls."""
        went_well = {job.name for job in self.jobs if not job.failed}
        names = [job.name for job in self._scheduled() if job.name not in went_well]
        return sorted(set(names), key=names.index)

    def all_failed(self) -> bool:
        """Whether jobs were called and not one call went well."""
        return bool(self._scheduled()) and all(job.failed for job in self._scheduled())

    def _scheduled(self) -> List[JobRecord]:
        return [job for job in self.jobs if job.name not in _HOOKS]
