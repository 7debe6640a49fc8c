"""The end of a process in which a strategy ran: what the strategy left running may finish, for a bounded time."""

import _thread
import os
import sys
import threading
from typing import Any, List

from jqtrade.clock import SystemClock
from jqtrade.log import get_log

log = get_log("jqtrade")

PATIENCE = 5.0
"""seconds; less than stop_task waits by default, and than Windows leaves a process whose console is closed"""
COMMAND_PATIENCE = 1.0
"""after a replay or a check, whose results are out"""


def left_running() -> List[str]:
    """What the interpreter would wait for at its end, by name: threads that are no daemons, processes of multiprocessing."""
    main = threading.main_thread()
    # Python before 3.9 makes the threads of a ThreadPoolExecutor daemons, and joins them all the same.
    in_pools = getattr(sys.modules.get("concurrent.futures.thread"), "_threads_queues", ())
    threads = [
        thread for thread in threading.enumerate() if thread is not main and (not thread.daemon or thread in in_pools)
    ]
    children = [child for child in _children() if not child.daemon]
    return [f"线程 {thread.name}" for thread in threads] + [f"子进程 {child.pid}" for child in children]


def _children() -> List[Any]:
    """Living children of multiprocessing; it is asked only if the strategy has imported it."""
    active_children = getattr(sys.modules.get("multiprocessing"), "active_children", None)
    return [] if active_children is None else list(active_children())


class ProcessEnd:
    """The interpreter ends as ever: it joins threads and children and calls what was registered with atexit. Should that
    take longer than `seconds`, the process ends all the same: no order can go out any more.
    """

    def __init__(self, name: str, seconds: float = PATIENCE) -> None:
        self._name = name
        self._seconds = seconds
        self._pid = os.getpid()
        self._is_stopped = False
        self._is_said = False

    def announce(self) -> str:
        """The strategy's last function has returned. Log that the task has ended, or what it waits for; return the latter."""
        self._is_stopped = True
        left = left_running()
        if not left:
            self.finish()
            return ""
        what = f"等待策略的{'、'.join(left)} 结束"
        log.info("任务 %s 的函数都已结束，%s，最多 %g 秒", self._name, what, self._seconds)
        return what

    def begin(self, code: int) -> None:
        """Let the process end with `code`, in time."""
        _thread.start_new_thread(self._wait, (code,))  # not threading.Thread: nobody waits for it

    def finish(self) -> None:
        """Say that the task has ended, once."""
        if self._is_stopped and not self._is_said and os.getpid() == self._pid:
            self._is_said = True
            log.info("任务 %s 已结束", self._name)

    def _wait(self, code: int) -> None:
        SystemClock().sleep(self._seconds)
        what = "、".join(left_running()) or "用 atexit 登记的函数"
        log.warning("策略的%s 过了 %g 秒仍没有结束，不再等待，直接结束进程", what, self._seconds)
        self.finish()
        end_now(code)


def end_command(code: int, seconds: float = COMMAND_PATIENCE) -> None:
    """End the process of a command, whose results are out, in time, if its strategy left something running."""
    if left_running():
        _thread.start_new_thread(_end_later, (code, seconds))


def _end_later(code: int, seconds: float) -> None:
    SystemClock().sleep(seconds)
    end_now(code)


def end_now(code: int) -> None:
    """End this process without waiting for anything, and its children of multiprocessing, which would be left alone."""
    try:
        for child in _children():
            child.terminate()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    finally:
        os._exit(code)
