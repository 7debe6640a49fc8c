"""What the strategy's process does about a halt between jobs: says so in the log, and cancels what is open if asked."""

import logging
from typing import Callable, Tuple

from jqtrade.log import get_log
from jqtrade.tasks.claim import Claim

log = get_log("jqtrade")


class HaltWatch:
    """Watches the halt of one task. That new orders are refused does not depend on it."""

    def __init__(
        self,
        claim: Claim,
        cancel_live_orders: Callable[[], Tuple[int, int]],
        tell: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """`cancel_live_orders` asks for the cancels and returns for how many orders, and how many of them failed.

        `tell` is called with the reason when a halt begins, with "" when it ends.
        """
        self._claim = claim
        self._cancel_live_orders = cancel_live_orders
        self._tell = tell
        self._reason = ""
        self._done_for = ""

    def announce(self) -> None:
        """Log that a halt has begun, for which reason, or ended."""
        reason = self._claim.why_halted()
        if reason and reason != self._reason:
            log.warning("已暂停下单：新的委托一律不发出，定时任务、同步和撤单照常。%s", reason)
        elif self._reason and not reason:
            log.warning("已恢复下单")
        if reason != self._reason:
            self._tell(reason)
        self._reason = reason

    def look(self) -> None:
        """Log as `announce`, and cancel what is open once for each request, after a restart again.

        Also sees to it that the task can still be found: people remove what they take for stale locks.
        """
        self._claim.restore()
        for notice in self._claim.notices():
            log.error("%s", notice)
        self.announce()
        request = self._claim.cancel_request() if self._reason else ""
        if request and request != self._done_for:
            self._done_for = request
            cancels, failed = self._cancel_live_orders()
            text = "暂停下单时要求撤单：对 %d 笔没有结束的订单请求撤单，其中 %d 笔没有发出"
            log.log(logging.ERROR if failed else logging.WARNING, text, cancels, failed)
            self._claim.update(cancels_for=request, cancels=cancels, cancels_failed=failed)
