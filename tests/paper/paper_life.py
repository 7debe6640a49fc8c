"""`jqtrade start_task --paper`, the worker itself, in virtual time that goes on where the last life was killed.

python paper_life.py CLOCK ARGUMENTS...      CLOCK: a file with the virtual time
"""

import os
import sys
import time
from datetime import datetime, timedelta

from jqtrade.clock import VirtualClock
from jqtrade.runtime import worker

FORMAT = "%Y-%m-%dT%H:%M:%S.%f"


class LastingClock(VirtualClock):
    """Beijing's wall clock; each step of it is in the file before anything is done at that time."""

    longest_sleep = 60.0

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR)
        super().__init__(datetime.strptime(os.read(self._file, 100).decode("ascii"), FORMAT))

    def utc_offset(self) -> timedelta:
        return timedelta(hours=8)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        os.lseek(self._file, 0, os.SEEK_SET)
        os.write(self._file, self.now().strftime(FORMAT).encode("ascii"))
        time.sleep(0.002)  # whoever wants to kill us can see what time it is


def main() -> int:
    path = sys.argv[1]
    worker.SystemClock = lambda: LastingClock(path)  # type: ignore[assignment, misc]
    from jqtrade.__main__ import main as command_line

    return command_line(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
