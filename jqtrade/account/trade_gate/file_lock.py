"""FileLock: what keeps programs apart that append to the same file. The locks are filelock's, by its lightest way in."""

import os

import filelock

if hasattr(filelock, "lock_descriptor"):  # since filelock 3.30, Python 3.10: a twentieth of the time of its FileLock

    class FileLock:
        """The lock that filelock's FileLock(path) is too, for holding it for moments; not reentrant."""

        def __init__(self, path: str) -> None:
            self._path = path
            self._fd = -1

        def try_acquire(self) -> bool:
            """Take the lock if it is free; say whether that worked. Raises OSError if it cannot be known."""
            try:
                fd = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            except PermissionError:
                if os.name == "nt":  # who lets go of a lock by filelock's class deletes the file, just now
                    return False
                raise
            taken = False
            try:
                # A file that was deleted meanwhile excludes nobody.
                taken = filelock.lock_descriptor(fd, blocking=False) and os.fstat(fd).st_nlink > 0
            finally:
                if not taken:
                    os.close(fd)
            if taken:
                self._fd = fd
            return taken

        def release(self) -> None:
            """Let go of the lock, which must be ours; the file stays."""
            fd, self._fd = self._fd, -1
            try:
                filelock.unlock_descriptor(fd)
            finally:
                os.close(fd)

else:

    class FileLock:  # type: ignore[no-redef]
        """The same by filelock's own class."""

        def __init__(self, path: str) -> None:
            self._lock = filelock.FileLock(path)

        def try_acquire(self) -> bool:
            if not os.path.isdir(os.path.dirname(self._lock.lock_file)):
                raise FileNotFoundError("no such folder")  # filelock would make it
            try:
                self._lock.acquire(timeout=0)
            except filelock.Timeout:
                return False
            except NotImplementedError as error:  # a file system without locks
                raise OSError(str(error))
            return True

        def release(self) -> None:
            self._lock.release()
