"""What takes real time in a replay: a job in which the strategy waits, for its clock stands still meanwhile."""

import _thread
from typing import Callable, Optional

from jqtrade.account.journal import JobRun
from jqtrade.account.observer import Observer
from jqtrade.clock import Clock, SystemClock

PATIENCE = 5.0
"""seconds of real time that a job takes before somebody is told"""
_CUT = 1.0
"""seconds after which Ctrl+C ends a job that has not returned"""
_POLL = 0.5
LOADING = "process_initialize"
"""as a name: it may take long, and is not told of, but cut"""


class LongJobs(Observer):
    """Knows how long the strategy's code has been running, and tells of each function once when that is long.

    When a stop is asked for, such a one is cut: it may never return.
    """

    def __init__(
        self, say: Callable[[str], None], stop_asked: Callable[[], bool], clock: Optional[Clock] = None
    ) -> None:
        self.was_cut = False
        self._say = say
        self._stop_asked = stop_asked
        self._clock = clock or SystemClock()
        self._name: Optional[str] = None
        self._since = 0.0
        self._told = {LOADING}
        self._is_over = _thread.allocate_lock()

    def job_started(self, run: JobRun) -> None:
        self.note(run.name)

    def job_finished(self, run: JobRun) -> None:
        self.note(None if run.outer is None else run.outer.name)

    def note(self, name: Optional[str]) -> None:
        """The strategy now runs its function `name`; None: none."""
        if name != self._name:
            self._name, self._since = name, self._clock.monotonic()

    def begin(self) -> None:
        self._is_over.acquire()
        _thread.start_new_thread(self._watch, ())  # not threading.Thread, which would be taken for the strategy's

    def end(self) -> None:
        self._is_over.release()

    def cut(self) -> bool:
        """Somebody has asked for a stop. Whether what runs now shall end by a KeyboardInterrupt."""
        is_long = self._name is not None and self._clock.monotonic() - self._since > _CUT
        self.was_cut = self.was_cut or is_long
        return is_long

    def check(self) -> None:
        name, seconds = self._name, self._clock.monotonic() - self._since
        if name is not None and name not in self._told and seconds > PATIENCE:
            self._told.add(name)
            self._say(
                f"{name} 已经运行了 {seconds:.0f} 秒。回放里时间在一个任务之内不走，等成交、等时间的循环不会结束："
                "请改用 on_order_update 或下一个任务；按一次 Ctrl+C 结束回放，写出到这里为止的结果"
            )

        if self._stop_asked() and not self.was_cut and self.cut():
            _thread.interrupt_main()

    def _watch(self) -> None:
        while not self._is_over.acquire(True, _POLL):
            self.check()
