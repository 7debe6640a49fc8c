"""What a trade gate returns is checked here, where it enters; inside, values are right."""

import math
import numbers
from datetime import datetime
from typing import Any, Callable, Dict, List, Optional

from jqtrade.account.order import (
    LARGEST_AMOUNT,
    OrderAction,
    OrderReport,
    OrderSide,
    OrderStatus,
    OrderStyle,
    is_number,
)
from jqtrade.account.portfolio import BalanceReport, Position
from jqtrade.errors import InvalidReport
from jqtrade.market.boards import CODE_PATTERN


def check_balance(report: Any) -> BalanceReport:
    """Return what AbsTradeGate.sync_balance returned, checked. Raises InvalidReport naming the wrong field.

    A BalanceReport comes from a gate of ours, which has checked it already.
    """
    if isinstance(report, BalanceReport):
        return report
    cash = _field(report, "sync_balance()", "cash", _dict)
    positions = [_position(position) for position in _field(report, "sync_balance()", "positions", _list)]
    held = [(position.code, position.side) for position in positions]
    doubled = [code for code, side in held if held.count((code, side)) > 1] if len(set(held)) < len(held) else []
    if doubled:
        raise InvalidReport(f"交易接口 sync_balance() 返回的持仓 {doubled[0]} 重复")
    return BalanceReport(
        total_assert=_field(cash, "cash", "total_assert", _number),
        available_cash=_field(cash, "cash", "available_cash", _number),
        locked_cash=_field(cash, "cash", "locked_cash", _number),
        positions=positions,
    )


def check_list(answer: Any, method: str) -> List[Any]:
    """Return what a method of a gate returned if it is a list. Raises InvalidReport naming the method."""
    if not isinstance(answer, (list, tuple)):
        raise InvalidReport(f"交易接口 {method} 应返回列表，收到 {answer!r}")
    return list(answer)


def check_outcomes(answer: Any, method: str, count: int) -> List[Optional[Exception]]:
    """Return what AbsTradeGate.batch_order or batch_cancel_order returned for `count` items. Raises InvalidReport."""
    outcomes = check_list(answer, method)
    if len(outcomes) != count or not all(item is None or isinstance(item, Exception) for item in outcomes):
        raise InvalidReport(f"交易接口 {method} 应为 {count} 笔各返回 None 或异常，收到 {answer!r}")
    return outcomes


def _position(report: Any) -> Position:
    where = "持仓 {}".format(report.get("code") if isinstance(report, dict) else report)
    amount = _field(report, where, "amount", _quantity)
    available = _field(report, where, "available_amount", _quantity)
    if available > amount:
        raise InvalidReport(f"交易接口返回的 {where} 的 available_amount={available} 大于 amount={amount}")
    avg_cost = _field(report, where, "avg_cost", _number)
    last_price = _field(report, where, "last_price", _number, 0.0)
    return Position(
        code=_field(report, where, "code", _code),
        amount=amount,
        available_amount=available,
        avg_cost=avg_cost,
        hold_cost=_field(report, where, "hold_cost", _number, avg_cost),
        side=_field(report, where, "side", OrderSide, OrderSide.long),
        last_price=last_price,
        position_value=_field(report, where, "position_value", _number, amount * last_price),
    )


def report_id(report: Any) -> str:
    """The order id of an order's report, looked at before the rest is checked. Raises InvalidReport."""
    return str(_field(report, "订单", "order_id", _text))


def check_order(report: Any) -> OrderReport:
    """Return one dict of what AbsTradeGate.sync_orders returned, checked. Raises InvalidReport naming the wrong field.

    An OrderReport comes from a gate of ours, which has checked it already.
    """
    if isinstance(report, OrderReport):
        return report
    where = "订单 {}".format(report.get("order_id") if isinstance(report, dict) else report)
    amount = _field(report, where, "amount", _quantity)
    status = _field(report, where, "status", OrderStatus)
    filled = _field(report, where, "filled_amount", _quantity, amount if status is OrderStatus.filled else 0)
    if filled > amount:
        raise InvalidReport(f"交易接口返回的 {where} 的 filled_amount={filled} 大于 amount={amount}")
    return OrderReport(
        order_id=_field(report, where, "order_id", _text),
        code=_field(report, where, "code", _code),
        price=_field(report, where, "price", _number),
        amount=amount,
        action=_field(report, where, "action", OrderAction),
        status=status,
        style=_field(report, where, "style", _style),
        create_time=_field(report, where, "create_time", _moment),
        entrust_time=_field(report, where, "entrust_time", _moment, None),
        confirm_id=_field(report, where, "confirm_id", str, ""),
        filled_amount=filled,
        canceled_amount=_field(report, where, "canceled_amount", _quantity, 0),
        deal_balance=_field(report, where, "deal_balance", _number, None),
        avg_cost=_field(report, where, "avg_cost", _number, None),
        commission=_field(report, where, "commission", _number, 0.0),
        err_msg=_field(report, where, "err_msg", str, ""),
        confirmed=_field(report, where, "confirmed", bool, True),
    )


_REQUIRED = object()


def _field(report: Any, where: str, name: str, check: Callable[[Any], Any], default: Any = _REQUIRED) -> Any:
    """The checked value of a field; `default` stands for one that is left out or None."""
    if not isinstance(report, dict):
        raise InvalidReport(f"交易接口返回的 {where} 应为字典，收到 {report!r}")
    value = report.get(name)
    if value is None and default is not _REQUIRED:
        return default
    if name not in report:
        raise InvalidReport(f"交易接口返回的 {where} 缺少字段 {name}")
    try:
        return check(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidReport(f"交易接口返回的 {where} 的字段 {name}={value!r} 不正确")


def _dict(value: Any) -> Dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _list(value: Any) -> Any:
    if not isinstance(value, (list, tuple)):
        raise TypeError
    return value


def _number(value: Any) -> float:
    if type(value) is float and math.isfinite(value):  # nearly always; hundreds of thousands of times in a replay
        return value
    if not is_number(value):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _quantity(value: Any) -> int:
    if type(value) is int and value >= 0:  # as in _number
        return value
    if isinstance(value, numbers.Integral) and is_number(value):
        whole = int(value)
    else:
        number = _number(value)
        whole = int(number)
        if whole != number:
            raise ValueError
    if not 0 <= whole <= LARGEST_AMOUNT:
        raise ValueError
    return whole


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _code(value: Any) -> str:
    if not CODE_PATTERN.fullmatch(value):
        raise ValueError
    return str(value)


def _style(value: Any) -> str:
    name = value.name if isinstance(value, OrderStyle) else value
    if name not in ("limit", "market"):
        raise ValueError
    return str(name)


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is not None:  # times are naive, in the strategy's time zone
        raise TypeError
    return value
