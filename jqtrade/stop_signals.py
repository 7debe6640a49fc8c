"""Signals that ask a process to stop: Ctrl+C, SIGTERM, a closed terminal or console, the end of a Windows session."""

import _thread
import atexit
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, Callable, Dict, List, Optional

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")

_LAST_EVENTS = {2: "CTRL_CLOSE_EVENT", 5: "CTRL_LOGOFF_EVENT", 6: "CTRL_SHUTDOWN_EVENT"}
"""console events after which Windows ends the process, as soon as all has been said of them"""

_HOLD = 60.0
"""seconds, more than Windows ever waits: 5 as a rule, for a service 20"""

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
        self._routine: Any = None
        self._is_ending = False

    def listen(self) -> None:
        """Take over the signals, except those that the parent asked us to ignore (nohup); outside the main thread none."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in _NAMES:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._take)
        self._routine = _add_console_handler(self.take_console_event)
        if self._routine is not None:
            atexit.register(self._leave_console)  # a routine that is garbage must not be called
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
        self._leave_console()

    def take_console_event(self, event: int) -> bool:
        """Heed a console event. Windows calls this in a thread of its own, and for the last ones ends the process when it
        returns, or after some 5 seconds: so it does not return, and the process ends by itself when its work is done.

        The C library's own handler makes a SIGBREAK of them and returns, before any of Python has run.
        """
        if event not in _LAST_EVENTS:
            return False  # Ctrl+C and Ctrl+Break are signals
        self._is_ending = True
        self.received = self.received or _LAST_EVENTS[event]
        time.sleep(_HOLD)
        return True

    def _leave_console(self) -> None:
        """Not while an event is being held: Windows' list of handlers is locked then."""
        if self._routine is not None and not self._is_ending:
            _remove_console_handler(self._routine)
            self._routine = None

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


if sys.platform == "win32":

    def _add_console_handler(take: Callable[[int], bool]) -> Any:
        """Have `take` called with each console event, before other handlers. Returns what must live as long as that."""
        import ctypes

        routine = ctypes.WINFUNCTYPE(ctypes.c_int, ctypes.c_uint)(take)
        ctypes.windll.kernel32.SetConsoleCtrlHandler(routine, 1)
        return routine

    def _remove_console_handler(routine: Any) -> None:
        import ctypes

        ctypes.windll.kernel32.SetConsoleCtrlHandler(routine, 0)

    def _encoding_of(stream: Any) -> str:
        """Python's own stream to a console takes UTF-8. Bytes of a legacy one are read in the console's code page, which
        the strategy may have changed (chcp)."""
        import ctypes

        encoding = stream.encoding or "utf-8"
        page = ctypes.windll.kernel32.GetConsoleOutputCP()  # 0 without a console
        return f"cp{page}" if page and encoding.lower() != "utf-8" and stream.isatty() else str(encoding)

else:

    def _add_console_handler(take: Callable[[int], bool]) -> Any:
        """POSIX says with signals what Windows has console events for."""
        return None

    def _remove_console_handler(routine: Any) -> None:
        """There is none."""

    def _encoding_of(stream: Any) -> str:
        return stream.encoding or "utf-8"


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
    """Write to the standard error as the process got it, past what anybody buffers, as who shows it reads it."""
    stream = sys.__stderr__
    try:
        if stream is not None:
            buffer = stream.buffer
            getattr(buffer, "raw", buffer).write(text.encode(_encoding_of(stream), "backslashreplace"))
    except (OSError, ValueError):  # nobody listens
        pass
    written.release()
