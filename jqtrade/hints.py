"""What a user most likely meant: the word or the file that comes nearest, the quotes that a shell wants."""

import os
from typing import Iterable, List, Optional

from jqtrade.errors import InvalidParam
from jqtrade.home import absolute as absolute_path

QUOTE_HINT = '环境变量的值里有分号时，整个值要用双引号括起来，例如 -e "A=1;B=2"，否则命令在分号处就断了'

_MOST_FILES = 10


def nearest(word: str, known: Iterable[str], similarity: float = 0.5) -> Optional[str]:
    """The one of `known` that was most likely meant by `word`; None if none is as similar as that (0 to 1)."""
    import difflib

    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), by_lower, 1, similarity)
    near = near or difflib.get_close_matches(word.lower(), by_lower, 1, similarity)
    return by_lower[near[0]] if near else None


def existing_file(path: str, what: str, outcome: str) -> str:
    """Return the absolute path of the file that the user named.

    Raises InvalidParam if it is a folder, saying which Python files lie in it, or if it is not there, naming the file
    that was likely meant; `outcome` is what has been done so far.
    """
    absolute = existing_path(path, what, outcome)
    if os.path.isdir(absolute):
        names = [name for name in _names_in(absolute) if name.endswith(".py")]
        listed = "、".join(names[:_MOST_FILES]) + ("…" if len(names) > _MOST_FILES else "")
        inside = f"里面有 {listed}，请写出是哪一个" if names else "里面没有 .py 文件"
        raise InvalidParam(f"{what} {absolute} 是目录，不是文件：{inside}。{outcome}")
    if not os.path.isfile(absolute):
        raise InvalidParam(f"{what} {absolute} 不是文件。{outcome}")
    return absolute


def existing_path(path: str, what: str, outcome: str) -> str:
    """Return the absolute path of the file or folder that the user named. Raises InvalidParam as existing_file."""
    absolute = absolute_path(path)
    if not os.path.exists(absolute):
        folder, name = os.path.split(absolute)
        near = nearest(name, _names_in(folder))
        if near is not None:
            found = f"，同一个目录里最接近的是 {near}"
        elif not os.path.isabs(path) and not path.startswith("~"):
            found = f"，路径从终端现在的目录 {os.getcwd()} 算起"
        else:
            found = ""
        raise InvalidParam(f"{what}不存在：{absolute}{found}。{outcome}")
    return absolute


def _names_in(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # then there is nothing to name
        return []
