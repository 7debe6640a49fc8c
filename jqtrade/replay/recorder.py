"""Recorder: keeps what happened in a replay, as the exchange and the strategy saw it."""

from datetime import date, datetime
from decimal import Decimal
from typing import Dict, List, Optional, Tuple

from jqtrade.account.journal import JobRun
from jqtrade.account.observer import Observer
from jqtrade.account.order import MarketOrderStyle, Order
from jqtrade.market.rules import to_cents
from jqtrade.paper.exchange import PaperExchange, PaperOrder
from jqtrade.report.record import DayRecord, FillRecord, HoldingRecord, JobRecord, OrderRecord, Record

_ZERO = Decimal(0)


class Recorder(Observer):
    """Everything in it follows from virtual time alone."""

    def __init__(self) -> None:
        self.jobs_failed = 0
        self.jobs: List[JobRecord] = []
        self._cash = _ZERO
        self._days: List[DayRecord] = []
        self._fills: List[FillRecord] = []
        self._asked: Dict[Tuple[date, str], Order] = {}
        self._states: Dict[Tuple[date, str], PaperOrder] = {}

    def begin(self, cash: Decimal) -> None:
        """The account begins with `cash` yuan in it."""
        self._cash = cash

    def job_finished(self, run: JobRun) -> None:
        self.jobs.append(JobRecord(run.name, run.due, bool(run.error)))
        self.jobs_failed += bool(run.error)

    def order_changed(self, order: Order) -> None:
        self._asked[order.create_time.date(), order.order_id] = order

    def take_state(self, order: PaperOrder) -> None:
        """Something happened to an order at the exchange."""
        key = order.created.date(), order.order_id
        if order.fill is not None:
            before = self._states[key].fees if key in self._states else _ZERO
            fill, fees = order.fill, order.fees - before
            self._fills.append(
                FillRecord(order.updated, order.order_id, order.code, order.is_buy, fill.price, fill.amount, fees)
            )
        self._states[key] = order

    def end_day(self, day: date, now: datetime, exchange: Optional[PaperExchange]) -> None:
        """Keep what the account owns at `now`, the last moment of `day` that counts."""
        if exchange is None:
            self._days.append(DayRecord(day, self._cash, _ZERO, self._cash, []))
            return
        money = exchange.snapshot(now)
        held = sorted(exchange.ledger.holdings.values(), key=lambda holding: holding.code)
        holdings = [
            HoldingRecord(each.code, each.amount, each.available, each.average_cost, each.last_price, each.market_value)
            for each in held
            if each.amount
        ]
        self._days.append(DayRecord(day, money.cash, money.frozen, money.total, holdings))

    def record(self) -> Record:
        """All that was kept."""
        orders = [_order_record(order, self._states.get(key)) for key, order in self._asked.items()]
        fees = to_cents(sum((order.fees for order in self._states.values()), _ZERO))
        return Record(self._cash, self.jobs, self._days, self._fills, orders, fees)


def _order_record(asked: Order, known: Optional[PaperOrder]) -> OrderRecord:
    """`asked` is as the strategy knew it in the end, `known` as the exchange did; None: it never came there."""
    price = None if isinstance(asked.style, MarketOrderStyle) else asked.price
    record = OrderRecord(
        asked.create_time,
        asked.order_id,
        asked.code,
        asked.is_buy,
        asked.style.name,
        price,
        asked.amount,
        asked.status,
        reason=asked.err_msg,
    )
    if known is None:
        return record
    return record._replace(
        status=known.status,
        filled=known.filled,
        canceled=known.canceled,
        value=known.value,
        fees=known.fees,
        reason=known.text,
    )
