"""Files and directories that belong to this user alone; a link or another user's in their place is refused."""

import os
import sys

from jqtrade.errors import TaskError

PRIVATE_FILE = 0o600
_PRIVATE_DIR = 0o700


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

    Raises OSError, and TaskError if it is a symbolic link or another user's.
    """
    check_ours(path)
    special = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    return os.open(path, flags | os.O_CREAT | special, PRIVATE_FILE)


def read_private(path: str, size: int) -> bytes:
    """Return the first `size` bytes of the file at `path`. Raises OSError, and TaskError as open_private."""
    check_ours(path)
    fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        return os.read(fd, size)
    finally:
        os.close(fd)


def check_ours(path: str) -> None:
    """Raise TaskError if there is a symbolic link or another user's file at `path`; nothing there is fine."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if os.path.islink(path):
        raise TaskError(f"{path} 是符号链接，拒绝使用；请删除它后重试")
    if sys.platform != "win32" and found.st_uid != os.geteuid():
        raise TaskError(
            f"{path} 属于其他用户（uid {found.st_uid}），拒绝使用；"
            "请换用该用户运行，或用环境变量 JQTRADE_HOME 指定另一个目录"
        )
