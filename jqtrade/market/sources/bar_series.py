"""BarSeries: the bars of one security, daily or minute, and what is known of its price at any moment.

A minute bar stamped 10:01 covers the minute that ends then, as 聚宽 exports it: until 10:01:00 nothing of it is known, at
10:01:00 all of it. One without volume is as good as none. A daily bar becomes a path: its open at the open, in a straight
line to the nearer extreme, to the other one, and to its close at the close, each a third of the 240 trading minutes long.
"""

import math
from array import array
from bisect import bisect_left, bisect_right
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import List, NamedTuple, Optional, Tuple

from jqtrade.market.boards import tick_of
from jqtrade.market.quotes import Quote, TradedInterval
from jqtrade.market.sessions import AUCTION_MINUTE, CLOSE_MINUTE, DAY, NOON_MINUTE, OPEN_MINUTE, RETURN_MINUTE

_NOON = 120
_LAST = 240
_LEG = 80
"""trading minutes from one corner of a daily bar's path to the next"""

PAUSED = 1
ST = 2
NO_PRICE = math.nan
_MICRO = Decimal("0.000001")
_MICROS = 10**6


class _Day(NamedTuple):
    """What holds from midnight to midnight."""

    ordinal: int
    first: int
    stop: int
    """the rows first to stop - 1 are the day's"""
    is_daily: bool
    opens: bool
    """whether the opening auction made a price"""
    old: Optional[Quote]
    """before anything was traded"""
    model: Optional[Quote]
    """what all quotes of the day have in common; None on a day without trading, or suspended from its start to its end"""


