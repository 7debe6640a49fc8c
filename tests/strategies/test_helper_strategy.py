"""strategies/helper_strategy/: a module beside the strategy that uses the strategy's names."""

from datetime import datetime, timedelta
from typing import Any, Dict

import pytest

from jqtrade.testing import FakeBroker

from .conftest import Start

FILE = "helper_strategy/strategy.py"
OPEN = datetime(2026, 1, 5, 9, 29)


def holding(code: str, price: float, available: int = 200) -> Dict[str, Any]:
    return {"code": code, "amount": 200, "available_amount": available, "avg_cost": 10.0, "last_price": price}


def test_losers_and_winners_are_sold_once_and_the_others_kept(start: Start) -> None:
    broker = FakeBroker(
        keeps_orders=True,
        positions=[
            holding("000001.XSHE", 9.5),
            holding("000002.XSHE", 12.01),
            holding("600000.XSHG", 9.6),
            holding("600004.XSHG", 8.0, available=0),
            holding("510300.XSHG", 0.0),
        ],
    )
    strategy = start(FILE, OPEN, broker)
    strategy.run(until=OPEN + timedelta(minutes=10))
    assert [(order.code, str(order.action), order.amount, order.price) for order in broker.orders] == [
        ("000001.XSHE", "close", 200, 9.4),
        ("000002.XSHE", "close", 200, 11.89),
    ]
    strategy.close()

    broker.report(broker.orders[0].order_id, "filled")
    again = start(FILE, OPEN + timedelta(minutes=11), broker)
    again.run(until=OPEN + timedelta(minutes=20))
    assert len(broker.orders) == 2


def test_a_refused_sale_is_tried_again(start: Start) -> None:
    broker = FakeBroker(positions=[holding("000001.XSHE", 9.0)], keeps_orders=True)
    strategy = start(FILE, OPEN, broker)
    strategy.run(until=OPEN + timedelta(minutes=1))
    broker.report(broker.orders[0].order_id, "rejected", err_msg="测试")
    strategy.run(until=OPEN + timedelta(minutes=3))
    assert len(broker.orders) == 2


def test_old_prices_are_not_traded_on(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    broker = FakeBroker(positions=[holding("000001.XSHE", 9.0)], keeps_orders=True)
    strategy = start(FILE, OPEN - timedelta(minutes=5), broker)
    broker.error = OSError("closed")
    strategy.run(until=OPEN + timedelta(minutes=3))
    assert broker.orders == []
    assert "这一分钟不动" in caplog.text
