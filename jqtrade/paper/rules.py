"""The exchange's rules in simple form, as data: sessions, and what trading costs. Lots and ticks: jqtrade.boards.

Source: the rules page of the project (exchange notices up to 2026-07-06). Price limits, cages, auctions and date
ranges are not here yet.
"""

import re
from datetime import datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, NamedTuple, Optional

from jqtrade.boards import Board
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
