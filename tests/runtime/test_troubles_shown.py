"""What the scheduler says of jobs that did not run when they should is shown in get_tasks too."""

from datetime import datetime
from typing import Any, Dict, List

from strategy_files import START, Starter, at

from jqtrade.testing import VirtualClock

TWO_JOBS = """
    def first(context):
        clock.{move}

    def second(context):
        seen.append(context.current_dt)

    def process_initialize(context):
        run_daily(first, "10:00")
        run_daily(second, "10:01")
    """


def run(start: Starter, code: str, until: datetime, begin: datetime = START) -> List[Dict[str, Any]]:
    """What the task's record was told, in order."""
    started = start(code, clock=VirtualClock(begin))
    told = started.told()
    started.run(until)
    return told


def test_a_missed_job_is_the_last_error(start: Starter) -> None:
    last = run(start, TWO_JOBS.format(move="jump(600)"), at(12))[-1]
    assert "second 没有运行" in last["last_error"] and "2026-01-05 10:01:00" in last["last_error"]
    assert last["jobs_failed"] == 0


def test_a_job_that_is_called_too_late_is_the_last_error_while_it_runs(start: Starter) -> None:
    told = run(start, TWO_JOBS.format(move="sleep(130)"), at(12))
    running = next(record for record in told if record.get("current_job") == "second")
    assert "second 晚了 1 分 10 秒" in running["last_error"]


def test_a_job_that_is_called_late_does_not_hide_the_error_of_another_one(start: Starter) -> None:
    code = TWO_JOBS.format(move="sleep(130)\n        raise ValueError('real failure')")
    last = run(start, code, at(12))[-1]
    assert (last["jobs_run"], last["last_error"]) == (2, "first ValueError: real failure")


def test_a_job_that_is_left_out_because_the_clock_was_set_back_is_the_last_error(start: Starter) -> None:
    last = run(start, TWO_JOBS.format(move="jump(-3600)"), at(10, 2))[-1]
    assert "first 不会再为 2026-01-05 10:00:00 运行" in last["last_error"]


def test_the_next_job_is_the_right_one_as_soon_as_the_clock_is_right(start: Starter) -> None:
    code = """
        def early(context):
            seen.append(context.current_dt)

        def boot(context):
            clock.jump(-8 * 3600)

        def process_initialize(context):
            run_daily(early, "09:30")
            run_daily(boot, "17:01")
        """
    told = run(start, code, at(17, 1), begin=at(17))
    planned = [(record["next_job"], record["next_time"]) for record in told]
    running = [record.get("current_job") for record in told]
    assert planned.index(("early", str(at(9, 30)))) < running.index("early")
