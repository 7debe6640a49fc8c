"""ClosedDays: says in the log which trading day comes next, and where the calendar ends."""

import os
from datetime import date, datetime, timedelta
from typing import Optional

from jqtrade.log import get_log
from jqtrade.market.calendar import HOLIDAYS_FILE, TradingDays, day_text

NEAR = timedelta(days=14)
"""so long before the calendar ends, it is said for the first time"""

log = get_log("jqtrade")


class ClosedDays:
    """What a task that rests on closed days says of them."""

    def __init__(self, days: TradingDays, home: str) -> None:
        """`home` is where the user may put a file with more days."""
        self._days = days
        self._home = home
        self._said: Optional[date] = None
        self.calendar_ends: Optional[date] = None
        """the last known day, once the next job is near it or later"""

    def check(self, today: date, next_time: Optional[datetime]) -> None:
        """Log, once for each closed span, when the next job (at `next_time`) lies behind it."""
        if next_time is None:
            return
        resumed = next_time.date()
        tomorrow = today + timedelta(days=1)
        if resumed > tomorrow or (resumed == tomorrow and not self._days.is_trading_day(today)):
            if resumed != self._said:
                self._said = resumed
                log.info("休市：下一个交易日是 %s，在那之前不运行定时任务，也不定时同步账户", day_text(resumed))
        self._watch_end(resumed)

    def _watch_end(self, resumed: date) -> None:
        ends = self._days.known_until
        if ends is None or resumed <= ends - NEAR or self.calendar_ends is not None:
            return
        self.calendar_ends = ends
        log.warning(
            "交易日历只到 %s，之后周一到周五都当作交易日，节假日也会运行。请更新 jqtrade，或把休市的日子写到 %s，再重新启动任务",
            ends,
            os.path.join(self._home, HOLIDAYS_FILE),
        )
