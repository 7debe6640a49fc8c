"""The optional functions of a strategy: on_order_update and process_exit."""

import logging
import sys
from typing import Any, List

import pytest
from strategy_files import Starter, at

from jqtrade.account.order import OrderStatus
from jqtrade.errors import StrategyError
from jqtrade.testing import FakeBroker, order_report

BUYING = """
orders = []

def on_order_update(context, order):
    seen.append((order.order_id, order.status, order.filled_amount))
    orders.append(order)

def buy(context):
    order("000001.XSHE", 200, LimitOrderStyle(10))

def process_initialize(context):
    run_daily(buy, "10:00")
"""


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def test_a_sync_that_changed_an_order_calls_on_order_update_once_for_each_change(start: Starter) -> None:
    broker = FakeBroker()
    started = start(BUYING, broker).run(at(10))
    (sent,) = broker.orders
    assert started.seen == []
    broker.report(sent.order_id, "open")
    started.run(at(10, 0, 10))
    broker.report(sent.order_id, "open")
    started.run(at(10, 0, 20))
    broker.report(sent.order_id, "filling", filled_amount=100, avg_cost=9.9, deal_balance=990.0)
    started.run(at(10, 0, 30))
    broker.report(sent.order_id, "filled")
    broker.report(sent.order_id, "filled")
    started.run(at(10, 0, 40))
    order_id = sent.order_id
    assert started.seen == [(order_id, "open", 0), (order_id, "filling", 100), (order_id, "filled", 200)]


def test_several_changes_in_one_sync_are_one_call_with_the_newest_state(start: Starter) -> None:
    broker = FakeBroker()
    started = start(BUYING, broker).run(at(10))
    (sent,) = broker.orders
    broker.report(sent.order_id, "open")
    broker.report(sent.order_id, "filled")
    started.run(at(10, 0, 10))
    assert started.seen == [(sent.order_id, "filled", 200)]


def test_the_order_that_the_hook_gets_is_a_snapshot(start: Starter) -> None:
    broker = FakeBroker()
    started = start(BUYING, broker).run(at(10))
    (sent,) = broker.orders
    for status in ("open", "filled"):
        broker.report(sent.order_id, status)
        started.run(at(10, 0, 10 if status == "open" else 20))
    assert [order.status for order in started.module.orders] == [OrderStatus.open, OrderStatus.filled]


def test_foreign_orders_do_not_reach_the_hook(start: Starter) -> None:
    broker = FakeBroker()
    started = start(BUYING, broker).run(at(10))
    (sent,) = broker.orders
    broker.report_raw(dict(order_report(sent, "open"), order_id="1"))
    started.run(at(10, 0, 10))
    assert started.seen == []


def test_the_strategys_own_sync_delivers_before_it_returns_and_not_again(start: Starter) -> None:
    broker = FakeBroker()
    started = start(
        BUYING
        + """
def look(context):
    seen.append("before")
    sync_orders()
    seen.append("after")

_initialize = process_initialize

def process_initialize(context):
    _initialize(context)
    run_daily(look, "10:00:01")
""",
        broker,
    ).run(at(10))
    (sent,) = broker.orders
    broker.report(sent.order_id, "open")
    started.run(at(10, 0, 20))
    assert started.seen == ["before", (sent.order_id, "open", 0), "after"]


