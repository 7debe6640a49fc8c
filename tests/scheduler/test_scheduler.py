"""The scheduler's loop in virtual time: order, lateness, jumps of the clock."""

import logging
from datetime import datetime, time, timedelta
from typing import Any, Callable, List, Optional, Tuple

import pytest

from jqtrade.clock import VirtualClock
from jqtrade.scheduler.scheduler import DAILY, EVERY_MINUTE, SYNC, Job, Scheduler
from jqtrade.scheduler.trigger import Interval, TimesOfDay, Trigger, every_minute

GRACE = 60.0
PERIOD = [(time(9, 30), time(11, 30)), (time(13, 0), time(15, 0))]


def at(hour: int, minute: int = 0, second: int = 0, days: int = 0) -> datetime:
    return datetime(2026, 1, 5, hour, minute, second) + timedelta(days=days)


class Bench:
    """A scheduler with jobs that note what was called, for which time, and when."""

    def __init__(self, start: Optional[datetime] = None) -> None:
        self.clock = VirtualClock(start or at(9))
        self.wanted = True
        self.calls: List[Tuple[str, datetime, datetime]] = []
        self.scheduler = Scheduler(self.clock, GRACE, lambda: self.wanted)

    def add(
        self, name: str, trigger: Trigger, priority: int = DAILY, work: Optional[Callable[[datetime], None]] = None
    ) -> None:
        def call(due: datetime) -> None:
            self.calls.append((name, due, self.clock.now()))
            if work is not None:
                work(due)

        self.scheduler.add(Job(name, call, trigger, priority), self.clock.now())

    def daily(self, name: str, *times: time, work: Optional[Callable[[datetime], None]] = None) -> None:
        self.add(name, TimesOfDay(times), DAILY, work)

    def called(self, name: Optional[str] = None) -> List[Tuple[str, datetime]]:
        return [(called, due) for called, due, _ in self.calls if name in (None, called)]

    def dues(self, name: str) -> List[datetime]:
        return [due for called, due in self.called(name)]


