"""Triggers: the next due time as a pure function of the moment."""

from datetime import date, datetime, time, timedelta
from typing import List, Set, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jqtrade.scheduler.trigger import NEVER, Interval, OnDays, TimesOfDay, Trigger, every_minute

DEFAULT = [(time(9, 30), time(11, 30)), (time(13, 0), time(15, 0))]
MONDAY = date(2026, 1, 5)

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1))
times_of_day = st.builds(time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))


def at(hour: int, minute: int = 0, second: int = 0, days: int = 0) -> datetime:
    return datetime.combine(MONDAY, time(hour, minute, second)) + timedelta(days=days)


def due_times(trigger: Trigger, after: datetime, until: datetime) -> List[datetime]:
    due = []
    moment = trigger.next_after(after)
    while moment <= until:
        due.append(moment)
        moment = trigger.next_after(moment)
    return due


@pytest.mark.parametrize(
    "moment, expected",
    [
        (at(0), at(9, 30)),
        (at(9, 29, 59), at(9, 30)),
        (at(9, 30), at(14, 50)),
        (at(9, 30) + timedelta(microseconds=1), at(14, 50)),
        (at(9, 30) - timedelta(microseconds=1), at(9, 30)),
        (at(14, 50), at(9, 30, days=1)),
        (at(23, 59, 59), at(9, 30, days=1)),
    ],
)
def test_a_daily_trigger_is_due_at_its_next_time_strictly_later(moment: datetime, expected: datetime) -> None:
    assert TimesOfDay([time(14, 50), time(9, 30)]).next_after(moment) == expected


def test_midnight_is_a_time_of_day_as_any_other() -> None:
    assert due_times(TimesOfDay([time(0, 0)]), at(0), at(0, days=3)) == [at(0, days=day) for day in (1, 2, 3)]


def test_a_trigger_keeps_nothing_between_calls() -> None:
    trigger = TimesOfDay([time(9, 30), time(15, 0)])
    assert [trigger.next_after(at(12)) for _ in range(3)] == [at(15)] * 3
    assert trigger.next_after(at(8)) == at(9, 30)


def test_every_minute_is_due_242_times_a_day_with_both_ends_of_both_sessions() -> None:
    due = due_times(every_minute(DEFAULT), at(0), at(23, 59))
    assert len(due) == 242
    assert (due[0], due[120], due[121], due[-1]) == (at(9, 30), at(11, 30), at(13), at(15))
    assert {moment.second for moment in due} == {0}


def test_every_minute_follows_another_market_period() -> None:
    due = due_times(every_minute([(time(21, 0), time(21, 2))]), at(0), at(23, 59))
    assert due == [at(21), at(21, 1), at(21, 2)]


def test_every_minute_goes_on_the_next_day() -> None:
    assert every_minute(DEFAULT).next_after(at(15)) == at(9, 30, days=1)


@given(st.lists(times_of_day, min_size=1, max_size=6), moments)
def test_the_next_time_of_day_is_later_and_the_earliest_such(times: List[time], moment: datetime) -> None:
    due = TimesOfDay(times).next_after(moment)
    candidates = [
        datetime.combine(moment.date() + timedelta(days=day), clock_time) for day in (0, 1) for clock_time in times
    ]
    assert due == min(candidate for candidate in candidates if candidate > moment)


@given(moments)
def test_the_next_minute_is_later_and_the_earliest_such(moment: datetime) -> None:
    due = every_minute(DEFAULT).next_after(moment)
    assert due > moment
    assert due.second == due.microsecond == 0
    assert any(start <= due.time() <= end for start, end in DEFAULT)
    minute = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while minute < due:
        assert not any(start <= minute.time() <= end for start, end in DEFAULT)
        minute += timedelta(minutes=1)


@given(st.floats(0.001, 86400), moments)
def test_an_interval_is_due_that_many_seconds_later(seconds: float, moment: datetime) -> None:
    assert Interval(seconds).next_after(moment) == moment + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "moment, expected",
    [
        (at(8), at(9, 30)),
        (at(9, 29, 58), at(9, 30, 3)),
        (at(9, 30), at(9, 30, 5)),
        (at(11, 29, 55), at(11, 30)),
        (at(11, 29, 56), at(13)),
        (at(15), at(9, 30, days=1)),
        (at(23, 59, 58), at(9, 30, days=1)),
    ],
)
def test_an_interval_with_a_period_waits_for_its_next_session(moment: datetime, expected: datetime) -> None:
    assert Interval(5, DEFAULT).next_after(moment) == expected


sessions = st.lists(times_of_day, min_size=4, max_size=4, unique=True).map(sorted)


@given(st.floats(0.001, 86400), sessions, moments)
def test_an_interval_with_a_period_is_due_later_within_a_session_and_no_later_than_needed(
    seconds: float, ends: List[time], moment: datetime
) -> None:
    period: List[Tuple[time, time]] = [(ends[0], ends[1]), (ends[2], ends[3])]
    due = Interval(seconds, period).next_after(moment)
    soonest = moment + timedelta(seconds=seconds)
    assert due >= soonest > moment
    assert any(start <= due.time() <= end for start, end in period)
    assert due == soonest or (due.time() in (ends[0], ends[2]) and due - soonest < timedelta(days=1))


# ---------------------------------------------------------------- on some days only


def workday(day: date) -> date:
    """The first Monday to Friday from `day` on."""
    return day + timedelta(days=max(0, 7 - day.weekday()) if day.weekday() >= 5 else 0)


def test_on_days_a_trigger_is_due_on_those_days_at_its_own_times() -> None:
    trigger = OnDays(TimesOfDay([time(9, 30), time(15)]), workday)
    assert due_times(trigger, at(12, days=4), at(12, days=7)) == [at(15, days=4), at(9, 30, days=7)]


def test_on_days_midnight_of_an_open_day_is_part_of_it() -> None:
    assert OnDays(TimesOfDay([time()]), workday).next_after(at(12, days=4)) == at(0, days=7)


def test_on_days_an_interval_starts_again_with_the_next_open_day() -> None:
    trigger = OnDays(Interval(3600), workday)
    assert trigger.next_after(at(22, 30, days=4)) == at(23, 30, days=4)
    assert trigger.next_after(at(23, 30, days=4)) == at(1, days=7) - timedelta(microseconds=1)
    assert OnDays(Interval(5, DEFAULT), workday).next_after(at(15, days=4)) == at(9, 30, days=7)


def test_without_a_day_left_a_trigger_is_never_due() -> None:
    trigger = OnDays(TimesOfDay([time(9, 30)]), lambda day: MONDAY if day <= MONDAY else None)
    assert due_times(trigger, at(0), at(23)) == [at(9, 30)]
    assert trigger.next_after(at(9, 30)) == NEVER


@given(st.sets(st.integers(0, 40)), st.lists(times_of_day, min_size=1, max_size=3), st.integers(0, 40 * 86400))
def test_on_days_a_trigger_is_due_as_without_them_less_the_other_days(
    offsets: Set[int], times: List[time], second: int
) -> None:
    days = sorted(MONDAY + timedelta(days=offset) for offset in offsets)
    moment = at(0) + timedelta(seconds=second)
    due = OnDays(TimesOfDay(times), lambda day: next((one for one in days if one >= day), None)).next_after(moment)
    expected = [one for one in due_times(TimesOfDay(times), moment, at(0, days=41)) if one.date() in days]
    assert due == (expected[0] if expected else NEVER)
