"""JournalWriter: writes to the journal what it must have at once, and what it could not take the last time.

A failure is said once. A journal of which another program has taken away sqlite's log is opened anew and completed.
"""

import sqlite3
from datetime import date
from typing import Any, Callable, List, NamedTuple, Sequence

from jqtrade.account.journal import Journal
from jqtrade.account.journal_files import JournalGone
from jqtrade.account.journal_log import JobRun, LogRow
from jqtrade.account.order import Order
from jqtrade.clock import Clock
from jqtrade.log import Outage, get_log

log = get_log("jqtrade.account")


class Known(NamedTuple):
    """What the account knows of the orders of one day."""

    day: date
    orders: List[Order]
    values: List[float]
    """what each of them was worth when it was sent, yuan; 0 for one that was not"""
    sent: List[Order]
    """those that were certainly sent"""


class JournalWriter:
    """One account's way to its journal."""

    def __init__(self, journal: Journal, clock: Clock, known: Callable[[], Known]) -> None:
        """`known`: for a journal that was opened anew."""
        self._journal = journal
        self._clock = clock
        self._known = known
        self._outage = Outage(log, clock)
        self.unrecorded: List[Order] = []
        """orders as they stood after changes that the journal could not take yet, in their order"""

    def record_intents(self, orders: Sequence[Order], values: Sequence[float]) -> None:
        """Raises sqlite3.Error if they are not on the disk, or not where the next start will find them."""
        try:
            self._journal.record_intents(orders, values)
        except JournalGone:
            if not self._reopen():  # else they were recorded then
                raise

    def record_steps(self, steps: Sequence[Order], source: str) -> None:
        """Keep orders as they stood after each change. What the journal cannot take now, it gets with the next ones."""
        self.unrecorded.extend(steps)
        if self.unrecorded:
            if self.write(lambda: self._journal.record_states(self.unrecorded, self._clock.now(), source)):
                self.unrecorded.clear()

    def note_job(self, run: JobRun) -> None:
        """As Journal.note_job."""
        self._journal.note_job(run)

    def record_log(self, rows: Sequence[LogRow]) -> bool:
        """Keep `rows`, and what waits for the next write; say whether that worked."""
        return not (rows or self._journal.is_behind) or self.write(lambda: self._journal.record_log(rows))

    def flush(self) -> None:
        """Write what waits for it."""
        if self._journal.is_behind:
            self.write(self._journal.flush)

    def write(self, write: Callable[[], Any]) -> bool:
        """Write to the journal what the broker's files could tell again; say whether that worked."""
        try:
            try:
                write()
            except JournalGone:
                if not self._reopen():
                    raise
                write()
        except sqlite3.Error as error:
            self._outage.failed(f"无法写记录文件：{error}")
            return False
        self._outage.worked("记录文件恢复写入")
        return True

    def _reopen(self) -> bool:
        """Go on with a journal of which another program took away what was not yet in the database itself.

        Says whether that worked: not if the database is gone or another one, which only the user can put right.
        """
        known = self._known()
        try:
            if not self._journal.reopen(known.day):
                self._outage.failed(
                    "记录文件被删除、移走或换成了别的：新的委托一律不发出。请停止任务，核对柜台的委托，再重新启动"
                )
                return False
            self._journal.record_again(known.orders, known.values, known.sent)
        except sqlite3.Error as error:
            self._outage.failed(f"记录文件重新打开失败：{error}")
            return False
        log.warning(
            "记录文件的 -wal 被别的程序删除或截短了（例如策略在任务里复制了记录文件，之后又有程序打开过它）。"
            "已重新打开，并补记了今天的 %d 笔订单。备份请在任务停止后做，或用 sqlite3 的 .backup",
            len(known.orders),
        )
        return True
