"""Real tasks for the benchmarks: started by the command line, each benchmark in a home of its own; what they use."""

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, List, Tuple

import psutil

from tests.account.broker_files import (
    RESULT_HEADER,
    UPDATE_HEADER,
    OneQuantFolder,
    asset_row,
    position_row,
)
from tests.benchmarks.world import ACCOUNT_NO, UNLIMITED
from tests.e2e.cli import command, environment, read

PATIENCE = 300


class Home:
    """A $JQTRADE_HOME, an order directory, and the tasks that are started there. A context manager: no task outlives it."""

    def __init__(self, folder: str) -> None:
        self.path = os.path.join(folder, "home")
        orders = os.path.join(folder, "orders")
        os.makedirs(orders)
        os.makedirs(self.path)
        self.files = OneQuantFolder(Path(orders), datetime.now().strftime("%Y%m%d"))
        self.files.write_snapshots([asset_row()], [position_row()])
        self.files.append("orderUpdate", UPDATE_HEADER)
        self.files.append("execResult", RESULT_HEADER)
        self.environment = environment(JQTRADE_HOME=self.path)

    def __enter__(self) -> "Home":
        return self

    def __exit__(self, *error: Any) -> None:
        self.stop(force=True)

    def strategy(self, name: str, source: str, **options: Any) -> str:
        """Write a strategy file. `OPTIONS` in it stands for its options, `TOLD` for the file that it may `tell` things in."""
        given = {
            "account_no": ACCOUNT_NO,
            "counter_type": "UM0",
            "order_dir": str(self.files.path),
            "file_encoding": "utf-8",
        }
        all_options = dict(given, **UNLIMITED, **options)
        path = os.path.join(self.path, name + ".py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(source.replace("OPTIONS", repr(all_options)).replace("TOLD", repr(self._told(name))))
        return path

    def _told(self, name: str) -> str:
        return os.path.join(self.path, name + ".told.json")

    def told(self, name: str) -> Any:
        """What the strategy wrote into its file."""
        with open(self._told(name), encoding="utf-8") as file:
            return json.load(file)

    def log(self, name: str) -> str:
        """A task's log so far."""
        return read(Path(self.path, name + ".log"))

    def begin(self, name: str, path: str) -> "subprocess.Popen[bytes]":
        """Begin to start a task; the command ends when it runs."""
        return subprocess.Popen(
            command("start_task", "-n", name, "-c", path, "-o", os.path.join(self.path, name + ".log")),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.environment,
        )

    def start(self, name: str, path: str) -> None:
        self.end_start(self.begin(name, path))

    @staticmethod
    def end_start(start: "subprocess.Popen[bytes]") -> None:
        """Wait until a task that was begun runs."""
        assert start.wait(PATIENCE) == 0, start.args

    def pids(self) -> List[int]:
        """The processes of the living tasks, in order of name."""
        return [task["pid"] for task in json.loads(self._run("get_tasks", "--json"))]

    def stop(self, force: bool = False) -> None:
        """Stop every task."""
        self._run("stop_task", "--all", "--timeout", "120", *(["-s", "SIGKILL"] if force else []))

    def _run(self, *arguments: str) -> bytes:
        result = subprocess.run(
            command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env=self.environment,
            timeout=PATIENCE,
        )
        return result.stdout


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process of one thread has used; to the nanosecond where Linux tells it, since ticks are 10 ms."""
    try:
        with open(f"/proc/{pid}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9
    except OSError:
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)


def memory(pid: int) -> Tuple[float, float]:
    """RSS and USS of a process, bytes."""
    info = psutil.Process(pid).memory_full_info()
    return float(info.rss), float(info.uss)


class BareInterpreter:
    """An interpreter that has imported what jqtrade stands on, and nothing else."""

    IMPORTS = "import sqlite3, logging, psutil, filelock, dateutil"

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"{self.IMPORTS}; print('ready', flush=True); input()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self._process.stdout.readline()
        self.pid = self._process.pid

    def close(self) -> None:
        self._process.communicate(b"\n", timeout=PATIENCE)
