"""Account: submit and cancel orders, and keep in step with what the broker says."""

import logging
import os
import random
import sqlite3
import threading
from datetime import datetime, timedelta
from typing import Any, Callable, Container, Dict, List, Optional, Sequence, Set

from jqtrade.account.journal import Journal
from jqtrade.account.order import Order, OrderSide, OrderStatus
from jqtrade.account.portfolio import Portfolio, Position, Positions
from jqtrade.account.reports import check_balance, check_list, check_order, check_outcomes, report_id
from jqtrade.account.request import OrderRequest, describe, new_order
from jqtrade.account.trade_gate.base import AbsTradeGate
from jqtrade.clock import Clock
from jqtrade.errors import InvalidCall, InvalidParam, InvalidReport, JqtradeError, OrderUncertain, TradeGateError
from jqtrade.log import Outage

log = logging.getLogger("jqtrade.account")

PATIENCE = timedelta(seconds=30)
"""for the broker's first word on an order"""
ID_TRIES = 100
LARGEST_ORDER_ID = 2**32 - 1
"""One Quant is known to work with unsigned 32-bit numbers; at most 10 digits."""


class Account:
    """One account at one broker, as one strategy sees it. Used from one thread."""

    def __init__(self, gate: AbsTradeGate, journal: Journal, clock: Clock) -> None:
        self._gate = gate
        self._journal = journal
        self._clock = clock
        self._day = clock.now().date()
        self._orders: Dict[str, Order] = {}
        self._unrecorded: List[Order] = []
        self._portfolio: Optional[Portfolio] = None
        self._balance_outage = Outage(log, clock)
        self._orders_outage = Outage(log, clock)
        self._journal_outage = Outage(log, clock)
        self._said: Set[str] = set()
        self._unanswered: Dict[str, datetime] = {}
        self._random = random.SystemRandom()
        self._closed = False
        self._pid = os.getpid()
        self._thread = threading.get_ident()

    def recover(self) -> None:
        """Learn today's orders from the journal, and of each one that may not have been sent, whether it was."""
        recorded = self._journal.load(self._day)
        self._orders = {order.order_id: order for order, _ in recorded}
        for order, sent in recorded:
            if sent or order.confirmed or order.status is not OrderStatus.new:
                continue
            was_sent = self._gate.was_sent(order.order_id)
            if was_sent:
                self._journal.record_sent([order])
            elif was_sent is False:
                self._change([order.rejected("没有发出：任务在发出之前中断")], "recovery")
                log.error("上次运行中断时订单 %s 没有发出，不会自动补发：%s", order.order_id, describe(order))
            else:
                log.warning("上次运行中断时无法确认订单 %s 是否发出，等待柜台回报：%s", order.order_id, describe(order))
        others = self._journal.count_others(self._day)
        if others:
            log.warning("记录里还有今天的 %d 笔订单属于别的账户、目录或交易接口，不列出，也不处理", others)
        if recorded:
            log.info("从记录中恢复了今天的 %d 笔订单", len(recorded))

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
        for request in requests:
            order = new_order(self._new_order_id(batch), request, now)
            self._gate.check_order(order)
            batch[order.order_id] = order
        self._orders.update(batch)
        orders = list(batch.values())
        try:
            self._journal.record_intents(orders, now)
        except sqlite3.Error as error:
            self._refuse(orders, f"无法记录订单（{error}）")
            return [None] * len(orders)
        outcomes = self._send(orders)
        self._record(lambda: self._journal.record_sent([order for order in orders if outcomes[order.order_id] is None]))
        return [self._settle(order, outcomes[order.order_id]) for order in orders]

    def _new_order_id(self, batch: Container[str]) -> str:
        for _ in range(ID_TRIES):
            order_id = str(self._random.randint(1, LARGEST_ORDER_ID))
            if order_id not in self._orders and order_id not in batch and not self._gate.knows_order_id(order_id):
                return order_id
        raise TradeGateError(f"交易接口说随机抽取的 {ID_TRIES} 个订单号都已用过。没有发出")

    def _send(self, orders: Sequence[Order]) -> Dict[str, Optional[Exception]]:
        """Hand orders to the gate. Returns for each id None if it was sent, or the error."""
        try:
            errors = check_outcomes(self._gate.batch_order(orders), "batch_order", len(orders))
        except Exception as error:  # a gate of the user's own may raise anything, in the middle of anything
            log.exception("交易接口 batch_order 出错")
            errors = [OrderUncertain(str(error))] * len(orders)
        return {order.order_id: error for order, error in zip(orders, errors)}

    def _settle(self, order: Order, error: Optional[Exception]) -> Optional[str]:
        """Take note of what became of sending an order."""
        if error is None:
            self._unanswered[order.order_id] = order.create_time
            log.info("已发出订单 %s：%s", order.order_id, describe(order))
        elif _is_uncertain(error):
            log.error("无法确认订单 %s 是否发出，等待柜台回报：%s，%s", order.order_id, describe(order), error)
        else:
            self._refuse([order], str(error) or repr(error))
            return None
        return order.order_id

    def _refuse(self, orders: Sequence[Order], reason: str) -> None:
        """Call orders rejected that are proven not to have been sent."""
        for order in orders:
            log.error("订单 %s 没有发出：%s，%s", order.order_id, describe(order), reason)
        self._change([order.rejected("没有发出：" + reason) for order in orders], "refused")

    def cancel_batch(self, order_ids: Sequence[str]) -> None:
        """Ask the broker to cancel orders, all at once where the gate can; ids unknown or finished are only logged."""
        self._check_usable()
        self._start_day()
        live: List[str] = []
        for order_id in order_ids:
            order = self._orders.get(order_id)
            if order is None:
                log.error("撤单没有发出：今天没有订单 %r", order_id)
            elif order.status.is_final:
                log.warning("撤单没有发出：订单 %s 已经结束，状态 %s", order_id, order.status)
            elif order_id not in live:
                live.append(order_id)
        if not live:
            return
        try:
            errors = check_outcomes(self._gate.batch_cancel_order(live), "batch_cancel_order", len(live))
        except Exception as error:  # a gate of the user's own may raise anything
            log.exception("交易接口 batch_cancel_order 出错")
            errors = [error] * len(live)
        for order_id, failure in zip(live, errors):
            if failure is None:
                log.info("已发出撤单 %s", order_id)
            elif isinstance(failure, (OrderUncertain, OSError)):
                log.error("无法确认撤单 %s 是否发出，以柜台回报为准：%s", order_id, failure)
            else:
                log.error("撤单 %s 没有发出：%s", order_id, failure)

    def sync_balance(self) -> None:
        """Take over cash and positions from the broker; when it cannot say, the last good snapshot stays."""
        self._check_usable()
        try:
            report = check_balance(self._gate.sync_balance())
        except Exception as error:  # a gate of the user's own may raise anything; said once, tried at the next sync
            self._balance_outage.failed(f"同步资金和持仓失败：{_reason(error)}")
            return
        self._balance_outage.worked("资金和持仓恢复同步")
        held: Dict[OrderSide, Dict[str, Position]] = {side: {} for side in OrderSide}
        for position in report.positions:
            held[position.side][position.code] = position
        self._portfolio = Portfolio(
            total_assert=report.total_assert,
            available_cash=report.available_cash,
            locked_cash=report.locked_cash,
            updated_time=self._clock.now(),
            long_positions=Positions(OrderSide.long, held[OrderSide.long]),
            short_positions=Positions(OrderSide.short, held[OrderSide.short]),
        )

    def sync_orders(self) -> List[Order]:
        """Take over what the broker says of our orders. Returns those that changed, as they stand now."""
        self._check_usable()
        self._start_day()
        try:
            reports = check_list(self._gate.sync_orders(), "sync_orders()")
        except Exception as error:  # as in sync_balance
            self._orders_outage.failed(f"同步订单失败：{_reason(error)}")
            return []
        self._orders_outage.worked("订单恢复同步")
        self._watch_unanswered(reports)
        changes: List[Order] = []
        for report in reports:
            order = self._reported(report)
            if order is not None:
                self._orders[order.order_id] = order
                changes.append(order)
        self._change(changes, "sync")
        return list({order.order_id: order for order in changes}.values())

    def _reported(self, report: Any) -> Optional[Order]:
        """The order that a gate's report changes, as it is then; None if it changes none of ours."""
        try:
            order = self._orders.get(report_id(report))
            if order is None:
                return None
            checked = check_order(report)
        except InvalidReport as error:
            self._say_once(str(error))
            return None
        if (checked.code, checked.action, checked.amount) != (order.code, order.action, order.amount):
            self._say_once(f"柜台回报的订单 {order.order_id} 与本任务的同号订单不是同一笔，已忽略")
            return None
        after = order.apply(checked)
        if after is order:
            return None
        if order.status is OrderStatus.rejected and after.status is not order.status:
            log.error("订单 %s 曾认定没有发出，柜台回报却是 %s，以柜台为准", order.order_id, after.status)
        log.log(
            logging.WARNING if after.status is OrderStatus.rejected else logging.INFO,
            "订单 %s 状态 %s，成交 %d/%d %s",
            order.order_id,
            after.status,
            after.filled_amount,
            after.amount,
            after.err_msg,
        )
        return after

    def _load_orders(self) -> None:
        """Take today's orders from the journal, and what it could not take yet."""
        self._orders = {order.order_id: order for order, _ in self._journal.load(self._day)}
        waiting = {order.order_id: order for order in self._unrecorded if order.create_time.date() == self._day}
        self._orders.update(waiting)

    def _watch_unanswered(self, reports: Sequence[Any]) -> None:
        """Say it when the broker does not answer: files that nobody reads look like a quiet market."""
        for order_id in [report.get("order_id") for report in reports if isinstance(report, dict)]:
            if isinstance(order_id, str):
                self._unanswered.pop(order_id, None)
        oldest = next(iter(self._unanswered), None)
        if oldest is not None and self._clock.now() - self._unanswered[oldest] > PATIENCE:
            text = "订单 %s 等 %d 笔发出超过 30 秒，柜台还没有任何回报，请检查 One Quant 是否在运行"
            log.warning(text, oldest, len(self._unanswered))
            self._unanswered.clear()

    def _say_once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            log.error("%s", text)

    def _change(self, orders: Sequence[Order], source: str) -> None:
        """Keep the steps that orders took, in order. What the journal cannot take now, it gets with the next change."""
        self._orders.update((order.order_id, order) for order in orders)
        self._unrecorded.extend(orders)
        if self._unrecorded:
            if self._record(lambda: self._journal.record_states(self._unrecorded, self._clock.now(), source)):
                self._unrecorded.clear()

    def _record(self, write: Callable[[], None]) -> bool:
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
            self._orders = {}
            self._record(self._load_orders)  # after the clock was set back there are some
            self._said.clear()
            self._unanswered.clear()
        return now

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
        self._closed = True
        self._gate.close()
        self._journal.close()


def _check_status(status: Any) -> OrderStatus:
    try:
        return OrderStatus(status)
    except ValueError:
        names = "、".join(str(known) for known in OrderStatus)
        raise InvalidParam(f"订单状态 status={status!r} 不正确，应为其中之一：{names}")


def _is_uncertain(error: Exception) -> bool:
    """Whether nobody can tell from a gate's error if the broker was asked: as AbsTradeGate.order says."""
    lost = (OrderUncertain, TimeoutError, ConnectionError)
    return isinstance(error, lost) and not isinstance(error, ConnectionRefusedError)


def _reason(error: Exception) -> str:
    """What a gate's error says; the type too when it is none of ours."""
    return str(error) if isinstance(error, JqtradeError) else f"{type(error).__name__}: {error}"
