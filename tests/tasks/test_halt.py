"""A halted task sends no new order, until it is resumed: whoever restarts, crashes, hangs or damages the file."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, List

import pytest
from real_tasks import ROOT, WORKER, modes, wait_for

from jqtrade.errors import InvalidParam, TaskError
from jqtrade.tasks.asking import Halt, await_cancels
from jqtrade.tasks.asking import halt as halt_all
from jqtrade.tasks.launcher import start, stop
from jqtrade.tasks.platform import ProcessLock
from jqtrade.tasks.record import TaskInfo
from jqtrade.tasks.registry import Claim, TaskRegistry
from jqtrade.tasks.spec import TaskSpec

MakeSpec = Callable[..., TaskSpec]


def halt(registry: TaskRegistry, name: str, cancel_open: bool) -> Halt:
    ((halted,), failures) = halt_all(registry, [name], cancel_open)
    assert failures == []
    return halted


def halt_file(registry: TaskRegistry, key: str = "demo") -> Path:
    return Path(registry.home, "tasks", key + ".halt")


def orders(registry: TaskRegistry) -> int:
    """How many orders the stand-in worker has sent."""
    path = Path(registry.home, "orders")
    return path.stat().st_size if path.exists() else 0


def assert_no_order_is_sent(registry: TaskRegistry) -> None:
    before = orders(registry)
    time.sleep(0.3)
    assert orders(registry) == before


def assert_orders_are_sent(registry: TaskRegistry) -> None:
    before = orders(registry)
    wait_for(lambda: orders(registry) > before)


def test_a_task_is_halted_and_listed_so_until_it_is_resumed(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec("Demo"))
    other = registry.claim(make_spec("other"))
    assert not claim.is_halted()
    assert [task.as_dict()["halted"] for task in registry.list_tasks()] == [False, False]

    assert registry.halt("DEMO") == ""
    assert claim.is_halted() and not other.is_halted()
    assert [task.as_dict()["halted"] for task in registry.list_tasks()] == [True, False]
    assert registry.find("demo").halted
    assert registry.halted() == ["Demo"]

    assert registry.resume("demo")
    assert not claim.is_halted() and not registry.list_tasks()[0].halted and registry.halted() == []
    assert not registry.resume("demo")
    claim.release()
    other.release()


def test_another_process_sends_no_order_from_the_moment_halt_returns(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    start(make_spec(steps="claim,ready,trade:orders"), WORKER)
    assert_orders_are_sent(registry)
    registry.halt("demo")
    time.sleep(0.05)  # the order that was being sent
    assert_no_order_is_sent(registry)
    registry.resume("demo")
    assert_orders_are_sent(registry)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_halt_survives_the_process(registry: TaskRegistry, make_spec: MakeSpec, how: str) -> None:
    task = start(make_spec(steps="claim,ready,trade:orders"), WORKER)
    registry.halt("demo")
    assert stop(registry, [task], force=how == "kill")[0].error is None
    assert registry.halted() == ["demo"] and registry.list_tasks() == []
    before = orders(registry)
    assert start(make_spec(steps="claim,ready,trade:orders"), WORKER).halted
    assert_no_order_is_sent(registry)
    assert orders(registry) == before
    registry.resume("demo")
    assert_orders_are_sent(registry)


def test_a_task_that_does_not_run_is_halted_before_it_starts(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    registry.claim(make_spec()).release()
    registry.halt("demo")
    claim = registry.claim(make_spec())
    assert claim.is_halted()
    claim.release()
    registry.resume("demo")


def test_a_name_that_was_never_a_task_names_the_running_ones_and_makes_nothing(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    for act in (registry.halt, registry.resume):
        with pytest.raises(TaskError, match="名为 demo .*没有做任何操作.*正在运行的任务：无"):
            act("demo")
        with pytest.raises(InvalidParam):
            act("../x")
    assert registry.halted() == []
    assert not os.path.exists(registry.home)
    claim = registry.claim(make_spec("demo"))
    for act in (registry.halt, registry.resume):
        with pytest.raises(TaskError, match=f"名为 dmeo .*没有做任何操作.*demo（pid {os.getpid()}）"):
            act("dmeo")
    assert not list(Path(registry.home, "tasks").glob("*.halt"))
    claim.release()


def test_each_request_to_cancel_has_a_token_of_its_own_and_a_plain_halt_takes_none_back(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    claim = registry.claim(make_spec())
    registry.halt("demo")
    assert claim.cancel_request() == ""
    first = registry.halt("demo", cancel_open=True)
    assert first and claim.cancel_request() == first
    registry.halt("demo")
    assert claim.cancel_request() == first
    second = registry.halt("demo", cancel_open=True)
    assert second != first and claim.cancel_request() == second
    registry.resume("demo")
    assert claim.cancel_request() == ""
    registry.halt("demo")
    assert claim.cancel_request() == ""
    claim.release()


def test_a_file_cut_anywhere_halts_but_cancels_nothing(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    registry.halt("demo", cancel_open=True)
    whole = halt_file(registry).read_bytes()
    for length in range(len(whole)):
        halt_file(registry).write_bytes(whole[:length])
        assert claim.is_halted() and claim.cancel_request() == ""
    halt_file(registry).write_bytes(os.urandom(5000))
    assert claim.is_halted() and claim.cancel_request() == ""
    assert registry.halt("demo", cancel_open=True) and claim.is_halted()
    claim.release()


def test_what_is_unclear_halts(registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    claim = registry.claim(make_spec())
    halt_file(registry).mkdir()
    assert claim.is_halted() and claim.cancel_request() == ""
    for act in (registry.halt, registry.resume):
        with pytest.raises(TaskError, match="demo"):
            act("demo")
    halt_file(registry).rmdir()
    assert not claim.is_halted()

    def denied(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "lstat", denied)
        assert claim.is_halted() and claim.cancel_request() == ""
    assert not claim.is_halted()
    claim.release()


@pytest.mark.posix
def test_a_symbolic_link_in_its_place_halts_and_is_refused(
    registry: TaskRegistry, make_spec: MakeSpec, tmp_path: Path
) -> None:
    claim = registry.claim(make_spec())
    halt_file(registry).symlink_to(tmp_path / "elsewhere")
    assert claim.is_halted() and claim.cancel_request() == ""
    for act in (registry.halt, registry.resume):
        with pytest.raises(TaskError, match="符号链接"):
            act("demo")
    assert not (tmp_path / "elsewhere").exists() and halt_file(registry).is_symlink()
    claim.release()


@pytest.mark.posix
def test_another_users_file_in_its_place_halts_and_is_refused(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = registry.claim(make_spec())
    registry.halt("demo", cancel_open=True)
    stranger = os.geteuid() + 1
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: stranger)
        assert claim.is_halted() and claim.cancel_request() == ""
        for act in (registry.halt, registry.resume):
            with pytest.raises(TaskError, match="属于其他用户"):
                act("demo")
        assert halt_file(registry).exists()
    registry.resume("demo")
    with monkeypatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: stranger)
        with pytest.raises(TaskError, match="属于其他用户"):
            registry.halt("demo")
    assert not claim.is_halted()
    claim.release()


@pytest.mark.posix
def test_only_its_owner_can_read_it(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    before = os.umask(0)
    try:
        registry.claim(make_spec()).release()
        registry.halt("demo")
    finally:
        os.umask(before)
    assert modes([halt_file(registry)]) == ["0o600"]


def test_a_full_disk_halts_all_the_same_and_says_that_nothing_is_cancelled(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = registry.claim(make_spec())

    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(TaskError, match="demo：已暂停下单，但撤单的请求没有写成"):
            registry.halt("demo", cancel_open=True)
        assert claim.is_halted() and claim.cancel_request() == ""
        registry.resume("demo")
        registry.halt("demo")
        assert claim.is_halted()
    claim.release()


def test_names_that_look_like_its_files_and_foreign_files_confuse_nobody(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    claims = {name: registry.claim(make_spec(name)) for name in ("demo", "demo.halt", "demo.lock", "halt")}
    for name in ("Demo 2.halt", ".halt", ".swp.halt", "demo.halted"):
        Path(registry.home, "tasks", name).write_text("")
    assert registry.halted() == []
    for halted in claims:
        registry.halt(halted)
        assert registry.halted() == [halted]
        assert [name for name, claim in claims.items() if claim.is_halted()] == [halted]
        assert [task.name for task in registry.list_tasks() if task.halted] == [halted]
        registry.resume(halted)
    assert [task.name for task in registry.list_tasks()] == sorted(claims)
    for claim in claims.values():
        claim.release()


def test_a_halt_does_not_wait_for_a_command_that_hangs(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    guard = ProcessLock(os.path.join(registry.home, "tasks", ".guard.lock"))
    assert guard.try_acquire()
    began = time.monotonic()
    registry.halt("demo", cancel_open=True)
    assert claim.is_halted() and claim.cancel_request()
    registry.resume("demo")
    assert time.monotonic() - began < 2
    guard.release()
    claim.release()


def test_halting_and_resuming_never_fail_while_the_task_looks(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    registry.claim(make_spec()).release()
    code = (
        "import sys\n"
        "from jqtrade.tasks.registry import TaskRegistry\n"
        "registry, seen = TaskRegistry(sys.argv[1]), 0\n"
        "print('ready', flush=True)\n"
        "while not registry.is_halted('enough'):\n"
        "    registry.is_halted('demo')\n"
        "    seen += bool(registry.cancel_request('demo'))\n"
        "print(seen)\n"
    )
    watcher = subprocess.Popen(
        [sys.executable, "-c", code, registry.home], cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert watcher.stdout is not None and watcher.stdout.readline().strip() == b"ready"
    registry.claim(make_spec("enough")).release()
    try:
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            registry.halt("demo", cancel_open=True)
            assert registry.is_halted("demo")
            assert registry.resume("demo")
            wait_for(lambda: not registry.is_halted("demo"), 1)  # on Windows it goes when its last reader has
    finally:
        registry.halt("enough")
    output, errors = watcher.communicate(timeout=60)
    assert watcher.returncode == 0, errors
    assert int(output) > 0


def test_a_halt_says_who_is_halted_and_the_wait_ends_with_the_tasks_answer(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    task = start(make_spec(steps="claim,ready,trade:orders"), WORKER)
    for _ in range(2):
        halted = halt(registry, "demo", cancel_open=True)
        assert halted.answer.done and f"任务 demo（pid {task.pid}）已暂停下单" in halted.answer.text
        (answer,) = await_cancels(registry, [halted], timeout=60)
        assert answer.done and f"任务 demo（pid {task.pid}）已对 3 笔没有结束的订单请求撤单" in answer.text
    registry.halt("demo", cancel_open=True)  # somebody else's, which stands for ours
    (answer,) = await_cancels(registry, [halted], timeout=60)
    assert answer.done
    plain = halt(registry, "demo", cancel_open=False)
    assert plain.answer.done and await_cancels(registry, [plain], timeout=60) == []


def test_a_busy_task_is_reported_and_answers_later(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    start(make_spec(steps="claim,job:market_open,ready,await:go,trade:orders"), WORKER)
    halted = halt(registry, "demo", cancel_open=True)
    began = time.monotonic()
    (answer,) = await_cancels(registry, [halted], timeout=0.5)
    assert 0.5 <= time.monotonic() - began < 10
    assert not answer.done
    assert "0.5 秒内还没有撤单：自 2025-01-02T09:30:00 起仍在执行 market_open" in answer.text
    assert "新的委托已经一律不发出，当前的工作一结束就会撤单" in answer.text
    Path(registry.home, "go").write_text("")
    assert await_cancels(registry, [halted], timeout=60)[0].done
    assert orders(registry) == 0


def test_a_task_that_is_stopping_may_not_cancel_any_more_and_the_answer_says_so(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    claim = registry.claim(make_spec())
    claim.update(state="stopping")
    (answer,) = await_cancels(registry, [halt(registry, "demo", cancel_open=True)], timeout=0)
    assert not answer.done and "它正在停止，可能不再撤单" in answer.text
    claim.release()


def test_a_task_that_dies_before_it_has_cancelled_ends_the_wait_at_once(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    task = start(make_spec(steps="claim,ready,await:go,loop"), WORKER)
    halted = halt(registry, "demo", cancel_open=True)
    assert stop(registry, [task], force=True)[0].error is None
    (answer,) = await_cancels(registry, [halted], timeout=60)
    assert not answer.done and "在撤单之前结束了，没有撤单：下次启动时" in answer.text


def test_a_task_that_does_not_run_is_halted_for_its_next_start_and_nothing_is_cancelled(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    registry.claim(make_spec()).release()
    other = registry.claim(make_spec("other"))
    plain = halt(registry, "demo", cancel_open=False)
    assert plain.answer.done and "没有在运行，已设为暂停下单，下次启动时生效" in plain.answer.text
    assert f"正在运行的任务：other（pid {os.getpid()}）" in plain.answer.text
    cancelling = halt(registry, "demo", cancel_open=True)
    assert not cancelling.answer.done and "没有撤单：下次启动时" in cancelling.answer.text
    assert await_cancels(registry, [cancelling], timeout=60) == []
    other.release()


def test_a_process_that_does_not_know_of_halts_is_no_success(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    claim.update(heeds_halt=False)  # as the record of an older version
    halted = halt(registry, "demo", cancel_open=True)
    assert not halted.answer.done
    assert "可能仍在下单" in halted.answer.text and "jqtrade stop_task -n demo" in halted.answer.text
    assert await_cancels(registry, [halted], timeout=60) == []
    claim.release()


@pytest.mark.posix
@pytest.mark.skipif(sys.version_info < (3, 7), reason="a plain os.fork cannot be noticed")
def test_a_forked_child_is_halted_too(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim: Claim = registry.claim(make_spec())
    registry.halt("demo")
    child = os.fork()
    if child == 0:
        os._exit(7 if claim.is_halted() else 1)
    assert os.waitpid(child, 0)[1] >> 8 == 7
    claim.release()


@pytest.mark.parametrize("trouble", [TaskError("guard"), OSError(5, "I/O error"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("cancel_open", [False, True])
def test_once_the_file_is_made_the_answer_says_that_the_halt_is_in_force(
    registry: TaskRegistry, make_spec: MakeSpec, trouble: BaseException, cancel_open: bool
) -> None:
    class Blind(TaskRegistry):
        def list_tasks(self) -> List[TaskInfo]:
            raise trouble

    claim = registry.claim(make_spec("demo"))
    halted = halt(Blind(registry.home), "demo", cancel_open)
    assert "任务 demo 已暂停下单：新的委托一律不发出" in halted.answer.text
    assert halted.answer.done is not cancel_open and claim.is_halted()
    assert not halted.is_awaited and bool(claim.cancel_request()) == cancel_open


def test_ctrl_c_between_two_halts_says_which_is_in_force_and_which_may_not_be(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    class Interrupted(TaskRegistry):
        def halt(self, name: str, cancel_open: bool = False) -> str:
            if name == "two":
                raise KeyboardInterrupt
            return super().halt(name, cancel_open)

    claims = [registry.claim(make_spec(name)) for name in ("one", "two", "three")]
    halts, failures = halt_all(Interrupted(registry.home), ["one", "two", "three"], False)
    assert [halted.name for halted in halts] == ["one"] and "已暂停下单" in halts[0].answer.text
    assert ["任务 two、three 可能还没有暂停" in answer.text for answer in failures] == [True]
    assert [claim.is_halted() for claim in claims] == [True, False, False]


def damage_guard(tasks: Path) -> None:
    (tasks / ".guard.lock").unlink()
    (tasks / ".guard.lock").mkdir()


def damage_record(tasks: Path) -> None:
    (tasks / "demo.json").unlink()
    (tasks / "demo.json").mkdir()


def damage_lock(tasks: Path) -> None:
    (tasks / "demo.lock").unlink()
    (tasks / "demo.lock").mkdir()


@pytest.mark.posix
@pytest.mark.parametrize("damage", [damage_guard, damage_record, damage_lock])
@pytest.mark.parametrize("which", [["-n", "demo"], ["--all"]])
def test_a_file_that_is_none_keeps_no_halt_from_being_told(
    registry: TaskRegistry, make_spec: MakeSpec, damage: Callable[[Path], None], which: List[str]
) -> None:
    claim = registry.claim(make_spec("demo"))
    damage(Path(registry.home, "tasks"))
    done = subprocess.run(
        [sys.executable, "-m", "jqtrade", "halt_task"] + which,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, JQTRADE_HOME=registry.home, PYTHONIOENCODING="utf-8"),
        timeout=60,
    )
    assert "暂停下单" in done.stdout.decode()
    assert Path(registry.home, "tasks", "demo.halt").exists() and claim.is_halted()


@pytest.mark.posix
def test_a_folder_that_cannot_be_listed_says_that_nothing_was_halted_and_what_to_do(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    registry.claim(make_spec("demo")).release()
    tasks = Path(registry.home, "tasks")
    tasks.rename(tasks.with_name("elsewhere"))
    tasks.write_text("")  # a file in the place of the folder
    done = subprocess.run(
        [sys.executable, "-m", "jqtrade", "halt_task", "--all"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ, JQTRADE_HOME=registry.home, PYTHONIOENCODING="utf-8"),
        timeout=60,
    )
    assert done.returncode == 1 and "没有暂停任何任务，请用 -n" in done.stdout.decode()
    tasks.unlink()
