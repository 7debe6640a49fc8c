"""What every part of the paper exchange's rules stands on: rounding, bounds, codes, and rules that hold from a day on.

The rules themselves are data: jqtrade.market.boards (lots, ticks, largest orders), sessions.py, price_rules.py, fees.py and
funds.py. Source: the rules page of the project (exchange notices up to 2026-07-06); `?` in a comment marks what is not
certain there. docs/rules.md tells users.
"""

import re
from datetime import date
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Optional, Sequence, TypeVar

from jqtrade.errors import InvalidParam

CENT = Decimal("0.01")
_AVERAGE_GRAIN = Decimal("0.0001")
HIGHEST_PRICE = Decimal(10) ** 7
HIGHEST_AMOUNT = 10**10
HIGHEST_CASH = Decimal(10) ** 15
"""Past these, Decimal's 28 digits would begin to round; nothing that is traded comes near."""
HIGHEST_COMMISSION = Decimal("0.1")
ALWAYS = date.min
"""A rule that holds since then has always held, as far as is known here."""

_SUFFIXES = {"XSHE": "XSHE", "SZ": "XSHE", "XSHG": "XSHG", "SH": "XSHG", "XBSE": "XBSE", "BJ": "XBSE"}
_CODE = re.compile(r"(\d{6})\.([A-Z]{2,4})", re.ASCII)

Rule = TypeVar("Rule", bound=Any)
"""A NamedTuple with a field `since`, the first day on which it holds."""


def in_force(rules: Sequence[Rule], day: date) -> Rule:
    """The last of `rules`, oldest first, that holds on `day`."""
    return [rule for rule in rules if rule.since <= day][-1]


def normal_code(text: str) -> Optional[str]:
    """Return "000001.XSHE" for "000001.XSHE", "000001.SZ" or "000001.sz"; None for anything else."""
    match = _CODE.fullmatch(text.strip().upper())
    if match is None or match.group(2) not in _SUFFIXES:
        return None
    return f"{match.group(1)}.{_SUFFIXES[match.group(2)]}"


def to_cents(amount: Decimal) -> Decimal:
    """Round yuan half up to the cent."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def to_average(price: Decimal) -> Decimal:
    """Round an average price half up to 4 decimals."""
    return price.quantize(_AVERAGE_GRAIN, ROUND_HALF_UP)


def to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Round a price half up to a multiple of `tick`, as the exchanges round price limits."""
    return (price / tick).quantize(Decimal(1), ROUND_HALF_UP) * tick


def floor_shares(amount: Decimal) -> int:
    """Whole shares; what is less than one is left out."""
    return int(amount.to_integral_value(ROUND_FLOOR))


def parse_cash(value: Any, name: str) -> Decimal:
    """Return a starting amount of yuan as Decimal; raises InvalidParam, with `name`, for what is none."""
    return to_cents(_decimal(value, name, HIGHEST_CASH, "不小于 0 的金额（元）"))


def parse_rate(value: Any, name: str) -> Decimal:
    """Return a commission as a part of the value traded; raises InvalidParam, with `name`, for what is none."""
    return _decimal(value, name, HIGHEST_COMMISSION, "0 到 0.1 之间的比例，例如万分之二点五是 0.00025")


def parse_share(value: Any, name: str) -> Decimal:
    """Return a share of a bar's volume; raises InvalidParam, with `name`, unless it is above 0 and at most 1."""
    right = "大于 0、不大于 1 的比例，例如 0.25"
    share = _decimal(value, name, Decimal(1), right)
    if share == 0:
        raise InvalidParam(f"{name}={value!r} 不正确，应为{right}")
    return share


def _decimal(value: Any, name: str, highest: Decimal, right: str) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite() or not 0 <= number <= highest:
        raise InvalidParam(f"{name}={value!r} 不正确，应为{right}")
    return number
