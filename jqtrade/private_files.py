"""Files and directories that belong to this user alone; a link or another user's in their place is refused.

Nor is a pipe or a device opened where a file should be: that could wait for ever.
"""

import os
import stat
import sys
from typing import Optional

from jqtrade.errors import TaskError

PRIVATE_FILE = 0o600
_PRIVATE_DIR = 0o700
_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""O_NONBLOCK in case that a pipe gets there between the look and the opening; a file does not mind it"""


def make_private_dir(path: str) -> None:
    """Create directory `path`, and what is missing above it, for its owner alone; an existing `path` becomes so.

    On Windows a user's folders are closed to other users already, and modes do nothing.

    Raises TaskError if there is something else in its place.
    """
    parent = os.path.dirname(path)
    if parent != path and not os.path.isdir(parent):
        make_private_dir(parent)
    try:
        os.makedirs(path, _PRIVATE_DIR, exist_ok=True)
        check_ours(path)
        os.chmod(path, _PRIVATE_DIR)
    except OSError as error:
        raise TaskError(f"目录 {path} 不可用：{error}。可用环境变量 JQTRADE_HOME 指定另一个目录") from error


def open_private(path: str, flags: int) -> int:
    """Open `path`, created for its owner alone if it is missing; return the descriptor, which no new program inherits.

    Raises OSError, and TaskError if it is a symbolic link, another user's, or no file.
    """
    check_our_file(path)
    return os.open(path, flags | os.O_CREAT | _FLAGS, PRIVATE_FILE)


def read_private(path: str, size: int) -> bytes:
    """Return the first `size` bytes of the file at `path`. Raises OSError, and TaskError as open_private."""
    check_our_file(path)
    fd = os.open(path, os.O_RDONLY | _FLAGS)
    try:
        return os.read(fd, size)
    finally:
        os.close(fd)


def make_private(path: str, spare: str) -> None:
    """Let there be a file at `path`. Where none can be made (a full disk, no descriptor left), `spare` is renamed.

    A file that is there is left alone, also where it cannot be opened: `spare` in its place would undo what it says.

    Raises OSError, and TaskError as open_private.
    """
    check_our_file(path)
    if os.path.lexists(path):
        return
    try:
        os.close(open_private(path, os.O_WRONLY))
    except OSError:
        try:
            os.replace(spare, path)
        except OSError:
            pass
        else:
            return
        raise


def check_ours(path: str) -> None:
    """Raise TaskError if there is a symbolic link or another user's file at `path`; nothing there is fine."""
    _look(path)


def check_our_file(path: str) -> None:
    """Raise TaskError as check_ours, and if there is something at `path` that is no file, such as a directory or a pipe."""
    found = _look(path)
    if found is not None and not stat.S_ISREG(found.st_mode):
        raise TaskError(f"{path} 不是普通文件（是目录、管道或设备），拒绝使用；请删除它后重试")


def _look(path: str) -> Optional[os.stat_result]:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if os.path.islink(path):
        raise TaskError(f"{path} 是符号链接，拒绝使用；请删除它后重试")
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise TaskError(
            f"{path} 属于其他用户（uid {found.st_uid}），拒绝使用；"
            "请换用该用户运行，或用环境变量 JQTRADE_HOME 指定另一个目录"
        )
    return found
