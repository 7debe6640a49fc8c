"""A model of the broker's terminal for tests of what snapshots know: real figures, and files that are up to 5 s old."""

from datetime import datetime
from typing import Any, Dict, List, Optional, Sequence, Tuple

from jqtrade.account.gate import AbsTradeGate
from jqtrade.account.order import Order, OrderAction, OrderReport, OrderStatus
from jqtrade.account.portfolio import BalanceReport, Position
from jqtrade.market.boards import purchase_fees
from jqtrade.testing import VirtualClock

MILLION = 10**6
OLDEST = 5.0
"""seconds: how old the figures of a snapshot may be when it is written"""


class _Live:
    """An order as the broker has it."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.status = OrderStatus.open
        self.filled = 0

    @property
    def live(self) -> int:
        return self.filled if self.status.is_final else self.order.amount


class ModelTerminal:
    """What is really there. Money in millionths of a yuan; a buy freezes its value and fees."""

    def __init__(self, clock: VirtualClock, shares: Dict[str, int], cash: int) -> None:
        self.clock = clock
        self.start_shares = shares
        self.start_cash = cash
        self.unread: List[Order] = []
        self.orders: List[_Live] = []
        self.reports: List[OrderReport] = []
        self.refused: List[Order] = []
        """orders for which there was not enough: there must be none"""
        self.proceeds = 0
        self._history: List[Tuple[float, Dict[str, int], int]] = []
        self._data_time = -1e9
        self.file: Optional[BalanceReport] = None
        self._note()
        self.write(0.0)

    def shares(self, code: str) -> int:
        """How many can be sold."""
        sold = [one.live for one in self.orders if one.order.code == code and one.order.action is OrderAction.close]
        return self.start_shares.get(code, 0) - sum(sold)

    def cash(self) -> int:
        return self.start_cash + self.proceeds - sum(_cost(one.order, one.live) for one in self.orders)

    def read_orders(self) -> None:
        """The terminal reads our file."""
        cash, shares = self.cash(), {code: self.shares(code) for code in self.start_shares}
        for order in self.unread:
            if order.is_buy:
                cash -= _cost(order, order.amount)
            else:
                shares[order.code] -= order.amount
            if cash < 0 or shares[order.code] < 0:
                self.refused.append(order)
            self.orders.append(_Live(order))
            self._report(self.orders[-1])
        self.unread = []
        self._note()

    def fill(self, number: int, share: float) -> None:
        one = self._pick(number)
        if one is not None:
            amount = max(1, int(share * (one.order.amount - one.filled)))
            one.filled += amount
            one.status = OrderStatus.filled if one.filled == one.order.amount else OrderStatus.filling
            if not one.order.is_buy:
                self.proceeds += int(one.order.price * MILLION) * amount
            self._report(one)
            self._note()

    def cancel(self, number: int) -> None:
        one = self._pick(number)
        if one is not None:
            one.status = OrderStatus.partly_canceled if one.filled else OrderStatus.canceled
            self._report(one)
            self._note()

    def fill_late(self, number: int) -> None:
        """A fill is told after the cancel, where it can be without there being too little."""
        done = [one for one in self.orders if one.status in (OrderStatus.canceled, OrderStatus.partly_canceled)]
        if done and not self.unread:
            one = done[number % len(done)]
            before = one.filled
            one.filled = one.order.amount
            if self.cash() < 0 or self.shares(one.order.code) < 0:
                one.filled = before
            self._report(one)
            self._note()

    def _pick(self, number: int) -> Optional[_Live]:
        live = [one for one in self.orders if not one.status.is_final]
        return live[number % len(live)] if live else None

    def _report(self, one: _Live) -> None:
        order = one.order
        self.reports.append(
            OrderReport(
                order.order_id,
                order.code,
                order.price,
                order.amount,
                order.action,
                one.status,
                "limit",
                order.create_time,
                filled_amount=one.filled,
                avg_cost=order.price,
                deal_balance=order.price * one.filled,
            )
        )

    def _note(self) -> None:
        shares = {code: self.shares(code) for code in self.start_shares}
        self._history.append((self.clock.monotonic(), shares, self.cash()))

    def write(self, age: float, written: Optional[datetime] = None) -> None:
        """Rewrite the files with what was there `age` seconds ago, never older than what stood there before."""
        self._data_time = max(self._data_time, self.clock.monotonic() - min(age, OLDEST))
        _, shares, cash = [entry for entry in self._history if entry[0] <= self._data_time][-1]
        positions = [Position(code, amount, amount, last_price=10.0) for code, amount in shares.items()]
        self.file = BalanceReport(
            1e6, cash / MILLION, 0.0, positions, written=self.clock.now() if written is None else written
        )


def _cost(order: Order, shares: int) -> int:
    if not order.is_buy or not shares:
        return 0
    value = int(order.price * MILLION) * shares
    return value + purchase_fees(order.code, value)


class ModelGate(AbsTradeGate):
    terminal: ModelTerminal

    def setup(self, options: Dict[str, Any]) -> None:
        pass

    def order(self, order: Order) -> None:
        self.terminal.unread.append(order)

    def cancel_order(self, order_id: str) -> None:
        pass

    def sync_balance(self) -> Any:
        return self.terminal.file

    def sync_orders(self) -> Sequence[Any]:  # type: ignore[override]
        reports, self.terminal.reports = self.terminal.reports, []
        return reports
