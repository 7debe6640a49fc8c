"""At which prices an order may come: price limits, days without them, the price cage. By board and date."""

from datetime import date
from decimal import Decimal
from typing import Dict, NamedTuple, Optional, Tuple

from jqtrade.market.boards import Board
from jqtrade.market.funds import has_wide_limit
from jqtrade.market.quotes import Quote
from jqtrade.market.rules import ALWAYS, in_force, to_tick

_TEN = Decimal("0.1")
_TWENTY = Decimal("0.2")
_THIRTY = Decimal("0.3")
_FIVE = Decimal("0.05")
_ONE = Decimal(1)


class PriceLimit(NamedTuple):
    """How far a price may be from the previous close, from a day on."""

    since: date
    rate: Decimal
    st_rate: Decimal
    """for shares under special treatment (ST)"""
    free_days: int
    """a security's first so many trading days have no limit"""


class Cage(NamedTuple):
    """How much worse than the market an order in continuous trading may be priced, from a day on."""

    since: date
    rate: Optional[Decimal]
    """None: there is no cage"""
    ticks: int = 0
    """so many ticks at least"""


_MAIN_LIMITS = (
    PriceLimit(ALWAYS, _TEN, _FIVE, 1),  # ? the first day had limits of its own, +44 % and -36 %
    PriceLimit(date(2023, 4, 10), _TEN, _FIVE, 5),
    PriceLimit(date(2026, 7, 6), _TEN, _TEN, 5),
)
_FUND_LIMITS = (PriceLimit(ALWAYS, _TEN, _TEN, 0),)
_BOND_LIMITS = (PriceLimit(ALWAYS, _TWENTY, _TWENTY, 0),)  # ? the first day, and the days before 2022-08-01

PRICE_LIMITS: Dict[str, Tuple[PriceLimit, ...]] = {
    "沪市主板": _MAIN_LIMITS,
    "深市主板": _MAIN_LIMITS,
    "创业板": (
        PriceLimit(ALWAYS, _TEN, _FIVE, 1),  # ? as on the main board then
        PriceLimit(date(2020, 8, 24), _TWENTY, _TWENTY, 5),
    ),
    "科创板": (PriceLimit(ALWAYS, _TWENTY, _TWENTY, 5),),
    "北交所": (PriceLimit(ALWAYS, _THIRTY, _THIRTY, 1),),
    "沪市基金": _FUND_LIMITS,
    "深市基金": _FUND_LIMITS,
    "沪市可转债": _BOND_LIMITS,
    "深市可转债": _BOND_LIMITS,
}
"""By the name of the board."""
WIDE_FUND_RATE = _TWENTY
"""for the funds of funds.has_wide_limit"""

_NO_CAGE = (Cage(ALWAYS, None),)
_MAIN_CAGE = (Cage(ALWAYS, None), Cage(date(2023, 4, 10), Decimal("0.02"), 10))
_BOND_CAGE = (Cage(ALWAYS, _TEN),)  # ?

CAGES: Dict[str, Tuple[Cage, ...]] = {
    "沪市主板": _MAIN_CAGE,
    "深市主板": _MAIN_CAGE,
    "创业板": (Cage(ALWAYS, None), Cage(date(2020, 8, 24), Decimal("0.02"))),  # ? both
    "科创板": (Cage(ALWAYS, Decimal("0.02")),),  # ?
    "北交所": (Cage(ALWAYS, _FIVE, 10),),  # ?
    "沪市基金": _NO_CAGE,
    "深市基金": _NO_CAGE,
    "沪市可转债": _BOND_CAGE,
    "深市可转债": _BOND_CAGE,
}
"""By the name of the board."""


class Range(NamedTuple):
    """The lowest and highest price allowed, yuan; None where there is no bound."""

    low: Optional[Decimal]
    high: Optional[Decimal]


def limit_range(board: Board, code: str, day: date, quote: Quote) -> Range:
    """The price limits of `code` on `day`.

    The source's own limits win. Otherwise: previous close x (1 ± rate), rounded half up to the tick; no limit without a
    previous close, nor on the first trading days, when the source knows the day of listing.
    """
    rule = in_force(PRICE_LIMITS[board.name], day)
    low, high = quote.low_limit, quote.high_limit
    is_free = quote.days_listed is not None and quote.days_listed <= rule.free_days
    if quote.prev_close is not None and not is_free and (low is None or high is None):
        rate = WIDE_FUND_RATE if has_wide_limit(code) else rule.st_rate if quote.is_st else rule.rate
        low = to_tick(quote.prev_close * (_ONE - rate), board.tick) if low is None else low
        high = to_tick(quote.prev_close * (_ONE + rate), board.tick) if high is None else high
    return Range(low, high)


def cage_range(board: Board, day: date, quote: Quote) -> Range:
    """The prices that the cage of continuous trading leaves: a buy at most `high`, a sale at least `low`.

    A buy goes by the best ask, else the best bid, else the last price, else the previous close; a sale by the best bid,
    else the best ask, and so on. The bound is rounded half up to the tick (?).
    """
    rule = in_force(CAGES[board.name], day)
    if rule.rate is None:
        return Range(None, None)
    ask, bid = quote.ask1, quote.bid1
    buy_base = ask if ask is not None else bid if bid is not None else quote.last
    sell_base = bid if bid is not None else ask if ask is not None else quote.last
    width = rule.ticks * board.tick
    high = max(to_tick(buy_base * (_ONE + rule.rate), board.tick), buy_base + width)
    low = min(to_tick(sell_base * (_ONE - rule.rate), board.tick), sell_base - width)
    return Range(low, high)
