"""What the jobs did, kept in a journal: the account's, or that of a task which has none (JobLog)."""

import os
from typing import Callable, Optional

from jqtrade.account.journal import JobRun, Journal
from jqtrade.account.journal_writer import JournalWriter, Known
from jqtrade.account.observer import Observer
from jqtrade.clock import Clock
from jqtrade.errors import InvalidParam
from jqtrade.log import get_log

log = get_log("jqtrade")


class JobNotes(Observer):
    """Hands on what the jobs do; a hook's call only if it failed."""

    def __init__(self, note: Callable[[JobRun], None]) -> None:
        self._note = note

    def job_started(self, run: JobRun) -> None:
        if not run.is_hook:
            self._note(run)

    def job_finished(self, run: JobRun) -> None:
        if run.error or not run.is_hook:
            self._note(run)


class JobLog:
    """A task goes on without it: what cannot be opened or written is said once."""

    def __init__(self, path: str, clock: Clock) -> None:
        self._journal: Optional[Journal] = None
        self._pid = os.getpid()
        try:
            self._journal = Journal(path)
        except InvalidParam as error:
            log.warning("定时任务的运行情况不会记下来，任务照常运行：%s", error)
            return
        self._writer = JournalWriter(self._journal, clock, lambda: Known(clock.now().date(), [], [], []))

    def note_job(self, run: JobRun) -> None:
        """As Account.note_job."""
        if self._journal is not None and os.getpid() == self._pid:
            self._journal.note_job(run)
            if run.finished is not None:
                self._writer.flush()

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None
