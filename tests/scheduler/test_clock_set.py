"""The clock is set while the loop runs: nothing runs twice, what has not run runs when its time comes, the rest is told."""

import logging
import re
from datetime import datetime, time, timedelta
from typing import Any, Dict, List, Optional, Sequence, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jqtrade.clock import VirtualClock
from jqtrade.scheduler.due_times import DueTimes, Span
from jqtrade.scheduler.scheduler import DAILY, EVERY_MINUTE, SYNC, Job, Scheduler
from jqtrade.scheduler.trigger import NEVER, Interval, OnDays, TimesOfDay, Trigger, every_minute

GRACE = 60.0
PERIOD = [(time(9, 30), time(11, 30)), (time(13, 0), time(15, 0))]
HOUR, DAY, YEAR = 3600.0, 86400.0, 366 * 86400.0
TO_1970 = (datetime(1970, 1, 2, 9) - datetime(2026, 1, 5, 9)).total_seconds()
Moves = Sequence[Tuple[float, float]]


def at(hour: int, minute: int = 0, second: float = 0, days: int = 0) -> datetime:
    return datetime(2026, 1, 5, hour, minute) + timedelta(days=days, seconds=second)


class SetClock(VirtualClock):
    """Its wall clock is set by `moves`: after so many seconds awake, by so many seconds."""

    longest_sleep = 20.0

    def __init__(self, start: datetime, moves: Moves) -> None:
        super().__init__(start)
        self._moves = sorted(moves)
        self.lived: List[Tuple[datetime, datetime]] = []
        """the stretches of time that really passed"""

    def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        while self._moves and self._moves[0][0] <= end:
            moment, step = self._moves.pop(0)
            self._pass(moment - self.monotonic())
            self.jump(step)
        self._pass(end - self.monotonic())

    def _pass(self, seconds: float) -> None:
        before = self.now()
        super().sleep(max(seconds, 0.0))
        self.lived.append((before, self.now()))


class Bench:
    """A scheduler under a clock that is set; notes what was called when, and what was said to get_tasks."""

    def __init__(self, *moves: Tuple[float, float], start: Optional[datetime] = None) -> None:
        self.clock = SetClock(start or at(9), moves)
        self.calls: List[Tuple[str, datetime, datetime]] = []
        self.troubles: List[str] = []
        self.rescheduled: List[Optional[datetime]] = []
        self.triggers: Dict[str, Trigger] = {}
        self._end = 0.0
        self.scheduler = Scheduler(self.clock, GRACE, self._should_run, self._hear, self._reschedule)

    def _should_run(self) -> bool:
        upcoming = self.scheduler.next_job()
        waits = upcoming is not None and upcoming[0] <= self.clock.now()
        return waits or self.clock.monotonic() < self._end

    def _hear(self, text: str, level: int) -> None:
        self.troubles.append(text)

    def _reschedule(self) -> None:
        upcoming = self.scheduler.next_job()
        self.rescheduled.append(None if upcoming is None else upcoming[0])

    def add(self, name: str, trigger: Trigger, priority: int = DAILY, takes: float = 0.0) -> None:
        def call(due: datetime) -> None:
            self.calls.append((name, due, self.clock.now()))
            if takes:
                self.clock.sleep(takes)

        self.triggers[name] = trigger
        self.scheduler.add(Job(name, call, trigger, priority), self.clock.now())

    def daily(self, name: str, *times: time, takes: float = 0.0) -> None:
        self.add(name, TimesOfDay(times), DAILY, takes)

    def run(self, seconds: float) -> "Bench":
        self._end = seconds
        self.scheduler.run()
        return self

    def moments(self, name: str) -> List[datetime]:
        """At which time the job was called."""
        return [moment for called, _, moment in self.calls if called == name]

    def dues(self, name: str) -> List[datetime]:
        return [due for called, due, _ in self.calls if called == name]


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


# ---------------------------------------------------------------- what has not run, runs


