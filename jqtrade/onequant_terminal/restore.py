"""What the terminal reads back from its own files when it starts: the account's history, and today's orders.

It may have been killed in the middle of any write. Of each row it is decided here, for good, whether it is one: a row that
lacks but its line end is, one that was cut earlier is not, now and after the next start. Trades are written first, so they
say what was filled, whatever the updates say.
"""

import os
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Dict, List, NamedTuple, Optional, Set

from jqtrade.account.order import OrderStatus
from jqtrade.errors import InvalidParam
from jqtrade.market.boards import Board, board_of
from jqtrade.onequant_terminal import rows
from jqtrade.onequant_terminal.files import read_own_lines
from jqtrade.paper.exchange import PaperExchange, PaperOrder
from jqtrade.paper.ledger import Ledger

_STATUSES = {number: status for status, number in rows.STATUS_NUMBERS.items()}
_RANKS = [OrderStatus.new, OrderStatus.open, OrderStatus.filling, OrderStatus.canceling]
"""How far an order has come; all other states are further."""
_TRADE_FILE = re.compile(rows.TRADE_UPDATE + r"_(\d{8})\.csv")
_TRADE_NUMBER = re.compile(r"\d{8}")

Fields = Dict[str, str]


class Answered(NamedTuple):
    """What was answered today before the terminal was started again, and the highest number of a trade on all days."""

    refused: Dict[str, str]
    """orders refused in execResult: id -> reason"""
    refused_cancels: Set[str]
    accepted_cancels: Set[str]
    account_types: Dict[str, str]
    """of the orders taken, by id"""
    trades: int


class _Trade(NamedTuple):
    number: int
    row: Fields
    order_id: str
    code: str
    board: Board
    is_buy: bool
    amount: int
    price: Decimal


def restore(order_dir: str, account_no: str, exchange: PaperExchange, now: datetime) -> Answered:
    """Book the trades of all days into the exchange's ledger and hand it today's orders.

    Raises InvalidParam if the files are not the paper terminal's (the directory is a real one's then) or do not add up,
    OSError if one cannot be read.
    """
    today = now.date()
    _check_owner(order_dir, today)
    highest = 0
    trades: List[_Trade] = []
    for day in _trading_days(order_dir, today):
        exchange.start_day(day)
        trades = _trades(_path(order_dir, rows.TRADE_UPDATE, day), account_no)
        _book(trades, exchange.ledger)
        highest = max([highest] + [trade.number for trade in trades])
        if day < today:
            trades = []
    if not trades:
        exchange.start_day(today)
    updates = _read(_path(order_dir, rows.ORDER_UPDATE, today), rows.UPDATE_COLUMNS)
    newest = _newest_rows(trades, [row for row in updates if _is_own(row, account_no)])
    for order_id, row in newest.items():
        order = _order(row, [trade for trade in trades if trade.order_id == order_id])
        if not order.is_final and not order.is_buy and exchange.ledger.available(order.code) < order.remaining:
            raise _incomplete(order.code)
        exchange.adopt(order, now)
    if exchange.ledger.cash < 0:
        raise InvalidParam("起始资金少于历史成交所花的钱，请用与上次相同的起始资金，或给模拟柜台一个空目录")
    results = _read(_path(order_dir, rows.EXEC_RESULT, today), rows.RESULT_COLUMNS)
    refused = {row["custBatchNo"]: row["errorMsg"] for row in results if _says(row, rows.FOR_ORDER, rows.REFUSED)}
    return Answered(
        {order_id: reason for order_id, reason in refused.items() if order_id not in newest},
        {row["custBatchNo"] for row in results if _says(row, rows.FOR_CANCEL, rows.REFUSED)},
        {row["custBatchNo"] for row in results if _says(row, rows.FOR_CANCEL, rows.ACCEPTED)},
        {order_id: row["acctType"] for order_id, row in newest.items()},
        highest,
    )


def _path(order_dir: str, kind: str, day: date) -> str:
    return os.path.join(order_dir, rows.file_name(kind, day))


def _trading_days(order_dir: str, today: date) -> List[date]:
    """The days up to today that have a file of trades, oldest first."""
    matches = [match for match in map(_TRADE_FILE.fullmatch, os.listdir(order_dir)) if match is not None]
    days = sorted(datetime.strptime(match.group(1), "%Y%m%d").date() for match in matches)
    return [day for day in days if day <= today]


def _check_owner(order_dir: str, today: date) -> None:
    kinds = (rows.EXEC_RESULT, rows.ORDER_UPDATE, rows.ASSET_INFO, rows.POSITION_INFO)
    there = [kind for kind in kinds if os.path.exists(_path(order_dir, kind, today))]
    if there and not os.path.exists(_path(order_dir, rows.TRADE_UPDATE, today)):
        raise _not_ours(_path(order_dir, there[0], today))


def _not_ours(path: str) -> InvalidParam:
    return InvalidParam(
        f"{path} 不是模拟柜台写的，目录可能属于真实的 One Quant。为避免混淆，请给模拟柜台一个单独的空目录"
    )