def test_changes_during_process_initialize_are_delivered_after_it(
    start: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = FakeBroker()
    monkeypatch.setattr(start, "broker", broker, raising=False)
    monkeypatch.setitem(sys.modules, "test_bench", start)  # for the strategy to import
    started = start(
        """
        def on_order_update(context, order):
            seen.append((order.status, context.ready))

        def process_initialize(context):
            context.ready = False
            from test_bench import broker
            order_id = order("000001.XSHE", 100, LimitOrderStyle(10))
            broker.report(order_id, "open")
            sync_orders()
            seen.append("initialized")
            run_daily(print, "15:00")
            context.ready = True
        """,
        broker,
    )
    assert started.seen == ["initialized"]
    started.run(at(9))  # before the first regular sync
    assert started.seen == ["initialized", ("open", True)]


def test_an_exception_in_on_order_update_is_logged_and_counted_and_the_other_orders_follow(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    broker = FakeBroker()
    started = start(
        """
        def on_order_update(context, order):
            seen.append(order.code)
            raise KeyError("没有准备好")

        def buy(context):
            order("000001.XSHE", 100, LimitOrderStyle(10))
            order("000002.XSHE", 100, LimitOrderStyle(10))

        def process_initialize(context):
            run_daily(buy, "10:00")
        """,
        broker,
    ).run(at(10))
    told = started.told()
    for sent in broker.orders:
        broker.report(sent.order_id, "open")
    started.run(at(10, 0, 20))
    assert started.seen == ["000001.XSHE", "000002.XSHE"]
    assert caplog.text.count("Traceback") == 2
    assert "没有准备好" in caplog.text
    assert told[-1]["jobs_failed"] == 2
    assert told[-1]["last_error"] == "on_order_update KeyError: '没有准备好'"


def test_a_strategy_without_hooks_lives_through_changes_and_the_stop(start: Starter) -> None:
    broker = FakeBroker()
    started = start(BUYING.replace("on_order_update", "unrelated"), broker).run(at(10))
    broker.report(broker.orders[0].order_id, "filled")
    started.run(at(11)).strategy.stop()
    assert started.seen == []


EXITING = """
def process_exit(context):
    seen.append(("exit", context.strategy_dt, context.portfolio.total_assert, len(get_orders())))
    log.info("bye")
    {}

def process_initialize(context):
    run_daily(lambda context: None, "10:00")
"""


def test_process_exit_is_called_once_on_stop_with_the_account_still_there(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    started = start(EXITING.format("pass"), FakeBroker(cash=7.0)).run(at(12))
    assert started.seen == []
    started.strategy.stop()
    assert started.seen == [("exit", started.clock.now(), 7.0, 0)]
    assert "bye" in caplog.text


@pytest.mark.parametrize("trouble", ["1 / 0", "raise SystemExit(3)"])
def test_trouble_in_process_exit_does_not_stop_the_stop(
    start: Starter, gate_calls: List[Any], caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    started = start(EXITING.format(trouble), trade_gate="sample_gates.RecordingGate")
    started.strategy.stop()
    assert gate_calls[-1][0] == "close"
    assert ("ZeroDivisionError" in caplog.text) == (trouble == "1 / 0")


def test_process_exit_is_called_after_exit_in_a_job(start: Starter) -> None:
    code = "import sys\n" + EXITING.format("pass").replace("lambda context: None", "lambda context: sys.exit()")
    started = start(code, FakeBroker()).run(at(12))
    started.strategy.stop()
    assert [entry[0] for entry in started.seen] == ["exit"]


def test_stop_closes_the_gate_after_process_exit(start: Starter, gate_calls: List[Any]) -> None:
    start(EXITING.format("sync_balance()"), trade_gate="sample_gates.RecordingGate").strategy.stop()
    assert [name for name, _ in gate_calls][-2:] == ["sync_balance", "close"]


def test_run_daily_is_not_possible_in_a_hook(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    start(EXITING.format("run_daily(print, 'open')"), FakeBroker()).strategy.stop()
    assert "InvalidCall" in caplog.text


def test_process_exit_is_not_called_when_the_start_failed(start: Starter) -> None:
    with pytest.raises(StrategyError):
        start("def process_exit(context): raise AssertionError\ndef process_initialize(context): pass")


def test_exit_in_the_hook_ends_the_job_whose_sync_called_it_too(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    broker = FakeBroker()
    source = BUYING.replace("    orders.append(order)", "    exit(4)").replace(
        "LimitOrderStyle(10))", "LimitOrderStyle(10))\n    report()\n    sync_orders()\n    seen.append('after')"
    )
    started = start(source, broker)
    started.module.report = lambda: broker.report(broker.orders[0].order_id, "open")
    started.run(at(11))
    assert [entry[1] for entry in started.seen] == ["open"]
    assert started.strategy.exit_code == 4
    assert [text for text in caplog.messages if "调用了退出" in text] == ["on_order_update 调用了退出，任务将停止"]


def test_a_strategy_that_exits_in_its_hook_hears_of_nothing_more(start: Starter) -> None:
    broker = FakeBroker()
    source = BUYING.replace("    orders.append(order)", "    exit()").replace(
        '    order("000001.XSHE", 200, LimitOrderStyle(10))',
        '    for code in ("000001.XSHE", "000002.XSHE"):\n        order(code, 200, LimitOrderStyle(10))',
    )
    started = start(source, broker).run(at(10))
    first, second = [order.order_id for order in broker.orders]
    for order_id in (first, second):
        broker.report(order_id, "open")
    started.run(at(10, 0, 6))
    broker.report(second, "filled")
    started.strategy.sync()
    started.run(at(11))
    assert started.seen == [(first, "open", 0)]


def test_exit_in_the_hook_does_not_cut_process_exit_short(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    broker = FakeBroker()
    source = BUYING.replace("    orders.append(order)", "    exit(7)") + (
        "\ndef process_exit(context):\n    sync_orders()\n    seen.append('tidied up')\n"
    )
    started = start(source, broker).run(at(10))
    broker.report(broker.orders[0].order_id, "open")
    started.strategy.stop()
    assert started.seen[1:] == ["tidied up"]
    assert (started.strategy.exit_code, caplog.text.count("调用了退出")) == (7, 1)


def test_each_request_to_exit_is_logged_and_the_last_one_gives_the_exit_code(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    code = EXITING.format("raise SystemExit('cannot tidy up')").replace(
        "lambda context: None", "lambda context: exit(3)"
    )
    started = start(code, FakeBroker()).run(at(12))
    assert started.strategy.exit_code == 3
    started.strategy.stop()
    assert started.strategy.exit_code == 1
    assert caplog.text.count("调用了退出") == 2 and "process_exit 调用了退出（cannot tidy up）" in caplog.text
