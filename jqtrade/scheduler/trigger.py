"""When a job is due: pure functions of the moment, without state. Moments are naive datetimes in the strategy's time zone."""

import bisect
from abc import ABC, abstractmethod
from datetime import date, datetime, time, timedelta
from typing import Callable, List, Optional, Sequence, Tuple

NEVER = datetime.max
"""when a job is due that is not due any more"""

_DAY = timedelta(days=1)
_INSTANT = timedelta(microseconds=1)


class Trigger(ABC):
    """When a job is due."""

    @abstractmethod
    def next_after(self, moment: datetime) -> datetime:
        """The first time later than `moment` at which the job is due, or NEVER."""


class TimesOfDay(Trigger):
    """Every day at the same times."""

    def __init__(self, times: Sequence[time]) -> None:
        """`times` holds at least one."""
        self._times = sorted(set(times))

    def next_after(self, moment: datetime) -> datetime:
        index = bisect.bisect_right(self._times, moment.time())
        if index == len(self._times):
            return datetime.combine(moment.date() + _DAY, self._times[0])
        return datetime.combine(moment.date(), self._times[index])


def every_minute(market_period: Sequence[Tuple[time, time]]) -> TimesOfDay:
    """Every minute of each trading session, both ends included: 242 times a day by default."""
    offsets: List[int] = []
    for start, end in market_period:
        offsets.extend(range(_seconds(start), _seconds(end) + 1, 60))
    midnight = datetime(2000, 1, 1)
    return TimesOfDay([(midnight + timedelta(seconds=offset)).time() for offset in offsets])


class Interval(Trigger):
    """Again and again, `seconds` apart; outside the sessions of `period`, if one is given, not."""

    def __init__(self, seconds: float, period: Optional[Sequence[Tuple[time, time]]] = None) -> None:
        self._interval = timedelta(seconds=seconds)
        self._period = period

    def next_after(self, moment: datetime) -> datetime:
        due = moment + self._interval
        return due if self._period is None else _first_within(self._period, due)


class OnDays(Trigger):
    """The due times of another trigger, on some days only."""

    def __init__(self, trigger: Trigger, first_from: Callable[[date], Optional[date]]) -> None:
        """`first_from(day)` is the first of the days that is `day` or later, or None if there is none any more."""
        self._trigger = trigger
        self._first_from = first_from

    def next_after(self, moment: datetime) -> datetime:
        due = self._trigger.next_after(moment)
        while due != NEVER:
            day = self._first_from(due.date())
            if day == due.date():
                return due
            due = NEVER if day is None else self._trigger.next_after(datetime.combine(day, time()) - _INSTANT)
        return due


def _first_within(period: Sequence[Tuple[time, time]], moment: datetime) -> datetime:
    """`moment` if it lies in a session of `period`, else the start of the next session."""
    for day in (moment.date(), moment.date() + _DAY):
        for start, end in period:
            if moment <= datetime.combine(day, end):
                return max(moment, datetime.combine(day, start))
    raise AssertionError("a period has at least one session")


def _seconds(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second
