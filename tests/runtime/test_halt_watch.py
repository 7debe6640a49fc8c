"""Between jobs the process says that it is halted, and cancels what is open once for each request."""

import shutil
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from jqtrade.runtime.halt_watch import HaltWatch
from jqtrade.tasks.claim import Claim
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.spec import TaskSpec, new_token


@pytest.fixture
def registry(jqtrade_home: Path) -> TaskRegistry:
    return TaskRegistry(str(jqtrade_home))


@pytest.fixture
def claim(registry: TaskRegistry) -> Iterator[Claim]:
    spec = TaskSpec("demo", "s.py", None, {}, None, False, False, registry.home, new_token())
    claimed = registry.claim(spec)
    yield claimed
    claimed.release()


def test_the_beginning_and_the_end_of_a_halt_are_logged_once(
    registry: TaskRegistry, claim: Claim, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    watch = HaltWatch(claim, lambda: (0, 0))
    for _ in range(2):
        caplog.clear()
        watch.look()
        assert caplog.messages == []
        registry.halt("demo")
        watch.look()
        watch.look()
        (begun,) = caplog.messages
        assert begun.startswith("已暂停下单：") and begun.endswith("jqtrade resume_task -n demo")
        registry.resume("demo")
        watch.look()
        watch.look()
        assert caplog.messages[1:] == ["已恢复下单"]


def test_what_is_open_is_cancelled_once_for_each_request_and_answered(registry: TaskRegistry, claim: Claim) -> None:
    asked: List[int] = []

    def cancel() -> Tuple[int, int]:
        asked.append(len(asked))
        return 2 - len(asked), 0

    watch = HaltWatch(claim, cancel)
    registry.halt("demo")
    watch.look()
    assert asked == []
    for times in (1, 2):
        request = registry.halt("demo", cancel_open=True)
        watch.announce()
        assert len(asked) == times - 1
        watch.look()
        watch.look()
        assert len(asked) == times
        assert (registry.find("demo").cancels_for, registry.find("demo").cancels) == (request, 2 - times)
    registry.halt("demo")
    watch.look()
    assert len(asked) == 2


def test_a_process_that_starts_under_the_halt_cancels_again(registry: TaskRegistry, claim: Claim) -> None:
    asked: List[None] = []

    def cancel() -> Tuple[int, int]:
        asked.append(None)
        return 1, 0

    registry.halt("demo", cancel_open=True)
    for times in (1, 2):
        HaltWatch(claim, cancel).look()
        assert len(asked) == times
    registry.resume("demo")
    HaltWatch(claim, cancel).look()
    assert len(asked) == 2


@pytest.mark.posix
def test_a_lock_that_somebody_removed_is_told_of_once_and_put_back(
    registry: TaskRegistry, claim: Claim, caplog: pytest.LogCaptureFixture
) -> None:
    watch = HaltWatch(claim, lambda: (0, 0))
    Path(registry.home, "tasks", "demo.lock").unlink()
    watch.look()
    watch.look()
    (told,) = caplog.messages
    assert "demo.lock 被删除或替换了，已重新建立" in told
    assert registry.list_tasks() == [claim.info]


@pytest.mark.posix
def test_a_directory_that_is_gone_is_told_of_once_and_when_it_is_back(
    registry: TaskRegistry, claim: Claim, caplog: pytest.LogCaptureFixture
) -> None:
    watch = HaltWatch(claim, lambda: (0, 0))
    directory, away = Path(registry.home, "tasks"), Path(registry.home, "away")
    directory.rename(away)
    watch.look()
    watch.look()
    gone, halted = caplog.messages
    assert "不在了" in gone and halted.startswith("已暂停下单")
    assert "没有人用 halt_task 暂停它" in halted and "放回原处" in halted and "resume_task" not in halted
    caplog.clear()
    away.rename(directory)
    watch.look()
    watch.look()
    back, resumed = caplog.messages
    assert "又在原处了" in back and resumed == "已恢复下单"


@pytest.mark.posix
def test_of_a_name_that_was_taken_both_processes_are_named(
    registry: TaskRegistry, claim: Claim, caplog: pytest.LogCaptureFixture
) -> None:
    watch = HaltWatch(claim, lambda: (0, 0))
    shutil.rmtree(str(Path(registry.home, "tasks")))
    other = registry.claim(TaskSpec("demo", "s.py", None, {}, None, False, False, registry.home, new_token()))
    other.update(pid=4242)
    watch.look()
    assert (
        "已被另一个进程占用（pid 4242）" in caplog.messages[-1]
        and f"本进程（pid {claim.info.pid}）" in caplog.messages[-1]
    )
    assert "resume_task" not in caplog.messages[-1]
    other.release()
    watch.look()
    assert caplog.messages[-1] == "已恢复下单"
