"""How much of an order can be filled: a share of what was traded in a bar, over all orders of the account."""

from decimal import Decimal
from typing import Dict, Optional, Tuple

from jqtrade.market.boards import board_of
from jqtrade.market.rules import floor_shares
from jqtrade.paper.paper_order import PaperOrder

SHARES_PER_STEP = 10000
"""Where the volume is not known, an order fills at most so many shares when it comes in, and again in every step."""


class Volume:
    """Counts what the orders took from each bar. Bars are asked for in the order of time."""

    def __init__(self, share: Decimal) -> None:
        self._share = share
        self.used: Dict[str, Tuple[int, int]] = {}
        """of each code: the bar that was filled from last, and how many shares came from it"""

    def take(self, order: PaperOrder, volume: Optional[int], bar: int) -> int:
        """How many shares of `order` are filled now from a bar of `volume` shares, in whole lots unless it is the rest."""
        if volume is None:
            return min(order.remaining, SHARES_PER_STEP)
        last, used = self.used.get(order.code, (bar, 0))
        used = used if last == bar else 0
        amount = min(order.remaining, floor_shares(volume * self._share) - used)
        board = board_of(order.code)
        if amount < order.remaining and board is not None:
            amount -= amount % board.step
        if amount > 0:
            self.used[order.code] = (bar, used + amount)
        return max(amount, 0)
