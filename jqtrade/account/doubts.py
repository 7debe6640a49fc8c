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
        self._untold: Dict[str, Order] = {}
        """not in doubt any more, but nobody has told the strategy: it may believe that it has to order again"""
        self._returning: Dict[str, Order] = {}
        """what became of these is what the call at hand is about to return"""

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

    def drop(self, order_id: str) -> None:
        """Nothing at all was done with this order."""
        self._orders.pop(order_id, None)

    def conclude(self, orders: Iterable[Order]) -> None:
        """What became of `orders` is known, and is what the call at hand returns."""
        self._lift(orders, self._returning)

    def resolve(self, order: Order) -> None:
        """What became of `order` was found out later: it goes on blocking others until a sync has told the strategy."""
        self._lift([order], self._untold)

    def _lift(self, orders: Iterable[Order], into: Dict[str, Order]) -> None:
        lifted = {order.order_id: order for order in orders}
        into.update(lifted)
        for order_id in lifted:
            self._orders.pop(order_id, None)

    def tell(self) -> List[str]:
        """The ids of those of which nobody has told the strategy: the sync at hand returns them."""
        self._returning.update(self._untold)
        return list(self._untold)

    def enter(self, is_clean: bool) -> None:
        """Another call begins; `is_clean` says whether the last one ended, so that the strategy has heard what it returned."""
        if is_clean:
            for order_id in self._returning:
                self._untold.pop(order_id, None)
        else:
            self._untold.update(self._returning)
        self._returning = {}  # last of all: an exception before has it done once more

    def blocking(self) -> Dict[Tuple[str, bool], str]:
        """By code and whether it buys, the id of an order that another one like it might double."""
        orders = list(self._orders.values()) + list(self._untold.values())
        return {(order.code, order.is_buy): order.order_id for order in orders}

    def clear(self) -> None:
        """A new day has begun."""
        for orders in (self._orders, self._untold, self._returning):
            orders.clear()
        self._handed_over.clear()
