"""Files that are ours alone: made so, and refused when somebody else's or a link stands in their place."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from jqtrade.errors import TaskError
from jqtrade.private_files import make_private, make_private_dir, open_private, read_private


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
    for use in (open_private, read_private):
        with pytest.raises(TaskError, match="其他用户"):
            use(str(tmp_path / "a.lock"), os.O_RDWR)


def test_what_was_written_is_read_back_as_far_as_asked(tmp_path: Path) -> None:
    fd = open_private(str(tmp_path / "a"), os.O_WRONLY)
    os.write(fd, b"one\r\ntwo")
    os.close(fd)
    assert read_private(str(tmp_path / "a"), 5) == b"one\r\n"
    with pytest.raises(FileNotFoundError):
        read_private(str(tmp_path / "b"), 5)


def test_a_spare_file_never_takes_the_place_of_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, spare = tmp_path / "a", tmp_path / "spare"
    path.write_text("says something")
    spare.write_text("")

    def no_descriptor(*_: Any) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "open", no_descriptor)
    make_private(str(path), str(spare))
    monkeypatch.undo()
    assert path.read_text() == "says something" and spare.exists()
