"""Output to a terminal or a pipe that may stop taking it: Ctrl+S, a selection in a Windows console, `| less`.

What can be written without waiting is written at once; a thread writes the rest, so that jobs go on meanwhile. While it
keeps up, a write returns when it is done: lines stay in order with what native code and child processes write, and none
is lost in a crash.
"""

import _thread
import atexit
import io
import os
import stat
import sys
import time
from collections import deque
from typing import Any, Deque, List, Optional, Set, Tuple

_PATIENCE = 0.05
"""seconds that a write waits for the thread, once; a reader that is slower has paused"""
_MOST_WRITES = 10000
_MOST_BYTES = 8 * 1024 * 1024
_LAST_WORDS_TERMINAL, _LAST_WORDS_PIPE = 2.0, 10.0
"""seconds that the end of the process waits for what is still to be written: who paused a terminal sees that it is"""
_AT_ONCE = 4096
"""bytes that a pipe takes all or none of"""


class ConsoleWriter:
    """Writes to raw streams from a thread of its own.

    A signal handler may write too, in the middle of another write of the same thread: nothing here waits for a lock that
    the interrupted code could hold. `deque.append` is atomic; the bare locks are semaphores, released by anybody.
    """

    def __init__(self, encoding: str) -> None:
        """`encoding` is that of the terminal, for what the writer itself has to say."""
        self._encoding = encoding
        self.outputs: List[QueuedOutput] = []
        self._pid = os.getpid()
        self._queue: Deque[Tuple[QueuedOutput, bytes, Any]] = deque()
        self._writing = _thread.allocate_lock()
        """held by whoever writes; only the thread ever waits for it"""
        self._inside: Set[int] = set()
        """threads that write at once: what a signal handler writes in the middle of that waits for nothing"""
        self._bytes = 0
        self._has_work = _thread.allocate_lock()
        self._has_work.acquire()
        self._is_paused = False
        self._is_full = False
        self._dropped = self._reported = 0
        """lines, of all time; the thread alone changes the second"""
        self._is_idle = True
        # Not threading.Thread: the process shall not wait for it, and nobody take it for a thread of the strategy.
        _thread.start_new_thread(self._run, ())
        atexit.register(self.drain)

    def write(self, output: "QueuedOutput", data: bytes) -> None:
        """Write `data`, whole lines as a rule, to `output`; dropped and counted while too much waits."""
        if os.getpid() != self._pid:  # forked by the strategy: the thread stayed with the parent
            output.write_all(data)
            return
        thread = _thread.get_ident()
        is_nested = thread in self._inside
        if not is_nested and self.is_done():
            data = data[self._write_now(output, data, thread) :]
            if not data:
                return
        if self._is_full or len(self._queue) >= _MOST_WRITES or self._bytes + len(data) > _MOST_BYTES:
            self._is_full = True
            self._dropped += max(1, data.count(b"\n"))
            self._wake()  # it may just have become idle
            return
        written = _thread.allocate_lock()
        written.acquire()
        self._bytes += len(data)
        self._queue.append((output, data, written))
        self._wake()
        if not is_nested and not self._is_paused and not written.acquire(True, _PATIENCE):
            self._is_paused = True

    def _write_now(self, output: "QueuedOutput", data: bytes, thread: int) -> int:
        """Write what can be written without waiting, unless somebody else is writing; return how many bytes that were."""
        is_ours = False
        try:
            self._inside.add(thread)
            is_ours = self._writing.acquire(False)
            # The thread may have been given something meanwhile, which comes first.
            return output.write_now(data) if is_ours and not self._queue else 0
        finally:
            if is_ours:
                self._release(self._writing)
            self._inside.discard(thread)

    def drain(self) -> None:
        """Wait until all is written, for some seconds at most; say what is lost, if there is anybody to hear it."""
        began = time.monotonic()
        while os.getpid() == self._pid and not self.is_done():
            if time.monotonic() - began > self._patience:
                lost = self._dropped - self._reported + sum(data.count(b"\n") for _, data, _ in list(self._queue))
                notice = f"\njqtrade：终端或管道停了一会儿，任务结束时丢弃了 {lost} 行输出\n"
                for stream in self.outputs:
                    stream.write_now(self._encoded(notice))
                return
            self._wake()
            time.sleep(0.005)

    def is_done(self) -> bool:
        """Say whether all is written, and told what was dropped."""
        return self._is_idle and not self._queue and self._dropped == self._reported

    @property
    def _patience(self) -> float:
        is_terminal = any(output.isatty() for output in self.outputs)
        return _LAST_WORDS_TERMINAL if is_terminal else _LAST_WORDS_PIPE

    def _encoded(self, notice: str) -> bytes:
        return notice.encode(self._encoding, "backslashreplace")

    def _wake(self) -> None:
        self._release(self._has_work)

    @staticmethod
    def _release(lock: Any) -> None:
        try:
            lock.release()
        except RuntimeError:  # somebody else has released it: of `_has_work` the thread is awake already
            pass

    def _run(self) -> None:
        output: Optional[QueuedOutput] = None
        while True:
            self._has_work.acquire()
            self._is_idle = False
            # What is written at once takes no time: whoever still has the lock lost it to an exception out of a signal.
            self._writing.acquire(True, _PATIENCE * 10)
            while self._queue:
                output, data, written = self._queue[0]
                output.write_all(data)
                self._queue.popleft()
                self._bytes -= len(data)
                written.release()
            self._is_full = False  # first: what is dropped from now on is counted anew, and wakes us
            dropped = self._dropped - self._reported
            if dropped and output is not None:
                output.write_all(self._encoded(f"jqtrade：终端或管道停了一会儿，丢弃了 {dropped} 行输出\n"))
                self._reported += dropped
            self._release(self._writing)
            if not self._queue:
                self._bytes = 0  # counted by several threads, and so not quite exactly
                self._is_paused = False
            self._is_idle = True


