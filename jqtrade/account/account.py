"""Account: submit and cancel orders, and keep in step with what the broker says.

An exception may come between any two steps here: a signal handler of the strategy may raise anywhere in our code, memory or
the stack may end. So each change of the account is entered and left; what finds that an earlier one was entered and never
left puts right what it may have left behind, before it does anything else.
"""

import os
import random
import sqlite3
import sys
import threading
from datetime import datetime
from types import FrameType, MappingProxyType
from typing import Any, Callable, Container, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from jqtrade.account.doubts import Doubts
from jqtrade.account.gate_errors import came_in_the_middle, is_uncertain
from jqtrade.account.journal import Journal
from jqtrade.account.journal_writer import JournalWriter, Known
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
from jqtrade.log import Outage, format_seconds, get_log, log_lines

log = get_log("jqtrade.account")

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
        longest_wait: float = 6.0,
    ) -> None:
        """`order_ids`: what ids are drawn from; by default what nobody can foresee or repeat.

        `longest_wait`: seconds from the call of `order` after which nothing is sent any more.
        """
        self._gate = gate
        self._journal = journal
        self._writer = JournalWriter(journal, clock, self._known)
        self._clock = clock
        self._limits = limits
        self._longest_wait = longest_wait
        self._day = clock.now().date()
        self._orders: Dict[str, Order] = {}
        self._doubts = Doubts()
        gate.account_orders = MappingProxyType(self._orders)
        gate.account_doubts = self._doubts.ids
        gate.account_check = self._check_next
        self._inside: Optional[FrameType] = None
        """the call that is changing the account, or one that was cut short"""
        self._is_refusing_nested = False
        self._gate_may_be_cut_short = False
        self._asked = (clock.now(), clock.monotonic())
        """when what is about to be sent was asked for, or the order of the batch before it was sent"""
        self._is_batch = False
        self._is_loaded = False
        self._balance: Optional[BalanceReport] = None
        self._portfolio: Optional[Portfolio] = None
        self._balance_outage = Outage(log, clock)
        self._orders_outage = Outage(log, clock)
        self._watch = BrokerWatch(clock)
        self._random = order_ids or random.SystemRandom()
        self._closed = False
        self._pid = os.getpid()
        self._thread = threading.get_ident()

    def _enter(self, what: str) -> bool:
        """Begin to change the account; `_inside` is set to None when that is complete.

        Says whether it is possible: not in the middle of another change.

        A signal handler of the strategy may call us there; it cannot be told from a call that was cut short but by the
        stack.
        """
        self._check_usable()
        frame = sys._getframe(1)
        if self._is_within_call(frame):
            self._refuse_nested(what)
            return False
        self._put_right()
        self._doubts.enter(is_clean=True)
        self._inside = frame
        return True

    def _refuse_nested(self, what: str) -> None:
        if self._is_refusing_nested:  # a log handler that answers lines of ours with calls would never come to an end
            return
        self._is_refusing_nested = True
        try:
            log.error("%s没有执行：它在另一次下单、撤单或同步的中途被调用（例如在信号处理函数里）。没有发出", what)
        finally:
            self._is_refusing_nested = False

    def _is_within_call(self, frame: FrameType) -> bool:
        """Whether `frame` runs in the middle of a change of the account."""
        below: Optional[FrameType] = frame if self._inside is not None else None
        while below is not None and below is not self._inside:
            below = below.f_back
        return below is not None

    def _put_right(self) -> None:
        """Put right what calls that were cut short have left, if there were any."""
        if self._inside is not None:
            log.warning("上一次下单、撤单或同步被一个异常从中打断，已重新核对")
            self._balance = None
            self._limits.forget_sums()
            self._doubts.enter(is_clean=False)
        if self._gate_may_be_cut_short:
            self._start_gate_over()
        if self._inside is not None:
            self._resolve_doubts("被一个异常打断，没有交给交易接口", only_those_kept_back=True)
            self._inside = None

    def _start_gate_over(self) -> None:
        try:
            self._gate.start_over()
        except Exception as error:  # a gate of the user's own may raise anything
            self._watch.say_once(f"交易接口 start_over 出错：{_reason(error)}")
        self._gate_may_be_cut_short = False

    def recover(self) -> None:
        """Learn today's orders from the journal, and of each one that may not have been sent, whether it was.

        Raises sqlite3.Error if the journal cannot be read.
        """
        recorded = self._journal.load(self._day)
        kin = self._journal.load_kin(self._day)
        cancels = self._journal.load_cancels(self._day)
        self._orders.update((record.order.order_id, record.order) for record in recorded)
        for order, state in self._writer.unrecorded:
            if order.create_time.date() == self._day:
                self._orders[order.order_id] = order.with_state(state)
        sent = [SentBefore(record.order, record.value, record.heard) for record in recorded + kin if record.counts]
        self._limits.start_day(self._orders, sent, cancels)
        self._doubts.take_up(
            {
                record.order.order_id: record.order
                for record in recorded
                if record.order.status is OrderStatus.new and not record.sent and not record.order.confirmed
            }
        )
        self._is_loaded = True
        self._resolve_doubts("任务在发出之前中断，不会自动补发")
        self._doubts.tell()  # they are orders of the run before
        self._writer.flush()
        for order_id, order in self._doubts.ids.items():
            log.warning("上次运行中断时无法确认订单 %s 是否发出，等待柜台回报：%s", order_id, describe(order))
        others = self._journal.count_others(self._day)
        if others:
            log.warning("记录里还有今天的 %d 笔订单属于别的账户、目录或交易接口，不列出，也不处理", others)
        if recorded:
            log.info("从记录中恢复了今天的 %d 笔订单", len(recorded))

    def _resolve_doubts(self, reason: str, only_those_kept_back: bool = False) -> None:
        """Find out what can be known now of the orders that may not have been sent; `reason` is for those that were not.

        `only_those_kept_back`: no question to the gate, which was not given these.
        """
        if self._writer.unrecorded:
            return  # "sent" must not be recorded before what the broker said of it
        sent: List[Order] = []
        kept_back: List[Order] = []
        for order_id in list(self._doubts.ids):
            order = self._orders.get(order_id)
            if order is None:  # an exception came before anything was done with it
                self._doubts.drop(order_id)
                continue
            if order.confirmed or order.status not in (OrderStatus.new, OrderStatus.rejected):
                was_sent: Optional[bool] = True
            elif order.status is OrderStatus.rejected or not self._doubts.were_handed_over([order]):
                was_sent = False
            else:
                was_sent = None if only_those_kept_back else self._ask(self._gate.was_sent, order)
            if was_sent is not None:
                (sent if was_sent else kept_back).append(order)
        if sent:
            self._journal.note_sent(sent)
        log_lines(log, [f"订单 {order.order_id} 已确认发出：{describe(order)}" for order in sent])
        self._refuse([(order, reason) for order in kept_back if order.status is OrderStatus.new])
        for order in sent + kept_back:
            self._doubts.resolve(order)

    def _call_gate(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """What the gate answers or raises; errors that are none of ours may have come in the middle of anything."""
        self._gate_may_be_cut_short = True
        try:
            answer = method(*arguments)
        except Exception as error:
            self._gate_may_be_cut_short = came_in_the_middle(error)
            raise
        self._gate_may_be_cut_short = False
        return answer

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """What the gate answers; None if it fails: a gate of the user's own may raise anything."""
        try:
            return self._call_gate(question, *arguments)
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
        is_ours = os.getpid() == self._pid and threading.get_ident() == self._thread
        if is_ours and not self._is_within_call(sys._getframe()):  # else a call may be at work: only what stands there
            self._put_right()
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
        which nobody knows whether it was sent has an id too: it stays new until the broker speaks. Once the broker may
        have been asked, nothing but a KeyboardInterrupt or its like is raised.
        Raises InvalidParam, with nothing recorded or sent, if the gate cannot carry one of them.
        """
        asked = (self._clock.now(), self._clock.monotonic())
        if not self._enter("下单"):
            return [None] * len(requests)
        self._asked = asked
        now = self._start_day()
        try:
            batch = self._new_orders(requests, now)
        except JqtradeError:
            self._inside = None
            raise
        accepted = self._within_limits(batch.values(), now) if batch else []
        try:
            if accepted:
                self._send(accepted)
            ids = self._ids_of(batch)
        except Exception:
            if not self._doubts.were_handed_over(accepted):
                raise
            log.exception("下单的途中出现异常，委托可能已经发出，等待柜台回报")
            return self._ids_of(batch)
        self._inside = None  # last of all: what is raised before leaves the strategy in the dark
        return ids

    def _ids_of(self, batch: Iterable[str]) -> List[Optional[str]]:
        return [None if self._orders[order_id].status is OrderStatus.rejected else order_id for order_id in batch]

    def _new_orders(self, requests: Sequence[OrderRequest], now: datetime) -> Dict[str, Order]:
        """The orders that ask for `requests`, by id. Raises InvalidParam for one that the gate cannot carry."""
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
        return batch

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
        if self._doubts.ids and not self._limits.is_halted():
            self._ask(self._gate.mend)
        if self._limits.is_stale(self._portfolio, now):
            self._sync_balance()
        halted = self._limits.is_halted()  # only now: all this may have taken its time
        blocking = self._doubts.blocking()
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
                self._limits.check(order, self._portfolio, moment)
            except InvalidOrder as error:
                log.error("InvalidOrder：订单 %s 没有发出：%s，%s", order.order_id, describe(order), error)
                refused.append(order.rejected(f"没有发出：{error}"))
                self._orders[order.order_id] = refused[-1]
            else:
                self._doubts.begin(order)  # before the first record of it
                self._orders[order.order_id] = order
                self._limits.count_order(order, self._portfolio)
                accepted.append(order)
        if refused:
            self._journal.queue(refused)
            self._writer.flush()
        return accepted

    def _refuse_possible_duplicate(self, order: Order, blocking: Mapping[Tuple[str, bool], str]) -> None:
        """Raise InvalidOrder while it is not known whether `order` would double another one.

        What was found out of another one counts only when a sync has told the strategy so: until then it believes that it
        may have to order again.
        """
        if not self._is_loaded:
            raise InvalidOrder("读不出今天的记录，不知道已经下过哪些单")
        other = blocking.get((order.code, order.is_buy))
        if other is not None:
            raise InvalidOrder(
                f"还不能确认同一股票、同一买卖方向的订单 {other} 是否发出，以免重复下单；请在券商的软件里查它，"
                "或在下一次同步（sync_orders）之后再试"
            )

    def _send(self, orders: Sequence[Order]) -> None:
        """Record the intents, hand the orders to the gate, and take note of what became of them."""
        try:
            self._writer.record_intents(orders, [self._limits.counted_value(order) for order in orders])
        except sqlite3.Error as error:
            self._refuse([(order, f"无法记录订单（{error}）") for order in orders], is_recorded=False)
            self._doubts.conclude(orders)
            return
        try:
            self._check_may_send()  # whatever the gate does about it: recording may have waited
        except OrderNotSent as error:
            self._refuse([(order, str(error)) for order in orders])
            self._doubts.conclude(orders)
            return
        self._doubts.hand_over(orders)
        self._is_batch = len(orders) > 1
        try:
            errors = check_outcomes(self._call_gate(self._gate.batch_order, orders), "batch_order", len(orders))
        except Exception as error:  # a gate of the user's own may raise anything, in the middle of anything
            log.exception("交易接口 batch_order 出错")
            errors = [OrderUncertain(str(error))] * len(orders)
        self._limits.restamp([order.order_id for order in orders])
        self._journal.note_sent([order for order, error in zip(orders, errors) if error is None])
        self._writer.flush()  # while an older order file may be put in place of this one, only the journal knows
        self._conclude(orders, errors)

    def _conclude(self, orders: Sequence[Order], errors: Sequence[Optional[Exception]]) -> None:
        """Take note of what became of sending orders. Thousands that went well are one record of the log."""
        lines: List[str] = []
        refused: List[Tuple[Order, str]] = []
        known: List[Order] = []
        for order, error in zip(orders, errors):
            if error is None:
                self._watch.sent(order)
                lines.append(f"已发出订单 {order.order_id}：{describe(order)}")
            elif is_uncertain(error):
                log.error("无法确认订单 %s 是否发出，等待柜台回报：%s，%s", order.order_id, describe(order), error)
                continue
            else:
                refused.append((order, str(error) or repr(error)))
            known.append(order)
        self._refuse(refused)
        self._doubts.conclude(known)
        log_lines(log, lines)

    def _refuse(self, orders: Sequence[Tuple[Order, str]], is_recorded: bool = True) -> None:
        """Call orders rejected that are proven not to have been sent, each with its reason."""
        if not orders:
            return
        for order, reason in orders:
            log.error("订单 %s 没有发出：%s，%s", order.order_id, describe(order), reason)
        refused = [order.rejected("没有发出：" + reason) for order, reason in orders]
        if is_recorded:  # first of all: what is in doubt until then is refused once more after an exception
            self._writer.record_steps([(order, order.state()) for order in refused], "refused")
        else:
            self._journal.queue(refused)
        self._orders.update([(order.order_id, order) for order in refused])
        self._limits.uncount_orders(refused)

    def cancel_batch(self, order_ids: Sequence[str]) -> List[str]:
        """Ask the broker to cancel orders, all at once where the gate can; ids unknown or finished are only logged.

        Returns the ids of those whose cancel did not go out for certain.
        """
        if not self._enter("撤单"):
            return list(order_ids)
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
        failed: List[str] = []
        if live:
            try:
                failed = self._send_cancels(live, now)
            except Exception:
                log.exception("撤单的途中出现异常，撤单可能已经发出，以柜台回报为准")
                return list(live)
        self._inside = None
        return failed

    def _send_cancels(self, live: Dict[str, Order], now: datetime) -> List[str]:
        counted = self._limits.count_cancels(len(live))
        self._journal.record_cancels(list(live.values()), now)
        self._writer.flush()
        try:
            answer = self._call_gate(self._gate.batch_cancel_order, list(live))
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

    def sync_balance(self) -> None:
        """Take over cash and positions from the broker; when it cannot say, the last good snapshot stays."""
        if self._enter("同步资金和持仓"):
            self._sync_balance()
            self._inside = None

    def _sync_balance(self) -> None:
        try:
            report = check_balance(self._call_gate(self._gate.sync_balance))
        except Exception as error:  # a gate of the user's own may raise anything; said once, tried at the next sync
            self._balance_outage.failed(f"同步资金和持仓失败：{_reason(error)}")
            return
        self._balance_outage.worked("资金和持仓恢复同步")
        is_known = report is self._balance  # nothing was written since
        is_new = not is_known and report != self._balance
        if is_known and self._portfolio is not None:
            self._portfolio = self._portfolio.with_changes(updated_time=self._clock.now())
        else:
            self._portfolio = Portfolio(
                total_assert=report.total_assert,
                available_cash=report.available_cash,
                locked_cash=report.locked_cash,
                updated_time=self._clock.now(),
                long_positions=_positions(report, OrderSide.long),
                short_positions=_positions(report, OrderSide.short),
            )
        if is_new:
            self._limits.take_snapshot(
                self._portfolio, report.written
            )  # only now: the old one does not know what it frees
        self._balance = report

    def sync_orders(self) -> List[Order]:
        """Take over what the broker says of our orders. Returns those that changed, as they stand now.

        Among them are those of which it was not known whether they were sent, once that is known.
        """
        if not self._enter("同步订单"):
            return []
        self._start_day()
        if not self._is_loaded:
            self._inside = None
            return []  # the gate would take our own orders for others'
        news = OrderNews(self._orders, self._watch)
        has_more = True
        self._gate_may_be_cut_short = True  # what it tells it tells once; until we have taken that over
        while has_more:
            try:
                reports = check_list(self._gate.sync_orders(), "sync_orders()")
                has_more = self._gate.has_more
            except Exception as error:  # as in sync_balance; what was told before counts
                self._orders_outage.failed(f"同步订单失败：{_reason(error)}")
                changed = self._take_over(news)
                self._gate_may_be_cut_short = came_in_the_middle(error)
                break
            news.take(reports)
        else:
            self._orders_outage.worked("订单恢复同步")
            self._watch.look()
            changed = self._take_over(news)
            self._gate_may_be_cut_short = False
            if self._doubts.ids:
                self._resolve_doubts("没有写入文件单")
            self._writer.flush()
        changed_ids = {order.order_id for order in changed}
        changed += [self._orders[order_id] for order_id in self._doubts.tell() if order_id not in changed_ids]
        self._inside = None
        return changed

    def _take_over(self, news: OrderNews) -> List[Order]:
        """Keep what a sync tells. Returns the orders that changed."""
        changed = news.changed()
        if changed:
            self._limits.heard(changed)  # how they stood before is still in self._orders
        self._writer.unrecorded.extend(news.steps)  # before the orders: told again, these would be nothing new then
        self._orders.update([(order.order_id, order) for order in changed])
        self._writer.record_steps([], "sync")
        return changed

    def _known(self) -> Known:
        """What the journal gets if it has to be opened anew."""
        orders = list(self._orders.values())
        sent = [order for order in orders if order.confirmed or order.order_id not in self._doubts.ids]
        sent = [order for order in sent if order.confirmed or order.status is not OrderStatus.rejected]
        return Known(self._day, orders, [self._limits.counted_value(order) for order in orders], sent)

    def _start_day(self) -> datetime:
        """Forget yesterday's orders when a new day has begun. Returns the time, which is of the day of the orders."""
        now = self._clock.now()
        today = now.date()
        if today != self._day:
            unfinished = [order for order in self._orders.values() if not order.status.is_final]
            log.info("进入 %s，昨天的 %d 笔订单不再列出，其中 %d 笔未见结束", today, len(self._orders), len(unfinished))
            self._is_loaded = False
            self._orders.clear()
            self._limits.start_day(self._orders)
            self._doubts.clear()
            self._watch = BrokerWatch(self._clock)
            self._day = today  # last of all: an exception before it has all this done once more
        if not self._is_loaded:
            self._writer.write(self.recover)  # after the clock was set back there are some
        return now

    def _check_next(self) -> None:
        """Asked by the gate before each order that it sends by itself, and after it may have waited."""
        self._check_may_send()
        if (
            self._is_batch
        ):  # a gate that sends one by one may take long for many: each has its time after the one before
            self._asked = (self._clock.now(), self._clock.monotonic())

    def _check_may_send(self) -> None:
        """Raise OrderNotSent if what was asked for shall not go out any more."""
        if self._limits.is_halted():
            raise OrderNotSent("任务已被 halt_task 暂停下单")
        now, awake = self._clock.now(), self._clock.monotonic()
        waited = max((now - self._asked[0]).total_seconds(), awake - self._asked[1])
        if waited > self._longest_wait:
            raise OrderNotSent(
                f"下单（或这一批的上一笔）之后过了 {format_seconds(waited)}，超过 {self._longest_wait:g} 秒"
                "（选项 wait_lock_time_out + 1）：机器休眠过，或等待太久，价格可能已经不对"
            )
        if now.date() != self._day:
            raise OrderNotSent("等待的时候过了零点，或日期变了")
        try:
            self._limits.check_age(self._portfolio, now)
            self._journal.check_files()
        except (InvalidOrder, sqlite3.Error) as error:
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
            self._writer.record_steps([], "close")
            self._writer.flush()
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


def _reason(error: Exception) -> str:
    """What a gate's error says; the type too when it is none of ours."""
    return str(error) if isinstance(error, JqtradeError) else f"{type(error).__name__}: {error}"
