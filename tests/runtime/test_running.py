"""A strategy's days: what jobs see, what their failures do, midnight."""

import logging
from datetime import datetime
from typing import Any, List

import pytest
from strategy_files import Starter, at

from jqtrade.clock import SystemClock, VirtualClock, parse_timezone
from jqtrade.errors import InvalidCall
from jqtrade.gates.options import strategy_options
from jqtrade.runtime.strategy import Progress, Strategy
from jqtrade.testing import FakeBroker

FAILING = """
def bad(context):
    amount = 0
    seen.append(context.strategy_dt)
    100 / amount

def good(context):
    seen.append(context.strategy_dt)

def process_initialize(context):
    run_daily(bad, "10:00")
    run_daily(good, "10:00")
"""


def progress_of(strategy: Any) -> Progress:
    progress: Progress = strategy._progress
    return progress


def test_an_exception_in_a_job_is_logged_with_its_traceback_and_counted_and_the_next_jobs_run(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    started = start(FAILING).run(at(12, day=6))
    assert started.seen == [at(10), at(10), at(10, day=6), at(10, day=6)]
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [record.getMessage()[:3] for record in errors] == ["bad", "bad"]
    assert "100 / amount" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "demo.py" in caplog.text
    progress = progress_of(started.strategy)
    assert (progress.jobs_run, progress.jobs_failed) == (4, 2)
    assert progress.last_error == "bad ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    "leave, words",
    [("import sys; sys.exit()", ""), ("import sys; sys.exit(3)", ""), ("raise SystemExit('够了')", "（够了）")],
)
def test_exit_in_a_job_stops_the_strategy(
    start: Starter, caplog: pytest.LogCaptureFixture, leave: str, words: str
) -> None:
    started = start(
        f"""
        def job(context):
            seen.append(context.strategy_dt)
            {leave}

        def later(context):
            seen.append("later")

        def process_initialize(context):
            run_daily(job, "10:00")
            run_daily(later, "10:00")
        """
    ).run(at(12))
    assert started.seen == [at(10)]
    assert progress_of(started.strategy).jobs_failed == 0
    assert f"job 调用了退出{words}，任务将停止" in caplog.text


def test_in_two_days_every_minute_is_called_484_times_and_get_orders_holds_the_orders_of_today_only(
    start: Starter,
) -> None:
    broker = FakeBroker()
    started = start(
        """
        minutes = []

        def minute(context):
            minutes.append(context.strategy_dt)

        def buy(context):
            order("000001.XSHE", 100, LimitOrderStyle(10))
            seen.append([o.create_time for o in get_orders()])

        def process_initialize(context):
            run_daily(minute, "every_minute")
            run_daily(buy, "10:00")
            run_daily(buy, "14:00")
            run_daily(lambda context: seen.append(len(get_orders())), "23:59:59")
            run_daily(lambda context: seen.append(len(get_orders())), "00:00:00")
        """,
        broker,
    ).run(at(23, 59, 59, day=6))
    assert len(started.module.minutes) == len(set(started.module.minutes)) == 2 * 242
    assert started.seen == [
        [at(10)],
        [at(10), at(14)],
        2,
        0,
        [at(10, day=6)],
        [at(10, day=6), at(14, day=6)],
        2,
    ]
    assert len(broker.orders) == 4


def test_syncing_goes_on_at_night_and_keeps_to_the_sync_period_when_there_is_one(
    start: Starter, gate_calls: List[Any]
) -> None:
    code = "def process_initialize(context):\n    set_options({})\n    run_daily(lambda context: None, 'open')\n"
    gate = "trade_gate='sample_gates.RecordingGate', sync_internal=60"
    start(code.format(gate)).run(at(10))
    assert [name for name, _ in gate_calls].count("sync_orders") == 1 + 60
    gate_calls.clear()
    start(code.format(gate + ", sync_period=[('09:30:00', '09:40:00')]")).run(at(10))
    assert [name for name, _ in gate_calls].count("sync_orders") == 1 + 11


@pytest.mark.parametrize(
    "option, expected",
    [("sync_balance", {"sync_orders"}), ("sync_order", {"sync_balance"}), ("", {"sync_orders", "sync_balance"})],
)
def test_of_the_regular_syncs_each_can_be_switched_off(
    start: Starter, gate_calls: List[Any], option: str, expected: Any
) -> None:
    options = {option: False} if option else {}
    started = start("def process_initialize(context): pass", trade_gate="sample_gates.RecordingGate", **options)
    gate_calls.clear()
    started.run(at(9, 0, 5))
    assert {name for name, _ in gate_calls} == expected


