"""`jqtrade start_task`, the worker itself, in a process whose system clock is virtual: days of live trading in seconds.

python live_worker.py START ARGUMENTS...
"""

import sys
from datetime import datetime, timedelta

from jqtrade.clock import VirtualClock
from jqtrade.runtime import worker


class FastSystemClock(VirtualClock):
    """Beijing's wall clock, which moves only when the worker sleeps, in the steps in which it looks up."""

    longest_sleep = 20.0

    def utc_offset(self) -> timedelta:
        return timedelta(hours=8)


def main() -> int:
    start = datetime.strptime(sys.argv[1], "%Y-%m-%dT%H:%M:%S")
    worker.SystemClock = lambda: FastSystemClock(start)  # type: ignore[assignment, misc]
    from jqtrade.__main__ import main as command_line

    return command_line(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
