"""CheckedStrategy: loaded and initialized like any other strategy, to find what is wrong with it, without a broker."""

import inspect
import os
import sys
import types
from typing import Any, Callable, Dict, List, Optional, Tuple, Type

from jqtrade.account.account import Account
from jqtrade.account.gate import AbsTradeGate
from jqtrade.account.order import Order
from jqtrade.account.request import check_request
from jqtrade.check.file import wrong_options
from jqtrade.check.findings import ERROR, NOTICE, Findings
from jqtrade.check.joinquant import joinquant_text
from jqtrade.check.source import Undefined
from jqtrade.clock import Clock
from jqtrade.errors import JqtradeError, OrderNotSent
from jqtrade.masking import Masker
from jqtrade.options import Options
from jqtrade.runtime.api import Phase, StrategyApi
from jqtrade.runtime.start_errors import explain, failed_at
from jqtrade.runtime.strategy import Daily, Strategy

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class CheckedStrategy(Strategy):
    """A strategy whose wrong calls are collected instead of raised. Its account is empty and sends nothing."""

    def __init__(
        self, path: str, clock: Clock, options: Options, paper: bool, masker: Masker, findings: Findings
    ) -> None:
        super().__init__("check", path, clock, options, paper=paper, masker=masker)
        self.findings = findings
        self.called_at: List[Tuple[str, int]] = []
        """calls of run_daily and set_options in the strategy's file: name, line"""
        self.stand_ins: Dict[str, Callable[[Any], None]] = {}
        """by name, for functions that the file schedules and does not define"""
        self._gate_is_wrong = False
        self._asked_account = False
        self._api = _CheckedApi(self)

    @property
    def dailies(self) -> List[Daily]:
        """What run_daily was asked for."""
        return self._dailies

    def real_gate_class(self) -> Type[AbsTradeGate]:
        """The trade gate that the strategy would get. Raises InvalidParam."""
        return super()._gate_class()

    def try_start(self) -> bool:
        """Load and initialize; what is wrong is collected. Returns whether it got to the end."""
        try:
            self.start()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the user's code may raise anything
            self._add_failure(error)
            return False
        finally:
            self.close()
        return True

    def _add_failure(self, error: BaseException) -> None:
        foreign = joinquant_text(self._path, error)
        if foreign is not None:
            self.findings.add(ERROR, foreign, *self._place(error))
            return
        where = "加载策略文件" if self.phase is Phase.LOADING else "process_initialize"
        if isinstance(error, JqtradeError):
            text = str(error)
        elif isinstance(error, SystemExit):
            text = f"{where} 调用了退出，任务不会启动"
        else:
            text = f"{where} 运行出错：{explain(error, None)}"
        if self._asked_account and not isinstance(error, JqtradeError):
            text += "（检查时账户是空的，也可能与此有关）"
        self.findings.add(ERROR, text, *self._place(error))

    def _place(self, error: BaseException) -> Tuple[Optional[str], Optional[int]]:
        """File and line at which the user's own code raised it."""
        return failed_at(error, self._path)[:2]

    def caller(self) -> Tuple[Optional[str], Optional[int]]:
        """File and line of the user's code that is calling us; None if it is not."""
        frame: Optional[types.FrameType] = sys._getframe(1)
        place: Tuple[Optional[str], Optional[int]] = (None, None)
        while frame is not None and frame.f_code is not Strategy.start.__code__:
            if place[0] is None and not _is_ours(frame.f_code.co_filename):
                place = frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        return (None, None) if frame is None else place

    def collect(self, function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
        """Call a function of ours for the user's code; an error that it raises on purpose is collected."""
        try:
            return function(*arguments, **keywords)
        except JqtradeError as error:
            self.findings.add(ERROR, str(error), *self.caller())
            return None

    def note_call(self, name: str) -> None:
        file, line = self.caller()
        if file == self._path and line is not None:
            self.called_at.append((name, line))

    def set_options(self, options: Dict[str, Any]) -> None:
        """Take each option by itself, so that every wrong one is told; the gate first, which decides what is known."""
        for name in sorted(options, key=lambda name: name != "trade_gate"):
            if self._gate_is_wrong and not self._options.is_known(name):
                continue
            try:
                super().set_options({name: options[name]})
            except JqtradeError as error:
                self._gate_is_wrong = self._gate_is_wrong or name == "trade_gate"
                self.findings.add(ERROR, str(error), *self.caller())

    def check_time(self, time: str) -> None:
        """Raises InvalidParam for a time of day that run_daily would refuse."""
        Daily(print, time).trigger(self._options["market_period"])

    def wrong_options(self, options: Dict[str, Any]) -> List[str]:
        """What is wrong with options that were not set, as far as can be told: a gate of the user's own may know more."""
        knows_all = not self._gate_is_wrong and "trade_gate" not in options
        gate = self.real_gate_class() if knows_all else AbsTradeGate
        return wrong_options(self._options, options, gate.OPTIONS, not gate.CAPABILITIES.declares_all_options)

    def has_defined(self, name: Undefined) -> bool:
        """Whether the file, as it ran, has made a name that could not be found in its text."""
        module = {} if self.module is None else vars(self.module)
        stand_in_for_it = self.stand_ins.get(name.name)
        return name.name in module and module[name.name] is not stand_in_for_it and not name.is_local

    def _function(self, module: types.ModuleType, name: str, arguments: int) -> Any:
        if name == "process_initialize":
            function = super()._function(module, name, arguments)
        else:
            function = self.collect(super()._function, module, name, arguments)
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            self.findings.add(
                ERROR, f"{name} 是 async 函数或含有 yield，不会被执行，请改为普通函数", *_place_of(function)
            )
        return function

    def _gate_class(self) -> Type[AbsTradeGate]:
        return type("NoBroker", (_NoBroker,), {"OPTIONS": self.real_gate_class().OPTIONS})

    def account(self) -> Account:
        file, line = self.caller()
        if file is not None and self.wants_account() and not self._asked_account:
            self._asked_account = True
            self.findings.add(NOTICE, "检查时没有账户：查到的资金、持仓、订单都是空的", file, line)
        return super().account()

    def no_order(self, what: str) -> None:
        """Say that what the user's code asked for was not done."""
        super().account()  # raises where it would without the check
        self.findings.add(NOTICE, f"检查时不下单也不撤单：{what} 什么都没有发出", *self.caller())


class _CheckedApi(StrategyApi):
    """The functions of a strategy that is being checked."""

    def __init__(self, strategy: CheckedStrategy) -> None:
        super().__init__(strategy)
        self._strategy = strategy

    def names(self) -> Dict[str, Any]:
        return dict(super().names(), **self._strategy.stand_ins)

    def run_daily(self, func: Callable[[Any], Any], time: str) -> None:
        self._strategy.note_call("run_daily")
        self._strategy.collect(super().run_daily, func, time)

    def set_options(self, **options: Any) -> None:
        self._strategy.note_call("set_options")
        self._strategy.collect(super().set_options, **options)

    def order(self, code: str, amount: int, style: Any = None, side: str = "long") -> Optional[str]:
        self._strategy.collect(check_request, code, amount, style, side)
        self._strategy.no_order("order")
        return None

    def batch_submit_orders(self, orders: Any) -> List[Optional[str]]:
        self._strategy.no_order("batch_submit_orders")
        return [None for _ in orders]

    def cancel_order(self, order_id: str) -> None:
        self._strategy.no_order("cancel_order")

    def batch_cancel_orders(self, order_ids: Any) -> None:
        self._strategy.no_order("batch_cancel_orders")

    def get_orders(self, order_id: Any = None, code: Any = None, status: Any = None) -> List[Order]:
        return self._strategy.collect(super().get_orders, order_id, code, status) or []


class _NoBroker(AbsTradeGate):
    """Stands in for the real gate, which is never set up: an empty account, to which nothing can be sent."""

    keeps_orders = False

    def setup(self, options: Dict[str, Any]) -> None:
        pass

    def order(self, order: Order) -> None:
        raise OrderNotSent("检查时不下单")

    def cancel_order(self, order_id: str) -> None:
        raise OrderNotSent("检查时不撤单")

    def sync_balance(self) -> Dict[str, Any]:
        return {"cash": {"total_assert": 0.0, "available_cash": 0.0, "locked_cash": 0.0}, "positions": []}

    def sync_orders(self) -> List[Dict[str, Any]]:
        return []


def stand_in(name: str) -> Callable[[Any], None]:
    """A function of that name that does nothing."""

    def nothing(context: Any) -> None:
        pass

    nothing.__name__ = name
    return nothing


def _is_ours(filename: str) -> bool:
    return os.path.abspath(filename).startswith(_PACKAGE)


def _place_of(function: Any) -> Tuple[Optional[str], Optional[int]]:
    code = getattr(function, "__code__", None)
    return (None, None) if code is None else (code.co_filename, code.co_firstlineno)
