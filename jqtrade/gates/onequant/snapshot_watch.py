"""Whether the file that the terminal rewrites all day stands still: said while a task runs, and asked before it starts."""

import glob
import logging
import os
from datetime import datetime, time, timedelta
from typing import List, Optional, Tuple

from jqtrade.clock import Clock
from jqtrade.log import format_seconds, get_log
from jqtrade.market.calendar import TradingDays, day_text

PATIENCE = timedelta(minutes=5)
"""of trading time; the terminal writes cash about every 5 seconds"""

CHECK_INTERVAL = 5.0
"""seconds"""

_BEFORE_OPEN = timedelta(minutes=30)

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
        self._checked = 0.0

    def check(self, path: str, stat: os.stat_result, seen: Optional[datetime] = None) -> None:
        """Compare the file's time of change with now; of an unchanged one every few seconds are enough.

        `seen`: when it was seen to change without that.
        """
        elapsed = self._clock.monotonic() - self._checked
        if stat.st_mtime == self._seen and elapsed < CHECK_INTERVAL:
            return
        self._seen, self._checked = stat.st_mtime, self._clock.monotonic()
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


def freshness(
    order_dir: str, period: List[Tuple[time, time]], clock: Clock, days: TradingDays
) -> List[Tuple[int, str]]:
    """For preflight, whether One Quant writes today's cash; an error at a time at which it must, else a warning."""
    now = clock.now()
    today = now.date()
    if not days.is_trading_day(today):
        text = f"{day_text(today)} 休市，没有检查资金文件是否新鲜；开市之前请再检查一次"
        return [(logging.INFO, text)]
    opening, closing = datetime.combine(today, period[0][0]), datetime.combine(today, period[-1][1])
    path = os.path.join(order_dir, f"assetInfo_{today:%Y%m%d}.csv")
    try:
        changed = clock.at(os.stat(path).st_mtime)
    except (OSError, OverflowError, ValueError):
        others = sorted(glob.glob(os.path.join(glob.escape(order_dir), "assetInfo_*.csv")))
        newest = f"；最新的是 {os.path.basename(others[-1])}" if others else ""
        text = f"没有今天的资金文件 {path}，请确认 One Quant 的 DMA 算法窗口已启动、导出目录正确{newest}"
        return [(logging.ERROR if opening - _BEFORE_OPEN <= now <= closing else logging.WARNING, text)]
    session = next((start for start, end in period if start <= now.time() <= end), None)
    still = timedelta(0) if session is None else now - max(changed, datetime.combine(today, session))
    if still <= PATIENCE:
        return []
    text = f"资金文件 {path} 在交易时间里已有 {format_seconds(still.total_seconds())}没有更新，One Quant 可能停住了"
    return [(logging.ERROR, text)]
