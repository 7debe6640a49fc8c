"""The exchange's rules in simple form, as data: boards, lots, ticks, sessions, and what trading costs.

Source: the rules page of the project (exchange notices up to 2026-07-06). Price limits, cages, auctions, order maxima
and date ranges are not here yet.
"""

import re
from datetime import datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, NamedTuple, Optional, Tuple

from jqtrade.errors import InvalidParam

CENT = Decimal("0.01")
_AVERAGE_GRAIN = Decimal("0.0001")
HIGHEST_PRICE = Decimal(10) ** 7
HIGHEST_AMOUNT = 10**10
HIGHEST_CASH = Decimal(10) ** 15
"""Past these, Decimal's 28 digits would begin to round; nothing that is traded comes near."""
COMMISSION_RATE = Decimal("0.00025")
"""of the value of an order; set by the broker, usually 0.02 to 0.03 %"""
MIN_COMMISSION = Decimal("5.00")
"""yuan an order"""
STAMP_DUTY_RATE = Decimal("0.0005")
"""of a sale of shares, since 2023-08-28"""
TRANSFER_FEE_RATE = Decimal("0.00001")
"""of shares bought or sold, since 2022-04-29"""


class Board(NamedTuple):
    """What holds for all securities of one kind."""

    name: str
    exchange: str
    """XSHE or XSHG"""
    prefixes: Tuple[str, ...]
    min_amount: int
    """the smallest order"""
    step: int
    """an order is a multiple of this"""
    tick: Decimal
    is_share: bool
    """whether stamp duty and transfer fee are due"""
    same_day_sale: bool
    """T+0: what was bought today can be sold today"""


_SHARE_TICK = Decimal("0.01")
_FUND_TICK = Decimal("0.001")

BOARDS = (
    Board("沪市主板", "XSHG", ("600", "601", "603", "605"), 100, 100, _SHARE_TICK, True, False),
    Board("深市主板", "XSHE", ("000", "001", "002", "003"), 100, 100, _SHARE_TICK, True, False),
    Board("创业板", "XSHE", ("300", "301", "302"), 100, 100, _SHARE_TICK, True, False),
    Board("科创板", "XSHG", ("688", "689"), 200, 1, _SHARE_TICK, True, False),
    Board("沪市基金", "XSHG", ("50", "51", "52", "53", "56", "58"), 100, 100, _FUND_TICK, False, False),
    Board("深市基金", "XSHE", ("15", "16", "18"), 100, 100, _FUND_TICK, False, False),
    Board("沪市可转债", "XSHG", ("110", "111", "113", "118"), 10, 10, _FUND_TICK, False, True),
    Board("深市可转债", "XSHE", ("123", "127", "128"), 10, 10, _FUND_TICK, False, True),
)


class Session(NamedTuple):
    """A part of the trading day, `start` included, `end` not."""

    start: time
    end: time
    submit: bool
    cancel: bool
    match: bool


SESSIONS = (
    Session(time(9, 15), time(9, 20), True, True, False),
    Session(time(9, 20), time(9, 25), True, False, False),
    Session(time(9, 25), time(9, 30), True, False, False),
    Session(time(9, 30), time(11, 30), True, True, True),
    Session(time(11, 30), time(13, 0), True, False, False),
    Session(time(13, 0), time(14, 57), True, True, True),
    Session(time(14, 57), time(15, 0), True, False, True),
)
"""Auctions in simple form: the opening one collects orders that are matched from 09:30, the closing one matches on."""

CLOSED = Session(time.min, time.max, False, False, False)
ALWAYS_OPEN = Session(time.min, time.max, True, True, True)

_SUFFIXES = {"XSHE": "XSHE", "SZ": "XSHE", "XSHG": "XSHG", "SH": "XSHG"}
_CODE = re.compile(r"(\d{6})\.([A-Z]{2,4})", re.ASCII)


def normal_code(text: str) -> Optional[str]:
    """Return "000001.XSHE" for "000001.XSHE", "000001.SZ" or "000001.sz"; None for anything else."""
    match = _CODE.fullmatch(text.strip().upper())
    if match is None or match.group(2) not in _SUFFIXES:
        return None
    return f"{match.group(1)}.{_SUFFIXES[match.group(2)]}"


def board_of(code: str) -> Optional[Board]:
    """The board that `code` ("000001.XSHE") is traded on, or None if there is none."""
    number, _, exchange = code.partition(".")
    for board in BOARDS:
        if board.exchange == exchange and number.startswith(board.prefixes):
            return board
    return None


def session_at(moment: datetime) -> Session:
    """The session of a market that keeps hours; weekdays only, holidays are not known."""
    if moment.weekday() < 5:
        for session in SESSIONS:
            if session.start <= moment.time() < session.end:
                return session
    return CLOSED


def to_cents(amount: Decimal) -> Decimal:
    """Round yuan half up to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def to_average(price: Decimal) -> Decimal:
    """Round an average price half up to 4 decimals."""
    return price.quantize(_AVERAGE_GRAIN, ROUND_HALF_UP)


def fees(board: Board, is_buy: bool, value: Decimal) -> Decimal:
    """What an order costs, in yuan, once `value` yuan of it are filled; it grows with `value`.

    A sale's fees are taken from its proceeds, so they are never more than these.
    """
    if value == 0:
        return Decimal(0)
    total = max(MIN_COMMISSION, to_cents(value * COMMISSION_RATE))
    if board.is_share:
        total += to_cents(value * TRANSFER_FEE_RATE)
        if not is_buy:
            total += to_cents(value * STAMP_DUTY_RATE)
    return total if is_buy else min(total, to_cents(value))


def parse_cash(value: Any, name: str) -> Decimal:
    """Return a starting amount of yuan as Decimal; raises InvalidParam, with `name`, for what is none."""
    try:
        cash = Decimal(str(value))
    except InvalidOperation:
        cash = Decimal("NaN")
    if isinstance(value, bool) or not cash.is_finite() or not 0 <= cash <= HIGHEST_CASH:
        raise InvalidParam(f"{name}={value!r} 不正确，应为不小于 0 的金额（元）")
    return to_cents(cash)
