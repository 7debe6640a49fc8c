"""What the account owns and what was asked of the broker."""

from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle, Order, OrderStatus
from jqtrade.account.portfolio import Portfolio, Position
from jqtrade.account.trade_gate import AbsTradeGate, AnXinDMATradeGate

__all__ = [
    "AbsTradeGate",
    "AnXinDMATradeGate",
    "LimitOrderStyle",
    "MarketOrderStyle",
    "Order",
    "OrderStatus",
    "Portfolio",
    "Position",
]
