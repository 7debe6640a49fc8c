"""The names of one task's files, and the files that ask it something by being there.

Below HOME/tasks, for a task named demo: `demo.lock` is held by the task's process, `demo.json` is its record,
`demo.TOKEN.stop` asks the process with that token to stop, `demo.halt` halts the task, whether it runs or not.
`demo.TOKEN.run` asks it to call a job now.
`demo.stop` with the token in it asks the same, which is how version 2.0 did it. `demo.stop-spare` and `demo.halt-spare`
become these on a disk without room for a new file.
"""

import os
import re
from typing import List

from jqtrade.errors import TaskError
from jqtrade.private_files import make_private, open_private, read_private
from jqtrade.tasks.halt_file import HaltFile
from jqtrade.tasks.spec import file_key, is_file_key

LOCK, RECORD, HALT = ".lock", ".json", ".halt"
_OF_A_PROCESS = re.compile(r"\.[0-9a-f]{32}\.(stop|run)")


class TaskFiles:
    """The files of task `name` in `directory`, which need not exist. Raises InvalidParam for a name that is none."""

    def __init__(self, directory: str, name: str) -> None:
        self.directory = directory
        self._base = os.path.join(directory, file_key(name))
        self.lock = self._base + LOCK
        self.record = self._base + RECORD
        self._stop_spare = self._base + ".stop-spare"
        self._old_stop = self._base + ".stop"
        self.halt = HaltFile(self._base + HALT, self._base + ".halt-spare")

    def stop(self, token: str) -> str:
        """Return the name of the file that asks the process with `token` to stop.

        A name and no contents: to look for it takes no descriptor, of which a strategy may have none left.
        """
        return f"{self._base}.{token}.stop"

    def run_request(self, token: str) -> str:
        """Return the name of the file that asks the process with `token` to call a job now (run_request.py)."""
        return f"{self._base}.{token}.run"

    def request_stop(self, token: str) -> None:
        """Ask the process with `token` to stop. Raises OSError and TaskError as open_private."""
        make_private(self.stop(token), self._stop_spare)

    def request_stop_of_old_version(self, token: str) -> None:
        """Ask a process of version 2.0 or before. Raises OSError and TaskError as open_private."""
        fd = open_private(self._old_stop, os.O_WRONLY | os.O_TRUNC)
        try:
            os.write(fd, token.encode("ascii"))
        finally:
            os.close(fd)

    def old_version_requested_stop(self, token: str) -> bool:
        """Say whether a command of version 2.0 or before asked the process with `token` to stop: it may share our home.

        Some 2 µs, and no descriptor unless there is such a file.
        """
        if not os.path.lexists(self._old_stop):
            return False
        try:
            return read_private(self._old_stop, 100).strip() == token.encode("ascii")
        except (OSError, TaskError):
            return False

    def make_spares(self) -> None:
        """Keep files in reserve that can be renamed when none can be made."""
        self.halt.make_spare()
        try:
            os.close(open_private(self._stop_spare, os.O_WRONLY))
        except (OSError, TaskError):  # then a full disk will be told of when somebody asks for a stop
            pass

    def remove_old_stops(self) -> None:
        """Remove what asked former processes of this name to stop, or to call a job."""
        start = os.path.basename(self._base)
        for file in os.listdir(self.directory):
            if file == start + ".stop" or (file.startswith(start) and _OF_A_PROCESS.fullmatch(file[len(start) :])):
                remove_if_possible(os.path.join(self.directory, file))

    def known(self) -> bool:
        """Say whether there ever was such a task; also if that cannot be found out."""
        for path in (self.lock, self.record):
            try:
                os.lstat(path)
            except FileNotFoundError:
                continue
            except OSError:
                pass
            return True
        return self.halt.exists()


def keys_with(directory: str, suffixes: List[str]) -> List[str]:
    """Return what the files of the tasks in `directory` begin with, of those that have a file with one of `suffixes`.

    Raises TaskError if the directory cannot be read.
    """
    try:
        files = os.listdir(directory)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TaskError(f"无法读取 {directory}：{error}") from error
    keys = {file[: -len(suffix)] for suffix in suffixes for file in files if file.endswith(suffix)}
    return sorted(key for key in keys if is_file_key(key))


def remove_if_possible(path: str) -> None:
    try:
        os.remove(path)
    except OSError:  # missing; or a reader has it open on Windows: it is for another token then
        pass