def levels(caplog: pytest.LogCaptureFixture) -> List[Tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


# ---------------------------------------------------------------- order


def test_at_one_instant_syncing_comes_first_then_every_minute_then_daily_jobs_each_in_order_of_registration() -> None:
    bench = Bench(at(9, 29))
    bench.daily("daily 1", time(9, 30))
    bench.add("minute 1", every_minute(PERIOD), EVERY_MINUTE)
    bench.daily("daily 2", time(9, 30))
    bench.add("sync", Interval(60), SYNC)
    bench.add("minute 2", every_minute(PERIOD), EVERY_MINUTE)
    bench.scheduler.run(at(9, 30))
    assert bench.called() == [(name, at(9, 30)) for name in ("sync", "minute 1", "minute 2", "daily 1", "daily 2")]


def test_the_order_of_registration_holds_on_later_days_too() -> None:
    bench = Bench()
    for name in "dcba":
        bench.daily(name, time(10))
    bench.scheduler.run(at(10, days=2))
    assert [name for name, _ in bench.called()] == list("dcba") * 3


def test_jobs_are_called_at_their_time_with_their_due_time() -> None:
    bench = Bench()
    bench.daily("a", time(9, 30), time(15))
    bench.scheduler.run(at(23))
    assert bench.calls == [("a", at(9, 30), at(9, 30)), ("a", at(15), at(15))]


def test_a_time_of_today_that_has_passed_waits_for_tomorrow() -> None:
    bench = Bench(at(9, 30))
    bench.daily("a", time(9, 30))
    bench.scheduler.run(at(9, 30, days=1))
    assert bench.dues("a") == [at(9, 30, days=1)]


def test_run_stops_before_the_first_job_due_after_until_and_can_go_on() -> None:
    bench = Bench()
    bench.daily("a", time(10), time(11))
    bench.scheduler.run(at(10, 59, 59))
    assert bench.dues("a") == [at(10)]
    bench.scheduler.run(at(11))
    assert bench.dues("a") == [at(10), at(11)]


def test_run_without_jobs_returns_at_once() -> None:
    bench = Bench()
    bench.scheduler.run()
    assert bench.clock.now() == at(9)


def test_no_job_is_called_once_the_loop_is_not_wanted() -> None:
    bench = Bench()

    def leave(due: datetime) -> None:
        bench.wanted = False

    bench.daily("a", time(10), work=leave)
    bench.daily("b", time(10))
    bench.scheduler.run()
    assert bench.called() == [("a", at(10))]


def test_while_it_waits_the_loop_asks_at_least_every_longest_sleep_whether_it_should_run() -> None:
    bench = Bench()
    bench.clock.longest_sleep = 0.25
    asked: List[datetime] = []

    def should_run() -> bool:
        asked.append(bench.clock.now())
        return bench.clock.now() < at(9, 0, 2)

    scheduler = Scheduler(bench.clock, GRACE, should_run)
    scheduler.add(Job("a", lambda due: None, TimesOfDay([time(10)]), DAILY), bench.clock.now())
    scheduler.run()
    assert bench.clock.now() == at(9, 0, 2)
    assert len(asked) == 9


def test_a_long_answer_whether_it_is_wanted_is_not_taken_for_a_sleeping_machine(caplog: Any) -> None:
    bench = Bench(at(9, 59))

    def should_run() -> bool:
        if bench.clock.now() == at(10):
            bench.clock.sleep(70)  # a halt has orders cancelled
        return True

    scheduler = Scheduler(bench.clock, GRACE, should_run)
    called: List[str] = []
    for name in "ab":
        scheduler.add(Job(name, lambda due, name=name: called.append(name), TimesOfDay([time(10)]), DAILY), at(9, 59))
    scheduler.run(at(10))
    assert called == ["a", "b"]
    assert all("晚了 1 分 10 秒 才运行" in text for _, text in levels(caplog))


def test_while_only_syncing_happens_it_is_asked_now_and_then_whether_it_should_run() -> None:
    bench = Bench()
    asked: List[datetime] = []

    def should_run() -> bool:
        asked.append(bench.clock.now())
        return bench.clock.now() < at(9, 0, 2)

    scheduler = Scheduler(bench.clock, GRACE, should_run)
    scheduler.add(Job("sync", lambda due: None, Interval(0.01), SYNC), bench.clock.now())
    scheduler.run()
    assert at(9, 0, 2) <= bench.clock.now() < at(9, 0, 2) + timedelta(seconds=0.2)
    assert 12 <= len(asked) <= 20


def test_the_next_job_is_the_strategys_own_not_the_sync() -> None:
    bench = Bench()
    assert bench.scheduler.next_job() is None
    bench.add("sync", Interval(5), SYNC)
    assert bench.scheduler.next_job() is None
    bench.daily("late", time(15))
    bench.add("minute", every_minute(PERIOD), EVERY_MINUTE)
    due, job = bench.scheduler.next_job() or (None, None)
    assert (due, job and job.name) == (at(9, 30), "minute")


# ---------------------------------------------------------------- late, because an earlier job took long


def test_a_daily_job_that_an_earlier_one_made_late_is_called_however_late() -> None:
    bench = Bench()
    bench.daily("long", time(9, 30), work=lambda due: bench.clock.sleep(7200))
    bench.daily("short", time(9, 31), time(10))
    bench.scheduler.run(at(12))
    assert bench.calls[1:] == [("short", at(9, 31), at(11, 30)), ("short", at(10), at(11, 30))]


def test_minutes_that_piled_up_are_called_once_for_the_latest_and_the_log_says_how_many_were_dropped(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    bench.add("minute", every_minute(PERIOD), EVERY_MINUTE)
    bench.daily("long", time(9, 32), work=lambda due: bench.clock.sleep(5 * 60 + 30))
    bench.scheduler.run(at(9, 39))
    assert bench.dues("minute") == [at(9, minute) for minute in (30, 31, 32, 37, 38, 39)]
    ((level, text),) = levels(caplog)
    assert level == "WARNING"
    assert "minute 积压了 5 次" in text
    assert "丢弃 4 次" in text


def test_piled_up_minutes_of_two_functions_are_two_calls() -> None:
    bench = Bench()
    bench.add("minute 1", every_minute(PERIOD), EVERY_MINUTE)
    bench.add("minute 2", every_minute(PERIOD), EVERY_MINUTE)
    bench.daily("long", time(9, 30), work=lambda due: bench.clock.sleep(170))
    bench.scheduler.run(at(9, 32))
    assert bench.called()[3:] == [("minute 1", at(9, 32)), ("minute 2", at(9, 32))]


def test_a_minute_that_is_late_alone_is_called_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.add("minute", every_minute(PERIOD), EVERY_MINUTE)
    bench.daily("long", time(9, 30), work=lambda due: bench.clock.sleep(61))
    bench.scheduler.run(at(9, 31))
    assert bench.dues("minute") == [at(9, 30), at(9, 31)]
    assert levels(caplog) == []


def test_syncs_that_piled_up_are_one_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.add("sync", Interval(5), SYNC)
    bench.daily("long", time(9, 0, 1), work=lambda due: bench.clock.sleep(60))
    bench.scheduler.run(at(9, 1, 5))
    assert bench.dues("sync") == [at(9, 1), at(9, 1, 5)]
    assert levels(caplog) == []


# ---------------------------------------------------------------- late, because the machine slept or the clock jumped


class SleepyClock(VirtualClock):
    """Its machine falls asleep for `gap` seconds within the first wait that passes `moment`."""

    def __init__(self, start: datetime, moment: datetime, gap: float) -> None:
        super().__init__(start)
        self.longest_sleep = 1.0
        self._moment: Optional[datetime] = moment
        self._gap = gap

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if self._moment is not None and self.now() >= self._moment:
            self._moment = None
            self.jump(self._gap)


def sleepy_bench(moment: datetime, gap: float) -> Bench:
    bench = Bench()
    bench.clock = SleepyClock(at(9, 29), moment, gap)
    bench.scheduler = Scheduler(bench.clock, GRACE, lambda: True)
    return bench


def test_a_job_that_came_due_longer_ago_than_the_grace_time_while_the_machine_slept_is_an_error_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = sleepy_bench(at(9, 29, 30), 3600)
    bench.daily("open", time(9, 30))
    bench.daily("noon", time(12))
    bench.scheduler.run(at(12))
    assert bench.called() == [("noon", at(12))]
    errors = [text for level, text in levels(caplog) if level == "ERROR"]
    assert len(errors) == 1
    assert "open 没有运行" in errors[0]
    assert "2026-01-05 09:30:00" in errors[0]
    assert [level for level, _ in levels(caplog)] == ["WARNING", "ERROR"]


@pytest.mark.parametrize("late, is_called", [(30, True), (59, True), (60, True), (61, False), (600, False)])
def test_after_a_sleep_a_job_is_called_if_it_is_no_later_than_the_grace_time(late: int, is_called: bool) -> None:
    bench = sleepy_bench(at(9, 29, 30), 30 + late)
    bench.daily("open", time(9, 30))
    bench.scheduler.run(at(23))
    assert bench.dues("open") == ([at(9, 30)] if is_called else [])


def test_the_next_day_a_job_missed_in_a_sleep_is_called_again() -> None:
    bench = sleepy_bench(at(9, 29, 30), 3600)
    bench.daily("open", time(9, 30))
    bench.scheduler.run(at(9, 30, days=1))
    assert bench.dues("open") == [at(9, 30, days=1)]


def test_minutes_missed_in_a_sleep_are_one_error_naming_the_first_and_the_last(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = sleepy_bench(at(11, 0), 3600)
    bench.add("minute", every_minute(PERIOD), EVERY_MINUTE)
    bench.scheduler.run(at(13))
    assert bench.dues("minute")[-2:] == [at(10, 59), at(13)]
    errors = [text for level, text in levels(caplog) if level == "ERROR"]
    assert len(errors) == 1
    assert "11:00:00" in errors[0]
    assert "11:30:00" in errors[0]


def test_of_minutes_missed_in_a_sleep_the_latest_is_called_if_it_is_within_the_grace_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = sleepy_bench(at(10, 0, 30), 1800)
    bench.add("minute", every_minute(PERIOD), EVERY_MINUTE)
    bench.scheduler.run(at(10, 31))
    assert bench.dues("minute")[-3:] == [at(10), at(10, 30), at(10, 31)]
    errors = [text for level, text in levels(caplog) if level == "ERROR"]
    assert len(errors) == 1
    assert "2026-01-05 10:01:00 到 2026-01-05 10:29:00" in errors[0]


def test_a_machine_that_slept_while_a_job_ran_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.daily("long", time(9, 30), work=lambda due: bench.clock.jump(600))
    bench.daily("missed", time(9, 31))
    bench.daily("just in time", time(9, 39, 30))
    bench.scheduler.run(at(12))
    assert [name for name, _ in bench.called()] == ["long", "just in time"]
    assert "missed 没有运行" in caplog.text


def test_after_a_sleep_syncing_goes_on_at_once() -> None:
    bench = sleepy_bench(at(9, 29, 30), 3600)
    bench.add("sync", Interval(5), SYNC)
    bench.scheduler.run(at(10, 29, 45))
    assert [moment for _, _, moment in bench.calls if moment > at(10)][0] <= at(10, 29, 35)


# ---------------------------------------------------------------- the clock set back


def test_when_the_clock_is_set_back_daily_jobs_are_not_called_twice_and_syncing_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = sleepy_bench(at(10, 0, 30), -3600)
    bench.daily("open", time(9, 30))
    bench.daily("ten", time(10))
    bench.daily("eleven", time(11))
    bench.add("sync", Interval(5), SYNC)
    bench.scheduler.run(at(11))
    assert [call for call in bench.called() if call[0] != "sync"] == [
        ("open", at(9, 30)),
        ("ten", at(10)),
        ("eleven", at(11)),
    ]
    syncs = [moment for name, _, moment in bench.calls if name == "sync"]
    back = next(index for index in range(1, len(syncs)) if syncs[index] < syncs[index - 1])
    assert syncs[back] <= at(9, 0, 36)
    assert [level for level, text in levels(caplog)] == ["WARNING", "ERROR", "ERROR"]
    assert [text.split()[1] for level, text in levels(caplog)[1:]] == ["open", "ten"]


def test_when_the_clock_is_set_back_during_a_job_syncing_goes_on() -> None:
    bench = Bench()
    bench.add("sync", Interval(5), SYNC)
    bench.daily("job", time(9, 30), work=lambda due: bench.clock.jump(-1800))
    bench.scheduler.run(at(9, 30))
    syncs = [moment for name, _, moment in bench.calls if name == "sync"]
    assert syncs[-1] >= at(9, 30) - timedelta(seconds=5)
    assert bench.dues("job") == [at(9, 30)]


# ---------------------------------------------------------------- syncs shortly before a job


@pytest.mark.parametrize(
    "offset, before",
    [(-0.011, 0.011), (-0.01, 0.01), (-0.009, 0.01), (-0.001, 0.01), (0.0, 0.0), (0.001, 4.999)],
    ids=str,
)
def test_a_sync_that_would_make_a_job_late_comes_a_little_earlier(offset: float, before: float) -> None:
    job_time = at(10)
    bench = Bench(job_time - timedelta(seconds=20) + timedelta(seconds=offset))
    bench.add("sync", Interval(5), SYNC)
    bench.daily("job", time(10))
    bench.scheduler.run(until=job_time)
    *_, (last_sync, due), (job, _) = bench.called()
    assert (last_sync, job) == ("sync", "job")
    assert job_time - due == timedelta(seconds=before)
    assert bench.calls[-1][2] == job_time


@pytest.mark.parametrize("interval", [0.0005, 0.004, 0.01, 0.03])
def test_syncs_closer_together_than_one_may_take_go_on_to_the_job(interval: float) -> None:
    bench = Bench(at(9, 59, 59))
    bench.add("sync", Interval(interval), SYNC)
    bench.daily("job", time(10))
    bench.scheduler.run(until=at(10))
    dues = bench.dues("sync")
    assert bench.dues("job") == [at(10)]
    gaps = [(later - earlier).total_seconds() for earlier, later in zip(dues, dues[1:])]
    assert all(0 < gap <= interval for gap in gaps) and sum(gap < interval for gap in gaps) <= 1
