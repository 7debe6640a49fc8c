"""Halting and stopping work whoever holds, fills, removes or replaces what: locks, disk, descriptors, the task's own files."""

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from real_tasks import WORKER, wait_for

from jqtrade.errors import TaskError, TaskExists
from jqtrade.private_files import open_private, read_private
from jqtrade.tasks.asking import Halt
from jqtrade.tasks.asking import halt as halt_all
from jqtrade.tasks.launcher import start, stop
from jqtrade.tasks.platform import ProcessLock, open_log
from jqtrade.tasks.record import read_record
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.spec import TaskSpec

MakeSpec = Callable[..., TaskSpec]


def halt(registry: TaskRegistry, name: str, cancel_open: bool) -> Halt:
    ((halted,), failures) = halt_all(registry, [name], cancel_open)
    assert failures == []
    return halted


def tasks_dir(registry: TaskRegistry) -> Path:
    return Path(registry.home, "tasks")


@pytest.fixture
def hung_command(registry: TaskRegistry, make_spec: MakeSpec) -> Iterator[ProcessLock]:
    """Another command has the guard and does not let go."""
    registry.claim(make_spec("before")).release()
    guard = ProcessLock(str(tasks_dir(registry) / ".guard.lock"))
    assert guard.try_acquire()
    yield guard
    guard.release()


def no_new_file(patch: pytest.MonkeyPatch, number: int = errno.ENOSPC) -> None:
    """A disk, or this process, without room for one more file."""
    real = os.open

    def full(path: Any, flags: int, *rest: Any) -> int:
        if flags & os.O_CREAT and (number == errno.EMFILE or not os.path.lexists(path)):
            raise OSError(number, os.strerror(number), path)
        return real(path, flags, *rest)

    patch.setattr(os, "open", full)


# ---------------------------------------------------------------- a command that hangs


def test_everything_goes_on_without_the_guard_and_says_so_once(
    make_spec: MakeSpec, registry: TaskRegistry, hung_command: ProcessLock
) -> None:
    said: List[str] = []
    registry = TaskRegistry(registry.home, say=said.append)
    began = time.monotonic()
    claim = registry.claim(make_spec())
    assert registry.running() == ["demo"] and registry.list_tasks() == [claim.info]
    with pytest.raises(TaskExists):
        registry.check_free("demo")
    with pytest.raises(TaskExists):
        registry.claim(make_spec())
    assert halt(registry, "demo", cancel_open=True).is_awaited and claim.cancel_request()
    registry.request_stop(registry.find("demo"))
    assert claim.stop_requested()
    claim.release()
    assert registry.list_tasks() == [] and not registry.is_alive(claim.info)
    assert time.monotonic() - began < 20
    assert len(said) == 1 and "不再等它" in said[0]


def test_a_real_task_is_found_halted_and_stopped_without_the_guard(
    make_spec: MakeSpec, registry: TaskRegistry, hung_command: ProcessLock
) -> None:
    began = time.monotonic()
    task = start(make_spec(), WORKER)
    assert registry.running() == ["demo"]
    assert stop(registry, [task])[0].error is None
    assert time.monotonic() - began < 20


