"""Sender: what an order or a cancel goes through on its way to the gate, and what is taken note of when it has been there.

Permission is asked after each wait, not before it.
"""

import sqlite3
from datetime import datetime
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from jqtrade.account.balance import Balance
from jqtrade.account.gate_calls import GateCalls
from jqtrade.account.gate_errors import is_uncertain
from jqtrade.account.journal import Journal
from jqtrade.account.order import Order
from jqtrade.account.reports import check_outcomes
from jqtrade.account.request import describe
from jqtrade.account.risk import RiskLimits
from jqtrade.account.today import Today
from jqtrade.clock import Clock
from jqtrade.errors import InvalidOrder, OrderNotSent, OrderUncertain
from jqtrade.log import format_seconds, get_log, log_lines

log = get_log("jqtrade.account")


class Sender:
    """One account's orders and cancels on their way out."""

    def __init__(
        self,
        calls: GateCalls,
        today: Today,
        balance: Balance,
        limits: RiskLimits,
        journal: Journal,
        clock: Clock,
        longest_wait: float,
    ) -> None:
        """`longest_wait`: seconds from the call of `order` after which nothing is sent any more."""
        self._calls = calls
        self._gate = calls.gate
        self._today = today
        self._submissions = today.submissions
        self._balance = balance
        self._limits = limits
        self._journal = journal
        self._clock = clock
        self._longest_wait = longest_wait
        self.asked = self.moment()
        """when what is about to be sent was asked for, or the order of the batch before it was sent"""
        self._is_batch = False

    def moment(self) -> Tuple[datetime, float]:
        """Now, by both clocks."""
        return self._clock.now(), self._clock.monotonic()

    def accept(self, orders: Iterable[Order], now: datetime) -> List[Order]:
        """Those of `orders` that may be sent, one after the other, are counted and returned; the others are refused."""
        if self._submissions.unknown and not self._limits.is_halted():
            self._calls.ask(self._gate.repair_partial_write)
        if self._limits.is_stale(self._balance.portfolio, now) or self._calls.ask(self._gate.is_snapshot_due):
            self._balance.sync()
        halted = self._limits.is_halted()  # only now: all this may have taken its time
        blocking = self._submissions.blocking()
        moment = self._clock.now()
        accepted: List[Order] = []
        refused: List[Order] = []
        for order in orders:
            try:
                if halted:
                    raise InvalidOrder(
                        "任务已被 halt_task 暂停下单，用 jqtrade resume_task 恢复（没有人暂停过它的，原因见前面的日志）"
                    )
                self._refuse_possible_duplicate(order, blocking)
                self._limits.check(order, self._balance.portfolio, moment)
            except InvalidOrder as error:
                log.error("InvalidOrder：订单 %s 没有发出：%s，%s", order.order_id, describe(order), error)
                refused.append(order.rejected(str(error)))
                self._today.orders[order.order_id] = refused[-1]
            else:
                self._submissions.begin(order)  # before the first record of it
                self._today.orders[order.order_id] = order
                self._limits.count_order(order, self._balance.portfolio)
                accepted.append(order)
        if refused:
            self._today.refusals.note(refused)
            self._journal.queue(refused)
            self._today.writer.flush()
        return accepted

    def _refuse_possible_duplicate(self, order: Order, blocking: Mapping[Tuple[str, bool], str]) -> None:
        """Raise InvalidOrder while another order like `order` may have been sent without the strategy's knowledge.

        What was found out of another one counts only when a sync has told the strategy so: until then it believes that it
        may have to order again.
        """
        if not self._today.is_loaded:
            raise InvalidOrder("读不出今天的记录，不知道已经下过哪些单")
        other = blocking.get((order.code, order.is_buy))
        if other is not None:
            raise InvalidOrder(
                f"还不能确认同一股票、同一买卖方向的订单 {other} 是否发出，以免重复下单；请在券商的软件里查它，"
                "或在下一次同步（sync_orders）之后再试"
            )

    def check_next(self) -> None:
        """Asked by the gate before each order that it sends by itself, and after it may have waited."""
        self.check_may_send()
        if self._is_batch:  # it may take long for many: each has its time after the one before
            self.asked = self.moment()

    def check_may_send(self) -> None:
        """Raise OrderNotSent if what was asked for shall not go out any more."""
        if self._limits.is_halted():
            raise OrderNotSent("任务已被 halt_task 暂停下单")
        now, awake = self.moment()
        waited = max((now - self.asked[0]).total_seconds(), awake - self.asked[1])
        if waited > self._longest_wait:
            raise OrderNotSent(
                f"下单（或这一批的上一笔）之后过了 {format_seconds(waited)}，超过 {self._longest_wait:g} 秒"
                "（选项 wait_lock_time_out + 1）：机器休眠过，或等待太久，价格可能已经不对"
            )
        if now.date() != self._today.day:
            raise OrderNotSent("等待的时候过了零点，或日期变了")
        try:
            self._limits.check_age(self._balance.portfolio, now)
            self._journal.check_files()
        except (InvalidOrder, sqlite3.Error) as error:
            raise OrderNotSent(str(error))

    def send(self, orders: Sequence[Order]) -> None:
        """Record the intents, hand the orders to the gate, and take note of what became of them."""
        try:
            self._today.writer.record_intents(orders, [self._limits.counted_value(order) for order in orders])
        except sqlite3.Error as error:
            self._today.refuse([(order, f"无法记录订单（{error}）") for order in orders], is_recorded=False)
            self._submissions.conclude(orders)
            return
        try:
            self.check_may_send()  # whatever the gate does about it: recording may have waited
        except OrderNotSent as error:
            self._today.refuse([(order, str(error)) for order in orders])
            self._submissions.conclude(orders)
            return
        self._submissions.hand_over(orders)
        self._is_batch = len(orders) > 1
        try:
            errors = check_outcomes(self._calls.call(self._gate.batch_order, orders), "batch_order", len(orders))
        except Exception as error:  # a gate of the user's own may raise anything, in the middle of anything
            log.exception("交易接口 batch_order 出错")
            errors = [OrderUncertain(str(error))] * len(orders)
        self._limits.restamp([order.order_id for order in orders])
        self._submissions.note_sent([order for order, error in zip(orders, errors) if error is None])
        self._today.writer.flush()  # while an older order file may be put in place of this one, only the journal knows
        self._conclude(orders, errors)

    def _conclude(self, orders: Sequence[Order], errors: Sequence[Optional[Exception]]) -> None:
        """Take note of what became of sending orders. Thousands that went well are one record of the log."""
        lines: List[str] = []
        refused: List[Tuple[Order, str]] = []
        known: List[Order] = []
        for order, error in zip(orders, errors):
            if error is None:
                self._calls.watch.sent(order)
                lines.append(f"已发出订单 {order.order_id}：{describe(order)}")
            elif is_uncertain(error):
                log.error("无法确认订单 %s 是否发出，等待柜台回报：%s，%s", order.order_id, describe(order), error)
                continue
            else:
                refused.append((order, str(error) or repr(error)))
            known.append(order)
        self._today.refuse(refused)
        self._submissions.conclude(known)
        log_lines(log, lines)

    def cancel(self, live: Dict[str, Order], now: datetime) -> List[str]:
        """Ask the gate to cancel orders, by id. Returns the ids of those whose cancel did not go out for certain."""
        counted = self._limits.count_cancels(len(live))
        self._journal.record_cancels(list(live.values()), now)
        self._today.writer.flush()
        try:
            answer = self._calls.call(self._gate.batch_cancel_order, list(live))
            errors = check_outcomes(answer, "batch_cancel_order", len(live))
        except Exception as error:  # a gate of the user's own may raise anything, in the middle of anything
            log.exception("交易接口 batch_cancel_order 出错")
            errors = [OrderUncertain(str(error))] * len(live)
        self._limits.restamp(counted)
        log_lines(log, [f"已发出撤单 {order_id}" for order_id, failure in zip(live, errors) if failure is None])
        for order_id, failure in zip(live, errors):
            if failure is None:
                continue
            if isinstance(failure, OSError) or is_uncertain(failure):
                log.error("无法确认撤单 %s 是否发出，以柜台回报为准：%s", order_id, failure)
            else:
                log.error("撤单 %s 没有发出：%s", order_id, failure)
        return [order_id for order_id, failure in zip(live, errors) if failure is not None]
