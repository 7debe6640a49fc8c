"""The paper exchange: takes orders of one account, matches them against quotes, and tells what became of them.

An order goes new -> open -> filling -> filled, or canceling -> canceled / partly_canceled, or new -> rejected, as at
the broker. Every state is kept until a front end takes it.
"""

from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple

from jqtrade.account.order import OrderStatus
from jqtrade.market.boards import Board, board_of
from jqtrade.market.freshness import Freshness
from jqtrade.market.quotes import Quote, Quotes, TradedInterval
from jqtrade.market.sessions import (
    ALWAYS_OPEN,
    CLOSING,
    CONTINUOUS,
    DAY_OFF,
    END_OF_DAY,
    FIXED_PRICE,
    HOLIDAY,
    OPENING,
    OPENING_IS_PAST,
    Session,
    session_at,
)
from jqtrade.paper.ledger import Ledger, Snapshot
from jqtrade.paper.order_checks import order_objection, security_objection
from jqtrade.paper.paper_order import Fill, PaperOrder
from jqtrade.paper.terms import ExchangeTerms
from jqtrade.paper.volume import SHARES_PER_STEP, Volume

__all__ = ["DEFAULT_TERMS", "SHARES_PER_STEP", "STEP", "Fill", "PaperExchange", "PaperOrder"]

STEP = timedelta(seconds=1)
DEFAULT_TERMS = ExchangeTerms()
_DAY, _MOMENT = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%f"
_EXPIRED = "收盘后未成交的委托自动撤销"


