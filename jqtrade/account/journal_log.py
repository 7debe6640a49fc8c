"""The run log of the journal: what jobs did, what the account had, how the task fared. No order waits for any of it."""

import sqlite3
from datetime import datetime
from typing import NamedTuple, Optional, Sequence, Union

from jqtrade.account.journal_rows import next_sequence, sequences_of, text_of, valid

_INSERT_JOB = "INSERT INTO jobs (sequence, name, due, started, finished, error) VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_BALANCE = (
    "INSERT OR REPLACE INTO balances (sequence, owner, time, total, available_cash, positions_value)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
_INSERT_TASK = (  # not once more after a commit that seemed to fail
    "INSERT INTO task (sequence, time, pid, kind, subject, message, version) SELECT ?, ?, ?, ?, ?, ?, ? WHERE NOT EXISTS"
    " (SELECT 1 FROM task WHERE sequence BETWEEN ? AND ? AND time = ? AND kind = ? AND subject = ?)"
)
_LONGEST_ERROR = 1000


class JobRun:
    """One call of one of the strategy's functions."""

    def __init__(self, name: str, due: datetime, started: datetime, is_hook: bool = False) -> None:
        """`is_hook`: of on_order_update, of which there may be thousands."""
        self.name = name
        self.due = due
        self.started = started
        self.is_hook = is_hook
        self.finished: Optional[datetime] = None
        """None: it is at work, or the process died meanwhile"""
        self.error = ""
        self.sequence: Optional[int] = None
        """its number in the journal, once it stands there"""

    def finish(self, moment: datetime, error: str) -> None:
        self.finished, self.error = moment, error[:_LONGEST_ERROR]


class BalanceRow(NamedTuple):
    """What the account had, in yuan: the last that was known in a minute; minutes in which nothing changed have none."""

    time: datetime
    total: float
    available_cash: float
    positions_value: float
    owner: str = ""
    """which account at which broker; the journal fills it in"""
    sequence: int = 0


class TaskRow(NamedTuple):
    """Something in the life of a task."""

    time: datetime
    pid: int
    kind: str
    """started, stopped, halted, resumed, sync_failed (again for another reason), sync_recovered, job_missed"""
    subject: str = ""
    """of started: the strategy's file; of sync_failed and sync_recovered: "orders" or "balance" """
    message: str = ""
    """why, for people"""
    version: str = ""
    """of jqtrade, when it started"""
    sequence: int = 0


LogRow = Union[BalanceRow, TaskRow]


def write_job(connection: sqlite3.Connection, run: JobRun, may_be_recorded: bool) -> int:
    """Insert or update the row of `run`; returns its number.

    `may_be_recorded`: whether a write of which nobody knows whether it was committed may have inserted it.
    """
    finished = None if run.finished is None else text_of(run.finished)
    if run.sequence is not None:
        sql = "UPDATE jobs SET finished = ?, error = ? WHERE sequence = ?"
        if connection.execute(sql, (finished, valid(run.error), run.sequence)).rowcount:
            return run.sequence  # else it was lost with a log of sqlite's that somebody took away
    sequence, started = next_sequence(connection, "jobs", run.started), text_of(run.started)
    if may_be_recorded:
        same = "DELETE FROM jobs WHERE sequence BETWEEN ? AND ? AND name = ? AND started = ?"
        connection.execute(same, sequences_of(run.started.date()) + (valid(run.name), started))
    row = (sequence, valid(run.name), text_of(run.due), started, finished, valid(run.error))
    connection.execute(_INSERT_JOB, row)
    return sequence


def write_log(connection: sqlite3.Connection, owner: int, rows: Sequence[LogRow]) -> None:
    """Insert `rows`; balances are those of the owner with this number."""
    for row in rows:
        time, span = text_of(row.time), sequences_of(row.time.date())
        if isinstance(row, BalanceRow):
            sequence = span[0] + 60 * row.time.hour + row.time.minute
            figures = (sequence, owner, time, row.total, row.available_cash, row.positions_value)
            connection.execute(_INSERT_BALANCE, figures)
        else:
            sequence, subject = next_sequence(connection, "task", row.time), valid(row.subject)
            fields = (sequence, time, row.pid, row.kind, subject, valid(row.message), row.version)
            connection.execute(_INSERT_TASK, fields + span + (time, row.kind, subject))
