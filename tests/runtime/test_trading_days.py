"""The option trading_days: on which days jobs run and the account is synced, and what the log says of the others."""

import logging
from datetime import date, datetime
from pathlib import Path
from typing import List

import pytest
from strategy_files import Starter

from jqtrade.cli.tasks import _task_text
from jqtrade.errors import InvalidParam
from jqtrade.gates.options import strategy_options
from jqtrade.market.calendar import GivenDays
from jqtrade.runtime.strategy import Progress, Strategy
from jqtrade.tasks.record import TaskInfo
from jqtrade.testing import FakeBroker, VirtualClock

FRIDAY = datetime(2026, 2, 13, 8)
"""The last trading day before the Spring Festival; the next one is the 24th."""

DAILY = """
def process_initialize(context):
    set_options(trading_days="XSHG")
    run_daily(job, "10:00")

def job(context):
    seen.append(context.strategy_dt)
"""


def lines(caplog: pytest.LogCaptureFixture, part: str) -> List[str]:
    return [record.getMessage() for record in caplog.records if part in record.getMessage()]


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_by_default_jobs_run_every_day(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    started = start(DAILY.replace('"XSHG"', '"all"'), clock=VirtualClock(FRIDAY)).run(datetime(2026, 2, 17))
    assert [moment.day for moment in started.seen] == [13, 14, 15, 16]
    assert not lines(caplog, "休市")


def test_on_other_days_no_job_runs(start: Starter) -> None:
    started = start(DAILY, clock=VirtualClock(FRIDAY)).run(datetime(2026, 2, 26))
    assert [moment.day for moment in started.seen] == [13, 24, 25]


def test_every_minute_rests_too(start: Starter) -> None:
    code = DAILY.replace('"10:00"', '"every_minute"')
    started = start(code, clock=VirtualClock(FRIDAY)).run(datetime(2026, 2, 25))
    assert len(started.seen) == 2 * 242
    assert {moment.day for moment in started.seen} == {13, 24}


def test_the_log_says_once_which_day_comes_next(start: Starter, caplog: pytest.LogCaptureFixture) -> None:
    started = start(DAILY.replace('"10:00"', '"every_minute"'), clock=VirtualClock(FRIDAY))
    assert not lines(caplog, "休市")
    started.run(datetime(2026, 2, 25))
    (said,) = lines(caplog, "休市")
    assert "2026-02-24（星期二）" in said


@pytest.mark.parametrize("day", [14, 20, 23])
def test_a_start_on_a_closed_day_says_so_at_once(start: Starter, caplog: pytest.LogCaptureFixture, day: int) -> None:
    start(DAILY, clock=VirtualClock(datetime(2026, 2, day, 12)))
    (said,) = lines(caplog, "休市")
    assert "2026-02-24（星期二）" in said


def test_the_account_is_synced_at_the_start_and_on_trading_days_only(start: Starter) -> None:
    code = """
    def process_initialize(context):
        set_options(trading_days="XSHG", sync_internal=3600)
        run_daily(job, "10:00")

    def job(context):
        pass
    """
    broker = FakeBroker()
    days: List[date] = []
    clock = VirtualClock(datetime(2026, 2, 13, 20))
    take_reports = broker.take_reports
    broker.take_reports = lambda: days.append(clock.now().date()) or take_reports()  # type: ignore
    started = start(code, broker, clock)
    started.run(datetime(2026, 2, 24, 3))
    assert [(day, days.count(day)) for day in sorted(set(days))] == [
        (date(2026, 2, 13), 4),
        (date(2026, 2, 24), 3),
    ]


def test_get_tasks_shows_the_next_real_run(start: Starter) -> None:
    told: List[Progress] = []
    path = start.write("demo.py", "seen = []\n" + DAILY)
    strategy = Strategy("demo", str(path), VirtualClock(FRIDAY), strategy_options(), on_progress=told.append)
    strategy.start()
    strategy.run(datetime(2026, 2, 14))
    strategy.close()
    assert [progress.next_time for progress in (told[0], told[-1])] == [
        datetime(2026, 2, 13, 10),
        datetime(2026, 2, 24, 10),
    ]
    assert told[-1].calendar_ends is None


def test_the_users_holidays_count(start: Starter, jqtrade_home: Path) -> None:
    jqtrade_home.mkdir()
    (jqtrade_home / "holidays.csv").write_text("date,open\n2026-02-24,0\n")
    started = start(DAILY, clock=VirtualClock(FRIDAY)).run(datetime(2026, 2, 26))
    assert [moment.day for moment in started.seen] == [13, 25]


def test_a_bad_file_of_holidays_ends_the_start(start: Starter, jqtrade_home: Path) -> None:
    jqtrade_home.mkdir()
    (jqtrade_home / "holidays.csv").write_text("tomorrow\n")
    with pytest.raises(InvalidParam, match="第 1 行"):
        start(DAILY)
    assert start(DAILY.replace('"XSHG"', '"all"')).run(datetime(2026, 1, 6)).seen  # nobody reads it then


def test_days_may_be_given_in_place_of_the_exchanges_and_end(start: Starter) -> None:
    path = start.write("demo.py", "seen = []\n" + DAILY)
    days = GivenDays([date(2026, 2, 14), date(2026, 2, 16)])
    strategy = Strategy("demo", str(path), VirtualClock(FRIDAY), strategy_options(), trading_days=days)
    strategy.start()
    strategy.run()  # returns when no day is left
    strategy.close()
    assert strategy.module is not None
    assert [moment.day for moment in strategy.module.seen] == [14, 16]


def test_the_option_decides_also_where_days_are_given(start: Starter) -> None:
    path = start.write("demo.py", "seen = []\n" + DAILY.replace('"XSHG"', '"all"'))
    strategy = Strategy("demo", str(path), VirtualClock(FRIDAY), strategy_options(), trading_days=GivenDays([]))
    strategy.start()
    strategy.run(datetime(2026, 2, 15))
    strategy.close()
    assert strategy.module is not None
    assert [moment.day for moment in strategy.module.seen] == [13, 14]


def test_near_the_end_of_the_calendar_log_and_get_tasks_say_so_once(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    told: List[Progress] = []
    path = start.write("demo.py", "seen = []\n" + DAILY)
    clock = VirtualClock(datetime(2026, 12, 15))
    strategy = Strategy("demo", str(path), clock, strategy_options(), on_progress=told.append)
    strategy.start()
    strategy.run(datetime(2026, 12, 17))
    assert not lines(caplog, "交易日历")
    strategy.run(datetime(2027, 1, 6))
    strategy.close()
    assert strategy.module is not None
    assert [moment.day for moment in strategy.module.seen][-4:] == [31, 1, 4, 5]
    (said,) = lines(caplog, "交易日历只到 2026-12-31")
    assert "holidays.csv" in said
    assert told[-1].calendar_ends == date(2026, 12, 31)


def test_get_tasks_has_a_line_for_it() -> None:
    info = TaskInfo("demo", calendar_ends="2026-12-31")
    assert "交易日只知道到 2026-12-31" in _task_text(info)
    assert "交易日" not in _task_text(TaskInfo("demo"))


@pytest.mark.parametrize("value", ["xshg", "XSHE", "", None, True, ["XSHG"]])
def test_any_other_value_is_refused(start: Starter, value: object) -> None:
    with pytest.raises(InvalidParam, match="trading_days"):
        start(DAILY, trading_days=value)
