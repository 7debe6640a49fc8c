"""What the account owns: read-only snapshots of cash and positions, as the broker last told them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, List, NoReturn, Optional

from jqtrade.account.order import Frozen, OrderSide, alias
from jqtrade.errors import InvalidCall


@dataclass(frozen=True, init=False)
class Position:
    """Holding of one security. An empty one stands for a security that is not held."""

    code: str
    amount: int
    """shares held"""
    available_amount: int
    """shares that can be sold now (A shares: not those bought today)"""
    avg_cost: float
    """average cost, yuan a share"""
    hold_cost: float
    """cost of the holding, yuan a share; the gate may give it, else `avg_cost`"""
    side: OrderSide
    last_price: float
    position_value: float
    """market value, yuan"""

    def __init__(
        self,
        code: str,
        amount: int = 0,
        available_amount: int = 0,
        avg_cost: float = 0.0,
        hold_cost: float = 0.0,
        side: OrderSide = OrderSide.long,
        last_price: float = 0.0,
        position_value: float = 0.0,
    ) -> None:
        self.__dict__.update(  # thousands are made at each sync, and the constructor of a frozen dataclass is slow
            code=code,
            amount=amount,
            available_amount=available_amount,
            avg_cost=avg_cost,
            hold_cost=hold_cost,
            side=side,
            last_price=last_price,
            position_value=position_value,
        )

    @property
    def locked_amount(self) -> int:
        """Shares held that cannot be sold now."""
        return self.amount - self.available_amount

    security = alias("code")
    total_amount = alias("amount")
    closeable_amount = alias("available_amount")
    acc_avg_cost = alias("avg_cost")
    price = alias("last_price")
    value = alias("position_value")


class Positions(Dict[str, Position]):
    """Positions by code. A code that is not held gives an empty Position and is not inserted."""

    def __init__(self, side: OrderSide, positions: Optional[Dict[str, Position]] = None) -> None:
        super().__init__(positions or {})
        self._side = side

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise InvalidCall("持仓是只读的快照，不能修改；需要时请用 dict(positions) 复制一份")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = _refuse

    def __missing__(self, code: str) -> Position:
        return Position(code, side=self._side)

    def __reduce__(self) -> Any:
        return Positions, (self._side, dict(self))


def _no_long_positions() -> Positions:
    return Positions(OrderSide.long)


def _no_short_positions() -> Positions:
    return Positions(OrderSide.short)


@dataclass(frozen=True)
class Portfolio(Frozen):
    """Cash and positions of the account at `updated_time`, in yuan."""

    total_assert: float
    """total assets; the name is the documented one, `total_asset` is the same"""
    available_cash: float
    locked_cash: float
    updated_time: datetime
    """when the broker's figures were last read whole and valid"""
    long_positions: Positions = field(default_factory=_no_long_positions)
    short_positions: Positions = field(default_factory=_no_short_positions)

    total_asset = alias("total_assert")
    total_value = alias("total_assert")
    cash = alias("available_cash")
    positions = alias("long_positions")

    @property
    def positions_value(self) -> float:
        """Market value of all positions."""
        return sum(position.position_value for position in self._all_positions())

    def _all_positions(self) -> List[Position]:
        return list(self.long_positions.values()) + list(self.short_positions.values())


@dataclass(frozen=True)
class BalanceReport(Frozen):
    """What the broker says the account owns now."""

    total_assert: float
    available_cash: float
    locked_cash: float
    positions: List[Position]
    written: Optional[datetime] = None
    """when the broker's side wrote this down, where that is known"""
