"""Orders that were not sent: the strategy hears of them at the next sync, get_tasks counts them, and no hook loops."""

import logging
import os
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any, List, Optional

import pytest
from strategy_files import Starter, at

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.journal_writer import JournalWriter
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.refusals import RefusedOrders
from jqtrade.account.request import check_request
from jqtrade.account.risk import RiskLimits
from jqtrade.errors import InvalidCall, OrderNotSent, OrderUncertain
from jqtrade.gates.options import strategy_options
from jqtrade.runtime.strategy import Progress
from jqtrade.testing import FakeBroker, VirtualClock

REFUSED = """
def on_order_update(context, update):
    seen.append((context.current_dt.strftime("%H:%M:%S"), update.status, update.err_msg[:5], update.order_id))

def buy(context):
    seen.append(order("000001.XSHE", 150, LimitOrderStyle(10)))

def process_initialize(context):
    run_daily(buy, "10:00:02")
"""

RETRYING = """
asked = []

def on_order_update(context, update):
    seen.append(update.order_id)
    if update.status == "rejected":
        for _ in range(2):
            asked.append(order("000001.XSHE", 150, LimitOrderStyle(10)))
        if SYNCS:
            sync_orders()

def buy(context):
    order("000001.XSHE", 150, LimitOrderStyle(10))

def process_initialize(context):
    run_daily(buy, "10:00:02")
"""


def test_the_hook_hears_of_a_refusal_at_the_next_sync_and_once(start: Starter) -> None:
    started = start(REFUSED, FakeBroker()).run(at(10, 0, 4))
    assert started.seen == [None], "never within order()"
    started.run(at(10, 1))
    (order,) = started.strategy.orders()
    assert started.seen == [None, ("10:00:05", "rejected", "没有发出：", order.order_id)]
    assert order.is_unsent


def test_the_strategys_own_sync_tells_of_it_too_and_the_regular_one_not_again(start: Starter) -> None:
    code = REFUSED.replace("LimitOrderStyle(10)))", "LimitOrderStyle(10)))\n    sync_orders()")
    started = start(code, FakeBroker()).run(at(10, 1))
    assert [entry and entry[0] for entry in started.seen] == [None, "10:00:02"]


@pytest.mark.parametrize("syncs", [False, True])
def test_a_hook_that_orders_again_and_is_refused_again_does_not_loop(start: Starter, syncs: bool) -> None:
    started = start(RETRYING.replace("SYNCS", str(syncs)), FakeBroker()).run(at(15))
    first, *others = started.strategy.orders()
    assert started.seen == [first.order_id]
    assert len(others) == 2, "what it was refused then it is not told of, but it is in get_orders"
    assert all(order.is_unsent for order in others)


def test_a_hook_that_orders_again_in_doubt_again_does_not_loop_either(start: Starter) -> None:
    methods: Any = {
        "order": lambda self, order: _raise(OrderUncertain("断线")),
        "was_sent": lambda self, order: False,
    }
    gate = type("Gate", (FakeBroker().gate_class,), methods)
    code = RETRYING.replace("SYNCS", "True").replace("150", "100")
    started = start(code, None, trade_gate=gate).run(at(10, 30))
    assert len(started.seen) == 1 and len(started.module.asked) == 2


def _raise(error: Exception) -> None:
    raise error


def test_an_answer_to_a_fill_that_is_refused_is_told(start: Starter) -> None:
    broker = FakeBroker()
    code = """
    def on_order_update(context, update):
        seen.append(update.status)
        if update.status == "filled":
            order("000001.XSHE", -150, LimitOrderStyle(10))

    def buy(context):
        order("000001.XSHE", 100, LimitOrderStyle(10))

    def process_initialize(context):
        run_daily(buy, "10:00:02")
    """
    started = start(code, broker).run(at(10, 0, 4))
    broker.report(broker.orders[0].order_id, "filled")
    started.run(at(10, 1))
    assert started.seen == ["filled", "rejected"]


def test_after_a_refusal_that_was_told_later_refusals_are_told_again(start: Starter) -> None:
    code = REFUSED.replace('run_daily(buy, "10:00:02")', 'run_daily(buy, "10:00:02")\n    run_daily(buy, "10:01:02")')
    started = start(code, FakeBroker()).run(at(10, 2))
    assert [entry[0] for entry in started.seen if entry] == ["10:00:05", "10:01:05"]


def test_refusals_of_process_initialize_are_told_at_the_first_sync(start: Starter) -> None:
    code = REFUSED.replace("    run_daily(buy", "    buy(context)\n    run_daily(buy")
    started = start(code, FakeBroker()).run(at(9, 1))
    assert [entry and entry[0] for entry in started.seen] == [None, "09:00:05"]


@pytest.fixture
def halted() -> List[bool]:
    return [False]


@pytest.fixture
def account(broker: FakeBroker, clock: VirtualClock, halted: List[bool]) -> Any:
    """An account whose gate and journal a test can spoil."""
    gate = broker.gate_class()
    gate.clock = clock
    gate.setup({})
    limits = RiskLimits(strategy_options().as_dict(), clock, lambda: halted[0])
    account = Account(gate, Journal(None), clock, limits)
    account.recover()
    account.sync_balance()
    yield account
    account.close()


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(at(10))


def ask(account: Account, amount: int = 100) -> Optional[str]:
    return account.submit_batch([check_request("000001.XSHE", amount, LimitOrderStyle(10))])[0]


def spoil_limits(account: Account, **_: Any) -> None:
    assert ask(account, 150) is None


