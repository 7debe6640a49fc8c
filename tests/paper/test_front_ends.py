"""The trade gate and the One Quant program stand on the same exchange: the same orders, fills and money."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from jqtrade.account.order import LimitOrderStyle, Order, OrderAction
from jqtrade.clock import VirtualClock
from jqtrade.errors import InvalidParam
from jqtrade.gates.options import strategy_options
from jqtrade.gates.paper import PaperTradeGate
from jqtrade.market.sources.bars import open_bars
from jqtrade.onequant_terminal.program import run_paper_broker
from jqtrade.paper.terms import make_terms
from tests.onequant_terminal.terminal_bench import Bench
from tests.paper.paper_helpers import BANK, at, write_bars

START = at("09:14")
ORDERS = [
    ("1", "09:16", 300, "10.10"),
    ("2", "09:22", 300, "9.00"),
    ("3", "10:00", 5000, "9.99"),
    ("4", "10:30", 100, "20.00"),
    ("5", "14:58", 200, "10.40"),
    ("6", "15:10", 200, "10.40"),
    ("7", "16:00", 200, "10.30"),
]


@pytest.fixture
def bars(tmp_path: Path) -> str:
    rows = ["2026-07-03,000001.SZ,10,10,10,10,100000", "2026-07-06,000001.SZ,10.05,10.50,9.90,10.30,20000"]
    return write_bars(tmp_path / "bars.csv", *rows)


def by_gate(bars: str) -> Tuple[Dict[str, Any], Any]:
    gate = PaperTradeGate()
    gate.clock = clock = VirtualClock(START)
    options = strategy_options().as_dict()
    gate.setup(dict(options, paper_bars=bars, paper_keep_hours=True, paper_commission=0.0001))
    newest: Dict[str, Dict[str, Any]] = {}
    for order_id, when, amount, limit in ORDERS:
        clock.sleep((at(when) - clock.now()).total_seconds())
        gate.order(Order(order_id, BANK, amount, OrderAction.open, LimitOrderStyle(float(limit)), clock.now()))
        newest.update((report["order_id"], report) for report in gate.sync_orders())
    keys = ("status", "filled_amount", "canceled_amount", "deal_balance", "commission", "err_msg")
    fates = {order_id: [str(report[key]) for key in keys] for order_id, report in newest.items()}
    return fates, gate.sync_balance()["cash"]["total_assert"]


def by_files(bars: str, order_dir: Path) -> Tuple[Dict[str, Any], Any]:
    bench = Bench(order_dir, start=START)
    bench.quotes = open_bars(bars)  # type: ignore[assignment]
    bench.start(keep_hours=True, terms=make_terms("0.0001"))
    for order_id, when, amount, limit in ORDERS:
        bench.clock.sleep((at(when) - bench.clock.now()).total_seconds())
        bench.order(order_id, "1", amount, limit)
        assert bench.terminal is not None
        bench.terminal.poll()
    truth = bench.truth()
    fates: Dict[str, List[str]] = {}
    for order_id, order in truth["orders"].items():
        values = [order["status"], order["filled_amount"], order["canceled_amount"]]
        values += [float(order["deal_balance"]), float(order["fees"]), order["text"]]
        fates[order_id] = [str(value) for value in values]
    return fates, float(truth["cash"]["total"])


def test_both_front_ends_trade_alike(bars: str, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    ours, theirs = by_gate(bars), by_files(bars, tmp_path / "files")
    assert ours == theirs
    statuses = {order_id: fate[0] for order_id, fate in ours[0].items()}
    assert list(statuses.values()) == [
        "filled",
        "canceled",
        "partly_canceled",  # 25 % of the day's volume is used up
        "rejected",
        "canceled",
        "canceled",
        "rejected",
    ]


def test_a_restart_books_dividends_between_the_days(bars: str, tmp_path: Path) -> None:
    actions = write_bars(
        tmp_path / "a.csv", "2026-07-06,000001.SZ,1,0.5", header="date,code,cash_per_share,bonus_per_share"
    )
    (tmp_path / "files").mkdir()
    bench = Bench(tmp_path / "files", start=at("10:00", "2026-07-03"))
    bench.quotes = open_bars(bars)  # type: ignore[assignment]
    bench.start(keep_hours=True, terms=make_terms(actions=actions))
    bench.order("1", "1", 200, "10.00")
    bench.poll()
    cash = Decimal(bench.truth()["cash"]["available"])
    bench.clock.jump(timedelta(days=3).total_seconds())
    for _ in range(2):
        bench.start(keep_hours=True, terms=make_terms(actions=actions))
        truth = bench.truth()
        assert Decimal(truth["cash"]["available"]) == cash + 200
        assert truth["positions"][BANK]["amount"] == truth["positions"][BANK]["available_amount"] == 300


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"bars": "none.csv"}, "none.csv"),
        ({"bars": "a.csv", "quotes": "b.csv"}, "quotes 和 bars 只能用一个"),
        ({"commission": 1}, "commission=1"),
        ({"min_commission": "x"}, "min_commission='x'"),
        ({"volume_share": 0}, "volume_share=0"),
        ({"actions": "none.csv"}, "none.csv"),
    ],
)
def test_a_wrong_argument_of_the_program_is_named(tmp_path: Path, arguments: Dict[str, Any], name: str) -> None:
    with pytest.raises(InvalidParam, match=name):
        run_paper_broker(str(tmp_path), "1234567", **arguments)
    assert list(tmp_path.iterdir()) == []
