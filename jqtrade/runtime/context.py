"""What `context` offers a strategy."""

from datetime import datetime
from typing import Callable

from jqtrade.account.portfolio import Portfolio
from jqtrade.clock import Clock


class Context:
    """The argument of process_initialize and of every job. A strategy may keep attributes of its own on it."""

    def __init__(self, clock: Clock, strategy_dt: Callable[[], datetime], portfolio: Callable[[], Portfolio]) -> None:
        self._clock = clock
        self._strategy_dt = strategy_dt
        self._portfolio = portfolio

    @property
    def current_dt(self) -> datetime:
        """The wall-clock time now, naive, in the strategy's time zone."""
        return self._clock.now()

    @property
    def strategy_dt(self) -> datetime:
        """The time at which the running job was due, naive, in the strategy's time zone."""
        return self._strategy_dt()

    @property
    def portfolio(self) -> Portfolio:
        """Cash and positions as last synced. Raises InvalidCall without an account, or before the first sync succeeded."""
        return self._portfolio()
