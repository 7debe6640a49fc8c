"""ReplayClock: virtual time, as fast as it goes or at a set pace."""

from datetime import datetime, time, timedelta
from typing import Callable, Optional

from jqtrade.clock import Clock, SystemClock, VirtualClock

PACED = (time(9, 15), time(15, 0))
"""What is watched at a set pace; nights, and mornings before the auction, are skipped."""


class ReplayClock(VirtualClock):
    """Time that passes when somebody sleeps on it. Nobody waits for it, unless it is given a pace."""

    def __init__(self, start: datetime, speed: Optional[float] = None, real: Optional[Clock] = None) -> None:
        """`speed`: virtual seconds in one real second of trading hours; None: as fast as it goes."""
        super().__init__(start)
        self.on_sleep: Callable[[], None] = lambda: None
        """called after each sleep: what goes on outside the strategy meanwhile"""
        self.should_run: Callable[[], bool] = lambda: True
        """asked while the pace is kept; False: keep it no longer"""
        self._speed = speed
        self._real = real or SystemClock()
        self._until = self._real.monotonic()

    def sleep(self, seconds: float) -> None:
        began = self.now()
        super().sleep(seconds)
        if self._speed is not None:
            self._keep_pace(paced_seconds(began, self.now()) / self._speed)
        self.on_sleep()

    def _keep_pace(self, seconds: float) -> None:
        """Let real time catch up with `seconds` more of it; the time that jobs took counts."""
        self._until = max(self._until, self._real.monotonic() - 1.0) + seconds
        while self.should_run():
            rest = self._until - self._real.monotonic()
            if rest <= 0:
                return
            self._real.sleep(min(rest, self._real.longest_sleep))


def paced_seconds(began: datetime, ended: datetime) -> float:
    """How much of the time from `began` to `ended` lies in PACED; of the days between, nothing counts."""
    total = timedelta(0)
    for day in {began.date(), ended.date()}:
        start, end = (datetime.combine(day, moment) for moment in PACED)
        total += max(min(ended, end) - max(began, start), timedelta(0))
    return total.total_seconds()
