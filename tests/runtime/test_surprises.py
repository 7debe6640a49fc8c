"""What a user would not expect, and what happens instead."""

import sys
import time
from datetime import datetime, timedelta

import pytest

from jqtrade.clock import VirtualClock
from jqtrade.errors import InvalidCall, InvalidParam, StrategyError
from jqtrade.testing import FakeBroker


def test_a_job_that_came_due_while_process_initialize_ran_is_run_late(start) -> None:
    clock = VirtualClock(datetime(2026, 1, 5, 9, 29, 50))
    code = """
        clock = None
        def process_initialize(context):
            run_daily(job, "09:30:00")
            context._clock.sleep(20)
        def job(context):
            seen.append((context.strategy_dt.second, context.current_dt.second))
    """
    started = start(code, clock=clock).run(datetime(2026, 1, 5, 9, 31))
    assert started.seen == [(0, 10)]


def test_an_async_function_is_refused_since_nobody_would_run_it(start) -> None:
    code = "async def job(context): pass\ndef process_initialize(context): run_daily(job, 'open')\n"
    with pytest.raises(InvalidParam, match="async"):
        start(code)


def test_a_helper_module_may_be_called_strategy(start, monkeypatch) -> None:
    monkeypatch.delitem(sys.modules, "strategy", raising=False)
    start.write("strategy.py", "answer = 42\n")
    code = "import strategy\nseen.append(strategy.answer)\ndef process_initialize(context): run_daily(print, 'open')\n"
    assert start(code).seen == [42]


def test_a_strategy_file_does_not_take_the_name_of_a_module_of_python(start) -> None:
    import calendar

    path = start.write("calendar.py", "seen = []\ndef process_initialize(context): run_daily(seen.append, 'open')\n")
    start.path(path)
    import calendar as again

    assert again is calendar


def test_use_account_comes_too_late_once_the_account_is_there(start) -> None:
    code = """
        def process_initialize(context):
            context.portfolio
            set_options(use_account=False)
    """
    with pytest.raises(InvalidCall, match="use_account"):
        start(code, FakeBroker(), account_no="1234567")


def test_a_strategy_with_nothing_to_do_is_not_started(start) -> None:
    with pytest.raises(StrategyError, match="没有可做的事"):
        start("def process_initialize(context): pass\n")
    with pytest.raises(StrategyError, match="没有可做的事"):
        start("def process_initialize(context): pass\n", FakeBroker(), sync_balance=False, sync_order=False)


def test_what_is_no_exception_in_the_narrow_sense_does_not_end_the_task_either(start, caplog) -> None:
    code = """
        def process_initialize(context):
            run_daily(cancelled, "09:30:00")
            run_daily(seen.append, "09:31:00")
        def cancelled(context):
            raise GeneratorExit("as asyncio.CancelledError and PanicException are")
    """
    assert len(start(code).run(datetime(2026, 1, 5, 9, 32)).seen) == 1
    assert "cancelled 运行出错" in caplog.text


def test_a_clock_that_jumps_by_years_does_not_hang_the_sync(start) -> None:
    clock = VirtualClock(datetime(2000, 1, 1))
    started = start("def process_initialize(context): run_daily(seen.append, 'open')\n", FakeBroker(), clock)
    began = time.monotonic()
    clock.jump(26 * 365 * 24 * 3600)
    started.run(clock.now() + timedelta(minutes=1))
    assert time.monotonic() - began < 5
