"""JournalReader: what a task's journal tells everybody else, while the task runs, after it was killed, and later.

For other processes than the task's. It reads only, in transactions of milliseconds, and is never in the task's way. The file is
opened by sqlite alone: whoever opens and closes it otherwise in the task's own process drops sqlite's locks there (POSIX).
"""

import os
import sqlite3
from datetime import date, datetime, timedelta
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from jqtrade.account.journal_log import BalanceRow, TaskRow
from jqtrade.account.journal_rows import (
    ORDER_COLUMNS,
    known_moment,
    listed,
    moment_of,
    order_of,
    sequences_of,
)
from jqtrade.account.journal_schema import SCHEMA_VERSION
from jqtrade.account.order import Order, OrderStatus
from jqtrade.busy_files import PATIENCE, when_free
from jqtrade.errors import InvalidCall, JournalBusy, JournalUnreadable

T = TypeVar("T")
Row = Tuple[Any, ...]

CHUNK = 1000
"""how many rows of a table one transaction reads at most: some milliseconds"""
UNFINISHED = 20
"""how many unfinished jobs a cursor looks after: jobs call each other a few deep, and what died at work stays so"""

_ORDERS = f"SELECT {ORDER_COLUMNS}, (SELECT owner FROM owners WHERE number = orders.owner) FROM orders"
_EVENTS = (
    "SELECT sequence, order_sequence, time, source, status, filled_amount, avg_cost, commission, err_msg FROM events"
)
_JOBS = "SELECT sequence, name, due, started, finished, error FROM jobs"
_BALANCES = (
    "SELECT sequence, time, total, available_cash, positions_value,"
    " (SELECT owner FROM owners WHERE number = balances.owner) FROM balances"
)
_TASK = "SELECT sequence, time, pid, kind, subject, message, version FROM task"


class OrderEvent(NamedTuple):
    """What was heard or done of an order, and how it stood then."""

    time: datetime
    source: str
    """sync: told by the broker; cancel: about to be cancelled; refused: not sent; again: recorded anew; close: at the end"""
    status: OrderStatus
    filled_amount: int
    avg_cost: Optional[float]
    """average price of what was filled, yuan a share; None: recorded by a version that kept none"""
    commission: Optional[float]
    """fees so far, yuan, as far as the broker tells them; None as above"""
    message: str
    sequence: int


class OrderRow(NamedTuple):
    """An order as it stands."""

    order: Order
    value: float
    """what it was worth when it was sent, yuan"""
    sent: bool
    """whether it is known that the broker was asked"""
    owner: str
    """which account at which broker"""
    events: List[OrderEvent]
    sequence: int


class JobRow(NamedTuple):
    """A call of one of the strategy's functions."""

    name: str
    due: datetime
    started: datetime
    finished: Optional[datetime]
    """None: it is at work, or the process died meanwhile"""
    error: str
    sequence: int


class Cursor(NamedTuple):
    """How far somebody has read: the last number of each table. Numbers only, to be kept in JSON."""

    orders: int
    events: int
    jobs: int
    balances: int
    task: int
    unfinished: Tuple[int, ...] = ()
    """jobs that were at work"""

    @classmethod
    def before(cls, day: date) -> "Cursor":
        """The beginning of `day`."""
        number = sequences_of(day)[0] - 1
        return cls(number, number, number, number, number)


class News(NamedTuple):
    """What came after a cursor: at most CHUNK rows of each kind."""

    orders: List[OrderRow]
    """new ones, and those of which there are new events, with these alone"""
    jobs: List[JobRow]
    """those that began, and those that ended meanwhile"""
    balances: List[BalanceRow]
    """the last one of before too, which may have been brought up to date since"""
    task: List[TaskRow]
    cursor: Cursor
    """from which to go on"""
    has_more: bool = False