def spoil_halt(account: Account, halted: List[bool], **_: Any) -> None:
    halted[0] = True
    assert ask(account) is None


def spoil_gate(account: Account, broker: FakeBroker, **_: Any) -> None:
    broker.error = OrderNotSent("磁盘已满")
    assert ask(account) is None
    broker.error = None


def spoil_journal(account: Account, monkeypatch: pytest.MonkeyPatch, **_: Any) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(JournalWriter, "record_intents", lambda *_: _raise(sqlite3.OperationalError("disk I/O error")))
        assert ask(account) is None


def spoil_waiting(account: Account, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, **_: Any) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(JournalWriter, "record_intents", lambda *_: clock.sleep(30))
        assert ask(account) is None


def spoil_midnight(account: Account, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, **_: Any) -> None:
    clock.jump(timedelta(hours=13, minutes=59, seconds=59).total_seconds())
    account.sync_balance()
    with monkeypatch.context() as patch:
        patch.setattr(JournalWriter, "record_intents", lambda *_: clock.sleep(2))
        assert ask(account) is None


def spoil_doubt(account: Account, broker: FakeBroker, **_: Any) -> None:
    broker.error = OrderUncertain("断线")
    assert ask(account) is not None
    broker.error = None
    assert ask(account) is None


def spoil_reading(account: Account, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, **_: Any) -> None:
    clock.jump(timedelta(days=1).total_seconds())
    monkeypatch.setattr(Journal, "load", lambda *_: _raise(sqlite3.OperationalError("disk I/O error")))
    assert ask(account) is None


SPOILERS = [
    spoil_limits,
    spoil_halt,
    spoil_gate,
    spoil_journal,
    spoil_waiting,
    spoil_midnight,
    spoil_doubt,
    spoil_reading,
]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_whatever_refuses_before_sending_is_told_at_the_next_sync_and_once(
    account: Account,
    broker: FakeBroker,
    clock: VirtualClock,
    halted: List[bool],
    monkeypatch: pytest.MonkeyPatch,
    spoil: Any,
) -> None:
    assert account.refused() is None
    spoil(account=account, broker=broker, clock=clock, halted=halted, monkeypatch=monkeypatch)
    told = account.sync_orders()
    assert [(order.status, order.is_unsent) for order in told] == [("rejected", True)]
    assert account.sync_orders() == []


def test_a_refusal_is_told_while_the_broker_is_silent(account: Account, broker: FakeBroker) -> None:
    spoil_limits(account)
    broker.error = OSError("gone")
    assert len(account.sync_orders()) == 1


def test_what_waited_for_a_sync_longer_than_a_day_is_not_told_and_not_kept(
    account: Account, clock: VirtualClock
) -> None:
    spoil_limits(account)
    for _ in range(2):
        clock.jump(24 * 3600)
        account.orders()
    assert not account.has_untold_refusals


def test_a_sync_that_was_cut_short_before_the_strategy_heard_tells_again(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil_limits(account)
    with monkeypatch.context() as patch:
        patch.setattr(account._today.refusals, "is_answer", lambda order: _raise(MemoryError()))
        with pytest.raises(MemoryError):
            account.sync_orders()
    assert len(account.sync_orders()) == 1
    assert account.sync_orders() == []


def test_the_day_is_counted_with_the_last_and_its_reason(account: Account, broker: FakeBroker) -> None:
    order_id = ask(account)
    assert order_id is not None
    spoil_limits(account)
    spoil_limits(account)
    assert account.refused() == RefusedOrders(at(10).date(), 2, 0, account.orders()[-1])
    broker.report(order_id, "rejected", err_msg="废单")
    account.sync_orders()
    refused = account.refused()
    assert refused is not None and (refused.unsent, refused.by_broker) == (2, 1)
    assert "lot_check" in refused.last.err_msg


def test_a_new_day_and_a_restart_count_right(broker: FakeBroker, clock: VirtualClock, tmp_path: Path) -> None:
    def open_one() -> Account:
        gate = broker.gate_class()
        gate.clock = clock
        gate.setup({})
        account = Account(gate, Journal(str(tmp_path / "a.db")), clock, RiskLimits(strategy_options().as_dict(), clock))
        account.recover()
        account.sync_balance()
        return account

    account = open_one()
    spoil_limits(account)
    account.close()
    account = open_one()
    refused = account.refused()
    assert refused is not None and refused.unsent == 1, "a restart forgets no refusal of today"
    assert account.sync_orders() == [], "but the strategy that heard of it was another run's"
    clock.jump(24 * 3600)
    account.sync_orders()
    assert account.refused() is None
    account.close()


def test_what_the_strategy_is_doing_says_what_was_refused(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    told: List[Progress] = []
    started = start(REFUSED, FakeBroker())
    started.strategy._on_progress = told.append
    started.run(at(10, 1))
    assert told[0].refused is None
    last = told[-1].refused
    assert last is not None and (last.unsent, last.day) == (1, at(10).date())


def test_orders_answers_in_the_strategys_thread_and_process_only(account: Account) -> None:
    said: List[str] = []

    def elsewhere() -> None:
        try:
            account.orders()
        except InvalidCall as error:
            said.append(str(error))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert said == ["账户只能在运行策略的线程里使用。没有查询订单"]
    assert account.orders() == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_orders_answers_no_forked_child(account: Account) -> None:
    child = os.fork()
    if child == 0:
        try:
            account.orders()
        except InvalidCall:
            os._exit(7)
        os._exit(0)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7
