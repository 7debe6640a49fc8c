"""The rows of One Quant's files as the terminal sees them: it reads orders and cancels, and writes all the others.

Written from the protocol page alone. It shares nothing with jqtrade.account.trade_gate, or the two would agree on the
same mistake.
"""

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Iterable, List, NamedTuple, Optional

from jqtrade.account.order import OrderStatus
from jqtrade.market.rules import HIGHEST_AMOUNT, HIGHEST_PRICE, to_average, to_cents
from jqtrade.paper.exchange import Fill, PaperOrder
from jqtrade.paper.ledger import Holding, Snapshot

Fields = List[str]

ALGO_ORDER = "algoOrder"
ALGO_ORDER_STOP = "algoOrderStop"
EXEC_RESULT = "execResult"
ORDER_UPDATE = "orderUpdate"
TRADE_UPDATE = "tradeUpdate"
ASSET_INFO = "assetInfo"
POSITION_INFO = "positionInfo"

ORDER_COLUMNS = (
    "updTime,custBatchNo,acctType,acct,symbol,tradeSide,targetQty,algoId,priceType,ticks,highLimitPrice,lowLimitPrice"
).split(",")
CANCEL_COLUMNS = "updTime,custBatchNo".split(",")
RESULT_COLUMNS = "updTime,resultType,custBatchNo,status,errorCode,errorMsg".split(",")
UPDATE_COLUMNS = (
    "updTime,orderDate,orderTime,acctType,acct,symbol,tradeSide,status,orderQty,orderPrice,orderType,filledQty,"
    "avgPrice,filledAmt,cancelQty,orderNo,corrId,custBatchNo,text,cliOrderId"
).split(",")
TRADE_COLUMNS = (
    "updTime,orderDate,orderTime,acctType,acct,symbol,tradeSide,orderQty,orderPrice,tradeQty,tradePrice,tradeAmt,"
    "orderNo,custBatchNo,paperTradeNo"
).split(",")
"""Our own: the real columns are unknown. The last one is no broker's, and its fixed width shows a row that was cut."""
ASSET_COLUMNS = "acctType,acct,exchange,currency,totalAsset,currentBalance,enabledBalance".split(",")
POSITION_COLUMNS = "acctType,acct,symbol,currentQty,enabledQty,costPrice,lastPrice,mktValue".split(",")

STATUS_NUMBERS = {
    OrderStatus.open: "0",
    OrderStatus.filling: "1",
    OrderStatus.filled: "2",
    OrderStatus.partly_canceled: "3",
    OrderStatus.canceled: "4",
    OrderStatus.rejected: "5",
    OrderStatus.new: "7",
    OrderStatus.canceling: "8",
}

FOR_ORDER = "1"
FOR_CANCEL = "2"
ACCEPTED = "0"
REFUSED = "1"
BUY = "1"

_ACCOUNT_TYPES = ("UM0", "UF0", "AT0")
_SNAPSHOT_TYPE = "UF0"
_ID = re.compile(r"\d{1,10}", re.ASCII)
_SYMBOL = re.compile(r"(\d{6})\.(SZ|SH)", re.ASCII)
_QUANTITY = re.compile(r"\d{1,10}", re.ASCII)
_TO_CODE = {"SZ": "XSHE", "SH": "XSHG"}
_TO_SYMBOL = {"XSHE": "SZ", "XSHG": "SH"}


class BadRequest(ValueError):
    """A row that the terminal refuses; the text says why, in Chinese."""


class Request(NamedTuple):
    """A good row of algoOrder."""

    order_id: str
    account_type: str
    code: str
    is_buy: bool
    amount: int
    limit: Optional[Decimal]


def file_name(kind: str, day: date) -> str:
    """The name of one day's file."""
    return f"{kind}_{day:%Y%m%d}.csv"


def split_row(line: str) -> Fields:
    """The fields of a line; the protocol quotes nothing."""
    return [field.strip() for field in line.split(",")]


def check_order(row: Fields, account_no: str) -> Request:
    """Read a row of algoOrder; raises BadRequest."""
    if len(row) != len(ORDER_COLUMNS):
        raise BadRequest(f"委托行应有 {len(ORDER_COLUMNS)} 列，现有 {len(row)} 列")
    _, order_id, account_type, account, symbol, side, quantity, algorithm, price_type, ticks, high, low = row
    check_id(order_id)
    if account_type not in _ACCOUNT_TYPES:
        raise BadRequest(f"账户类型 {account_type} 错误")
    if account != account_no:
        raise BadRequest("资金账号不存在或未登录")
    code = to_code(symbol)
    if code is None:
        raise BadRequest(f"证券代码 {symbol} 错误")
    if side not in ("1", "2"):
        raise BadRequest(f"买卖方向 {side} 错误")
    if not _QUANTITY.fullmatch(quantity) or not 0 < int(quantity) <= HIGHEST_AMOUNT:
        raise BadRequest(f"委托数量 {quantity} 错误")
    if algorithm != "DMA":
        raise BadRequest(f"算法 {algorithm} 未启用")
    limit = _limit(side, price_type, ticks, high, low)
    return Request(order_id, account_type, code, side == BUY, int(quantity), limit)


