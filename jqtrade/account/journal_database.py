"""JournalDatabase: the open database of a journal, its files as we want them, and which of its owners we are."""

import os
import sqlite3
import sys
from typing import Callable, List, Optional

from jqtrade.account.journal_files import JournalFiles
from jqtrade.account.journal_rows import valid
from jqtrade.account.journal_schema import prepare
from jqtrade.busy_files import is_busy, when_free
from jqtrade.errors import InvalidParam, TaskError
from jqtrade.private_files import check_ours, make_private_dir, open_private

CACHE_KIB = 512
"""of pages that sqlite keeps in memory; with its default of 2000 a task would grow for a week of trading"""
WAL_PAGES = 250
"""after so many sqlite moves its write-ahead log into the database: 1 MB; 1000 by default"""
WAL_FRAME = 4096 + 24
"""bytes: a page and sqlite's header of it"""


class JournalDatabase:
    """`path` None: in memory only."""

    connection: sqlite3.Connection
    owner: int
    """the number of whom the journal is opened for"""
    owners: List[int]
    """that one, and other names of the same"""
    kin: List[int]
    """those of which nobody can say whether they are the same"""

    def __init__(self, path: Optional[str], owner: str, is_same: Optional[Callable[[str], Optional[bool]]]) -> None:
        """As Journal."""
        self._path = path
        self._owner_name = valid(owner)
        self._is_same = is_same
        self.files: Optional[JournalFiles] = None
        try:
            when_free(self.open, is_busy=_is_busy)
        except (OSError, TaskError, sqlite3.OperationalError) as error:
            raise InvalidParam(
                f"记录文件 {path} 无法使用：{error}。请检查选项 runtime_dir、文件的权限，和别的程序是不是正开着它；"
                "不要删除或移走它，里面是今天发过的订单"
            )
        except UnicodeEncodeError:  # Python 3.6
            raise InvalidParam(
                f"记录文件 {path} 无法使用：这个 Python 的 sqlite3 打不开名字不是 UTF-8 的文件。"
                "请把 JQTRADE_HOME 或选项 runtime_dir 设为名字是 UTF-8 的目录，或换用 Python 3.7 以上"
            )
        except sqlite3.Error as error:
            raise InvalidParam(
                f"记录文件 {path} 无法使用：{error}。请检查选项 runtime_dir；文件已损坏时可以把它移走，"
                "但任务就不知道今天发过哪些订单，次数和金额从零数起，请先到柜台核对"
            )

    def open(self) -> None:
        """Raises OSError, TaskError, sqlite3.Error, InvalidParam."""
        path = self._path
        if path is not None:
            make_private_dir(os.path.dirname(path))
            for suffix in ("", "-wal", "-shm", "-journal"):  # sqlite opens these itself
                check_ours(path + suffix)
            if not os.path.exists(path):  # never open and close one that is in use: POSIX then drops sqlite's locks
                os.close(open_private(path, os.O_RDWR))  # sqlite would let others read it
        self.connection = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
        self.connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        (mode,) = self.connection.execute("PRAGMA journal_mode = WAL").fetchone()
        prepare(self.connection, path)
        self._find_owners()
        if path is not None and mode == "wal":  # some file systems cannot have it
            self._make_room(path + "-wal")
            self.files = JournalFiles(path)  # last of all: those that were closed before let nothing pass

    def _find_owners(self) -> None:
        self.connection.execute("INSERT OR IGNORE INTO owners (owner) VALUES (?)", (self._owner_name,))
        self.owners, self.kin = [], []
        for number, name in self.connection.execute("SELECT number, owner FROM owners").fetchall():
            if name == self._owner_name:
                self.owner = number
                self.owners.append(number)
            elif self._is_same is not None:
                same = self._is_same(name)
                if same or same is None:
                    (self.owners if same else self.kin).append(number)

    def _make_room(self, path: str) -> None:
        """Make sqlite's write-ahead log as long as it will be: a commit into room that is there takes half as long.

        One that makes the file longer waits for the disk twice, for what was written and for the file's new size. sqlite
        writes its log from the start again after each checkpoint, and knows by checksums where it ends.
        """
        self.connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        self.connection.execute("PRAGMA journal_size_limit = -1")  # by default some builds (macOS) cut the log off
        fd = open_private(path, os.O_WRONLY)
        try:
            size = os.lseek(fd, 0, os.SEEK_END)
            room = bytes(max(WAL_PAGES * WAL_FRAME - size, 0))
            try:
                is_made = os.write(fd, room) == len(room)
                os.fsync(fd)
            except OSError:
                is_made = False
            if not is_made:
                os.ftruncate(fd, size)  # the disk is nearly full: what is left is for orders
        finally:
            os.close(fd)

    def close(self) -> None:
        self.connection.close()
        if self.files is not None:
            self.files.close()


def _is_busy(error: Exception) -> bool:
    """sqlite says of a file that another program keeps from us that it cannot open it, or that reading it failed."""
    return is_busy(error) or (sys.platform == "win32" and isinstance(error, sqlite3.OperationalError))
