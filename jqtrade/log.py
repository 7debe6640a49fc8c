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
from typing import Any, Callable, Deque, Dict, List, Optional, Sequence, Set, Tuple, Union

from jqtrade.busy_files import when_free
from jqtrade.clock import Clock
from jqtrade.console import ConsoleWriter, QueuedOutput
from jqtrade.masking import Masker, visible
from jqtrade.private_files import PRIVATE_FILE
from jqtrade.safe_log import SafeLog as SafeLog
from jqtrade.safe_log import as_printed, is_shown, own_logger
from jqtrade.safe_log import get_log as get_log

MAX_BYTES = 10 * 1024 * 1024
BACKUP_COUNT = 9
"""with the current file ten in all"""
_RETRY = 1.0
"""seconds after which a file that another program holds is tried again: on Windows each try closes and opens the log"""

_MOST_KEPT = 4096
"""characters of an unfinished line, and how many pieces of it, and for how many seconds, before it is written all the same"""
_MOST_PIECES = 256
_LONGEST_KEPT = 0.5


class MaskedStream(io.TextIOWrapper):
    """A text stream, written line by line, in which secrets are masked.

    No character is too strange for it, and a print never raises: a full disk or a closed terminal must not cut a job
    between two orders. Nor does it end before `end` is called: what puts a wrapper of its own around its buffer, as
    `sys.stdout = io.TextIOWrapper(sys.stdout.buffer)` does, closes that when it goes.
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
        except (OSError, ValueError):  # ValueError: the strategy has closed or detached the buffer
            pass

    def flush(self) -> None:
        for pieces in list(self._unfinished.values()):
            if pieces:
                self._write_pieces(pieces)
        try:
            super().flush()
        except (OSError, ValueError):
            pass

    def close(self) -> None:
        """Somebody else closes it, or forgets it: it goes on."""
        self.flush()

    def end(self) -> None:
        """Close it."""
        self.flush()
        super().close()


class _Lasting(io.FileIO):
    """What a MaskedStream writes into, that nobody else closes either.

    No buffer: it raises when a signal handler writes into it in the middle of another write.
    """

    def close(self) -> None:
        """Stay open, whoever closes it."""


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
_LINE_LIKE_OURS = re.compile(r"\n(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [A-Z]+ )")


def log_lines(logger: Union[SafeLog, logging.Logger], lines: Sequence[str]) -> None:
    """Log these as INFO: one record, since thousands would take long, in which each line has its time and level."""
    if lines:
        logger.info("%s", "\n".join(line.replace("\n", "\\n") for line in lines), extra={_EACH_LINE: True})


class LineFormatter(logging.Formatter):
    """`time level pid logger [strategy time] message`; `strategy_time` tells the latter inside a job, else None.

    What a broker or a file says can neither begin a line that looks like ours nor move the terminal's cursor: control
    characters are written out, and in jqtrade's own lines a further one that begins with a date is indented. What the
    strategy and its libraries log keeps its tables and colours, but no line of it may look like another log line.
    """

    def __init__(self, clock: Clock, strategy_time: Callable[[], Optional[datetime]], with_pid: bool = True) -> None:
        pid = "%(process)d " if with_pid else ""
        super().__init__("%(asctime)s %(levelname)s " + pid + "%(name)s%(strategy_time)s %(message)s")
        self._clock = clock
        self._strategy_time = strategy_time

    def format(self, record: logging.LogRecord) -> str:
        moment = self._strategy_time()
        as_printed(record)
        record.strategy_time = "" if moment is None else f" [{moment:%Y-%m-%d %H:%M:%S}]"
        text = super().format(record)
        if getattr(record, _EACH_LINE, False):
            head = text[: -len(record.message)]
            return visible(text.replace("\n", "\n" + head))
        if record.name.partition(".")[0] not in _OURS:
            return _LINE_LIKE_OURS.sub("\n    ", visible(text.replace("\r\n", "\n"), colours=True))
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
        self._pid = os.getpid()
        self._opened: Any = None
        self._retry_at = 0.0
        super().__init__(path, encoding="utf-8")

    def _open(self) -> Any:
        fd = self._open_private(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0))
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISCHR(status.st_mode):  # a pipe would hold up the jobs
            os.close(fd)
            raise OSError(errno.EINVAL, "日志不是普通文件", self.baseFilename)
        self._mode = stat.S_IMODE(status.st_mode)
        self._opened = status
        for standard in (1, 2):
            os.dup2(fd, standard)
        # Not to be closed with the stream: should the strategy have closed it, the number may be another file's by now.
        return MaskedStream(open(fd, "ab", 0, closefd=False), self._masker)  # unbuffered, see _Lasting

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

    def close(self) -> None:
        """logging.shutdown, logging.config and basicConfig(force=True) close all handlers there are: this one goes on."""
        self.flush()

    def rotate_if_full(self) -> None:
        """Asked before each line, also one that is printed."""
        if os.getpid() != self._pid:  # forked by the strategy: two that rotate would lose a file
            return
        self.acquire()
        try:
            if self.stream is None:
                return
            if not self._is_ours():
                self.stream = None  # the strategy closed the file; the next line may be in another one of that number
                self.stream = self._open()
                return
            status = os.fstat(self.stream.fileno())
            is_full = status.st_size >= MAX_BYTES and time.monotonic() >= self._retry_at
            if is_full or status.st_nlink == 0:  # the latter: the user removed it
                self._rotate()
        except OSError:
            pass  # neither a print nor a line must fail for it; the next one tries again
        finally:
            self.release()

    def _is_ours(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self.stream.fileno()), self._opened)
        except OSError:
            return False

    def _rotate(self) -> None:
        full, self.stream = self.stream, None
        fd = full.fileno()
        full.end()
        os.close(fd)
        if os.name == "nt":  # a file cannot be renamed there while any descriptor of it is open
            with open(os.devnull, "wb") as nowhere:
                for standard in (1, 2):
                    os.dup2(nowhere.fileno(), standard)
        try:
            self._rename_files()
        except OSError:  # another program holds one of them: go on, and try again later
            self._retry_at = time.monotonic() + _RETRY
        self.stream = self._open()

    def _rename_files(self) -> None:
        """FILE becomes FILE.1, FILE.1 becomes FILE.2, up to the first free number; an interrupted round can be repeated."""
        if not os.path.exists(self.baseFilename) or os.path.getsize(self.baseFilename) < MAX_BYTES:
            return  # the user removed it, and may have put another one in its place
        names = [self.baseFilename] + [f"{self.baseFilename}.{number}" for number in range(1, BACKUP_COUNT + 1)]
        last = next((index for index in range(1, len(names)) if not os.path.exists(names[index])), len(names) - 1)
        for index in range(last, 0, -1):
            os.replace(names[index - 1], names[index])


_CHANGED_LOGGING = (
    "日志设置（logging.config、basicConfig(force=True) 之类；只想加自己的，请写 disable_existing_loggers=False）"
)


class OwnLogging:
    """jqtrade's own share of `logging` and of the standard streams: begun, looked after, ended.

    The lines of jqtrade and of the strategy's `log` reach our handlers whatever becomes of the rest (see OwnLogger); what
    other libraries log reaches them by way of the root logger, from which anybody may take them.
    """

    def __init__(self, handlers: Sequence[logging.Handler], debug: bool) -> None:
        self._handlers = handlers
        self._others = [_ForOthers(handler) for handler in handlers]
        self._level = logging.DEBUG if debug else logging.INFO
        self._root = logging.getLogger()
        self._own, self._strategys = own_logger("jqtrade"), own_logger("strategy")
        self._levels = [(logger, logger.level) for logger in (self._root, self._own, self._strategys)]
        self._streams: List[Tuple[str, Any]] = []

    def begin(self) -> None:
        """Take the log; `sys.stdout` and `sys.stderr` as they are now are the ones to be kept."""
        self._streams = [(name, getattr(sys, name)) for name in ("stdout", "stderr")]
        self._root.setLevel(logging.INFO)
        self._own.setLevel(self._level)
        self._own.own_level = self._level
        self._strategys.setLevel(logging.DEBUG)
        for logger in (self._own, self._strategys):
            logger.own_handlers = tuple(self._handlers)
        for handler in self._others:
            self._root.addHandler(handler)
        logging.captureWarnings(True)

    def take_back(self) -> List[str]:
        """Put back what has been changed. Returns what that was, in Chinese; some 2 µs when there is nothing."""
        changed = []
        if not self._is_in_place():
            self._put_in_place()
            changed.append(_CHANGED_LOGGING)
        for name, stream in self._streams:
            current = getattr(sys, name, None)
            if current is None or getattr(current, "closed", False):
                setattr(sys, name, stream)
                changed.append(f"sys.{name}（被关闭或设成了 None）")
        return changed

    def _is_in_place(self) -> bool:
        is_on = not (self._own.disabled or self._strategys.disabled)
        return is_on and all(handler in self._root.handlers for handler in self._others)

    def _put_in_place(self) -> None:
        for handler in self._others:
            if handler not in self._root.handlers:
                self._root.addHandler(handler)
        for name, logger in list(logging.Logger.manager.loggerDict.items()):
            if name.partition(".")[0] in _OURS + ("strategy",) and isinstance(logger, logging.Logger):
                logger.disabled = False

    def end(self) -> None:
        """Leave `logging` and the streams as they were."""
        logging.captureWarnings(False)
        for logger in (self._own, self._strategys):
            logger.own_handlers = ()
            logger.own_level = None
        for handler in self._others:
            self._root.removeHandler(handler)
        for each, level in self._levels:
            each.setLevel(level)


class _ForOthers(logging.Handler):
    """On the root logger: hands to one of our own handlers what that has not had yet, the lines of other libraries."""

    def __init__(self, handler: logging.Handler) -> None:
        super().__init__(handler.level)
        self._handler = handler

    def emit(self, record: logging.LogRecord) -> None:
        if not is_shown(record):
            self._handler.handle(record)


class _LastingOutput(QueuedOutput):
    def close(self) -> None:
        """Stay open, whoever closes it."""


def set_up_logging(
    path: Optional[str], debug: bool, masker: Masker, clock: Clock, strategy_time: Callable[[], Optional[datetime]]
) -> OwnLogging:
    """Send log lines and prints of this process to the file at `path`, or to this terminal."""
    if path is None:
        # Of the writer's thread, in a strategy that forks: the child writes for itself.
        warnings.filterwarnings("ignore", ".* is multi-threaded, use of fork", DeprecationWarning)
        encoding = sys.stdout.encoding or "utf-8"
        writer = ConsoleWriter(encoding)
        stdout, stderr = _queued(sys.stdout, writer), _queued(sys.stderr, writer)
        # A stream of its own, since the strategy may do with sys.stdout what it likes.
        handler: logging.Handler = logging.StreamHandler(MaskedStream(stdout, masker, encoding))
        sys.stdout = MaskedStream(stdout, masker, encoding)
        sys.stderr = MaskedStream(stderr, masker, sys.stderr.encoding or "utf-8")
    else:
        rotating = when_free(lambda: RotatingLog(path, masker))
        sys.stdout = PrintedStream(_Lasting(1, "wb", closefd=False), masker, rotating.rotate_if_full)
        sys.stderr = PrintedStream(_Lasting(2, "wb", closefd=False), masker, rotating.rotate_if_full)
        handler = rotating
    handler.setFormatter(LineFormatter(clock, strategy_time))
    own = OwnLogging([handler], debug)
    own.begin()
    return own


def _queued(stream: Any, writer: ConsoleWriter) -> QueuedOutput:
    stream.flush()
    return _LastingOutput(writer, stream.buffer)


class Outage:
    """Says once that something began to fail, and once that it works again, with how long it took."""

    REASONS = 5

    def __init__(self, logger: Union[SafeLog, logging.Logger], clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._since: Optional[float] = None
        self._said: Set[str] = set()

    def failed(self, what: str) -> bool:
        """Say `what` failed, once for each reason; of one outage at most REASONS of them. Returns whether it begins."""
        begins = self._since is None
        if begins:
            self._since = self._clock.monotonic()
            self._said.clear()
        if what not in self._said and len(self._said) < self.REASONS:
            self._said.add(what)
            self._logger.error("%s（恢复之前不再重复）", what)
        return begins

    def worked(self, what: str) -> bool:
        """Say that it works again if it did not; returns whether that was so."""
        if self._since is None:
            return False
        seconds = self._clock.monotonic() - self._since
        self._since = None
        self._logger.info("%s，中断了 %s", what, format_seconds(seconds))
        return True


def format_seconds(seconds: float) -> str:
    """A duration for people: "45 秒", "1 小时 5 分 20 秒"."""
    minutes, whole = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} 小时"] if hours else []
    if hours or minutes:
        parts.append(f"{minutes} 分")
    return " ".join(parts + [f"{whole} 秒"])
