"""Signals that ask a process to stop: Ctrl+C, SIGTERM, a closed terminal or console."""

import _thread
import os
import signal
import sys
from types import FrameType
from typing import Any, Callable, Dict, List, Optional

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # SIGBREAK: what Windows makes of a closed console

_PATIENCE = 0.05
"""seconds after which a terminal that has not taken the answer is taken for one that has paused"""


class StopSignals:
    """Notes that a stop was asked for, so that the work at hand can be finished. A second Ctrl+C is a KeyboardInterrupt."""

    def __init__(self, answer: str, cuts: Callable[[], bool] = lambda: False) -> None:
        """`answer` is said on the standard error to who pressed Ctrl+C.

        `cuts` is asked when a signal comes: whether the work at hand shall end by a KeyboardInterrupt at once.
        """
        self.received = ""
        """the name of the first signal; empty before"""
        self._answer = answer + "\n"
        self._cuts = cuts
        self._pid = os.getpid()
        self._before: Dict[int, Any] = {}
        self._mask: Any = ()

    def listen(self) -> None:
        """Take over the signals, except those that the parent asked us to ignore (nohup)."""
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._take)
        if hasattr(os, "register_at_fork"):  # Python 3.7, not on Windows
            # A child that the strategy forks (a multiprocessing pool) ends on a signal as it would without us. Blocked
            # meanwhile, since Python forgets a signal that comes between the fork and the end of its own bookkeeping.
            os.register_at_fork(
                before=self._block, after_in_parent=self._unblock, after_in_child=self._leave_child_alone
            )

    def take_back(self) -> List[str]:
        """Take over again what somebody else has taken meanwhile. Returns the names of those signals."""
        taken = []
        for number in self._before:
            handler = signal.getsignal(number)
            is_nohup = number == getattr(signal, "SIGHUP", None) and handler is signal.SIG_IGN
            is_second = bool(self.received) and handler is signal.default_int_handler
            if handler != self._take and not is_nohup and not is_second:
                signal.signal(number, self._take)
                taken.append(signal.Signals(number).name)
        return taken

    def restore(self) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _block(self) -> None:
        if sys.platform != "win32":
            self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, self._before)

    def _unblock(self) -> None:
        if sys.platform != "win32":
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def _leave_child_alone(self) -> None:
        for number in self._before:
            signal.signal(number, signal.SIG_DFL)
        self._unblock()

    def _take(self, number: int, frame: Optional[FrameType]) -> None:
        if os.getpid() != self._pid:  # a forked child, on Python 3.6
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self.received = self.received or signal.Signals(number).name
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _say(self._answer)
        if self._cuts():
            raise KeyboardInterrupt


def _say(text: str) -> None:
    """Write to the standard error by a thread: the terminal may have paused, and the interrupted code hold any lock."""
    written = _thread.allocate_lock()
    written.acquire()
    try:
        _thread.start_new_thread(_write, (text, written))
    except RuntimeError:  # no more threads
        return
    written.acquire(True, _PATIENCE)


def _write(text: str, written: Any) -> None:
    """Write to the standard error as the process got it, past what anybody buffers, in its own encoding."""
    stream = sys.__stderr__
    try:
        if stream is not None:
            buffer = stream.buffer
            getattr(buffer, "raw", buffer).write(text.encode(stream.encoding or "utf-8", "backslashreplace"))
    except (OSError, ValueError):  # nobody listens
        pass
    written.release()
