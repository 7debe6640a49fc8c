"""The few figures that every replay gives, without any library; docs/replay.md defines each."""

import re
from collections import Counter
from decimal import Decimal
from typing import Dict, List, NamedTuple, Sequence, Tuple

from jqtrade.account.order import NOT_SENT
from jqtrade.report.record import DayRecord, OrderRecord, Record

_RATIO_DIGITS = 6
_NUMBER = re.compile(r"\d+(\.\d+)?")


class Summary(NamedTuple):
    """What `--json` prints: dates as text, money in yuan, ratios as fractions of one."""

    start: str
    end: str
    trading_days: int
    jobs_run: int
    jobs_failed: int
    orders: int
    fills: int
    rejected: int
    start_value: float
    end_value: float
    # `return` is a word of Python's; as_dict has it
    return_: float
    max_drawdown: float
    fees: float
    synthetic_prices: bool

    def as_dict(self) -> Dict[str, object]:
        return {name.rstrip("_"): value for name, value in self._asdict().items()}


def summarize(record: Record, start: str, synthetic_prices: bool) -> Summary:
    """The figures of a replay that began on the day `start`."""
    orders, cash = record.orders, record.cash
    days = record.days
    last = days[-1].total if days else cash
    return Summary(
        start=start,
        end=days[-1].day.isoformat() if days else start,
        trading_days=len(days),
        jobs_run=len(record.jobs),
        jobs_failed=sum(job.failed for job in record.jobs),
        orders=len(orders),
        fills=len(record.fills),
        rejected=sum(order.is_refused for order in orders),
        start_value=float(cash),
        end_value=float(last),
        return_=ratio(last, cash),
        max_drawdown=min([0.0] + [drawdown for _, drawdown in returns_and_drawdowns(days, cash)]),
        fees=float(record.fees),
        synthetic_prices=synthetic_prices,
    )


def ratio(value: Decimal, base: Decimal) -> float:
    """By how much `value` is more than `base`, as a fraction of it."""
    return round(float(value / base - 1), _RATIO_DIGITS) + 0.0 if base else 0.0  # -0.0 becomes 0.0


def percent(value: float) -> str:
    """A fraction for people: "1.23%"; what is small has more digits, and zero no sign."""
    for digits in (2, 4):
        text = f"{value:.{digits}%}"
        if float(text[:-1]):
            return text
    return "0.00%"


def returns_and_drawdowns(days: Sequence[DayRecord], cash: Decimal) -> List[Tuple[float, float]]:
    """For each day its return, and how far its end lies below the highest value so far (0 or less)."""
    pairs: List[Tuple[float, float]] = []
    before = highest = cash
    for day in days:
        highest = max(highest, day.total)
        pairs.append((ratio(day.total, before), ratio(day.total, highest)))
        before = day.total
    return pairs


def refusals(orders: Sequence[OrderRecord]) -> Dict[str, int]:
    """How many orders were refused for each kind of reason, in the words of the first one, the most frequent first."""
    refused = [order for order in orders if order.is_refused]
    counts = Counter(_kind(order.reason) for order in refused)
    words: Dict[str, str] = {}
    for order in refused:
        words.setdefault(_kind(order.reason), _plain(order.reason))
    kinds = sorted(counts, key=lambda kind: (-counts[kind], kind))
    return {words[kind]: counts[kind] for kind in kinds}


def _kind(reason: str) -> str:
    """What reasons of the same rule have in common: what stands before the first colon, without its numbers."""
    return _NUMBER.sub("#", _plain(reason).split("：", 1)[0])


def _plain(reason: str) -> str:
    text = reason[len(NOT_SENT) :] if reason.startswith(NOT_SENT) else reason
    return text.strip() or "没有说明原因"