class BarSeries:
    """Bars by time. Fill `append`, then call `finish` once."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.listed: Optional[int] = None
        """ordinal of the day of listing"""
        self.key = array("q")
        self.open = array("d")
        self.high = array("d")
        self.low = array("d")
        self.close = array("d")
        self.volume = array("d")
        self.pre_close = array("d")
        self.high_limit = array("d")
        self.low_limit = array("d")
        self.flags = array("b")
        self.source = array("q")
        self._tick = tick_of(code)
        self._tick_micros = int(self._tick * _MICROS)
        self._trading_days: List[int] = []
        self._day: Optional[_Day] = None
        self._minute = -1
        self._quote: Optional[Quote] = None
        self._path: Optional[Tuple[int, List[int]]] = None

    def _columns(self) -> "List[array[float]]":
        prices = [self.open, self.high, self.low, self.close, self.volume]
        return prices + [self.pre_close, self.high_limit, self.low_limit]

    def finish(self, trading_days: List[int]) -> Optional[Tuple[int, str]]:
        """Put the bars in order; `trading_days`: the ordinals of all days that any security has.

        Returns the source of a row that contradicts another one and why, in Chinese, or None.
        """
        self._trading_days = trading_days
        key = self.key
        if any(left >= right for left, right in zip(key, key[1:])):
            self._sort()
            key = self.key
        for index in range(1, len(key)):
            before, this = key[index - 1], key[index]
            if before == this:
                return self.source[index], "同一个代码同一个时间有两行"
            if before % DAY == 0 and before // DAY == this // DAY:
                return self.source[index], "同一个代码同一天既有日线又有分钟线"
        self.source = array("q")
        return None

    def _sort(self) -> None:
        order = sorted(range(len(self.key)), key=self.key.__getitem__)
        for column in self._columns():
            column[:] = array("d", [column[index] for index in order])
        self.flags = array("b", [self.flags[index] for index in order])
        self.key = array("q", [self.key[index] for index in order])
        self.source = array("q", [self.source[index] for index in order])

    def quote(self, now: datetime) -> Optional[Quote]:
        """What is known at `now`; None before anything is."""
        minute = now.toordinal() * DAY + now.hour * 60 + now.minute
        if minute != self._minute:
            self._minute = minute
            self._quote = self._find(minute)
        return self._quote

    def known_at(self, now: datetime) -> Optional[datetime]:
        """When what `quote` has as the last price was traded; None if there has been no bar yet."""
        quote = self.quote(now)
        if quote is None or quote.bar < 0:
            return None
        ordinal, minute = divmod(self.key[quote.bar], DAY)
        traded = datetime.fromordinal(ordinal) + timedelta(
            minutes=minute or CLOSE_MINUTE
        )  # a daily bar's last is its close
        return min(traded, now)

    def is_paused(self, ordinal: int) -> bool:
        """Whether it was suspended all through that trading day, though it was listed by then."""
        day = self._on(ordinal)
        return day.model is None and day.old is not None and day.old.paused

    def traded_intervals(self, after: datetime, until: datetime) -> List[TradedInterval]:
        """What was traded in the intervals that ended after `after`, up to `until` of the same day."""
        ordinal = until.toordinal()
        day = self._on(ordinal)
        if day.model is None:
            return []
        midnight = datetime(until.year, until.month, until.day)
        first, last = after.hour * 60 + after.minute + 1, until.hour * 60 + until.minute
        if after < midnight:
            first = 0
        if day.is_daily:
            return self._points(day, midnight, max(first, OPEN_MINUTE), min(last, CLOSE_MINUTE))
        base = ordinal * DAY
        found = []
        start = bisect_left(self.key, base + first, day.first, day.stop)
        stop = bisect_right(self.key, base + last, day.first, day.stop)
        for index in range(start, stop):
            if self._is_traded(index):
                end = midnight + timedelta(minutes=self.key[index] - base)
                start_price, high, low, close = [
                    self._price(column[index]) for column in (self.open, self.high, self.low, self.close)
                ]
                volume = int(self.volume[index])
                found.append(
                    TradedInterval(end - timedelta(minutes=1), end, start_price, high, low, close, volume, index)
                )
        return found

    def auction(self, moment: datetime) -> Optional[Quote]:
        """The quote whose price is that of the auction that ends at `moment`, if there was one."""
        day = self._on(moment.toordinal())
        quote = self.quote(moment)
        if day.model is None or quote is None or quote.is_old:
            return None
        minute = moment.hour * 60 + moment.minute
        if minute > OPEN_MINUTE and not day.is_daily and self.key[quote.bar] % DAY != minute:
            return None
        return quote

    def _find(self, key: int) -> Optional[Quote]:
        ordinal, minute = divmod(key, DAY)
        day = self._on(ordinal)
        if day.model is None or minute < AUCTION_MINUTE:
            return day.old
        if day.is_daily:
            if minute < OPEN_MINUTE:
                return self._known(day, self._price(self.open[day.first]), day.first)
            return self._known(day, self._at(day.first, _trading_minute(minute)), day.first, is_fresh=True)
        latest = bisect_right(self.key, key, day.first, day.stop) - 1
        if latest < day.first:
            return self._known(day, self._price(self.open[day.first]), day.first) if day.opens else day.old
        is_paused = self.flags[latest] & PAUSED != 0
        index = latest
        while index >= day.first and not self._is_traded(index):
            index -= 1
        if index < day.first:
            return None if day.old is None else day.old._replace(paused=is_paused)
        return self._known(day, self._price(self.close[index]), index, self.key[index] == key, is_paused)

    def _known(self, day: _Day, last: Decimal, index: int, is_fresh: bool = False, is_paused: bool = False) -> Quote:
        assert day.model is not None
        volume = int(self.volume[index])
        return day.model._replace(last=last, volume=volume, bar=index, is_fresh=is_fresh, paused=is_paused)

    def _is_traded(self, index: int) -> bool:
        return self.volume[index] >= 1 and not self.flags[index] & PAUSED

    def _on(self, ordinal: int) -> _Day:
        if self._day is None or self._day.ordinal != ordinal:
            self._day = self._begin(ordinal)
        return self._day

    def _begin(self, ordinal: int) -> _Day:
        first = bisect_left(self.key, ordinal * DAY)
        stop = bisect_left(self.key, (ordinal + 1) * DAY, first)
        before = first - 1
        while before >= 0 and math.isnan(self.close[before]):
            before -= 1
        has_rows = stop > first
        # Before the first row is known, it says whether the day begins suspended: that is announced before the open.
        is_paused = self.flags[first] & PAUSED != 0 if has_rows else self._is_trading_day(ordinal)
        basis = first
        while basis < stop and self.flags[basis] & PAUSED:
            basis += 1
        is_traded = basis < stop
        if not is_traded:
            basis = first
        close_day: Optional[date] = None
        prev_close = None
        if has_rows and self.pre_close[basis] > 0:
            prev_close = self._price(self.pre_close[basis])
        elif before >= 0:
            prev_close = self._price(self.close[before])
            close_day = date.fromordinal(self.key[before] // DAY)
        # A security that is suspended on its very first row has no other price than the one that stands there.
        last = prev_close
        if last is None and has_rows and is_paused and self.close[first] > 0:
            last = self._price(self.close[first])
        model = Quote(
            last if last is not None else self._tick,
            prev_close=prev_close,
            high_limit=self._limit(self.high_limit, basis) if has_rows else None,
            low_limit=self._limit(self.low_limit, basis) if has_rows else None,
            is_st=has_rows and self.flags[basis] & ST != 0,
            days_listed=self._days_listed(ordinal),
            paused=is_paused,
            volume=int(self.volume[before]) if before >= 0 else 0,
            bar=before,
            close_day=close_day,
            is_fresh=False,
        )
        old = None if last is None else model._replace(is_old=True)
        is_daily = has_rows and self.key[first] % DAY == 0
        opens = is_daily or has_rows and self.key[first] % DAY == OPEN_MINUTE + 1 and self._is_traded(first)
        return _Day(ordinal, first, stop, is_daily, opens, old, model if is_traded else None)

    def _is_trading_day(self, ordinal: int) -> bool:
        index = bisect_left(self._trading_days, ordinal)
        return index < len(self._trading_days) and self._trading_days[index] == ordinal

    def _days_listed(self, ordinal: int) -> Optional[int]:
        """The number of trading days since the listing, this one included."""
        if self.listed is None:
            return None
        days = self._trading_days
        known = bisect_right(days, ordinal) - bisect_left(days, self.listed)
        if not days or self.listed >= days[0]:
            return known
        earlier = range(self.listed, days[0])  # ? holidays before the first bar are not known
        return known + sum(1 for day in earlier if date.fromordinal(day).weekday() < 5)

    def _limit(self, column: "array[float]", index: int) -> Optional[Decimal]:
        return self._price(column[index]) if column[index] > 0 else None

    def _price(self, yuan: float) -> Decimal:
        return self._decimal(int(round(yuan * _MICROS)))

    def _decimal(self, micros: int) -> Decimal:
        """Yuan, as a multiple of the tick where it is one."""
        ticks, rest = divmod(micros, self._tick_micros)
        return ticks * self._tick if rest == 0 else (micros * _MICRO).normalize()

    def _at(self, index: int, minute: int) -> Decimal:
        """The price of a daily bar's path after `minute` trading minutes; between two corners, rounded to the tick."""
        if self._path is None or self._path[0] != index:
            self._path = (index, self._corners(index))
        corners = self._path[1]
        leg, rest = divmod(minute, _LEG)
        if rest == 0:
            return self._decimal(corners[leg])
        # Whole numbers: the same on every machine.
        between = corners[leg] * (_LEG - rest) + corners[leg + 1] * rest
        unit = _LEG * self._tick_micros
        return (2 * between + unit) // (2 * unit) * self._tick

    def _corners(self, index: int) -> List[int]:
        first, high, low, last = [
            int(round(column[index] * _MICROS)) for column in (self.open, self.high, self.low, self.close)
        ]
        return [first, high, low, last] if high - first <= first - low else [first, low, high, last]

    def _points(self, day: _Day, midnight: datetime, first: int, last: int) -> List[TradedInterval]:
        if self.volume[day.first] < 1:
            return []
        found = []
        for minute in range(first, last + 1):
            if NOON_MINUTE < minute < RETURN_MINUTE:
                continue
            moment = midnight + timedelta(minutes=minute)
            price = self._at(day.first, _trading_minute(minute))
            volume = int(self.volume[day.first])
            found.append(TradedInterval(moment, moment, price, price, price, price, volume, day.first))
        return found


def _trading_minute(minute: int) -> int:
    """How many trading minutes of the day have passed at `minute` of the day, from the open on."""
    if minute <= NOON_MINUTE:
        return minute - OPEN_MINUTE
    if minute < RETURN_MINUTE:
        return _NOON
    return min(minute - RETURN_MINUTE + _NOON, _LAST)
