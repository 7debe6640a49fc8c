"""The strategy's names for helper modules and editors: `from jqtrade.api import *`.

In the strategy's own file they are there without an import. The functions work while jqtrade runs the strategy's code
(loading the file, process_initialize, a job, a hook) and raise InvalidCall at any other time.
"""

from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle, Order, OrderStatus, OrderStyle
from jqtrade.account.portfolio import Portfolio, Position
from jqtrade.errors import InvalidCall, InvalidParam, JqtradeError
from jqtrade.safe_log import own_logger

__all__ = [
    "InvalidCall",
    "InvalidParam",
    "JqtradeError",
    "LimitOrderStyle",
    "MarketOrderStyle",
    "OrderStatus",
    "Portfolio",
    "UserOrder",
    "UserPosition",
    "batch_cancel_orders",
    "batch_submit_orders",
    "cancel_order",
    "get_orders",
    "log",
    "order",
    "run_daily",
    "set_options",
    "sync_balance",
    "sync_orders",
]

UserOrder = Order
UserPosition = Position

log = own_logger("strategy")

_running: List[Any] = []  # the strategies whose code is being called, the innermost last


@contextmanager
def running(strategy_api: Any) -> Iterator[None]:
    """Let the functions of this module work on one strategy; jqtrade itself calls this around the strategy's code."""
    _running.append(strategy_api)
    try:
        yield
    finally:
        _running.pop()


def _current() -> Any:
    if not _running:
        raise InvalidCall("jqtrade.api 的函数只能在策略运行时调用：在 process_initialize、定时任务或回调函数里")
    return _running[-1]


def run_daily(func: Callable[[Any], Any], time: str) -> None:
    """Call `func(context)` at `time` every day, or on trading days (option trading_days); only in process_initialize.

    `time` is "HH:MM:SS", "HH:MM", "open", "close", one of these two with an offset ("open-30m", "close+1h30m"),
    "before_open", "after_close" or "every_minute" (each minute of the trading sessions, both ends included).

    Raises InvalidParam for a bad time or a function that does not take one argument, InvalidCall outside process_initialize.
    """
    _current().run_daily(func, time)


def set_options(**options: Any) -> None:
    """Set options; later calls add to earlier ones. Only until process_initialize ends.

    Raises InvalidParam for an unknown option or a bad value, InvalidCall for one that comes too late.
    """
    _current().set_options(**options)


def order(code: str, amount: int, style: Optional[OrderStyle] = None, side: str = "long") -> Optional[str]:
    """Buy (`amount` > 0) or sell (`amount` < 0) shares of `code`; without a style, a market order.

    Returns the order's id, or None if it was not sent; the order is then listed as rejected, with `err_msg`.
    Raises InvalidParam for a bad argument; nothing was sent then.
    """
    result: Optional[str] = _current().order(code, amount, style, side)
    return result


def cancel_order(order_id: str) -> None:
    """Ask the broker to cancel an order. An unknown or finished one is only logged."""
    _current().cancel_order(order_id)


def batch_submit_orders(orders: Sequence[Dict[str, Any]]) -> List[Optional[str]]:
    """Send several orders at once, each a dict with `code`, `amount` and optionally `style`, `side`.

    Returns for each its id, or None if it was not sent. Raises InvalidParam for a bad argument; none was sent then.
    """
    result: List[Optional[str]] = _current().batch_submit_orders(orders)
    return result


def batch_cancel_orders(order_ids: Sequence[str]) -> None:
    """Ask the broker to cancel several orders at once."""
    _current().batch_cancel_orders(order_ids)


def get_orders(order_id: Optional[str] = None, code: Optional[str] = None, status: Optional[str] = None) -> List[Order]:
    """Today's orders in order of creation that match every given filter, each as it stands now."""
    result: List[Order] = _current().get_orders(order_id, code, status)
    return result


def sync_balance() -> None:
    """Read cash and positions from the broker now. If that fails the last good ones stay, and the log says so."""
    _current().sync_balance()


def sync_orders() -> None:
    """Read the states of the orders from the broker now. If that fails the last known ones stay, and the log says so."""
    _current().sync_orders()
