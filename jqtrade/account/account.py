"""Account: submit and cancel orders, and keep in step with what the broker says."""

import logging
import os
import random
import sqlite3
import threading
from datetime import datetime
from types import MappingProxyType
from typing import Any, Callable, Container, Dict, Iterable, List, Optional, Sequence, Tuple

from jqtrade.account.journal import Journal, Step
from jqtrade.account.news import OrderNews
from jqtrade.account.order import Order, OrderSide, OrderStatus
from jqtrade.account.portfolio import BalanceReport, Portfolio, Positions
from jqtrade.account.reports import check_balance, check_list, check_outcomes
from jqtrade.account.request import OrderRequest, describe, new_order
from jqtrade.account.risk import RiskLimits, SentBefore
from jqtrade.account.trade_gate.base import AbsTradeGate
from jqtrade.account.watch import BrokerWatch
from jqtrade.clock import Clock
from jqtrade.errors import (
    InvalidCall,
    InvalidOrder,
    InvalidParam,
    JqtradeError,
    OrderNotSent,
    OrderUncertain,
    TradeGateError,
)
from jqtrade.log import Outage, log_lines

log = logging.getLogger("jqtrade.account")

ID_TRIES = 100
ORDER_ID_BITS = 32
"""One Quant is known to work with unsigned 32-bit numbers; at most 10 digits."""


