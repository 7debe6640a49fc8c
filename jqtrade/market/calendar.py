"""Trading days: of the Shanghai exchange, from a file in the package and one of the user's, or any given days."""

import bisect
import os
import re
from abc import ABC, abstractmethod
from datetime import date, timedelta
from typing import Dict, Iterable, List, Optional, Tuple

from jqtrade.errors import InvalidParam
from jqtrade.home import home_dir

HOLIDAYS_FILE = "holidays.csv"
"""of the user, in the home folder"""

_OURS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "xshg.csv")
_DATE = re.compile(r"(\d{4})(?:([-/])(\d{1,2})\2(\d{1,2})|(\d{2})(\d{2}))", re.ASCII)
_WEEKDAYS = "一二三四五六日"
_DAY = timedelta(days=1)


class TradingDays(ABC):
    """On which days the exchange is open."""

    known_until: Optional[date] = None
    """the last day that is known for certain; None: all are"""

    @abstractmethod
    def first_from(self, day: date) -> Optional[date]:
        """The first trading day that is `day` or later, or None if there is none any more."""

    def is_known(self, day: date) -> bool:
        """Whether it is known for certain, not guessed, if `day` is a trading day."""
        return True

    def is_trading_day(self, day: date) -> bool:
        return self.first_from(day) == day

    def next_trading_day(self, day: date) -> Optional[date]:
        """The first trading day later than `day`."""
        return None if day == date.max else self.first_from(day + _DAY)

    def trading_days(self, start: date, end: date) -> List[date]:
        """Every trading day from `start` to `end`, both included."""
        days: List[date] = []
        day = self.first_from(start)
        while day is not None and day <= end:
            days.append(day)
            day = self.next_trading_day(day)
        return days


class GivenDays(TradingDays):
    """The given days and no other, such as those of which there are prices."""

    def __init__(self, days: Iterable[date]) -> None:
        self._days = sorted(set(days))

    def first_from(self, day: date) -> Optional[date]:
        index = bisect.bisect_left(self._days, day)
        return self._days[index] if index < len(self._days) else None


class ExchangeDays(TradingDays):
    """Every Monday to Friday on which the exchange is not known to be shut."""

    known_until: date

    def __init__(self, closed: Iterable[date], known_since: date, known_until: date) -> None:
        """`closed` is complete from `known_since` to `known_until`; what it holds of other days counts too."""
        self._closed = frozenset(closed)
        self.known_since = known_since
        self.known_until = known_until

    def first_from(self, day: date) -> Optional[date]:
        while day.weekday() >= 5 or day in self._closed:
            if day == date.max:
                return None
            day += _DAY
        return day

    def is_known(self, day: date) -> bool:
        return self.known_since <= day <= self.known_until


def load_trading_days(home: Optional[str] = None) -> ExchangeDays:
    """Return the trading days of the Shanghai exchange.

    `holidays.csv` in `home` (by default $JQTRADE_HOME) extends ours; of a day in both, the user's word counts. What is
    known reaches to its last date, unless a whole year before that is missing.

    Raises InvalidParam, with file and line, if that file cannot be read or used.
    """
    days = _read(_OURS)
    first, last = min(days).year, max(days).year
    path = os.path.join(home_dir() if home is None else home, HOLIDAYS_FILE)
    if os.path.lexists(path):
        days.update(_read(path))
    years = {day.year for day in days}
    while first - 1 in years:
        first -= 1
    while last + 1 in years:
        last += 1
    known = [day for day in days if first <= day.year <= last]
    return ExchangeDays((day for day, is_open in days.items() if not is_open), min(known), max(known))


def _read(path: str) -> Dict[date, bool]:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:  # a comment may be in any encoding
            lines = file.read().splitlines()
    except OSError as error:
        raise InvalidParam(f"无法读取休市日文件 {path}：{error}")
    days: Dict[date, bool] = {}
    for number, line in enumerate(lines, 1):
        text = line.split("#", 1)[0].strip()
        if not text or text.replace(" ", "").lower() == "date,open":
            continue
        try:
            day, is_open = _parse(text)
            if days.setdefault(day, is_open) != is_open:
                raise ValueError(f"{day} 在前面已经写成 {int(days[day])}，同一天只能写一种")
        except ValueError as error:
            raise InvalidParam(f"休市日文件 {path} 第 {number} 行 {line[:100]!r} 不正确：{error}")
    return days


def _parse(text: str) -> Tuple[date, bool]:
    fields = [field.strip() for field in text.split(",")]
    if not _DATE.fullmatch(fields[0]) or len(fields) != 2 or fields[1] not in ("0", "1"):
        raise ValueError("应为“日期,0 或 1”，0 是休市，1 是开市，例如 2027-01-01,0")
    day = parse_day(fields[0])
    if fields[1] == "1" and day.weekday() >= 5:
        raise ValueError(f"{day_text(day)}，交易所周末不开市，调休的上班日也不开，请删掉这一行")
    return day, fields[1] == "1"


def parse_day(text: str) -> date:
    """The day that a user wrote as 2026-01-05, 2026/1/5 or 20260105. Raises ValueError, in Chinese, for anything else."""
    match = _DATE.fullmatch(text.strip())
    year, month, day = [int(part) for part in match.groups() if part and part.isdigit()] if match else (0, 0, 0)
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"没有 {text} 这一天，日期应为 年-月-日，例如 2027-01-01") from None


def day_text(day: date) -> str:
    """A day for people: "2026-02-24（星期二）"."""
    return f"{day}（星期{_WEEKDAYS[day.weekday()]}）"
