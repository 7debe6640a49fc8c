"""Where jqtrade keeps what it must not forget, and what a `~` in a path stands for."""

import os

from jqtrade.errors import InvalidParam


def home_dir() -> str:
    """Return the absolute path of $JQTRADE_HOME, by default ~/jqtrade.

    Raises InvalidParam where the `~` cannot be told.
    """
    given = os.environ.get("JQTRADE_HOME")
    return absolute(given) if given else absolute(os.path.join("~", "jqtrade"))


def absolute(path: str) -> str:
    """Return `path` made absolute, a `~` at its beginning replaced by the user's home.

    Raises InvalidParam if the current folder is gone, or if nobody knows that home: a service may run without USERPROFILE
    or HOME, and a folder called ~ in the current one, which is another one each time, would take what is written, and
    nothing be found again.
    """
    if not path.startswith("~"):
        return _from_here(path)
    try:
        expanded = os.path.expanduser(path)
    except KeyError:  # Python before 3.8, for a user without an entry in /etc/passwd
        expanded = path
    if path != "~" and os.path.basename(path) == path and expanded == path:
        return _from_here(path)  # a file that is called so
    is_windows = os.name == "nt"
    is_whole = bool(os.path.splitdrive(expanded)[0]) if is_windows else os.path.isabs(expanded)
    if not is_whole or os.environ.get("USERPROFILE" if is_windows else "HOME") == "":
        raise InvalidParam(
            f"路径 {path} 里的 ~ 不知道是哪个目录：环境变量 USERPROFILE（Linux、macOS 上是 HOME）没有设置，没有做任何操作。"
            "请设置它，或用环境变量 JQTRADE_HOME 写明 jqtrade 的目录，其他路径请写完整"
        )
    return os.path.abspath(expanded)


def _from_here(path: str) -> str:
    try:
        return os.path.abspath(path)
    except FileNotFoundError:
        raise InvalidParam(
            f"路径 {path} 从当前目录算起，而当前目录已经被删除，没有做任何操作。请先 cd 到别的目录，或把路径写完整"
        )
