"""OrderCounts: how many orders and cancels went to the broker, in the last second and today, and what they are worth.

A signal handler may raise between any two steps here: each method changes things in an order in which whatever is cut
short counts too much, never too little.
"""

import math
from typing import Dict, Iterable, List, Optional

from jqtrade.clock import Clock

SECOND = 1.0
ON_ITS_WAY = math.inf
"""stands for the time of what was handed to the gate, which may wait before it writes: it counts until that is over"""


class OrderCounts:
    """The counts of one day. Orders of which nobody knows whether they went are counted too."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.values: Dict[str, int] = {}
        """what each order that was counted is worth, in millionths of a yuan, by id"""
        self._total: Optional[int] = 0
        """what all of them are worth; None: to be added up"""
        self._cancels = 0
        self._recent: Dict[str, float] = {}
        """when what was counted has reached the broker, by the key of an order or a cancel; older ones may be left out"""
        self._none_expires_before = -math.inf
        """until then, all that stands in `_recent` is of the last second"""

    def count_order(self, order_id: str, value: int) -> None:
        """Count an order that is about to be handed to the gate."""
        if self._total is not None:
            self._total += value
        self._recent[order_id] = ON_ITS_WAY
        self.values[order_id] = value

    def count_cancels(self, number: int) -> List[str]:
        """Count cancels that are about to be handed to the gate. Returns a key for each, for `restamp`."""
        keys = [f"cancel {self._cancels + index}" for index in range(number)]
        self._recent.update(dict.fromkeys(keys, ON_ITS_WAY))
        self._cancels += number
        return keys

    def count_before(self, values: Dict[str, int], cancels: int, recent: Iterable[str], recent_cancels: int) -> None:
        """Count what went to the broker before a restart: orders with their values, and how many cancels.

        Of `recent` orders and `recent_cancels` nobody knows how long ago that was.
        """
        keys = self.count_cancels(recent_cancels) + list(recent)
        self.restamp(keys)
        self._total = None
        self._cancels += cancels - recent_cancels
        self.values.update(values)

    def restamp(self, keys: Iterable[str]) -> None:
        """What has these keys has reached the broker by now, or never will."""
        now = self._clock.monotonic()
        self._recent.update(dict.fromkeys(keys, now))

    def uncount(self, order_ids: Iterable[str]) -> None:
        """Take back `count_order`: the orders are proven not to have been sent."""
        for order_id in order_ids:
            self._recent.pop(order_id, None)
            self.values.pop(order_id, None)
            self._total = None

    def forget_sums(self) -> None:
        """A call was cut short: sums may count too much, and nothing is on its way any more."""
        self._total = None
        self._none_expires_before = -math.inf
        self.restamp([key for key, moment in self._recent.items() if moment == ON_ITS_WAY])

    def in_last_second(self, most: int) -> int:
        """How many went in the last second; may count older ones too as long as they are fewer than `most`."""
        now = self._clock.monotonic()
        if len(self._recent) >= most and now >= self._none_expires_before:
            recent = {key: moment for key, moment in self._recent.items() if moment > now - SECOND}
            self._none_expires_before = min(now, min(recent.values(), default=now)) + SECOND
            self._recent = recent
        return len(self._recent)

    def today(self) -> int:
        """How many went today."""
        return len(self.values) + self._cancels

    def total(self) -> int:
        """What all orders of today are worth, in millionths of a yuan."""
        if self._total is None:
            self._total = sum(self.values.values())
        return self._total
