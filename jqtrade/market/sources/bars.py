"""Bars: prices of past days, from CSV or Parquet files, as a source of quotes."""

from bisect import bisect_left
from datetime import date, datetime
from typing import Dict, List, Optional, Sequence

from jqtrade.errors import InvalidParam
from jqtrade.market.quotes import Quote, Quotes, TradedInterval
from jqtrade.market.sources.bar_files import BarFiles
from jqtrade.market.sources.bar_series import BarSeries


def open_bars(path: str) -> "Bars":
    """Read the bars at `path`: a CSV file, a Parquet file, or a folder of them.

    Columns `time` (or `date`), `code`, `open, high, low, close, volume`, optional `pre_close, high_limit, low_limit, paused,
    is_st, list_date`; others, like `money`, are passed over. A time without a time of day, or at 00:00, makes a daily bar.

    Raises InvalidParam, naming file, line and reason, for whatever cannot be used; nothing is guessed.
    """
    files = BarFiles()
    files.read(path)
    days = files.days()
    for series in files.series.values():
        clash = series.finish(days)
        if clash is not None:
            source, reason = clash
            raise InvalidParam(f"{files.place(source)}有误（{reason}）：{series.code}")
    return Bars(files.series, days)


class Bars(Quotes):
    """The bars of some securities. Deterministic: the same file, code and moment give the same quote."""

    knows_past = True
    keeps_history = True

    def __init__(self, series: Dict[str, BarSeries], days: Sequence[int]) -> None:
        """`days`: ordinals of all days that some series has."""
        self._series = series
        self.trading_days = [date.fromordinal(day) for day in days]

    @property
    def codes(self) -> List[str]:
        """The securities, in order: ["000001.XSHE", ...]."""
        return sorted(self._series)

    def get(self, code: str, now: datetime) -> Optional[Quote]:
        """What is known of `code` at `now`; nothing of a bar that has not ended, but a day's open from 09:25 on."""
        series = self._series.get(code)
        return None if series is None else series.quote(now)

    def known_at(self, code: str, now: datetime) -> Optional[datetime]:
        series = self._series.get(code)
        return None if series is None else series.known_at(now)

    def traded_intervals(self, code: str, after: datetime, until: datetime) -> Sequence[TradedInterval]:
        series = self._series.get(code)
        return () if series is None else series.traded_intervals(after, until)

    def auction(self, code: str, moment: datetime) -> Optional[Quote]:
        series = self._series.get(code)
        return None if series is None else series.auction(moment)

    def is_trading_day(self, day: date) -> bool:
        index = bisect_left(self.trading_days, day)
        return self.trading_days[index : index + 1] == [day]

    def is_paused(self, code: str, day: date) -> bool:
        """Whether `code`, known by then, was not traded on `day`: its row says so, or others have one and it has none."""
        series = self._series.get(code)
        return series is not None and series.is_paused(day.toordinal())
