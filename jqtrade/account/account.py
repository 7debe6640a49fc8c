"""Account: submit and cancel orders, and keep in step with what the broker says.

An exception may come between any two steps here: a signal handler of the strategy may raise anywhere in our code, memory or
the stack may end. So each change of the account is entered and left; what finds that an earlier one was entered and never
left puts right what it may have left behind, before it does anything else.
"""

import random
import sys
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import Any, Container, Dict, Iterable, Iterator, List, Optional, Sequence

from jqtrade.account.balance import Balance
from jqtrade.account.call_guard import CallGuard
from jqtrade.account.gate import AbsTradeGate
from jqtrade.account.gate_calls import GateCalls
from jqtrade.account.gate_errors import came_in_the_middle, reason_of
from jqtrade.account.journal import Journal
from jqtrade.account.order import Order, OrderStatus
from jqtrade.account.portfolio import Portfolio
from jqtrade.account.refusals import RefusedOrders
from jqtrade.account.report_applier import ReportApplier
from jqtrade.account.reports import check_list
from jqtrade.account.request import OrderRequest, describe, new_order
from jqtrade.account.risk import RiskLimits
from jqtrade.account.run_log import RunLog
from jqtrade.account.sender import Sender
from jqtrade.account.today import Today
from jqtrade.account.watch import BrokerWatch
from jqtrade.clock import Clock
from jqtrade.errors import InvalidCall, InvalidParam, JqtradeError, TradeGateError
from jqtrade.log import Outage, get_log

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
        observer: Optional[RunLog] = None,
    ) -> None:
        """`order_ids`: what ids are drawn from; by default what nobody can foresee or repeat.

        `longest_wait`: seconds from the call of `order` after which nothing is sent any more. `observer` is told of balances
        and outages, and writes through our journal if that is kept.
        """
        self._gate = gate
        self._journal = journal
        self._limits = limits
        self._random = order_ids or random.SystemRandom()
        self._guard = CallGuard()
        self._calls = GateCalls(gate, BrokerWatch(clock))
        self._today = Today(self._calls, journal, limits, clock)
        self._observer = observer or RunLog(clock, is_kept=False)
        if journal.is_lasting:
            self._observer.use(self._today.writer)
        self._balance = Balance(self._calls, limits, clock, self._observer)
        self._sender = Sender(self._calls, self._today, self._balance, limits, journal, clock, longest_wait)
        self._orders_outage = Outage(log, clock)
        gate.gate_context = gate.gate_context._replace(
            orders=MappingProxyType(self._today.orders),
            in_doubt=self._today.submissions.unknown,
            may_send=self._sender.check_next,
        )

    def _enter(self, what: str) -> bool:
        """Begin to change the account; the guard's `inside` is set to None when that is complete. Says whether it may be."""
        frame = sys._getframe(1)
        if not self._guard.may_enter(what, frame):
            return False
        self._put_right()
        self._today.enter(is_clean=True)
        self._guard.inside = frame
        return True

    def _put_right(self) -> None:
        """Put right what calls that were cut short have left, if there were any."""
        if self._guard.inside is not None:
            log.warning("上一次下单、撤单或同步被一个异常从中打断，已重新核对")
            self._balance.forget_report()
            self._limits.forget_sums()
            self._today.enter(is_clean=False)
        self._calls.put_right()
        if self._guard.inside is not None:
            self._today.resolve("被一个异常打断，没有交给交易接口", only_those_kept_back=True)
            self._guard.inside = None

    def recover(self) -> None:
        """Learn today's orders from the journal, and of each one that may not have been sent, whether it was.

        Raises sqlite3.Error if the journal cannot be read.
        """
        self._today.recover()

    @property
    def portfolio(self) -> Portfolio:
        """The last good snapshot. Raises InvalidCall if there has been none yet."""
        if self._balance.portfolio is None:
            raise InvalidCall("还没有同步到资金和持仓：交易接口至今没有给出完整的数据，原因见前面的日志")
        return self._balance.portfolio

    def orders(self, order_id: Any = None, code: Any = None, status: Any = None) -> List[Order]:
        """Today's orders in order of creation that match every given filter; those of the last day once it is closed.

        Raises InvalidParam for an unknown status, InvalidCall in another thread or process.
        """
        problem = self._guard.foreign_place()
        if problem:
            raise InvalidCall(f"{problem}。没有查询订单")
        if not self._guard.is_within_call(sys._getframe()):  # else a call is at work: only what stands there
            self._put_right()
            self._today.begin()
        if status is not None:
            status = _check_status(status)
        if order_id is not None:
            found = self._today.orders.get(order_id)
            orders = [] if found is None else [found]
        else:
            orders = list(self._today.orders.values())
        if code is not None:
            orders = [order for order in orders if order.code == code]
        if status is not None:
            orders = [order for order in orders if order.status is status]
        return orders

    def refused(self) -> Optional[RefusedOrders]:
        """What there is to say of today's orders that came to nothing. Costs nothing while there are no new ones."""
        return self._today.refusals.summary(self._today.day, self._today.orders.values())

    @property
    def has_untold_refusals(self) -> bool:
        """Whether the next sync will tell of orders that were not sent."""
        return bool(self._today.refusals.untold.orders)

    @contextmanager
    def telling(self, order: Order) -> Iterator[None]:
        """Within this the strategy's hook is told how `order` stands. See account/refusals.py."""
        refusals = self._today.refusals
        before = refusals.is_answering
        refusals.is_answering = before or order.is_unsent
        try:
            yield
        finally:
            refusals.is_answering = before

    def submit_batch(self, requests: Sequence[OrderRequest]) -> List[Optional[str]]:
        """Send orders, all at once where the gate can.

        Returns for each its id, or None if it was refused before the broker was asked (see its `err_msg`). An order of
        which nobody knows whether it was sent has an id too: it stays new until the broker speaks. Once the broker may
        have been asked, nothing but a KeyboardInterrupt or its like is raised.
        Raises InvalidParam, with nothing recorded or sent, if the gate cannot carry one of them.
        """
        asked = self._sender.moment()
        if not self._enter("下单"):
            return [None] * len(requests)
        self._sender.asked = asked
        now = self._today.begin()
        try:
            batch = self._new_orders(requests, now)
        except JqtradeError:
            self._guard.inside = None
            raise
        self._today.refusals.note_new(batch)
        accepted = self._sender.accept(batch.values(), now) if batch else []
        try:
            if accepted:
                self._sender.send(accepted)
            ids = self._ids_of(batch)
        except Exception:
            if not self._today.submissions.were_handed_over(accepted):
                raise
            log.exception("下单的途中出现异常，委托可能已经发出，等待柜台回报")
            return self._ids_of(batch)
        self._guard.inside = None  # last of all: what is raised before leaves the strategy in the dark
        return ids

    def _ids_of(self, batch: Iterable[str]) -> List[Optional[str]]:
        return [None if self._today.orders[order_id].status is OrderStatus.rejected else order_id for order_id in batch]

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
                and order_id not in self._today.orders
                and order_id not in batch
                and not self._calls.ask(self._gate.knows_order_id, order_id)
            ):
                return order_id
        raise TradeGateError(f"交易接口说随机抽取的 {ID_TRIES} 个订单号都已用过。没有发出")

    def cancel_batch(self, order_ids: Sequence[str]) -> List[str]:
        """Ask the broker to cancel orders, all at once where the gate can; ids unknown or finished are only logged.

        Returns the ids of those whose cancel did not go out for certain.
        """
        if not self._enter("撤单"):
            return list(order_ids)
        now = self._today.begin()
        live: Dict[str, Order] = {}
        for order_id in order_ids:
            order = self._today.orders.get(order_id)
            if order is None:
                log.error("撤单没有发出：今天没有订单 %r", order_id)
            elif order.status.is_final:
                log.warning("撤单没有发出：订单 %s 已经结束，状态 %s", order_id, order.status)
            else:
                live[order_id] = order
        failed: List[str] = []
        if live:
            try:
                failed = self._sender.cancel(live, now)
            except Exception:
                log.exception("撤单的途中出现异常，撤单可能已经发出，以柜台回报为准")
                return list(live)
        self._guard.inside = None
        return failed

    def sync_balance(self) -> None:
        """Take over cash and positions from the broker; when it cannot say, the last good snapshot stays."""
        if self._enter("同步资金和持仓"):
            self._balance.sync()
            self._guard.inside = None

    def sync_orders(self) -> List[Order]:
        """Take over what the broker says of our orders. Returns those that changed, as they stand now.

        Among them are those that were not sent, each once, and those of which it was not known whether they were, once that
        is known.
        """
        if not self._enter("同步订单"):
            return []
        self._today.begin()
        # While the journal cannot be read no question to the gate: it would take our own orders for others'.
        changed = self._today.tell(self._take_reports() if self._today.is_loaded else [])
        self._guard.inside = None
        return changed

    def _take_reports(self) -> List[Order]:
        """Take over what the gate has to report. Returns the orders that changed."""
        applier = ReportApplier(self._today.orders, self._calls.watch)
        has_more = True
        self._calls.may_be_cut_short = True  # what it tells it tells once; until we have taken that over
        while has_more:
            try:
                reports = check_list(self._gate.sync_orders(), "sync_orders()")
                has_more = self._gate.has_more
            except Exception as error:  # as in Balance.sync; what was told before counts
                if self._orders_outage.failed(f"同步订单失败：{reason_of(error)}"):
                    self._observer.sync_failed("orders", reason_of(error))
                changed = self._today.take_over(applier)
                self._calls.may_be_cut_short = came_in_the_middle(error)
                return changed
            applier.take(reports)
        if self._orders_outage.worked("订单恢复同步"):
            self._observer.sync_recovered("orders")
        self._calls.watch.look()
        changed = self._today.take_over(applier)
        self._calls.may_be_cut_short = False
        if self._today.submissions.unknown:
            self._today.resolve("没有写入文件单")
        self._today.writer.flush()
        return changed

    def close(self) -> None:
        """Let go of the gate and the journal; nothing is sent after this."""
        if not self._guard.is_closed:
            self._today.writer.record_steps([], "close")
            self._today.writer.flush()
        self._guard.is_closed = True
        self._gate.close()
        self._journal.close()


def _check_status(status: Any) -> OrderStatus:
    try:
        return OrderStatus(status)
    except ValueError:
        names = "、".join(str(known) for known in OrderStatus)
        raise InvalidParam(f"订单状态 status={status!r} 不正确，应为其中之一：{names}")
