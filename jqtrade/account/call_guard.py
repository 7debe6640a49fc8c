"""CallGuard: who may change the account now. One process, one thread, one call at a time, and nobody once it is closed."""

import os
import threading
from types import FrameType
from typing import Optional

from jqtrade.errors import InvalidCall
from jqtrade.log import get_log

log = get_log("jqtrade.account")


class CallGuard:
    """Whoever makes it owns the account."""

    def __init__(self) -> None:
        self.inside: Optional[FrameType] = None
        """the call that is changing the account, or one that was cut short; set to None when a call is complete"""
        self.is_closed = False
        self._pid = os.getpid()
        self._thread = threading.get_ident()
        self._is_refusing_nested = False

    @property
    def is_open_here(self) -> bool:
        """Whether it is not closed, in this process."""
        return not self.is_closed and os.getpid() == self._pid

    def may_enter(self, what: str, frame: FrameType) -> bool:
        """Whether the call `what`, that runs in `frame`, may change the account: not in the middle of another change.

        Raises InvalidCall where an order could be sent behind the back of whoever stopped the task.
        """
        problem = "任务已经停止" if self.is_closed else self.foreign_place()
        if problem:
            raise InvalidCall(f"{problem}。没有发出")
        if self.is_within_call(frame):
            self._refuse_nested(what)
            return False
        return True

    def is_within_call(self, frame: FrameType) -> bool:
        """Whether `frame` runs in the middle of a change of the account.

        A signal handler of the strategy may call us there; it cannot be told from a call that was cut short but by the
        stack.
        """
        below: Optional[FrameType] = frame if self.inside is not None else None
        while below is not None and below is not self.inside:
            below = below.f_back
        return below is not None

    def foreign_place(self) -> str:
        """What is wrong with a call from here; "" if nothing is."""
        if os.getpid() != self._pid:
            return "派生出来的子进程不能使用账户，请在策略进程里调用"
        return "" if threading.get_ident() == self._thread else "账户只能在运行策略的线程里使用"

    def _refuse_nested(self, what: str) -> None:
        if self._is_refusing_nested:  # a log handler that answers lines of ours with calls would never come to an end
            return
        self._is_refusing_nested = True
        try:
            log.error("%s没有执行：它在另一次下单、撤单或同步的中途被调用（例如在信号处理函数里）。没有发出", what)
        finally:
            self._is_refusing_nested = False
