"""Who runs under which name: the lock is the truth, whatever the record, the pid or a command line says."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest
from real_tasks import ROOT, WORKER, modes, wait_for

from jqtrade.errors import InvalidParam, TaskError, TaskExists
from jqtrade.tasks.launcher import start, stop
from jqtrade.tasks.platform import FileLock
from jqtrade.tasks.record import TaskInfo
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.spec import TaskSpec, new_token

MakeSpec = Callable[..., TaskSpec]


@pytest.fixture
def decoy() -> Iterator["subprocess.Popen[bytes]"]:
    """A bystander whose command line says that it is a task."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", "jqtrade", "start_task", "-n", "demo"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    yield process
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def test_nothing_runs_and_nothing_is_made_by_looking(registry: TaskRegistry) -> None:
    assert registry.list_tasks() == []
    registry.check_free("demo")
    assert registry.peek("demo") is None
    assert not os.path.exists(registry.home)


def test_a_claim_is_listed_with_what_it_says_until_released(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec("Demo", code="/s/demo.py", env={"USER": "test", "TOKEN": "geheim"}, debug=True))
    claim.update(state="running", jobs_run=3, last_error="除以零", next_job="market_open" * 50)
    claim.update(next_job="f")
    (task,) = registry.list_tasks()
    assert task == claim.info
    assert (task.name, task.pid, task.state, task.jobs_run, task.next_job) == ("Demo", os.getpid(), "running", 3, "f")
    assert task.env == {"USER": "test", "TOKEN": "***"}
    assert "geheim" not in Path(registry.home, "tasks", "demo.json").read_text()
    assert set(task.as_dict()) == set(TaskInfo._fields) - {
        "token",
        "heeds_halt",
        "stops_by_name",
        "cancels_for",
        "cancels",
        "cancels_failed",
    }
    claim.release()
    claim.release()
    assert registry.list_tasks() == []
    assert registry.peek("demo") == task


@pytest.mark.parametrize("other", ["demo", "DEMO"])
def test_a_second_claim_names_the_first_one(registry: TaskRegistry, make_spec: MakeSpec, other: str) -> None:
    claim = registry.claim(make_spec("demo"))
    with pytest.raises(TaskExists, match=f"demo.*pid {os.getpid()}"):
        registry.claim(make_spec(other))
    with pytest.raises(TaskExists, match=f"demo.*pid {os.getpid()}"):
        registry.check_free(other)
    assert registry.list_tasks() == [claim.info]
    claim.release()
    registry.claim(make_spec(other)).release()


