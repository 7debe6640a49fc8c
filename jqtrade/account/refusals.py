"""Refusals: the orders that were certainly not sent, of which the strategy is told at the next sync, never within `order()`.

A hook that orders again when it hears of a refusal, and is refused again, would never come to an end: of such an answer's
refusal it is not told. It is logged and counted as any other.
"""

from datetime import date
from typing import Iterable, NamedTuple, Optional, Set

from jqtrade.account.order import Order, OrderStatus
from jqtrade.account.untold import Untold


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
    """Those of one day, in order of refusal."""

    def __init__(self) -> None:
        self.untold = Untold()
        self.is_answering = False
        """whether the strategy's hook is hearing of a refusal just now"""
        self._answers: Set[str] = set()
        """today's orders that it asked for then"""
        self._summary: Optional[RefusedOrders] = None
        self._is_outdated = True

    def note_new(self, order_ids: Iterable[str]) -> None:
        """Orders with these ids are asked for."""
        if self.is_answering:
            self._answers.update(order_ids)

    def note(self, orders: Iterable[Order]) -> None:
        """`orders` are refused."""
        self.untold.orders.update([(order.order_id, order) for order in orders if not self.is_answer(order)])
        self.outdate()

    def is_answer(self, order: Order) -> bool:
        """Whether `order` was an answer to a refusal, and was refused itself."""
        return order.order_id in self._answers and order.is_unsent

    def outdate(self) -> None:
        """Other orders of today are refused than before, by whomever."""
        self._is_outdated = True

    def summary(self, day: date, orders: Iterable[Order]) -> Optional[RefusedOrders]:
        """What there is to say of the refused ones among the `orders` of `day`; None if there are none."""
        if self._is_outdated:
            self._summary = _refused_of(day, orders)
            self._is_outdated = False
        return self._summary

    def start_day(self, ended: date) -> None:
        """A new day has begun. What was refused on the day that `ended` is told still; what is older waited for no sync."""
        self._answers.clear()
        orders = self.untold.orders.values()
        self.untold.forget([order.order_id for order in orders if order.create_time.date() < ended])
        self.outdate()


def _refused_of(day: date, orders: Iterable[Order]) -> Optional[RefusedOrders]:
    refused = [order for order in orders if order.status is OrderStatus.rejected]
    unsent = sum(order.is_unsent for order in refused)
    return RefusedOrders(day, unsent, len(refused) - unsent, refused[-1]) if refused else None
