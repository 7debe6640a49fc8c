"""An exception between any two bytecodes of the limits: what is counted may be too much for a while, never too little."""

import os
import sys
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, Callable, Dict, List, Tuple

import pytest
from broker_files import make_order
from no_limits import no_limits

import jqtrade.account
from jqtrade.account.in_flight import CASH
from jqtrade.account.journal import RecordedOrder
from jqtrade.account.order import LimitOrderStyle, Order, OrderAction, OrderSide, OrderStatus
from jqtrade.account.portfolio import Portfolio, Position, Positions
from jqtrade.testing import VirtualClock

NOW = datetime(2026, 1, 5, 10, 0)
BANK = "600000.XSHG"
HOLDING = (BANK, OrderSide.long)
HERE = os.path.join(os.path.dirname(jqtrade.account.__file__), "")
FILES = tuple(HERE + name for name in ("risk.py", "in_flight.py", "order_counts.py", "prices.py"))

pytestmark = pytest.mark.skipif(sys.version_info < (3, 7), reason="no tracing of single bytecodes")


class Cut(BaseException):
    """What a signal handler raises."""


def cut_at(number: int, call: Callable[[], Any]) -> bool:
    """Make the call and raise before its bytecode `number`. Returns whether it had so many."""
    left = [number]

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in FILES:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            if left[0] == 0:
                raise Cut
            left[0] -= 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    except Cut:
        return True
    finally:
        sys.settrace(before)
    return False


def _order(order_id: str, amount: int, action: OrderAction) -> Order:
    return make_order(
        order_id=order_id, code=BANK, amount=amount, action=action, create_time=NOW, style=LimitOrderStyle(10.0)
    )


class Desk:
    """Limits in the middle of a day: a sale and a buy in flight, their sums added up, a cancel sent."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOW)
        self.limits = no_limits(self.clock, sell_check=True, cash_check=True, max_daily_value=1e9)
        self.portfolio = self.snapshot(1000, 1e6)
        self.orders: Dict[str, Order] = {}
        self.limits.start_day(self.orders)
        self.limits.take_snapshot(self.portfolio, NOW)
        for order in (_order("1", 300, OrderAction.close), _order("2", 500, OrderAction.open)):
            self.limits.count_order(order, self.portfolio)
            self.orders[order.order_id] = order
        self.limits.restamp(["1", "2"] + self.limits.count_cancels(1))
        self.figures()

    def snapshot(self, shares: int, cash: float) -> Portfolio:
        position = Position(BANK, shares, shares, last_price=10.0)
        return Portfolio(cash, cash, 0.0, self.clock.now(), Positions(OrderSide.long, {BANK: position}))

    def figures(self) -> Tuple[int, ...]:
        """What may still be done: the lower, the more careful."""
        day = self.limits._day
        return (
            day.in_flight.free(HOLDING, self.portfolio),
            day.in_flight.free(CASH, self.portfolio),
            -day.counts.today(),
            -day.counts.total(),
            -day.counts.in_last_second(1),
        )


def send(desk: Desk) -> List[Callable[[], Any]]:
    orders = [_order("3", 100, OrderAction.close), _order("4", 100, OrderAction.open)]
    calls: List[Callable[[], Any]] = []
    for order in orders:
        calls.append(lambda order=order: desk.limits.count_order(order, desk.portfolio))
        calls.append(lambda order=order: desk.orders.update({order.order_id: order}))
    return calls + [lambda: desk.limits.restamp(["3", "4"])]


def cancel(desk: Desk) -> List[Callable[[], Any]]:
    return [lambda: desk.limits.count_cancels(2)]


def refuse(desk: Desk) -> List[Callable[[], Any]]:
    return [lambda: desk.limits.uncount_orders([desk.orders["1"], desk.orders["2"]])]


def hear(desk: Desk) -> List[Callable[[], Any]]:
    changed = [desk.orders[key].with_changes(status=OrderStatus.canceled, confirmed=True) for key in ("1", "2")]
    return [lambda: desk.limits.heard(changed), lambda: desk.orders.update({one.order_id: one for one in changed})]


def hear_late_fill(desk: Desk) -> List[Callable[[], Any]]:
    for call in hear(desk):
        call()
    desk.figures()
    changed = [
        one.with_changes(status=OrderStatus.partly_canceled, filled_amount=200) for one in list(desk.orders.values())
    ]
    return [lambda: desk.limits.heard(changed), lambda: desk.orders.update({one.order_id: one for one in changed})]


def take_snapshot(desk: Desk) -> List[Callable[[], Any]]:
    changed = [desk.orders[key].with_changes(status=OrderStatus.open, confirmed=True) for key in ("1", "2")]
    desk.limits.heard(changed)
    desk.orders.update({one.order_id: one for one in changed})
    desk.clock.sleep(10)
    desk.portfolio = desk.snapshot(700, 1e6 - 5005.05)
    return [lambda: desk.limits.take_snapshot(desk.portfolio, NOW + timedelta(seconds=9))]


def take_answer(desk: Desk) -> List[Callable[[], Any]]:
    desk.portfolio = desk.snapshot(700, 1e6 - 5005.05)
    return [lambda: desk.limits.take_snapshot(desk.portfolio)]


def start_anew(desk: Desk) -> List[Callable[[], Any]]:
    sent = [RecordedOrder(order, 10.0 * order.amount, True, None) for order in desk.orders.values()]
    return [lambda: desk.limits.start_day(desk.orders, sent, [NOW])]


def look(desk: Desk) -> List[Callable[[], Any]]:
    desk.limits.forget_sums()
    desk.clock.sleep(2)
    return [desk.figures]


@pytest.mark.parametrize(
    "step",
    [send, cancel, refuse, hear, hear_late_fill, take_snapshot, take_answer, start_anew, look],
    ids=lambda f: f.__name__,
)
def test_whatever_is_cut_short_is_never_too_little_and_right_when_it_is_done_again(step: Any) -> None:
    whole = Desk()
    calls = step(whole)
    before = whole.figures()
    for call in calls:
        call()
    after = whole.figures()
    most = tuple(max(pair) for pair in zip(before, after))
    tried = 0
    for number in range(10**5):
        desk = Desk()
        calls = step(desk)

        def run(calls: List[Callable[[], Any]] = calls) -> None:
            for call in calls:
                call()

        if not cut_at(number, run):
            break
        tried += 1
        found = desk.figures()
        assert all(value <= limit for value, limit in zip(found, most)), (number, found, before, after)
        desk.limits.forget_sums()
        found = desk.figures()
        assert all(value <= limit for value, limit in zip(found, most)), (number, found, before, after)
        if step is not send and step is not cancel:
            run()
            assert desk.figures() == after, number
    assert tried > 30
