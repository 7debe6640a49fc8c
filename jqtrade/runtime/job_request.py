"""JobRequest: what run_daily was asked for."""

from typing import Any, Callable, NamedTuple

from jqtrade.options import Period
from jqtrade.scheduler.scheduler import DAILY, EVERY_MINUTE
from jqtrade.scheduler.time_expr import EVERY_MINUTE_EXPR, trigger_of
from jqtrade.scheduler.trigger import Trigger


class JobRequest(NamedTuple):
    """Call `function(context)` at `time`, a time string, on each day."""

    function: Callable[[Any], Any]
    time: str

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", None) or repr(self.function)

    def trigger(self, market_period: Period) -> Trigger:
        """When it is due, on each day. Raises InvalidParam for a bad time."""
        return trigger_of(self.time, market_period)

    @property
    def priority(self) -> int:
        return EVERY_MINUTE if self.time == EVERY_MINUTE_EXPR else DAILY
