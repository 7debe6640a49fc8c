"""Run `jqtrade replay` as a user does, on small bars that a test writes."""

import csv
import json
import os
import subprocess
import sys
import textwrap
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

import jqtrade

CODE, OTHER = "000001.XSHE", "600000.XSHG"
KEYS = (
    "start end trading_days jobs_run jobs_failed orders fills rejected start_value end_value return max_drawdown fees"
    " synthetic_prices"
).split()
PATIENCE = 120


class Result(NamedTuple):
    """How a replay ended."""

    code: int
    out: str
    err: str

    @property
    def figures(self) -> Dict[str, Any]:
        """What --json printed."""
        figures: Dict[str, Any] = json.loads(self.out)
        return figures


def replay(
    folder: Path,
    source: str,
    *arguments: str,
    days: str = "2026-01-05 2026-01-09",
    env: Optional[Mapping[str, str]] = None,
) -> Result:
    """Replay a strategy with this source, in `folder`; its results lie in folder / "out"."""
    path = folder / "mine.py"
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    start, end = days.split()
    return run(folder, "-c", str(path), "--start", start, "--end", end, "--out", "out", *arguments, env=env)


def run(folder: Path, *arguments: str, env: Optional[Mapping[str, str]] = None) -> Result:
    """Run the verb with these arguments in `folder`."""
    process = subprocess.run(
        [sys.executable, "-m", "jqtrade", "replay"] + list(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=str(folder),
        env=environment(**(env or {})),
        timeout=PATIENCE,
    )
    return Result(process.returncode, process.stdout.decode("utf-8"), process.stderr.decode("utf-8"))


def environment(**variables: str) -> Dict[str, str]:
    """This process's environment, with the jqtrade that is tested, and text in UTF-8, wherever a test runs it."""
    package = os.path.dirname(os.path.abspath(jqtrade.__file__))
    return dict(os.environ, PYTHONPATH=os.path.dirname(package), PYTHONIOENCODING="utf-8", **variables)


def write_bars(path: Path, prices: Mapping[str, Sequence[float]], start: date = date(2026, 1, 5)) -> str:
    """Daily bars from `start` on, weekdays only; each price is a day's open, high, low and close. Returns the path."""
    with open(str(path), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow("date,code,open,high,low,close,volume".split(","))
        for code, closes in prices.items():
            day = start
            for price in closes:
                writer.writerow([day.isoformat(), code] + [f"{price:.2f}"] * 4 + [100000000])
                day += timedelta(days=3 if day.weekday() == 4 else 1)
    return str(path)


def rows(folder: Path, name: str) -> List[Dict[str, str]]:
    """A CSV file of the results."""
    with open(str(folder / "out" / name), encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def text(folder: Path, name: str) -> str:
    """A text file of the results."""
    return (folder / "out" / name).read_text(encoding="utf-8")
