"""The paper exchange: takes orders of one account, matches them against quotes, and tells what became of them.

An order goes new -> open -> filling -> filled, or canceling -> canceled / partly_canceled, or new -> rejected, as at
the broker. Every state is kept until a front end takes it.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Dict, List, NamedTuple, Optional

from jqtrade.account.order import OrderStatus
from jqtrade.boards import Board, board_of
from jqtrade.paper.ledger import Holding, Ledger, Snapshot, worst_cost
from jqtrade.paper.quotes import Quote, Quotes
from jqtrade.paper.rules import ALWAYS_OPEN, HIGHEST_AMOUNT, HIGHEST_PRICE, Session, fees, session_at

SHARES_PER_STEP = 10000
"""An order fills at most so many shares when it comes in, and again in every step."""
STEP = timedelta(seconds=1)

_ZERO = Decimal(0)
_FINAL = frozenset([OrderStatus.filled, OrderStatus.partly_canceled, OrderStatus.canceled, OrderStatus.rejected])


class Fill(NamedTuple):
    """One trade."""

    price: Decimal
    amount: int


class PaperOrder(NamedTuple):
    """An order as it stands after something happened to it; a later event makes a new one."""

    order_id: str
    code: str
    is_buy: bool
    amount: int
    limit: Optional[Decimal]
    """yuan a share; None: a market order. 0 becomes the opposite best quote when the order comes in"""
    created: datetime
    updated: datetime
    status: OrderStatus = OrderStatus.new
    opened: Optional[datetime] = None
    number: str = ""
    """the exchange's number; empty before it is open"""
    filled: int = 0
    value: Decimal = _ZERO
    """of the fills, yuan, exact"""
    fees: Decimal = _ZERO
    canceled: int = 0
    text: str = ""
    """why it was refused or cancelled, in Chinese"""
    fill: Optional[Fill] = None
    """the trade that led to this state, if one did"""

    @property
    def remaining(self) -> int:
        return self.amount - self.filled - self.canceled

    @property
    def is_final(self) -> bool:
        return self.status in _FINAL

    @property
    def average_price(self) -> Decimal:
        """Yuan a share; 0 without a fill."""
        return self.value / self.filled if self.filled else _ZERO


