"""Orders as values: statuses that are strings, and what may be asked for."""

import json
import pickle
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Callable

import pytest
from broker_files import make_order
from hypothesis import given
from hypothesis import strategies as st

from jqtrade.account.order import (
    LimitOrderStyle,
    MarketOrderStyle,
    OrderAction,
    OrderSide,
    OrderStatus,
    check_amount,
    check_code,
    check_price,
    format_price,
)
from jqtrade.errors import InvalidParam

DOCUMENTED_STATUSES = ["new", "open", "filling", "filled", "canceling", "partly_canceled", "canceled", "rejected"]


def test_the_statuses_are_the_documented_ones() -> None:
    assert [status.value for status in OrderStatus] == DOCUMENTED_STATUSES


@pytest.mark.parametrize("name", DOCUMENTED_STATUSES)
def test_a_status_is_its_string_wherever_strings_are_used(name: str) -> None:
    status = OrderStatus(name)
    assert status == name and name == status and status in (name,) and not status != name
    assert hash(status) == hash(name) and {name: 1}[status] == 1 and {status: 1}[name] == 1
    assert (str(status), f"{status}", f"{status:>20}", format(status)) == (name, name, name.rjust(20), name)
    assert repr(status) == repr(name) and json.dumps(status) == json.dumps(name)
    assert pickle.loads(pickle.dumps(status)) is status


def test_a_status_differs_from_other_strings() -> None:
    assert OrderStatus.new != "open" and OrderStatus.new != "NEW" and OrderStatus.new != OrderStatus.open


@pytest.mark.parametrize("name", DOCUMENTED_STATUSES)
def test_four_statuses_are_final(name: str) -> None:
    assert OrderStatus(name).is_final == (name in ("filled", "partly_canceled", "canceled", "rejected"))


@pytest.mark.parametrize(
    "price, written",
    [
        (10, "10"),
        (10.0, "10"),
        (11.11, "11.11"),
        (0.1 + 0.2, "0.3"),
        (1.1 * 3, "3.3"),
        (100, "100"),
        (0, "0"),
        (-0.0, "0"),
        (Decimal("11.110"), "11.11"),
        (Decimal("-0"), "0"),
        (Fraction(1, 4), "0.25"),
        (0.001, "0.001"),
        (0.000001, "0.000001"),
        (123456.789, "123456.789"),
        (1e9, "1" + "0" * 9),
    ],
)
def test_a_price_is_written_without_noise_and_without_an_exponent(price: Any, written: str) -> None:
    assert format_price(LimitOrderStyle(price).price) == written


@pytest.mark.parametrize(
    "price",
    [float("nan"), float("inf"), -float("inf"), -1, -0.01, -1e-7, 1e-7, 1e-300, True, False, "10", b"10", None, [10]]
    + [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("-1"), Decimal("1e400"), 1j, object()]
    + [pytest.param(10**400, id="10**400")],
)
def test_a_price_that_cannot_be_written_is_refused(price: Any) -> None:
    with pytest.raises(InvalidParam, match="没有发出"):
        LimitOrderStyle(price)


@pytest.mark.parametrize("name", ["float64", "float32", "int64", "uint8"])
def test_a_numpy_number_is_a_price(name: str) -> None:
    numpy = pytest.importorskip("numpy")
    style = LimitOrderStyle(getattr(numpy, name)(10))
    assert style == LimitOrderStyle(10) and type(style.price) is float


def test_a_numpy_float32_price_is_written_as_meant() -> None:
    numpy = pytest.importorskip("numpy")
    assert format_price(LimitOrderStyle(numpy.float32(10.11)).price) == "10.11"


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "True"])
def test_a_numpy_value_that_is_no_price_is_refused(value: str) -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(InvalidParam):
        LimitOrderStyle(numpy.bool_(True) if value == "True" else numpy.float64(value))


@given(st.floats(min_value=0.000001, max_value=1e9))
def test_any_price_is_read_back_from_what_is_written_to_a_millionth(price: float) -> None:
    written = format_price(check_price(price))
    assert set(written) <= set("0123456789.") and written != "0"
    assert float(written) == pytest.approx(price, abs=0.000001, rel=1e-15)


def test_styles_are_equal_by_kind_and_price() -> None:
    assert LimitOrderStyle(10) == LimitOrderStyle(10.0) and MarketOrderStyle() == MarketOrderStyle()
    assert LimitOrderStyle(0) != MarketOrderStyle() and LimitOrderStyle(10) != LimitOrderStyle(11)
    assert len({LimitOrderStyle(10), LimitOrderStyle(10.0), MarketOrderStyle()}) == 2
    assert (repr(LimitOrderStyle(0.1 + 0.2)), repr(MarketOrderStyle())) == (
        "LimitOrderStyle(0.3)",
        "MarketOrderStyle()",
    )
    assert LimitOrderStyle(10.5).limit_price == 10.5


