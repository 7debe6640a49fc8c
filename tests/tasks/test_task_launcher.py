"""Starting tasks as processes of their own, and stopping them."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, List

import pytest
from real_tasks import ROOT, WORKER, wait_for

from jqtrade.clock import SystemClock
from jqtrade.errors import InvalidParam, TaskError, TaskExists
from jqtrade.tasks.launcher import start, stop
from jqtrade.tasks.record import TaskInfo
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.spec import TaskSpec

MakeSpec = Callable[..., TaskSpec]
AT_ONCE = 12 if sys.platform == "win32" else 50


class FastClock(SystemClock):
    """A clock for which seconds pass thirty times as fast."""

    def monotonic(self) -> float:
        return time.monotonic() * 30


def test_a_started_task_is_ready_when_start_returns_and_gone_when_stop_does(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    spec = make_spec("网格-1", env={"USER": "test"}, paper=True)
    task = start(spec, WORKER)
    assert (task.state, task.name, task.token, task.log, task.next_job) == (
        "running",
        "网格-1",
        spec.token,
        spec.log,
        "market_open",
    )
    assert registry.find("网格-1") == registry.find(pid=task.pid) == task
    (result,) = stop(registry, [task])
    assert result.error is None
    assert registry.list_tasks() == []


def test_a_killed_task_is_gone_when_stop_returns(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    task = start(make_spec(steps="claim,ready,sleep:60"), WORKER)
    (result,) = stop(registry, [task], force=True)
    assert result.error is None
    assert registry.list_tasks() == []
    assert stop(registry, [task], force=True)[0].error is None


def test_a_running_name_is_refused_with_its_pid_and_leaves_no_trace(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    task = start(make_spec(), WORKER)
    with pytest.raises(TaskExists, match=f"pid {task.pid}"):
        start(make_spec(log=os.path.join(registry.home, "second.log")), WORKER)
    assert not os.path.exists(os.path.join(registry.home, "second.log"))


def test_of_many_simultaneous_starts_exactly_one_wins(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    won: List[TaskInfo] = []
    lost: List[TaskExists] = []
    home = Path(registry.home)

    def start_one() -> None:
        try:
            won.append(start(make_spec(steps="touch:at-the-line,await:go,claim,ready,loop"), WORKER))
        except TaskExists as error:
            lost.append(error)

    threads = [threading.Thread(target=start_one) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(list(home.glob("at-the-line.*"))) == AT_ONCE)
    (home / "go").write_text("")
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, AT_ONCE - 1)
    assert all(f"pid {won[0].pid}" in str(error) for error in lost)
    assert registry.list_tasks() == won


def test_a_task_that_dies_shows_the_last_lines_it_wrote(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    spec = make_spec(steps="noise:40,claim,die:7")
    assert spec.log is not None
    Path(spec.log).parent.mkdir(parents=True)
    Path(spec.log).write_text("昨天的日志\n", encoding="utf-8")
    with pytest.raises(TaskError) as caught:
        start(spec, WORKER)
    message = str(caught.value)
    assert "退出码 7" in message
    assert message.splitlines()[-30:] == [f"第 {number} 行" for number in range(10, 40)]
    assert "昨天" not in message
    assert Path(spec.log).read_text(encoding="utf-8").startswith("昨天的日志\n第 0 行")
    assert registry.list_tasks() == []


def test_a_task_that_says_why_it_failed_is_quoted_and_its_log_named(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    spec = make_spec(steps="noise:40,claim,fail,die:7")
    with pytest.raises(TaskError) as caught:
        start(spec, WORKER)
    first, second = str(caught.value).splitlines()
    assert first.endswith("（退出码 7）：process_initialize 抛出 ValueError")
    assert second == f"完整的经过和 traceback 在日志 {spec.log} 里"


def test_a_task_that_cannot_even_begin_shows_why(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    with pytest.raises(TaskError, match="No module named .*no_such_module"):
        start(make_spec(), [sys.executable, "-m", "no_such_module"])
    with pytest.raises(TaskError, match="没有启动"):
        start(make_spec(), [os.path.join(registry.home, "no-such-python")])


def test_a_log_that_cannot_be_written_is_a_task_error(
    registry: TaskRegistry, make_spec: MakeSpec, tmp_path: Path
) -> None:
    with pytest.raises(TaskError, match="没有启动"):
        start(make_spec(log=str(tmp_path)), WORKER)


def test_a_bad_name_starts_nothing(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    with pytest.raises(InvalidParam):
        start(make_spec(name="a", log=None)._replace(name="../x"), WORKER)
    assert not os.path.exists(registry.home)


def test_slow_initialization_is_said_once_and_waited_for(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    said: List[str] = []
    task = start(make_spec(steps="claim,sleep:0.7,ready,loop"), WORKER, said.append, FastClock())
    assert task.state == "running"
    assert len(said) == 1
    assert "仍在初始化" in said[0]


def test_a_task_finds_its_environment_from_the_beginning(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    code = "import os; print(os.environ['USER_X'], os.environ.get('PYTHONPATH') == 'x', flush=True)"
    spec = make_spec(env={"USER_X": "测试", "PYTHONPATH": "x"})
    with pytest.raises(TaskError, match="测试 False"):
        start(spec, [sys.executable, "-c", code])


def test_a_task_outlives_its_starter_and_does_not_hold_its_output(
    registry: TaskRegistry, make_spec: MakeSpec, tmp_path: Path
) -> None:
    code = (
        "import sys\n"
        "from jqtrade.tasks.launcher import start\n"
        "from jqtrade.tasks.spec import TaskSpec\n"
        "print(start(TaskSpec.from_json(sys.argv[1]), sys.argv[2:]).pid)\n"
    )
    output = subprocess.check_output([sys.executable, "-c", code, make_spec().to_json()] + WORKER, cwd=str(ROOT))
    task = registry.find("demo")
    assert task.pid == int(output)
    if sys.platform != "win32":
        assert os.getsid(task.pid) == task.pid
    assert stop(registry, [task])[0].error is None


@pytest.mark.skipif(sys.platform != "win32", reason="job objects are a thing of Windows")
def test_a_job_that_lets_no_process_leave_is_no_obstacle(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    popen = subprocess.Popen
    refused: List[int] = []

    def in_a_closed_job(*args: Any, creationflags: int = 0, **kwargs: Any) -> "subprocess.Popen[bytes]":
        if creationflags & 0x01000000:
            refused.append(creationflags)
            raise PermissionError(13, "Access is denied")
        return popen(*args, creationflags=creationflags, **kwargs)

    monkeypatch.setattr(subprocess, "Popen", in_a_closed_job)
    assert start(make_spec(), WORKER).state == "running"
    assert len(refused) == 1


def test_a_forced_stop_of_what_lives_on_says_so(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    registry_that_misses = TaskRegistry(registry.home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_that_misses, "kill", lambda task: None)
        (result,) = stop(registry_that_misses, [claim.info], force=True, timeout=0.1)
    assert "名称仍未释放" in str(result.error)
    (result,) = stop(registry, [claim.info], timeout=0)
    assert "仍在执行 process_initialize" in str(result.error)
    claim.release()


def test_a_busy_task_is_reported_and_stops_later(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    busy = start(make_spec("busy", steps="claim,job:market_open,ready,await:go,loop"), WORKER)
    idle = start(make_spec("idle"), WORKER)
    results = stop(registry, [busy, idle], timeout=2)
    assert [result.task for result in results] == [busy, idle]
    assert results[1].error is None
    assert "2 秒内没有停下：自 2025-01-02T09:30:00 起仍在执行 market_open" in str(results[0].error)
    assert registry.list_tasks() == [busy]
    Path(registry.home, "go").write_text("")
    wait_for(lambda: not registry.list_tasks())