@pytest.mark.parametrize("ahead", [120.0, HOUR, 8 * HOUR, DAY, YEAR, 50 * YEAR], ids=str)
def test_a_clock_that_was_ahead_when_the_task_was_started_costs_no_job(ahead: float) -> None:
    bench = Bench((10, -ahead), start=at(9) + timedelta(seconds=ahead))
    bench.daily("open", time(9, 30))
    bench.daily("close", time(14, 55))
    bench.add("minute", every_minute(PERIOD), EVERY_MINUTE)
    bench.run(7 * HOUR)
    right = [moment for moment in bench.moments("minute") if moment.date() == at(9).date()]
    assert (at(9, 30) in bench.dues("open"), at(14, 55) in bench.dues("close")) == (True, True)
    assert len(right) == 242 or ahead == 120
    assert bench.rescheduled == [at(9, 30)]


def test_a_job_due_in_the_very_nap_in_which_the_clock_is_set_back_runs() -> None:
    bench = Bench((30.0, -HOUR), start=at(10, 29, 20))
    bench.daily("open", time(9, 29, 52))  # the loop looks up at 09:30:00
    assert bench.run(100).moments("open") == [at(9, 30)]


def test_a_job_due_right_after_a_long_job_in_which_the_clock_was_set_back_runs() -> None:
    bench = Bench((650.0, -HOUR), start=at(10))
    bench.daily("long", time(10, 10), takes=120)
    bench.daily("short", time(9, 11))
    assert bench.run(2 * HOUR).dues("short")[0] == at(9, 11)


def test_what_waited_for_an_earlier_job_when_the_clock_was_set_back_runs_at_its_time() -> None:
    bench = Bench((HOUR, -1800.0))
    bench.daily("long", time(9, 30), takes=2400)
    bench.daily("before", time(9, 35))
    bench.daily("again", time(9, 50))
    bench.run(3 * HOUR)
    assert bench.moments("before") == [at(9, 40)]  # late: due by the old time and the new one
    assert bench.moments("again") == [at(9, 50)]
    assert len(bench.dues("long")) == 1


# ---------------------------------------------------------------- what has run, does not run again


@pytest.mark.parametrize("back", [2.0, 30.0, 59.0, 61.0, 600.0, HOUR, 5 * HOUR, DAY, 7 * DAY], ids=str)
def test_what_has_run_is_not_run_again_and_what_has_not_is(back: float) -> None:
    bench = Bench((3605, -back))  # at 10:00:05
    bench.daily("ran", time(10))
    bench.daily("comes", time(10, 1))
    bench.run(3605 + back + HOUR)
    for name in ("ran", "comes"):
        assert bench.dues(name).count(at(10, 0 if name == "ran" else 1)) == 1


def test_a_step_back_within_the_grace_time_is_no_error_for_what_ran_a_moment_ago() -> None:
    bench = Bench((3605, -30.0))
    bench.daily("ran", time(10))
    bench.run(2 * HOUR)
    assert (bench.dues("ran"), bench.troubles) == ([at(10)], [])