@pytest.mark.parametrize(
    "amount", [100, -100, 100.0, Decimal(100), Decimal("1E2"), Fraction(200, 2), Fraction(-300, 3)]
)
def test_an_amount_is_a_whole_number_of_any_type(amount: Any) -> None:
    whole = check_amount(amount)
    assert whole == amount and type(whole) is int


@pytest.mark.parametrize(
    "amount",
    [0, 0.0, -0.0, 100.5, Decimal("100.5"), Fraction(1, 3), float("nan"), float("inf"), Decimal("NaN"), Decimal("sNaN")]
    + [True, False, "100", b"100", None, [100], 1j, object(), 2**63, -(2**63) - 1, 1e300, Decimal("1e400")]
    + [Decimal("100.00000000000000000001"), Fraction(10**30 + 1, 10**28), pytest.param(10**400, id="10**400")],
)
def test_an_amount_that_is_no_number_of_shares_is_refused(amount: Any) -> None:
    with pytest.raises(InvalidParam, match="没有发出"):
        check_amount(amount)


@pytest.mark.parametrize(
    "make",
    [
        lambda numpy: numpy.int64(100),
        lambda numpy: numpy.int8(100),
        lambda numpy: numpy.uint32(100),
        lambda numpy: numpy.float64(100),
        lambda numpy: numpy.float32(100),
        lambda numpy: numpy.array([100])[0],
    ],
)
def test_a_numpy_number_is_an_amount(make: Callable[[Any], Any]) -> None:
    whole = check_amount(make(pytest.importorskip("numpy")))
    assert whole == 100 and type(whole) is int


@pytest.mark.parametrize(
    "make",
    [
        lambda numpy: numpy.bool_(True),
        lambda numpy: numpy.float64(100.5),
        lambda numpy: numpy.float64("nan"),
        lambda numpy: numpy.float64("inf"),
        lambda numpy: numpy.int64(0),
        lambda numpy: numpy.array([100, 200]),
        lambda numpy: numpy.str_("100"),
    ],
)
def test_a_numpy_value_that_is_no_amount_is_refused(make: Callable[[Any], Any]) -> None:
    with pytest.raises(InvalidParam):
        check_amount(make(pytest.importorskip("numpy")))


@pytest.mark.parametrize("code", ["000001.XSHE", "600000.XSHG", "300750.XSHE", "688981.XSHG"])
def test_a_code_is_six_digits_and_an_exchange(code: str) -> None:
    assert check_code(code) == code


@pytest.mark.parametrize(
    "code",
    ["000001.SZ", "600000.SH", "000001", "00001.XSHE", "0000001.XSHE", "000001.xshe", "000001.XSHE\n", "\n000001.XSHE"]
    + ["０００００１.XSHE", "٠٠٠٠٠١.XSHE", " 000001.XSHE", "000001.XSHE ", "000001XXSHE", "000001.XSHEG", "=00001.XSHE"]
    + ["", None, 1, b"000001.XSHE", ["000001.XSHE"]],
)
def test_any_other_code_is_refused(code: Any) -> None:
    with pytest.raises(InvalidParam, match="XSHE.*没有发出"):
        check_code(code)


def test_an_order_has_every_documented_attribute_and_its_second_names() -> None:
    order = make_order(filled_amount=300, avg_cost=10.4)
    for name in (
        "order_id code status side style price amount filled_amount canceled_amount avg_cost deal_balance action"
        " commission err_msg create_time entrust_time"
    ).split():
        assert hasattr(order, name), name
    assert order.price == order.order_price == 10.5
    assert order.avg_price == order.avg_cost == 10.4
    assert order.security == order.code == "000001.XSHE"
    assert order.filled == order.filled_amount == 300
    assert order.add_time == order.create_time == datetime(2026, 1, 5, 9, 31, 2, 345)
    assert (order.status, order.side, order.action) == ("new", "long", "open")


@pytest.mark.parametrize(
    "action, side, buys",
    [("open", "long", True), ("close", "long", False), ("open", "short", False), ("close", "short", True)],
)
def test_opening_long_and_closing_short_are_purchases(action: str, side: str, buys: bool) -> None:
    assert make_order(action=OrderAction(action), side=OrderSide(side)).is_buy is buys


@pytest.mark.parametrize("name", ["status", "price", "order_price", "filled", "filled_amount", "is_buy"])
def test_an_order_cannot_be_changed(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(make_order(), name, 1)


def test_the_price_of_a_market_order_is_zero() -> None:
    assert make_order(style=MarketOrderStyle()).price == 0
