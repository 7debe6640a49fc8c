"""Turn the time strings of run_daily into triggers and times of day."""

import re
from datetime import datetime, time, timedelta
from typing import List, Tuple

from jqtrade.errors import InvalidParam
from jqtrade.options import parse_time
from jqtrade.scheduler.trigger import TimesOfDay, every_minute

EVERY_MINUTE_EXPR = "every_minute"

_SYNONYMS = {"before_open": "open-30m", "after_close": "close+30m"}
_RELATIVE = re.compile(r"(open|close)(?:([+-])((?:\d+[hms])+))?", re.ASCII)
_PART = re.compile(r"(\d+)([hms])", re.ASCII)
_UNITS = {"h": "hours", "m": "minutes", "s": "seconds"}


def trigger_of(expr: str, market_period: List[Tuple[time, time]]) -> TimesOfDay:
    """When a job is due that run_daily was given with the time `expr`, on each day. Raises InvalidParam for a bad one."""
    if expr == EVERY_MINUTE_EXPR:
        return every_minute(market_period)
    return TimesOfDay([parse_time_expr(expr, market_period)])


def parse_time_expr(expr: str, market_period: List[Tuple[time, time]]) -> time:
    """Return the time of day that `expr` names, given the day's trading sessions.

    `expr` is "HH:MM", "HH:MM:SS", "open", "close", one of these two with an offset ("open-30m", "close+1h30m"),
    "before_open" (open-30m) or "after_close" (close+30m).

    Raises InvalidParam if `expr` is none of these, or if the offset leaves the day.
    """
    if isinstance(expr, str):
        match = _RELATIVE.fullmatch(_SYNONYMS.get(expr, expr))
        if match is not None:
            base = market_period[0][0] if match.group(1) == "open" else market_period[-1][1]
            return _shift(expr, base, match.group(2) or "+", match.group(3) or "")
        try:
            return parse_time(expr)
        except ValueError:
            pass
    raise InvalidParam(
        f"定时任务的时间 {expr!r} 不正确，应为 'HH:MM:SS'、'HH:MM'、'open'、'close'、'open-30m'、'close+1h30m'、"
        "'before_open'、'after_close' 或 'every_minute'"
    )


def _shift(expr: str, base: time, sign: str, offset: str) -> time:
    delta = timedelta()
    try:
        for number, unit in _PART.findall(offset):
            delta += timedelta(**{_UNITS[unit]: int(number)})
        start = datetime(2000, 1, 2, base.hour, base.minute, base.second)
        moment = start + delta if sign == "+" else start - delta
    except OverflowError:
        moment = datetime.max
    if moment.date() != datetime(2000, 1, 2).date():
        raise InvalidParam(f"定时任务的时间 {expr!r} 超出了当天（00:00:00 到 23:59:59）")
    return moment.time()