def test_strategy_dt_is_the_due_time_and_current_dt_the_time_now(start: Starter) -> None:
    started = start(
        """
        def slow(context):
            clock.sleep(125)
            seen.append((context.strategy_dt, context.current_dt))

        def process_initialize(context):
            seen.append((context.strategy_dt, context.current_dt))
            run_daily(slow, "10:00")
            run_daily(slow, "10:01")
        """
    ).run(at(12))
    assert started.seen == [(at(9), at(9)), (at(10), at(10, 2, 5)), (at(10, 1), at(10, 4, 10))]


def test_the_grace_time_is_the_options(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    code = """
        def sleep(context):
            clock.jump(90)

        def process_initialize(context):
            {}
            run_daily(sleep, "09:59:50")
            run_daily(lambda context: seen.append(context.strategy_dt), "10:00")
        """
    assert start(code.format("pass")).run(at(12)).seen == []
    assert "没有运行" in caplog.text
    caplog.clear()
    assert start(code.format("set_options(misfire_grace_time=120)")).run(at(12)).seen == [at(10)]
    assert "没有运行" not in caplog.text


def test_the_strategys_minutes_that_piled_up_run_once(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    started = start(
        """
        def minute(context):
            seen.append(context.strategy_dt)
            if len(seen) == 1:
                clock.sleep(600)

        def process_initialize(context):
            run_daily(minute, "every_minute")
        """
    ).run(at(9, 41))
    assert started.seen == [at(9, 30), at(9, 40), at(9, 41)]
    assert "minute 积压了 10 次" in caplog.text


@pytest.mark.parametrize("zone", ["+08:00", "-05:00", "UTC", "Asia/Tokyo"])
def test_current_dt_is_in_the_strategys_time_zone(start: Starter, zone: str) -> None:
    started = start(
        f"""
        def process_initialize(context):
            set_options(timezone={zone!r})
            run_daily(print, "open")
            seen.append(context.current_dt)
        """,
        clock=SystemClock(),
    )
    expected = datetime.now(parse_timezone(zone)).replace(tzinfo=None)
    assert abs((started.seen[0] - expected).total_seconds()) < 30
    assert started.seen[0].tzinfo is None
    assert started.strategy.options["timezone"] is not None


def test_progress_tells_what_runs_now_and_what_comes_next(start: Starter) -> None:
    path = start.write(
        "demo.py",
        """
        def morning(context): pass
        def evening(context): pass

        def process_initialize(context):
            run_daily(morning, "10:00")
            run_daily(evening, "15:00")
        """,
    )
    told: List[Progress] = []
    strategy = Strategy("demo", str(path), VirtualClock(at(9)), strategy_options(), on_progress=told.append)
    strategy.start()
    strategy.run(at(12))
    strategy.close()
    assert [(progress.current_job, progress.next_job, progress.next_time, progress.jobs_run) for progress in told] == [
        (None, "morning", at(10), 0),
        ("morning", "evening", at(15), 0),
        (None, "evening", at(15), 1),
    ]
    assert told[1].since == at(10)


def test_run_before_start_raises_invalid_call(start: Starter) -> None:
    path = start.write("demo.py", "def process_initialize(context): run_daily(print, 'open')\n")
    with pytest.raises(InvalidCall):
        Strategy("demo", str(path), VirtualClock(at(9)), strategy_options()).run(at(10))


def test_a_strategy_may_keep_attributes_of_its_own_on_the_context(start: Starter) -> None:
    started = start(
        """
        def process_initialize(context):
            context.count = 41
            run_daily(job, "10:00")

        def job(context):
            context.count += 1
            seen.append(context.count)
        """
    )
    assert started.run(at(12)).seen == [42]


def test_two_strategies_in_one_process_do_not_know_each_other(start: Starter) -> None:
    brokers = [FakeBroker(cash=1.0), FakeBroker(cash=2.0)]
    started = []
    for index, broker in enumerate(brokers):
        code = f"""
        def job(context):
            order("00000{index}.XSHE", 100, LimitOrderStyle(1))
            seen.append((context.portfolio.total_assert, len(get_orders())))

        def process_initialize(context):
            set_options(runtime_dir={str(start.folder / str(index))!r})
            run_daily(job, "10:00")
        """
        started.append(start(code, broker))
    for strategy in started:
        strategy.run(at(12))
    assert [strategy.seen for strategy in started] == [[(1.0, 1)], [(2.0, 1)]]
    assert [[order.code for order in broker.orders] for broker in brokers] == [["000000.XSHE"], ["000001.XSHE"]]


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
