"""A task's process is stopped (SIGSTOP) and goes on: jobs that came due meanwhile, at the command line."""

import os
import signal
import time

import pytest

from tests.e2e.cli import WINDOWS, jqtrade, read, tasks, wait_for, write_strategy

pytestmark = pytest.mark.skipif(WINDOWS, reason="no SIGSTOP on Windows")

SOURCE = """
    import os
    import time
    from datetime import timedelta

    def process_initialize(context):
        set_options(misfire_grace_time=1)
        run_daily(first, (context.current_dt + timedelta(seconds=1)).strftime("%H:%M:%S"))
        run_daily(second, (context.current_dt + timedelta(seconds=11)).strftime("%H:%M:%S"))

    def first(context):
        print("first begun", flush=True)
        while {goes_on} and not os.path.exists({end!r}):
            time.sleep(0.01)

    def second(context):
        print("second ran", flush=True)
"""


@pytest.mark.parametrize(
    "in_a_job, told, runs",
    [(False, "second 没有运行", False), (True, "second 晚了", True)],
    ids=["between jobs", "in a job"],
)
def test_a_job_that_came_due_while_the_process_stood_still_is_told(tmp_path, in_a_job, told, runs):
    log = tmp_path / "demo.log"
    end = tmp_path / "end"
    path = write_strategy(tmp_path / "s.py", SOURCE.format(goes_on=in_a_job, end=str(end)))
    started = jqtrade("start_task", "-c", path, "-n", "demo", "-o", str(log))
    assert started.code == 0, started
    try:
        (task,) = tasks()
        wait_for(lambda: "first begun" in read(log), "the first job")
        if not in_a_job:
            wait_for(lambda: tasks()[0]["jobs_run"] >= 1, "its end")
        os.kill(task["pid"], signal.SIGSTOP)
        time.sleep(14)
        end.write_text("")
        os.kill(task["pid"], signal.SIGCONT)
        wait_for(lambda: told in (tasks()[0]["last_error"] or ""), "the word in get_tasks")
        assert told in read(log)
        if runs:
            wait_for(lambda: "second ran" in read(log), "the late job")
        else:
            assert "second ran" not in read(log)
    finally:
        jqtrade("stop_task", "--all", "-s", "SIGKILL")
