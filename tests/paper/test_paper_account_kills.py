"""A paper task over three days of virtual time, killed again and again: the account is as if it had never stopped."""

import json
import os
import random
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.paper.paper_helpers import write_bars
from tests.paper.paper_life import FORMAT

HERE = Path(__file__).resolve().parent
START = datetime(2026, 7, 6, 9, 0)
"""A Monday."""
KILLS = 20 if os.name == "posix" else 4  # a start takes seconds under Wine
PATIENCE = 300.0

STRATEGY = """
import json, os, sys

PLAN = json.loads(os.environ["PLAN"])       # "2026-07-06 10:00" -> [[code, amount, price], ...]; amount 0: cancel


def process_initialize(context):
    set_options(timezone=None, sync_internal=60, price_deviation=None, **json.loads(os.environ["OPTIONS"]))
    run_daily(trade, "every_minute")
    run_daily(note, "15:40")
    run_daily(note, "09:10")
    run_daily(leave, "15:45")
    trade(context)                           # what the last life may have been killed in
    note_if_due(context)


def trade(context):
    for code, amount, price in PLAN.get(context.current_dt.strftime("%Y-%m-%d %H:%M"), []):
        if amount == 0:
            batch_cancel_orders([one.order_id for one in get_orders(code=code) if not one.status.is_final])
        elif not any(same(one, code, amount) for one in get_orders()):
            order(code, amount, LimitOrderStyle(price))


def same(one, code, amount):
    is_buy = one.action == "open"
    return was_sent(one) and (one.code, one.amount, is_buy) == (code, abs(amount), amount > 0)


def was_sent(one):
    return not (one.status == "rejected" and one.err_msg.startswith("没有发出"))


def note(context):
    sync_orders()
    sync_balance()
    portfolio = context.portfolio
    orders = [one for one in get_orders() if was_sent(one)]
    told = {
        "time": str(context.current_dt),
        "cash": [portfolio.total_asset, portfolio.available_cash, portfolio.locked_cash],
        "positions": {code: [one.amount, one.available_amount, one.avg_cost] for code, one in portfolio.long_positions.items()},
        "orders": [[one.code, str(one.action), one.amount, str(one.status), one.filled_amount, one.avg_cost, one.commission]
                   for one in orders],
        "ids": len(set(one.order_id for one in orders)),
    }
    with open(os.environ["NOTES"], "a") as file:
        file.write(json.dumps(told) + "\\n")


def note_if_due(context):
    if context.current_dt.strftime("%H:%M") in ("15:40", "09:10"):
        note(context)


def leave(context):
    if context.current_dt.strftime("%Y-%m-%d") == "2026-07-08":
        sys.exit(0)
"""

A, B, C = "600000.XSHG", "000001.XSHE", "518880.XSHG"
PLAN: Dict[str, List[Any]] = {
    "2026-07-06 09:31": [[A, 1000, 10.30], [B, 45000, 11.3], [C, 2000, 6.1]],
    "2026-07-06 09:45": [[A, 1100, 9.75], [A, 1200, 9.85], [B, 300, 10.0]],
    "2026-07-06 10:30": [[C, -500, 5.9], [A, -100, 9.0]],  # a fund sold on the same day; T+1 refuses the share
    "2026-07-06 13:30": [[B, 0, 0]],
    "2026-07-06 14:00": [[B, 500, 11.4], [A, 300, 10.3]],
    "2026-07-07 09:35": [[A, -700, 9.9], [B, -400, 10.9]],
    "2026-07-07 11:00": [[A, 1500, 9.9], [C, 900, 5.5]],
    "2026-07-07 14:20": [[A, -300, 10.6], [B, 600, 11.3]],
    "2026-07-08 09:40": [[A, -900, 9.9], [B, 700, 10.95], [C, -1500, 5.8]],
    "2026-07-08 13:15": [[A, 0, 0], [B, -1100, 10.9]],
    "2026-07-08 14:30": [[A, 800, 10.5], [C, 400, 6.2]],
}


