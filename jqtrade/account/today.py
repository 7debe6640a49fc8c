"""Today: the orders of one day and what is known of them. Each change of them is recorded, and they end with the day."""

from datetime import datetime
from typing import Dict, List, Sequence, Tuple

from jqtrade.account.gate_calls import GateCalls
from jqtrade.account.journal import Journal
from jqtrade.account.journal_writer import JournalWriter, Known
from jqtrade.account.order import Order, OrderStatus
from jqtrade.account.refusals import Refusals
from jqtrade.account.report_applier import ReportApplier
from jqtrade.account.request import describe
from jqtrade.account.risk import RiskLimits
from jqtrade.account.submissions import Submissions, was_sent_before
from jqtrade.clock import Clock
from jqtrade.log import get_log, log_lines

log = get_log("jqtrade.account")


class Today:
    """One account's orders of the day that it is for the strategy."""

    def __init__(self, calls: GateCalls, journal: Journal, limits: RiskLimits, clock: Clock) -> None:
        self.orders: Dict[str, Order] = {}
        """by id, in order of creation, as they stand"""
        self.submissions = Submissions(journal)
        self.refusals = Refusals()
        self.writer = JournalWriter(journal, clock, self._known)
        self.is_loaded = False
        """whether the journal has told what was asked for today"""
        self._calls = calls
        self._journal = journal
        self._limits = limits
        self._clock = clock
        self.day = clock.now().date()

    def begin(self) -> datetime:
        """Forget yesterday's orders when a new day has begun. Returns the time, which is of the day of the orders."""
        now = self._clock.now()
        today = now.date()
        if today != self.day:
            unfinished = [order for order in self.orders.values() if not order.status.is_final]
            if self.orders:
                count = len(self.orders)
                log.info("进入 %s，昨天的 %d 笔订单不再列出，其中 %d 笔未见结束", today, count, len(unfinished))
            self.is_loaded = False
            self.orders.clear()
            self._limits.start_day(self.orders)
            self.submissions.start_day()
            self.refusals.start_day(self.day)
            self._calls.watch.start_day()
            self.day = today  # last of all: an exception before it has all this done once more
        if not self.is_loaded:
            self.writer.write(self.recover)  # after the clock was set back there are some
        return now

    def recover(self) -> None:
        """Learn today's orders from the journal, and of each one that may not have been sent, whether it was.

        Raises sqlite3.Error if the journal cannot be read.
        """
        recorded = self._journal.load(self.day)
        kin = self._journal.load_kin(self.day)
        cancels = self._journal.load_cancels(self.day)
        self.orders.update((record.order.order_id, record.order) for record in recorded)
        unrecorded = [order for order in self.writer.unrecorded if order.create_time.date() == self.day]
        self.orders.update((order.order_id, order) for order in unrecorded)
        sent = [record for record in recorded + kin if was_sent_before(record) is not False]
        self._limits.start_day(self.orders, sent, cancels)
        unknown = self.submissions.take_up(recorded)
        self.is_loaded = True
        self.refusals.outdate()
        self.resolve("任务在发出之前中断，不会自动补发")
        self.submissions.untold.tell()  # they are orders of the run before
        self.refusals.untold.forget(unknown)
        self.writer.flush()
        for order_id, order in self.submissions.unknown.items():
            log.warning("上次运行中断时无法确认订单 %s 是否发出，等待柜台回报：%s", order_id, describe(order))
        others = self._journal.count_others(self.day)
        if others:
            log.warning("记录里还有今天的 %d 笔订单属于别的账户、目录或交易接口，不列出，也不处理", others)
        if recorded:
            log.info("从记录中恢复了今天的 %d 笔订单", len(recorded))

    def enter(self, is_clean: bool) -> None:
        """Another call begins; `is_clean` says whether the last one ended, so that the strategy has heard what it returned."""
        self.submissions.untold.enter(is_clean)
        self.refusals.untold.enter(is_clean)

    def resolve(self, reason: str, only_those_kept_back: bool = False) -> None:
        """Find out what can be known now of the orders that may not have been sent; `reason` is for those that were not.

        `only_those_kept_back`: no question to the gate, which was not given these.
        """
        if self.writer.unrecorded:
            return  # "sent" must not be recorded before what the broker said of it
        sent: List[Order] = []
        kept_back: List[Order] = []
        for order_id in list(self.submissions.unknown):
            order = self.orders.get(order_id)
            if order is None:  # an exception came before anything was done with it
                self.submissions.drop([order_id])
                continue
            was_sent = self.submissions.evidence(order)
            if was_sent is None and not only_those_kept_back:
                was_sent = self._calls.ask(self._calls.gate.was_sent, order)
            if was_sent is not None:
                (sent if was_sent else kept_back).append(order)
        if sent:
            self.submissions.note_sent(sent)
        log_lines(log, [f"订单 {order.order_id} 已确认发出：{describe(order)}" for order in sent])
        self.refuse([(order, reason) for order in kept_back if order.status is OrderStatus.new])
        for order in sent + kept_back:
            self.submissions.resolve(order)

    def refuse(self, orders: Sequence[Tuple[Order, str]], is_recorded: bool = True) -> None:
        """Call orders rejected that are proven not to have been sent, each with its reason."""
        if not orders:
            return
        for order, reason in orders:
            log.error("订单 %s 没有发出：%s，%s", order.order_id, describe(order), reason)
        refused = [order.rejected(reason) for order, reason in orders]
        if is_recorded:  # first of all: what is unknown until then is refused once more after an exception
            self.writer.record_steps(refused, "refused")
        else:
            self._journal.queue(refused)
        self.orders.update([(order.order_id, order) for order in refused])
        self.refusals.note(refused)
        self._limits.uncount_orders(refused)

    def take_over(self, applier: ReportApplier) -> List[Order]:
        """Keep what the broker's reports make of our orders. Returns those that changed."""
        changed = applier.changed()
        if changed:
            self._limits.heard(changed)  # how they stood before is still in self.orders
            if any(OrderStatus.rejected in (order.status, self.orders[order.order_id].status) for order in changed):
                self.refusals.outdate()
        self.writer.unrecorded.extend(applier.steps)  # before the orders: told again, these would be nothing new then
        self.orders.update([(order.order_id, order) for order in changed])
        self.writer.record_steps([], "sync")
        return changed

    def tell(self, changed: List[Order]) -> List[Order]:
        """What a sync returns: `changed`, and of what the strategy was not told yet the rest, as it stands now."""
        for untold in (self.submissions.untold, self.refusals.untold):
            changed_ids = {order.order_id for order in changed}
            changed += [
                self.orders.get(order.order_id, order) for order in untold.tell() if order.order_id not in changed_ids
            ]
        return [order for order in changed if not self.refusals.is_answer(order)]

    def _known(self) -> Known:
        """What the journal gets if it has to be opened anew."""
        orders = list(self.orders.values())
        sent = [order for order in orders if self.submissions.was_sent(order)]
        return Known(self.day, orders, [self._limits.counted_value(order) for order in orders], sent)
