"""What the operating system is asked for: private files, appending logs, locks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jqtrade.errors import TaskError
from jqtrade.tasks.platform import FileLock, make_private_dir, open_log, open_private


def test_a_lock_is_held_once_until_it_is_released(tmp_path: Path) -> None:
    first, second = FileLock(str(tmp_path / "a.lock")), FileLock(str(tmp_path / "a.lock"))
    assert first.try_acquire()
    assert not second.try_acquire()
    first.release()
    assert second.try_acquire()
    second.release()
    second.release()
    assert (tmp_path / "a.lock").exists()


def test_a_log_takes_the_writes_of_parent_and_child_in_turn_and_may_be_renamed(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    fd = open_log(str(log))
    try:
        code = "import sys; print('before', flush=True); sys.stdin.read(); print('after', flush=True)"
        child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=fd)
        assert child.stdin is not None
        while not log.stat().st_size:
            pass
        os.write(fd, b"between\n")
        os.replace(str(log), str(tmp_path / "a.log.1"))
        child.stdin.close()
        assert child.wait() == 0
    finally:
        os.close(fd)
    assert (tmp_path / "a.log.1").read_text().split() == ["before", "between", "after"]


def test_a_directory_in_place_of_a_file_or_the_reverse_is_a_task_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TaskError, match="JQTRADE_HOME"):
        make_private_dir(str(tmp_path / "file"))


@pytest.mark.posix
def test_every_missing_level_of_a_directory_is_private(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private_dir(str(tmp_path / "home" / "tasks"))
    assert [(tmp_path / path).stat().st_mode & 0o777 for path in ("", "home", "home/tasks")] == [0o755, 0o700, 0o700]


@pytest.mark.posix
def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    with pytest.raises(TaskError, match="符号链接"):
        make_private_dir(str(tmp_path / "link"))
    with pytest.raises(TaskError, match="符号链接"):
        open_private(str(tmp_path / "dangling"), os.O_RDWR)
    assert not (tmp_path / "nothing").exists()


@pytest.mark.posix
def test_another_users_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.lock").write_text("")
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(TaskError, match="其他用户"):
        open_private(str(tmp_path / "a.lock"), os.O_RDWR)
