"""SnapshotWatch: says it when a file that the terminal rewrites all day stands still."""

import os
from datetime import datetime, time, timedelta
from typing import List, Optional, Tuple

from jqtrade.clock import Clock
from jqtrade.log import format_seconds, get_log

PATIENCE = timedelta(minutes=5)
"""of trading time; the terminal writes cash about every 5 seconds"""

LOOK_INTERVAL = 5.0
"""seconds"""

log = get_log("jqtrade.anxin")


class SnapshotWatch:
    """Warns once when a file was not written for 5 minutes of trading time, and says when it is again.

    The file is still used: the terminal may be down, or may have had nothing new to write.
    """

    def __init__(self, clock: Clock, period: List[Tuple[time, time]]) -> None:
        self._clock = clock
        self._period = period
        self._still_since: Optional[datetime] = None
        self._seen: Optional[float] = None
        self._looked = 0.0

    def look(self, path: str, stat: os.stat_result, seen: Optional[datetime] = None) -> None:
        """Look at the file's time of change; of an unchanged one every few seconds are enough.

        `seen`: when it was seen to change without that.
        """
        elapsed = self._clock.monotonic() - self._looked
        if stat.st_mtime == self._seen and elapsed < LOOK_INTERVAL:
            return
        self._seen, self._looked = stat.st_mtime, self._clock.monotonic()
        try:
            changed = self._clock.at(stat.st_mtime)
        except (OSError, OverflowError, ValueError):  # a time that no clock can show
            return
        if seen is not None:
            changed = max(changed, seen)
        if self._still_since is not None:
            if changed != self._still_since:
                self._still_since = None
                log.info("资金文件 %s 恢复更新", os.path.basename(path))
            return
        now = self._clock.now()
        stood = self._trading_time(changed, now)
        if stood > PATIENCE and any(start <= now.time() <= end for start, end in self._period):
            self._still_since = changed
            log.warning(
                "资金文件 %s 在交易时间里已有 %s没有更新，One Quant 可能停住了；仍然使用它的内容",
                os.path.basename(path),
                format_seconds(stood.total_seconds()),
            )

    def _trading_time(self, start: datetime, end: datetime) -> timedelta:
        """How much of the market period of the day of `end` lies between the two."""
        day = end.date()
        spans = [(datetime.combine(day, opening), datetime.combine(day, closing)) for opening, closing in self._period]
        parts = [min(end, closing) - max(start, opening) for opening, closing in spans]
        return sum((part for part in parts if part > timedelta(0)), timedelta(0))
