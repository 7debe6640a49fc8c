"""Doubts: the orders of which nobody knows yet whether the broker was asked.

Unknown is the state before the first record of an order and is lifted by the last: an order is in doubt before anything
is done with it, and stays so until its outcome has been taken note of. Whatever cuts that short, an exception of a signal
handler, no memory, the end of the stack, leaves it in doubt; nothing has to run for that to be true.
"""

from types import MappingProxyType
from typing import Dict, Iterable, List, Mapping, Set, Tuple

from jqtrade.account.order import Order


class Doubts:
    """Those of one day, in order of creation. Each method changes what others see in one step."""

    def __init__(self) -> None:
        self._orders: Dict[str, Order] = {}
        self._handed_over: Set[str] = set()
        self._resolved: Dict[str, Order] = {}
        self._is_telling = False

    @property
    def ids(self) -> Mapping[str, Order]:
        """The orders in doubt by id, as they were asked for; always up to date."""
        return MappingProxyType(self._orders)

    def begin(self, order: Order) -> None:
        """Something is about to be done with `order`."""
        self._orders[order.order_id] = order

    def hand_over(self, orders: Iterable[Order]) -> None:
        """The gate is about to be given `orders`; one that it was never given was certainly not sent."""
        self._handed_over.update([order.order_id for order in orders])

    def were_handed_over(self, orders: Iterable[Order]) -> bool:
        """Whether the gate was given any of `orders`."""
        return not self._handed_over.isdisjoint([order.order_id for order in orders])

    def take_up(self, orders: Mapping[str, Order]) -> None:
        """The journal cannot tell of `orders`, by id, whether an earlier run sent them."""
        self._handed_over.update(orders)
        self._orders.update(orders)

    def lift(self, orders: Iterable[Order]) -> None:
        """What became of `orders` is known, and whoever asked for them is told now."""
        for order in orders:
            self._orders.pop(order.order_id, None)

    def resolve(self, order: Order) -> None:
        """What became of `order` was found out later: it goes on blocking others until the strategy has been told."""
        self._resolved[order.order_id] = order
        self._orders.pop(order.order_id, None)

    def tell(self) -> List[str]:
        """The ids of those that were resolved; the strategy is about to be told what became of them."""
        self._is_telling = True
        return list(self._resolved)

    def enter(self, is_clean: bool) -> None:
        """Another call begins; `is_clean` says whether the last one ended, so that the strategy has heard what it told."""
        if self._is_telling and is_clean:
            self._resolved.clear()
        self._is_telling = False

    def blocking(self) -> Dict[Tuple[str, bool], str]:
        """By code and whether it buys, the id of an order that another one like it might double."""
        orders = list(self._orders.values()) + list(self._resolved.values())
        return {(order.code, order.is_buy): order.order_id for order in orders}

    def clear(self) -> None:
        """A new day has begun."""
        self._orders.clear()
        self._handed_over.clear()
        self._resolved.clear()
