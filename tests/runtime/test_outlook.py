"""What a task says of the jobs to come when it has started."""

from datetime import datetime, time, timedelta, tzinfo
from typing import Optional

import pytest
from strategy_files import Starter, at

from jqtrade.runtime.outlook import PlannedJob, outlook
from jqtrade.scheduler.trigger import NEVER, OnDays, TimesOfDay, every_minute
from jqtrade.testing import VirtualClock


def daily(name: str, hour: int, minute: int = 0) -> PlannedJob:
    return PlannedJob(name, TimesOfDay([time(hour, minute)]), True)


def test_what_comes_next_is_named_with_its_time() -> None:
    assert outlook([daily("late", 14, 50), daily("early", 10)], at(9)) == ["接下来：今天 10:00:00 运行 early"]
    assert outlook([daily("a", 10), daily("b", 10)], at(9)) == ["接下来：今天 10:00:00 运行 a"]


def test_a_job_whose_time_has_just_passed_is_told_with_its_next_one() -> None:
    assert outlook([daily("f", 9, 35)], at(9, 35, 9)) == [
        "接下来：2026-01-06 09:35:00 运行 f",
        "今天 09:35:00 的 f 已过，不补运行，下一次 2026-01-06 09:35:00",
    ]


def test_on_a_closed_day_nothing_has_passed() -> None:
    monday = at(0).date()
    closed = OnDays(TimesOfDay([time(9, 35)]), lambda day: max(day, monday))
    assert outlook([PlannedJob("f", closed, True)], datetime(2026, 1, 4, 12)) == ["接下来：2026-01-05 09:35:00 运行 f"]


def test_what_never_comes_again_and_what_comes_every_minute() -> None:
    never = OnDays(TimesOfDay([time(9, 35)]), lambda day: day if day <= at(0).date() else None)
    assert never.next_after(at(10)) == NEVER
    assert outlook([PlannedJob("f", never, True)], at(10)) == ["今天 09:35:00 的 f 已过，不补运行"]
    minutes = PlannedJob("m", every_minute([(time(9, 30), time(11, 30))]), False)
    assert outlook([minutes], at(10, 0, 30)) == ["接下来：今天 10:01:00 运行 m"]
    assert outlook([], at(10)) == []


def test_of_many_that_have_passed_some_are_named() -> None:
    said = outlook([daily(f"f{hour}", hour) for hour in range(9)], at(10))
    assert len(said) == 7 and said[-1] == "今天还有 4 个定时任务的时间已过"


class SlowClock(VirtualClock):
    """Setting options takes 15 seconds."""

    def use_zone(self, zone: Optional[tzinfo]) -> None:
        self.sleep(15)


@pytest.mark.parametrize("second, passed", [(50, False), (70, True)])
def test_a_job_that_came_due_while_process_initialize_ran_is_late_and_has_not_passed(
    start: Starter, second: int, passed: bool
) -> None:
    code = """
    def f(context): seen.append("f")
    def process_initialize(context):
        set_options(misfire_grace_time=60)
        run_daily(f, "09:35")
    """
    begun = at(9, 34) + timedelta(seconds=second - 15)  # what is set before the start takes 15 seconds too
    started = start(code, None, SlowClock(begun))
    assert any("已过" in sentence for sentence in started.strategy.outlook) == passed
    started.run(at(9, 36))
    assert started.seen == ([] if passed else ["f"])
