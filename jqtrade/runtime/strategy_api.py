"""The functions that a strategy sees, bound to one running strategy. Their documentation stands in jqtrade.api."""

import functools
import inspect
from abc import ABC, abstractmethod
from enum import Enum
from typing import Any, Callable, Dict, Iterable, List, Optional, TypeVar, cast

import jqtrade.api
from jqtrade.account.account import Account
from jqtrade.account.order import Order, check_code
from jqtrade.account.request import OrderRequest, check_request
from jqtrade.errors import InvalidCall, InvalidParam
from jqtrade.runtime.job_request import JobRequest
from jqtrade.runtime.loader import accepts
from jqtrade.runtime.user_code import our_decimals


class Phase(Enum):
    """How far a strategy has come."""

    LOADING = "加载策略文件"
    INITIALIZING = " process_initialize 运行"
    RUNNING = "定时任务运行"


Function = TypeVar("Function", bound=Callable[..., Any])


def ours(function: Function) -> Function:
    """Let a function of StrategyApi compute as we do, whatever Decimal's settings are in the code that calls it."""

    @functools.wraps(function)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        with our_decimals():
            return function(*args, **kwargs)

    return cast(Function, guarded)


def only_in(*phases: Phase) -> Callable[[Function], Function]:
    """Declare when a function of StrategyApi may be called; it raises InvalidCall at any other time."""

    def declare(function: Function) -> Function:
        @functools.wraps(function)
        def guarded(self: "StrategyApi", *args: Any, **kwargs: Any) -> Any:
            if self._host.phase not in phases:
                where = "或".join(phase.value for phase in phases)
                raise InvalidCall(f"{function.__name__} 只能在{where}时调用")
            return function(self, *args, **kwargs)

        return cast(Function, guarded)

    return declare


class Host(ABC):
    """What StrategyApi needs of the running strategy."""

    phase: Phase
    """how far it has come"""

    @abstractmethod
    def account(self) -> Account:
        """The account, loaded on first use. Raises InvalidCall if the strategy has none."""

    @abstractmethod
    def set_options(self, options: Dict[str, Any]) -> None:
        """Take options. Raises InvalidParam or InvalidCall; nothing is set then."""

    @abstractmethod
    def add_job(self, request: JobRequest) -> None:
        """Call its function whenever it asks for. Raises InvalidParam for a bad time."""

    @abstractmethod
    def sync_orders(self) -> None:
        """Sync orders, and tell the strategy's hook what changed."""


_REQUEST_FIELDS = frozenset(["code", "amount", "style", "side"])
_NEEDED = frozenset(["code", "amount"])
_REFUSED = "这一批都没有发出：第 {} 笔 {!r} 不正确"


def _order_id(value: Any) -> Any:
    """An order's id as we write it: digits that came as a number are meant as text."""
    return str(value) if isinstance(value, int) else value


class StrategyApi:
    """The functions of jqtrade.api for one strategy."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def names(self) -> Dict[str, Any]:
        """Every name that the strategy's namespace begins with."""
        return {name: getattr(self, name, getattr(jqtrade.api, name)) for name in jqtrade.api.__all__}

    @only_in(Phase.INITIALIZING)
    def run_daily(self, func: Callable[[Any], Any], time: str) -> None:
        if not callable(func):
            raise InvalidParam(f"run_daily 的第一个参数应为函数，收到 {func!r}")
        if not accepts(func, None):
            name = getattr(func, "__name__", repr(func))
            raise InvalidParam(f"run_daily 的函数 {name} 应能接受一个位置参数，例如 def {name}(context)")
        if inspect.iscoroutinefunction(func):
            raise InvalidParam(f"run_daily 的函数 {func.__name__} 是 async 函数，不会被执行，请改为普通函数")
        self._host.add_job(JobRequest(func, time))

    @only_in(Phase.LOADING, Phase.INITIALIZING)
    @ours
    def set_options(self, **options: Any) -> None:
        self._host.set_options(options)

    @ours
    def order(self, code: str, amount: int, style: Any = None, side: str = "long") -> Optional[str]:
        return self._host.account().submit_batch([check_request(code, amount, style, side)])[0]

    @ours
    def cancel_order(self, order_id: str) -> None:
        self._host.account().cancel_batch([_order_id(order_id)])

    @ours
    def batch_submit_orders(self, orders: Any) -> List[Optional[str]]:
        if not isinstance(orders, (list, tuple)):
            raise InvalidParam(f"batch_submit_orders 的参数应为列表，收到 {orders!r}。没有发出")
        requests: List[OrderRequest] = []
        for number, item in enumerate(orders, 1):
            if not isinstance(item, dict) or not _REQUEST_FIELDS.issuperset(item) or not _NEEDED.issubset(item):
                raise InvalidParam(f"{_REFUSED.format(number, item)}，应为含 code、amount，可含 style、side 的字典")
            try:
                requests.append(check_request(**item))
            except InvalidParam as error:
                raise InvalidParam(f"{_REFUSED.format(number, item)}，{error}") from None
        return self._host.account().submit_batch(requests)

    @ours
    def batch_cancel_orders(self, order_ids: Any) -> None:
        if isinstance(order_ids, str) or not isinstance(order_ids, Iterable):
            raise InvalidParam(f"batch_cancel_orders 的参数应为订单号的列表，收到 {order_ids!r}。没有发出")
        self._host.account().cancel_batch([_order_id(order_id) for order_id in order_ids])

    @ours
    def get_orders(self, order_id: Any = None, code: Any = None, status: Any = None) -> List[Order]:
        return self._host.account().orders(_order_id(order_id), None if code is None else check_code(code), status)

    @ours
    def sync_balance(self) -> None:
        self._host.account().sync_balance()

    @ours
    def sync_orders(self) -> None:
        self._host.sync_orders()
