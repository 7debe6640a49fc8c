"""BorrowedProcess: a strategy in a process that is somebody else's: a replay, a check or a test. It leaves nothing behind.

What it changes of the process's state (below, `_ROOMS`) is taken out again when it has ended, or stands still between two
calls. Modules that lie elsewhere than beside it (numpy) stay, for most cannot be loaded twice; threads and files that it
left open stay too. One strategy at a time: the only module-level state here is whose the process is.
"""

import builtins
import decimal
import faulthandler
import locale
import logging
import os
import random
import signal
import sys
import threading
import time
import warnings
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List, MutableMapping, NamedTuple, Tuple

from jqtrade.errors import InvalidCall
from jqtrade.log import get_log
from jqtrade.own_imports import StrategyFolder, modules_of
from jqtrade.runtime.loader import StrategyModule

log = get_log("jqtrade")

_occupants: List[str] = []
"""the name of the strategy that the process is running; at most one"""
_lock = threading.Lock()


@contextmanager
def occupied(name: str) -> Iterator[None]:
    """The process runs the strategy `name` and no other. Raises InvalidCall if it is running one already."""
    with _lock:
        if _occupants:
            raise InvalidCall(f"这个进程正在运行策略 {_occupants[0]}，一个进程里同时只能有一个，{name} 没有运行")
        _occupants.append(name)
    try:
        yield
    finally:
        _occupants.clear()


class BorrowedProcess:
    """For one strategy; it may be lent to it several times, and what it made of the process is there again each time."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._changes: _State = {}

    @contextmanager
    def lent(self) -> Iterator[None]:
        """The process is the strategy's within this, then as it was before. Raises InvalidCall while it is another's."""
        with occupied(self._name):
            before = _take()
            _put(self._changes)
            try:
                yield
            finally:
                after = _take()
                modules = _modules_beside(before, after)
                self._changes = {}
                for key in before.keys() | after.keys():
                    old, new = before.get(key, _MISSING), after.get(key, _MISSING)
                    is_stranger = key[0] == "modules" and old is _MISSING and key[1] not in modules
                    if old is not new and old != new and not is_stranger:
                        self._changes[key] = new
                _put({key: before.get(key, _MISSING) for key in self._changes})


_State = Dict[Tuple[str, Any], Any]
"""values by room and name"""
_MISSING: Any = object()


def _take() -> _State:
    return {(room, name): value for room in _ROOMS for name, value in _ROOMS[room].take().items()}


def _put(state: _State) -> None:
    for (room, name), value in state.items():
        try:
            _ROOMS[room].put(name, value)
        except Exception as error:  # a folder that is gone, a locale that is none
            log.warning("进程的 %s %s 没有换回来：%s", room, name, error)


def _modules_beside(before: _State, after: _State) -> Dict[str, ModuleType]:
    """The strategy's own modules: its file, and what lies in folders that it has put on sys.path."""
    known = before["lists", "path"][1]
    entries = [entry for entry in after["lists", "path"][1] if isinstance(entry, StrategyFolder) or entry not in known]
    own = {name: module for name, module in list(sys.modules.items()) if isinstance(module, StrategyModule)}
    return dict(modules_of([os.path.abspath(entry) for entry in entries]), **own)


class _Room(NamedTuple):
    """One kind of state of the process."""

    take: Callable[[], Dict[Any, Any]]
    put: Callable[[Any, Any], None]
    """sets what has this name; _MISSING: there shall be none"""


def _mapping(mapping: MutableMapping[str, Any], *names: str) -> _Room:
    """What `mapping` has under these names; without any, all of it."""

    def put(name: str, value: Any) -> None:
        if value is not _MISSING:
            mapping[name] = value
        else:
            mapping.pop(name, None)
        if name == "TZ" and hasattr(time, "tzset"):
            time.tzset()

    return _Room(lambda: {name: mapping[name] for name in names or list(mapping)}, put)


_LISTS: Dict[str, Any] = {"path": sys, "argv": sys, "filters": warnings}


def _put_list(name: str, value: Any) -> None:
    """The same list object, with the same content."""
    the_list, content = value
    the_list[:] = content
    setattr(_LISTS[name], name, the_list)
    if name == "filters":
        warnings.simplefilter("default", append=True)  # by its own function, which has what was cached forgotten
        the_list[:] = content


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed; then nobody can go back there
        return os.curdir


_SETTINGS: Dict[str, Tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "random": (random.getstate, random.setstate),
    "decimal": (lambda: decimal.getcontext().copy(), decimal.setcontext),
    "recursion limit": (sys.getrecursionlimit, sys.setrecursionlimit),
    "folder": (_folder, os.chdir),
    "locale": (lambda: locale.setlocale(locale.LC_ALL), lambda value: locale.setlocale(locale.LC_ALL, value)),
    "logging.disable": (lambda: logging.root.manager.disable, logging.disable),
    "faulthandler": (faulthandler.is_enabled, lambda on: faulthandler.enable() if on else faulthandler.disable()),
}

if sys.platform != "win32":
    _SETTINGS["alarm"] = (
        lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 0,
        lambda is_set: is_set or signal.setitimer(signal.ITIMER_REAL, 0),
    )


def _put_setting(name: str, value: Any) -> None:
    _SETTINGS[name][1](value)


def _take_loggers() -> Dict[str, Any]:
    loggers = [*logging.Logger.manager.loggerDict.values(), logging.root]
    return {
        one.name: (one.level, one.propagate, one.disabled, tuple(one.handlers), tuple(one.filters))
        for one in loggers
        if isinstance(one, logging.Logger)
    }


def _put_logger(name: str, value: Any) -> None:
    logger = logging.root if name == logging.root.name else logging.getLogger(name)
    if value is _MISSING:  # a logger cannot be taken away; those of a library that stays have a NullHandler
        handlers = [handler for handler in logger.handlers if isinstance(handler, logging.NullHandler)]
        value = (logging.NOTSET, True, False, handlers, ())
    level, logger.propagate, logger.disabled, logger.handlers[:], logger.filters[:] = value
    logger.setLevel(level)


def _take_signals() -> Dict[int, Any]:
    """Only of the main thread, which alone may set them."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    numbers = (getattr(signal, name) for name in dir(signal) if name.startswith("SIG") and "_" not in name)
    return {int(number): signal.getsignal(number) for number in numbers}


def _put_signal(number: int, handler: Any) -> None:
    if handler is not None and handler is not _MISSING:  # None: set by a library in C, which Python cannot do
        signal.signal(number, handler)


_ROOMS = {
    "lists": _Room(lambda: {name: (getattr(o, name), list(getattr(o, name))) for name, o in _LISTS.items()}, _put_list),
    "sys": _mapping(vars(sys), "stdin", "stdout", "stderr", "excepthook", "displayhook"),
    "warnings": _mapping(vars(warnings), "showwarning"),
    "logging": _mapping(vars(logging), "_warnings_showwarning", "raiseExceptions", "lastResort"),
    "settings": _Room(lambda: {name: get() for name, (get, _) in _SETTINGS.items()}, _put_setting),
    "environment": _mapping(os.environ),
    "builtins": _mapping(vars(builtins)),
    "modules": _mapping(sys.modules),
    "loggers": _Room(_take_loggers, _put_logger),
    "signals": _Room(_take_signals, _put_signal),
}