def test_looks_without_the_guard_see_no_task_in_each_other_and_stop_no_claim(
    make_spec: MakeSpec, registry: TaskRegistry, hung_command: ProcessLock, tmp_path: Path
) -> None:
    """Many at once, all of them going on without it: nobody is in anybody's way."""
    code = (
        "import os, sys\n"
        "from jqtrade.tasks.registry import TaskRegistry\n"
        "registry = TaskRegistry(sys.argv[1])\n"
        "while not os.path.exists(sys.argv[2]):\n"
        "    assert 'before' not in registry.running()\n"
    )
    done = tmp_path / "done"
    lookers = [
        subprocess.Popen([sys.executable, "-c", code, registry.home, str(done)], stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for _ in range(100 if sys.platform != "win32" else 10):
        registry.claim(make_spec()).release()
    done.write_text("")
    for looker in lookers:
        errors = looker.communicate()[1]
        assert looker.returncode == 0, errors.decode("utf-8", "replace")


# ---------------------------------------------------------------- no room, no descriptor


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE, errno.EROFS, errno.EDQUOT] if os.name != "nt" else [28])
def test_without_room_for_a_file_a_spare_one_halts_and_stops(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    claim = registry.claim(make_spec())
    with monkeypatch.context() as patch:
        no_new_file(patch, number)
        if number != errno.EMFILE:  # a command without descriptors cannot look for the process
            registry.request_stop(claim.info)
            assert claim.stop_requested()
        registry.halt("demo")
        assert claim.is_halted()
    assert claim.cancel_request() == ""
    registry.resume("demo")
    with monkeypatch.context() as patch:  # the spare was made anew
        no_new_file(patch, number)
        registry.halt("demo")
        assert claim.is_halted()
    claim.release()


@pytest.mark.parametrize("is_halted_already", [True, False])
def test_on_a_full_disk_a_spare_file_carries_the_request_to_cancel(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, is_halted_already: bool
) -> None:
    claim = registry.claim(make_spec())
    if is_halted_already:
        registry.halt("demo")
    else:
        no_new_file(monkeypatch)
    real = os.write

    def no_longer(fd: int, data: bytes) -> int:
        if os.fstat(fd).st_size < len(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", no_longer)
    token = registry.halt("demo", cancel_open=True)
    assert token and claim.cancel_request() == token
    claim.release()


def test_a_second_halt_without_descriptors_leaves_the_request_to_cancel(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = registry.claim(make_spec())
    request = registry.halt("demo", cancel_open=True)
    with monkeypatch.context() as patch:
        no_new_file(patch, errno.EMFILE)
        registry.halt("demo")
    assert request and claim.cancel_request() == request
    claim.release()


@pytest.mark.posix
def test_a_task_without_descriptors_hears_a_halt_and_a_stop(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    code = (
        "import os, sys, time\n"
        "from jqtrade.tasks.registry import TaskRegistry\n"
        "from jqtrade.tasks.spec import TaskSpec\n"
        "claim = TaskRegistry(sys.argv[1]).claim(TaskSpec.from_json(sys.argv[2]))\n"
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "try:\n"
        "    while True: os.open(os.devnull, os.O_RDONLY)\n"
        "except OSError: pass\n"
        "print('full', flush=True)\n"
        "while not claim.is_halted(): time.sleep(0.01)\n"
        "print('halted', flush=True)\n"
        "while not claim.stop_requested(): time.sleep(0.01)\n"
        "print('stop', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, registry.home, make_spec().to_json()], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"full\n"
    registry.halt("demo")
    assert process.stdout.readline() == b"halted\n"
    registry.request_stop(registry.find("demo"))
    assert process.stdout.readline() == b"stop\n"
    assert process.wait() == 0
    process.stdout.close()


@pytest.mark.posix
@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_in_a_read_only_directory_a_task_is_stopped_by_a_signal(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    task = start(make_spec(), WORKER)
    tasks_dir(registry).chmod(0o500)
    try:
        assert stop(registry, [task])[0].error is None
    finally:
        tasks_dir(registry).chmod(0o700)


@pytest.mark.posix
def test_where_nothing_can_be_made_or_renamed_a_signal_asks_for_the_stop(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = start(make_spec(), WORKER)

    def read_only(*_: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        no_new_file(patch, errno.EROFS)
        patch.setattr(os, "replace", read_only)
        assert stop(registry, [task])[0].error is None
        with pytest.raises(TaskError, match="没有暂停"):
            registry.halt("demo")


def test_a_task_of_an_older_version_is_asked_in_its_own_way(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    claim.update(stops_by_name=False)  # as its record says nothing of it
    registry.request_stop(claim.info)
    assert (tasks_dir(registry) / "demo.stop").read_text() == claim.info.token
    claim.release()
    registry.claim(make_spec()).release()
    assert not (tasks_dir(registry) / "demo.stop").exists()


def test_a_command_of_an_older_version_stops_a_task_of_this_one(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    old_way = tasks_dir(registry) / "demo.stop"
    old_way.write_text(make_spec().token)
    assert not claim.stop_requested()  # it was for a former process of this name
    old_way.write_text(claim.info.token)
    assert claim.stop_requested()
    claim.release()


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["pipe", "directory", "dead link", "link to a device"])
def test_what_is_no_file_of_an_older_version_neither_stops_nor_holds_up(
    registry: TaskRegistry, make_spec: MakeSpec, kind: str
) -> None:
    claim = registry.claim(make_spec())
    put(kind, tasks_dir(registry) / "demo.stop")
    assert not claim.stop_requested()
    claim.release()


def test_stops_that_nobody_heard_are_cleared_away(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    dead = make_spec()
    registry.claim(dead).release()
    directory = tasks_dir(registry)
    for name in (f"demo.{dead.token}.stop", "demo.stop", f"demo.x.{dead.token}.stop", f"other.{dead.token}.stop"):
        (directory / name).write_text("")
    registry.claim(make_spec()).release()
    assert sorted(path.name for path in directory.glob("*.stop")) == [
        f"demo.x.{dead.token}.stop",
        f"other.{dead.token}.stop",
    ]


# ---------------------------------------------------------------- files that vanish


@pytest.mark.posix
def test_a_task_whose_lock_was_removed_keeps_its_name_and_is_found_and_stopped(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    task = start(make_spec(), WORKER)
    (tasks_dir(registry) / "demo.lock").unlink()
    with pytest.raises(TaskExists, match=f"pid {task.pid}"):
        registry.claim(make_spec())
    with pytest.raises(TaskExists, match=f"pid {task.pid}"):
        registry.check_free("demo")
    assert registry.list_tasks() == [task] and registry.running() == ["demo"]
    (tasks_dir(registry) / "demo.lock").unlink()
    assert stop(registry, [registry.find("demo")])[0].error is None
    registry.claim(make_spec()).release()


@pytest.mark.posix
def test_a_task_whose_lock_was_removed_is_killed(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    task = start(make_spec(), WORKER)
    (tasks_dir(registry) / "demo.lock").unlink()
    assert stop(registry, [task], force=True)[0].error is None
    assert registry.list_tasks() == []


@pytest.mark.posix
@pytest.mark.parametrize("removed", [["demo.lock"], ["demo.json"], ["demo.lock", "demo.json"]])
def test_a_running_task_puts_removed_files_back(
    registry: TaskRegistry, make_spec: MakeSpec, removed: List[str]
) -> None:
    claim = registry.claim(make_spec())
    for name in removed:
        (tasks_dir(registry) / name).unlink()
    assert claim.restore() == ""
    told = claim.notices()
    assert len(told) == ("demo.lock" in removed) and all("已重新建立" in text for text in told)
    assert claim.restore() == "" and claim.notices() == []
    assert not claim.is_halted()
    assert registry.list_tasks() == [claim.info]
    claim.release()
    assert registry.list_tasks() == []


@pytest.mark.posix
@pytest.mark.parametrize("was_halted", [True, False])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EMFILE])
@pytest.mark.parametrize("fails", ["demo.json", "demo.halt"])
def test_a_lock_that_could_not_be_put_back_with_all_else_is_put_back_when_there_is_room_again(
    registry: TaskRegistry,
    make_spec: MakeSpec,
    monkeypatch: pytest.MonkeyPatch,
    was_halted: bool,
    number: int,
    fails: str,
) -> None:
    claim = registry.claim(make_spec())
    if was_halted:
        registry.halt("demo")
        assert claim.is_halted()
    for path in tasks_dir(registry).iterdir():
        path.unlink()
    real = os.open

    def lock_only(path: Any, flags: int, *rest: Any) -> int:
        """There is room for the lock, and none any more for what comes after it."""
        if str(path).endswith(fails):
            raise OSError(number, os.strerror(number), path)
        return real(path, flags, *rest)

    will_fail = was_halted or fails == "demo.json"
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", lock_only)
        for _ in range(3):
            assert bool(claim.restore()) is will_fail
            assert claim.is_halted() is (will_fail or was_halted)
    assert claim.restore() == ""
    assert claim.is_halted() is was_halted
    assert registry.list_tasks() == [claim.info._replace(halted=was_halted)]
    claim.release()
    assert registry.list_tasks() == []


@pytest.mark.posix
def test_files_that_are_numbered_otherwise_after_a_remount_are_the_same_files(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = registry.claim(make_spec())
    for name in ("lstat", "fstat"):
        monkeypatch.setattr(os, name, renumbered(getattr(os, name)))
    assert not claim.is_halted() and claim.restore() == "" and claim.notices() == []
    claim.release()


def renumbered(real: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
    def look(*arguments: Any, **keywords: Any) -> os.stat_result:
        fields = list(real(*arguments, **keywords))
        fields[2] += 1  # st_dev
        return os.stat_result(fields)

    return look


@pytest.mark.posix
def test_a_record_keeps_its_descriptor_when_it_is_written_again(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    """A thread that is about to write to the number must not write into an order file."""
    claim = registry.claim(make_spec())
    before = os.stat(str(tasks_dir(registry) / "demo.json"))
    (number,) = [fd for fd in range(3, 100) if is_same(fd, before)]
    (tasks_dir(registry) / "demo.json").unlink()
    assert claim.restore() == ""
    assert is_same(number, os.stat(str(tasks_dir(registry) / "demo.json"))) and not os.get_inheritable(number)
    claim.release()


def is_same(fd: int, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), status)
    except OSError:
        return False


@pytest.mark.posix
def test_a_halted_task_stays_halted_when_all_its_files_are_removed(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    registry.halt("demo")
    assert claim.is_halted()
    for path in tasks_dir(registry).iterdir():
        path.unlink()
    assert claim.is_halted()
    assert registry.halted() == ["demo"]
    registry.resume("demo")
    assert not claim.is_halted()
    claim.release()


@pytest.mark.posix
@pytest.mark.parametrize("was_halted", [True, False])
def test_while_the_directory_is_gone_no_order_is_sent(
    registry: TaskRegistry, make_spec: MakeSpec, was_halted: bool
) -> None:
    claim = registry.claim(make_spec())
    if was_halted:
        registry.halt("demo")
    assert claim.is_halted() is was_halted
    away = Path(registry.home, "away")
    os.rename(str(tasks_dir(registry)), str(away))
    assert claim.is_halted() and claim.restore()
    assert not tasks_dir(registry).exists()  # it may be a disk that comes back
    (told,) = claim.notices()
    assert "不在了" in told and "新的委托一律不发出" in told
    os.rename(str(away), str(tasks_dir(registry)))
    assert claim.restore() == "" and "又在原处了" in claim.notices()[0]
    assert claim.is_halted() is was_halted
    claim.release()


@pytest.mark.posix
def test_a_task_whose_directory_was_emptied_and_made_anew_is_found_again(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    claim = registry.claim(make_spec())
    shutil.rmtree(str(tasks_dir(registry)))
    assert claim.is_halted()
    other = registry.claim(make_spec("other"))
    assert not claim.is_halted()
    assert registry.running() == ["demo", "other"]
    claim.release()
    other.release()


@pytest.mark.posix
def test_of_two_tasks_of_one_name_the_one_without_the_files_sends_no_order(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    first = registry.claim(make_spec())
    shutil.rmtree(str(tasks_dir(registry)))
    second = registry.claim(make_spec())
    assert first.is_halted() and not second.is_halted()
    assert f"已被另一个进程占用（pid {os.getpid()}）" in first.notices()[0]
    second.release()
    assert not first.is_halted()  # the name is free again
    assert registry.list_tasks() == [first.info]
    first.release()


# ---------------------------------------------------------------- something else in a file's place


def put(kind: str, path: Path) -> None:
    if path.exists() or path.is_symlink():
        path.unlink()
    if kind == "pipe":
        os.mkfifo(str(path))
    elif kind == "directory":
        path.mkdir()
    elif kind == "dead link":
        path.symlink_to("/nonexistent/x")
    else:
        path.symlink_to("/dev/zero")


KINDS = ["pipe", "directory", "dead link", "link to a device"]


@pytest.mark.posix
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "name", ["demo.lock", "demo.json", "demo.halt", "demo.halt-spare", "demo.stop-spare", ".guard.lock"]
)
def test_no_command_hangs_or_breaks_on_what_is_no_file(
    registry: TaskRegistry, make_spec: MakeSpec, kind: str, name: str
) -> None:
    other = start(make_spec("other"), WORKER)
    task = start(make_spec(), WORKER)
    put(kind, tasks_dir(registry) / name)
    assert read_record(str(tasks_dir(registry) / name)) is None
    assert "other" in [found.name for found in registry.list_tasks()]
    assert "other" in registry.running()
    if name == "demo.halt":
        assert registry.is_halted("demo")
        with pytest.raises(TaskError, match="demo.*新的委托已经一律不发出"):
            registry.halt("demo")
    else:
        registry.halt("demo")
        assert registry.is_halted("demo")
    registry.halt("other")
    assert stop(registry, [other])[0].error is None
    assert stop(registry, [task], timeout=0.2)  # whatever it says, it comes back
    if name == "demo.json":
        os.kill(task.pid, 9)


@pytest.mark.posix
@pytest.mark.parametrize("kind", KINDS)
def test_anything_with_the_name_of_a_stop_stops(registry: TaskRegistry, make_spec: MakeSpec, kind: str) -> None:
    spec = make_spec()
    start(spec, WORKER)
    path = tasks_dir(registry) / f"demo.{spec.token}.stop"
    put(kind, path)
    wait_for(lambda: not registry.list_tasks())
    if kind == "directory":
        path.rmdir()


@pytest.mark.posix
@pytest.mark.parametrize("kind", ["pipe", "directory", "dead link"])
def test_a_private_file_that_is_none_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    put(kind, path)
    for act in (lambda: open_private(str(path), os.O_WRONLY), lambda: read_private(str(path), 10)):
        with pytest.raises(TaskError):
            act()


@pytest.mark.posix
def test_a_pipe_is_no_log(registry: TaskRegistry, make_spec: MakeSpec, tmp_path: Path) -> None:
    pipe = tmp_path / "log"
    os.mkfifo(str(pipe))
    with pytest.raises(OSError):
        open_log(str(pipe))
    with pytest.raises(TaskError, match="没有启动"):
        start(make_spec(log=str(pipe)), WORKER)


def test_a_halt_that_cannot_be_followed_by_a_look_is_told_all_the_same(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = registry.claim(make_spec())

    def unreadable(path: str) -> List[str]:
        raise PermissionError(13, "Permission denied", path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", unreadable)
        halted = halt(registry, "demo", cancel_open=False)
    assert halted.answer.done and "没有看到它是否在运行" in halted.answer.text and claim.is_halted()
    claim.release()


def test_all_are_halted_before_anything_is_said_and_one_that_cannot_be_hinders_no_other(
    registry: TaskRegistry, make_spec: MakeSpec
) -> None:
    claims = [registry.claim(make_spec(name)) for name in ("a", "b", "c")]
    (tasks_dir(registry) / "b.halt").mkdir()
    halts, failures = halt_all(registry, ["a", "b", "c", "d"], False)
    assert [one.name for one in halts] == ["a", "c"] and all(one.answer.done for one in halts)
    assert len(failures) == 2 and "b" in failures[0].text and "从来没有名为 d" in failures[1].text
    assert all(claim.is_halted() for claim in claims)
    (tasks_dir(registry) / "b.halt").rmdir()
    for claim in claims:
        claim.release()


@pytest.mark.posix
def test_halt_all_with_a_pipe_that_nobody_reads_halts_them_all(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claims = [registry.claim(make_spec(name)) for name in ("a", "b", "c")]
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    command = [sys.executable, "-m", "jqtrade", "halt_task", "--all"]
    process = subprocess.Popen(command, stdout=writer, stderr=writer)
    try:
        wait_for(lambda: all(claim.is_halted() for claim in claims), 20)
    finally:
        process.kill()
        process.wait()
        os.close(reader)
        os.close(writer)
    for claim in claims:
        claim.release()
