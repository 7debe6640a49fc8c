"""Where log lines and prints go: formats, rotation, masking."""

import io
import json
import logging
import os
import sys
from datetime import datetime
from typing import Any, Callable, Dict, Optional, Sequence, Set, Union

from jqtrade.clock import Clock
from jqtrade.console import ConsoleWriter, QueuedOutput
from jqtrade.safe_log import SafeLog as SafeLog
from jqtrade.safe_log import get_log as get_log

MAX_BYTES = 10 * 1024 * 1024
BACKUP_COUNT = 9
"""with the current file ten in all"""


SHORTEST_SECRET = 4


class Masker:
    """Replaces secrets in text: account numbers keep their last two characters, others nothing."""

    def __init__(self) -> None:
        self._replacements: Dict[str, str] = {}

    def hide(self, secret: str) -> None:
        """Show no more than the last two characters of an account number again; left alone if too short, as `hide_whole`."""
        if len(secret) >= SHORTEST_SECRET and secret not in self._replacements:
            self._add({secret: "*" * (len(secret) - 2) + secret[-2:]})

    def hide_whole(self, secret: str) -> None:
        """Show `***` in place of a password or the like, and of each of its lines, also where repr or JSON write it.

        What is shorter than four characters would hit innocent words and digits, and is left alone.
        """
        self._add({text: "***" for text in _spellings(secret) if len(text) >= SHORTEST_SECRET})

    def _add(self, replacements: Dict[str, str]) -> None:
        """In a new dict, since another thread may be printing; the longest first, since one may be a part of another."""
        every = dict(self._replacements, **replacements)
        self._replacements = dict(sorted(every.items(), key=lambda item: -len(item[0])))

    def __call__(self, text: str) -> str:
        for secret, replacement in self._replacements.items():
            text = text.replace(secret, replacement)
        return text


def _spellings(secret: str) -> Set[str]:
    """How `secret` may stand in a log: as it is, line by line, and escaped by repr or JSON, in either kind of quotes."""
    whole = [secret] + [line.strip() for line in secret.splitlines()]
    escaped = [
        spelling
        for text in whole
        for spelling in (
            repr(text)[1:-1],
            repr(text + "'\"")[1:-4],  # within a longer text that needs both kinds
            ascii(text)[1:-1],
            repr(text.encode("utf-8", "backslashreplace"))[2:-1],
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
        )
    ]
    return set(whole + escaped)


class MaskedStream(io.TextIOWrapper):
    """A text stream, written line by line, in which secrets are masked.

    No character is too strange for it, and a print never raises: a full disk or a closed terminal must not cut a job
    between two orders.
    """

    def __init__(self, buffer: Any, masker: Masker, encoding: str = "utf-8") -> None:
        super().__init__(buffer, encoding=encoding, errors="backslashreplace", line_buffering=True, newline="\n")
        self._masker = masker

    def write(self, text: str) -> int:
        try:
            super().write(self._masker(text))
        except OSError:
            pass
        return len(text)

    def flush(self) -> None:
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


def log_lines(logger: Union[SafeLog, logging.Logger], lines: Sequence[str]) -> None:
    """Log these as INFO: one record, since thousands would take long, in which each line has its time and level."""
    if lines:
        logger.info("%s", "\n".join(lines), extra={_EACH_LINE: True})


class LineFormatter(logging.Formatter):
    """`time level pid logger [strategy time] message`; `strategy_time` tells the latter inside a job, else None."""

    def __init__(self, clock: Clock, strategy_time: Callable[[], Optional[datetime]], with_pid: bool = True) -> None:
        pid = "%(process)d " if with_pid else ""
        super().__init__("%(asctime)s %(levelname)s " + pid + "%(name)s%(strategy_time)s %(message)s")
        self._clock = clock
        self._strategy_time = strategy_time

    def format(self, record: logging.LogRecord) -> str:
        moment = self._strategy_time()
        record.strategy_time = "" if moment is None else f" [{moment:%Y-%m-%d %H:%M:%S}]"
        text = super().format(record)
        if not getattr(record, _EACH_LINE, False):
            return text
        head = text[: -len(record.message)]
        return text.replace("\n", "\n" + head)

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
        super().__init__(path, encoding="utf-8")

    def _open(self) -> Any:
        stream = MaskedStream(open(self.baseFilename, "ab"), self._masker)
        for fd in (1, 2):
            os.dup2(stream.fileno(), fd)
        return stream

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
        writer = ConsoleWriter(sys.stdout.encoding or "utf-8")
        sys.stdout, sys.stderr = [_queued(stream, writer, masker) for stream in (sys.stdout, sys.stderr)]
        handler: logging.Handler = logging.StreamHandler(sys.stdout)
    else:
        rotating = RotatingLog(path, masker)
        sys.stdout = PrintedStream(open(1, "wb", closefd=False), masker, rotating.rotate_if_full)
        sys.stderr = PrintedStream(open(2, "wb", closefd=False), masker, rotating.rotate_if_full)
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
