"""The parts of a trading day: what can be submitted and cancelled then, and how orders meet. Beijing time."""

from datetime import date, datetime, time
from typing import NamedTuple, Tuple

from jqtrade.market.rules import ALWAYS

AUCTION = "auction"
"""orders are collected; all are matched at one price when the session ends"""
CONTINUOUS = "continuous"
"""orders are matched as they come"""
FIXED_PRICE = "fixed_price"
"""orders are matched as they come, at the day's close"""
HELD = "held"
"""orders are taken and wait"""
SHUT = "shut"
HOLIDAY = "holiday"
"""the exchange is shut all day"""

OPENING = time(9, 25)
"""the opening auction's price is made"""
OPENING_IS_PAST = time(9, 30)
"""continuous trading begins"""
NOON = time(11, 30)
AFTERNOON = time(13)
CLOSING = time(15)
"""the closing auction's price is made"""
END_OF_DAY = time(15, 30)
"""what has not been filled by then expires"""
AUCTION_MINUTE, OPEN_MINUTE, NOON_MINUTE, RETURN_MINUTE, CLOSE_MINUTE = [
    moment.hour * 60 + moment.minute for moment in (OPENING, OPENING_IS_PAST, NOON, AFTERNOON, CLOSING)
]
"""the same as minutes of the day"""
DAY = 1440
"""minutes; a bar's key is day ordinal x DAY + minute of the day, and the minute of a daily bar is 0"""


class Session(NamedTuple):
    """A part of the trading day, `start` included, `end` not, for some codes, on the days from `since` up to `until`."""

    start: time
    end: time
    kind: str
    submit: bool
    cancel: bool
    exchange: str = ""
    """XSHE or XSHG alone; empty: both"""
    prefixes: Tuple[str, ...] = ("",)
    """of the codes"""
    since: date = ALWAYS
    until: date = date.max
    """the first day on which it holds no more"""


NEW_RULES = date(2026, 7, 6)

SESSIONS = (
    Session(time(9, 15), time(9, 20), AUCTION, True, True),
    Session(time(9, 20), OPENING, AUCTION, True, False),
    Session(OPENING, OPENING_IS_PAST, HELD, True, False),
    Session(OPENING_IS_PAST, NOON, CONTINUOUS, True, True),
    Session(NOON, AFTERNOON, HELD, True, False),  # ? both
    Session(AFTERNOON, time(14, 57), CONTINUOUS, True, True),
    # Funds in Shanghai had no closing auction. Convertible bonds in Shanghai: ?
    Session(
        time(14, 57), CLOSING, CONTINUOUS, True, True, "XSHG", ("50", "51", "52", "53", "56", "58"), until=NEW_RULES
    ),
    Session(time(14, 57), CLOSING, AUCTION, True, False),
    # STAR has had it since it began, ChiNext since its reform (?); all shares and ETFs since 2026-07-06. Which prefixes are
    # ETFs: ?
    Session(time(15, 5), END_OF_DAY, FIXED_PRICE, True, True, "XSHG", ("688", "689"), date(2019, 7, 22)),
    Session(time(15, 5), END_OF_DAY, FIXED_PRICE, True, True, "XSHE", ("300", "301", "302"), date(2020, 8, 24)),
    Session(time(15, 5), END_OF_DAY, FIXED_PRICE, True, True, "XSHG", ("60", "51", "52", "53", "56", "58"), NEW_RULES),
    Session(time(15, 5), END_OF_DAY, FIXED_PRICE, True, True, "XSHE", ("00", "15"), NEW_RULES),
)
"""Of two that would hold, the first one does."""

CLOSED = Session(time.min, time.max, SHUT, False, False)
DAY_OFF = Session(time.min, time.max, HOLIDAY, False, False)
ALWAYS_OPEN = Session(time.min, time.max, CONTINUOUS, True, True)


def session_at(moment: datetime, code: str) -> Session:
    """The session of `code` ("000001.XSHE") at `moment` of a trading day, of a market that keeps hours."""
    time_of_day, day = moment.time(), moment.date()
    number, _, exchange = code.partition(".")
    for session in SESSIONS:
        if session.start <= time_of_day < session.end and session.since <= day < session.until:
            if session.exchange in ("", exchange) and number.startswith(session.prefixes):
                return session
    return CLOSED
