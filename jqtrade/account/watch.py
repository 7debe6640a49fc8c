"""BrokerWatch: what is said in the log of the broker's silence, and of what is not ours."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Set

from jqtrade.account.order import Order
from jqtrade.clock import Clock
from jqtrade.log import get_log

PATIENCE = timedelta(seconds=30)
"""for the broker's first word on an order"""

log = get_log("jqtrade.account")


class BrokerWatch:
    """One day of listening to the broker; each thing is said once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.start_day()

    def start_day(self) -> None:
        """Forget what was heard and said before."""
        self._unanswered: OrderedDict[str, datetime] = OrderedDict()
        self._others: Set[str] = set()
        self._others_counted = False
        self._said: Set[str] = set()

    def sent(self, order: Order) -> None:
        """The broker was asked for `order`: an answer is due."""
        self._unanswered[order.order_id] = order.create_time

    def heard(self, order_id: str) -> None:
        """The broker spoke of an order of ours."""
        self._unanswered.pop(order_id, None)

    def heard_of_other(self, order_id: str) -> None:
        """The broker spoke of an order that is not ours."""
        if not self._others_counted:
            self._others.add(order_id)

    def look(self) -> None:
        """Say, after a sync, how many orders are not ours, and when the broker does not answer.

        Files that nobody reads look like a quiet market.
        """
        if self._others and not self._others_counted:
            self._others_counted = True
            text = "柜台里今天还有 %d 笔委托不是本任务发出的（人工、别的任务或别的程序），本任务不处理"
            log.info(text, len(self._others))
            self._others.clear()
        oldest = next(iter(self._unanswered), None)
        if oldest is not None and self._clock.now() - self._unanswered[oldest] > PATIENCE:
            text = "订单 %s 等 %d 笔发出超过 30 秒，柜台还没有任何回报，请检查 One Quant 是否在运行"
            log.warning(text, oldest, len(self._unanswered))
            self._unanswered.clear()

    def say_once(self, text: str) -> None:
        """Log an error that may come again and again."""
        if text not in self._said:
            self._said.add(text)
            log.error("%s", text)
