"""LatestPrices: what a security cost when we last saw it, for orders to be compared with until there is market data."""

from typing import Dict, Iterable, Optional, Sequence, Set

from jqtrade.account.money import millionths, yuan_of
from jqtrade.account.order import Order, format_price
from jqtrade.account.portfolio import Portfolio
from jqtrade.errors import InvalidOrder
from jqtrade.log import get_log

BILLION = 10**9
LOWEST = 1e-6
"""yuan: anything less is no price"""

log = get_log("jqtrade.account")


class LatestPrices:
    """The prices of one day, in millionths of a yuan: of the holdings, also those sold since, and of our own fills."""

    def __init__(self) -> None:
        self._prices: Dict[str, int] = {}
        self._unknown: Set[str] = set()
        """codes of which it was said that no price is known"""

    def take_snapshot(self, portfolio: Portfolio) -> None:
        held = list(portfolio.short_positions.values()) + list(portfolio.long_positions.values())
        self._prices.update(
            {position.code: millionths(position.last_price) for position in held if position.last_price >= LOWEST}
        )

    def note_fills(self, orders: Iterable[Order]) -> None:
        self._prices.update(
            {
                order.code: millionths(order.avg_cost)
                for order in orders
                if order.filled_amount and order.avg_cost >= LOWEST
            }
        )

    def of(self, code: str, portfolio: Optional[Portfolio]) -> int:
        """The latest price; 0 if none is known. `portfolio`: the newest snapshot, which may be of the day before."""
        return self._prices.get(code) or _price_in(code, portfolio)

    def value_of(self, order: Order, portfolio: Optional[Portfolio]) -> Optional[int]:
        """What `order` is worth at its limit price or else at the latest one; None if neither is known."""
        price = millionths(order.price) or self.of(order.code, portfolio)
        return price * order.amount if price else None

    def check_deviation(self, order: Order, portfolio: Optional[Portfolio], most: int) -> None:
        """Raise InvalidOrder if the limit price is off the latest price by more than `most` billionths of that.

        An order without a price of its own has none to compare: One Quant takes the opposite side's best quote.
        """
        last = self.of(order.code, portfolio)
        if not last:
            self._say_unknown(order.code)
            return
        price = millionths(order.price)
        difference = abs(price - last)
        if price and difference * BILLION > most * last:
            deviation, limit = _different_percents(difference / last, most / BILLION)
            raise InvalidOrder(
                f"price_deviation：限价 {format_price(order.price)} 偏离最近的价格 {format_price(yuan_of(last))} "
                f"达 {deviation}，超过 {limit}"
            )

    def _say_unknown(self, code: str) -> None:
        if code not in self._unknown:
            self._unknown.add(code)
            log.warning("price_deviation：不知道 %s 最近的价格（没有持有，今天也没有成交过），它的委托价格不核对", code)


def _price_in(code: str, portfolio: Optional[Portfolio]) -> int:
    """The price that a snapshot gives for a security; 0 if it gives none."""
    if portfolio is None:
        return 0
    for positions in (portfolio.long_positions, portfolio.short_positions):
        position = positions.get(code)
        if position is not None and position.last_price >= LOWEST:
            return millionths(position.last_price)
    return 0


def _different_percents(larger: float, smaller: float) -> Sequence[str]:
    """Both with as many decimals, from one on, as it takes to tell them apart."""
    for decimals in range(1, 8):
        texts = [f"{share:.{decimals}%}" for share in (larger, smaller)]
        if texts[0] != texts[1]:
            break
    return texts
