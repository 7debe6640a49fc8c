"""Standard streams that may be missing (pythonw, services, `>&-`), full, closed at the other end, or short of characters.

Whatever becomes of its output, a command does its work and exits with the code of that.
"""

import errno
import io
import os
import sys
import time
from typing import Any, Collection, FrozenSet, Optional, TextIO

from jqtrade.masking import visible

_NOBODY_READS = (errno.EPIPE, errno.EINVAL)
"""`| head` has seen enough; the latter on Windows"""


class LossyOutput(io.RawIOBase):
    """The raw stream `raw`, to which no write fails: what cannot be written is lost, and `problem` says why."""

    def __init__(self, raw: Any, keeps: Any = None) -> None:
        """`keeps` is an object that would close `raw` if it were garbage."""
        super().__init__()
        self.problem: Optional[OSError] = None
        self._raw = raw
        self._keeps = keeps

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while left:
                count = self._raw.write(left)
                if count is None:  # somebody made it non-blocking, and it takes no more for now
                    time.sleep(0.01)
                else:
                    left = left[count:]
        except OSError as error:
            self.problem = self.problem or error
        return size

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        return bool(self._raw.isatty())


def make_streams_safe() -> FrozenSet[str]:
    """Let each of sys.stdin, stdout and stderr be there, and no print fail. Returns the names of those that were missing.

    A stream that somebody has put in the place of the process's own is left as it is.
    """
    fill_standard_descriptors()  # else a lock or an order file would get one of the three, and native code print into it
    missing = frozenset(name for name in ("stdin", "stdout", "stderr") if getattr(sys, name) is None)
    if "stdin" in missing:
        sys.stdin = open(os.devnull)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            _replace(name, open_output(os.open(os.devnull, os.O_WRONLY)))
        elif stream is getattr(sys, f"__{name}__"):
            stream.flush()
            buffer = stream.buffer
            is_unbuffered = not hasattr(buffer, "raw")  # python -u
            output = LossyOutput(getattr(buffer, "raw", buffer), stream)
            _replace(name, _text_stream(output, stream.encoding, name == "stderr" or stream.isatty(), is_unbuffered))
    return missing


def open_output(fd: int, encoding: str = "utf-8") -> TextIO:
    """Return descriptor `fd`, which is closed with it, as a text stream to which no write fails."""
    return _text_stream(LossyOutput(io.FileIO(fd, "w")), encoding, True, False)


def send_missing_to(fd: int, missing: Collection[str]) -> None:
    """Let what is printed to the streams that are `missing` be written to `fd`."""
    for name in ("stdout", "stderr"):
        if name in missing:
            _replace(name, open_output(os.dup(fd)))


def why_output_is_lost() -> str:
    """Return why some of the standard output could not be written; "" if all was, or nobody wanted to read on."""
    buffer = getattr(sys.stdout, "buffer", None)
    output = getattr(buffer, "raw", buffer)
    problem = output.problem if isinstance(output, LossyOutput) else None
    return "" if problem is None or problem.errno in _NOBODY_READS else str(problem)


def say(text: str) -> None:
    """Tell the user, on the standard error."""
    print(visible(text), file=sys.stderr, flush=True)


def fill_standard_descriptors() -> None:
    """Have something at 0, 1 and 2: what is opened next would be what others print into."""
    for standard in (0, 1, 2):
        try:
            os.fstat(standard)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free, except under pythonw
            if nowhere == standard:
                os.set_inheritable(standard, True)
            else:
                os.dup2(nowhere, standard)
                os.close(nowhere)


def _text_stream(output: LossyOutput, encoding: Optional[str], by_line: bool, is_unbuffered: bool) -> TextIO:
    """A code page without Chinese, or half a character in a file's name, must not end in a traceback either."""
    buffer: Any = output if is_unbuffered else io.BufferedWriter(output)
    return io.TextIOWrapper(buffer, encoding or "utf-8", "backslashreplace", None, by_line, write_through=is_unbuffered)


def _replace(name: str, stream: TextIO) -> None:
    """Not only for `print`: what stands at sys.__stdout__ is never garbage, which would close it."""
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)
