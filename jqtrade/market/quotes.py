"""Quotes: the port by which everybody asks what a security trades at. Whoever answers is one file in sources/, or the user's.

A source needs `get` alone, which knows this moment; one that knows more of the past says so and tells it.
"""

from abc import ABC, abstractmethod
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple, Optional, Sequence


class Quote(NamedTuple):
    """Prices of one security, yuan a share, all above zero; and what its source knows of its day."""

    last: Decimal
    bid1: Optional[Decimal] = None
    ask1: Optional[Decimal] = None
    prev_close: Optional[Decimal] = None
    high_limit: Optional[Decimal] = None
    """the source's own; None: by the exchange's rules"""
    low_limit: Optional[Decimal] = None
    is_st: bool = False
    days_listed: Optional[int] = None
    """1 on the day of listing; None: not known"""
    paused: bool = False
    """suspended now"""
    volume: Optional[int] = None
    """shares traded in the bar that `last` is from; None: not known"""
    bar: int = 0
    """tells one bar from another of the same code"""
    close_day: Optional[date] = None
    """the day whose plain close `prev_close` is; None: the source gave `prev_close` for this very day"""
    is_old: bool = False
    """`last` is `prev_close`: nothing has been traded on this day yet"""
    is_fresh: bool = True
    """somebody who comes now can trade at `last`; not if that was traded earlier, or in a bar that is not over"""

    @property
    def buy_price(self) -> Decimal:
        """What a buyer pays now."""
        return self.last if self.ask1 is None else self.ask1

    @property
    def sell_price(self) -> Decimal:
        """What a seller gets now."""
        return self.last if self.bid1 is None else self.bid1


class TradedInterval(NamedTuple):
    """What was traded from `start` to `end`. Who was there from the start could trade at any of it, who came in between
    only at what it ended with."""

    start: datetime
    end: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    """shares traded in the whole bar that it is a part of"""
    bar: int


class Quotes(ABC):
    """Prices by code and time."""

    knows_past = False
    """Whether `get` knows the quotes of any moment of the day, not of this one alone."""
    keeps_history = False
    """Whether `traded_intervals` tells what was traded at any time; otherwise only the quote of this moment counts."""
    trading_days: Sequence[date] = ()
    """The days of which there are prices, oldest first; empty if that cannot be said: of today, and of no other."""

    @abstractmethod
    def get(self, code: str, now: datetime) -> Optional[Quote]:
        """The quote of `code` ("000001.XSHE") as it is known at `now`, or None if there is no such security."""

    def known_at(self, code: str, now: datetime) -> Optional[datetime]:
        """When the price that `get` tells was last the newest one; None: it is now, or nobody knows."""
        return None

    def moment(self, now: datetime) -> object:
        """What the quotes of `now` are known by: as long as it is equal, so are they."""
        return now

    def traded_intervals(self, code: str, after: datetime, until: datetime) -> Sequence[TradedInterval]:
        """What was traded in the intervals that ended after `after`, up to `until` of the same day, oldest first."""
        return ()

    def auction(self, code: str, moment: datetime) -> Optional[Quote]:
        """The quote whose `last` is the price of the auction that ends at `moment`; None: there was no such price."""
        return self.get(code, moment)

    def is_trading_day(self, day: date) -> bool:
        """Whether the exchange opens on `day`. Without knowledge of holidays: on weekdays."""
        return day.weekday() < 5
