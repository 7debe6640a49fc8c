"""The exclusive lock of an open file that both systems have; filelock takes the same one. It keeps out other descriptors
of the file, also those of this process.
"""

import os
import sys

if sys.platform == "win32":
    import msvcrt

    def try_lock(fd: int) -> bool:
        """Take the lock if it is free; say whether that worked."""
        os.lseek(fd, 0, os.SEEK_SET)  # one byte is locked, from here on
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock(fd: int) -> None:
        """Closing the file frees it as well, but Windows does not say how soon."""
        os.lseek(fd, 0, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(fd: int) -> bool:
        """Take the lock if it is free; say whether that worked. Raises OSError if that cannot be known."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(fd: int) -> None:
        """Forked processes share the lock, and this ends it for all of them; closing the file does so for the last one."""
        fcntl.flock(fd, fcntl.LOCK_UN)
