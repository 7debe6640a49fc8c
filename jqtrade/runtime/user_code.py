"""What surrounds every call of the user's code: the process is theirs meanwhile, and ours again afterwards."""

import contextlib
import decimal
import os
import sys
import threading
from typing import Any, Callable, Iterator, List, Set

from jqtrade.log import get_log

log = get_log("jqtrade")

CHILD_PATIENCE = 5.0
"""seconds that a forked child, whose job has ended, waits for the threads that it started itself"""

_DECIMALS = decimal.Context(
    prec=28,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-999999,
    Emax=999999,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)


def our_decimals() -> Any:
    """A context manager in which Decimal computes as Python does by default, whatever the user's code has set."""
    return decimal.localcontext(_DECIMALS)


class UserCode:
    """Calls of one strategy's code, in the process that made this.

    `sys.argv` is the strategy's path meanwhile, and Decimal's settings are the user's. Afterwards both are ours again,
    what `put_back` had to put back is told once, and a child that was forked meanwhile ends.
    """

    def __init__(self, path: str, put_back: Callable[[], List[str]] = list) -> None:
        """`put_back` puts back what jqtrade needs of the process, and returns what had been changed, in Chinese."""
        self._argv = [path]
        self._decimals = _DECIMALS.copy()
        self._put_back = put_back
        self._told: Set[str] = set()
        self._pid = os.getpid()

    @contextlib.contextmanager
    def running(self, where: str) -> Iterator[None]:
        """The user's code runs as long as this lasts; `where` says which, in Chinese."""
        self._tell_put_back("不在任务里的代码（例如策略的线程）")
        with self.no_child_returns(where):
            our_argv, sys.argv = sys.argv, self._argv
            ours = decimal.getcontext()
            decimal.setcontext(self._decimals)
            try:
                yield
            finally:
                self._decimals = decimal.getcontext()
                decimal.setcontext(ours)
                self._argv, sys.argv = sys.argv, our_argv
                if os.getpid() == self._pid:
                    self._tell_put_back(where)

    @contextlib.contextmanager
    def no_child_returns(self, where: str) -> Iterator[None]:
        """End a process that was forked within this, where it would come back to us, and be a second strategy."""
        try:
            yield
        except BaseException as error:
            if os.getpid() != self._pid:
                _end_child(where, error)
            raise
        if os.getpid() != self._pid:
            _end_child(where, None)

    def _tell_put_back(self, where: str) -> None:
        for what in self._put_back():
            if what not in self._told:
                self._told.add(what)
                log.warning("%s 改动了%s，已恢复；同样的改动以后照样恢复，不再提醒", where, what)


def _end_child(where: str, error: Any) -> None:
    """End this forked process with the exit code of what it did; nothing registered with atexit runs, as in multiprocessing."""
    code = 0
    try:
        if isinstance(error, SystemExit):
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
            if isinstance(error.code, str):
                print(error.code, file=sys.stderr)
        elif error is not None:
            code = 1
            log.exception("%s 派生的子进程运行出错，子进程（pid %d）到此结束", where, os.getpid())
        left = [thread for thread in threading.enumerate() if thread is not threading.current_thread()]
        for thread in left:
            if not thread.daemon:
                thread.join(CHILD_PATIENCE / len(left))
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (Exception, KeyboardInterrupt):  # what the strategy has made of its streams; here is nobody to be told
        code = code or 1
    finally:
        os._exit(code & 0xFF)
