"""JournalFiles: whether what is written into an open journal will be found at the next start."""

import io
import os
import sqlite3
import sys
from typing import List, Tuple

from jqtrade.private_files import open_private

if sys.platform == "win32":
    LOCKED: List[Tuple[str, int, int]] = []
    """A lock belongs to the file that sqlite has open there: nobody but sqlite drops it."""

    def _hold(fd: int, first: int, size: int) -> bool:
        return True

else:
    import fcntl

    LOCKED = [("", 0x40000002, 510), ("-shm", 128, 1)]
    """By suffix, the first byte and how many: what all who have a database open lock for reading, by sqlite's formats."""

    def _hold(fd: int, first: int, size: int) -> bool:
        """Take sqlite's own lock of these bytes, which nothing happens to if we have it; say whether that worked.

        POSIX gives it to the process: our closing of any copy of the file drops it, and this brings it back.
        """
        try:
            fcntl.lockf(fd, fcntl.LOCK_SH | fcntl.LOCK_NB, size, first)
        except (BlockingIOError, PermissionError):  # POSIX allows both
            return False
        return True


class JournalGone(sqlite3.OperationalError):
    """The files that are open are not those that the next start will find."""


class JournalFiles:
    """The database and sqlite's log beside it, as they were when they were opened.

    A copy of the database that is made within our process (a backup) makes POSIX drop sqlite's locks; the next program
    that looks into it then takes itself for the last one, puts the log into the database, which may take a while, and
    removes it; what we commit meanwhile is lost. So the locks are taken again before each look: while we have them nobody
    removes the log. Or somebody deletes the journal, cuts it off, or puts a backup in its place.
    """

    def __init__(self, path: str) -> None:
        """Raises OSError, and TaskError as open_private."""
        self._path = path
        self._is_closed = False
        self._guards: List[Tuple[io.FileIO, int, int]] = []
        """files of sqlite's once more, for its locks; closed after sqlite has let go of them, since that drops the locks"""
        self._shared_size = 0
        for suffix, first, size in LOCKED:
            self._guards.append((io.FileIO(open_private(path + suffix, os.O_RDWR), "r+"), first, size))
            self._shared_size = os.fstat(self._guards[-1][0].fileno()).st_size  # of the last one, the -shm
        self._opened: List[Tuple[str, os.stat_result]] = [(name, os.stat(name)) for name in (path, path + "-wal")]
        self._written = _state(self._opened[0][1])

    def note_written(self) -> None:
        """We have just written ourselves. If the database has vanished meanwhile, the next look tells."""
        try:
            self._written = _state(os.stat(self._path))
        except OSError:
            pass

    def check(self) -> bool:
        """Return whether the database itself is as we left it; another program may have moved its log into it.

        Raises JournalGone if the files are not there any more, sqlite3.Error if nobody knows. Five system calls.
        """
        try:
            self._take_locks()
            stats = [(path, opened, os.stat(path)) for path, opened in self._opened]
        except (FileNotFoundError, NotADirectoryError) as error:
            raise JournalGone(_gone(str(error.filename)))
        except OSError as error:
            raise sqlite3.OperationalError(str(error))
        for path, opened, now in stats:
            # Neither gets shorter while we have it open: we do not let sqlite do that.
            if not os.path.samestat(opened, now) or now.st_size < opened.st_size:
                raise JournalGone(_gone(path))
        return self._written == _state(stats[0][2])

    def _take_locks(self) -> None:
        if self._is_closed or not all(_hold(file.fileno(), first, size) for file, first, size in self._guards):
            raise JournalGone(f"记录文件 {self._path} 正被别的程序收尾：它以为没有人在用")
        # Who opened the journal while nobody had these locks has cut the -shm off, and not yet filled it again if we are in
        # its way. We have it in memory: to touch what is no more there would be our end, by SIGBUS.
        for file, _, _ in self._guards[1:]:
            if os.fstat(file.fileno()).st_size < self._shared_size:
                os.ftruncate(file.fileno(), self._shared_size)  # sqlite knows zeros for nothing, and fills it

    def is_database_there(self) -> bool:
        """Whether the database is the one that was opened, whatever became of its log."""
        path, opened = self._opened[0]
        try:
            return os.path.samestat(opened, os.stat(path))
        except OSError:
            return False

    def close(self) -> None:
        """To be called once sqlite has closed the files."""
        self._is_closed = True
        for file, _, _ in self._guards:
            file.close()


def _state(database: os.stat_result) -> Tuple[int, int]:
    """By which we know whether somebody has written into the database since."""
    return database.st_size, database.st_mtime_ns


def _gone(path: str) -> str:
    return f"记录文件 {path} 在任务运行时被删除、移走、截短或换成了别的，记下的东西重启后读不到"
