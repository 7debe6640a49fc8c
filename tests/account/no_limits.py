"""Risk limits that let everything pass, for tests of what comes after them."""

from typing import Any

from jqtrade.account.risk import RiskLimits
from jqtrade.clock import Clock
from jqtrade.gates.options import strategy_options

NO_LIMITS = {
    "max_orders_per_second": 10**9,
    "max_orders_per_day": 10**9,
    "max_order_amount": 10**30,
    "price_deviation": None,
    "lot_check": False,
    "sell_check": False,
    "max_snapshot_age": None,
}


def no_limits(clock: Clock, **limits: Any) -> RiskLimits:
    """As RiskLimits of a strategy that set these options, and `limits`."""
    options = strategy_options()
    options.update(options.check(dict(NO_LIMITS, **limits)))
    return RiskLimits(options.as_dict(), clock)
