"""What jqtrade itself imports while a strategy runs is not found in the strategy's folder.

A helper beside the strategy may be called select.py or pickle.py; pandas wants Python's own.
"""

import os
import sys
import warnings
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Dict, Iterator, Optional, Sequence

_NEEDED_LATE = ("_strptime", "ast", "calendar", "linecache", "locale", "tokenize", "traceback", "unicodedata")
"""what Python itself imports only when it first reads a date or writes a traceback, some versions of it at least"""


class StrategyFolder(str):
    """The entry of sys.path that is a strategy's folder; anything else that is equal to it is not."""


def put_folder_first(path: str) -> None:
    """Let modules beside the strategy's file at `path` be imported before all others."""
    folder = StrategyFolder(os.path.dirname(os.path.abspath(path)))
    for name in _NEEDED_LATE:
        import_module(name)
    # An entry that was there before stays, for what is ours may lie there.
    sys.path[:] = [folder] + [
        entry for entry in sys.path if not (isinstance(entry, StrategyFolder) and entry == folder)
    ]


@contextmanager
def own_imports() -> Iterator[None]:
    """What is imported meanwhile is ours: neither the strategy's folder nor what was imported from there is in sight.

    Nor are warnings errors meanwhile, whatever the strategy has set.
    """
    path = list(sys.path)
    folders = [entry for entry in path if isinstance(entry, StrategyFolder)]
    hidden = modules_of(folders)
    for name in hidden:
        del sys.modules[name]
    sys.path[:] = [entry for entry in path if not isinstance(entry, StrategyFolder)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.path[:] = path
        sys.modules.update(hidden)


def modules_of(folders: Sequence[str]) -> Dict[str, ModuleType]:
    """Modules that lie directly in one of `folders`, and what is in their packages; jqtrade itself may lie there too."""
    tops = {
        name
        for name, module in list(sys.modules.items())
        if "." not in name and name != "jqtrade" and _folder_of(module) in folders
    }
    return {name: module for name, module in list(sys.modules.items()) if name.partition(".")[0] in tops}


def _folder_of(module: Optional[ModuleType]) -> Optional[str]:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return None
    folder = os.path.dirname(os.path.abspath(file))
    return os.path.dirname(folder) if hasattr(module, "__path__") else folder
