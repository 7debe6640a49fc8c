"""Dialect: how strategy files are written: the names that they find, and which of their functions are called."""

import types
from datetime import datetime
from typing import Any, Callable, NamedTuple, Optional

from jqtrade.account.order import Order
from jqtrade.account.portfolio import Portfolio
from jqtrade.clock import Clock
from jqtrade.errors import StrategyError
from jqtrade.runtime.context import Context
from jqtrade.runtime.loader import accepts, defined_function
from jqtrade.runtime.strategy_api import Host, StrategyApi

PROCESS_EXIT = "process_exit"


class EntryPoints(NamedTuple):
    """The functions of a strategy's file that are called without being scheduled."""

    initialize: Callable[[Any], Any]
    on_order_update: Optional[Callable[[Any, Order], Any]]
    process_exit: Optional[Callable[[Any], Any]]


class Dialect:
    """jqtrade's own. Another one overrides what is different in it."""

    def api(self, host: Host) -> StrategyApi:
        """The functions for the strategy, by which it asks for jobs and orders of `host`; `names()` are in its namespace."""
        return StrategyApi(host)

    def context(self, clock: Clock, strategy_dt: Callable[[], datetime], portfolio: Callable[[], Portfolio]) -> Context:
        """What the strategy's functions are called with."""
        return Context(clock, strategy_dt, portfolio)

    def entry_points(self, module: types.ModuleType) -> EntryPoints:
        """What to call of a file that was loaded. Raises StrategyError if that cannot be."""
        initialize = self.function(module, "process_initialize", 1)
        if initialize is None:
            hint = "；聚宽的 initialize 在这里叫 process_initialize" if hasattr(module, "initialize") else ""
            raise StrategyError(f"策略文件 {module.__file__} 里没有定义函数 process_initialize(context){hint}")
        return EntryPoints(
            initialize, self.function(module, "on_order_update", 2), self.function(module, PROCESS_EXIT, 1)
        )

    def function(self, module: types.ModuleType, name: str, arguments: int) -> Any:
        """The function `name` of a file; None if it has none. Raises StrategyError if it takes no such number of arguments."""
        function = defined_function(module, name)
        if function is not None and not accepts(function, *[None] * arguments):
            raise StrategyError(f"策略文件里的 {name} 应能接受 {arguments} 个位置参数")
        return function
