"""Measure how fast jqtrade is: `python -m tests.benchmarks [--short] [--only NAME ...] [--no-write] [--profile]`."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, List, NamedTuple, Sequence

from tests.benchmarks.catalogue import BENCHMARKS
from tests.benchmarks.measure import Curve, Row
from tests.benchmarks.report import Profile, machine, print_table, write_page

TRIES = 3
"""for a flatness row of the short form: a busy machine can only make it worse"""


class Found(NamedTuple):
    """What one run of a benchmark found."""

    rows: List[Row]
    curves: List[Curve]
    profile: List[str]

    @property
    def is_flat(self) -> bool:
        return not any(row.is_flatness and row.reached is False for row in self.rows)


class BenchmarkError(Exception):
    """A benchmark that failed by itself, with its traceback."""


def run(name: str, form: str, parent: str) -> Found:
    """Run one benchmark in a process of its own. Raises BenchmarkError if it did not come to its end."""
    folder = tempfile.mkdtemp(prefix=name + "-", dir=parent)
    began = time.monotonic()
    print(f"{name} …", end=" ", file=sys.stderr, flush=True)
    worker = [sys.executable, "-m", "tests.benchmarks.worker", name, folder, form]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env["PYTHONPYCACHEPREFIX"] = os.path.join(parent, "compiled")  # a user's second start finds everything compiled
    code = subprocess.call(worker, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, env=env)
    print(f"{time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
    try:
        with open(os.path.join(folder, "result.json"), encoding="utf-8") as file:
            found: Dict[str, Any] = json.load(file)
    except FileNotFoundError:
        raise BenchmarkError(f"the process ended with {code} and left no result")
    if "error" in found:
        raise BenchmarkError(found["error"])
    shutil.rmtree(folder)
    return Found(
        [Row(**row) for row in found["rows"]],
        [Curve(**curve) for curve in found["curves"]],
        found["profile"],
    )


def run_short(name: str, parent: str) -> Found:
    """Run the short form of a benchmark, and once more while its cost seems to grow."""
    found = run(name, "short", parent)
    for _ in range(TRIES - 1):
        if found.is_flat:
            break
        found = run(name, "short", parent)
    return found


def main(argv: Sequence[str]) -> int:
    """Returns 0; 1 if a cost grows in the short form; 2 if a benchmark failed by itself."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="small sizes; fails only where a cost grows; writes nothing"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=list(BENCHMARKS), help=", ".join(BENCHMARKS))
    parser.add_argument("--no-write", action="store_true", help="leave docs/performance.md as it is")
    parser.add_argument("--profile", action="store_true", help="only show where the time of the benchmarks goes")
    args = parser.parse_args(argv)
    names = args.only or list(BENCHMARKS)
    with tempfile.TemporaryDirectory(prefix="jqtrade-bench-") as parent:
        if args.profile:
            for name in names:
                print("\n".join([name] + run(name, "profile", parent).profile))
            return 0
        about = machine(parent)
        found: Dict[str, Found] = {}
        failed = False
        for name in names:
            try:
                found[name] = run_short(name, parent) if args.short else run(name, "full", parent)
            except BenchmarkError as error:
                failed = True
                print(f"{name}: {error}", file=sys.stderr)
        rows = [row for each in found.values() for row in each.rows]
        curves = [curve for each in found.values() for curve in each.curves]
        print("\n".join(about) + "\n")
        print_table(rows)
        if not (failed or args.short or args.only or args.no_write):
            missed = [name for name, each in found.items() if any(row.reached is False for row in each.rows)]
            profiles = [Profile(name, run(name, "profile", parent).profile) for name in missed]
            write_page(rows, curves, [profile for profile in profiles if profile.lines], about)
    if failed:
        return 2
    return int(args.short and not all(each.is_flat for each in found.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
