"""Nothing that comes from outside can make another field, another line or a formula of what we write."""

import csv
import sqlite3
from datetime import datetime
from typing import Any, Callable, List

import pytest
from broker_files import OneQuantFolder, make_order
from hypothesis import given
from hypothesis import strategies as st
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle
from jqtrade.account.request import check_request
from jqtrade.errors import InvalidParam, OrderNotSent
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.gates.onequant.rows import ORDER_HEADER, cancel_row, order_row
from jqtrade.testing import VirtualClock

Gate = AnXinDMATradeGate
OpenGate = Callable[..., AnXinDMATradeGate]

EVIL = ["1,2", '1"2', '"12"', "1'2", "12\n34", "12\r34", "12\n", "12\r\n", "=12", "+12", "@12", "1\t2", "1 2", "１２"]
EVIL += ["1\x002", "1\u20282", "", " "]


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize("name", ["account_no", "counter_type", "algo_type"])
def test_no_option_that_goes_into_a_row_takes_it(open_gate: OpenGate, name: str, value: str) -> None:
    with pytest.raises(InvalidParam):
        open_gate(**{name: value})


@pytest.mark.parametrize("value", EVIL + ["12345678901", "-1", "1.5", "abc"])
def test_no_order_id_takes_it(gate: Gate, folder: OneQuantFolder, value: str) -> None:
    for ask in (gate.check_order, gate.order):
        with pytest.raises(InvalidParam, match="订单号"):
            ask(make_order(value))
    with pytest.raises(OrderNotSent, match="订单号"):
        gate.cancel_order(value)
    assert not folder.file("algoOrder").exists() and not folder.file("algoOrderStop").exists()


@pytest.mark.parametrize("value", EVIL)
def test_no_code_takes_it(gate: Gate, folder: OneQuantFolder, value: str) -> None:
    for code in (value, value + ".XSHE", "000001.XSHE" + value, "000001." + value):
        if code == "000001.XSHE":
            continue
        with pytest.raises(InvalidParam, match="股票代码"):
            check_request(code, 100)
        with pytest.raises(InvalidParam, match="股票代码"):
            gate.order(make_order(code=code))
    assert not folder.file("algoOrder").exists()


@pytest.mark.parametrize("value", EVIL)
def test_an_id_in_a_journal_that_somebody_changed_reaches_no_file_and_stops_no_other_cancel(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, journal_path: str, value: str
) -> None:
    account = Account(gate, Journal(journal_path), clock, no_limits(clock))
    good, bad = account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))] * 2)
    account.close()
    connection = sqlite3.connect(journal_path)
    connection.execute("UPDATE orders SET order_id = ? WHERE order_id = ?", (value, bad))
    connection.commit()
    connection.close()
    account = Account(gate, Journal(journal_path), clock, no_limits(clock))
    account.recover()
    before = folder.order_lines()
    account.cancel_batch([value, str(good)])
    assert folder.order_lines() == before
    assert folder.file("algoOrderStop").read_bytes().split(b"\r\n")[1:] == [f"100000.000000,{good}".encode(), b""]


@given(
    price=st.one_of(st.just(0.0), st.floats(min_value=0.000001, max_value=1e9)),
    amount=st.integers(1, 2**63 - 1),
    order_id=st.integers(1, 2**32 - 1),
    is_buy=st.booleans(),
    market=st.booleans(),
    moment=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)),
)
def test_every_order_is_one_row_of_twelve_plain_fields(
    price: float, amount: int, order_id: int, is_buy: bool, market: bool, moment: datetime
) -> None:
    style: Any = MarketOrderStyle() if market else LimitOrderStyle(price)
    order = make_order(str(order_id), amount=amount if is_buy else -amount, style=style, create_time=moment)
    row = order_row(order, "1234567", "UM0", "DMA")
    fields: List[str] = row.split(",")
    assert list(csv.reader([row])) == [fields] and len(fields) == len(ORDER_HEADER.split(","))
    assert all(field and field[0] not in "=+@-" for field in fields)
    assert cancel_row(str(order_id), moment).split(",")[1:] == [str(order_id)]
