"""Output to a terminal or a pipe that may stop taking it: Ctrl+S, a selection in a Windows console, `| less`.

A thread does the writing, so that jobs go on meanwhile. While it keeps up, a write returns when it is done: lines stay
in order with what native code and child processes write, and none is lost in a crash.
"""

import _thread
import atexit
import io
import os
import time
from collections import deque
from typing import Any, Deque, Tuple

_PATIENCE = 0.05
"""seconds that a write waits for the thread, once; a reader that is slower has paused"""
_MOST_WRITES = 10000
_MOST_BYTES = 8 * 1024 * 1024
_LAST_WORDS = 2.0
"""seconds that the end of the process waits for what is still to be written"""


class ConsoleWriter:
    """Writes to raw streams from a thread of its own.

    A signal handler may write too, in the middle of another write of the same thread: nothing here waits for a lock that
    the interrupted code could hold. `deque.append` is atomic; the bare locks are semaphores, released by anybody.
    """

    def __init__(self, encoding: str) -> None:
        """`encoding` is that of the terminal, for what the writer itself has to say."""
        self._encoding = encoding
        self._pid = os.getpid()
        self._queue: Deque[Tuple[Any, bytes, Any]] = deque()
        self._bytes = 0
        self._has_work = _thread.allocate_lock()
        self._has_work.acquire()
        self._is_paused = False
        self._is_full = False
        self._dropped = 0
        self._is_idle = True
        # Not threading.Thread: the process shall not wait for it, and nobody take it for a thread of the strategy.
        _thread.start_new_thread(self._run, ())
        atexit.register(self.drain)

    def write(self, raw: Any, data: bytes) -> None:
        """Write `data`, whole lines as a rule, to the raw stream `raw`; dropped and counted while too much waits."""
        if os.getpid() != self._pid:  # forked by the strategy: the thread stayed with the parent
            _write_all(raw, data)
            return
        if self._is_full or len(self._queue) >= _MOST_WRITES or self._bytes + len(data) > _MOST_BYTES:
            self._is_full = True
            self._dropped += max(1, data.count(b"\n"))
            self._wake()  # it may just have become idle
            return
        written = _thread.allocate_lock()
        written.acquire()
        self._bytes += len(data)
        self._queue.append((raw, data, written))
        self._wake()
        if not self._is_paused and not written.acquire(True, _PATIENCE):
            self._is_paused = True

    def drain(self) -> None:
        """Wait until all is written, for two seconds at most."""
        deadline = time.monotonic() + _LAST_WORDS
        while os.getpid() == self._pid and not self._is_done() and time.monotonic() < deadline:
            self._wake()
            time.sleep(0.005)

    def _is_done(self) -> bool:
        return self._is_idle and not self._queue and not self._dropped

    def _wake(self) -> None:
        try:
            self._has_work.release()
        except RuntimeError:  # it is awake already
            pass

    def _run(self) -> None:
        raw: Any = None
        while True:
            self._has_work.acquire()
            self._is_idle = False
            while self._queue:
                raw, data, written = self._queue[0]
                _write_all(raw, data)
                self._queue.popleft()
                self._bytes -= len(data)
                written.release()
            if self._is_full and raw is not None:
                dropped, self._dropped = self._dropped, 0
                self._is_full = False
                notice = f"jqtrade：终端或管道停了一会儿，丢弃了 {dropped} 行输出\n"
                _write_all(raw, notice.encode(self._encoding, "backslashreplace"))
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

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        content = bytes(data)
        self._writer.write(self._raw, content)
        return len(content)

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        return bool(self._raw.isatty())


def _write_all(raw: Any, data: bytes) -> None:
    """Nobody who listens, or a full disk, is no error: a print must not end a job."""
    left = memoryview(data)
    try:
        while left:
            count = raw.write(left)
            if count is None:  # somebody made the terminal non-blocking, and it takes no more for now
                time.sleep(0.01)
            else:
                left = left[count:]
    except (OSError, ValueError):
        pass
