"""Places in the life of an order where this process dies, or a call fails: JQTRADE_FAULT names them.

    JQTRADE_FAULT=after-append:kill@3             the third time that a row stands in the file, die
    JQTRADE_FAULT=before-fsync:ENOSPC@2,before-flush:EIO@1
    JQTRADE_FAULT=mid-append:short@1%30           write 30 % of the row, as a short write
    JQTRADE_FAULT=mid-append:kill@1%30            write 30 % of the row and die: a torn row

The product carries none of this: `install` wraps the calls that it makes. What happened is appended to the file that
JQTRADE_FAULT_TOLD names, and with JQTRADE_FAULT=count how often each place was passed, at the end.
"""

import atexit
import errno
import io
import os
import re
import signal
import sqlite3
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple

JOURNAL_PLACES = [f"{when}-{what}" for what in ("intent", "states") for when in ("before", "mid", "after")]
JOURNAL_PLACES += ["before-sent", "after-sent", "before-flush", "after-flush"]  # "sent" is only noted, flush writes it
FILE_PLACES = [
    "before-lock",
    "after-lock",
    "before-open",
    "after-open",
    "before-append",
    "mid-append",
    "after-append",
    "before-fsync",
    "after-fsync",
    "before-close",
    "after-close",
    "before-unlock",
    "after-unlock",
]
PLACES = JOURNAL_PLACES + FILE_PLACES
_FAULT = re.compile(r"([a-z-]+):(kill|short|E[A-Z]+)@(\d+)(?:%(\d+))?")


class Fault(NamedTuple):
    place: str
    action: str
    nth: int
    percent: int
    """of the row that is written, at mid-append"""


def parse(spec: str) -> List[Fault]:
    """The faults of JQTRADE_FAULT. Raises ValueError for what is none."""
    faults = []
    for text in filter(None, spec.split(",")):
        match = _FAULT.fullmatch(text)
        if match is None or match.group(1) not in PLACES:
            raise ValueError(f"no failpoint: {text!r}; places: {PLACES}")
        faults.append(Fault(match.group(1), match.group(2), int(match.group(3)), int(match.group(4) or 50)))
    return faults


class Failpoints:
    """Counts how often each place is passed, and does what was asked for there."""

    def __init__(self, spec: str, told: str) -> None:
        self.counts: Dict[str, int] = dict.fromkeys(PLACES, 0)
        self._faults = [] if spec == "count" else parse(spec)
        self._told = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666) if told else None
        if spec == "count":
            atexit.register(lambda: [self._tell(f"{place} {count}") for place, count in self.counts.items()])

    def _tell(self, text: str) -> None:
        if self._told is not None:
            os.write(self._told, (text + "\n").encode())

    def due(self, place: str) -> List[Fault]:
        """Count a pass of `place`; the faults that are due now."""
        self.counts[place] += 1
        return [fault for fault in self._faults if (fault.place, fault.nth) == (place, self.counts[place])]

    def act(self, fault: Fault) -> None:
        self._tell("{}:{}@{}".format(*fault))
        if fault.action == "kill":
            os.kill(os.getpid(), getattr(signal, "SIGKILL", 9))  # on Windows TerminateProcess: nothing runs after it
        number = getattr(errno, fault.action, None)
        if number is not None and fault.place in JOURNAL_PLACES:
            raise sqlite3.OperationalError("disk I/O error: " + os.strerror(number))
        if number is not None:
            raise OSError(number, os.strerror(number))

    def passes(self, place: str) -> None:
        for fault in self.due(place):
            self.act(fault)


class _FaultyOs:
    """The module os as the writer of the order files sees it."""

    def __init__(self, points: Failpoints) -> None:
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def write(self, fd: int, data: Any) -> int:
        self._points.passes("before-append")
        for fault in self._points.due("mid-append"):
            part = os.write(fd, data[: max(1, len(data) * fault.percent // 100)])
            self._points.act(fault)
            return part
        count = os.write(fd, data)
        self._points.passes("after-append")
        return count

    def fsync(self, fd: int) -> None:
        self._points.passes("before-fsync")
        os.fsync(fd)
        self._points.passes("after-fsync")


def install(spec: str, told: str = "") -> Failpoints:
    """Wrap the calls of the gate and the journal in this process."""
    from jqtrade.account.journal import Journal
    from jqtrade.account.trade_gate import csv_file

    points = Failpoints(spec, told)
    module: Any = csv_file
    module.os = _FaultyOs(points)
    open_to_append = module._open_to_append  # on Windows it asks Windows itself, not the module os

    def faulty_open(*args: Any) -> Any:
        points.passes("before-open")
        fd = open_to_append(*args)
        points.passes("after-open")
        return fd

    module._open_to_append = faulty_open

    class FaultyFile(io.FileIO):
        def close(self) -> None:
            is_one = not self.closed and "a" in self.mode
            if is_one:
                points.passes("before-close")
            super().close()
            if is_one:
                points.passes("after-close")

    module.io = SimpleNamespace(FileIO=FaultyFile)

    class FaultyLock(module.FileLock):  # type: ignore[misc]
        def try_acquire(self) -> bool:
            points.passes("before-lock")
            taken: bool = super().try_acquire()
            points.passes("after-lock")
            return taken

        def release(self) -> None:
            if self._file is None:
                return
            points.passes("before-unlock")
            super().release()
            points.passes("after-unlock")

    module.FileLock = FaultyLock
    _wrap_journal(Journal, points)
    return points


def _wrap_journal(journal: Any, points: Failpoints) -> None:
    now: List[str] = []

    def wrap(method: str, what: str) -> None:
        original: Callable[..., None] = getattr(journal, method)

        def wrapped(self: Any, *args: Any, **kwargs: Any) -> None:
            points.passes("before-" + what)
            now[:] = [what]
            try:
                original(self, *args, **kwargs)
            finally:
                now.clear()
            points.passes("after-" + what)

        setattr(journal, method, wrapped)

    wrap("record_intents", "intent")
    wrap("note_sent", "sent")
    wrap("flush", "flush")
    wrap("record_states", "states")
    write = journal._write

    def written(self: Any, synchronous: str, changes: Iterable[Any]) -> None:
        def one_by_one() -> Iterator[Any]:
            for change in changes:
                yield change
                for what in now:
                    points.passes("mid-" + what)  # it was made, and nothing is committed yet

        write(self, synchronous, one_by_one())

    journal._write = written


def install_from_environment() -> None:
    spec = os.environ.get("JQTRADE_FAULT")
    if spec:
        install(spec, os.environ.get("JQTRADE_FAULT_TOLD", ""))
