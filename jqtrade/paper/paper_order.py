"""PaperOrder: an order at the paper exchange, and the trades that fill it."""

from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, Optional

from jqtrade.account.order import OrderStatus

_ZERO = Decimal(0)
_FINAL = frozenset([OrderStatus.filled, OrderStatus.partly_canceled, OrderStatus.canceled, OrderStatus.rejected])


class Fill(NamedTuple):
    """One trade."""

    price: Decimal
    amount: int


class PaperOrder(NamedTuple):
    """An order as it stands after something happened to it; a later event makes a new one."""

    order_id: str
    code: str
    is_buy: bool
    amount: int
    limit: Optional[Decimal]
    """yuan a share; None: a market order. 0 becomes the opposite best quote when the order comes in"""
    created: datetime
    updated: datetime
    status: OrderStatus = OrderStatus.new
    opened: Optional[datetime] = None
    number: str = ""
    """the exchange's number; empty before it is open"""
    filled: int = 0
    value: Decimal = _ZERO
    """of the fills, yuan, exact"""
    fees: Decimal = _ZERO
    canceled: int = 0
    text: str = ""
    """why it was refused or cancelled, in Chinese"""
    fill: Optional[Fill] = None
    """the trade that led to this state, if one did"""

    @property
    def remaining(self) -> int:
        return self.amount - self.filled - self.canceled

    @property
    def is_final(self) -> bool:
        return self.status in _FINAL

    @property
    def average_price(self) -> Decimal:
        """Yuan a share; 0 without a fill."""
        return self.value / self.filled if self.filled else _ZERO