class PaperExchange:
    """Matches the orders of one account. Time is what the calls say; it must not run backwards over midnight."""

    def __init__(self, ledger: Ledger, quotes: Quotes, now: datetime, keep_hours: bool = False) -> None:
        self.ledger = ledger
        self.orders: Dict[str, PaperOrder] = {}
        """today's orders by id"""
        self._quotes = quotes
        self._keep_hours = keep_hours
        self._day = now.date()
        self._open: Dict[str, None] = {}
        self._states: List[PaperOrder] = []
        self._numbers = 0

    def submit(
        self, order_id: str, code: str, is_buy: bool, amount: int, limit: Optional[Decimal], now: datetime
    ) -> Optional[str]:
        """Take an order of `amount` shares at `limit` yuan (0: the opposite best quote; None: a market order).

        What the exchange has against it comes as a rejected state. Returns None, or in Chinese why there is no order
        at all: its id is used already.
        """
        self._begin_day(now)
        if order_id in self.orders:
            return f"委托编号 {order_id} 重复"
        order = PaperOrder(order_id, code, is_buy, amount, limit, now, now)
        self._emit(order)
        quote = self._quotes.get(code, now)
        board = board_of(code)
        if board is None or quote is None:
            self._reject(order, f"证券代码 {code} 不存在或没有行情")
        elif limit is None:
            self._reject(order, "委托价格错误：柜台不接受市价委托，请使用限价委托")
        else:
            self._take(order, limit, board, quote, now)
        return None

    def cancel(self, order_id: str, now: datetime) -> Optional[str]:
        """Cancel an order. Returns None, or in Chinese why not; the order is then as it was."""
        self._begin_day(now)
        order = self.orders.get(order_id)
        if order is None:
            return f"撤单失败：没有编号为 {order_id} 的委托"
        if order.is_final:
            return f"撤单失败：委托 {order_id} 已经结束，不能撤单"
        if not self._session(now).cancel:
            return "撤单失败：当前时段不允许撤单"
        self._cancel(order, now, "")
        return None

    def advance(self, now: datetime) -> None:
        """Begin a new day if it is one, and match the open orders at the quotes of `now`."""
        self._begin_day(now)
        if self._session(now).match:
            for order_id in list(self._open):
                order = self.orders[order_id]
                quote = self._quotes.get(order.code, now)
                if quote is not None and (order.fill is None or now - order.updated >= STEP):
                    self._match(order, quote, now)

    def take_states(self) -> List[PaperOrder]:
        """What happened since the last call, oldest first; the same order may stand there several times."""
        states, self._states = self._states, []
        return states

    def snapshot(self, now: datetime) -> Snapshot:
        """The account's money at the quotes of `now`; `ledger.holdings` has them too then."""
        for holding in self.ledger.holdings.values():
            quote = self._quotes.get(holding.code, now)
            if quote is not None:
                holding.last_price = quote.last
        return self.ledger.snapshot()

    def adopt(self, order: PaperOrder, now: datetime) -> None:
        """Take over an order of today from an earlier process; its fills are in the ledger already.

        An order that is not final is open again, or cancelled if it was canceling.
        """
        self._numbers = max(self._numbers, int(order.number or 0))
        board = board_of(order.code)
        if board is not None:
            order = order._replace(fees=fees(board, order.is_buy, order.value))
        self.orders[order.order_id] = order
        if order.is_final:
            if self.ledger.is_open(order.order_id):
                self.ledger.close(order.order_id)
            return
        limit = order.limit
        assert board is not None and limit is not None  # it was open, so it passed the checks
        if not self.ledger.is_open(order.order_id):
            self.ledger.open(order.order_id, order.code, board, order.is_buy)
        was_canceling = order.status is OrderStatus.canceling
        if not order.number:
            self._numbers += 1
            order = order._replace(number=str(self._numbers))
        order = order._replace(opened=order.opened or order.created)
        self._open[order.order_id] = None
        if order.remaining == 0:
            self._emit(order._replace(status=OrderStatus.filled))
            self._finish(order.order_id)
            return
        self.ledger.freeze(order.order_id, limit, order.remaining)
        order = order._replace(status=OrderStatus.filling if order.filled else OrderStatus.open)
        self._emit(order)
        if was_canceling:
            self._cancel(order, now, order.text)

    def _take(self, order: PaperOrder, limit: Decimal, board: Board, quote: Quote, now: datetime) -> None:
        reason = _form_objection(order.amount, limit, board)
        if limit == 0:
            limit = quote.buy_price if order.is_buy else quote.sell_price
        reason = reason or self._objection(order, limit, board, now)
        if reason is not None:
            self._reject(order, reason)
            return
        self._numbers += 1
        self.ledger.open(order.order_id, order.code, board, order.is_buy)
        self.ledger.freeze(order.order_id, limit, order.amount)
        order = order._replace(status=OrderStatus.open, limit=limit, opened=now, number=str(self._numbers))
        self._open[order.order_id] = None
        self._emit(order)
        if self._session(now).match:
            self._match(order, quote, now)

    def _objection(self, order: PaperOrder, limit: Decimal, board: Board, now: datetime) -> Optional[str]:
        """Why a well-formed order is refused now, in Chinese, or None."""
        if not self._session(now).submit:
            return f"当前时间 {now:%H:%M:%S} 不允许委托"
        if order.is_buy:
            return self._buy_objection(order.amount, limit, board)
        return self._sell_objection(order, board)

    def _buy_objection(self, amount: int, limit: Decimal, board: Board) -> Optional[str]:
        if amount < board.min_amount or amount % board.step:
            return _lot_text("买入", amount, board)
        cost = worst_cost(board, limit, amount)
        if cost > self.ledger.cash:
            return f"可用资金不足：需要 {cost:.2f} 元，可用 {self.ledger.cash:.2f} 元"
        return None

    def _sell_objection(self, order: PaperOrder, board: Board) -> Optional[str]:
        holding = self.ledger.holdings.get(order.code) or Holding(order.code, _ZERO)
        available = holding.available
        if order.amount > available:
            text = f"可用股份不足：委托卖出 {order.amount} 股，可用 {available} 股"
            if holding.bought_today:
                text += f"，当日买入的 {holding.bought_today} 股下一交易日才能卖出（T+1）"
            return text
        if order.amount == available or order.amount % board.step == 0 and order.amount >= board.min_amount:
            return None
        if board.step > 1 and order.amount % board.step == available % board.step:
            return None
        return _lot_text("卖出", order.amount, board) + "；不足一手的零股须一次性卖出"

    def _match(self, order: PaperOrder, quote: Quote, now: datetime) -> None:
        """Fill one part of an open order if the quote crosses its limit, at the quote."""
        assert order.limit is not None
        price = quote.buy_price if order.is_buy else quote.sell_price
        if price > order.limit if order.is_buy else price < order.limit:
            return
        amount = min(order.remaining, SHARES_PER_STEP)
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

    def _reject(self, order: PaperOrder, text: str) -> None:
        self._emit(order._replace(status=OrderStatus.rejected, text=text))

    def _finish(self, order_id: str) -> None:
        del self._open[order_id]
        self.ledger.close(order_id)

    def _begin_day(self, now: datetime) -> None:
        if now.date() <= self._day:
            return
        for order_id in list(self._open):
            self._cancel(self.orders[order_id], now, "收盘后未成交的委托自动撤销")
        self.ledger.new_day()
        self.orders.clear()
        self._day = now.date()
        self._numbers = 0

    def _session(self, now: datetime) -> Session:
        return session_at(now) if self._keep_hours else ALWAYS_OPEN

    def _emit(self, order: PaperOrder) -> None:
        self.orders[order.order_id] = order
        self._states.append(order)


def _form_objection(amount: int, limit: Decimal, board: Board) -> Optional[str]:
    """Why an order is refused at any time, in Chinese, or None."""
    if not 0 < amount <= HIGHEST_AMOUNT:
        return f"委托数量 {amount} 超出范围"
    if not 0 <= limit <= HIGHEST_PRICE:
        return f"委托价格 {limit} 超出范围"
    if limit % board.tick != 0:
        return f"委托价格 {limit} 不是最小变动单位 {board.tick} 的整数倍"
    return None


def _lot_text(verb: str, amount: int, board: Board) -> str:
    rule = f"应为 {board.step} 的整数倍" if board.step > 1 else f"应不少于 {board.min_amount} 股"
    return f"委托数量错误：{board.name}{verb} {amount} 股，{rule}"