class QueuedOutput(io.BufferedIOBase):
    """What stands in for the buffer of sys.stdout or sys.stderr; `buffer` is the one that it had."""

    def __init__(self, writer: ConsoleWriter, buffer: Any) -> None:
        super().__init__()
        self._writer = writer
        self._raw = getattr(buffer, "raw", buffer)  # the buffer has a lock, with which a stalled write would end
        self._direct = _open_without_waiting(self._raw)
        writer.outputs.append(self)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        content = bytes(data)
        self._writer.write(self, content)
        return len(content)

    def write_all(self, data: bytes) -> None:
        """Write `data`, however long that takes. Nobody who listens, or a full disk, is no error: a print ends no job."""
        left = memoryview(data)
        try:
            while left:
                count = self._raw.write(left)
                if count is None:  # somebody made the terminal non-blocking, and it takes no more for now
                    time.sleep(0.01)
                else:
                    left = left[count:]
        except (OSError, ValueError):
            pass

    def write_now(self, data: bytes) -> int:
        """Write of `data` what can be written without waiting; return how many bytes that were."""
        if self._direct == -1 or len(data) > _AT_ONCE:
            return 0
        try:
            # The strategy may have put another file in the place of this one.
            if not os.path.samestat(os.fstat(self._direct), os.fstat(self._raw.fileno())):
                return 0
            return os.write(self._direct, data)
        except (OSError, ValueError):  # it is full, or what else the thread will see
            return 0

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        try:
            return bool(self._raw.isatty())
        except ValueError:  # closed
            return False


def _open_without_waiting(raw: Any) -> int:
    """Open what `raw` writes to once more, so that a write never waits; -1 where that is not possible.

    To make `raw` itself so would make it so for the shell and every child. Linux opens a pipe again, macOS does not, and
    Windows knows nothing of it.
    """
    if sys.platform == "win32":
        return -1
    flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY
    try:
        fd = raw.fileno()
        if os.isatty(fd):
            return os.open(os.ttyname(fd), flags)
        if stat.S_ISFIFO(os.fstat(fd).st_mode) and sys.platform == "linux":
            return os.open(f"/proc/self/fd/{fd}", flags)
    except (OSError, ValueError):
        pass
    return -1
