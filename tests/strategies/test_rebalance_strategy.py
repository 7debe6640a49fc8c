"""strategies/rebalance_strategy.py: target weights, sells first, whole lots, never twice."""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest

from jqtrade.testing import FakeBroker

from .conftest import Start

FILE = "rebalance_strategy.py"
NINE = datetime(2026, 1, 5, 9)
PRICES = {"c000001": 10.0, "c000333": 75.1, "c600036": 42.3, "c600519": 1480.0}

Quotes = Callable[..., Path]


def holding(code: str, amount: int, available: int, price: float) -> Dict[str, Any]:
    return {"code": code, "amount": amount, "available_amount": available, "avg_cost": price, "last_price": price}


def sent(broker: FakeBroker) -> List[Tuple[str, str, int, float]]:
    return [(order.code, str(order.action), order.amount, order.price) for order in broker.orders]


def test_the_weights_are_reached_on_paper(start: Start, quotes: Quotes) -> None:
    quotes(**PRICES)
    strategy = start(FILE, NINE)
    strategy.run(until=NINE + timedelta(hours=1))
    held = strategy.account().portfolio.positions
    assert {code: position.amount for code, position in held.items()} == {
        "000001.XSHE": 30000,
        "000333.XSHE": 3900,
        "600036.XSHG": 7000,
    }
    assert {str(order.status) for order in strategy.account().orders()} == {"filled"}


def test_sells_come_five_minutes_before_buys(start: Start, quotes: Quotes) -> None:
    quotes(**PRICES)
    broker = FakeBroker(
        100000.0,
        [holding("600519.XSHG", 150, 150, 1480.0), holding("000001.XSHE", 5000, 5000, 10.0)],
        keeps_orders=True,
    )
    broker.cash["total_assert"] = 372000.0
    strategy = start(FILE, NINE, broker)
    strategy.run(until=datetime(2026, 1, 5, 9, 39))
    assert sent(broker) == [("600519.XSHG", "close", 150, 1465.2)]  # all of it, the odd lot too

    strategy.run(until=datetime(2026, 1, 5, 9, 41))
    assert sent(broker)[1:] == [
        ("000001.XSHE", "open", 6100, 10.1),  # 372000 * 0.3 / 10 = 11160 -> 11100, 5000 held
        ("000333.XSHE", "open", 400, 75.85),  # what the cash is enough for: 92560 - 61610
    ]


def test_only_what_can_be_sold_today_is_sold(start: Start, quotes: Quotes) -> None:
    quotes(**PRICES)
    broker = FakeBroker(0.0, [holding("600519.XSHG", 300, 100, 1480.0)], keeps_orders=True)
    start(FILE, NINE, broker).run(until=NINE + timedelta(hours=1))
    assert sent(broker) == [("600519.XSHG", "close", 100, 1465.2)]


@pytest.mark.parametrize("cash", [0.0, -50000.0])
def test_without_cash_nothing_is_bought_and_nothing_sold_by_mistake(start: Start, quotes: Quotes, cash: float) -> None:
    quotes(**PRICES)
    broker = FakeBroker(cash, [holding("000001.XSHE", 100, 100, 10.0)], keeps_orders=True)
    broker.cash["total_assert"] = 500000.0
    start(FILE, NINE, broker).run(until=NINE + timedelta(hours=1))
    assert broker.orders == []


def test_a_restart_between_and_after_the_steps_orders_nothing_twice(start: Start, quotes: Quotes) -> None:
    quotes(**PRICES)
    broker = FakeBroker(300000.0, [holding("600519.XSHG", 100, 100, 1480.0)], keeps_orders=True)
    broker.cash["total_assert"] = 448000.0
    start(FILE, NINE, broker).run(until=datetime(2026, 1, 5, 9, 41))
    codes = [order.code for order in broker.orders]
    assert codes == ["600519.XSHG", "000001.XSHE", "000333.XSHE", "600036.XSHG"][: len(codes)] and len(codes) >= 3

    for order in broker.orders:
        broker.report(order.order_id, "filled")
    start(FILE, datetime(2026, 1, 5, 9, 34), broker).run(until=datetime(2026, 1, 5, 9, 50))
    assert [order.code for order in broker.orders] == codes


def test_what_is_left_is_cancelled_at_ten(start: Start, quotes: Quotes) -> None:
    quotes(**PRICES)
    broker = FakeBroker(100000.0, keeps_orders=True)
    start(FILE, NINE, broker).run(until=datetime(2026, 1, 5, 10, 1))
    assert broker.cancels == [order.order_id for order in broker.orders] != []


def test_old_prices_are_not_traded_on(start: Start, quotes: Quotes, caplog: pytest.LogCaptureFixture) -> None:
    path = quotes(**PRICES)
    os.utime(str(path), (time.time() - 300, time.time() - 300))
    broker = FakeBroker(keeps_orders=True)
    start(FILE, NINE, broker).run(until=NINE + timedelta(hours=1))
    assert broker.orders == []
    assert "没有更新，不能用来下单" in caplog.text


def test_the_sample_quotes_have_every_code_of_the_strategy(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUOTES", raising=False)
    monkeypatch.setenv("QUOTES_MAX_AGE", "1e12")
    strategy = start(FILE, NINE)
    strategy.run(until=NINE + timedelta(hours=1))
    assert len(strategy.account().portfolio.positions) == 3


def test_old_cash_and_positions_are_not_traded_on(
    start: Start, quotes: Quotes, caplog: pytest.LogCaptureFixture
) -> None:
    quotes(**PRICES)
    broker = FakeBroker(keeps_orders=True)
    strategy = start(FILE, NINE, broker)
    broker.error = OSError("closed")
    strategy.run(until=NINE + timedelta(hours=1))
    assert broker.orders == []
    assert "秒没有更新，不调仓" in caplog.text
