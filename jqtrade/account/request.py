"""What a strategy asks for: checked, made into an order, put into words."""

from datetime import datetime
from typing import Any, NamedTuple

from jqtrade.account.order import (
    LimitOrderStyle,
    MarketOrderStyle,
    Order,
    OrderAction,
    OrderSide,
    OrderStyle,
    check_amount,
    check_code,
    format_price,
)
from jqtrade.errors import InvalidParam


class OrderRequest(NamedTuple):
    """What a strategy asks for, checked."""

    code: str
    amount: int
    """positive: buy, negative: sell"""
    style: OrderStyle
    side: OrderSide


def check_request(code: Any, amount: Any, style: Any = None, side: Any = "long") -> OrderRequest:
    """Return the arguments of `order`, checked; without a style it is a market order. Raises InvalidParam."""
    if style is None:
        style = MarketOrderStyle()
    if not isinstance(style, (LimitOrderStyle, MarketOrderStyle)):
        raise InvalidParam(
            f"委托方式 style={style!r} 不正确，应为 LimitOrderStyle(价格) 或 MarketOrderStyle()。没有发出"
        )
    if side not in ("long", "short"):
        raise InvalidParam(f"买卖方向 side={side!r} 不正确，应为 'long' 或 'short'。没有发出")
    return OrderRequest(
        check_code(code), check_amount(amount), style, OrderSide.long if side == "long" else OrderSide.short
    )


def describe(order: Order) -> str:
    """An order in words, for the log."""
    price = "市价" if isinstance(order.style, MarketOrderStyle) else f"限价 {format_price(order.price)}"
    if price == "限价 0":
        price += "（对手方最优价）"
    side = "买入" if order.is_buy else "卖出"
    return f"{side} {order.code} {order.amount} 股 {price}"


# Copied for each order: three times as quick as the constructor of a frozen dataclass.
_BLANK = Order("", "", 0, OrderAction.open, MarketOrderStyle(), datetime.min)


def new_order(order_id: str, request: OrderRequest, now: datetime) -> Order:
    """The order that asks for `request`, created at `now`."""
    return _BLANK.with_changes(
        order_id=order_id,
        code=request.code,
        amount=abs(request.amount),
        action=OrderAction.open if request.amount > 0 else OrderAction.close,
        style=request.style,
        create_time=now,
        side=request.side,
    )
