"""Submissions: was it sent? The one place that knows it of each of today's orders, and that tells everybody else.

Unknown is the state before the first record of an order and is lifted by the last: an order is unknown before anything
is done with it, and stays so until its outcome has been taken note of. Whatever cuts that short, an exception of a signal
handler, no memory, the end of the stack, leaves it unknown; nothing has to run for that to be true.

From here the journal learns `sent`, the gate `gate_context.in_doubt`, and the strategy by a sync what was found out later.
"""

from types import MappingProxyType
from typing import Dict, Iterable, List, Mapping, Optional, Set, Tuple

from jqtrade.account.journal import Journal
from jqtrade.account.journal_rows import RecordedOrder
from jqtrade.account.order import Order, OrderStatus
from jqtrade.account.untold import Untold


def was_sent_before(record: RecordedOrder) -> Optional[bool]:
    """What the journal knows of an order of an earlier run: True, False, or None if that run ended before it knew."""
    if record.sent or _is_past_sending(record.order):
        return True
    return None if record.order.status is OrderStatus.new else False


class Submissions:
    """Those of one day, in order of creation. Each method changes what others see in one step."""

    def __init__(self, journal: Journal) -> None:
        self.untold = Untold()
        """not unknown any more, but nobody has told the strategy: it may believe that it has to order again"""
        self._journal = journal
        self._unknown: Dict[str, Order] = {}
        self._handed_over: Set[str] = set()
        self._sent: Set[str] = set()

    def was_sent(self, order: Order) -> Optional[bool]:
        """Whether the broker was asked for `order`, which is given as it stands now; None: unknown."""
        if order.confirmed:
            return True
        return None if order.order_id in self._unknown else order.order_id in self._sent

    @property
    def unknown(self) -> Mapping[str, Order]:
        """The orders by id, as they were asked for, of which nobody knows; always up to date."""
        return MappingProxyType(self._unknown)

    def begin(self, order: Order) -> None:
        """Something is about to be done with `order`."""
        self._unknown[order.order_id] = order

    def hand_over(self, orders: Iterable[Order]) -> None:
        """The gate is about to be given `orders`; one that it was never given was certainly not sent."""
        self._handed_over.update([order.order_id for order in orders])

    def were_handed_over(self, orders: Iterable[Order]) -> bool:
        """Whether the gate was given any of `orders`."""
        return not self._handed_over.isdisjoint([order.order_id for order in orders])

    def take_up(self, recorded: Iterable[RecordedOrder]) -> List[str]:
        """Go on from what the journal tells of earlier runs. Returns the ids of those of which it does not know."""
        known = {record.order.order_id: was_sent_before(record) for record in recorded}
        unknown = {record.order.order_id: record.order for record in recorded if known[record.order.order_id] is None}
        self._sent.update([order_id for order_id, was_sent in known.items() if was_sent])
        self._handed_over.update(unknown)
        self._unknown.update(unknown)
        return list(unknown)

    def evidence(self, order: Order) -> Optional[bool]:
        """What is certain of an unknown `order`, as it stands now, without a question to the gate."""
        if _is_past_sending(order):
            return True
        is_kept_back = order.status is OrderStatus.rejected or not self.were_handed_over([order])
        return False if is_kept_back else None

    def note_sent(self, orders: Iterable[Order]) -> None:
        """The broker was asked for `orders`. They stay unknown until all that follows from it has been taken note of."""
        orders = list(orders)
        self._journal.note_sent(orders)
        self._sent.update([order.order_id for order in orders])

    def conclude(self, orders: Iterable[Order]) -> None:
        """What became of `orders` is known, and is what the call at hand returns."""
        concluded = {order.order_id: order for order in orders}
        self.untold.returning.update(concluded)
        self.drop(concluded)

    def resolve(self, order: Order) -> None:
        """What became of `order` was found out later: it goes on blocking others until a sync has told the strategy."""
        self.untold.orders[order.order_id] = order
        self.drop([order.order_id])

    def drop(self, order_ids: Iterable[str]) -> None:
        """These are not unknown any more, or nothing at all was done with them."""
        for order_id in order_ids:
            self._unknown.pop(order_id, None)

    def blocking(self) -> Dict[Tuple[str, bool], str]:
        """By code and whether it buys, the id of an order of which another one like it might be a duplicate."""
        orders = list(self._unknown.values()) + list(self.untold.orders.values())
        return {(order.code, order.is_buy): order.order_id for order in orders}

    def start_day(self) -> None:
        """A new day has begun."""
        self._unknown.clear()
        self._handed_over.clear()
        self._sent.clear()
        self.untold = Untold()


def _is_past_sending(order: Order) -> bool:
    """Whether the order is where only the broker's word can have brought it."""
    return order.confirmed or order.status not in (OrderStatus.new, OrderStatus.rejected)