class PaperExchange:
    """Matches the orders of one account. Time is what the calls say; it must not run backwards over midnight.

    With quotes that keep history, what happens does not depend on how often `advance` is called. `keep_hours`: the
    exchange keeps the sessions of sessions.py, on the days that the quotes call trading days, and the rules of
    price_rules.py. Otherwise it is always open, at any price, without auctions: to try a strategy out at night.
    """

    def __init__(
        self,
        ledger: Ledger,
        quotes: Quotes,
        now: datetime,
        keep_hours: bool = False,
        terms: ExchangeTerms = DEFAULT_TERMS,
        freshness: Optional[Freshness] = None,
    ) -> None:
        """The books are opened already: of `terms`, the commission is the ledger's affair (Ledger(cash, terms.rates)).

        `freshness`: which prices are too old to fill an order; None: none is, as in a replay, whose bars have their own time.
        """
        self.on_state: Optional[Callable[[PaperOrder], None]] = None
        """is told of every state as it comes, besides `take_states`"""
        self.ledger = ledger
        self.orders: Dict[str, PaperOrder] = {}
        """today's orders by id"""
        self.changes = 0
        """grows whenever something happens that must not be forgotten"""
        self._quotes = quotes
        self._keep_hours = keep_hours
        self._freshness = freshness
        self._volume = Volume(terms.volume_share)
        self._actions = terms.actions
        self.day = now.date()
        """of the orders"""
        self._seen = now
        self._open: Dict[str, None] = {}
        self._matched_at: object = None
        """what the quotes are known by at which all open orders were matched"""
        self._states: List[PaperOrder] = []
        self._numbers = 0
        ledger.use_day(self.day)

    def submit(
        self, order_id: str, code: str, is_buy: bool, amount: int, limit: Optional[Decimal], now: datetime
    ) -> Optional[str]:
        """Take an order of `amount` shares at `limit` yuan (0: the opposite best quote; None: a market order).

        What the exchange has against it comes as a rejected state. Returns None, or in Chinese why there is no order
        at all: its id is used already.
        """
        self.advance(now)
        if order_id in self.orders:
            return f"委托编号 {order_id} 重复"
        order = PaperOrder(order_id, code, is_buy, amount, limit, now, now)
        # All that can fail comes before anybody is told of the order: it must not stay new for ever.
        quote, session, board = self._quote(code, now), self._session(now, code), board_of(code)
        reason = security_objection(code, board, quote)
        if reason is None and limit is None:
            reason = "委托价格错误：柜台不接受市价委托，请使用限价委托"
        if reason is None:
            assert board is not None and quote is not None and limit is not None
            reason = order_objection(order, limit, board, quote, session, self.ledger, self._keep_hours)
            days = self._quotes.trading_days
            if session.kind == HOLIDAY and days and now.date() > days[-1]:
                reason = f"行情只到 {days[-1]}，没有 {now:%Y-%m-%d} 的，不能委托"
        self._emit(order)
        if reason is not None:
            self._emit(order._replace(status=OrderStatus.rejected, text=reason))
        else:
            assert board is not None and quote is not None and limit is not None
            self._take(order, limit, board, quote, session, now)
        return None

    def cancel(self, order_id: str, now: datetime) -> Optional[str]:
        """Cancel an order. Returns None, or in Chinese why not; the order is then as it was."""
        self.advance(now)
        order = self.orders.get(order_id)
        if order is None:
            return f"撤单失败：没有编号为 {order_id} 的委托"
        if order.is_final:
            return f"撤单失败：委托 {order_id} 已经结束，不能撤单"
        if not self._session(now, order.code).cancel:
            return "撤单失败：当前时段不允许撤单"
        self._cancel(order, now, "")
        return None

    def advance(self, now: datetime) -> None:
        """Begin a new day if it is one, and match the open orders at what was traded since the last call."""
        if now.date() > self.day:
            self._begin_day(now)
        if self._open:
            self._trade(now)
        self._seen = now

    def dump(self) -> Dict[str, Any]:
        """All that is to be kept beside `orders`, for JSON."""
        return {
            "day": self.day.strftime(_DAY),
            "seen": self._seen.strftime(_MOMENT),
            "numbers": self._numbers,
            "volume": {code: list(used) for code, used in self._volume.used.items()},
            "ledger": self.ledger.dump(),
        }

    def load(self, state: Dict[str, Any], orders: List[PaperOrder]) -> None:
        """Go on, before anything else, where the exchange was that told `state` by `dump` and had `orders`."""
        self.day = datetime.strptime(state["day"], _DAY).date()
        self._seen = datetime.strptime(state["seen"], _MOMENT)
        self._numbers = state["numbers"]
        self._volume.used = {code: (bar, used) for code, (bar, used) in state["volume"].items()}
        self.ledger.use_day(self.day)
        self.ledger.load(state["ledger"])
        self.orders = {order.order_id: order for order in orders}
        self._open = {order.order_id: None for order in orders if not order.is_final}

    @property
    def has_news(self) -> bool:
        """Whether `take_states` would return something."""
        return bool(self._states)

    def take_states(self) -> List[PaperOrder]:
        """What happened since the last call, oldest first; the same order may stand there several times."""
        states, self._states = self._states, []
        return states

    def tell_again(self) -> None:
        """Whoever took states lost them on the way: let `take_states` tell once more how every order of today stands."""
        self._states = list(self.orders.values())

    def snapshot(self, now: datetime) -> Snapshot:
        """The account's money at the quotes of `now`; `ledger.holdings` has them too then."""
        for holding in self.ledger.holdings.values():
            quote = self._quote(holding.code, now)
            if quote is not None:
                holding.last_price = quote.last
        return self.ledger.snapshot()

    def _take(
        self, order: PaperOrder, limit: Decimal, board: Board, quote: Quote, session: Session, now: datetime
    ) -> None:
        if limit == 0:
            limit = quote.buy_price if order.is_buy else quote.sell_price
        self._numbers += 1
        self.ledger.reserve(order.order_id, order.code, board, order.is_buy, limit, order.amount)
        order = order._replace(status=OrderStatus.open, limit=limit, opened=now, number=str(self._numbers))
        self._open[order.order_id] = None
        self._emit(order)
        self._match(order, quote, session, now)

    def _trade(self, now: datetime) -> None:
        """Let the open orders meet all that was traded since the last look, in the order of time."""
        events: List[Tuple[datetime, int, Callable[[datetime], None]]] = []
        if self._keep_hours:
            opening, closing, end = [
                datetime.combine(self.day, time_of_day) for time_of_day in (OPENING, CLOSING, END_OF_DAY)
            ]
            # A source that knows only this moment cannot tell the auction's price any more once trading has gone on.
            for moment, latest in ((opening, OPENING_IS_PAST), (closing, END_OF_DAY)):
                if self._seen < moment <= now and (self._quotes.knows_past or now.time() < latest):
                    events.append((moment, 1, self._hold_auction))
            if self._seen < end <= now:
                events.append((end, 3, self._expire))
        if self._quotes.keeps_history:
            by_code: Dict[str, List[str]] = {}
            for order in sorted((self.orders[order_id] for order_id in self._open), key=_rank):
                by_code.setdefault(order.code, []).append(order.order_id)
            for code, order_ids in by_code.items():
                for interval in self._quotes.traded_intervals(code, self._seen, now):
                    events.append((interval.end, 0, partial(self._match_interval, order_ids, interval)))
        else:
            events.append((now, 2, self._match_all))
        for moment, _, happen in sorted(events, key=lambda event: event[:2]):
            happen(moment)

    def _match_all(self, now: datetime) -> None:
        """Match the open orders at the quotes of this moment.

        Of those that were matched at the same quotes before only one that is filled in part can be filled further.
        """
        moment = self._quotes.moment(now)
        were_matched = moment == self._matched_at and not self._keep_hours
        for order_id in list(self._open):
            order = self.orders[order_id]
            if were_matched and not order.filled:
                continue
            quote = self._quote(order.code, now)
            if quote is not None and (order.fill is None or now - order.updated >= STEP):
                self._match(order, quote, self._session(now, order.code), now)
        self._matched_at = moment

    def _match(self, order: PaperOrder, quote: Quote, session: Session, now: datetime) -> None:
        """Fill one part of an open order if the quote crosses its limit, at the quote."""
        if session.kind == FIXED_PRICE:
            if order.opened is not None and order.opened.time() >= session.start:
                self._fill_if_new(order, quote.last, now, quote)
        elif session.kind == CONTINUOUS and (quote.is_fresh or not self._keep_hours):
            self._fill_if_new(order, quote.buy_price if order.is_buy else quote.sell_price, now, quote)

    def _match_interval(self, order_ids: List[str], interval: TradedInterval, now: datetime) -> None:
        """Match orders of one code, in this order, at what was traded in an interval of continuous trading.

        An order that was there from the start gets the interval's open if that is good enough, else its own limit if the
        price came that far; one that came later gets the close or nothing.
        """
        for order_id in order_ids:
            order = self.orders[order_id]
            assert order.limit is not None and order.opened is not None
            if order_id not in self._open or (
                interval.low > order.limit if order.is_buy else interval.high < order.limit
            ):
                continue
            if self._session(interval.start, order.code).kind != CONTINUOUS:
                return
            price = interval.close
            if order.opened <= interval.start:
                price = min(interval.open, order.limit) if order.is_buy else max(interval.open, order.limit)
            self._fill(order, price, now, interval.volume, interval.bar)

    def _hold_auction(self, moment: datetime) -> None:
        """Match what was collected, all of a code at one price; the better priced orders first, then the earlier ones."""
        self.changes += 1
        waiting = [self.orders[order_id] for order_id in self._open]
        waiting = [order for order in waiting if order.opened is not None and order.opened < moment]
        for order in sorted(waiting, key=_rank):
            quote = self._quotes.auction(order.code, moment)
            if quote is not None and not quote.paused:
                self._fill_if_new(order, quote.last, moment, quote, whole=quote.volume is None)

    def _fill_if_new(self, order: PaperOrder, price: Decimal, now: datetime, quote: Quote, whole: bool = False) -> None:
        """Fill at a price of `quote`, if that is not too old for it."""
        if _is_good_enough(price, order) and (
            self._freshness is None or self._freshness.allows(order.code, self._quotes.known_at(order.code, now), now)
        ):
            self._fill(order, price, now, quote.volume, quote.bar, whole)

    def _fill(
        self, order: PaperOrder, price: Decimal, now: datetime, volume: Optional[int], bar: int, whole: bool = False
    ) -> None:
        """Fill of an open order what there is volume for, if `price` is as good as its limit; `whole`: all of it."""
        if not _is_good_enough(price, order):
            return
        amount = order.remaining if whole else self._volume.take(order, volume, bar)
        if amount == 0:
            return
        cost = self.ledger.fill(order.order_id, price, amount)
        order = order._replace(
            status=OrderStatus.filled if amount == order.remaining else OrderStatus.filling,
            filled=order.filled + amount,
            value=order.value + price * amount,
            fees=cost,
            fill=Fill(price, amount),
            updated=now,
        )
        self._emit(order)
        if order.is_final:
            self._finish(order.order_id)

    def _cancel(self, order: PaperOrder, now: datetime, text: str) -> None:
        order = order._replace(status=OrderStatus.canceling, updated=now, fill=None, text=text)
        self._emit(order)
        status = OrderStatus.partly_canceled if order.filled else OrderStatus.canceled
        self._emit(order._replace(status=status, canceled=order.remaining))
        self._finish(order.order_id)

    def _expire(self, now: datetime) -> None:
        for order_id in list(self._open):
            self._cancel(self.orders[order_id], now, _EXPIRED)

    def _finish(self, order_id: str) -> None:
        del self._open[order_id]
        self.ledger.release(order_id)

    def _begin_day(self, now: datetime) -> None:
        if self._open and (self._keep_hours or self._quotes.keeps_history):
            self._trade(datetime.combine(self.day, time.max))
        self._expire(now)
        before, self.day = self.day, now.date()
        self.ledger.new_day(self.day)
        for code in list(self.ledger.holdings):
            for action in self._actions.of(code, before, self.day):
                self.ledger.apply_corporate_action(action)
        self.orders.clear()
        self._volume.used.clear()
        self._seen = datetime.combine(self.day, time.min)
        self._numbers = 0
        self.changes += 1

    def _quote(self, code: str, now: datetime) -> Optional[Quote]:
        quote = self._quotes.get(code, now)
        return None if quote is None else self._actions.adjust(code, quote, self.day)

    def _session(self, now: datetime, code: str) -> Session:
        if not self._keep_hours:
            return ALWAYS_OPEN
        return session_at(now, code) if self._quotes.is_trading_day(now.date()) else DAY_OFF

    def _emit(self, order: PaperOrder) -> None:
        self.orders[order.order_id] = order
        self.changes += 1
        self._states.append(order)
        if self.on_state is not None:
            self.on_state(order)


def _is_good_enough(price: Decimal, order: PaperOrder) -> bool:
    assert order.limit is not None
    return price <= order.limit if order.is_buy else price >= order.limit


def _rank(order: PaperOrder) -> Tuple[bool, Decimal]:
    """By price; sorting keeps the earlier of two at the same price in front."""
    assert order.limit is not None
    return order.is_buy, -order.limit if order.is_buy else order.limit
