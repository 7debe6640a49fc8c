"""Refusals: the orders that were certainly not sent, of which the strategy is told at the next sync, never within `order()`.

A hook that orders again when it hears of a refusal, and is refused again, would never come to an end: of such an answer's
refusal it is not told. It is logged and counted as any other.
"""

from datetime import date
from typing import Container, Dict, Iterable, List, NamedTuple, Optional, Set

from jqtrade.account.order import Order, OrderStatus


class RefusedOrders(NamedTuple):
    """The orders of one day that came to nothing, for people."""

    day: date
    unsent: int
    """how many were refused before the broker was asked, or were proven not to have been sent"""
    by_broker: int
    """how many the broker refused"""
    last: Order
    """of both, the one that was asked for last"""


class Refusals:
    """Those that nobody has told the strategy of, in order of refusal."""

    def __init__(self) -> None:
        self.is_answering = False
        """whether the strategy's hook is hearing of a refusal just now"""
        self._answers: Set[str] = set()
        """today's orders that it asked for then"""
        self._untold: Dict[str, Order] = {}
        self._returning: List[str] = []
        """these are what the call at hand is about to return"""

    @property
    def has_untold(self) -> bool:
        """Whether there is something to be told at the next sync."""
        return bool(self._untold)

    def note_new(self, order_ids: Iterable[str]) -> None:
        """Orders with these ids are asked for."""
        if self.is_answering:
            self._answers.update(order_ids)

    def note(self, orders: Iterable[Order]) -> None:
        """`orders` are refused."""
        self._untold.update([(order.order_id, order) for order in orders if not self.is_answer(order)])

    def is_answer(self, order: Order) -> bool:
        """Whether `order` was an answer to a refusal, and was refused itself."""
        return order.order_id in self._answers and order.is_unsent

    def tell(self, besides: Container[str]) -> List[Order]:
        """What the sync at hand returns besides the orders with these ids."""
        self._returning = list(self._untold)
        return [order for order_id, order in self._untold.items() if order_id not in besides]

    def forget(self, order_ids: Iterable[str]) -> None:
        """The strategy shall not hear of these."""
        for order_id in order_ids:
            self._untold.pop(order_id, None)

    def enter(self, is_clean: bool) -> None:
        """Another call begins; `is_clean` says whether the last one ended, so that the strategy has what it returned."""
        if is_clean:
            self.forget(self._returning)
        self._returning = []  # last of all: an exception before has it done once more

    def start_day(self, ended: date) -> None:
        """A new day has begun. What was refused on the day that `ended` is told still; what is older waited for no sync."""
        self._answers.clear()
        self._untold = {key: order for key, order in self._untold.items() if order.create_time.date() >= ended}


def refused_of(day: date, orders: Iterable[Order]) -> Optional[RefusedOrders]:
    """What there is to say of the refused ones among the `orders` of `day`; None if there are none."""
    refused = [order for order in orders if order.status is OrderStatus.rejected]
    unsent = sum(order.is_unsent for order in refused)
    return RefusedOrders(day, unsent, len(refused) - unsent, refused[-1]) if refused else None
