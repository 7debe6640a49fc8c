"""The way to the broker: AbsTradeGate, and the one for One Quant."""

from jqtrade.account.trade_gate.anxin import AnXinDMATradeGate
from jqtrade.account.trade_gate.base import AbsTradeGate

__all__ = ["AbsTradeGate", "AnXinDMATradeGate"]