class Account:
    """One account at one broker, as one strategy sees it. Used from one thread."""

    def __init__(
        self,
        gate: AbsTradeGate,
        journal: Journal,
        clock: Clock,
        limits: RiskLimits,
        order_ids: Optional[random.Random] = None,
    ) -> None:
        """`order_ids`: what ids are drawn from; by default what nobody can foresee or repeat."""
        self._gate = gate
        self._journal = journal
        self._clock = clock
        self._limits = limits
        self._day = clock.now().date()
        self._orders: Dict[str, Order] = {}
        gate.account_orders = MappingProxyType(self._orders)
        gate.account_check = self._check_may_send
        self._is_loaded = False
        self._unrecorded: List[Step] = []
        self._uncertain: Dict[str, None] = {}
        """ids of orders of which nobody knows yet whether the broker was asked, in order of creation"""
        self._settled: List[Order] = []
        """those of them that turned out not to have been sent, until the next sync tells it"""
        self._balance: Optional[BalanceReport] = None
        self._portfolio: Optional[Portfolio] = None
        self._balance_outage = Outage(log, clock)
        self._orders_outage = Outage(log, clock)
        self._watch = BrokerWatch(clock)
        self._journal_outage = Outage(log, clock)
        self._random = order_ids or random.SystemRandom()
        self._closed = False
        self._pid = os.getpid()
        self._thread = threading.get_ident()

    def recover(self) -> None:
        """Learn today's orders from the journal, and of each one that may not have been sent, whether it was.

        Raises sqlite3.Error if the journal cannot be read.
        """
        recorded = self._journal.load(self._day)
        cancels = self._journal.load_cancels(self._day)
        self._is_loaded = True
        self._orders.update((record.order.order_id, record.order) for record in recorded)
        for order, state in self._unrecorded:
            if order.create_time.date() == self._day:
                self._orders[order.order_id] = order.with_state(state)
        sent = [SentBefore(record.order, record.value) for record in recorded if record.counts]
        self._limits.start_day(self._orders, sent, cancels)
        self._uncertain = {
            record.order.order_id: None
            for record in recorded
            if record.order.status is OrderStatus.new and not record.sent and not record.order.confirmed
        }
        self._settle_uncertain("任务在发出之前中断，不会自动补发")
        self._settled.clear()  # they are orders of the run before
        self._flush()
        for order_id in self._uncertain:
            log.warning(
                "上次运行中断时无法确认订单 %s 是否发出，等待柜台回报：%s", order_id, describe(self._orders[order_id])
            )
        others = self._journal.count_others(self._day)
        if others:
            log.warning("记录里还有今天的 %d 笔订单属于别的账户、目录或交易接口，不列出，也不处理", others)
        if recorded:
            log.info("从记录中恢复了今天的 %d 笔订单", len(recorded))

    def _settle_uncertain(self, reason: str) -> None:
        """Find out what can be known now of the orders that may not have been sent; `reason` is for those that were not."""
        if self._unrecorded:
            return  # "sent" must not be recorded before what the broker said of it
        for order_id in list(self._uncertain):
            order = self._orders[order_id]
            was_sent = True if order.confirmed or order.status.is_final else self._ask(self._gate.was_sent, order)
            if was_sent is not None:
                del self._uncertain[order_id]
            if was_sent:
                self._journal.note_sent([order])
                log.info("订单 %s 已确认发出：%s", order_id, describe(order))
            elif was_sent is False:
                self._refuse([(order, reason)])
                self._settled.append(self._orders[order_id])

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """What the gate answers; None if it fails: a gate of the user's own may raise anything."""
        try:
            return question(*arguments)
        except Exception as error:
            self._watch.say_once(f"交易接口 {question.__name__} 出错：{_reason(error)}")
            return None

    @property
    def portfolio(self) -> Portfolio:
        """The last good snapshot. Raises InvalidCall if there has been none yet."""
        if self._portfolio is None:
            raise InvalidCall("还没有同步到资金和持仓：交易接口至今没有给出完整的数据，原因见前面的日志")
        return self._portfolio

    def orders(self, order_id: Any = None, code: Any = None, status: Any = None) -> List[Order]:
        """Today's orders in order of creation that match every given filter. Raises InvalidParam for an unknown status."""
        self._start_day()
        if status is not None:
            status = _check_status(status)
        if order_id is not None:
            found = self._orders.get(order_id)
            orders = [] if found is None else [found]
        else:
            orders = list(self._orders.values())
        if code is not None:
            orders = [order for order in orders if order.code == code]
        if status is not None:
            orders = [order for order in orders if order.status is status]
        return orders

    def submit_batch(self, requests: Sequence[OrderRequest]) -> List[Optional[str]]:
        """Send orders, all at once where the gate can.

        Returns for each its id, or None if it was refused before the broker was asked (see its `err_msg`). An order of
        which nobody knows whether it was sent has an id too: it stays new until the broker speaks.
        Raises InvalidParam, with nothing recorded or sent, if the gate cannot carry one of them.
        """
        self._check_usable()
        if not requests:
            return []
        now = self._start_day()
        batch: Dict[str, Order] = {}
        for number, request in enumerate(requests, 1):
            order = new_order(self._new_order_id(batch), request, now)
            try:
                self._gate.check_order(order)
            except InvalidParam as error:
                if len(requests) == 1:
                    raise
                raise InvalidParam(f"这一批都没有发出：第 {number} 笔（{describe(order)}）不正确，{error}") from None
            batch[order.order_id] = order
        accepted = self._within_limits(batch.values(), now)
        if accepted:
            self._settle(accepted, self._send(accepted))
        return [None if self._orders[order_id].status is OrderStatus.rejected else order_id for order_id in batch]

    def _new_order_id(self, batch: Container[str]) -> str:
        for _ in range(ID_TRIES):
            order_id = str(self._random.getrandbits(ORDER_ID_BITS))
            if (
                order_id != "0"
                and order_id not in self._orders
                and order_id not in batch
                and not self._ask(self._gate.knows_order_id, order_id)
            ):
                return order_id
        raise TradeGateError(f"交易接口说随机抽取的 {ID_TRIES} 个订单号都已用过。没有发出")

    def _within_limits(self, orders: Iterable[Order], now: datetime) -> List[Order]:
        """Those of `orders` that may be sent, one after the other, are counted and returned; the others are refused."""
        if self._uncertain:
            if not self._limits.is_halted():
                self._ask(self._gate.mend)
            self._settle_uncertain("没有写入文件单")
        if self._limits.is_stale(self._portfolio, now):
            self.sync_balance()
        halted = self._limits.is_halted()  # only now: all this may have taken its time
        moment = self._clock.now()
        accepted: List[Order] = []
        refused: List[Order] = []
        for order in orders:
            try:
                if halted:
                    raise InvalidOrder("任务已被 halt_task 暂停下单，用 jqtrade resume_task 恢复")
                self._check_doubtful(order)
                self._limits.check(order, self._portfolio, moment)
            except InvalidOrder as error:
                log.error("InvalidOrder：订单 %s 没有发出：%s，%s", order.order_id, describe(order), error)
                order = order.rejected(f"没有发出：{error}")
                refused.append(order)
            else:
                self._limits.count_order(order, self._portfolio)
                accepted.append(order)
            self._orders[order.order_id] = order
        if refused:
            self._record(lambda: self._journal.record_refused(refused))
        return accepted

    def _check_doubtful(self, order: Order) -> None:
        """Raise InvalidOrder while it is not known whether `order` would double another one."""
        if not self._is_loaded:
            raise InvalidOrder("读不出今天的记录，不知道已经下过哪些单")
        for order_id in self._uncertain:
            other = self._orders[order_id]
            if (other.code, other.is_buy) == (order.code, order.is_buy):
                raise InvalidOrder(
                    f"还不能确认同一股票、同一买卖方向的订单 {order_id} 是否发出，以免重复下单；请在券商的软件里查它"
                )

    def _send(self, orders: Sequence[Order]) -> List[Optional[Exception]]:
        """Record the intents, hand the orders to the gate, record that. Returns for each None if it was sent, or the error."""
        try:
            self._journal.record_intents(orders, [self._limits.counted_value(order) for order in orders])
        except sqlite3.Error as error:
            refusal = OrderNotSent(f"无法记录订单（{error}）")
            self._journal.queue([order.rejected(f"没有发出：{refusal}") for order in orders])
            return [refusal] * len(orders)
        try:
            errors = check_outcomes(self._gate.batch_order(orders), "batch_order", len(orders))
        except Exception as error:  # a gate of the user's own may raise anything, in the middle of anything
            log.exception("交易接口 batch_order 出错")
            errors = [OrderUncertain(str(error))] * len(orders)
        self._limits.restamp([order.order_id for order in orders])
        self._journal.note_sent([order for order, error in zip(orders, errors) if error is None])
        if type(self._gate).was_sent is AbsTradeGate.was_sent:  # it could not be asked after a crash
            self._flush()
        return errors

    def _settle(self, orders: Sequence[Order], errors: Sequence[Optional[Exception]]) -> None:
        """Take note of what became of sending orders. Thousands that went well are one record of the log."""
        lines: List[str] = []
        refused: List[Tuple[Order, str]] = []
        for order, error in zip(orders, errors):
            if error is None:
                self._watch.sent(order)
                lines.append(f"已发出订单 {order.order_id}：{describe(order)}")
            elif _is_uncertain(error):
                self._uncertain[order.order_id] = None
                log.error("无法确认订单 %s 是否发出，等待柜台回报：%s，%s", order.order_id, describe(order), error)
            else:
                refused.append((order, str(error) or repr(error)))
        log_lines(log, lines)
        self._refuse(refused)

    def _refuse(self, orders: Sequence[Tuple[Order, str]]) -> None:
        """Call orders rejected that are proven not to have been sent, each with its reason."""
        if not orders:
            return
        for order, reason in orders:
            log.error("订单 %s 没有发出：%s，%s", order.order_id, describe(order), reason)
        self._limits.uncount_orders([order for order, _ in orders])
        refused = [order.rejected("没有发出：" + reason) for order, reason in orders]
        self._orders.update((order.order_id, order) for order in refused)
        self._change([(order, order.state()) for order in refused], "refused")

    def cancel_batch(self, order_ids: Sequence[str]) -> List[str]:
        """Ask the broker to cancel orders, all at once where the gate can; ids unknown or finished are only logged.

        Returns the ids of those whose cancel did not go out for certain.
        """
        self._check_usable()
        now = self._start_day()
        live: Dict[str, Order] = {}
        for order_id in order_ids:
            order = self._orders.get(order_id)
            if order is None:
                log.error("撤单没有发出：今天没有订单 %r", order_id)
            elif order.status.is_final:
                log.warning("撤单没有发出：订单 %s 已经结束，状态 %s", order_id, order.status)
            else:
                live[order_id] = order
        if not live:
            return []
        self._record(lambda: self._journal.record_cancels(list(live.values()), now))
        counted = self._limits.count_cancels(len(live))
        try:
            errors = check_outcomes(self._gate.batch_cancel_order(list(live)), "batch_cancel_order", len(live))
        except Exception as error:  # a gate of the user's own may raise anything
            log.exception("交易接口 batch_cancel_order 出错")
            errors = [error] * len(live)
        self._limits.restamp(counted)
        log_lines(log, [f"已发出撤单 {order_id}" for order_id, failure in zip(live, errors) if failure is None])
        for order_id, failure in zip(live, errors):
            if failure is None:
                continue
            if isinstance(failure, (OrderUncertain, OSError)):
                log.error("无法确认撤单 %s 是否发出，以柜台回报为准：%s", order_id, failure)
            else:
                log.error("撤单 %s 没有发出：%s", order_id, failure)
        return [order_id for order_id, failure in zip(live, errors) if failure is not None]

    def sync_balance(self) -> None:
        """Take over cash and positions from the broker; when it cannot say, the last good snapshot stays."""
        self._check_usable()
        try:
            report = check_balance(self._gate.sync_balance())
        except Exception as error:  # a gate of the user's own may raise anything; said once, tried at the next sync
            self._balance_outage.failed(f"同步资金和持仓失败：{_reason(error)}")
            return
        self._balance_outage.worked("资金和持仓恢复同步")
        is_known = report is self._balance  # nothing was written since
        if is_known and self._portfolio is not None:
            self._portfolio = self._portfolio.with_changes(updated_time=self._clock.now())
            return
        self._portfolio = Portfolio(
            total_assert=report.total_assert,
            available_cash=report.available_cash,
            locked_cash=report.locked_cash,
            updated_time=self._clock.now(),
            long_positions=_positions(report, OrderSide.long),
            short_positions=_positions(report, OrderSide.short),
        )
        if report != self._balance:
            self._limits.take_snapshot(self._portfolio, report.written)
        self._balance = report

    def sync_orders(self) -> List[Order]:
        """Take over what the broker says of our orders. Returns those that changed, as they stand now."""
        self._check_usable()
        self._start_day()
        if not self._is_loaded:
            return []  # the gate would take our own orders for others'
        news = OrderNews(self._orders, self._watch)
        has_more = True
        while has_more:
            try:
                reports = check_list(self._gate.sync_orders(), "sync_orders()")
                has_more = self._gate.has_more
            except Exception as error:  # as in sync_balance; what was told before counts
                self._orders_outage.failed(f"同步订单失败：{_reason(error)}")
                return self._take_over(news)
            news.take(reports)
        self._orders_outage.worked("订单恢复同步")
        self._watch.look()
        changed = self._take_over(news)
        if self._uncertain:
            self._settle_uncertain("没有写入文件单")
        self._flush()
        changed += self._settled
        self._settled.clear()
        return changed

    def _take_over(self, news: OrderNews) -> List[Order]:
        """Keep what a sync tells. Returns the orders that changed."""
        changed: List[Order] = []
        if news.steps:
            changed = news.changed()
            self._limits.heard(changed)
            self._orders.update((order.order_id, order) for order in changed)
        self._change(news.steps, "sync")
        return changed

    def _change(self, steps: Sequence[Step], source: str) -> None:
        """Keep the steps that orders took. What the journal cannot take now, it gets with the next change."""
        self._unrecorded.extend(steps)
        if self._unrecorded:
            if self._record(lambda: self._journal.record_states(self._unrecorded, self._clock.now(), source)):
                self._unrecorded.clear()

    def _flush(self) -> None:
        if self._journal.is_behind:
            self._record(self._journal.flush)

    def _record(self, write: Callable[[], Any]) -> bool:
        """Write to the journal what the broker's files could tell again; a failure is said once."""
        try:
            write()
        except sqlite3.Error as error:
            self._journal_outage.failed(f"无法写记录文件：{error}")
            return False
        self._journal_outage.worked("记录文件恢复写入")
        return True

    def _start_day(self) -> datetime:
        """Forget yesterday's orders when a new day has begun. Returns the time, which is of the day of the orders."""
        now = self._clock.now()
        today = now.date()
        if today != self._day:
            unfinished = [order for order in self._orders.values() if not order.status.is_final]
            log.info("进入 %s，昨天的 %d 笔订单不再列出，其中 %d 笔未见结束", today, len(self._orders), len(unfinished))
            self._day = today
            self._orders.clear()
            self._limits.start_day(self._orders)
            self._is_loaded = False
            self._uncertain.clear()
            self._watch = BrokerWatch(self._clock)
        if not self._is_loaded:
            self._record(self.recover)  # after the clock was set back there are some
        return now

    def _check_may_send(self) -> None:
        """Asked by the gate before each order that it sends by itself, and after it may have waited."""
        if self._limits.is_halted():
            raise OrderNotSent("任务已被 halt_task 暂停下单")
        try:
            self._limits.check_age(self._portfolio, self._clock.now())
        except InvalidOrder as error:
            raise OrderNotSent(str(error))

    def _check_usable(self) -> None:
        """Raise InvalidCall where an order could be sent behind the back of whoever stopped the task."""
        problem = ""
        if self._closed:
            problem = "任务已经停止"
        elif os.getpid() != self._pid:
            problem = "派生出来的子进程不能使用账户，请在策略进程里调用"
        elif threading.get_ident() != self._thread:
            problem = "账户只能在运行策略的线程里使用"
        if problem:
            raise InvalidCall(f"{problem}。没有发出")

    def close(self) -> None:
        """Let go of the gate and the journal; nothing is sent after this."""
        if not self._closed:
            self._change([], "close")
            self._flush()
        self._closed = True
        self._gate.close()
        self._journal.close()


def _check_status(status: Any) -> OrderStatus:
    try:
        return OrderStatus(status)
    except ValueError:
        names = "、".join(str(known) for known in OrderStatus)
        raise InvalidParam(f"订单状态 status={status!r} 不正确，应为其中之一：{names}")


def _positions(report: BalanceReport, side: OrderSide) -> Positions:
    return Positions(side, {position.code: position for position in report.positions if position.side is side})


def _is_uncertain(error: Exception) -> bool:
    """Whether nobody can tell from a gate's error if the broker was asked: as AbsTradeGate.order says."""
    lost = (OrderUncertain, TimeoutError, ConnectionError)
    return isinstance(error, lost) and not isinstance(error, ConnectionRefusedError)


def _reason(error: Exception) -> str:
    """What a gate's error says; the type too when it is none of ours."""
    return str(error) if isinstance(error, JqtradeError) else f"{type(error).__name__}: {error}"