class JournalReader:
    """One journal. Every method raises JournalUnreadable; what is busy or half-written is tried again for `patience` seconds.

    Between calls the file stays open, which makes `news` cheap, and nothing is locked; `close` lets go of it. A clock that was
    set back to the day before lets the task write rows that `news` takes for old ones; the other methods find them.
    """

    def __init__(self, path: str, patience: float = PATIENCE) -> None:
        self._path = path
        self._patience = patience
        self._pid = os.getpid()
        self._connection: Optional[sqlite3.Connection] = None
        self._opened: Optional[os.stat_result] = None
        self._seen: Optional[Tuple[int, Cursor]] = None
        """the state of the database of which it is known that there is nothing after that cursor"""

    def __enter__(self) -> "JournalReader":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._seen = None

    def orders(self, day: date) -> List[OrderRow]:
        """The orders created on `day`, of every owner, in order of creation, each with its events."""
        first, last = sequences_of(day)
        # First of all: an order is then at least as new as its events. Those of a day may come after midnight.
        events = _by_order(self._rows(_EVENTS, first, sequences_of(day + timedelta(days=1))[1]))
        return [_order_row(row, events) for row in self._rows(_ORDERS, first, last)]

    def job_runs(self, first: date, last: date) -> List[JobRow]:
        """What began on these days and the ones between, in order of beginning."""
        return [_job_row(row) for row in self._rows(_JOBS, sequences_of(first)[0], sequences_of(last)[1])]

    def balances(self, first: date, last: date) -> List[BalanceRow]:
        """The curve of these days and the ones between."""
        return [_balance_row(row) for row in self._rows(_BALANCES, sequences_of(first)[0], sequences_of(last)[1])]

    def task(self, first: date, last: date) -> List[TaskRow]:
        """The life of the task on these days and the ones between."""
        return [_task_row(row) for row in self._rows(_TASK, sequences_of(first)[0], sequences_of(last)[1])]

    def news(self, cursor: Cursor) -> News:
        """What came after `cursor`. While there is nothing this costs microseconds."""
        fresh = self._read(lambda connection: self._fresh(connection, cursor))
        if fresh is None:
            return News([], [], [], [], cursor)
        version, event_rows, touched, new, ended, begun, balances, task = fresh
        events = _by_order(event_rows)
        jobs = [_job_row(row) for row in ended + begun]
        unfinished = set(cursor.unfinished).union(job.sequence for job in jobs)
        unfinished.difference_update(job.sequence for job in jobs if job.finished is not None)
        then = Cursor(
            _last(new, cursor.orders),
            _last(event_rows, cursor.events),
            _last(begun, cursor.jobs),
            _last(balances, cursor.balances),
            _last(task, cursor.task),
            tuple(sorted(unfinished)[-UNFINISHED:]),
        )
        has_more = any(len(rows) == CHUNK for rows in (event_rows, new, begun, balances, task))
        self._seen = None if has_more else (version, then)
        return News(
            [_order_row(row, events) for row in touched + new],
            jobs,
            [_balance_row(row) for row in balances],
            [_task_row(row) for row in task],
            then,
            has_more,
        )

    def _fresh(self, connection: sqlite3.Connection, cursor: Cursor) -> Any:
        """The state of the database, and the rows of the tables after `cursor`; None if there can be none."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if self._seen == (version, cursor):
            return None

        def after(select: str, number: int) -> List[Row]:
            sql = f"{select} WHERE sequence > ? ORDER BY sequence LIMIT {CHUNK}"
            return connection.execute(sql, (number,)).fetchall()

        def those(select: str, numbers: Sequence[int]) -> List[Row]:
            return connection.execute(f"{select} WHERE sequence IN ({listed(numbers)}) ORDER BY sequence").fetchall()

        events, new = after(_EVENTS, cursor.events), after(_ORDERS, cursor.orders)
        touched = those(_ORDERS, sorted({row[1] or 0 for row in events} - {row[0] for row in new}))
        ended = [row for row in those(_JOBS, cursor.unfinished) if row[4] is not None]
        begun = after(_JOBS, cursor.jobs)
        return (
            version,
            events,
            touched,
            new,
            ended,
            begun,
            after(_BALANCES, cursor.balances - 1),
            after(_TASK, cursor.task),
        )

    def count_orders(self, days: Iterable[date], owners: Sequence[int]) -> int:
        """How many orders of `days` there are of the owners with these numbers, in a database that is whole."""

        def count(connection: sqlite3.Connection) -> int:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise sqlite3.DatabaseError(verdict)
            sql = f"SELECT count(*) FROM orders WHERE sequence BETWEEN ? AND ? AND owner IN ({listed(owners)})"
            return sum(connection.execute(sql, sequences_of(day)).fetchone()[0] for day in days)

        return self._read(count)

    def _rows(self, select: str, first: int, last: int) -> Iterator[Row]:
        """The rows with numbers from `first` to `last`, each chunk read in a transaction of its own."""
        sql = f"{select} WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT {CHUNK}"
        chunk: List[Row] = [()] * CHUNK
        while len(chunk) == CHUNK:
            chunk = self._read(_query(sql, first, last))
            yield from chunk
            first = _last(chunk, first) + 1

    def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What `query` returns, in one transaction."""
        if os.getpid() != self._pid:
            raise InvalidCall("派生出来的子进程不能用父进程打开的记录文件，请自己打开")
        try:
            return when_free(lambda: self._try(query), is_busy=_may_pass, patience=self._patience)
        except FileNotFoundError:
            raise JournalUnreadable(f"没有记录文件 {self._path}：任务没有运行过，或选项 runtime_dir 是别的目录")
        except (sqlite3.Error, OSError, ValueError) as error:
            is_busy = isinstance(error, sqlite3.OperationalError) and "no such" not in str(error)
            kind = JournalBusy if is_busy or isinstance(error, OSError) else JournalUnreadable
            raise kind(f"记录文件 {self._path} 读不出来：{error}")

    def _try(self, query: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._open()
            connection.execute("BEGIN")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                raise sqlite3.DatabaseError("里面还没有 jqtrade 的记录")
            if version != SCHEMA_VERSION:
                advice = "请升级 jqtrade" if version > SCHEMA_VERSION else "用本版 jqtrade 启动一次任务，它就会改为新版"
                raise JournalUnreadable(
                    f"记录文件 {self._path} 的版本是 {version}，本版 jqtrade 读的是版本 {SCHEMA_VERSION}：{advice}"
                )
            answer = query(connection)
            connection.execute("COMMIT")
            return answer
        except BaseException:
            self.close()  # the next one begins with what is there then
            raise

    def _open(self) -> sqlite3.Connection:
        """The connection to the file that is there now. Raises OSError, sqlite3.Error."""
        there = os.stat(self._path)
        if self._connection is not None and self._opened is not None and not os.path.samestat(there, self._opened):
            self.close()
        if self._connection is None:
            self._connection = sqlite3.connect(read_only(self._path), uri=True, isolation_level=None)
            self._opened = there
        return self._connection


def _may_pass(error: Exception) -> bool:
    """Whether it may be otherwise in a moment: the task is just making the file, or another program has it to itself."""
    return isinstance(error, (sqlite3.Error, PermissionError))


def read_only(path: str) -> str:
    """The URI by which sqlite opens the file at `path` for reading only."""
    for character in "%?#":
        path = path.replace(character, f"%{ord(character):02x}")
    path = path.replace(os.sep, "/")
    return "file://" + ("" if path.startswith("/") else "/") + path + "?mode=ro"


def _query(sql: str, *parameters: int) -> Callable[[sqlite3.Connection], List[Row]]:
    return lambda connection: connection.execute(sql, parameters).fetchall()


def _last(rows: Sequence[Row], number: int) -> int:
    return int(rows[-1][0]) if rows else number


def _by_order(rows: Iterable[Row]) -> Dict[int, List[OrderEvent]]:
    """Events by the number of their order."""
    events: Dict[int, List[OrderEvent]] = {}
    for sequence, order, time, source, status, filled, avg_cost, commission, message in rows:
        event = OrderEvent(
            known_moment(time), source, OrderStatus(status), filled, avg_cost, commission, message, sequence
        )
        events.setdefault(order or 0, []).append(event)
    return events


def _order_row(row: Row, events: Dict[int, List[OrderEvent]]) -> OrderRow:
    sequence, value, sent, *fields, owner = row
    return OrderRow(order_of(fields), value, bool(sent), owner or "", events.get(sequence, []), sequence)


def _job_row(row: Row) -> JobRow:
    sequence, name, due, started, finished, error = row
    return JobRow(name, known_moment(due), known_moment(started), moment_of(finished), error, sequence)


def _balance_row(row: Row) -> BalanceRow:
    sequence, time, total, available_cash, positions_value, owner = row
    return BalanceRow(known_moment(time), total, available_cash, positions_value, owner or "", sequence)


def _task_row(row: Row) -> TaskRow:
    sequence, time, pid, kind, subject, message, version = row
    return TaskRow(known_moment(time), pid, kind, subject, message, version, sequence)
