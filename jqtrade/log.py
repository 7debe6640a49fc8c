"""Where log lines and prints go: formats, rotation, masking."""

import _thread
import errno
import io
import logging
import os
import re
import stat
import sys
import time
import warnings
from collections import deque
from datetime import datetime
from typing import Any, Callable, Deque, Dict, Optional, Sequence, Set, Tuple, Union

from jqtrade.busy_files import when_free
from jqtrade.clock import Clock
from jqtrade.console import ConsoleWriter, QueuedOutput
from jqtrade.masking import Masker, visible
from jqtrade.private_files import PRIVATE_FILE
from jqtrade.safe_log import SafeLog as SafeLog
from jqtrade.safe_log import get_log as get_log

MAX_BYTES = 10 * 1024 * 1024
BACKUP_COUNT = 9
"""with the current file ten in all"""


_MOST_KEPT = 4096
"""characters of an unfinished line, and how many pieces of it, and for how many seconds, before it is written all the same"""
_MOST_PIECES = 256
_LONGEST_KEPT = 0.5


class MaskedStream(io.TextIOWrapper):
    """A text stream, written line by line, in which secrets are masked.

    No character is too strange for it, and a print never raises: a full disk or a closed terminal must not cut a job
    between two orders.
    """

    def __init__(self, buffer: Any, masker: Masker, encoding: str = "utf-8") -> None:
        super().__init__(buffer, encoding=encoding, errors="backslashreplace", line_buffering=True, newline="\n")
        self._masker = masker
        self._unfinished: Dict[int, Deque[Tuple[float, str]]] = {}

    def write(self, text: str) -> int:
        """Keep the pieces of a line, of each thread its own, until it is whole: a secret may come in two.

        The display of some progress is shown as it goes on: it returns to the start of the line, or adds to it for long.
        """
        pieces = self._unfinished.setdefault(_thread.get_ident(), deque())
        now = time.monotonic()
        pieces.append((now, text))
        if (
            "\n" in text
            or "\r" in text
            or len(text) > _MOST_KEPT
            or len(pieces) > _MOST_PIECES
            # Not pieces[0]: a signal handler may have written them.
            or any(now - since > _LONGEST_KEPT for since, _ in list(pieces)[:1])
        ):
            self._write_pieces(pieces)
        return len(text)

    def _write_pieces(self, pieces: Deque[Tuple[float, str]]) -> None:
        """Piece by piece, since a signal handler may print in between."""
        whole = []
        try:
            while True:
                whole.append(pieces.popleft()[1])
        except IndexError:
            pass
        text = self._masker("".join(whole))
        try:
            super().write(text)
            if "\n" not in text and "\r" not in text:  # else this has been done
                super().flush()
        except OSError:
            pass

    def flush(self) -> None:
        for pieces in list(self._unfinished.values()):
            if pieces:
                self._write_pieces(pieces)
        try:
            super().flush()
        except OSError:
            pass


class PrintedStream(MaskedStream):
    """What the strategy prints, in a file that `before_line` may rotate."""

    def __init__(self, buffer: Any, masker: Masker, before_line: Callable[[], None]) -> None:
        super().__init__(buffer, masker)
        self._before_line = before_line

    def write(self, text: str) -> int:
        if "\n" in text:
            self._before_line()
        return super().write(text)


_EACH_LINE = "jqtrade_each_line"
_OURS = ("jqtrade", "py")
"""loggers whose lines speak in our name; `py.warnings` has the words of whoever warned"""
_DATED_LINE = re.compile(r"\n(?=\d{4}-\d)")


def log_lines(logger: Union[SafeLog, logging.Logger], lines: Sequence[str]) -> None:
    """Log these as INFO: one record, since thousands would take long, in which each line has its time and level."""
    if lines:
        logger.info("%s", "\n".join(line.replace("\n", "\\n") for line in lines), extra={_EACH_LINE: True})


class LineFormatter(logging.Formatter):
    """`time level pid logger [strategy time] message`; `strategy_time` tells the latter inside a job, else None.

    What a broker or a file says can neither begin a line that looks like ours nor move the terminal's cursor: in jqtrade's
    own lines control characters are written out, and a further line that begins with a date is indented. What the strategy
    logs is its own business.
    """

    def __init__(self, clock: Clock, strategy_time: Callable[[], Optional[datetime]], with_pid: bool = True) -> None:
        pid = "%(process)d " if with_pid else ""
        super().__init__("%(asctime)s %(levelname)s " + pid + "%(name)s%(strategy_time)s %(message)s")
        self._clock = clock
        self._strategy_time = strategy_time

    def format(self, record: logging.LogRecord) -> str:
        moment = self._strategy_time()
        record.strategy_time = "" if moment is None else f" [{moment:%Y-%m-%d %H:%M:%S}]"
        text = super().format(record)
        if getattr(record, _EACH_LINE, False):
            head = text[: -len(record.message)]
            return visible(text.replace("\n", "\n" + head))
        if record.name.partition(".")[0] not in _OURS:
            return text
        return _DATED_LINE.sub("\n    ", visible(text))

    def formatTime(self, record: logging.LogRecord, datefmt: Optional[str] = None) -> str:
        return self._clock.at(record.created).isoformat(" ", "milliseconds")


