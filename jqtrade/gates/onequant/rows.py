"""One row of One Quant's files <-> one order: pure functions. The protocol is described in docs/onequant.md."""

import functools
import re
from datetime import datetime
from typing import Iterable, Optional, Tuple

from jqtrade.account.order import (
    LARGEST_AMOUNT,
    MarketOrderStyle,
    Order,
    OrderAction,
    OrderReport,
    OrderSide,
    OrderStatus,
    format_price,
)
from jqtrade.account.portfolio import BalanceReport, Position
from jqtrade.gates.csv_file import decode

ORDER_HEADER = (
    "updTime,custBatchNo,acctType,acct,symbol,tradeSide,targetQty,algoId,priceType,ticks,highLimitPrice,lowLimitPrice"
)
CANCEL_HEADER = "updTime,custBatchNo"
RESULT_COLUMNS = ("resultType", "custBatchNo", "status")
UPDATE_COLUMNS = (
    "acct custBatchNo symbol orderDate orderTime tradeSide status orderQty orderPrice filledQty avgPrice filledAmt cancelQty orderNo"
).split()
ASSET_COLUMNS = ("acct", "exchange", "totalAsset", "currentBalance", "enabledBalance")
POSITION_COLUMNS = ("acct", "symbol", "currentQty", "enabledQty", "costPrice", "lastPrice", "mktValue")

STATUSES = {
    b"0": OrderStatus.open,
    b"1": OrderStatus.filling,
    b"2": OrderStatus.filled,
    b"3": OrderStatus.partly_canceled,
    b"4": OrderStatus.canceled,
    b"5": OrderStatus.rejected,
    b"7": OrderStatus.new,
    b"8": OrderStatus.canceling,
}
_ENDED_BADLY = frozenset([OrderStatus.rejected, OrderStatus.canceled, OrderStatus.partly_canceled])
_SYMBOL = re.compile(rb"\d{6}\.S[ZH]")
_EXCHANGES = {b".SZ": ".XSHE", b".SH": ".XSHG"}
_SUFFIXES = {"XSHE": "SZ", "XSHG": "SH"}
_SIDES = {b"1": OrderAction.open, b"2": OrderAction.close}
_NUMBER = re.compile(rb"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[Ee][+-]?\d{1,2})?")
"""As programs write numbers, a large one perhaps as 1.25E+07. Python's float() takes more, such as "5_0" and "inf"."""
_MOST_MONEY = 1e15
"""yuan; who writes more means something else"""
_NOT_KNOWN = (b"", b"nan", b"-nan")
"""what terminals write for an average price or a turnover that they do not know"""


@functools.lru_cache(maxsize=16384)
def to_code(symbol: bytes) -> Optional[str]:
    """ "000001.SZ" -> "000001.XSHE"; None for a security of another exchange, which we cannot have ordered."""
    return symbol[:6].decode("ascii") + _EXCHANGES[symbol[6:]] if _SYMBOL.fullmatch(symbol) else None


def to_symbol(code: str) -> str:
    """ "000001.XSHE" -> "000001.SZ"."""
    return code[:7] + _SUFFIXES[code[7:]]


def order_row(order: Order, account_no: str, counter_type: str, algo_type: str) -> str:
    """The line of algoOrder_ that asks for `order`."""
    buys, price = order.action is OrderAction.open, format_price(order.price)
    price_type = "AT"
    if isinstance(order.style, MarketOrderStyle):
        price_type = "P6" if buys else "P7"
    return (
        f"{_time_of_day(order.create_time)},{order.order_id},{counter_type},{account_no},{to_symbol(order.code)},"
        f"{1 if buys else 2},{order.amount},{algo_type},{price_type},0,{price},{price}"
    )


def cancel_row(order_id: str, now: datetime) -> str:
    """The line of algoOrderStop_ that cancels an order."""
    return _time_of_day(now) + "," + order_id


@functools.lru_cache(maxsize=16)
def _time_of_day(moment: datetime) -> str:
    return f"{moment.hour:02}{moment.minute:02}{moment.second:02}.{moment.microsecond:06}"


