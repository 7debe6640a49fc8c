"""The lock beside a file that several programs append to."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import filelock
import pytest

from jqtrade.account.trade_gate import file_lock
from jqtrade.account.trade_gate.file_lock import FileLock

HOLDER = """
import sys, time
import filelock
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_it_is_the_lock_that_other_programs_take_by_filelock(tmp_path: Path) -> None:
    path = str(tmp_path / "file.lock")
    ours, theirs = FileLock(path), filelock.FileLock(path)
    with theirs:
        assert not ours.try_acquire()
    assert ours.try_acquire()
    with pytest.raises(filelock.Timeout):
        theirs.acquire(timeout=0)
    ours.release()
    with theirs:
        assert not ours.try_acquire()
    assert ours.try_acquire()
    ours.release()


def test_two_of_the_same_process_exclude_one_another(tmp_path: Path) -> None:
    first, second = FileLock(str(tmp_path / "file.lock")), FileLock(str(tmp_path / "file.lock"))
    assert first.try_acquire() and not second.try_acquire()
    first.release()
    assert second.try_acquire() and not first.try_acquire()
    second.release()


def test_a_killed_holder_frees_it(tmp_path: Path) -> None:
    path = str(tmp_path / "file.lock")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline().strip() == b"held"
    lock = FileLock(path)
    assert not lock.try_acquire()
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert lock.try_acquire()
    lock.release()


def test_a_folder_that_is_not_there_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        FileLock(str(tmp_path / "no" / "file.lock")).try_acquire()
    assert not (tmp_path / "no").exists()


@pytest.mark.posix
@pytest.mark.skipif(not hasattr(filelock, "lock_descriptor"), reason="filelock's own class looks after this itself")
def test_a_file_that_was_deleted_while_we_waited_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file.lock"
    lock_descriptor: Any = filelock.lock_descriptor

    def deleted_first(fd: int, blocking: bool) -> bool:
        path.unlink()
        taken: bool = lock_descriptor(fd, blocking=blocking)
        return taken

    lock = FileLock(str(path))
    monkeypatch.setattr(file_lock.filelock, "lock_descriptor", deleted_first)
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    assert not lock.try_acquire()
    after = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
    assert before == after
    monkeypatch.undo()
    assert lock.try_acquire() and path.exists()
    lock.release()


class WindowsIo:
    """The module io as on Windows while another program deletes the lock file."""

    denied = 1

    def FileIO(self, *args: Any) -> io.FileIO:  # noqa: N802
        if self.denied:
            self.denied -= 1
            raise PermissionError(13, "Permission denied")
        return io.FileIO(*args)


def test_a_lock_file_that_is_being_deleted_on_windows_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = FileLock(str(tmp_path / "file.lock"))
    monkeypatch.setattr(file_lock, "io", WindowsIo())
    monkeypatch.setattr(os, "name", "nt")
    assert not lock.try_acquire()
    assert lock.try_acquire()
    lock.release()