class RotatingLog(logging.FileHandler):
    """A log file rotated by size, into which the process's standard output and error go too, native code's included.

    It is begun anew when somebody removes it. Where another program holds the file so that it cannot be renamed, as on
    Windows, it grows until it can.
    """

    stream: Any  # closed and opened anew at each rotation

    def __init__(self, path: str, masker: Masker) -> None:
        self._masker = masker
        self._mode = PRIVATE_FILE
        super().__init__(path, encoding="utf-8")

    def _open(self) -> Any:
        # Unbuffered: a buffer raises when a signal handler writes into it in the middle of another write.
        stream = MaskedStream(open(self.baseFilename, "ab", 0, opener=self._open_private), self._masker)
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISCHR(status.st_mode):  # a pipe would hold up the jobs
            stream.close()
            raise OSError(errno.EINVAL, "日志不是普通文件", self.baseFilename)
        self._mode = stat.S_IMODE(status.st_mode)
        for fd in (1, 2):
            os.dup2(stream.fileno(), fd)
        return stream

    def _open_private(self, path: str, flags: int) -> int:
        """A new file gets the mode of the one before it, the first one is for its owner alone, whatever the umask."""
        try:
            fd = os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | os.O_EXCL, self._mode)
        except FileExistsError:
            return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), self._mode)
        if hasattr(os, "fchmod"):
            os.fchmod(fd, self._mode)
        return fd

    def emit(self, record: logging.LogRecord) -> None:
        self.rotate_if_full()
        try:
            super().emit(record)
        except OSError:  # the file could not be opened again after a rotation
            self.handleError(record)

    def rotate_if_full(self) -> None:
        """Asked before each line, also one that is printed."""
        self.acquire()
        try:
            if self.stream is not None:
                status = os.fstat(self.stream.fileno())
                if status.st_size >= MAX_BYTES or status.st_nlink == 0:  # the latter: the user removed it
                    self._rotate()
        except OSError:
            pass  # neither a print nor a line must fail for it; the next one tries again
        finally:
            self.release()

    def _rotate(self) -> None:
        full, self.stream = self.stream, None
        full.close()
        if os.name == "nt":  # a file cannot be renamed there while any descriptor of it is open
            with open(os.devnull, "wb") as nowhere:
                for fd in (1, 2):
                    os.dup2(nowhere.fileno(), fd)
        try:
            self._rename_files()
        except OSError:
            pass  # another program holds one of them: go on, the next line tries again
        self.stream = self._open()

    def _rename_files(self) -> None:
        """FILE becomes FILE.1, FILE.1 becomes FILE.2, up to the first free number; an interrupted round can be repeated."""
        if not os.path.exists(self.baseFilename) or os.path.getsize(self.baseFilename) < MAX_BYTES:
            return  # the user removed it, and may have put another one in its place
        names = [self.baseFilename] + [f"{self.baseFilename}.{number}" for number in range(1, BACKUP_COUNT + 1)]
        last = next((index for index in range(1, len(names)) if not os.path.exists(names[index])), len(names) - 1)
        for index in range(last, 0, -1):
            os.replace(names[index - 1], names[index])


def set_up_logging(
    path: Optional[str], debug: bool, masker: Masker, clock: Clock, strategy_time: Callable[[], Optional[datetime]]
) -> None:
    """Send log lines and prints of this process to the file at `path`, or to this terminal."""
    if path is None:
        # Of the writer's thread, in a strategy that forks: the child writes for itself.
        warnings.filterwarnings("ignore", ".* is multi-threaded, use of fork", DeprecationWarning)
        writer = ConsoleWriter(sys.stdout.encoding or "utf-8")
        sys.stdout, sys.stderr = [_queued(stream, writer, masker) for stream in (sys.stdout, sys.stderr)]
        handler: logging.Handler = logging.StreamHandler(sys.stdout)
    else:
        rotating = when_free(lambda: RotatingLog(path, masker))
        sys.stdout = PrintedStream(open(1, "wb", 0, closefd=False), masker, rotating.rotate_if_full)
        sys.stderr = PrintedStream(open(2, "wb", 0, closefd=False), masker, rotating.rotate_if_full)
        handler = rotating
    handler.setFormatter(LineFormatter(clock, strategy_time))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("jqtrade").setLevel(logging.DEBUG if debug else logging.INFO)
    logging.getLogger("strategy").setLevel(logging.DEBUG)
    logging.captureWarnings(True)


def _queued(stream: Any, writer: ConsoleWriter, masker: Masker) -> MaskedStream:
    stream.flush()
    return MaskedStream(QueuedOutput(writer, stream.buffer), masker, stream.encoding or "utf-8")


class Outage:
    """Says once that something began to fail, and once that it works again, with how long it took."""

    REASONS = 5

    def __init__(self, logger: Union[SafeLog, logging.Logger], clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._since: Optional[float] = None
        self._said: Set[str] = set()

    def failed(self, what: str) -> None:
        """Say `what` failed, once for each reason; of one outage at most REASONS of them."""
        if self._since is None:
            self._since = self._clock.monotonic()
            self._said.clear()
        if what not in self._said and len(self._said) < self.REASONS:
            self._said.add(what)
            self._logger.error("%s（恢复之前不再重复）", what)

    def worked(self, what: str) -> None:
        if self._since is not None:
            seconds = self._clock.monotonic() - self._since
            self._since = None
            self._logger.info("%s，中断了 %s", what, format_seconds(seconds))


def format_seconds(seconds: float) -> str:
    """A duration for people: "45 秒", "1 小时 5 分 20 秒"."""
    minutes, whole = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} 小时"] if hours else []
    if hours or minutes:
        parts.append(f"{minutes} 分")
    return " ".join(parts + [f"{whole} 秒"])
