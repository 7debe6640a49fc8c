"""What whoever puts a strategy together can hand in: the way to the broker, where order ids come from, who syncs."""

import random
from datetime import datetime
from pathlib import Path
from typing import Any

from jqtrade.clock import VirtualClock
from jqtrade.gates.options import strategy_options
from jqtrade.runtime.strategy import Strategy
from jqtrade.testing import FakeBroker

SOURCE = """
def process_initialize(context):
    set_options(account_no="12345678")
    run_daily(buy, "10:00")

def buy(context):
    order("000001.XSHE", 100, LimitOrderStyle(10))
"""
START, TEN = datetime(2026, 1, 5, 9), datetime(2026, 1, 5, 10)


def started(tmp_path: Path, broker: FakeBroker, **parts: Any) -> Strategy:
    path = tmp_path / "seams.py"
    path.write_text(SOURCE)
    options = strategy_options(str(tmp_path))
    strategy = Strategy("test", str(path), VirtualClock(START), options, make_gate=broker.gate_class, **parts)
    strategy.start()
    return strategy


def test_a_gate_that_is_handed_in_stands_in_for_the_one_that_the_options_name(tmp_path: Path) -> None:
    broker = FakeBroker()
    started(tmp_path, broker).run(TEN)
    assert [order.code for order in broker.orders] == ["000001.XSHE"]
    assert broker.options["account_no"] == "12345678"


def test_order_ids_are_drawn_from_what_is_handed_in(tmp_path: Path) -> None:
    ids = []
    for seed in (1, 1, 2):
        broker = FakeBroker()
        started(tmp_path, broker, order_ids=random.Random(seed)).run(TEN)
        ids.append(broker.orders[0].order_id)
    assert ids[0] == ids[1] != ids[2]


def test_a_strategy_that_does_not_sync_by_itself_syncs_when_it_is_told_to(tmp_path: Path) -> None:
    broker = FakeBroker()
    strategy = started(tmp_path, broker, syncs_by_itself=False)
    assert strategy.next_due() == TEN
    strategy.run(TEN)
    broker.report(broker.orders[0].order_id, "filled")
    strategy.run(datetime(2026, 1, 5, 11))
    assert [order.status for order in strategy.orders()] == ["new"]
    strategy.sync()
    assert [order.status for order in strategy.orders()] == ["filled"]
