"""Orders beside snapshots that do not know them yet: never sold or spent twice, and never held back for long."""

from datetime import datetime, timedelta
from typing import List, Tuple

import pytest
from broker_files import make_order
from hypothesis import given, settings
from hypothesis import strategies as st
from model_terminal import MILLION, ModelGate, ModelTerminal
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal, RecordedOrder
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.errors import InvalidOrder
from jqtrade.market.boards import purchase_fees
from jqtrade.testing import VirtualClock

NOW = datetime(2026, 1, 5, 10, 0)
HELD = {"600000.XSHG": 800, "000001.XSHE": 300}
CODES = list(HELD)
QUIET = 12
"""seconds after which everything that is there can be sold and spent"""


class Desk:
    """An account at the model terminal."""

    def __init__(self) -> None:
        self.clock = VirtualClock(NOW)
        self.terminal = ModelTerminal(self.clock, dict(HELD), 20000 * MILLION)
        self.journal = Journal(None)
        self.restart()

    def restart(self) -> None:
        gate = ModelGate()
        gate.terminal = self.terminal
        gate.clock = self.clock
        limits = no_limits(self.clock, sell_check=True, cash_check=True)
        self.account = Account(gate, self.journal, self.clock, limits)
        self.account.recover()
        self.account.sync_balance()

    def order(self, code: str, amount: int, price: float = 10.0) -> bool:
        return self.account.submit_batch([check_request(code, amount, LimitOrderStyle(price))])[0] is not None

    def sync(self) -> None:
        self.account.sync_orders()
        self.account.sync_balance()

    def tick(self, seconds: float, age: float = 0.0) -> None:
        """Time goes by, the terminal reads and writes, we read."""
        self.clock.sleep(seconds)
        self.terminal.read_orders()
        self.terminal.write(age)
        self.sync()


STEPS = st.tuples(
    st.sampled_from(
        "sell sell buy buy read read fill fill cancel late write write write sync sync sync sleep sleep restart".split()
    ),
    st.integers(0, 7),
    st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.8, 1.0]),
)


def play(desk: Desk, steps: List[Tuple[str, int, float]]) -> None:
    terminal = desk.terminal
    for name, number, share in steps:
        code = CODES[number % 2]
        if name == "sell":
            desk.order(code, -max(1, int(share * HELD[code])))
        elif name == "buy":
            desk.order(code, max(1, int(share * 1999)))
        elif name == "read":
            terminal.read_orders()
        elif name == "fill":
            terminal.fill(number, share)
        elif name == "cancel":
            terminal.cancel(number)
        elif name == "late":
            terminal.fill_late(number)
            desk.sync()  # before, nobody can know of it
        elif name == "write":
            terminal.write(5 * share)
        elif name == "sync":
            desk.sync()
        elif name == "sleep":
            desk.clock.sleep(number * share)
        elif name == "restart":
            desk.restart()
        elif name == "jump":
            desk.clock.jump((-1) ** number * 3 * 10**number * share)
            desk.account.sync_balance()
        desk.clock.sleep(0.01)
        assert terminal.refused == [], (name, number, share)
    terminal.read_orders()
    assert terminal.refused == []


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_nothing_is_sold_or_spent_twice_and_after_a_quiet_while_everything_is_free(
    steps: List[Tuple[str, int, float]],
) -> None:
    desk = Desk()
    play(desk, steps)
    desk.sync()
    for _ in range(QUIET):
        desk.tick(1, age=5)
    for code in CODES:
        held = desk.terminal.shares(code)
        assert not desk.order(code, -held - 1)
        assert held == 0 or desk.order(code, -held)
    spent = desk.terminal.cash()
    shares = next(n for n in range(spent // (10 * MILLION), -1, -1) if _cost(n) <= spent)
    assert not desk.order("600000.XSHG", shares + 1)
    assert shares == 0 or desk.order("600000.XSHG", shares)
    desk.terminal.read_orders()
    assert desk.terminal.refused == []


def _cost(shares: int) -> int:
    value = 10 * MILLION * shares
    return value + purchase_fees("600000.XSHG", value) if shares else 0


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(STEPS, st.tuples(st.just("jump"), st.integers(0, 3), st.just(1.0))), max_size=40))
def test_a_clock_that_is_set_makes_us_more_careful_only(steps: List[Tuple[str, int, float]]) -> None:
    play(Desk(), steps)


def test_a_snapshot_written_before_the_terminal_read_our_row_frees_nothing() -> None:
    desk = Desk()
    assert desk.order("600000.XSHG", -800)
    desk.terminal.write(0)
    desk.tick(0.4, age=5)  # it has read the row and confirmed it, and writes figures of before
    assert not desk.order("600000.XSHG", -100)
    for _ in range(5):
        desk.tick(1, age=5)
        assert not desk.order("600000.XSHG", -100)


def test_the_second_half_of_a_holding_can_be_sold_while_snapshots_may_know_of_the_first() -> None:
    desk = Desk()
    assert desk.order("600000.XSHG", -400)
    desk.tick(0.5)
    for _ in range(4):
        desk.tick(1)
        assert not desk.order("600000.XSHG", -401)
    assert desk.order("600000.XSHG", -400)


