"""strategies/json_gate/: the complete small trade gate of docs/trade_gate.md."""

import json
import os
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict

import pytest

from jqtrade.account import LimitOrderStyle, MarketOrderStyle
from jqtrade.account.order import Order, OrderAction
from jqtrade.clock import VirtualClock
from jqtrade.errors import InvalidParam, OrderNotSent, OrderUncertain
from jqtrade.testing import check_trade_gate

from .conftest import STRATEGIES, Start

OPEN = datetime(2026, 1, 5, 9, 29)
DAY = "20260105"
ORDER = Order("42", "000001.XSHE", 100, OrderAction.open, LimitOrderStyle(10.01), OPEN)
BALANCE = {
    "cash": {"total_assert": 1000.0, "available_cash": 1000.0, "locked_cash": 0.0},
    "positions": [{"code": "000001.XSHE", "amount": 100, "available_amount": 100, "avg_cost": 9.9}],
}


def put(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def answer_orders(folder: Path, status: str, **fields: Any) -> None:
    """The other program: says of each order that it has the status."""
    for file in sorted((folder / DAY / "orders").glob("*.json")):
        report = dict(json.loads(file.read_text(encoding="utf-8")), status=status, style="limit", **fields)
        put(folder / DAY / "reports" / file.name, report)


@pytest.fixture
def gate_class(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(STRATEGIES / "json_gate")] + sys.path)
    monkeypatch.delitem(sys.modules, "json_trade_gate", raising=False)
    import json_trade_gate  # type: ignore[import-not-found]

    return json_trade_gate.JsonTradeGate


@pytest.fixture
def gate(gate_class: Any, tmp_path: Path) -> Any:
    gate = gate_class()
    gate.clock = VirtualClock(OPEN)
    gate.setup({"json_dir": str(tmp_path)})
    return gate


def test_the_gate_keeps_the_contract(gate_class: Any, tmp_path: Path) -> None:
    put(tmp_path / DAY / "balance.json", BALANCE)

    class AnsweredGate(gate_class):  # type: ignore[misc]
        """The gate, with a program at the other end that answers at once."""

        def order(self, order: Order) -> None:
            super().order(order)
            answer_orders(tmp_path, "open")

    gate = AnsweredGate()
    gate.clock = VirtualClock(OPEN)
    check_trade_gate(gate, {"json_dir": str(tmp_path)}, ORDER)
    assert (tmp_path / DAY / "cancels" / "42.json").exists()


def test_an_order_is_one_whole_file(gate: Any, tmp_path: Path) -> None:
    assert gate.was_sent(ORDER) is False
    gate.order(ORDER)
    assert os.listdir(str(tmp_path / DAY / "orders")) == ["42.json"]
    content: Dict[str, Any] = json.loads((tmp_path / DAY / "orders" / "42.json").read_text(encoding="utf-8"))
    assert (content["code"], content["amount"], content["price"], content["action"]) == (
        "000001.XSHE",
        100,
        10.01,
        "open",
    )
    assert gate.was_sent(ORDER) and gate.knows_order_id("42") and not gate.knows_order_id("43")


def test_a_failed_write_is_not_sent_and_an_unclear_one_uncertain(
    gate: Any, gate_class: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: str, content: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(sys.modules[gate_class.__module__], "write_json", fail)
    with pytest.raises(OrderNotSent):
        gate.order(ORDER)
    monkeypatch.setattr(gate, "was_sent", lambda order: None)
    with pytest.raises(OrderUncertain):
        gate.order(ORDER)


def test_market_orders_and_missing_folders_are_refused(gate: Any) -> None:
    with pytest.raises(InvalidParam, match="只支持限价单"):
        gate.check_order(ORDER.with_changes(style=MarketOrderStyle()))
    with pytest.raises(InvalidParam, match="json_dir"):
        gate.setup({"json_dir": "no such folder"})


def test_the_strategy_trades_through_it_and_is_not_confused_by_a_restart(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("JSON_DIR", str(tmp_path))
    put(tmp_path / DAY / "balance.json", BALANCE)
    strategy = start("json_gate/strategy.py", OPEN, trade_gate="anxin")
    strategy.run(until=OPEN + timedelta(minutes=3))
    answer_orders(tmp_path, "filled", filled_amount=100, deal_balance=400.0, avg_cost=4.0)
    put(tmp_path / DAY / "reports" / "bad.json", {"order_id": "1", "create_time": 1})
    strategy.run(until=OPEN + timedelta(minutes=4))
    (order,) = strategy.account().orders()
    assert (order.status, order.filled_amount, order.avg_cost) == ("filled", 100, 4.0)
    assert strategy.account().portfolio.positions["000001.XSHE"].amount == 100
    strategy.close()

    again = start("json_gate/strategy.py", OPEN + timedelta(seconds=10), trade_gate="anxin")
    again.run(until=OPEN + timedelta(minutes=3))
    assert len(os.listdir(str(tmp_path / DAY / "orders"))) == 1
    assert "没有选项" not in caplog.text


def test_the_documentation_shows_this_very_code() -> None:
    text = (STRATEGIES.parent / "docs" / "trade_gate.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert (STRATEGIES / "json_gate" / "json_trade_gate.py").read_text(encoding="utf-8") in blocks