def _read(path: str, columns: List[str]) -> List[Fields]:
    """The rows of one of the terminal's own files; none if it is not there yet. Raises OSError.

    What is there must be readable: to start without it would be to carry orders out twice.
    """
    lines = [rows.split_row(line) for line in read_own_lines(path, columns)]
    return [dict(zip(columns, fields)) for fields in lines[1:] if len(fields) == len(columns)]


def _trades(path: str, account_no: str) -> List[_Trade]:
    """The trades of a day, each number once."""
    lines = read_own_lines(path, rows.TRADE_COLUMNS)
    if lines and rows.split_row(lines[0]) != rows.TRADE_COLUMNS:
        raise _not_ours(path)
    trades: Dict[int, _Trade] = {}
    for row in _read(path, rows.TRADE_COLUMNS):
        trade = _trade(row) if row["acct"] == account_no else None
        if trade is not None:
            trades.setdefault(trade.number, trade)
    return list(trades.values())


def _trade(row: Fields) -> Optional[_Trade]:
    """A row of tradeUpdate, or None if it was cut when the terminal was killed."""
    code = rows.to_code(row["symbol"])
    board = None if code is None else board_of(code)
    if code is None or board is None or not _TRADE_NUMBER.fullmatch(row["paperTradeNo"]):
        return None
    is_buy = row["tradeSide"] == rows.BUY
    number, amount, price = int(row["paperTradeNo"]), int(row["tradeQty"]), Decimal(row["tradePrice"])
    return _Trade(number, row, row["custBatchNo"], code, board, is_buy, amount, price)


def _book(trades: List[_Trade], ledger: Ledger) -> None:
    """Book the trades of one day."""
    for trade in trades:
        if not trade.is_buy and ledger.available(trade.code) < trade.amount:
            raise _incomplete(trade.code)
        if not ledger.is_open(trade.order_id):
            ledger.open(trade.order_id, trade.code, trade.board, trade.is_buy)
        ledger.fill(trade.order_id, trade.price, trade.amount)


def _incomplete(code: str) -> InvalidParam:
    return InvalidParam(f"成交文件不完整：卖出了没有买入过的 {code}，请给模拟柜台一个空目录")


def _is_own(row: Fields, account_no: str) -> bool:
    """Whether a row of orderUpdate is whole and about an order that came through algoOrder."""
    return (
        row["acct"] == account_no
        and row["cliOrderId"] == rows.client_id(row["custBatchNo"])
        and row["status"] in _STATUSES
    )


def _newest_rows(trades: List[_Trade], updates: List[Fields]) -> Dict[str, Fields]:
    """For each order of today that was taken or rejected the row that says most, whatever the order of the rows.

    An order that is only new is left out: it has not been dealt with, and will be.
    """
    newest: Dict[str, Fields] = {}
    for row in updates:
        known = newest.get(row["custBatchNo"])
        if known is None or _progress(row) >= _progress(known):
            newest[row["custBatchNo"]] = row
    newest = {order_id: row for order_id, row in newest.items() if _progress(row) > 0}
    for trade in trades:
        newest.setdefault(trade.order_id, dict(trade.row, status="0", cancelQty="0", text=""))
    return newest


def _progress(row: Fields) -> int:
    status = _STATUSES[row["status"]]
    return _RANKS.index(status) if status in _RANKS else len(_RANKS)


def _order(row: Fields, trades: List[_Trade]) -> PaperOrder:
    code = rows.to_code(row["symbol"])
    assert code is not None  # we wrote it
    created = datetime.strptime(row["orderDate"] + row["orderTime"], "%Y%m%d%H%M%S")
    amount, filled = int(row["orderQty"]), sum(trade.amount for trade in trades)
    if filled > amount:
        raise InvalidParam(
            f"成交文件不正确：委托 {row['custBatchNo']} 共 {amount} 股，却成交了 {filled} 股，请给模拟柜台一个空目录"
        )
    status = _status(_STATUSES[row["status"]], filled, amount)
    return PaperOrder(
        row["custBatchNo"],
        code,
        row["tradeSide"] == rows.BUY,
        amount,
        Decimal(row["orderPrice"]),
        created,
        created,
        status,
        number=row["orderNo"],
        filled=filled,
        value=sum((trade.price * trade.amount for trade in trades), Decimal(0)),
        canceled=amount - filled if status in (OrderStatus.canceled, OrderStatus.partly_canceled) else 0,
        text=row["text"],
    )


def _status(written: OrderStatus, filled: int, amount: int) -> OrderStatus:
    """The status of an order by its trades."""
    if written is OrderStatus.filled and filled < amount:
        return OrderStatus.filling if filled else OrderStatus.open
    if written in (OrderStatus.canceled, OrderStatus.partly_canceled):
        return OrderStatus.partly_canceled if filled else OrderStatus.canceled
    return written


def _says(row: Fields, kind: str, status: str) -> bool:
    return row["resultType"] == kind and row["status"] == status
