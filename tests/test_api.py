"""jqtrade.api: the names of the documentation, for helper modules and editors."""

import inspect
import logging
from typing import Any, List, Tuple

import pytest

import jqtrade.api
from jqtrade.account import LimitOrderStyle
from jqtrade.errors import InvalidCall
from jqtrade.runtime.strategy_api import StrategyApi

FUNCTIONS = [name for name in jqtrade.api.__all__ if inspect.isfunction(getattr(jqtrade.api, name))]

SIGNATURES = {
    "run_daily": "(func, time)",
    "set_options": "(**options)",
    "order": "(code, amount, style=None, side='long')",
    "cancel_order": "(order_id)",
    "batch_submit_orders": "(orders)",
    "batch_cancel_orders": "(order_ids)",
    "get_orders": "(order_id=None, code=None, status=None)",
    "sync_balance": "()",
    "sync_orders": "()",
}

CALLS = {
    "run_daily": (print, "open"),
    "order": ("000001.XSHE", 100, LimitOrderStyle(1), "long"),
    "cancel_order": ("1",),
    "batch_submit_orders": ([{"code": "000001.XSHE", "amount": 100}],),
    "batch_cancel_orders": (["1", "2"],),
    "get_orders": ("1", "000001.XSHE", "new"),
    "sync_balance": (),
    "sync_orders": (),
    "set_options": (),
}  # type: Any


def plain(function: Any) -> str:
    """The signature without annotations and without self."""
    signature = inspect.signature(function)
    empty = inspect.Parameter.empty
    parameters = [
        parameter.replace(annotation=empty) for name, parameter in signature.parameters.items() if name != "self"
    ]
    return str(signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty))


class Recorder:
    """Stands in for the StrategyApi of a running strategy."""

    def __init__(self) -> None:
        self.calls: List[Tuple[str, Any, Any]] = []

    def __getattr__(self, name: str) -> Any:
        def note(*args: Any, **kwargs: Any) -> str:
            self.calls.append((name, args, kwargs))
            return "result of " + name

        return note


def test_all_documented_names_are_exported() -> None:
    assert set(jqtrade.api.__all__) == set(SIGNATURES) | {
        "InvalidCall",
        "InvalidParam",
        "JqtradeError",
        "LimitOrderStyle",
        "MarketOrderStyle",
        "OrderStatus",
        "Portfolio",
        "UserOrder",
        "UserPosition",
        "log",
    }


def test_the_list_of_names_is_sorted_and_without_doubles() -> None:
    assert jqtrade.api.__all__ == sorted(set(jqtrade.api.__all__))


def test_a_star_import_gives_exactly_these_names() -> None:
    namespace: Any = {}
    exec("from jqtrade.api import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(jqtrade.api.__all__)


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_a_function_has_the_documented_signature(name: str) -> None:
    assert plain(getattr(jqtrade.api, name)) == SIGNATURES[name]


def test_every_function_has_a_signature_here() -> None:
    assert FUNCTIONS == sorted(SIGNATURES)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_functions_that_a_strategy_sees_have_the_same_signature(name: str) -> None:
    assert plain(getattr(StrategyApi, name)) == plain(getattr(jqtrade.api, name))


def test_every_public_function_of_a_strategy_is_exported() -> None:
    public = {name for name, _ in inspect.getmembers(StrategyApi, inspect.isfunction) if not name.startswith("_")}
    assert public - {"names"} == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_documented(name: str) -> None:
    assert inspect.getdoc(getattr(jqtrade.api, name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_outside_a_running_strategy_a_function_raises_invalid_call(name: str) -> None:
    with pytest.raises(InvalidCall, match="process_initialize"):
        getattr(jqtrade.api, name)(*CALLS[name])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_inside_a_running_strategy_a_function_forwards_its_arguments_and_the_result(name: str) -> None:
    strategy = Recorder()
    keywords = {"market_period": 1} if name == "set_options" else {}
    with jqtrade.api.running(strategy):
        result = getattr(jqtrade.api, name)(*CALLS[name], **keywords)
    assert strategy.calls == [(name, CALLS[name], keywords)]
    returns = inspect.signature(getattr(jqtrade.api, name)).return_annotation
    assert result == (None if returns is None else "result of " + name)


def test_the_innermost_of_several_running_strategies_counts_and_an_exception_ends_it() -> None:
    outer, inner = Recorder(), Recorder()
    with jqtrade.api.running(outer):
        with pytest.raises(KeyError), jqtrade.api.running(inner):
            jqtrade.api.cancel_order("inner")
            raise KeyError
        jqtrade.api.cancel_order("outer")
    assert [args for _, args, _ in inner.calls] == [("inner",)]
    assert [args for _, args, _ in outer.calls] == [("outer",)]
    with pytest.raises(InvalidCall):
        jqtrade.api.cancel_order("none")


def test_log_is_a_logger_of_the_standard_library() -> None:
    assert isinstance(jqtrade.api.log, logging.Logger)
