"""The prices of a replay and the days on which they were made."""

from datetime import date, timedelta
from typing import List, NamedTuple, Optional

from jqtrade.errors import InvalidParam
from jqtrade.market.calendar import HOLIDAYS_FILE, ExchangeDays, load_trading_days
from jqtrade.market.quotes import Quotes

_LONGEST_HOLIDAY = timedelta(days=12)


class Market(NamedTuple):
    """What a replay plays on."""

    days: List[date]
    """the trading days to be played, at least one"""
    bars: Optional[Quotes]
    """None: made-up prices"""
    note: Optional[str] = None
    """what there is to say of the days, in Chinese"""

    @property
    def is_synthetic(self) -> bool:
        """Whether the prices are made up."""
        return self.bars is None


def open_market(path: Optional[str], start: date, end: date) -> Market:
    """The market of the days from `start` to `end`, with the bars at `path`, if there are any.

    Raises InvalidParam if there is nothing to be played.
    """
    if path is None:
        calendar = load_trading_days()
        days = calendar.trading_days(start, end)
        if not days:
            raise InvalidParam(f"{start} 到 {end} 没有交易日。没有做任何操作")
        return Market(days, None, _guessed(calendar, days))
    from jqtrade.market.sources.bars import open_bars

    bars = open_bars(path)
    known = bars.trading_days
    days = [day for day in known if start <= day <= end]
    if not days:
        span = f"它的行情从 {known[0]} 到 {known[-1]}" if known else "它没有任何行情"
        raise InvalidParam(f"行情 {path} 里没有 {start} 到 {end} 的行情，{span}。没有做任何操作")
    is_short = max(days[0] - start, end - days[-1]) > _LONGEST_HOLIDAY
    note = f"要求回放 {start} 到 {end}，行情只有 {days[0]} 到 {days[-1]} 的" if is_short else None
    return Market(days, bars, note)


def _guessed(calendar: ExchangeDays, days: List[date]) -> Optional[str]:
    """Say which of the days are not known to be trading days; None if all are."""
    early = [day for day in days if day < calendar.known_since]
    late = [day for day in days if day > calendar.known_until]
    parts = [f"{part[0]} 到 {part[-1]} 的 {len(part)} 天" for part in (early, late) if part]
    if not parts:
        return None
    return (
        f"交易日历只有 {calendar.known_since} 到 {calendar.known_until}：{'、'.join(parts)}是按周一到周五推算的，"
        f"节假日也当作了交易日。请更新 jqtrade，或把休市的日子写到 $JQTRADE_HOME/{HOLIDAYS_FILE}"
    )
