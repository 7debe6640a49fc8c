"""A process that shares the order file: `appender.py FILE append NAME COUNT`, or `hold` the lock until it is killed."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from filelock import FileLock  # noqa: E402

from jqtrade.clock import SystemClock  # noqa: E402
from jqtrade.gates.csv_file import Appender, LockWait  # noqa: E402


def main(path: str, what: str, name: str = "", count: str = "0") -> None:
    if what == "hold":
        lock = FileLock(path + ".lock")
        lock.acquire()
        print("held", flush=True)
        time.sleep(60)
    for number in range(int(count)):
        line = f"{name},{number:03}," + name * (number * 7 % 90)
        Appender(path, b"name,number,text", LockWait(60, 0.001), SystemClock()).append([line.encode()])


main(*sys.argv[1:])
