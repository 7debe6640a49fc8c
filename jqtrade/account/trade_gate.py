"""Where users' code finds the trade gates: the contract lies in jqtrade.account.gate, One Quant's gate in jqtrade.gates."""

from jqtrade.account.gate import AbsTradeGate
from jqtrade.gates.onequant.gate import AnXinDMATradeGate

__all__ = ["AbsTradeGate", "AnXinDMATradeGate"]
