"""Tell those who bring a file from 聚宽 what is different here, instead of a traceback."""

import ast
import tokenize
from importlib.util import find_spec
from typing import Iterable, List, Optional, Set

from jqtrade.errors import StrategyError

_MODULES = {"jqdata", "jqlib", "jqfactor", "jqboson", "kuanke"}
"""those that a strategy can only import at 聚宽"""


def absent_modules(names: Iterable[str]) -> Set[str]:
    """Those of the modules that are 聚宽's and not here: somebody may have written his own jqdata."""
    return {name for name in names if _root(name) in _MODULES and not _is_here(_root(name))}


def joinquant_text(path: str, error: BaseException) -> Optional[str]:
    """What to say of `error`, which ended the start of the strategy at `path`; None if it has nothing to do with 聚宽."""
    missing = error.name if isinstance(error, ImportError) and error.name else ""
    is_import = _root(missing) in _MODULES and bool(absent_modules([missing]))
    if not is_import and not isinstance(error, StrategyError):
        return None
    has_foreign_name = _has_foreign_name(path)
    if not is_import and not has_foreign_name:
        return None
    parts: List[str] = []
    if is_import:
        parts.append(f"这里没有模块 {missing}，请删掉它的 import，行情用自己的数据来源")
    if has_foreign_name:
        parts.append("聚宽的 initialize 在这里叫 process_initialize")
    return f"这个文件用的是聚宽的写法：{'；'.join(parts)}。逐项对照见 docs/guide.md 的“从聚宽来的人”"


def _root(module: str) -> str:
    return module.split(".")[0]


def _is_here(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _has_foreign_name(path: str) -> bool:
    """Whether the file defines `initialize`, and not what we call it."""
    try:
        with tokenize.open(path) as file:
            tree = ast.parse(file.read(), path)
    except (OSError, SyntaxError, ValueError):
        return False
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return "initialize" in defined and "process_initialize" not in defined
