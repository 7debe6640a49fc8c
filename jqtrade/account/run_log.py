"""RunLog: tells the journal what a task does, without anything that an order would wait for.

What it is told it keeps in memory, and writes when no order is under way: after a sync, after a job, at the end. Only the
beginning of a job goes with the job's first order.
"""

import logging
import os
from datetime import datetime
from typing import Dict, List, Optional

from jqtrade import __version__
from jqtrade.account.journal import Journal
from jqtrade.account.journal_log import BalanceRow, JobRun, LogRow, TaskRow
from jqtrade.account.journal_writer import JournalWriter, Known
from jqtrade.account.portfolio import Portfolio
from jqtrade.clock import Clock
from jqtrade.errors import InvalidParam
from jqtrade.log import get_log
from jqtrade.masking import Masker

log = get_log("jqtrade")

_MOST_ROWS = 1000
"""how many are kept in memory while there is no journal, or it cannot be written"""


class RunLog:
    """The observer of a task that writes its journal. The task goes on without: what cannot be written is said once."""

    def __init__(self, clock: Clock, masker: Optional[Masker] = None, is_kept: bool = True) -> None:
        """Unless it `is_kept`, as in a replay, nothing is."""
        self._clock = clock
        self._masker = masker or Masker()
        self._is_kept = is_kept
        self._writer: Optional[JournalWriter] = None
        self._own_journal: Optional[Journal] = None
        self._rows: List[LogRow] = []
        self._balances: Dict[datetime, Portfolio] = {}
        """the last one of each minute, as far as that is not written yet"""
        self._minute: Optional[datetime] = None
        """of the last balance that was written"""
        self._pid = os.getpid()

    def use(self, writer: JournalWriter) -> None:
        """Write into the account's journal from now on."""
        if self._is_kept:
            self._writer = writer

    def open(self, path: str) -> None:
        """Without an account's journal: write into one of our own."""
        if self._is_kept and self._writer is None:
            try:
                self._own_journal = Journal(path)
            except InvalidParam as error:
                log.warning("定时任务的运行情况不会记下来，任务照常运行：%s", error)
                self._is_kept = False
                return
            nothing = Known(self._clock.now().date(), [], [], [])
            self._writer = JournalWriter(self._own_journal, self._clock, lambda: nothing)

    def started(self, strategy: str) -> None:
        """The process began, with this strategy file."""
        self._note("started", strategy, version=__version__)

    def job_started(self, run: JobRun) -> None:
        writer = self._usable_writer()
        if writer is not None and not run.is_hook:
            writer.note_job(run)

    def job_finished(self, run: JobRun) -> None:
        """A hook's call is noted only if it failed."""
        writer = self._usable_writer()
        if writer is not None and (run.error or not run.is_hook):
            writer.note_job(run)
            self.flush()

    def job_missed(self, message: str, level: int) -> None:
        """A job did not run when it should; one that was only late is told by its times."""
        if level >= logging.ERROR:
            self._note("job_missed", message=message)

    def balance_changed(self, portfolio: Portfolio) -> None:
        """The account has what `portfolio` says. An order may be waiting for us to return."""
        if self._is_kept:
            self._balances[_minute_of(portfolio.updated_time)] = portfolio

    def sync_failed(self, what: str, message: str) -> None:
        """The sync of `what`, "orders" or "balance", begins to fail."""
        self._note("sync_failed", what, message)

    def sync_recovered(self, what: str) -> None:
        self._note("sync_recovered", what)

    def halted(self, reason: str) -> None:
        """New orders are refused from now on, or, without a reason, no more."""
        self._note("halted" if reason else "resumed", message=reason)
        self.flush()

    def stopped(self, reason: str) -> None:
        """The task ends."""
        self._note("stopped", message=reason)
        self.flush()

    def flush(self) -> None:
        """Write what waits. Called when no order does."""
        writer = self._usable_writer()
        if writer is not None:
            self._take_balances()
            rows = self._rows[-_MOST_ROWS:]
            if writer.record_log(rows):
                self._rows = [row for row in self._rows if row not in rows]

    def close(self) -> None:
        """Write all, and let go of the journal. To be called before the account's is closed."""
        self._minute = None
        self.flush()
        self._writer = None
        if self._own_journal is not None:
            self._own_journal.close()

    def _usable_writer(self) -> Optional[JournalWriter]:
        """None before there is a journal, and in a child that the strategy forked."""
        return self._writer if os.getpid() == self._pid else None

    def _note(self, kind: str, subject: str = "", message: str = "", version: str = "") -> None:
        if self._is_kept:
            row = TaskRow(self._clock.now(), os.getpid(), kind, subject, self._masker(message), version)
            self._rows = self._rows[-_MOST_ROWS:] + [row]

    def _take_balances(self) -> None:
        """The first of a minute is written at once, the last one when the minute is over."""
        for minute, portfolio in list(self._balances.items()):
            if minute != self._minute or minute < _minute_of(self._clock.now()):
                figures = (portfolio.total_assert, portfolio.available_cash, portfolio.positions_value)
                self._rows.append(BalanceRow(portfolio.updated_time, *figures))
                self._minute = minute
                del self._balances[minute]


def _minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