def _limit(side: str, price_type: str, ticks: str, high: str, low: str) -> Optional[Decimal]:
    if ticks != "0":
        raise BadRequest(f"价格档位 {ticks} 错误")
    prices = [_price(high), _price(low)]
    if price_type == "AT" and prices[0] == prices[1]:
        return prices[0]
    if price_type == ("P6" if side == BUY else "P7") and prices == [0, 0]:
        return None
    raise BadRequest(f"价格错误：{price_type} {high} {low}")


def _price(text: str) -> Decimal:
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise BadRequest(f"委托价格 {text} 错误") from None
    if not price.is_finite() or not 0 <= price <= HIGHEST_PRICE:
        raise BadRequest(f"委托价格 {text} 错误")
    return price


def check_id(order_id: str) -> str:
    """Return a custBatchNo that is one; raises BadRequest."""
    if not _ID.fullmatch(order_id):
        raise BadRequest(f"委托编号 {order_id} 错误")
    return order_id


def to_code(symbol: str) -> Optional[str]:
    """ "000001.XSHE" for "000001.SZ"; None for what is no symbol."""
    match = _SYMBOL.fullmatch(symbol)
    return None if match is None else f"{match.group(1)}.{_TO_CODE[match.group(2)]}"


def to_symbol(code: str) -> str:
    """ "000001.SZ" for "000001.XSHE"."""
    number, _, exchange = code.partition(".")
    return f"{number}.{_TO_SYMBOL[exchange]}"


def client_id(order_id: str) -> str:
    """cliOrderId of our rows: tells them from other programs' rows, and whole ones from those that were cut."""
    return f"P{order_id}P"


def result_row(now: datetime, kind: str, order_id: str, refusal: Optional[str]) -> Fields:
    """A row of execResult."""
    if refusal is None:
        return [_time_text(now), kind, order_id, ACCEPTED, "0", ""]
    return [_time_text(now), kind, order_id, REFUSED, "-1", refusal]


def update_row(order: PaperOrder, account_type: str, account_no: str) -> Fields:
    """A row of orderUpdate."""
    return _order_fields(order, account_type, account_no) + [
        STATUS_NUMBERS[order.status],
        str(order.amount),
        _price_text(order.limit),
        "AT",
        str(order.filled),
        _price_text(to_average(order.average_price)),
        _price_text(to_cents(order.value)),
        str(order.canceled),
        order.number,
        "",
        order.order_id,
        order.text,
        client_id(order.order_id),
    ]


def trade_row(order: PaperOrder, fill: Fill, account_type: str, account_no: str, number: int) -> Fields:
    """A row of tradeUpdate."""
    return _order_fields(order, account_type, account_no) + [
        str(order.amount),
        _price_text(order.limit),
        str(fill.amount),
        _price_text(fill.price),
        _price_text(to_cents(fill.price * fill.amount)),
        order.number,
        order.order_id,
        f"{number:08d}",
    ]


def asset_rows(money: Snapshot, holdings: Iterable[Holding], account_no: str) -> List[Fields]:
    """assetInfo below its header: the shares of each exchange, the account's total, the empty row that ends it."""
    values = {"SH": Decimal(0), "SZ": Decimal(0)}
    for holding in holdings:
        values[to_symbol(holding.code)[-2:]] += holding.market_value
    rows = [
        [_SNAPSHOT_TYPE, account_no, name, "CNY", _price_text(value), "0.00", "0.00"] for name, value in values.items()
    ]
    total = [_price_text(amount) for amount in (money.total, money.cash + money.frozen, money.cash)]
    rows.append([_SNAPSHOT_TYPE, account_no, "", "CNY"] + total)
    return rows + [[""] * len(ASSET_COLUMNS)]


def position_rows(holdings: Iterable[Holding], account_no: str) -> List[Fields]:
    """positionInfo below its header, with the empty row that ends it."""
    rows = [
        [
            _SNAPSHOT_TYPE,
            account_no,
            to_symbol(holding.code),
            str(holding.amount),
            str(holding.available),
            _price_text(to_average(holding.average_cost)),
            _price_text(holding.last_price),
            _price_text(holding.market_value),
        ]
        for holding in holdings
    ]
    return rows + [[""] * len(POSITION_COLUMNS)]


def _order_fields(order: PaperOrder, account_type: str, account_no: str) -> Fields:
    """The first seven columns of orderUpdate and tradeUpdate."""
    return [
        _time_text(order.updated),
        f"{order.created:%Y%m%d}",
        f"{order.created:%H%M%S}",
        account_type,
        account_no,
        to_symbol(order.code),
        BUY if order.is_buy else "2",
    ]


def _time_text(moment: datetime) -> str:
    return f"{moment:%H%M%S.%f}"


def _price_text(price: Optional[Decimal]) -> str:
    return "0" if price is None else format(price, "f")
