"""`jqtrade run_now`: a job of a running paper task, called once, whoever dies when."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from tests.e2e.cli import WINDOWS, Result, command, environment, jqtrade, read, tasks, wait_for, write_strategy

SOURCE = """
    import os, sys, time

    def process_initialize(context):
        for job in (good, bad, forged, slow, leave, refused, killed):
            run_daily(job, TIME)

    TIME = "00:00"

    def note(name):
        with open(os.path.join(os.path.dirname(__file__), "ran"), "a") as file:
            file.write(name + "\\n")

    def good(context): note("good")
    def bad(context): note("bad"); 1 / 0
    def forged(context): raise ValueError("no\\n2026-01-05 09:30:00.000 INFO 1 jqtrade sold all")
    def leave(context): note("leave"); sys.exit(3)
    def refused(context): order("000001.XSHE", 150, LimitOrderStyle(10))
    def killed(context): note("killed"); os._exit(9)

    def slow(context):
        note("slow")
        while not os.path.exists(os.path.join(os.path.dirname(__file__), "go")):
            time.sleep(0.05)
"""


class Task:
    """A paper task with jobs that are far away in time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = write_strategy(folder / "s.py", SOURCE)
        self.waiting: List[Any] = []

    def start(self, *arguments: str) -> None:
        result = jqtrade("start_task", "-n", "demo", "-c", self.code, "-o", str(self.folder / "log"), *arguments)
        assert result.code == 0, result

    def run(self, function: str, *arguments: str) -> Result:
        return jqtrade("run_now", "-n", "demo", function, *arguments)

    def begin(self, function: str, *arguments: str) -> Any:
        """Run the command without waiting for its end."""
        words = command("run_now", "-n", "demo", function, *arguments)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        self.waiting.append(process)
        return process

    @property
    def ran(self) -> List[str]:
        return read(self.folder / "ran").split()

    def go(self) -> None:
        (self.folder / "go").write_text("")

    def kill(self) -> None:
        assert jqtrade("stop_task", "-n", "demo", "-s", "SIGKILL").code == 0


@pytest.fixture
def task(tmp_path: Path) -> Iterator[Task]:
    task = Task(tmp_path)
    task.start("--paper")
    yield task
    task.go()
    for process in task.waiting:
        if process.poll() is None:
            process.communicate()
    jqtrade("stop_task", "--all", "-s", "SIGKILL")


def test_a_job_is_called_once_and_how_it_ended_is_told(task: Task) -> None:
    result = task.run("good")
    assert result.code == 0 and "good 运行完毕" in result.out and "用时" in result.out
    result = task.run("bad")
    assert result.code == 1 and "bad 运行出错：ZeroDivisionError: division by zero" in result.err
    result = task.run("forged")
    assert "ValueError: no\\n2026" in result.err and len(result.err.splitlines()) == 1
    assert task.ran == ["good", "bad"]
    (shown,) = tasks()
    assert (shown["jobs_run"], shown["jobs_failed"]) == (3, 2)
    assert "runs" not in shown and shown["next_job"] is not None


def test_what_it_was_refused_is_counted_where_a_person_looks(task: Task) -> None:
    assert task.run("refused").code == 0
    (shown,) = tasks()
    assert shown["orders_unsent"] == 1 and shown["orders_rejected"] == 0
    assert "lot_check" in shown["last_refusal"] and "000001.XSHE 150 股" in shown["last_refusal"]
    assert "1 笔没有发出；最近的是" in jqtrade("get_tasks").out


def test_an_unknown_name_is_told_with_those_that_exist(task: Task) -> None:
    result = task.run("goood")
    assert result.code == 1 and "没有定时任务 'goood'" in result.err and "good" in result.err.split("：")[-1]
    assert task.ran == []


def test_a_task_that_does_not_run_and_one_of_another_gate_are_refused(task: Task) -> None:
    assert jqtrade("stop_task", "-n", "demo").code == 0
    result = task.run("good")
    assert result.code == 1 and "没有名为 demo 的实盘任务在运行" in result.err
    folder = task.folder / "DMA"
    folder.mkdir()
    gates = ["use_account=False", f"account_no='7654321', order_dir={str(folder)!r}"]
    for options in gates:
        source = SOURCE.replace("        for job", f"        set_options({options})\n        for job")
        task.code = write_strategy(task.folder / "s.py", source)
        task.start("--no-check")
        result = task.run("good")
        assert result.code == 1 and "用的不是内置的模拟交易所" in result.err
        assert jqtrade("stop_task", "-n", "demo").code == 0
    assert task.ran == []


def test_while_another_job_runs_it_waits_and_is_withdrawn(task: Task) -> None:
    busy = task.begin("slow", "--timeout", "60")
    wait_for(lambda: task.ran == ["slow"], "the slow job")
    result = task.run("good", "--timeout", "0.5")
    assert result.code == 1 and "good 没有运行：0.5 秒内没有轮到：自 " in result.err and "仍在执行 slow" in result.err
    waiting = task.begin("good", "--timeout", "60")
    wait_for(lambda: list(Path(os.environ["JQTRADE_HOME"]).glob("tasks/*.run")), "the request")
    result = task.run("bad")
    assert result.code == 1 and "还没有轮到上一个 run_now" in result.err
    task.go()
    assert "good 运行完毕" in waiting.communicate()[0].decode("utf-8")
    assert "slow 运行完毕" in busy.communicate()[0].decode("utf-8")
    assert task.ran == ["slow", "good"]


