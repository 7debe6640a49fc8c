"""What a strategy reads of its cash and positions."""

import pickle
from datetime import datetime

import pytest

from jqtrade.account.order import OrderSide
from jqtrade.account.portfolio import Portfolio, Position, Positions

HELD = Position("000001.XSHE", 300, 200, 9.5, 9.6, OrderSide.long, 10.0, 3000.0)


def make_portfolio() -> Portfolio:
    long = Positions(OrderSide.long, {"000001.XSHE": HELD, "600000.XSHG": Position("600000.XSHG", position_value=0.5)})
    return Portfolio(100000.5, 50000.0, 10000.0, datetime(2026, 1, 5, 10, 0), long)


def test_a_position_has_every_documented_attribute_and_its_second_names() -> None:
    assert (HELD.code, HELD.security) == ("000001.XSHE", "000001.XSHE")
    assert (HELD.amount, HELD.total_amount) == (300, 300)
    assert (HELD.available_amount, HELD.closeable_amount, HELD.locked_amount) == (200, 200, 100)
    assert (HELD.avg_cost, HELD.acc_avg_cost, HELD.hold_cost) == (9.5, 9.5, 9.6)
    assert (HELD.last_price, HELD.price) == (10.0, 10.0)
    assert (HELD.position_value, HELD.value) == (3000.0, 3000.0)
    assert HELD.side == "long"


def test_a_portfolio_has_every_documented_attribute_and_its_second_names() -> None:
    portfolio = make_portfolio()
    assert portfolio.total_assert == portfolio.total_asset == portfolio.total_value == 100000.5
    assert portfolio.available_cash == portfolio.cash == 50000.0
    assert portfolio.locked_cash == 10000.0
    assert portfolio.positions is portfolio.long_positions
    assert portfolio.positions_value == 3000.5
    assert portfolio.short_positions == {}
    assert portfolio.updated_time == datetime(2026, 1, 5, 10, 0)


@pytest.mark.parametrize("side", list(OrderSide))
def test_a_code_that_is_not_held_gives_an_empty_position_and_stays_away(side: OrderSide) -> None:
    positions = Positions(side)
    empty = positions["000002.XSHE"]
    assert (empty.code, empty.amount, empty.available_amount, empty.locked_amount) == ("000002.XSHE", 0, 0, 0)
    assert (empty.avg_cost, empty.hold_cost, empty.last_price, empty.value) == (0, 0, 0, 0)
    assert empty.side is side
    assert "000002.XSHE" not in positions and len(positions) == 0 and list(positions) == []


def test_positions_are_a_dict_otherwise() -> None:
    positions = make_portfolio().long_positions
    assert isinstance(positions, dict)
    assert "000001.XSHE" in positions and "000002.XSHE" not in positions
    assert positions.get("000001.XSHE") is HELD and positions.get("000002.XSHE") is None
    assert positions.get("000002.XSHE", 7) == 7
    assert list(positions) == list(positions.keys()) == ["000001.XSHE", "600000.XSHG"]
    assert [code for code, position in positions.items() if position.amount] == ["000001.XSHE"]


def test_positions_can_be_pickled_as_strategies_do_with_their_globals() -> None:
    positions = pickle.loads(pickle.dumps(make_portfolio())).long_positions
    assert positions == make_portfolio().long_positions and positions["000002.XSHE"].amount == 0


@pytest.mark.parametrize("name", ["total_assert", "total_asset", "cash", "positions"])
def test_a_portfolio_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(make_portfolio(), name, 1)


@pytest.mark.parametrize("name", ["amount", "total_amount", "locked_amount", "value"])
def test_a_position_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(HELD, name, 1)
