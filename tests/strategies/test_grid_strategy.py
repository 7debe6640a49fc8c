"""strategies/grid_strategy.py: one buy and one sell wait, progress is kept in a file, nothing is done twice."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from jqtrade.runtime.strategy import Strategy
from jqtrade.testing import FakeBroker

from .conftest import Start

FILE = "grid_strategy.py"
CODE = "510300.XSHG"
OPEN = datetime(2026, 1, 5, 9, 29)

Quotes = Callable[..., Path]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "grid.json"
    monkeypatch.setenv("GRID_STATE", str(path))
    return path


def read(path: Path) -> Dict[str, Any]:
    content: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def waiting(strategy: Strategy) -> List[Tuple[str, int, float]]:
    orders = [order for order in strategy.account().orders() if not order.status.is_final]
    return [(str(order.action), order.amount, order.price) for order in orders]


def holding(amount: int, available: int) -> Dict[str, Any]:
    return {"code": CODE, "amount": amount, "available_amount": available, "avg_cost": 4.0, "last_price": 4.0}


def minutes(count: int) -> datetime:
    return OPEN + timedelta(minutes=count, seconds=30)


def test_it_buys_as_the_price_falls_and_sells_as_it_rises(start: Start, quotes: Quotes, state: Path) -> None:
    quotes(c510300=4.0)
    strategy = start(FILE, OPEN, sync_internal=15)  # two days
    strategy.run(until=minutes(2))
    assert waiting(strategy) == [("open", 1000, 3.96)]

    quotes(c510300=3.95)
    strategy.run(until=minutes(5))
    assert read(state)["net"] == 1000
    assert waiting(strategy) == [("open", 1000, 3.92)]  # T+1: nothing can be sold today

    quotes(c510300=3.91)
    strategy.run(until=minutes(8))
    assert read(state)["net"] == 2000

    quotes(c510300=3.93)
    tomorrow = timedelta(days=1)
    strategy.run(until=minutes(2) + tomorrow)
    assert sorted(waiting(strategy)) == [("close", 1000, 3.96), ("open", 1000, 3.881)]

    quotes(c510300=3.97)
    strategy.run(until=minutes(5) + tomorrow)
    assert read(state)["net"] == 1000
    assert sorted(waiting(strategy)) == [("close", 1000, 4.0), ("open", 1000, 3.92)]

    quotes(c510300=4.05)
    strategy.run(until=minutes(8) + tomorrow)
    assert read(state)["net"] == 0
    assert waiting(strategy) == [("open", 1000, 3.96)]
    assert strategy.account().portfolio.positions[CODE].amount == 0


def test_a_restart_sends_nothing_again_and_counts_no_fill_twice(start: Start, state: Path) -> None:
    broker = FakeBroker(positions=[holding(500, 500)], keeps_orders=True)
    strategy = start(FILE, OPEN, broker)
    strategy.run(until=minutes(3))
    assert len(broker.orders) == 1
    broker.report(broker.orders[0].order_id, "filling", filled_amount=300)
    strategy.run(until=minutes(5))
    assert read(state)["net"] == 300
    assert len(broker.orders) == 2
    assert (broker.orders[1].action, broker.orders[1].amount, broker.orders[1].price) == ("close", 300, 4.0)
    strategy.close()

    for _ in range(3):
        again = start(FILE, minutes(6), broker)
        again.run(until=minutes(9))
        again.close()
    assert len(broker.orders) == 2
    assert broker.cancels == []
    assert read(state)["net"] == 300


def test_fills_while_it_was_down_are_counted_at_the_next_start(start: Start, state: Path) -> None:
    broker = FakeBroker(keeps_orders=True)
    strategy = start(FILE, OPEN, broker)
    strategy.run(until=minutes(2))
    strategy.close()
    broker.report(broker.orders[0].order_id, "filled")
    again = start(FILE, minutes(30), broker)
    again.run(until=minutes(32))
    assert read(state)["net"] == 1000
    assert [order.price for order in broker.orders] == [3.96, 3.92]


def test_on_a_new_day_the_position_decides(start: Start, state: Path, caplog: pytest.LogCaptureFixture) -> None:
    broker = FakeBroker(positions=[holding(500, 500)], keeps_orders=True)
    strategy = start(FILE, OPEN, broker)
    strategy.run(until=minutes(2))
    strategy.close()
    broker.positions = [holding(1500, 1500)]  # the order was filled after the strategy had stopped
    again = start(FILE, OPEN + timedelta(days=1), broker)
    again.run(until=minutes(2) + timedelta(days=1))
    assert "从 0 改为 1000" in caplog.text
    assert (read(state)["net"], read(state)["base"]) == (1000, 500)
    assert [(str(order.action), order.price) for order in broker.orders[1:]] == [("open", 3.92), ("close", 4.0)]


def test_what_was_held_before_the_grid_is_not_sold(start: Start, state: Path) -> None:
    broker = FakeBroker(positions=[holding(5000, 5000)], keeps_orders=True)
    start(FILE, OPEN, broker).run(until=minutes(5))
    assert [str(order.action) for order in broker.orders] == ["open"]


def test_after_three_refusals_it_stops_trying(start: Start, quotes: Quotes, state: Path) -> None:
    quotes(c510300=4.0)
    strategy = start(FILE, OPEN, paper_cash=100.0)
    strategy.run(until=minutes(30))
    assert [str(order.status) for order in strategy.account().orders()] == ["rejected"] * 3


def test_the_state_of_another_grid_is_refused(start: Start, state: Path) -> None:
    state.write_text(json.dumps({"code": CODE, "center": 5.0}), encoding="utf-8")
    with pytest.raises(ValueError, match="另一个网格"):
        start(FILE, OPEN, FakeBroker(keeps_orders=True))
