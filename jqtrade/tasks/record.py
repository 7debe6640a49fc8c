"""What a task says of itself: one small JSON file, written by the task alone and read by anybody."""

import json
import os
from functools import partial
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from jqtrade.busy_files import when_free
from jqtrade.errors import TaskError
from jqtrade.private_files import open_private, read_private

_INTERNAL = (
    "token",
    "heeds_halt",
    "stops_by_name",
    "cancels_for",
    "cancels",
    "cancels_failed",
    "jobs",
    "runs",
)
_LONGEST_TEXT = 500
"""of what a strategy can say in its record, such as an exception's message: an answer of get_tasks is read by people"""
_LONGEST_RECORD = 4 * 1024 * 1024


class TaskInfo(NamedTuple):
    """One task as its record shows it. Times are ISO texts in the machine's time zone; secrets in `env` are masked."""

    name: str
    pid: int = 0
    token: str = ""
    started: str = ""
    code: str = ""
    log: Optional[str] = None
    env: Mapping[str, str] = {}
    debug: bool = False
    paper: bool = False
    state: str = "unknown"
    """"starting", "running" (process_initialize is done), "stopping"; "unknown": it lives, its record is unreadable."""
    current_job: Optional[str] = None
    current_since: Optional[str] = None
    jobs_run: int = 0
    jobs_failed: int = 0
    last_error: Optional[str] = None
    next_job: Optional[str] = None
    next_time: Optional[str] = None
    calendar_ends: Optional[str] = None
    """The last day that the task's calendar of trading days knows, once that is near or past."""
    refusals_day: Optional[str] = None
    """The day of the three below; None: nothing was refused on the task's day."""
    orders_unsent: int = 0
    """How many orders were refused before they were sent."""
    orders_rejected: int = 0
    """How many orders the broker refused."""
    last_refusal: Optional[str] = None
    """When, what and why, of the last one of both."""
    error: Optional[str] = None
    """Why the start failed."""
    halted: bool = False
    """Whether new orders are refused: filled in from the halt file by whoever reads the record."""
    heeds_halt: bool = False
    """Whether the process is of a version that looks for the halt file."""
    stops_by_name: bool = False
    """Whether the process is of a version that is asked to stop by the name of a file, rather than by its contents."""
    cancels_for: str = ""
    """The token of the request to cancel open orders that the process has carried out."""
    cancels: int = 0
    """How many cancels it asked for then, and of `cancels_failed` of them it is not certain that they went out."""
    cancels_failed: int = 0
    jobs: Optional[List[str]] = None
    """The names of the jobs that run_now may call; None: of a task that is not one of the paper exchange."""
    runs: Optional[List[Dict[str, Any]]] = None
    """The last calls of jobs by run_now: each a RunAnswer, as a dictionary."""

    def doing(self) -> str:
        """Say what keeps the process busy, to somebody who waits for it."""
        if self.current_job is not None:
            return f"自 {self.current_since} 起仍在执行 {self.current_job}"
        return "仍在执行 process_initialize" if self.state == "starting" else "仍未退出"

    def as_dict(self) -> Dict[str, Any]:
        """Return what may be shown: everything but what jqtrade's own processes tell each other."""
        return {name: value for name, value in self._asdict().items() if name not in _INTERNAL}


class RecordFile:
    """The writer's end. The file is written over in place: a rename would fail under a reader on Windows."""

    def __init__(self, path: str, info: TaskInfo) -> None:
        """Raises OSError if the file cannot be written, TaskError if it is not ours."""
        self.info = _bounded(info._asdict())
        self._path = path
        self._fd = open_private(path, os.O_WRONLY)
        self._length = os.fstat(self._fd).st_size
        try:
            self._write()
        except OSError:
            self.close()
            raise

    def update(self, **fields: Any) -> None:
        """Change `fields` of TaskInfo.

        A full disk must not stop a strategy: what cannot be written now is written by the next update.
        """
        self.info = _bounded(dict(self.info._asdict(), **fields))
        try:
            self._write()
        except OSError:
            pass

    def _write(self) -> None:
        line = json.dumps(self.info._asdict()).encode("ascii") + b"\n"
        os.lseek(self._fd, 0, os.SEEK_SET)
        os.write(self._fd, line)
        if len(line) < self._length:
            os.ftruncate(self._fd, len(line))
        self._length = len(line)

    def is_in_place(self) -> bool:
        """Say whether the file is still the one at its path. On Windows one that is open cannot be replaced."""
        try:
            return os.name == "nt" or os.path.samestat(os.lstat(self._path), os.fstat(self._fd))
        except OSError:
            return False

    def reopen(self) -> None:
        """Write the record at its path again, in a new file if somebody removed it.

        The descriptor keeps its number: another thread may be about to write to it, and a number that was free for a
        moment could be that of an order file by then.

        Raises OSError and TaskError as the constructor; what could not be written is written by the next update.
        """
        fd = open_private(self._path, os.O_WRONLY)
        try:
            self._length = os.fstat(fd).st_size
            os.dup2(fd, self._fd, inheritable=False)
        finally:
            os.close(fd)
        self._write()

    def close(self) -> None:
        """Leave the file as it is."""
        fd, self._fd = self._fd, -1
        if fd != -1:
            os.close(fd)


def _bounded(fields: Mapping[str, Any]) -> TaskInfo:
    """Return the TaskInfo of `fields`, what the strategy says of itself cut short: an exception may carry a whole table."""
    said = ("current_job", "last_error", "next_job", "last_refusal", "error")
    short = {name: fields[name][:_LONGEST_TEXT] + "…" for name in said if len(fields[name] or "") > _LONGEST_TEXT}
    return TaskInfo(**dict(fields, **short))


def read_record(path: str, patient: bool = False) -> Optional[TaskInfo]:
    """Return what the record says, or None while there is none or it is being written, or what is there is no file.

    With `patient` a file that another program has open is waited for.
    Only the first line counts: bytes of a longer record may still stand behind it.
    """
    try:
        read = partial(read_private, path, _LONGEST_RECORD)
        content = when_free(read) if patient else read()
        fields = json.loads(content.split(b"\n", 1)[0].decode("ascii"))
    except (OSError, ValueError, TaskError, RecursionError):
        return None
    if (
        not isinstance(fields, dict)
        or not isinstance(fields.get("name"), str)
        or not isinstance(fields.get("pid"), int)
    ):
        return None
    return TaskInfo(**{name: value for name, value in fields.items() if name in TaskInfo._fields})
