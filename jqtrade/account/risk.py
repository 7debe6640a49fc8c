"""RiskLimits: what is refused before it is sent. Each rule has the name of its option; the rules of the boards: jqtrade.market.boards."""

from collections import Counter
from datetime import datetime
from typing import Any, Callable, Iterable, List, Mapping, NamedTuple, Optional, Sequence

from jqtrade.account.in_flight import CASH, InFlightOrders, Moment, figure_of, purchase_cost
from jqtrade.account.journal_rows import RecordedOrder
from jqtrade.account.money import MILLION, format_yuan, millionths, scaled, yuan_of
from jqtrade.account.order import MarketOrderStyle, Order, OrderAction, OrderSide, OrderStatus, format_price
from jqtrade.account.order_counts import SECOND, OrderCounts
from jqtrade.account.portfolio import Portfolio, Position
from jqtrade.account.prices import BILLION, LatestPrices
from jqtrade.clock import Clock
from jqtrade.errors import InvalidOrder
from jqtrade.log import format_seconds
from jqtrade.market.boards import Board, board_of, is_reverse_repo

UNKNOWN_BOARD_MAXIMUM = 1000000
SENDING_TIME = 1.0
"""seconds that an order may take from its creation to the order file, beside the wait for its lock"""


class _Day(NamedTuple):
    """What is known of one day: put in place at once, so that nobody meets half of it."""

    counts: OrderCounts
    in_flight: InFlightOrders
    prices: LatestPrices


