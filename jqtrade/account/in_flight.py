"""InFlightOrders: what our own orders take from the cash and the shares of which a snapshot may not know yet.

A broker's snapshot is written in real time, but what stands in it may be some seconds old, and says not how many. So it
certainly knows what we heard `lag` seconds before it was written, by both of our clocks (whoever sets the wall clock only
makes us more careful). What it does not certainly know is taken off.

That alone would take off twice what the snapshot does know, so there is a second estimate: the figure of an earlier
snapshot that was exact (nothing was in flight then), less all that our orders took since. Both are never too high, and the
higher one counts; the newest figure bounds the second one, since others may have sold or spent too.

A signal handler may raise between any two steps here: each method changes things in an order in which whatever is cut
short takes off too much, never too little.
"""

from datetime import datetime, timedelta
from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple, Union

from jqtrade.account.money import millionths, rounded_up
from jqtrade.account.order import Order, OrderAction, OrderSide, OrderStatus
from jqtrade.account.portfolio import Portfolio
from jqtrade.market.boards import purchase_fees

MOST_ENTRIES = 1000
"""of one figure: a task that never pauses gives up the second estimate then, and with it what is settled"""

CASH = "cash"
Figure = Union[str, Tuple[str, OrderSide]]
"""a figure of a snapshot: CASH, or the shares of a code and side that can be sold"""


class Moment(NamedTuple):
    """When something happened, by both clocks."""

    wall: datetime
    monotonic: float

    def is_after(self, other: "Moment", lag: timedelta) -> bool:
        """Whether it is at least `lag` after `other` by both clocks."""
        return self.wall - other.wall >= lag and self.monotonic - other.monotonic >= lag.total_seconds()


class Entry(NamedTuple):
    """An order that counts beside a snapshot; shares here are live ones: frozen or traded."""

    order: Order
    """as it was when it was entered"""
    in_base: int
    """shares that the earlier figure certainly reflects already"""
    in_newest: int
    """shares that the newest snapshot certainly reflects already"""
    heard: Optional[Moment]
    """when we heard of the last change of its live shares; None: the broker has not confirmed it yet"""


class InFlight:
    """The orders that take from one figure. `base`: the exact figure before all of them, if there was one."""

    def __init__(self, base: Optional[int], entries: Dict[str, Entry]) -> None:
        self.base = base
        self.entries = entries
        self.sums: Optional[Tuple[int, int]] = None
        """what the orders take since `base`, and what of it the newest snapshot may not know; None: to be added up"""


