"""The file that halts a task: as long as it exists, no new order is sent; it may also ask for open orders to be cancelled.

Each step is one system call, so that nobody needs a lock: an emergency must not wait for another command that hangs.
Nor does it need room on the disk: where no file can be made, a spare one is renamed, which the task made when it started.
"""

import os
import re

from jqtrade.busy_files import when_free
from jqtrade.errors import TaskError
from jqtrade.private_files import check_ours, make_private, open_private, read_private
from jqtrade.tasks.spec import new_token

_CANCEL = re.compile(rb"cancel-open ([0-9a-f]{32})\n")
_BLANK = b" " * len("cancel-open " + "0" * 32 + "\n")
"""what a spare file holds: room for a request, which can be written over it on a full disk too"""


class HaltFile:
    """The halt file of one task. It is empty, or one line `cancel-open TOKEN` with a token for each such request."""

    def __init__(self, path: str, spare: str) -> None:
        self._path = path
        self._spare = spare

    def exists(self) -> bool:
        """Say whether the task is halted; some 2 µs. Whatever is unclear halts."""
        try:
            os.lstat(self._path)
        except FileNotFoundError:
            return False
        except OSError:
            pass
        return True

    def cancel_request(self) -> str:
        """Return the token of the last request to cancel open orders; "" if there is none, or none that can be read."""
        try:
            found = _CANCEL.match(read_private(self._path, 100))
        except (OSError, TaskError):
            return ""
        return "" if found is None else found.group(1).decode("ascii")

    def make(self, cancel_open: bool) -> str:
        """Halt the task; with `cancel_open` ask for the cancels and return the token of that request, else "".

        What an earlier request asked for stands: a file that is there is never made shorter. An empty file is enough to
        halt.

        Raises OSError if the task could not be halted, TaskError if the file is not ours or the request not written.
        """
        check_ours(os.path.dirname(self._path))
        if not cancel_open:
            make_private(self._path, self._spare)
            return ""
        token = new_token()
        line = f"cancel-open {token}\n".encode("ascii")
        make_private(self._path, self._spare)  # first: what comes then may have to wait for another program
        try:
            when_free(lambda: _write_over(self._path, line))
        except OSError as error:
            self._write_without_room(line, error)
        return token

    def _write_without_room(self, line: bytes, error: OSError) -> None:
        """Write `line` over what a spare file holds, which may stand in its place already."""
        try:
            if os.path.exists(self._spare):  # an empty one, made now, would have no room either
                _write_over(self._spare, line)
                os.replace(self._spare, self._path)
            else:
                _write_over(self._path, line)
        except OSError:
            raise TaskError(f"已暂停下单，但撤单的请求没有写成，不会撤单：{error}") from error

    def make_spare(self) -> None:
        """Keep a spare file for the time when none can be made. Without one nothing is worse than before."""
        try:
            if not os.path.exists(self._spare) or os.path.getsize(self._spare) < len(_BLANK):
                _write_over(self._spare, _BLANK)
        except (OSError, TaskError):
            pass

    def remove(self) -> bool:
        """End the halt. Returns whether there was one. Raises OSError if it goes on, TaskError if the file is not ours."""
        check_ours(self._path)
        try:
            os.remove(self._path)
        except FileNotFoundError:
            return False
        self.make_spare()
        return True


def _write_over(path: str, line: bytes) -> None:
    fd = open_private(path, os.O_WRONLY)
    try:
        if os.write(fd, line) != len(line):
            raise OSError("磁盘已满")
        os.fsync(fd)
    finally:
        os.close(fd)
