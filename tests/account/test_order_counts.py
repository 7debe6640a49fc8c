"""Counts per second, per day and in yuan: never exceeded by one, over waits for a lock, failures, deaths and restarts."""

from datetime import datetime
from typing import Any, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.gate import AbsTradeGate
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle, Order
from jqtrade.account.order_counts import OrderCounts
from jqtrade.account.request import check_request
from jqtrade.errors import OrderNotSent, OrderUncertain
from jqtrade.testing import VirtualClock

NOW = datetime(2026, 1, 5, 10, 0)
BANK = "600000.XSHG"
PER_SECOND, PER_DAY, VALUE = 2, 15, 10900.0


class Death(BaseException):
    """The process is killed."""


class Broker:
    """What reached the broker, and what happens to the next order."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOW)
        self.journal = Journal(None)
        self.sent: List[Tuple[float, str]] = []
        """when, and the id of the order or "" for a cancel"""
        self.wait = 0.0
        self.fate = ""
        self.start()

    def start(self) -> None:
        gate = _Gate()
        gate.clock = self.clock
        gate.broker = self
        limits = no_limits(
            self.clock, max_orders_per_second=PER_SECOND, max_orders_per_day=PER_DAY, max_daily_value=VALUE
        )
        self.account = Account(gate, self.journal, self.clock, limits)
        self.account.recover()

    def take(self, order_id: str) -> None:
        self.clock.sleep(self.wait)  # somebody else has the lock
        if self.fate == "dies before":
            raise Death
        if self.fate == "not sent":
            raise OrderNotSent("锁")
        self.sent.append((self.clock.monotonic(), order_id))
        if self.fate == "dies after":
            raise Death
        if self.fate == "uncertain":
            raise OrderUncertain("磁盘错误")

    def check(self) -> None:
        for number, (moment, order_id) in enumerate(self.sent):
            before = [one for one in self.sent[:number] if one[0] > moment - 1]
            assert not order_id or len(before) < PER_SECOND, self.sent
        orders = [one for one in self.sent if one[1]]
        assert len(orders) * 109 * 10 <= VALUE
        last = max((number for number, one in enumerate(self.sent) if one[1]), default=0)
        assert last < PER_DAY


class _Gate(AbsTradeGate):
    broker: Broker

    def setup(self, options: Any) -> None:
        pass

    def order(self, order: Order) -> None:
        self.broker.take(order.order_id)

    def cancel_order(self, order_id: str) -> None:
        self.broker.take("")

    def sync_balance(self) -> Any:
        raise OrderNotSent("not asked")

    def sync_orders(self) -> Any:
        return []

    def was_sent(self, order: Order) -> bool:
        return order.order_id in [order_id for _, order_id in self.broker.sent]


STEPS = st.tuples(
    st.sampled_from(["order", "order", "batch", "cancel", "sleep", "sync", "restart", "jump"]),
    st.sampled_from(["", "", "", "dies before", "dies after", "not sent", "uncertain"]),
    st.sampled_from([0.0, 0.0, 0.0, 0.4, 0.6, 1.0, 4.9]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_no_count_is_ever_exceeded_by_one(steps: List[Tuple[str, str, float]]) -> None:
    broker = Broker()
    for name, fate, seconds in steps:
        broker.wait, broker.fate = seconds, fate
        try:
            if name in ("order", "batch"):
                request = check_request(BANK, 1000, LimitOrderStyle(1.09))
                broker.account.submit_batch([request] * (3 if name == "batch" else 1))
            elif name == "cancel":
                broker.account.cancel_batch([order_id for _, order_id in broker.sent if order_id][:1])
            elif name == "sleep":
                broker.clock.sleep(seconds)
            elif name == "sync":
                broker.account.sync_orders()
            elif name == "jump":
                broker.clock.jump(-seconds)
            else:
                broker.start()
        except Death:
            broker.start()
        broker.check()
    broker.wait, broker.fate = 0.0, ""
    broker.clock.sleep(30)
    broker.account.sync_orders()
    _fill_the_day(broker)
    broker.check()


def _fill_the_day(broker: Broker) -> None:
    """What is not refused for good goes after a second."""
    value = 1090 * len({order_id for _, order_id in broker.sent if order_id})
    refused = broker.account.submit_batch([check_request(BANK, 1000, LimitOrderStyle(1.09))])[0] is None
    reasons = [order.err_msg for order in broker.account.orders() if "没有发出" in order.err_msg]
    if refused:
        assert "max_orders_per_day" in reasons[-1] or value + 1090 > VALUE, reasons[-1]


def test_a_batch_that_a_gate_sent_one_by_one_counts_as_sent_just_now_after_a_restart() -> None:
    broker = Broker()
    broker.wait = 4.9
    requests = [check_request(BANK, 1000, LimitOrderStyle(1.09))] * 3
    assert broker.account.submit_batch(requests)[:2] != [None, None]
    broker.start()
    broker.wait = 0.0
    assert broker.account.submit_batch(requests) == [None] * 3
    broker.clock.sleep(1)
    assert broker.account.submit_batch(requests).count(None) == 1


def test_an_order_counts_in_this_second_from_before_it_is_handed_over_until_it_is_back() -> None:
    clock = VirtualClock(NOW)
    counts = OrderCounts(clock)
    counts.count_order("1", 0)
    clock.sleep(60)  # the gate waits
    assert counts.in_last_second(1) == 1
    counts.restamp(["1"])
    clock.sleep(0.9)
    assert counts.in_last_second(1) == 1
    clock.sleep(0.1)
    assert counts.in_last_second(1) == 0


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_what_is_left_out_of_the_last_second_is_older(most: int) -> None:
    clock = VirtualClock(NOW)
    counts = OrderCounts(clock)
    moments: List[float] = []
    for number in range(200):
        if counts.in_last_second(most) < most:
            counts.count_order(str(number), 0)
            clock.sleep(0.03 * (number % 3))
            counts.restamp([str(number)])
            moments.append(clock.monotonic())
        clock.sleep(0.07 * (number % 5))
        recent = [moment for moment in moments if moment > clock.monotonic() - 1]
        assert counts.in_last_second(most) == len(recent) or max(counts.in_last_second(most), len(recent)) < most
    assert len(moments) > 20


def test_a_call_that_was_cut_short_leaves_nothing_on_its_way() -> None:
    clock = VirtualClock(NOW)
    counts = OrderCounts(clock)
    counts.count_order("1", 5)
    counts.count_cancels(2)
    clock.sleep(9)
    counts.forget_sums()
    assert (counts.in_last_second(3), counts.today(), counts.total()) == (3, 3, 5)
    clock.sleep(1)
    assert counts.in_last_second(3) == 0
