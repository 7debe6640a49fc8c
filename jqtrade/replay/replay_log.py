"""What is said while a replay runs: everything in replay.log, in strategy time, and each kind of warning and error on the terminal."""

import contextlib
import io
import logging
import os
import re
import sys
import traceback
from datetime import datetime
from typing import Any, Callable, Iterator, Optional, Set

from jqtrade.clock import Clock
from jqtrade.log import LineFormatter, MaskedStream, OwnLogging
from jqtrade.masking import Masker, visible
from jqtrade.safe_log import as_printed

MOST_KINDS = 20
"""Kinds of warnings and errors that are shown on the terminal."""


class LateFile(io.BytesIO):
    """Bytes that are kept in memory until there is a file for them."""

    def __init__(self) -> None:
        super().__init__()
        self._file: Any = None

    def begin(self, path: str) -> None:
        """From now on in the file at `path`, what came before included."""
        self._file = open(path, "wb")
        self._file.write(self.getvalue())

    def write(self, data: Any) -> int:
        return super().write(data) if self._file is None else int(self._file.write(data))

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        """Stay open: a wrapper that the strategy puts around it closes it when it goes."""

    def end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class TerminalLogHandler(logging.Handler):
    """Shows each kind of warning and error once: what differs in numbers alone is one kind."""

    def __init__(self, say: Callable[[str], None], moment: Callable[[], datetime], masker: Masker, path: str) -> None:
        """`moment` is the strategy's time; `path` the strategy's file, in which the line of an error is named."""
        super().__init__(logging.WARNING)
        self.hidden = 0
        """warnings and errors that were not shown"""
        self._say = say
        self._moment = moment
        self._masker = masker
        self._folder = os.path.dirname(path) + os.sep
        self._kinds: Set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        as_printed(record)  # where a library has mistaken its arguments
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += "：" + self._describe(record.exc_info[1])
        kind = re.sub(r"\d+(\.\d+)?", "#", text)
        if kind in self._kinds or len(self._kinds) >= MOST_KINDS:
            self.hidden += 1
            return
        self._kinds.add(kind)
        shown = visible(self._masker(text)).replace("\n", "\n    ")  # no line of it may look like another one
        self._say(f"[{self._moment():%Y-%m-%d %H:%M:%S}] {shown}")

    def _describe(self, error: BaseException) -> str:
        lines = [
            f"（{os.path.basename(frame.filename)} 第 {frame.lineno} 行）"
            for frame in traceback.extract_tb(error.__traceback__)
            if os.path.abspath(frame.filename).startswith(self._folder)
        ]
        return "{}: {}{}".format(type(error).__name__, error, "".join(lines[-1:]))


@contextlib.contextmanager
def replay_logging(
    file: LateFile,
    terminal: TerminalLogHandler,
    debug: bool,
    masker: Masker,
    clock: Clock,
    strategy_time: Callable[[], Optional[datetime]],
) -> Iterator[OwnLogging]:
    """Send log lines and prints of this process to `file`, and to `terminal`, as long as it lasts."""
    stream = MaskedStream(file, masker)
    handler = logging.StreamHandler(MaskedStream(file, masker))
    handler.setFormatter(LineFormatter(clock, strategy_time, with_pid=False))
    own = OwnLogging([handler, terminal], debug)
    streams = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = stream
    own.begin()
    try:
        yield own
    finally:
        own.end()
        sys.stdout, sys.stderr = streams
        stream.flush()
        handler.flush()
