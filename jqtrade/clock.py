"""The only place that asks what time it is or sleeps.

Times of day everywhere in jqtrade are naive datetimes in the strategy's time zone, as `datetime.now()` gives them.
"""

import re
import time
from abc import ABC, abstractmethod
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Optional

from jqtrade.errors import InvalidParam
from jqtrade.own_imports import own_imports

_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)


class Clock(ABC):
    """What time it is, and waiting."""

    longest_sleep = float("inf")
    """Seconds after which a sleeper should look up to see whether it is still wanted."""

    @abstractmethod
    def now(self) -> datetime:
        """The wall-clock time, naive, in the strategy's time zone."""

    def use_zone(self, zone: Optional[tzinfo]) -> None:
        """Show times in `zone`; None: the machine's own."""

    @abstractmethod
    def at(self, timestamp: float) -> datetime:
        """The wall-clock time at the POSIX `timestamp` of something that just happened."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds since some moment; never set, never jumps back."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Wait; a signal may be handled meanwhile, but does not end the wait."""


class SystemClock(Clock):
    """The machine's clock, whatever user code has put in the place of `time.sleep` or `datetime`."""

    longest_sleep = 0.5
    # Kept here, where neither an assignment to the module `time` nor a library that freezes the time looks for them.
    _datetime, _sleep, _monotonic = datetime, staticmethod(time.sleep), staticmethod(time.monotonic)

    def __init__(self) -> None:
        self.zone: Optional[tzinfo] = None

    def use_zone(self, zone: Optional[tzinfo]) -> None:
        self.zone = zone

    def now(self) -> datetime:
        if self.zone is None:
            return self._datetime.now()
        return self._datetime.now(self.zone).replace(tzinfo=None)

    def at(self, timestamp: float) -> datetime:
        if self.zone is None:
            return self._datetime.fromtimestamp(timestamp)
        return self._datetime.fromtimestamp(timestamp, self.zone).replace(tzinfo=None)

    def utc_offset(self) -> timedelta:
        """How far the clock's time is ahead of UTC now."""
        offset = self._datetime.now(timezone.utc).astimezone(self.zone).utcoffset()
        return timedelta(0) if offset is None else offset

    def monotonic(self) -> float:
        return self._monotonic()

    def sleep(self, seconds: float) -> None:
        self._sleep(seconds)


class VirtualClock(Clock):
    """A clock that moves only when somebody sleeps on it, or is told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._awake = 0.0

    def now(self) -> datetime:
        return self._now

    def at(self, timestamp: float) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._awake

    def sleep(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._awake += seconds

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone, as a sleeping machine or a corrected clock does; `seconds` may be negative."""
        self._now += timedelta(seconds=seconds)


def parse_timezone(text: str) -> tzinfo:
    """Return the time zone that `text` names: "Asia/Shanghai", "+08:00", "UTC+8".

    An offset is meant as people write it: "UTC+8" is eight hours ahead of UTC.

    Raises InvalidParam if there is no such zone.
    """
    match = _OFFSET.fullmatch(text.strip())
    if match:
        sign = -1 if match.group(1) == "-" else 1
        offset = sign * timedelta(hours=int(match.group(2)), minutes=int(match.group(3) or 0))
        if abs(offset) < timedelta(hours=24):
            return timezone(offset)
    elif text.strip():
        with own_imports():
            from dateutil import tz  # 30 ms to import, and most strategies name no zone

            zone: Optional[tzinfo] = tz.gettz(text.strip())
        if zone is not None:
            return zone
    raise InvalidParam(f"时区 timezone={text!r} 无法识别，请写地区名（如 'Asia/Shanghai'）或偏移（如 '+08:00'）")
