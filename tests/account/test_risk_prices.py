"""price_deviation: against the latest price that is known of a code, wherever it is from."""

import logging
from datetime import datetime
from typing import Any, Dict, Optional

import pytest
from broker_files import make_order

from jqtrade.account.journal import RecordedOrder
from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle, Order, OrderAction, OrderSide, OrderStatus
from jqtrade.account.portfolio import Portfolio, Position, Positions
from jqtrade.account.risk import RiskLimits
from jqtrade.errors import InvalidOrder
from jqtrade.gates.options import strategy_options
from jqtrade.testing import VirtualClock

NOW = datetime(2026, 1, 5, 10, 0)
BANK, OTHER = "600000.XSHG", "000001.XSHE"


def limits(**options: Any) -> RiskLimits:
    every = strategy_options()
    every.update(every.check(dict(options)))
    return RiskLimits(every.as_dict(), VirtualClock(NOW))


def snapshot(**prices: float) -> Portfolio:
    codes = {"bank": BANK, "other": OTHER}
    held = {codes[name]: Position(codes[name], 1000, 1000, last_price=price) for name, price in prices.items()}
    return Portfolio(1e9, 1e9, 0.0, NOW, Positions(OrderSide.long, held))


def an_order(price: float, code: str = BANK, **fields: Any) -> Order:
    action = fields.pop("action", OrderAction.open)
    style = fields.pop("style", LimitOrderStyle(price))
    return make_order(code=code, amount=100, action=action, style=style, create_time=NOW, **fields)


def refusal(checked: RiskLimits, order: Order, portfolio: Optional[Portfolio] = None) -> str:
    try:
        checked.check(order, snapshot() if portfolio is None else portfolio, NOW)
    except InvalidOrder as error:
        return str(error)
    return ""


def test_the_bound_is_exact_and_said_so() -> None:
    options: Dict[str, Any] = {"price_deviation": 0.1, "lot_check": False}
    for last in (3.33, 7.77, 1.01, 9.99):
        for sign in (1, -1):
            bound = round(last * (1 + sign * 0.1), 6)
            assert refusal(limits(**options), an_order(bound), snapshot(bank=last)) == ""
            assert refusal(limits(**options), an_order(round(bound + sign * 1e-6, 6)), snapshot(bank=last))
    assert "达 10.00001%，超过 10.00000%" in refusal(limits(**options), an_order(11.000001), snapshot(bank=10.0))


def test_a_price_is_remembered_when_the_holding_is_gone() -> None:
    checked = limits()
    checked.take_snapshot(snapshot(bank=10.0))
    checked.take_snapshot(snapshot())
    assert "price_deviation" in refusal(checked, an_order(14.0))
    checked.take_snapshot(snapshot(bank=14.0))
    checked.take_snapshot(snapshot())
    assert refusal(checked, an_order(14.0)) == ""
    checked.start_day({})  # yesterday's price may be of before a split
    assert refusal(checked, an_order(1.0)) == ""


def test_our_own_fills_tell_a_price_also_after_a_restart() -> None:
    filled = an_order(10.0, order_id="1").with_changes(status=OrderStatus.filled, filled_amount=100, avg_cost=9.5)
    checked = limits()
    checked.heard([filled])
    assert "最近的价格 9.5" in refusal(checked, an_order(13.0))
    checked = limits()
    checked.start_day({"1": filled}, [RecordedOrder(filled, 1000.0, True, None)])
    assert "最近的价格 9.5" in refusal(checked, an_order(13.0))
    checked.take_snapshot(snapshot(bank=12.0))
    assert refusal(checked, an_order(13.0)) == ""


def test_where_no_price_is_known_that_is_said_once_a_code(caplog: Any) -> None:
    caplog.set_level(logging.INFO)
    checked = limits()
    for style in (LimitOrderStyle(10), LimitOrderStyle(0), MarketOrderStyle()):
        for code in (BANK, OTHER):
            assert refusal(checked, an_order(10.0, code, style=style)) == ""
    said = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(said) == 2 and BANK in said[0] and OTHER in said[1]
    caplog.clear()
    checked = limits(price_deviation=None)
    assert refusal(checked, an_order(10.0)) == "" and not caplog.records


@pytest.mark.parametrize("style", [LimitOrderStyle(0), MarketOrderStyle()])
def test_an_order_without_a_price_of_its_own_has_nothing_to_compare(style: Any, caplog: Any) -> None:
    assert refusal(limits(), an_order(0, style=style), snapshot(bank=10.0)) == ""
    assert not caplog.records


@pytest.mark.parametrize("price", [0.0, -1.0, 1e-9])
def test_a_price_that_is_none_is_not_known(price: float) -> None:
    checked = limits()
    checked.take_snapshot(snapshot(bank=10.0))
    checked.take_snapshot(snapshot(bank=price))
    assert "price_deviation" in refusal(checked, an_order(14.0), snapshot(bank=price))
