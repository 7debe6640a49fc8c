"""One row of One Quant's files <-> one order: pure functions. The protocol is described in docs/onequant.md."""

import math
import re
from datetime import datetime
from typing import Any, Dict, Optional

from jqtrade.account.order import MarketOrderStyle, Order, OrderAction, OrderStatus, format_price

ORDER_HEADER = (
    "updTime,custBatchNo,acctType,acct,symbol,tradeSide,targetQty,algoId,priceType,ticks,highLimitPrice,lowLimitPrice"
)
CANCEL_HEADER = "updTime,custBatchNo"
RESULT_COLUMNS = ("resultType", "custBatchNo", "status")
UPDATE_COLUMNS = (
    "orderDate orderTime acct symbol tradeSide status orderQty orderPrice filledQty avgPrice filledAmt cancelQty orderNo custBatchNo"
).split()
ASSET_COLUMNS = ("acct", "exchange", "totalAsset", "currentBalance", "enabledBalance")
POSITION_COLUMNS = ("acct", "symbol", "currentQty", "enabledQty", "costPrice", "lastPrice", "mktValue")

STATUSES = {
    "0": OrderStatus.open,
    "1": OrderStatus.filling,
    "2": OrderStatus.filled,
    "3": OrderStatus.partly_canceled,
    "4": OrderStatus.canceled,
    "5": OrderStatus.rejected,
    "7": OrderStatus.new,
    "8": OrderStatus.canceling,
}
_NUMBER = re.compile(r"\d{6}", re.ASCII)
_EXCHANGES = {"SZ": "XSHE", "SH": "XSHG"}
_SUFFIXES = {"XSHE": "SZ", "XSHG": "SH"}
_SIDES = {"1": OrderAction.open, "2": OrderAction.close}


def to_code(symbol: str) -> Optional[str]:
    """ "000001.SZ" -> "000001.XSHE"; None for a security of another exchange, which we cannot have ordered."""
    number, _, suffix = symbol.partition(".")
    exchange = _EXCHANGES.get(suffix)
    return number + "." + exchange if exchange and _NUMBER.fullmatch(number) else None


def to_symbol(code: str) -> str:
    """ "000001.XSHE" -> "000001.SZ"."""
    number, _, exchange = code.partition(".")
    return number + "." + _SUFFIXES[exchange]


def order_row(order: Order, account_no: str, counter_type: str, algo_type: str) -> str:
    """The line of algoOrder_ that asks for `order`."""
    buys = order.action is OrderAction.open
    if isinstance(order.style, MarketOrderStyle):
        pricing = ["P6" if buys else "P7", "0", "0", "0"]
    else:
        price = format_price(order.price)
        pricing = ["AT", "0", price, price]
    fields = [
        order.create_time.strftime("%H%M%S.%f"),
        order.order_id,
        counter_type,
        account_no,
        to_symbol(order.code),
        "1" if buys else "2",
        str(order.amount),
        algo_type,
    ]
    return ",".join(fields + pricing)


def cancel_row(order_id: str, now: datetime) -> str:
    """The line of algoOrderStop_ that cancels an order."""
    return now.strftime("%H%M%S.%f") + "," + order_id


def update_report(row: Dict[str, str], code: str) -> Dict[str, Any]:
    """A row of orderUpdate_ as AbsTradeGate.sync_orders returns it. Raises ValueError or KeyError for a broken row."""
    moment = datetime.strptime(row["orderDate"] + row["orderTime"].zfill(6), "%Y%m%d%H%M%S")
    status = STATUSES[row["status"]]
    return {
        "order_id": row["custBatchNo"],
        "code": code,
        "price": to_number(row["orderPrice"] or "0"),
        "amount": to_quantity(row["orderQty"]),
        "action": _SIDES[row["tradeSide"]],
        "status": status,
        "style": "limit",
        "create_time": moment,
        "entrust_time": moment,
        "confirm_id": row["orderNo"],
        "filled_amount": to_quantity(row["filledQty"]) if row["filledQty"] else None,
        "canceled_amount": to_quantity(row["cancelQty"] or "0"),
        "deal_balance": _to_known_number(row["filledAmt"]),
        "avg_cost": _to_known_number(row["avgPrice"]),
        "err_msg": row.get("text", "")
        if status in (OrderStatus.rejected, OrderStatus.canceled, OrderStatus.partly_canceled)
        else "",
    }


def refusal_report(order_line: str, now: datetime, err_msg: str) -> Dict[str, Any]:
    """The report of an order that the terminal refused at once, out of the line of algoOrder_ that had asked for it.

    Raises ValueError or KeyError if that line is broken.
    """
    fields = order_line.split(",")
    if len(fields) != ORDER_HEADER.count(",") + 1:
        raise ValueError(f"文件单里的这一笔是残行：{order_line!r}")
    return {
        "order_id": fields[1],
        "code": to_code(fields[4]),
        "price": to_number(fields[10]),
        "amount": to_quantity(fields[6]),
        "action": _SIDES[fields[5]],
        "status": OrderStatus.rejected,
        "style": "limit" if fields[8] == "AT" else "market",
        "create_time": now,
        "err_msg": err_msg or "柜台拒绝，没有说明原因",
        "confirmed": False,  # an update, which a refused order has not, would prove that another order was meant
    }


def cash_report(row: Dict[str, str]) -> Dict[str, Any]:
    """The account's total row of assetInfo_ as AbsTradeGate.sync_balance returns it. Raises ValueError for a broken number."""
    available = to_number(row["enabledBalance"])
    return {
        "total_assert": to_number(row["totalAsset"]),
        "available_cash": available,
        "locked_cash": round(to_number(row["currentBalance"]) - available, 6),
    }


def position_report(row: Dict[str, str]) -> Optional[Dict[str, Any]]:
    """A row of positionInfo_ as AbsTradeGate.sync_balance returns it, None if nothing is held. Raises ValueError for a broken number."""
    code = to_code(row["symbol"])
    amount = to_quantity(row["currentQty"])
    if code is None or amount == 0:
        return None
    return {
        "code": code,
        "amount": amount,
        "available_amount": to_quantity(row["enabledQty"]),
        "avg_cost": to_number(row["costPrice"]),
        "last_price": to_number(row["lastPrice"]),
        "position_value": to_number(row["mktValue"]),
    }


def to_number(text: str) -> float:
    """A finite number; raises ValueError otherwise."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"不是有限的数字：{text!r}")
    return number


def _to_known_number(text: str) -> Optional[float]:
    """A number, None for one that the terminal does not know ("", "nan"); raises ValueError for what is no number."""
    number = float(text or "nan")
    return number if math.isfinite(number) else None


def to_quantity(text: str) -> int:
    """A whole number of shares, not negative ("100", "100.0"); raises ValueError otherwise."""
    number = to_number(text)
    if number < 0 or number != int(number):
        raise ValueError(f"不是股数：{text!r}")
    return int(number)