class InFlightOrders:
    """The orders of one day by the figure that they take from."""

    def __init__(self, orders: Mapping[str, Order], values: Mapping[str, int], lag: float) -> None:
        """By id, at any time: the day's `orders` as they stand, `values` of those that count, in millionths of a yuan.

        `lag`: the option snapshot_lag, seconds.
        """
        self._orders = orders
        self._values = values
        self._lag = timedelta(seconds=lag)
        self._figures: Dict[Figure, InFlight] = {}

    def add(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        """An order that has its value is about to be sent; `portfolio`: the newest snapshot."""
        for figure in _figures_of(order):
            found = self._figures.get(figure)
            if found is not None and found.sums is not None:
                taken = self._taken(figure, order, order.amount)
                found.sums = (found.sums[0] + taken, found.sums[1] + taken)
            self._enter(figure, Entry(order, 0, 0, None), portfolio)

    def add_before(self, order: Order, heard: Optional[Moment], written: Optional[Moment]) -> None:
        """An order was sent before a restart, and its last change was `heard` then; `written`: the newest snapshot."""
        entry = Entry(order, 0, 0, heard)
        if _live_amount(order) and not _is_settled(entry, written, self._lag):
            for figure in _figures_of(order):
                self._enter(figure, entry, None)

    def _enter(self, figure: Figure, entry: Entry, portfolio: Optional[Portfolio]) -> None:
        found = self._figures.get(figure)
        if found is None:
            self._figures[figure] = InFlight(figure_of(portfolio, figure), {entry.order.order_id: entry})
        else:
            found.entries[entry.order.order_id] = entry

    def heard(self, order: Order, now: Moment, portfolio: Optional[Portfolio]) -> None:
        """The broker has spoken of an order, which is now as given. To be called before `orders` says so too."""
        before = self._orders.get(order.order_id, order)
        was, live = _live_amount(before), _live_amount(order)
        for figure in _figures_of(order):
            found = self._figures.get(figure)
            if found is not None:
                found.sums = None
            entry = None if found is None else found.entries.get(order.order_id)
            if entry is None:
                if was != live:  # else a snapshot reflects it as before
                    low = min(was, live)
                    self._enter(figure, Entry(order, low, low, now), portfolio)
            elif order.status is not OrderStatus.new and (entry.heard is None or was != live):
                in_base, in_newest = min(entry.in_base, live), min(entry.in_newest, live)
                self._enter(figure, Entry(entry.order, in_base, in_newest, now), portfolio)

    def remove(self, orders: Iterable[Order]) -> None:
        """Take back `add`: the orders are proven not to have been sent."""
        for order in orders:
            for figure in _figures_of(order):
                found = self._figures.get(figure)
                if found is not None and order.order_id in found.entries:
                    del found.entries[order.order_id]
                    found.sums = None
                    if not found.entries:
                        del self._figures[figure]

    def take_snapshot(self, written: Optional[Moment]) -> None:
        """A new snapshot was read, and `portfolio` says it already. `written`: by both clocks; None: it knows nothing."""
        figures: Dict[Figure, InFlight] = {}
        for figure, found in self._figures.items():
            entries, unsettled = dict(found.entries), {}
            for order_id, entry in found.entries.items():
                if _is_settled(entry, written, self._lag):
                    live = _live_amount(self._orders.get(order_id, entry.order))
                    entries[order_id] = entry._replace(in_newest=live)
                else:
                    unsettled[order_id] = entry
            if len(entries) > MOST_ENTRIES and unsettled:
                figures[figure] = InFlight(None, unsettled)
            elif unsettled:
                figures[figure] = InFlight(found.base, entries)
        self._figures = figures

    def clear(self) -> None:
        """A snapshot was read that knows whatever happened before."""
        self._figures = {}

    def forget_sums(self) -> None:
        """A call was cut short: what was added up may be too much."""
        for found in list(self._figures.values()):
            found.sums = None

    def free(self, figure: Figure, portfolio: Optional[Portfolio]) -> int:
        """How much of a figure of the newest snapshot is certainly there: shares, or millionths of a yuan."""
        available = figure_of(portfolio, figure) or 0
        found = self._figures.get(figure)
        if found is None:
            return available
        if found.sums is None:
            found.sums = self._add_up(figure, found.entries)
        since_base, not_in_newest = found.sums
        if found.base is None:
            return available - not_in_newest
        return max(available - not_in_newest, min(found.base - since_base, available))

    def _add_up(self, figure: Figure, entries: Mapping[str, Entry]) -> Tuple[int, int]:
        since_base = not_in_newest = 0
        for order_id, entry in entries.items():
            order = self._orders.get(order_id, entry.order)
            live = self._taken(figure, order, _live_amount(order))
            since_base += max(live - self._taken(figure, order, entry.in_base), 0)
            not_in_newest += max(live - self._taken(figure, order, entry.in_newest), 0)
        return since_base, not_in_newest

    def _taken(self, figure: Figure, order: Order, shares: int) -> int:
        """What live shares of an order take from the figure."""
        return purchase_cost(order, self._values.get(order.order_id, 0), shares) if figure == CASH else shares


def purchase_cost(order: Order, value: int, shares: int) -> int:
    """What `shares` of a buy cost with estimated fees, in millionths of a yuan. `value`: what the whole order is worth."""
    if not shares:
        return 0
    cost = rounded_up(value * shares, order.amount)
    if shares == order.filled_amount:  # without a limit the price was a guess
        cost = max(cost, millionths(order.deal_balance))
    return cost + purchase_fees(order.code, cost)


def figure_of(portfolio: Optional[Portfolio], figure: Figure) -> Optional[int]:
    """What a snapshot says is available: shares, or millionths of a yuan."""
    if portfolio is None:
        return None
    if isinstance(figure, str):
        return millionths(portfolio.available_cash)
    code, side = figure
    positions = portfolio.long_positions if side is OrderSide.long else portfolio.short_positions
    position = positions.get(code)
    return 0 if position is None else position.available_amount


def _figures_of(order: Order) -> List[Figure]:
    figures: List[Figure] = []
    if order.action is OrderAction.close:
        figures.append((order.code, order.side))
    if order.is_buy:
        figures.append(CASH)
    return figures


def _live_amount(order: Order) -> int:
    """How many shares an order has frozen or traded."""
    return order.filled_amount if order.status.is_final else order.amount


def _is_settled(entry: Entry, written: Optional[Moment], lag: timedelta) -> bool:
    """Whether a snapshot written then certainly knows the order as it stands."""
    return written is not None and entry.heard is not None and written.is_after(entry.heard, lag)
