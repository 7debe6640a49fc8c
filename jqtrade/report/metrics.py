"""The figures of the report that a library knows: empyrical-reloaded. docs/replay.md says what each one means."""

import math
import warnings
from datetime import date
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.report.record import DayRecord
from jqtrade.report.summary import percent


class MonthlyReturn(NamedTuple):
    """How the account did in one month, as a fraction."""

    year: int
    month: int
    value: float


def daily_returns(days: Sequence[date], values: Sequence[float], start: float) -> Any:
    """The return of each day as a pandas.Series; `values` are those at the days' ends, `start` the one before the first."""
    import pandas

    before = [start] + list(values)[:-1]
    returns = [value / last - 1 if last else 0.0 for value, last in zip(values, before)]
    return pandas.Series(returns, index=pandas.DatetimeIndex([day.isoformat() for day in days]), dtype=float)


def values_of(days: Sequence[DayRecord]) -> List[float]:
    """What the account was worth at the end of each day, in yuan."""
    return [float(day.total) for day in days]


def figures(returns: Any, benchmark: Optional[Any]) -> List[Tuple[str, str]]:
    """Names and values, as text, of what the report says of the daily returns."""
    import empyrical

    wanted: List[Tuple[str, Callable[[], Any], bool]] = [
        ("累计收益", lambda: empyrical.cum_returns_final(returns), True),
        ("年化收益", lambda: empyrical.annual_return(returns), True),
        ("年化波动", lambda: empyrical.annual_volatility(returns), True),
        ("夏普比率", lambda: empyrical.sharpe_ratio(returns), False),
        ("索提诺比率", lambda: empyrical.sortino_ratio(returns), False),
        ("最大回撤", lambda: empyrical.max_drawdown(returns), True),
        ("卡玛比率", lambda: empyrical.calmar_ratio(returns), False),
    ]
    if benchmark is not None:
        wanted += [
            ("基准累计收益", lambda: empyrical.cum_returns_final(benchmark), True),
            ("阿尔法", lambda: empyrical.alpha(returns, benchmark), True),
            ("贝塔", lambda: empyrical.beta(returns, benchmark), False),
        ]
    with warnings.catch_warnings():  # a handful of days, or days without any change, divide by zero
        warnings.simplefilter("ignore")
        return [(name, _text(float(compute()), is_share)) for name, compute, is_share in wanted]


def monthly_returns(returns: Any) -> List[MonthlyReturn]:
    """The return of each month, the oldest first."""
    import empyrical

    months = empyrical.aggregate_returns(returns, "monthly")
    return [MonthlyReturn(int(year), int(month), float(value)) for (year, month), value in months.items()]


def _text(value: float, is_share: bool) -> str:
    if not math.isfinite(value):
        return "—"
    return percent(value) if is_share else f"{value:.2f}"
