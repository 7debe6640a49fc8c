"""Time what is measured and its reference by turns, so that both meet the same machine in the same minute."""

import cProfile
import os
import time
from statistics import median
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, TypeVar

import pyperf

T = TypeVar("T")
Call = Callable[[], Any]

Timer = Callable[[], float]

WALL: Timer = pyperf.perf_counter
CPU: Timer = WALL if os.name == "nt" else time.process_time
"""for what never waits: other programs on the machine do not count then. Windows tells it in steps of 15 ms only"""

SMALLEST = 1e-9
"""pyperf takes no value of 0, and no clock shows a smaller one"""


def _nothing() -> None:
    pass


class Row(NamedTuple):
    """One line of the table. Times in seconds unless `unit` says otherwise; None: there is no such figure."""

    what: str
    reference: str
    target: str
    median: Optional[float] = None
    p99: Optional[float] = None
    reference_median: Optional[float] = None
    ratio: Optional[float] = None
    reached: Optional[bool] = None
    unit: str = "s"
    is_flatness: bool = False
    """whether the short form fails when the target is missed"""
    note: str = ""


class Curve(NamedTuple):
    """How a cost, as a ratio to its reference, grows; one line of a figure."""

    figure: str
    label: str
    reference: str
    sizes: List[float]
    ratios: List[float]
    why: str
    """what makes it grow, where it does"""


class Result(NamedTuple):
    """What one benchmark found."""

    rows: Sequence[Row]
    curves: Sequence[Curve] = ()
    profile: Sequence[str] = ()
    """where the time went, from a benchmark of whole processes that was asked to profile"""


class Pair(NamedTuple):
    """What was measured by turns."""

    ours: pyperf.Benchmark
    theirs: pyperf.Benchmark
    ratio: float
    """the median of the ratios of single rounds: a minute in which the whole machine is slow does not count"""


def summary(values: Sequence[float]) -> pyperf.Benchmark:
    """Median and percentiles of `values`."""
    run = pyperf.Run([max(value, SMALLEST) for value in values], metadata={"name": "values"}, collect_metadata=False)
    return pyperf.Benchmark([run])


class Bench:
    """What a benchmark is given: where it may write, how much it is to do, and the stopwatch."""

    def __init__(self, folder: str, short: bool, profiler: Optional[cProfile.Profile] = None) -> None:
        """With a `profiler`, which slows it down, only what is measured runs under it: not its reference, nothing around it."""
        self.folder = folder
        self.short = short
        self.profiles = profiler is not None
        self._profiler = profiler

    def pick(self, full: T, short: T) -> T:
        """The first in the full form, the second in the short one."""
        return short if self.short else full

    def time(self, call: Call, loops: int = 1, timer: Timer = WALL) -> float:
        """Seconds that one call takes, out of `loops` in a row."""
        if self._profiler is not None:
            self._profiler.enable()
        took = seconds_of(call, loops, timer)
        if self._profiler is not None:
            self._profiler.disable()
        return took

    def by_turns(
        self,
        ours: Call,
        reference: Call,
        rounds: int,
        each: int = 5,
        loops: int = 1,
        warm_ups: int = 1,
        prepare: Call = _nothing,
        timer: Timer = WALL,
    ) -> Pair:
        """Call `each` times ours, `each` times the reference, `rounds` times over; `prepare`, untimed, before each call of ours."""
        for _ in range(warm_ups):
            prepare()
            ours()
            reference()
        our_values: List[float] = []
        reference_values: List[float] = []
        ratios: List[float] = []
        for _ in range(rounds):
            for _ in range(each):
                prepare()
                our_values.append(self.time(ours, loops, timer))
            reference_values.extend(seconds_of(reference, loops, timer) for _ in range(each))
            ratios.append(median(our_values[-each:]) / median(reference_values[-each:]))
        return Pair(summary(our_values), summary(reference_values), median(ratios))


def seconds_of(call: Call, loops: int = 1, timer: Timer = WALL) -> float:
    """Seconds that one call takes, out of `loops` in a row; never under the profiler."""
    calls = range(loops)
    began = timer()
    for _ in calls:
        call()
    return (timer() - began) / loops


def pair(ours: Sequence[float], theirs: Sequence[float]) -> Pair:
    """Two series that were measured in another way; their ratio is that of their medians."""
    return Pair(summary(ours), summary(theirs), median(ours) / median(theirs))


def compared(
    what: str, reference: str, measured: Pair, at_most: float, target: str = "", is_flatness: bool = False
) -> Row:
    """The row of a cost that shall be at most so many times the reference's."""
    return Row(
        what=what,
        reference=reference,
        target=target or f"≤ {at_most:g} 倍",
        median=measured.ours.median(),
        p99=measured.ours.percentile(99),
        reference_median=measured.theirs.median(),
        ratio=measured.ratio,
        reached=measured.ratio <= at_most,
        is_flatness=is_flatness,
    )
