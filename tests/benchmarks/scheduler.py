"""How many jobs a second the scheduler calls, in virtual time."""

import heapq
import itertools
import threading
from datetime import datetime, time, timedelta
from statistics import median
from typing import Any, Dict, List, Tuple

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from jqtrade.scheduler.scheduler import DAILY, EVERY_MINUTE, Job, Scheduler
from jqtrade.scheduler.trigger import TimesOfDay, every_minute
from jqtrade.testing import VirtualClock
from tests.benchmarks.measure import CPU, Bench, Curve, Pair, Result, Row, compared, pair, seconds_of, summary

SESSIONS = [(time(9, 30), time(11, 30)), (time(13, 0), time(15, 0))]
MINUTE = timedelta(minutes=1)
START = datetime(2026, 1, 5)


class EveryMinute:
    """So many jobs, each due every minute of the trading sessions; they share their trigger, as a strategy's do."""

    def __init__(self, jobs: int, dispatches: int) -> None:
        self._clock = VirtualClock(START)
        self._scheduler = Scheduler(self._clock, 60.0, lambda: True)
        self._calls = itertools.count(1)
        self._trigger = every_minute(SESSIONS)
        for number in range(jobs):
            job = Job(f"job{number}", self._call, self._trigger, EVERY_MINUTE)
            self._scheduler.add(job, self._clock.now())
        self._minutes = max(dispatches // jobs, 1)
        self.dispatches = self._minutes * jobs
        self._until = START

    def _call(self, due: datetime) -> None:
        next(self._calls)

    def advance(self) -> None:
        """Find out, before `run` is timed, how far it goes."""
        for _ in range(self._minutes):
            self._until = self._trigger.next_after(self._until)

    def run(self) -> None:
        """Call every job, `dispatches` times in all."""
        self._scheduler.run(until=self._until)


class Heap:
    """The same with heapq alone: pop a tuple, push it for a minute later."""

    def __init__(self, jobs: int, dispatches: int) -> None:
        self._heap: List[Tuple[datetime, int, int, Any]] = [(START, 1, number, None) for number in range(jobs)]
        self._dispatches = dispatches

    def run(self) -> None:
        heap, pop, push = self._heap, heapq.heappop, heapq.heappush
        for _ in range(self._dispatches):
            due, priority, number, job = pop(heap)
            push(heap, (due + MINUTE, priority, number, job))


def every_minute_jobs(bench: Bench) -> Result:
    """1 to 1,000 every-minute jobs; the cost of one call of one job, against heapq alone."""
    sizes = [1, 10, 100, 1000] if bench.short else [1, 3, 10, 30, 100, 300, 1000]
    dispatches = bench.pick(5000, 2000)
    ours = {jobs: EveryMinute(jobs, dispatches) for jobs in sizes}
    heaps = {jobs: Heap(jobs, ours[jobs].dispatches) for jobs in sizes}
    our_values: Dict[int, List[float]] = {jobs: [] for jobs in sizes}
    heap_values: Dict[int, List[float]] = {jobs: [] for jobs in sizes}
    for _ in range(bench.pick(15, 7)):
        for jobs in sizes:
            ours[jobs].advance()
            our_values[jobs].append(bench.time(ours[jobs].run, timer=CPU) / ours[jobs].dispatches)
            heap_values[jobs].append(seconds_of(heaps[jobs].run, timer=CPU) / ours[jobs].dispatches)
    against_heap = {jobs: pair(our_values[jobs], heap_values[jobs]) for jobs in sizes}
    rows: List[Row] = []
    for jobs in (1, 10, 100, 1000):
        row = compared(
            f"定时器，虚拟时间，{jobs:,} 个 every_minute 任务，每次调用",
            "只有 heapq 的取出和放回",
            against_heap[jobs],
            12,
            "≤ 12 倍" if jobs == 100 else "",
        )
        rows.append(row if jobs == 100 else row._replace(target="报告", reached=None))
    rows.append(
        compared(
            "定时器，1,000 个任务时每次调用",
            "10 个任务时",
            pair(our_values[1000], our_values[10]),
            1 / 0.7,
            "速率 ≥ 70 %（≤ 1.43 倍）",
            is_flatness=True,
        )
    )
    curve = Curve(
        "jobs",
        "every_minute",
        "只有 heapq 的取出和放回",
        [float(jobs) for jobs in sizes],
        [against_heap[jobs].ratio for jobs in sizes],
        "堆的深度是任务数的对数，参照同样如此；只有一个任务时，每次调用还要独自承担一次等待",
    )
    return Result(rows, [curve])


def _ours_at_once(bench: Bench, jobs: int) -> float:
    clock = VirtualClock(datetime(2026, 1, 5, 9, 59, 59))
    scheduler = Scheduler(clock, 60.0, lambda: True)
    calls = itertools.count()

    def call(due: datetime) -> None:
        next(calls)

    trigger = TimesOfDay([time(10, 0)])
    for number in range(jobs):
        scheduler.add(Job(f"job{number}", call, trigger, DAILY), clock.now())
    took = bench.time(lambda: scheduler.run(until=datetime(2026, 1, 5, 10, 0, 1)), timer=CPU)
    assert next(calls) == jobs
    return took / jobs


def _apscheduler_at_once(jobs: int) -> float:
    scheduler = BackgroundScheduler(executors={"default": DebugExecutor()}, timezone="UTC")
    calls, done = itertools.count(1), threading.Event()

    def call() -> None:
        if next(calls) == jobs:
            done.set()

    scheduler.start(paused=True)
    due = datetime.now(scheduler.timezone) - timedelta(seconds=1)
    for _ in range(jobs):
        scheduler.add_job(call, IntervalTrigger(days=1), next_run_time=due, misfire_grace_time=None)

    def run() -> None:
        scheduler.resume()
        assert done.wait(300)

    took = seconds_of(run, timer=CPU)
    scheduler.shutdown()
    return took / jobs


def at_one_instant(bench: Bench) -> Result:
    """10,000 jobs due at one instant, against APScheduler 3.x that runs them where it stands."""
    jobs = bench.pick(10_000, 2_000)
    our_values: List[float] = []
    their_values: List[float] = []
    ratios: List[float] = []
    for _ in range(bench.pick(11, 2)):
        around = [_ours_at_once(bench, jobs)]
        their_values.append(_apscheduler_at_once(jobs))
        around.append(_ours_at_once(bench, jobs))
        our_values += around
        ratios.append(sum(around) / 2 / their_values[-1])
    measured = Pair(summary(our_values), summary(their_values), median(ratios))
    what = f"{jobs:,} 个任务同一时刻到期，每次调用"
    reference = "APScheduler 3.x（DebugExecutor，IntervalTrigger）"
    return Result([compared(what, reference, measured, 0.1, "≤ 1/10（速率 ≥ 10 倍）")])