def update_report(row: Tuple[bytes, ...], code: str, encoding: str) -> OrderReport:
    """What a row of orderUpdate_, its UPDATE_COLUMNS and the text, says. Raises ValueError or KeyError for a broken row."""
    _, order_id, _, day, time, side, status_code, quantity, price, filled, avg_price, value, canceled, number, text = (
        row
    )
    status = STATUSES[status_code]
    amount = to_quantity(quantity)
    filled_amount = to_quantity(filled) if filled else amount if status is OrderStatus.filled else 0
    if filled_amount > amount:
        raise ValueError(f"成交 {filled_amount} 股，超过委托的 {amount} 股")
    moment = _to_moment(day, time)
    return OrderReport(  # by position: a file may hold a hundred thousand rows
        order_id.decode("ascii"),
        code,
        _to_money(price or b"0"),
        amount,
        _SIDES[side],
        status,
        "limit",
        moment,  # create_time
        moment,  # entrust_time
        number.decode("ascii", "backslashreplace"),
        filled_amount,
        to_quantity(canceled or b"0"),
        None if value.lower() in _NOT_KNOWN else _to_money(value),  # deal_balance
        None if avg_price.lower() in _NOT_KNOWN else _to_money(avg_price),  # avg_cost
        0.0,  # commission
        decode(text, encoding) if status in _ENDED_BADLY else "",
    )


def refusal_report(order_line: str, now: datetime, err_msg: str) -> OrderReport:
    """The report of an order that the terminal refused at once, out of the line of algoOrder_ that had asked for it.

    Raises ValueError or KeyError if that line is broken.
    """
    fields = order_line.encode("ascii", "replace").split(b",")
    code = to_code(fields[4]) if len(fields) == ORDER_HEADER.count(",") + 1 else None
    if code is None:
        raise ValueError(f"文件单里的这一笔是残行：{order_line!r}")
    return OrderReport(
        order_id=fields[1].decode("ascii"),
        code=code,
        price=to_number(fields[10]),
        amount=to_quantity(fields[6]),
        action=_SIDES[fields[5]],
        status=OrderStatus.rejected,
        style="limit" if fields[8] == b"AT" else "market",
        create_time=now,
        err_msg=err_msg or "柜台拒绝，没有说明原因",
        confirmed=False,  # an update, which a refused order has not, would prove that another order was meant
    )


def balance_report(total: Tuple[bytes, ...], positions: Iterable[Tuple[bytes, ...]]) -> BalanceReport:
    """What the account's total row of assetInfo_ and its rows of positionInfo_ say. Raises ValueError for a broken one."""
    assets, balance, available = [to_number(field) for field in total[2:5]]
    held = [position for position in map(_position, positions) if position is not None]
    if len({position.code for position in held}) < len(held):
        raise ValueError("同一只股票有两行持仓")
    return BalanceReport(
        total_assert=assets, available_cash=available, locked_cash=round(balance - available, 6), positions=held
    )


def _position(row: Tuple[bytes, ...]) -> Optional[Position]:
    """A row of positionInfo_; None if nothing is held."""
    _, symbol, quantity, enabled, cost, last_price, value, _ = row
    code, amount = to_code(symbol), to_quantity(quantity)
    if code is None or amount == 0:
        return None
    available, price, last, worth = to_quantity(enabled), to_number(cost), _to_money(last_price), _to_money(value)
    if available > amount:
        raise ValueError(f"{code} 可卖 {available} 股，多于持有的 {amount} 股")
    return Position(code, amount, available, price, price, OrderSide.long, last, worth)


@functools.lru_cache(maxsize=1024)
def _to_moment(day: bytes, time: bytes) -> datetime:
    """ "20260105", "93103" -> 2026-01-05 09:31:03; raises ValueError for anything else."""
    if len(day) != 8 or len(time) > 6 or not (day + time).isdigit():
        raise ValueError(f"不是日期和时间：{day!r} {time!r}")
    date_number, clock = int(day), int(time)
    return datetime(
        date_number // 10000,
        date_number // 100 % 100,
        date_number % 100,
        clock // 10000,
        clock // 100 % 100,
        clock % 100,
    )


def to_number(text: bytes) -> float:
    """A number as terminals write them, perhaps negative; raises ValueError for anything else."""
    is_plain = text.replace(b".", b"", 1).isdigit() and len(text) <= 30  # nearly always, and much quicker to tell
    if not is_plain and not _NUMBER.fullmatch(text):
        raise ValueError(f"不是数字：{text!r}")
    return float(text)


@functools.lru_cache(maxsize=4096)
def _to_money(text: bytes) -> float:
    """A price or an amount in yuan, not negative; raises ValueError otherwise."""
    number = to_number(text)
    if not 0 <= number < _MOST_MONEY:
        raise ValueError(f"价格或金额是负数，或者大得不可能：{text!r}")
    return abs(number)  # -0.00


@functools.lru_cache(maxsize=4096)  # most are round lots
def to_quantity(text: bytes) -> int:
    """A whole number of shares, not negative ("100", "100.0"); raises ValueError otherwise."""
    number = int(text) if text.isdigit() and len(text) < 30 else to_number(text)
    if not 0 <= number <= LARGEST_AMOUNT or number != int(number):
        raise ValueError(f"不是股数：{text!r}")
    return int(number)