def test_a_holding_that_others_sold_meanwhile_is_not_counted_from_an_older_snapshot() -> None:
    desk = Desk()
    assert desk.order("600000.XSHG", -100)
    desk.terminal.start_shares["600000.XSHG"] = 500  # somebody sold 300 by hand
    desk.tick(1)
    assert not desk.order("600000.XSHG", -401)


def test_a_snapshot_dated_in_the_future_knows_nothing() -> None:
    desk = Desk()
    assert desk.order("600000.XSHG", -800)
    desk.tick(1)
    desk.clock.sleep(3)
    desk.terminal.write(5, written=desk.clock.now() + timedelta(hours=1))
    desk.sync()
    assert not desk.order("600000.XSHG", -100)
    desk.clock.sleep(7200)
    desk.sync()
    assert not desk.order("600000.XSHG", -100)


@pytest.mark.parametrize("jump", [-90, -4.5, 3, 90])
@pytest.mark.parametrize("is_before_writing", [True, False])
def test_a_clock_set_after_the_event_settles_nothing(jump: float, is_before_writing: bool) -> None:
    desk = Desk()
    assert desk.order("600000.XSHG", -800)
    desk.clock.sleep(0.5)
    desk.terminal.read_orders()
    desk.sync()
    desk.clock.jump(jump * is_before_writing)
    desk.clock.sleep(2)
    desk.terminal.write(5)
    desk.clock.jump(jump * (not is_before_writing))
    desk.clock.sleep(6)
    desk.sync()
    assert not desk.order("600000.XSHG", -100)


def test_a_fill_told_after_the_cancel_counts_again() -> None:
    desk = Desk()
    assert desk.order("600000.XSHG", -400)
    for _ in range(10):
        desk.tick(1)
    desk.terminal.cancel(0)
    desk.tick(1)
    desk.terminal.fill_late(0)
    desk.sync()
    assert not desk.order("600000.XSHG", -401)
    assert desk.order("600000.XSHG", -400)


def test_a_fill_told_after_the_cancel_counts_again_while_another_order_is_in_flight() -> None:
    desk = Desk()
    assert desk.order("600000.XSHG", -200)
    for _ in range(6):
        desk.tick(1)
    assert desk.order("600000.XSHG", -100)
    for _ in range(3):
        desk.tick(1)
    desk.terminal.cancel(0)
    desk.tick(1)
    desk.terminal.fill_late(0)
    desk.sync()
    assert not desk.order("600000.XSHG", -501)
    assert desk.order("600000.XSHG", -500)


def test_what_sales_brought_can_be_spent_though_other_buys_are_in_flight() -> None:
    desk = Desk()
    assert desk.order("000001.XSHE", 1000)
    assert desk.order("600000.XSHG", -400)
    for _ in range(4):
        desk.tick(1)
    desk.terminal.fill(1, 1.0)
    assert desk.order("000001.XSHE", 100)
    for _ in range(4):
        desk.tick(1)
    assert desk.order("000001.XSHE", 1100)


def test_shares_that_a_cancel_gives_back_are_free_with_the_first_snapshot_that_has_them() -> None:
    desk = Desk()
    assert desk.order("600000.XSHG", -800)
    for _ in range(10):
        desk.tick(1)
    desk.terminal.cancel(0)
    desk.tick(1)
    assert desk.order("600000.XSHG", -800)


def test_a_task_that_never_pauses_forgets_what_is_settled() -> None:
    desk = Desk()
    desk.terminal.start_cash = 10**9 * MILLION
    desk.tick(1)
    in_flight = desk.account._limits._day.in_flight
    for _ in range(30):
        for _ in range(50):
            assert desk.order("600000.XSHG", 100)
        desk.tick(1, age=5)
    figures = in_flight._figures.values()
    assert sum(len(found.entries) for found in figures) < 1000
    for _ in range(QUIET):
        desk.tick(1, age=5)
    assert not in_flight._figures


def test_an_order_that_may_be_ours_counts_after_a_restart_until_a_snapshot_must_know_of_it() -> None:
    desk = Desk()
    limits, held = no_limits(desk.clock, sell_check=True), desk.account.portfolio
    before = make_order("77", "600000.XSHG", -300, create_time=NOW)
    limits.start_day({}, [RecordedOrder(before, 3000.0, True, None)])
    limits.forget_sums()  # nor does a call that was cut short forget it
    for second in range(7):
        with pytest.raises(InvalidOrder):
            limits.check(make_order("78", "600000.XSHG", -501, create_time=NOW), held, NOW)
        limits.check(make_order("78", "600000.XSHG", -500, create_time=NOW), held, NOW)
        limits.take_snapshot(held, NOW + timedelta(seconds=second))
        desk.clock.sleep(1)
    limits.check(make_order("78", "600000.XSHG", -800, create_time=NOW), held, NOW)


def test_after_a_restart_the_journal_says_when_the_broker_was_last_heard() -> None:
    desk = Desk()
    assert desk.order("600000.XSHG", -300)
    for _ in range(10):
        desk.tick(1)
    desk.restart()
    assert desk.order("600000.XSHG", -500)