def test_a_bad_name_makes_no_file(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    with pytest.raises(InvalidParam):
        registry.claim(make_spec(name="../x"))
    with pytest.raises(InvalidParam):
        registry.find("../x")
    assert not os.path.exists(registry.home)


def test_a_stop_request_reaches_the_very_process_it_was_meant_for(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    first = registry.claim(make_spec())
    assert not first.stop_requested()
    registry.request_stop(first.info)
    assert first.stop_requested()
    first.release()

    second = registry.claim(make_spec())
    registry.request_stop(first.info)
    assert not second.stop_requested()
    Path(registry.home, "tasks", "demo.stop").write_text(first.info.token)
    assert not second.stop_requested()
    assert not registry.is_alive(first.info)
    assert registry.is_alive(second.info)
    second.release()


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"name": 1, "pid": 2}', '{"name": "demo"}'])
def test_an_unreadable_record_hides_no_task_and_kills_nobody(
    registry: TaskRegistry, make_spec: MakeSpec, text: str
) -> None:
    claim = registry.claim(make_spec())
    Path(registry.home, "tasks", "demo.json").write_text(text)
    (task,) = registry.list_tasks()
    assert (task.name, task.pid, task.state) == ("demo", 0, "unknown")
    with pytest.raises(TaskError):
        registry.kill(task)
    claim.release()


def test_a_record_of_another_version_is_read(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    Path(registry.home, "tasks", "demo.json").write_text(
        '{"name": "demo", "pid": 7, "new_field": 1}\nrest of a longer one'
    )
    assert registry.list_tasks() == [TaskInfo("demo", 7)]
    claim.release()


def test_foreign_files_among_ours_are_passed_over(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    for name in ("Demo 2.lock", ".swp.lock", "other.txt"):
        Path(registry.home, "tasks", name).write_text("")
    assert registry.list_tasks() == [claim.info]
    claim.release()


def test_a_full_disk_does_not_stop_a_strategy(
    registry: TaskRegistry, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = registry.claim(make_spec())

    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        claim.update(jobs_run=1)
        registry.request_stop(claim.info)
        assert claim.stop_requested()
        with pytest.raises(TaskError, match="没有启动"):
            registry.claim(make_spec("other"))
    claim.update(jobs_failed=1)
    assert registry.list_tasks() == [claim.info]
    assert (claim.info.jobs_run, claim.info.jobs_failed) == (1, 1)
    claim.release()
    registry.claim(make_spec("other")).release()


@pytest.mark.posix
def test_a_record_that_is_a_symbolic_link_is_refused_and_the_name_stays_free(
    registry: TaskRegistry, make_spec: MakeSpec, tmp_path: Path
) -> None:
    registry.claim(make_spec()).release()
    record = Path(registry.home, "tasks", "demo.json")
    record.unlink()
    record.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TaskError, match="符号链接"):
        registry.claim(make_spec())
    assert not (tmp_path / "elsewhere").exists()
    record.unlink()
    registry.claim(make_spec()).release()


@pytest.mark.posix
def test_everything_is_readable_by_its_owner_only(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    before = os.umask(0)
    try:
        spec = make_spec("demo", log=None)
        task = start(spec, WORKER)
        assert task.log == os.path.join(registry.home, "logs", "demo.log")
        registry.request_stop(task)
    finally:
        os.umask(before)
    home = Path(registry.home)
    assert modes([home, home / "tasks", home / "logs"]) == ["0o700"] * 3
    found = set()
    for path in home.glob("*/*"):
        with contextlib.suppress(FileNotFoundError):  # the task is ending
            found.update(modes([path]))
    assert found == {"0o600"}


@pytest.mark.posix
def test_a_killed_task_frees_its_name_at_once(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    task = start(make_spec(), WORKER)
    os.kill(task.pid, signal.SIGKILL)
    wait_for(lambda: not registry.list_tasks(), 2)
    registry.claim(make_spec()).release()


@pytest.mark.posix
def test_a_killed_task_frees_its_name_though_what_it_forked_lives(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    task = start(make_spec(steps="claim,fork:child,ready,loop"), WORKER)
    child = int(Path(registry.home, "child").read_text())
    try:
        os.kill(task.pid, signal.SIGKILL)
        wait_for(lambda: not registry.list_tasks(), 2)
        os.kill(child, 0)
        registry.claim(make_spec()).release()
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.posix
@pytest.mark.skipif(sys.version_info < (3, 7), reason="a plain os.fork cannot be noticed")
def test_a_forked_child_cannot_release_its_parents_name(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    registry.request_stop(claim.info)
    child = os.fork()
    if child == 0:
        claim.update(jobs_run=99)
        claim.release()
        os._exit(0)
    os.waitpid(child, 0)
    assert registry.list_tasks() == [claim.info]
    assert claim.stop_requested()
    claim.release()


def test_a_bystander_that_looks_like_a_task_is_neither_listed_nor_hit(
    registry: TaskRegistry, make_spec: MakeSpec, decoy: "subprocess.Popen[bytes]"
) -> None:
    registry.claim(make_spec("other")).release()
    assert registry.list_tasks() == []
    with pytest.raises(TaskError, match="demo.*没有做任何操作"):
        registry.find("demo")
    with pytest.raises(TaskError, match=f"进程 {decoy.pid} 不是.*没有做任何操作"):
        registry.find(pid=decoy.pid)
    assert decoy.poll() is None


def test_a_reused_pid_is_neither_listed_nor_hit(
    registry: TaskRegistry, make_spec: MakeSpec, decoy: "subprocess.Popen[bytes]"
) -> None:
    claim = registry.claim(make_spec())
    dead = claim.info._replace(pid=decoy.pid)
    claim.release()
    record = json.dumps(dead._asdict())
    Path(registry.home, "tasks", "demo.json").write_text(record)
    assert registry.list_tasks() == []
    registry.kill(dead)
    registry.request_stop(dead)
    claim = registry.claim(make_spec())
    registry.kill(dead)
    registry.request_stop(dead)
    assert not list(Path(registry.home, "tasks").glob("*.stop"))
    assert registry.list_tasks() == [claim.info]
    claim.release()
    assert decoy.poll() is None


@pytest.mark.posix
def test_a_reused_pid_is_not_hit_while_a_fork_of_the_dead_task_holds_its_name(
    registry: TaskRegistry, make_spec: MakeSpec, decoy: "subprocess.Popen[bytes]"
) -> None:
    claim = registry.claim(make_spec())
    dead = claim.info._replace(pid=decoy.pid)
    claim.release()
    Path(registry.home, "tasks", "demo.json").write_text(json.dumps(dead._asdict()))
    fork = FileLock(os.path.join(registry.home, "tasks", "demo.lock"))
    assert fork.try_acquire()
    (result,) = stop(registry, [dead], force=True)
    assert "派生的子进程" in str(result.error)
    assert decoy.poll() is None
    fork.release()


def test_looking_never_makes_a_start_fail_nor_a_start_a_look(
    registry: TaskRegistry, make_spec: MakeSpec, tmp_path: Path
) -> None:
    code = (
        "import os, sys\n"
        "from jqtrade.tasks.registry import TaskRegistry\n"
        "registry, seen, looks = TaskRegistry(sys.argv[1]), set(), 0\n"
        "while not os.path.exists(sys.argv[2]):\n"
        "    tasks = registry.list_tasks()\n"
        "    assert all(task.pid > 0 and task.state in ('starting', 'running') for task in tasks), tasks\n"
        "    looks += 1\n"
        "print(looks)\n"
    )
    done = tmp_path / "done"
    command = [sys.executable, "-c", code, registry.home, str(done)]
    watchers = [
        subprocess.Popen(command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)
    ]
    failures = []
    for number in range(400 if sys.platform != "win32" else 40):
        try:
            claim = registry.claim(make_spec("demo", token=new_token()))
        except TaskExists as error:
            failures.append(f"{number}: {error}")
            continue
        claim.update(state="running", last_error="x" * (number % 7 * 100))
        claim.release()
    task = start(make_spec("real"), WORKER)
    done.write_text("")
    for watcher in watchers:
        output, errors = watcher.communicate()
        assert watcher.returncode == 0, errors.decode("utf-8", "replace")
        assert int(output) > 0
    assert failures == []
    assert registry.list_tasks() == [task]


def test_looking_and_starting_import_neither_filelock_nor_psutil(registry: TaskRegistry, make_spec: MakeSpec) -> None:
    claim = registry.claim(make_spec())
    code = (
        "import sys\n"
        "import jqtrade.tasks.launcher\n"
        "from jqtrade.tasks.registry import TaskRegistry\n"
        "assert len(TaskRegistry(sys.argv[1]).list_tasks()) == 1\n"
        "slow = {'filelock', 'psutil', 'subprocess', 'multiprocessing', 'logging'} & set(sys.modules)\n"
        "assert not slow, slow\n"
    )
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    subprocess.check_call([sys.executable, "-c", code, registry.home], cwd=str(ROOT), env=unmeasured)
    claim.release()