def test_what_is_left_out_is_told_as_soon_as_the_clock_is_set_back(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench((3605, -1800.0))
    bench.daily("ran", time(10))
    bench.add("minute", every_minute(PERIOD), EVERY_MINUTE)
    bench.run(3700)
    assert len(bench.troubles) == 2
    assert "ran 不会再为 2026-01-05 10:00:00 运行" in bench.troubles[0]
    assert "minute 不会再为 2026-01-05 09:31:00 到 2026-01-05 10:00:00 运行" in bench.troubles[1]
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR", "ERROR"]


def test_a_day_ahead_and_back_tells_which_run_of_tomorrow_was_used_up() -> None:
    bench = Bench((3595, DAY), (3605, -DAY))  # at 09:59:55; the job runs for tomorrow
    bench.daily("job", time(10))
    bench.run(2 * HOUR)
    assert bench.dues("job") == [at(10, days=1)]
    assert any("job 没有运行：它应在 2026-01-05 10:00:00" in text for text in bench.troubles)
    assert any("job 不会再为 2026-01-06 10:00:00 运行" in text for text in bench.troubles)


def test_the_repeated_hour_of_summer_time_runs_nothing_twice() -> None:
    bench = Bench((2 * HOUR, -HOUR), start=datetime(2026, 10, 25, 1))
    bench.daily("night", time(2, 30))
    bench.add("minute", every_minute([(time(1), time(4))]), EVERY_MINUTE)
    bench.run(4 * HOUR)
    assert bench.dues("night") == [datetime(2026, 10, 25, 2, 30)]
    assert bench.dues("minute") == [datetime(2026, 10, 25, 1) + timedelta(minutes=each + 1) for each in range(180)]


def test_a_clock_set_back_over_midnight_runs_what_the_day_before_still_has() -> None:
    bench = Bench((120.0, -300.0), start=at(23, 59))
    bench.daily("late", time(23, 58))
    bench.daily("early", time(0, 0, 30))
    bench.run(900)
    assert bench.dues("late") == [at(23, 58)]
    assert bench.dues("early") == [at(0, 0, 30, days=1)]


# ---------------------------------------------------------------- missed


def test_years_ahead_are_one_error_for_each_job() -> None:
    bench = Bench((10.0, -TO_1970), start=datetime(1970, 1, 2, 9))
    bench.daily("job", time(10))
    bench.add("minute", every_minute(PERIOD), EVERY_MINUTE)
    bench.run(2 * HOUR)
    assert bench.dues("job") == [at(10)]
    assert len(bench.troubles) == 2
    assert "1970-01-02 10:00:00 到 2026-01-04 10:00:00" in bench.troubles[0]
    assert "1970-01-02 09:30:00 到 2026-01-04 15:00:00" in bench.troubles[1]


def test_what_was_missed_because_the_clock_went_wrong_runs_once_it_is_right_again() -> None:
    bench = Bench((600.0, 8 * HOUR), (700.0, -8 * HOUR))
    bench.daily("job", time(10))
    bench.run(2 * HOUR)
    assert bench.dues("job") == [at(10)]
    assert any("job 没有运行" in text for text in bench.troubles)


def test_a_job_called_later_than_the_grace_time_is_told() -> None:
    bench = Bench()
    bench.daily("long", time(9, 30), takes=70)
    bench.daily("short", time(9, 30, 5))
    bench.run(HOUR)
    assert bench.moments("short") == [at(9, 31, 10)]
    (text,) = bench.troubles
    assert "short 晚了 1 分 5 秒" in text and "2026-01-05 09:30:05" in text


def test_a_job_called_within_the_grace_time_is_not_told() -> None:
    bench = Bench()
    bench.daily("long", time(9, 30), takes=59)
    bench.daily("short", time(9, 30, 5))
    bench.run(HOUR)
    assert bench.troubles == []


def test_a_process_that_stood_still_between_jobs_misses_what_is_too_late() -> None:
    bench = Bench()
    bench.daily("job", time(9, 0, 30))
    sleep, stops = bench.clock.sleep, [75.0]

    def stop_once(seconds: float) -> None:  # SIGSTOP: both clocks go on
        sleep(seconds + (stops.pop() if stops else 0.0))

    bench.clock.sleep = stop_once  # type: ignore[method-assign]
    bench.run(300)
    assert bench.calls == []
    assert "job 没有运行" in bench.troubles[0]


# ---------------------------------------------------------------- syncing


@pytest.mark.parametrize("step", [-2.0, -30.0, -59.0, -HOUR, -DAY, TO_1970, HOUR, DAY], ids=str)
def test_syncing_goes_on_at_once_however_the_clock_is_set(step: float) -> None:
    bench = Bench((600.0, step))
    awake: List[float] = []
    sync = Job("sync", lambda due: awake.append(bench.clock.monotonic()), Interval(5), SYNC)
    bench.scheduler.add(sync, bench.clock.now())
    bench.daily("job", time(23))
    bench.run(700)
    gaps = [later - earlier for earlier, later in zip(awake, awake[1:])]
    assert max(gaps) <= 10 and awake[-1] >= 690


# ---------------------------------------------------------------- any sequence of jumps

_TOLD = [
    re.compile(r"定时任务 (\S+) 没有运行：它应在 (.{19})(?: 到 (.{19}))? 运行"),
    re.compile(r"定时任务 (\S+) 积压了 \d+ 次（从 (.{19}) 起），只运行最近的一次（(.{19})）"),
]


def told(troubles: List[str]) -> List[Tuple[str, Span]]:
    """Which due times of which job were told as not called."""
    found = []
    for text in troubles:
        for pattern in _TOLD:
            match = pattern.search(text)
            if match is not None:
                first = datetime.strptime(match.group(2), "%Y-%m-%d %H:%M:%S")
                last = datetime.strptime(match.group(3) or match.group(2), "%Y-%m-%d %H:%M:%S")
                found.append((match.group(1), Span(first, last)))
    return found


def dues_within(trigger: Trigger, after: datetime, until: datetime) -> List[datetime]:
    dues = []
    due = trigger.next_after(after)
    while due <= until:
        dues.append(due)
        due = trigger.next_after(due)
    return dues


STEPS = st.one_of(
    st.integers(-180, 180).map(float),
    st.integers(-8 * 60, 8 * 60).map(lambda minutes: minutes * 60.0),
    st.sampled_from([-DAY, DAY, -7 * DAY, 7 * DAY, -YEAR, YEAR, TO_1970, -TO_1970, -HOUR, HOUR]),
)
MOVES = st.lists(st.tuples(st.integers(1, 5 * 3600).map(float), STEPS), max_size=6)


@settings(max_examples=60, deadline=None)
@given(MOVES, st.integers(8, 15), st.sampled_from([0.0, 90.0, 2400.0]), st.booleans())
def test_whatever_the_clock_does_nothing_runs_twice_and_nothing_is_lost_without_a_word(
    moves: Any, hour: int, takes: float, weekdays: bool
) -> None:
    bench = Bench(*moves, start=at(hour))

    def first_from(day: Any) -> Any:
        while weekdays and day.weekday() >= 5:
            day += timedelta(days=1)
        return day

    bench.daily("a", time(9, 30), time(14), takes=takes)
    bench.daily("b", time(9, 31), time(10), time(14, 0, 5), time(0, 0, 1))
    bench.add("minute", OnDays(every_minute(PERIOD), first_from), EVERY_MINUTE)
    bench.run(5.5 * HOUR)
    called = [(name, due) for name, due, _ in bench.calls]
    assert len(set(called)) == len(called)
    assert all(moment >= due for _, due, moment in bench.calls)
    not_called = told(bench.troubles)
    for after, until in bench.clock.lived:
        for name, trigger in bench.triggers.items():
            for due in dues_within(trigger, after, until):
                is_told = any(name == other and first <= due <= last for other, (first, last) in not_called)
                assert (name, due) in called or is_told or due > bench.clock.now(), (name, due)


# ---------------------------------------------------------------- DueTimes by itself


def test_due_times_forget_nothing_that_was_gone_through_in_several_pieces() -> None:
    times = DueTimes(TimesOfDay([time(10), time(11), time(12)]), at(9, 59))
    assert times.take(at(10), latest_only=False) == (at(10), 0, [])
    times.set_back(at(9), at(9))
    assert times.take(at(11), latest_only=False) == (at(11), 0, [])
    assert times.set_back(at(8), at(8)) == [Span(at(10), at(11))]
    assert times.next == at(12)


def test_what_is_left_out_is_told_also_if_later_due_times_have_come_meanwhile() -> None:
    times = DueTimes(TimesOfDay([time(10), time(11), time(12), time(13)]), at(10, 30))
    for hour in (11, 12):
        times.take(at(hour), latest_only=True)
    assert times.set_back(at(9), at(9)) == []
    assert times.take(at(13, 5), latest_only=True) == (at(13), 1, [Span(at(11), at(12))])


def test_after_its_last_due_time_a_job_is_left_out_when_the_clock_is_set_back() -> None:
    days = [at(0).date(), at(0, days=1).date()]

    def first_from(day: Any) -> Any:
        return next((each for each in days if each >= day), None)

    times = DueTimes(OnDays(TimesOfDay([time(10)]), first_from), at(9))
    for days_on in range(2):
        times.take(at(10, days=days_on), latest_only=False)
    assert times.next == NEVER
    assert times.set_back(at(9, days=1), at(9, days=1)) == [Span(at(10, days=1), at(10, days=1))]
    assert times.next == NEVER
    assert times.set_back(at(9, days=-1), at(9, days=-1)) == [Span(at(10), at(10, days=1))]
