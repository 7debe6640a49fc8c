"""What a trade gate returns is checked where it enters, and the error names the field."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Dict, List

import pytest

from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle
from jqtrade.account.reports import check_balance, check_order, report_id
from jqtrade.errors import InvalidReport

MOMENT = datetime(2026, 1, 5, 9, 31)
NAN, INFINITY = float("nan"), float("inf")
NO_NUMBER: List[Any] = [NAN, INFINITY, -INFINITY, "100", b"100", True, [100], {}, object(), Decimal("NaN"), 1j]
NO_QUANTITY = NO_NUMBER + [-1, 0.5, -100.0]
REQUIRED = "code price amount action status style create_time order_id".split()


def order(**fields: Any) -> Dict[str, Any]:
    report: Dict[str, Any] = {
        "order_id": "4000000001",
        "code": "000001.XSHE",
        "price": 10.5,
        "amount": 1000,
        "action": "open",
        "status": "filling",
        "style": "limit",
        "create_time": MOMENT,
    }
    report.update(fields)
    return report


def balance(cash: Any = None, position: Any = None) -> Dict[str, Any]:
    full_cash = {"total_assert": 100.0, "available_cash": 50.0, "locked_cash": 0.0}
    full_position = {"code": "000001.XSHE", "amount": 300, "available_amount": 200, "avg_cost": 9.5}
    full_cash.update(cash or {})
    full_position.update(position or {})
    return {"cash": full_cash, "positions": [full_position]}


def without(report: Dict[str, Any], name: str) -> Dict[str, Any]:
    return {key: value for key, value in report.items() if key != name}


@pytest.mark.parametrize("name", REQUIRED)
def test_a_field_that_an_order_lacks_is_named(name: str) -> None:
    with pytest.raises(InvalidReport, match=rf"\b{name}\b"):
        check_order(without(order(), name))


@pytest.mark.parametrize("name", REQUIRED)
def test_a_needed_field_of_an_order_that_is_none_is_named(name: str) -> None:
    with pytest.raises(InvalidReport, match=rf"\b{name}\b"):
        check_order(order(**{name: None}))


WRONG_IN_ORDERS: Dict[str, List[Any]] = {
    "order_id": ["", 4000000001, b"4000000001"],
    "code": ["000001.SZ", "", "000001.XSHE\n", 1, b"000001.XSHE"],
    "price": NO_NUMBER,
    "amount": NO_QUANTITY,
    "action": ["buy", "OPEN", 1, []],
    "status": ["", "done", "NEW", 2, []],
    "style": ["", "LIMIT", "AT", 1, LimitOrderStyle],
    "create_time": ["2026-01-05", 20260105, MOMENT.date(), MOMENT.time()],
    "entrust_time": ["2026-01-05", 0, MOMENT.date()],
    "filled_amount": NO_QUANTITY + [1001],
    "canceled_amount": NO_QUANTITY,
    "deal_balance": NO_NUMBER,
    "avg_cost": NO_NUMBER,
    "commission": NO_NUMBER,
}


@pytest.mark.parametrize("name, value", [(name, value) for name, values in WRONG_IN_ORDERS.items() for value in values])
def test_a_wrong_field_of_an_order_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidReport, match=rf"\b{name}\b"):
        check_order(order(**{name: value}))


@pytest.mark.parametrize("report", [None, "4000000001", 1, [], ("order_id", "1"), order])
def test_an_order_that_is_no_dict_is_refused(report: Any) -> None:
    for check in (check_order, report_id):
        with pytest.raises(InvalidReport, match="字典"):
            check(report)


@pytest.mark.parametrize(
    "name, default", [("filled_amount", 0), ("canceled_amount", 0), ("commission", 0), ("err_msg", "")]
)
def test_an_optional_field_may_be_left_out_or_none(name: str, default: Any) -> None:
    assert getattr(check_order(order()), name) == getattr(check_order(order(**{name: None})), name) == default


def test_an_order_reported_as_filled_without_a_quantity_is_filled_whole() -> None:
    assert check_order(order(status="filled")).filled_amount == 1000


def test_numbers_of_any_type_pass_as_plain_ones() -> None:
    report = check_order(order(amount=1000.0, filled_amount=Decimal(300), price=Decimal("10.5"), avg_cost=10))
    assert (report.amount, report.filled_amount, report.price, report.avg_cost) == (1000, 300, 10.5, 10.0)
    assert [type(value) for value in (report.amount, report.filled_amount, report.price)] == [int, int, float]


def test_numpy_numbers_pass_as_plain_ones_and_numpy_truth_values_do_not() -> None:
    numpy = pytest.importorskip("numpy")
    report = check_order(order(amount=numpy.int64(1000), filled_amount=numpy.float64(300), price=numpy.float32(10.5)))
    assert [type(value) for value in (report.amount, report.filled_amount, report.price)] == [int, int, float]
    for name in ("price", "amount"):
        with pytest.raises(InvalidReport, match=name):
            check_order(order(**{name: numpy.bool_(True)}))


@pytest.mark.parametrize("style", [LimitOrderStyle(10.5), MarketOrderStyle(), "limit", "market"])
def test_a_style_may_be_a_word_or_an_object(style: Any) -> None:
    assert check_order(order(style=style)).style == getattr(style, "name", style)


def test_an_order_id_is_read_before_the_rest_is_checked() -> None:
    assert report_id({"order_id": "7", "status": "nonsense"}) == "7"


@pytest.mark.parametrize("name", ["total_assert", "available_cash", "locked_cash"])
@pytest.mark.parametrize("value", NO_NUMBER + [None])
def test_a_wrong_cash_field_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidReport, match=name):
        check_balance(balance(cash={name: value}))


@pytest.mark.parametrize("name", ["total_assert", "available_cash", "locked_cash"])
def test_a_missing_cash_field_is_named(name: str) -> None:
    report = balance()
    with pytest.raises(InvalidReport, match=name):
        check_balance(dict(report, cash=without(report["cash"], name)))


WRONG_IN_POSITIONS: Dict[str, List[Any]] = {
    "code": ["000001.SZ", "", 1, None],
    "amount": NO_QUANTITY + [None],
    "available_amount": NO_QUANTITY + [None, 301],
    "avg_cost": NO_NUMBER + [None],
    "hold_cost": NO_NUMBER,
    "last_price": NO_NUMBER,
    "position_value": NO_NUMBER,
    "side": ["both", 1],
}


@pytest.mark.parametrize(
    "name, value", [(name, value) for name, values in WRONG_IN_POSITIONS.items() for value in values]
)
def test_a_wrong_field_of_a_position_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidReport, match=rf"\b{name}\b"):
        check_balance(balance(position={name: value}))


@pytest.mark.parametrize("name", ["code", "amount", "available_amount", "avg_cost"])
def test_a_missing_field_of_a_position_is_named(name: str) -> None:
    report = balance()
    with pytest.raises(InvalidReport, match=rf"\b{name}\b"):
        check_balance(dict(report, positions=[without(report["positions"][0], name)]))


@pytest.mark.parametrize("name", ["cash", "positions"])
@pytest.mark.parametrize("value", [None, 1, "x", iter(())])
def test_a_balance_with_a_part_of_the_wrong_type_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidReport, match=name):
        check_balance(dict(balance(), **{name: value}))
    with pytest.raises(InvalidReport, match=name):
        check_balance(without(balance(), name))


@pytest.mark.parametrize("report", [None, [], "cash", 0])
def test_a_balance_that_is_no_dict_is_refused(report: Any) -> None:
    with pytest.raises(InvalidReport):
        check_balance(report)


def test_the_same_position_twice_is_refused() -> None:
    report = balance()
    with pytest.raises(InvalidReport, match="000001.XSHE"):
        check_balance(dict(report, positions=report["positions"] * 2))


def test_long_and_short_of_one_code_are_two_positions() -> None:
    report = balance()
    short = dict(report["positions"][0], side="short")
    assert len(check_balance(dict(report, positions=report["positions"] + [short])).positions) == 2


def test_what_a_gate_leaves_out_of_a_position_is_worked_out() -> None:
    (position,) = check_balance(balance()).positions
    assert (position.hold_cost, position.last_price, position.position_value, position.side) == (9.5, 0, 0, "long")
    (position,) = check_balance(balance(position={"last_price": 10.0, "hold_cost": 9.9})).positions
    assert (position.position_value, position.hold_cost) == (3000.0, 9.9)


def test_cash_of_zero_is_zero() -> None:
    cash = {"total_assert": 0, "available_cash": 0, "locked_cash": 0}
    report = check_balance(balance(cash=cash))
    assert (report.total_assert, report.available_cash, report.locked_cash) == (0.0, 0.0, 0.0)