def test_one_that_takes_longer_than_the_wait_is_said_to_have_begun(task: Task) -> None:
    result = task.run("slow", "--timeout", "1")
    assert result.code == 1 and "开始运行，1 秒后还没有结束" in result.err
    task.go()
    wait_for(lambda: task.run("good").code == 0, "the end of the slow job")
    assert task.ran == ["slow", "good"]


def test_a_request_does_not_outlive_its_task(task: Task) -> None:
    task.begin("slow", "--timeout", "60")
    wait_for(lambda: task.ran == ["slow"], "the slow job")
    waiting = task.begin("good", "--timeout", "60")
    wait_for(lambda: list(Path(os.environ["JQTRADE_HOME"]).glob("tasks/*.run")), "the request")
    task.kill()
    assert "good 没有运行：任务已经结束" in waiting.communicate()[1].decode("utf-8")
    assert "slow 可能没有运行完" in task.waiting[0].communicate()[1].decode("utf-8")
    task.start("--paper")
    assert task.run("good").code == 0
    assert task.ran == ["slow", "good"]


def test_a_request_to_a_task_that_stops_is_said_not_to_have_been_heeded(task: Task) -> None:
    task.begin("slow", "--timeout", "60")
    wait_for(lambda: task.ran == ["slow"], "the slow job")
    waiting = task.begin("good", "--timeout", "60")
    wait_for(lambda: list(Path(os.environ["JQTRADE_HOME"]).glob("tasks/*.run")), "the request")
    assert jqtrade("stop_task", "-n", "demo", "--timeout", "0.1").code == 1
    task.go()
    assert "good 没有运行：任务已经结束" in waiting.communicate()[1].decode("utf-8")
    assert task.ran == ["slow"]


def test_a_request_of_a_killed_command_is_not_heeded_by_the_next_process(task: Task) -> None:
    task.begin("slow", "--timeout", "60")
    wait_for(lambda: task.ran == ["slow"], "the slow job")
    waiting = task.begin("good", "--timeout", "60")
    requests = wait_for(lambda: list(Path(os.environ["JQTRADE_HOME"]).glob("tasks/*.run")), "the request")
    waiting.kill()
    waiting.communicate()
    assert requests[0].exists()
    task.kill()
    task.start("--paper")
    assert not requests[0].exists(), "the next process clears it away"
    assert task.run("bad").code == 1
    assert task.ran == ["slow", "bad"]


def test_a_request_that_nobody_waits_for_any_more_is_not_run(task: Task) -> None:
    task.begin("slow", "--timeout", "60")
    wait_for(lambda: task.ran == ["slow"], "the slow job")
    waiting = task.begin("good", "--timeout", "1")
    (request,) = wait_for(lambda: list(Path(os.environ["JQTRADE_HOME"]).glob("tasks/*.run")), "the request")
    waiting.kill()
    waiting.communicate()
    time.sleep(2.5)  # its timeout, and the second that is added
    task.go()
    wait_for(lambda: not request.exists(), "the task to look")
    assert task.run("bad").code == 1
    assert task.ran == ["slow", "bad"]


def test_a_process_that_dies_in_the_job_does_not_run_it_again(task: Task) -> None:
    result = task.run("killed")
    assert result.code == 1 and "killed 可能没有运行完：任务在这时结束了" in result.err
    task.start("--paper")
    assert task.run("good").code == 0
    assert task.ran == ["killed", "good"]


def test_a_job_that_exits_ends_the_task(task: Task) -> None:
    result = task.run("leave")
    assert result.code == 0 and "leave 调用了退出，任务将停止" in result.out
    wait_for(lambda: tasks() == [], "the end of the task")


@pytest.mark.skipif(WINDOWS, reason="no SIGINT for another process")
def test_ctrl_c_withdraws(task: Task) -> None:
    task.begin("slow", "--timeout", "60")
    wait_for(lambda: task.ran == ["slow"], "the slow job")
    waiting = task.begin("good", "--timeout", "60")
    wait_for(lambda: list(Path(os.environ["JQTRADE_HOME"]).glob("tasks/*.run")), "the request")
    waiting.send_signal(signal.SIGINT)
    assert "good 没有运行：还没有轮到就被中断。请求已撤回" in waiting.communicate()[1].decode("utf-8")
    task.go()
    assert task.run("bad").code == 1
    assert task.ran == ["slow", "bad"]


@pytest.mark.parametrize("text", ["", "{", "[1, 2, 3]\n", json.dumps(["a" * 32, "good", "soon"]) + "\n", "x" * 20000])
def test_a_file_that_is_no_request_calls_nothing(task: Task, text: str) -> None:
    (shown,) = Path(os.environ["JQTRADE_HOME"]).glob("tasks/demo.json")
    token = json.loads(shown.read_text().split("\n")[0])["token"]
    (shown.parent / f"demo.{token}.run").write_text(text)
    assert "请删除" in task.run("good").err
    (task.folder / "ran").write_text("")
    assert task.ran == []
