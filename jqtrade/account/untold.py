"""Untold: orders of which the strategy is still to be told, each once.

What a call returns counts as told when the next call begins and the one before it has ended. An exception may come between
any two steps of a call: what it was about to return then stays untold.
"""

from typing import Dict, Iterable, List

from jqtrade.account.order import Order


class Untold:
    """In the order in which they came, by id."""

    def __init__(self) -> None:
        self.orders: Dict[str, Order] = {}
        """as they stood when it became known what to tell of them"""
        self.returning: Dict[str, Order] = {}
        """what the call at hand is about to return"""

    def tell(self) -> List[Order]:
        """All of them: the sync at hand returns them."""
        self.returning.update(self.orders)
        return list(self.orders.values())

    def forget(self, order_ids: Iterable[str]) -> None:
        """The strategy shall not hear of these."""
        for order_id in order_ids:
            self.orders.pop(order_id, None)

    def enter(self, is_clean: bool) -> None:
        """Another call begins; `is_clean` says whether the last one ended, so that the strategy has heard what it returned."""
        if is_clean:
            self.forget(self.returning)
        else:
            self.orders.update(self.returning)
        self.returning = {}  # last of all: an exception before has it done once more