def bars(folder: Path) -> str:
    rows = []
    for number, day in enumerate(("2026-07-06", "2026-07-07", "2026-07-08")):
        rows.append(f"{day},600000.SH,10,10.4,9.7,{10.1 + number / 10},200000")
        rows.append(f"{day},000001.SZ,11,11.3,10.9,11.2,40000")  # so few that 45000 shares fill in part
        rows.append(f"{day},518880.SH,6,6.1,5.9,6.05,1000000")
    return write_bars(folder / "bars.csv", *rows, header="date,code,open,high,low,close,volume")


def actions(folder: Path) -> str:
    header = "date,code,cash_per_share,bonus_per_share"
    return write_bars(folder / "actions.csv", "2026-07-07,600000.SH,0.1,0.3", header=header)


class Task:
    """The task in its folder, one life after the other."""

    def __init__(self, folder: Path, options: Dict[str, Any]) -> None:
        folder.mkdir()
        self.clock, self.notes = folder / "clock", folder / "notes"
        self.clock.write_text(START.strftime(FORMAT))
        self.log = folder / "log"
        strategy = folder / "s.py"
        strategy.write_text("# -*- coding: utf-8 -*-\n" + STRATEGY, encoding="utf-8")
        self.command = [sys.executable, str(HERE / "paper_life.py"), str(self.clock)]
        self.command += ["start_task", "-n", "demo", "-c", str(strategy), "--paper"]
        self.environment = dict(
            os.environ,
            JQTRADE_HOME=str(folder / "home"),
            NOTES=str(self.notes),
            PLAN=json.dumps(PLAN),
            OPTIONS=json.dumps(options),
            PYTHONPATH=str(HERE.parent.parent),
            PYTHONIOENCODING="utf-8",
        )

    def start(self) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(self.command, env=self.environment, stdout=log, stderr=subprocess.STDOUT)

    def now(self) -> datetime:
        return datetime.strptime(self.clock.read_text(), FORMAT)

    def finish(self) -> Dict[str, Any]:
        """Let it run to its end; returns what it noted, by time. What was noted twice must be the same."""
        assert self.start().wait(PATIENCE) == 0, self.log.read_text(encoding="utf-8")[-3000:]
        told: Dict[str, Any] = {}
        for line in self.notes.read_text().splitlines():
            note = json.loads(line)
            assert told.setdefault(note["time"], note) == note
        return told


def moments_to_kill(chance: random.Random) -> List[datetime]:
    """Half of them when something is ordered, half at any time; also at night."""
    ordering = [datetime.strptime(text, "%Y-%m-%d %H:%M") for text in PLAN]
    anywhere = [START + timedelta(minutes=chance.randrange(1, 3 * 24 * 60 - 18 * 60)) for _ in range(KILLS // 2)]
    return sorted(chance.sample(ordering, KILLS - KILLS // 2) + anywhere)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("source", ["bars", "made up"])
def test_three_days_with_20_kills_are_as_three_days_without(tmp_path: Path, source: str) -> None:
    options: Dict[str, Any] = {"paper_keep_hours": True, "paper_cash": 2000000.0, "paper_actions": actions(tmp_path)}
    if source == "bars":
        options["paper_bars"] = bars(tmp_path)
    undisturbed = Task(tmp_path / "undisturbed", options).finish()
    assert len(undisturbed) == 6 and any(note["orders"] for note in undisturbed.values())
    statuses = {order[3] for note in undisturbed.values() for order in note["orders"]}
    assert statuses >= {"filled", "canceled", "rejected"}

    chance = random.Random(12)
    task = Task(tmp_path / "killed", options)
    kills = 0
    for moment in moments_to_kill(chance):
        life = task.start()
        deadline = time.monotonic() + PATIENCE
        while task.now() < moment and life.poll() is None:
            assert time.monotonic() < deadline, task.log.read_text(encoding="utf-8")[-3000:]
            time.sleep(0.0005)
        time.sleep(chance.choice([0, 0.001, 0.002, 0.004, 0.3]))  # the last: in the middle of the next start
        assert life.poll() is None, task.log.read_text(encoding="utf-8")[-3000:]
        life.kill()
        life.wait()
        kills += 1
    assert kills == KILLS
    assert task.finish() == undisturbed
