"""RiskLimits: what is refused before it is sent. Each rule has the name of its option; the rules of the boards: jqtrade.boards."""

from collections import deque
from datetime import datetime
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from jqtrade.account.order import MarketOrderStyle, Order, OrderAction, OrderSide, format_price
from jqtrade.account.portfolio import Portfolio, Position
from jqtrade.boards import SOLD_WITHOUT_HOLDING, Board, board_of
from jqtrade.clock import Clock
from jqtrade.errors import InvalidOrder
from jqtrade.log import format_seconds

SECOND = 1.0
MILLION = 10**6
UNKNOWN_BOARD_MAXIMUM = 1000000


class RiskLimits:
    """The bounds of one task's orders, and the counts that some of them need.

    Orders and cancels that went to the broker are counted, also those of which nobody knows it; the account counts them
    anew from the journal after a restart. Cancels are counted, never refused.
    """

    def __init__(self, options: Mapping[str, Any], clock: Clock, is_halted: Callable[[], bool] = lambda: False) -> None:
        """`options`: all of the strategy's, by name. `is_halted`: whether somebody has halted the task (halt_task)."""
        self._options = options
        self._clock = clock
        self.is_halted = is_halted
        self.start_day({})

    def start_day(self, orders: Mapping[str, Order]) -> None:
        """Forget what was counted: a new day has begun, or the journal is about to tell it anew.

        `orders`: the day's orders by id, as they stand at any time.
        """
        self._orders = orders
        self._cancels = 0
        self._values: Dict[str, float] = {}
        """what each order that was counted is worth, yuan"""
        self._total = 0.0
        """what all of them are worth"""
        self._spent: Optional[float] = None
        """yuan that the purchases have frozen or used of which the snapshot does not know; None: to be added up"""
        self._closing: Dict[Tuple[str, OrderSide], int] = {}
        """shares, by code and side, that such orders sell or have sold, as far as they are added up"""
        self._recent: Deque[Tuple[float, str]] = deque()
        """of the last second, when and which order; a cancel has no id"""
        self._since_snapshot: Dict[str, Set[str]] = {}
        """by code, ids of the orders that the snapshot does not know of"""

    def take_snapshot(self, written: Optional[datetime] = None) -> None:
        """A new snapshot of cash and positions was read: it leaves out what the orders before it have frozen.

        `written`: when the broker's side wrote it down, where that is known. It then leaves out only orders that were
        sent before and that the broker has spoken of.
        """
        self.orders_changed()
        for code, order_ids in list(self._since_snapshot.items()):
            if written is None:
                order_ids.clear()
            for order in self._since(code):
                if written is not None and order.create_time <= written and (order.confirmed or order.status.is_final):
                    order_ids.discard(order.order_id)
            if not order_ids:
                del self._since_snapshot[code]

    def count_order(self, order: Order, value: float, age: float = 0.0) -> None:
        """Count an order of `value` yuan that goes, or may have gone, to the broker `age` seconds ago."""
        self._values[order.order_id] = value
        self._total += value
        if self._spent is not None:
            self._spent += self._spent_on(order)
        if order.action is OrderAction.close and (order.code, order.side) in self._closing:
            self._closing[order.code, order.side] += _live_amount(order)
        self._since_snapshot.setdefault(order.code, set()).add(order.order_id)
        self._stamp(order.order_id, age)

    def orders_changed(self) -> None:
        """The broker has spoken of orders: how they stand now counts."""
        self._spent = None
        self._closing.clear()

    def count_cancel(self, age: float = 0.0) -> None:
        """Count a cancel that went to the broker `age` seconds ago."""
        self._cancels += 1
        self._stamp("", age)

    def _stamp(self, order_id: str, age: float) -> None:
        if age < SECOND:  # below 0 when the clock was set back since: it may have been this very second
            self._recent.append((self._clock.monotonic() - max(age, 0.0), order_id))

    def restamp(self, orders: Sequence[Order]) -> None:
        """`orders`, the last that were counted, have only now reached the broker: sending may have waited."""
        for order in reversed(orders):
            if self._recent and self._recent[-1][1] == order.order_id:
                self._recent.pop()
        now = self._clock.monotonic()
        self._recent.extend([(now, order.order_id) for order in orders])

    def uncount_orders(self, orders: Sequence[Order]) -> None:
        """Take back `count_order`: the orders are proven not to have been sent."""
        for order in orders:
            self._values.pop(order.order_id, None)
            self._since_snapshot.get(order.code, set()).discard(order.order_id)
        self._total = sum(self._values.values())
        self.orders_changed()
        ids = {order.order_id for order in orders}
        self._recent = deque(entry for entry in self._recent if entry[1] not in ids)

    def value_of(self, order: Order, portfolio: Optional[Portfolio]) -> Optional[float]:
        """What `order` is worth at its limit price or else at the last known price, in yuan; None if neither is known."""
        price = order.price or _last_price(order, portfolio)
        return price * order.amount if price else None

    def counted_value(self, order: Order) -> float:
        """What an order that was counted is worth, in yuan."""
        return self._values.get(order.order_id, 0.0)

    def forget_sums(self) -> None:
        """An exception cut a call short: add up anew what was added up."""
        self.orders_changed()
        self._total = sum(self._values.values())

    def is_stale(self, portfolio: Optional[Portfolio], now: datetime) -> bool:
        """Whether it is trading time and the snapshot is older than max_snapshot_age."""
        longest = self._options["max_snapshot_age"]
        if longest is None:
            return False
        if portfolio is not None and 0 <= (now - portfolio.updated_time).total_seconds() <= longest:
            return False
        return any(start <= now.time() <= end for start, end in self._options["market_period"])

    def check(self, order: Order, portfolio: Optional[Portfolio], now: datetime) -> None:
        """Raise InvalidOrder, with rule, value and limit, if `order` must not be sent now.

        Whether the task is halted is not looked at here: one look is enough for a batch.
        """
        board = board_of(order.code)
        self._check_code(order, board)
        if board is not None and self._options["lot_check"]:
            _check_lot(order, board)
        self._check_size(order, board, portfolio)
        self._check_price(order, portfolio)
        self._check_age(portfolio, now)
        self._check_holding(order, portfolio)
        self._check_counts(order, portfolio)

    def _check_code(self, order: Order, board: Optional[Board]) -> None:
        allowed, blocked = self._options["allowed_codes"], self._options["blocked_codes"]
        if allowed is not None and order.code not in allowed:
            raise InvalidOrder(f"allowed_codes 里没有 {order.code}，只允许其中的 {len(allowed)} 只")
        if order.code in blocked:
            raise InvalidOrder(f"{order.code} 在 blocked_codes 里")
        if board is None and self._options["lot_check"]:
            number, _, exchange = order.code.partition(".")
            other = number + (".XSHE" if exchange == "XSHG" else ".XSHG")
            board = board_of(other)
            if board is not None:
                raise InvalidOrder(f"lot_check：{order.code} 的后缀不对，{number} 是{board.name}的代码，应写 {other}")

    def _check_size(self, order: Order, board: Optional[Board], portfolio: Optional[Portfolio]) -> None:
        largest, whose = self._options["max_order_amount"], "选项设置的上限"
        if largest is None and board is None:
            largest, whose = UNKNOWN_BOARD_MAXIMUM, "不认识这个板块，按主板的上限"
        elif largest is None and board is not None:
            at_market = isinstance(order.style, MarketOrderStyle)
            largest = board.max_market_amount if at_market else board.max_limit_amount
            whose = "交易所对{}{}单的上限".format(board.name, "市价" if at_market else "限价")
        if order.amount > largest:
            raise InvalidOrder(f"max_order_amount：委托数量 {order.amount} 超过 {largest}，{whose}")
        highest = self._options["max_order_value"]
        if highest is not None:
            value = self._known_value(order, portfolio, "max_order_value")
            if value > highest:
                raise InvalidOrder(f"max_order_value：委托金额 {value:.2f} 元超过 {highest:.2f} 元")

    def _known_value(self, order: Order, portfolio: Optional[Portfolio], rule: str) -> float:
        value = self.value_of(order, portfolio)
        if value is None:
            raise InvalidOrder(f"{rule}：没有限价，也不知道 {order.code} 最近的价格，无法核对金额；请用限价单")
        return value

    def _check_price(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        largest = self._options["price_deviation"]
        last = 0.0 if largest is None or not order.price else _last_price(order, portfolio)
        deviation = abs(order.price / last - 1) if last else 0.0
        if last and deviation > largest + 1e-9:
            raise InvalidOrder(
                f"price_deviation：限价 {format_price(order.price)} 偏离最近的价格 {format_price(last)} "
                f"达 {deviation:.1%}，超过 {largest:.1%}"
            )

    def _check_age(self, portfolio: Optional[Portfolio], now: datetime) -> None:
        if not self.is_stale(portfolio, now):
            return
        longest = format_seconds(self._options["max_snapshot_age"])
        if portfolio is None:
            raise InvalidOrder(f"max_snapshot_age：资金和持仓还没有一次读全，上限是 {longest}之内，原因见前面的日志")
        raise InvalidOrder(
            f"max_snapshot_age：资金和持仓最近一次读全是 {portfolio.updated_time:%H:%M:%S}，已超过 {longest}，原因见前面的日志"
        )

    def _check_holding(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        if (
            self._options["sell_check"]
            and order.action is OrderAction.close
            and not order.code.startswith(SOLD_WITHOUT_HOLDING)
        ):
            if portfolio is None:
                raise InvalidOrder("sell_check：资金和持仓还没有一次读全，不知道可卖数量")
            positions = portfolio.long_positions if order.side is OrderSide.long else portfolio.short_positions
            position = positions[order.code]
            available = position.available_amount
            closing = self._closing_amount(order.code, order.side)
            if order.amount > available - closing:
                raise InvalidOrder(
                    f"sell_check：卖出 {order.amount} 股，超过可卖的 {max(available - closing, 0)} 股"
                    f"（同步到 {available} 股，之后已委托 {closing} 股）{_locked_text(position)}"
                )
        if self._options["cash_check"] and order.is_buy:
            value = self._known_value(order, portfolio, "cash_check")
            cash = 0.0 if portfolio is None else portfolio.available_cash
            if self._spent is None:
                self._spent = sum(self._spent_on(other) for code in self._since_snapshot for other in self._since(code))
            spent = self._spent
            if value > cash - spent:
                raise InvalidOrder(
                    f"cash_check：需要 {value:.2f} 元，超过可用的 {max(cash - spent, 0.0):.2f} 元"
                    f"（同步到 {cash:.2f} 元，之后已委托 {spent:.2f} 元）"
                )

    def _closing_amount(self, code: str, side: OrderSide) -> int:
        """How many shares the orders sell, or have sold, of which the snapshot does not know."""
        if (code, side) not in self._closing:
            self._closing[code, side] = sum(
                _live_amount(other)
                for other in self._since(code)
                if other.side is side and other.action is OrderAction.close
            )
        return self._closing[code, side]

    def _spent_on(self, order: Order) -> float:
        """Yuan that an order has frozen or used; of one that is about to be sent, all that it is worth."""
        return self._values[order.order_id] * _live_amount(order) / order.amount if order.is_buy else 0.0

    def _since(self, code: str) -> List[Order]:
        """The orders in `code` that the snapshot does not know of."""
        return [self._orders[order_id] for order_id in self._since_snapshot.get(code, ())]

    def _check_counts(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        now = self._clock.monotonic()
        while self._recent and self._recent[0][0] <= now - SECOND:
            self._recent.popleft()
        count, most = len(self._recent), self._options["max_orders_per_second"]
        if count >= most:
            raise InvalidOrder(f"max_orders_per_second：最近 1 秒已有 {count} 笔委托和撤单，上限 {most} 笔")
        count, most = len(self._values) + self._cancels, self._options["max_orders_per_day"]
        if count >= most:
            raise InvalidOrder(f"max_orders_per_day：今天已有 {count} 笔委托和撤单，上限 {most} 笔")
        highest = self._options["max_daily_value"]
        if highest is not None:
            total = self._total + self._known_value(order, portfolio, "max_daily_value")
            if total > highest:
                raise InvalidOrder(f"max_daily_value：今天的委托金额将达 {total:.2f} 元，超过 {highest:.2f} 元")


def _locked_text(position: Position) -> str:
    """What else is held and cannot be sold now."""
    if not position.locked_amount:
        return ""
    return f"，另有 {position.locked_amount} 股不能卖：在卖的，或当天买入、下一交易日才能卖的（T+1）"


def _live_amount(order: Order) -> int:
    """How many shares an order has frozen or traded, of which the snapshot does not know yet."""
    return order.filled_amount if order.status.is_final else order.amount


def _check_lot(order: Order, board: Board) -> None:
    millionths = round(order.price * MILLION)  # exact: prices have 6 decimals
    if millionths % round(float(board.tick) * MILLION):
        raise InvalidOrder(
            f"lot_check：限价 {format_price(order.price)} 不是 {board.name}最小价位 {board.tick} 的整数倍"
        )
    if order.is_buy and (order.amount < board.min_amount or order.amount % board.step):
        multiple = f"，且为 {board.step} 的整数倍" if board.step > 1 else ""
        raise InvalidOrder(f"lot_check：买入 {order.amount} 股，{board.name}每笔至少 {board.min_amount} 股{multiple}")


def _last_price(order: Order, portfolio: Optional[Portfolio]) -> float:
    """The price that the last snapshot gives for the order's security; 0 if it gives none."""
    if portfolio is None:
        return 0.0
    for positions in (portfolio.long_positions, portfolio.short_positions):
        position = positions.get(order.code)
        if position is not None and position.last_price:
            return position.last_price
    return 0.0
