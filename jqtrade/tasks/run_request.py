"""The file that asks a running task to call one of its jobs once, now (run_now).

It is named for one process of the task, so that no later one heeds it. Whoever removes it has it: the task, which then calls
the job, or the command that made it and waits no longer. So a job is called once or not at all, whoever dies when.
"""

import json
import os
from typing import NamedTuple, Optional

from jqtrade.errors import TaskError
from jqtrade.private_files import open_private, read_private

_LONGEST = 10000


class RunRequest(NamedTuple):
    """What was asked for."""

    token: str
    """by which the answer is known"""
    function: str
    patience: float
    """seconds for which the command waits; what comes to it later is not called"""
    asked_at: float
    """seconds since the epoch, by the clock of the command"""


class RunAnswer(NamedTuple):
    """What the task says of a request that it has taken."""

    token: str
    state: str
    """"running", "finished", "failed", "left" (it asked for the end of the task), "unknown" (there is no such job)"""
    started: str
    """time of day"""
    seconds: float = 0.0
    said: str = ""
    """what the job raised, in a line"""


def make_request(path: str, request: RunRequest) -> None:
    """Ask. Raises FileExistsError if another request waits, OSError if the file cannot be written, TaskError if it is no file."""
    fd = open_private(path, os.O_WRONLY | os.O_EXCL)
    try:
        line = json.dumps(request).encode("ascii") + b"\n"
        is_written = os.write(fd, line) == len(line)
    finally:
        os.close(fd)
    if not is_written:
        os.remove(path)
        raise OSError("磁盘已满")


def read_request(path: str) -> Optional[RunRequest]:
    """Return the request that waits; None if there is none, or it is not written whole. Some 2 µs if there is none."""
    if not os.path.lexists(path):
        return None
    try:
        text = read_private(path, _LONGEST)
        token, function, patience, asked_at = json.loads(text.decode("ascii"))
    except (OSError, ValueError, TypeError, TaskError):
        return None
    are_texts = isinstance(token, str) and isinstance(function, str)
    are_numbers = isinstance(patience, (int, float)) and isinstance(asked_at, (int, float))
    is_one = are_texts and are_numbers and 0 < asked_at < 1e11  # a time that a datetime can hold
    return RunRequest(token, function, patience, asked_at) if is_one else None


def take_request(path: str) -> bool:
    """Remove the file; say whether that was us."""
    try:
        os.remove(path)
    except (
        OSError
    ):  # somebody else was first, or it is open elsewhere on Windows: then it is still there for another try
        return False
    return True
