"""A paper task killed at each step of an order: the exchange's file and the journal agree when it is started again."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict

import pytest

ROOT = str(Path(__file__).resolve().parent.parent.parent)
STRATEGY = """
def process_initialize(context):
    set_options(use_account=True, trade_gate="paper", paper_quotes=%r, paper_max_quote_age=None)
    run_daily(buy, "09:30")

def buy(context):
    if not get_orders():
        order("600000.XSHG", 100, LimitOrderStyle(10.5))
        order("600000.XSHG", 200, LimitOrderStyle(9))
    sync_orders()
"""
LIFE = """
import json, os, sys
sys.path.insert(0, {root!r})
from datetime import datetime
from jqtrade.account.journal import Journal
from jqtrade.paper.account_file import AccountFile
from jqtrade.testing import VirtualClock, start_strategy

def die_at(owner, name, number, after):
    real, calls = getattr(owner, name), []
    def method(*arguments):
        calls.append(1)
        if len(calls) == number and not after:
            os.kill(os.getpid(), 9)
        result = real(*arguments)
        if len(calls) == number:
            os.kill(os.getpid(), 9)
        return result
    setattr(owner, name, method)

clock = VirtualClock(datetime(2026, 1, 5, 9, 29 if {fault} else 31))
if {fault}:
    owner, name, number, after = {fault}
    die_at(dict(journal=Journal, account=AccountFile)[owner], name, number, after)
strategy = start_strategy({file!r}, clock, runtime_dir={home!r})
if {fault}:
    strategy.run(datetime(2026, 1, 5, 10))
account = strategy.account()
orders = [[one.amount, str(one.status), one.filled_amount, one.err_msg] for one in account.orders()]
portfolio = account.portfolio
held = {{code: one.amount for code, one in portfolio.long_positions.items()}}
print(json.dumps(dict(orders=orders, held=held, cash=[portfolio.total_asset, portfolio.locked_cash])))
strategy.close()
"""


def live(folder: Path, fault: Any = None) -> "subprocess.CompletedProcess[bytes]":
    program = LIFE.format(root=ROOT, fault=fault, file=str(folder / "s.py"), home=str(folder / "home"))
    return subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)


FILLED, OPEN = [100, "filled", 100, ""], [200, "open", 0, ""]


def not_sent(amount: int) -> Any:
    return [amount, "rejected", 0, "没有发出：任务在发出之前中断，不会自动补发"]


@pytest.mark.parametrize(
    ("fault", "orders"),
    [
        (("account", "save", 1, False), []),  # a new account; the file is empty
        (("account", "save", 1, True), []),
        (("journal", "record_intents", 1, False), []),
        (("journal", "record_intents", 1, True), [not_sent(100)]),
        (("account", "save", 2, False), [not_sent(100)]),
        (("account", "save", 2, True), [FILLED]),
        (("journal", "note_sent", 1, False), [FILLED]),
        (("journal", "note_sent", 1, True), [FILLED]),
        (("journal", "record_intents", 2, True), [FILLED, not_sent(200)]),
        (("account", "save", 3, False), [FILLED, not_sent(200)]),
        (("account", "save", 3, True), [FILLED, OPEN]),
        (("journal", "record_states", 1, False), [FILLED, OPEN]),
        (("journal", "record_states", 1, True), [FILLED, OPEN]),
    ],
)
def test_what_the_next_life_knows_is_what_the_exchange_has(tmp_path: Path, fault: Any, orders: Any) -> None:
    quotes = tmp_path / "quotes.csv"
    quotes.write_text("code,last\n600000.XSHG,10\n", encoding="utf-8")
    (tmp_path / "s.py").write_text(STRATEGY % str(quotes), encoding="utf-8")
    killed = live(tmp_path, fault)
    assert killed.returncode == (-signal.SIGKILL if os.name == "posix" else 9), killed.stderr[-2000:]
    filled = [order for order in orders if order == FILLED]
    locked = 1805.02 if OPEN in orders else 0.0
    for _ in range(2):
        process = live(tmp_path)
        assert process.returncode == 0, process.stderr[-2000:]
        told: Dict[str, Any] = json.loads(process.stdout.decode().splitlines()[-1])
        assert told["orders"] == orders
        assert told["held"] == ({"600000.XSHG": 100} if filled else {})
        assert told["cash"] == [1000000 - 5.01 * len(filled), locked]
