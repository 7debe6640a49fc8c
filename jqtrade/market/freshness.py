"""Freshness: whether a price is new enough to fill an order, so that nothing is traded today at the price of last month.

Age is trading time: over noon, at night and on a weekend no price is made, and the last one stays the newest. But once the
next day has opened, the prices of the day before are old. Weekdays are taken for trading days.
"""

from datetime import date, datetime, time, timedelta
from typing import Callable, Optional, Set

from jqtrade.errors import InvalidParam
from jqtrade.market.sessions import AFTERNOON, CLOSING, NOON, OPENING, OPENING_IS_PAST

MAX_QUOTE_AGE = 1800.0
"""seconds of trading, by default"""
_ONE_DAY = timedelta(days=1)
_TRADING = ((OPENING_IS_PAST, NOON), (AFTERNOON, CLOSING))
_MOST_SECONDS = 1e9


def parse_age(seconds: object, name: str) -> Optional[timedelta]:
    """The longest age that a user wrote, in seconds; None: any age will do. Raises InvalidParam with `name`."""
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds <= _MOST_SECONDS:
        raise InvalidParam(f"{name}={seconds!r} 不正确，应为大于 0 的秒数，或 None（多旧都可以）")
    return timedelta(seconds=seconds)


class Freshness:
    """Says once for each standstill of the prices that orders are not filled at them."""

    def __init__(self, longest: Optional[timedelta], name: str, say: Callable[[str], None]) -> None:
        """`longest`: a price may be so old; None: of any age. `name`: what the user calls that; `say` gets Chinese text."""
        self._longest = longest
        self._name = name
        self._say = say
        self._said: Set[datetime] = set()

    def allows(self, code: str, known_at: Optional[datetime], now: datetime) -> bool:
        """Whether an order of `code` may be filled `now` at a price of `known_at`; None: at a price of this moment."""
        if self._longest is None or known_at is None or not is_older(known_at, now, self._longest):
            return True
        if known_at not in self._said:
            self._said.add(known_at)
            self._say(
                f"{code} 最新的价格是 {known_at:%Y-%m-%d %H:%M:%S} 的，太旧（{self._name}，"
                f"{self._longest.total_seconds():g} 秒）：这样旧的价格不成交，委托挂着，等行情更新"
            )
        return False


def is_older(moment: datetime, now: datetime, longest: timedelta) -> bool:
    """Whether more trading time than `longest` lies between `moment` and `now`, or the opening of a later day."""
    if moment >= now:
        return False
    day = moment.date()
    if day == now.date():
        return _traded(day, moment.time(), now.time()) > longest
    if _traded(day, moment.time(), time.max) > longest:
        return True
    following = _next_weekday(day)
    return datetime.combine(following, OPENING) <= now


def _traded(day: date, start: time, end: time) -> timedelta:
    """How long was traded on `day` from `start` to `end`."""
    total = timedelta(0)
    for first, last in _TRADING if day.weekday() < 5 else ():
        if max(first, start) < min(last, end):
            total += datetime.combine(day, min(last, end)) - datetime.combine(day, max(first, start))
    return total


def _next_weekday(day: date) -> date:
    day += _ONE_DAY
    while day.weekday() >= 5:
        day += _ONE_DAY
    return day
