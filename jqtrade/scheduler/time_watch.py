"""TimeWatch: notices when the wall clock was set, and when the machine slept or the process stood still."""

from datetime import datetime, timedelta
from typing import NamedTuple, Optional, Tuple

from jqtrade.clock import Clock

SMALLEST_STEP_BACK = 1.0
"""Seconds. Below, nothing comes due a second time that matters: due times ahead stay as they are."""

_TOGETHER = 0.05
"""Seconds within which both clocks must be read for one reading to fit the other."""
_TRIES = 20


class Jump(NamedTuple):
    """How the time went on otherwise than it does; both may be: a machine that slept is often corrected at once."""

    ahead: float
    """seconds that passed without us: slept through, stood still, or jumped over; 0 if they do not matter"""
    back: float
    """seconds by which the clock was set back; 0 if it was not"""
    start: datetime
    """the earliest moment, by the time as it is now, at which the clock may have been set"""
    now: datetime


class TimeWatch:
    """Compares the wall clock with the monotonic one, from one check to the next, without a gap."""

    def __init__(self, clock: Clock, tolerance: float) -> None:
        """`tolerance`: seconds that may pass without us before it matters."""
        self._clock = clock
        self._tolerance = tolerance
        self.now, self._awake = self._read()
        """`now`: the wall-clock time at the last check"""

    def check(self, pause: Optional[float] = None) -> Optional[Jump]:
        """What happened to the time since the last check; None: nothing.

        `pause`: how long we meant to sleep meanwhile, if that is all we did. If we slept much longer, the process stood
        still, for which the monotonic clock of some systems goes on, and that is like a machine that sleeps. While a job
        runs it cannot be told from a job that takes long.
        """
        then, awake = self.now, self._awake
        self.now, self._awake = self._read()
        if self._awake == awake and self.now == then:
            return None
        elapsed = self._awake - awake
        passed = (self.now - then).total_seconds()
        back = elapsed - passed
        if back < SMALLEST_STEP_BACK:
            back = 0.0
        ahead = passed + back - (elapsed if pause is None else pause)
        if ahead <= self._tolerance:
            ahead = 0.0
        if not ahead and not back:
            return None
        return Jump(ahead, back, self.now - timedelta(seconds=elapsed), self.now)

    def _read(self) -> Tuple[datetime, float]:
        """Both clocks at one moment: were the process stopped between them, the clock would seem to have been set."""
        clock = self._clock
        after = clock.monotonic()
        for _ in range(_TRIES):
            before, now, after = after, clock.now(), clock.monotonic()
            if after - before < _TOGETHER:
                break
        return now, after
