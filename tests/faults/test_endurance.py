"""A task that runs for days holds no more at the end than at the beginning."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.sizes import LONG, WINDOWS, claim, rounds
from tests.faults.world import ROOT

PROGRAM = str(Path(__file__).resolve().parent / "endurance.py")


@pytest.mark.timeout(600)  # two minutes under Wine when it is alone
def test_over_five_days_files_and_threads_stay_and_memory_within_five_percent(tmp_path: Path) -> None:
    a_minute = rounds(1, 9)
    done = subprocess.run(
        [sys.executable, PROGRAM, str(tmp_path), str(a_minute)],
        stdout=subprocess.PIPE,
        cwd=str(ROOT),
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
    )
    assert done.returncode == 0, (tmp_path / "log").read_text(encoding="utf-8")[-3000:]
    days = [json.loads(line) for line in done.stdout.decode().splitlines()]
    orders, filled, files, threads, memory = zip(*days)
    growth = memory[-1] / memory[0] - 1
    claim(
        "5 trading days in virtual time",
        orders=sum(orders),
        filled=sum(filled),
        descriptors=files,
        threads=threads,
        MB=[round(each / 2**20, 1) for each in memory],
        percent_of_growth=round(100 * growth, 1),
    )
    assert len(days) == 5 and orders == (240 * a_minute,) * 5 and filled == orders
    assert len(set(threads)) == 1 and (max(files) - min(files) <= (20 if WINDOWS else 0))
    assert growth <= (0.05 if LONG else 0.10)  # of a short run the first day is small against what Python itself takes