class RiskLimits:
    """The bounds of one task's orders, and the counts that some of them need.

    Orders and cancels that went to the broker are counted, also those of which nobody knows it; the account counts them
    anew from the journal after a restart. Cancels are counted, never refused. Money is in millionths of a yuan here.
    """

    def __init__(self, options: Mapping[str, Any], clock: Clock, is_halted: Callable[[], bool] = lambda: False) -> None:
        """`options`: all of the strategy's, by name. `is_halted`: whether somebody has halted the task (halt_task)."""
        self._options = options
        self._clock = clock
        self.is_halted = is_halted
        self._max_order_value = _money(options["max_order_value"])
        self._max_daily_value = _money(options["max_daily_value"])
        largest = options["price_deviation"]
        self._max_deviation = None if largest is None else scaled(largest, BILLION)
        self._portfolio: Optional[Portfolio] = None
        self._written: Optional[Moment] = None
        """when the newest snapshot was written; None: it is not known to know of any order"""
        self.start_day({})

    def start_day(
        self, orders: Mapping[str, Order], sent: Sequence[RecordedOrder] = (), cancels: Sequence[datetime] = ()
    ) -> None:
        """Count anew: a new day has begun, or the journal tells what was `sent` today, or may have been, and when `cancels`
        were asked for.

        `orders`: the day's orders by id, as they stand at any time. Whose last word was heard nobody knows when (`heard` is
        None) counts as heard just now.
        """
        now = Moment(self._clock.now(), self._clock.monotonic())
        counts = OrderCounts(self._clock)
        in_flight = InFlightOrders(orders, counts.values, self._options["snapshot_lag"])
        prices = LatestPrices()
        asked = [record.order for record in sent]
        prices.note_fills(asked)
        values = {order.order_id: millionths(value) or prices.value_of(order, None) or 0 for order, value, _, _ in sent}
        calls = Counter([order.create_time for order in asked] + list(cancels))
        recent_calls = {moment for moment, number in calls.items() if self._may_be_recent(moment, number, now.wall)}
        recent = [order.order_id for order in asked if order.create_time in recent_calls]
        recent_cancels = sum(moment in recent_calls for moment in cancels)
        counts.count_before(values, len(cancels), recent, recent_cancels)
        for order, _, _, heard in sent:
            listed = orders.get(order.order_id)  # how it stands, also where the journal could not take that
            in_flight.add_before(listed or order, _heard_before(listed, heard, now), self._written)
        self._day = _Day(counts, in_flight, prices)

    def _may_be_recent(self, asked: datetime, number: int, now: datetime) -> bool:
        """Whether the last of a `number` asked for at once may have reached the broker in the last second.

        Nobody knows when it did: a gate of the user's own may wait before each one. If the clock was set back since, it
        may have too.
        """
        longest: float = (self._options["wait_lock_time_out"] + SENDING_TIME) * number + SECOND
        return (now - asked).total_seconds() < longest

    def take_snapshot(self, portfolio: Portfolio, written: Optional[datetime] = None) -> None:
        """A new snapshot of cash and positions was read. To be called when `check` is given it already.

        `written`: when the broker's side wrote it down, where that is known: what stands in it may be older, up to the
        option snapshot_lag. None: it is the answer to a question, and already reflects what orders before it have frozen.
        """
        now = Moment(self._clock.now(), self._clock.monotonic())
        self._day.prices.take_snapshot(portfolio)
        if written is None or written > now.wall:  # a date in the future says nothing
            self._written = None
        else:
            self._written = Moment(written, now.monotonic - (now.wall - written).total_seconds())
        self._portfolio = portfolio
        if written is None:
            self._day.in_flight.clear()
        else:
            self._day.in_flight.take_snapshot(self._written)

    def count_order(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        """Count an order that is about to be handed to the gate; `portfolio`: the newest snapshot."""
        self._day.counts.count_order(order.order_id, self.value_of(order, portfolio) or 0)
        self._day.in_flight.add(order, portfolio)

    def count_cancels(self, number: int) -> List[str]:
        """Count cancels that are about to be handed to the gate. Returns a key for each, for `restamp`."""
        return self._day.counts.count_cancels(number)

    def restamp(self, keys: Iterable[str]) -> None:
        """The gate has returned: orders, by id, and cancels, by key, have reached the broker by now, or never will.

        Until then they count as sent in this second, however long the gate waits.
        """
        self._day.counts.restamp(keys)

    def uncount_orders(self, orders: Sequence[Order]) -> None:
        """Take back `count_order`: the orders are proven not to have been sent."""
        self._day.counts.uncount([order.order_id for order in orders])
        self._day.in_flight.remove(orders)

    def heard(self, orders: Sequence[Order]) -> None:
        """The broker has spoken of `orders`, which are now as given. To be called before the account takes that over."""
        now = Moment(self._clock.now(), self._clock.monotonic())
        counts = self._day.counts
        for order in orders:
            if order.order_id not in counts.values and order.status is not OrderStatus.rejected:
                counts.count_order(order.order_id, self.value_of(order, self._portfolio) or 0)  # it was sent after all
                counts.restamp([order.order_id])
            self._day.in_flight.heard(order, now, self._portfolio)
        self._day.prices.note_fills(orders)

    def forget_sums(self) -> None:
        """An earlier call was cut short, by whatever a signal handler raised: add up anew what is kept added up."""
        self._day.counts.forget_sums()
        self._day.in_flight.forget_sums()

    def value_of(self, order: Order, portfolio: Optional[Portfolio]) -> Optional[int]:
        """What `order` is worth at its limit price or else at the latest known price; None if neither is known."""
        return self._day.prices.value_of(order, portfolio)

    def counted_value(self, order: Order) -> float:
        """What an order that was counted is worth, in yuan; 0 for one that was not."""
        return yuan_of(self._day.counts.values.get(order.order_id, 0))

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
        self.check_age(portfolio, now)
        self._check_holding(order, portfolio)
        self._check_counts(order, portfolio)

    def _check_code(self, order: Order, board: Optional[Board]) -> None:
        allowed, blocked = self._options["allowed_codes"], self._options["blocked_codes"]
        if allowed is not None and order.code not in allowed:
            raise InvalidOrder(f"allowed_codes 里没有 {order.code}，只允许其中的 {len(allowed)} 只")
        if order.code in blocked:
            raise InvalidOrder(f"{order.code} 在 blocked_codes 里")
        if board is None and self._options["lot_check"] and not is_reverse_repo(order.code):
            number, _, exchange = order.code.partition(".")
            other = number + (".XSHE" if exchange == "XSHG" else ".XSHG")
            board = board_of(other)
            if board is not None or is_reverse_repo(other):
                name = "逆回购" if board is None else board.name
                raise InvalidOrder(f"lot_check：{order.code} 的后缀不对，{number} 是{name}的代码，应写 {other}")

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
        if self._max_order_value is not None:
            value = self._known_value(order, portfolio, "max_order_value")
            if value > self._max_order_value:
                raise InvalidOrder(
                    f"max_order_value：委托金额 {format_yuan(value)} 元超过 {format_yuan(self._max_order_value)} 元"
                )

    def _known_value(self, order: Order, portfolio: Optional[Portfolio], rule: str) -> int:
        value = self.value_of(order, portfolio)
        if value is None:
            raise InvalidOrder(f"{rule}：没有限价，也不知道 {order.code} 最近的价格，无法核对金额；请用限价单")
        return value

    def _check_price(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        if self._max_deviation is not None:
            self._day.prices.check_deviation(order, portfolio, self._max_deviation)

    def check_age(self, portfolio: Optional[Portfolio], now: datetime) -> None:
        """Raise InvalidOrder if it is trading time and the snapshot is too old: looked at again after each wait."""
        if not self.is_stale(portfolio, now):
            return
        longest = format_seconds(self._options["max_snapshot_age"])
        if portfolio is None:
            raise InvalidOrder(f"max_snapshot_age：资金和持仓还没有一次读全，上限是 {longest}之内，原因见前面的日志")
        raise InvalidOrder(
            f"max_snapshot_age：资金和持仓最近一次读全是 {portfolio.updated_time:%H:%M:%S}，已超过 {longest}，原因见前面的日志"
        )

    def _check_holding(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        if self._options["sell_check"] and order.action is OrderAction.close and not is_reverse_repo(order.code):
            self._check_shares(order, portfolio)
        if self._options["cash_check"] and order.is_buy:
            self._check_cash(order, portfolio)

    def _check_shares(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        if portfolio is None:
            raise InvalidOrder("sell_check：资金和持仓还没有一次读全，不知道可卖数量")
        free = self._day.in_flight.free((order.code, order.side), portfolio)
        if order.amount > free:
            positions = portfolio.long_positions if order.side is OrderSide.long else portfolio.short_positions
            position = positions[order.code]
            available = position.available_amount
            raise InvalidOrder(
                f"sell_check：卖出 {order.amount} 股，超过可卖的 {max(free, 0)} 股"
                f"（同步到 {available} 股，之后已委托 {max(available - free, 0)} 股）{_locked_text(position)}"
            )

    def _check_cash(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        cost = purchase_cost(order, self._known_value(order, portfolio, "cash_check"), order.amount)
        free = self._day.in_flight.free(CASH, portfolio)
        if cost > free:
            cash = figure_of(portfolio, CASH) or 0
            raise InvalidOrder(
                f"cash_check：需要 {format_yuan(cost)} 元（含估计的费用），超过可用的 {format_yuan(max(free, 0))} 元"
                f"（同步到 {format_yuan(cash)} 元，之后已委托 {format_yuan(max(cash - free, 0))} 元）"
            )

    def _check_counts(self, order: Order, portfolio: Optional[Portfolio]) -> None:
        counts, most = self._day.counts, self._options["max_orders_per_second"]
        count = counts.in_last_second(most)
        if count >= most:
            raise InvalidOrder(f"max_orders_per_second：最近 1 秒已有 {count} 笔委托和撤单，上限 {most} 笔")
        count, most = counts.today(), self._options["max_orders_per_day"]
        if count >= most:
            raise InvalidOrder(f"max_orders_per_day：今天已有 {count} 笔委托和撤单，上限 {most} 笔")
        highest = self._max_daily_value
        if highest is not None:
            total = counts.total() + self._known_value(order, portfolio, "max_daily_value")
            if total > highest:
                raise InvalidOrder(
                    f"max_daily_value：今天的委托金额将达 {format_yuan(total)} 元，超过 {format_yuan(highest)} 元"
                )


def _heard_before(listed: Optional[Order], heard: Optional[datetime], now: Moment) -> Optional[Moment]:
    """When the last word of an order of before a restart was heard, by both clocks.

    `listed`: the order if it is ours; of another one nobody will tell us more than the next snapshots do.
    """
    if listed is not None and listed.status is OrderStatus.new:
        return None
    if heard is None or heard > now.wall:
        return now
    return Moment(heard, now.monotonic - (now.wall - heard).total_seconds())


def _money(option: Optional[float]) -> Optional[int]:
    return None if option is None else millionths(option)


def _locked_text(position: Position) -> str:
    """What else is held and cannot be sold now."""
    if not position.locked_amount:
        return ""
    return f"，另有 {position.locked_amount} 股不能卖：在卖的，或当天买入、下一交易日才能卖的（T+1）"


def _check_lot(order: Order, board: Board) -> None:
    if millionths(order.price) % round(float(board.tick) * MILLION):
        raise InvalidOrder(
            f"lot_check：限价 {format_price(order.price)} 不是 {board.name}最小价位 {board.tick} 的整数倍"
        )
    if order.is_buy and (order.amount < board.min_amount or order.amount % board.step):
        multiple = f"，且为 {board.step} 的整数倍" if board.step > 1 else ""
        raise InvalidOrder(f"lot_check：买入 {order.amount} 股，{board.name}每笔至少 {board.min_amount} 股{multiple}")
