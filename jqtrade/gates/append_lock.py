"""AppendLock: what keeps programs apart that append to the same file. It excludes filelock's own FileLock of that path too."""

import io
import os
from typing import Optional

import filelock

if hasattr(filelock, "lock_descriptor"):  # since filelock 3.30, Python 3.10

    def _lock(fd: int) -> bool:
        return filelock.lock_descriptor(fd, blocking=False)

    def _unlock(fd: int) -> None:
        filelock.unlock_descriptor(fd)

else:  # not filelock's class, which does not say what it has opened when it is cut short
    from jqtrade.descriptor_lock import try_lock as _lock
    from jqtrade.descriptor_lock import unlock as _unlock


class AppendLock:
    """A lock that is held for moments; not reentrant.

    An exception may come between any two steps here, since a signal handler of the strategy may raise anywhere. So the
    open file is all that there is to know: it closes itself if nobody got to keep it, and what was kept `release` frees.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: Optional[io.FileIO] = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free; say whether that worked. Raises OSError if it cannot be known."""
        try:
            self._file = file = io.FileIO(self._path, "a+")
        except PermissionError:
            if os.name == "nt":  # who lets go of a lock by filelock's class deletes the file, just now
                return False
            raise
        taken = False
        try:
            # A file that was deleted meanwhile excludes nobody.
            taken = _lock(file.fileno()) and os.fstat(file.fileno()).st_nlink > 0
        finally:
            if not taken:
                self._close()
        return taken

    def release(self) -> None:
        """Let go of the lock, if we have it; the file stays."""
        file = self._file
        if file is None:
            return
        try:
            if not file.closed:
                _unlock(file.fileno())  # a child that was forked meanwhile has the file open too
        finally:
            self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
