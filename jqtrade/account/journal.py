"""Journal: what a task must not forget when it dies. SQLite, one file a task.

Written before anything is done (an order's intent, durable on return) and after (sent, each change of state). An
exception may come between any two steps here, since a signal handler of the strategy may raise anywhere; the next write
puts right what it left.
"""

import functools
import itertools
import sqlite3
from datetime import date, datetime
from typing import Callable, Dict, Iterable, List, Optional, Sequence, Tuple

from jqtrade.account.journal_database import JournalDatabase
from jqtrade.account.journal_files import JournalGone
from jqtrade.account.journal_log import JobRun, LogRow, write_job, write_log
from jqtrade.account.journal_reader import JournalReader
from jqtrade.account.journal_rows import (
    STATE_COLUMNS,
    RecordedOrder,
    listed,
    load_cancels,
    load_orders,
    next_sequence,
    sequences_of,
    state_row,
    text_of,
    valid,
)
from jqtrade.account.order import Order, OrderStatus
from jqtrade.errors import JournalBusy, JournalUnreadable, TaskError

_INSERT_ORDER = (
    "INSERT INTO orders (sequence, order_id, owner, code, amount, action, side, style, price, create_time, value)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_EVENT = (
    "INSERT INTO events (sequence, time, source, order_sequence, status, filled_amount, avg_cost, commission, err_msg)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE_ORDER = "UPDATE orders SET {} WHERE sequence = ?".format(", ".join(name + " = ?" for name in STATE_COLUMNS))
_STATUS_TEXTS = {status: status.value for status in OrderStatus}  # .value takes long, a hundred thousand times
_MOST_JOBS = 1000
"""how many calls of jobs are kept in memory while the journal cannot be written"""


class Journal:
    """Orders and their history. `path` None: kept in memory only, for a broker that forgets everything too."""

    def __init__(
        self, path: Optional[str], owner: str = "", is_same: Optional[Callable[[str], Optional[bool]]] = None
    ) -> None:
        """`owner`: whose orders these are, which account at which broker.

        `is_same` says of an owner that the journal knows whether that is another name of the same; None if nobody can say.
        The orders of an owner that is certainly another one are kept, not loaded.

        Raises InvalidParam if there is no journal that we can use at `path`.
        """
        self._path = path
        self._sent: List[Order] = []
        self._queued: List[Callable[[], None]] = []
        self._jobs: List[JobRun] = []
        """calls of which the next write tells"""
        self._sequences: Dict[Tuple[date, str], int] = {}
        """of today's orders, by day and id"""
        self._new_sequences: Dict[Tuple[date, str], int] = {}
        """of those that the transaction at hand inserts"""
        self._is_writing = False
        """whether a write has begun of which nobody knows yet whether it was committed"""
        self._may_be_recorded = False
        """whether that was so of the last one, so that what is inserted now may stand there already"""
        self._cancels: List[Tuple[Order, datetime]] = []
        """that were recorded since the start"""
        self._cancels_before = 0
        """of the day that was loaded, before"""
        self._loaded: Optional[date] = None
        """the day of which `_sequences` has every order"""
        self._is_incomplete = False
        """whether it was opened anew and may lack orders"""
        self._is_foreign = False
        """whether somebody put another content into the database"""
        self._synchronous = ""
        self._database = JournalDatabase(path, owner, is_same)

    def check_files(self) -> None:
        """Raise JournalGone if what is written now would not be found at the next start, sqlite3.Error if nobody knows."""
        files = self._database.files
        if files is not None:
            if self._is_incomplete:
                raise JournalGone(f"记录文件 {self._path} 重新打开之后还没有补全")
            if not files.check():
                if not self._is_whole():
                    self._is_foreign = True
                    raise JournalGone(f"记录文件 {self._path} 的内容在任务运行时被换成了别的，今天的订单不全在里面")
                files.note_written()

    def _is_whole(self) -> bool:
        """Whether a program that opens the journal now finds the orders that we know; then it is what we have again.

        Somebody may have put a backup into the file; or only moved the log into the database, which is no harm.
        Raises sqlite3.Error if nobody knows for now, as with no descriptor left.
        """
        if self._is_foreign:
            return False
        try:
            with JournalReader(str(self._path), patience=0.0) as reader:
                found = reader.count_orders({day for day, _ in self._sequences}, self._database.owners)
        except JournalBusy as error:
            raise sqlite3.OperationalError(str(error))
        except JournalUnreadable:
            return False
        return found >= len(self._sequences)

    def reopen(self, day: date) -> bool:
        """Open the files anew if the database is still there and only sqlite's log was taken away; say whether it was so.

        What the log had and the database has not is lost then: nothing is written before `record_again` has been told what
        is known of `day`. Raises sqlite3.Error.
        """
        files = self._database.files
        if files is None or self._is_foreign or not files.is_database_there():
            return False
        self._is_incomplete = True
        self._synchronous = ""
        self._database.close()  # sqlite puts its log into the database, if nobody else has that open
        try:
            self._database.open()
        except (OSError, TaskError) as error:
            raise sqlite3.OperationalError(str(error))
        self.load(day)
        return True

    def record_again(self, orders: Sequence[Order], values: Sequence[float], sent: Sequence[Order]) -> None:
        """Keep orders of one day as they stand now, those that are missing too, and cancels. Raises sqlite3.Error."""
        self._sent.extend(sent)
        if orders:
            self._queued.append(functools.partial(self._insert_as_they_are, orders, values, "again"))
            day = orders[0].create_time.date()
            lost = self._cancels_before + len(self._cancels) - len(self.load_cancels(day))
            for order, moment in self._cancels[-lost:] if lost > 0 else ():
                self._queued.append(functools.partial(self._insert_events, [order], moment, "cancel"))
        self._commit("FULL", [])
        self._is_incomplete = False

    def record_intents(self, orders: Sequence[Order], values: Sequence[float]) -> None:
        """Keep orders of one day, worth `values`, before they are sent; on the disk when this returns.

        Raises sqlite3.Error if that failed.
        """
        self._write("FULL", [functools.partial(self._insert, orders, values)])

    def queue(self, orders: Sequence[Order]) -> None:
        """Keep orders of one day that were not sent, as they are now, with whatever is written next."""
        self._queued.append(functools.partial(self._insert_as_they_are, orders, [0.0] * len(orders), "refused"))

    def record_cancels(self, orders: Sequence[Order], moment: datetime) -> None:
        """Keep, for the counts of the day, that the broker is about to be asked to cancel `orders`, with the next write."""
        self._queued.append(functools.partial(self._insert_events, orders, moment, "cancel"))
        self._cancels.extend([(order, moment) for order in orders])

    def note_sent(self, orders: Sequence[Order]) -> None:
        """Keep, with whatever is written next, that the broker was asked; if the task dies before, the gate is asked for it."""
        self._sent.extend(orders)

    def note_job(self, run: JobRun) -> None:
        """Keep what is known of `run` with whatever is written next."""
        if run not in self._jobs:
            self._jobs.append(run)
            del self._jobs[:-_MOST_JOBS]

    @property
    def is_lasting(self) -> bool:
        """Whether it is more than memory."""
        return self._path is not None

    @property
    def is_behind(self) -> bool:
        """Whether `flush` has something to write."""
        return bool(self._sent or self._queued or self._jobs)

    def flush(self) -> None:
        """Write what waits for the next write. Raises sqlite3.Error."""
        self._write("NORMAL", [])

    def record_log(self, rows: Sequence[LogRow]) -> None:
        """Keep `rows`, and what waits for the next write. Raises sqlite3.Error."""
        self._write("NORMAL", [functools.partial(write_log, self._database.connection, self._database.owner, rows)])

    def record_states(self, steps: Sequence[Order], moment: datetime, source: str) -> None:
        """Keep `steps`: orders as they stood after each change, in its order, as `source` told at `moment`. Raises sqlite3.Error."""
        self._write("NORMAL", [functools.partial(self._update, steps, moment, source)])

    def _write(self, synchronous: str, changes: Iterable[Callable[[], None]]) -> None:
        """Make `changes`, after those that wait, in one transaction, if it will be found at the next start."""
        self.check_files()
        self._commit(synchronous, changes)

    def _commit(self, synchronous: str, changes: Iterable[Callable[[], None]]) -> None:
        connection = self._database.connection
        if connection.in_transaction:  # an exception cut the last write short
            connection.execute("ROLLBACK")
        if synchronous != self._synchronous:
            self._synchronous = ""
            connection.execute("PRAGMA synchronous = " + synchronous)
            self._synchronous = synchronous
        self._may_be_recorded, self._is_writing = self._is_writing, True
        self._new_sequences = {}
        connection.execute("BEGIN IMMEDIATE")
        try:
            for change in itertools.chain(self._queued, changes):
                change()
            self._mark_sent()  # also what was only now inserted, into a journal that was opened anew
            sequences = [write_job(connection, run, self._may_be_recorded) for run in self._jobs]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
                self._is_writing = False
            raise
        self._sequences.update(self._new_sequences)
        for run, sequence in zip(self._jobs, sequences):
            run.sequence = sequence
        self._jobs.clear()
        self._sent.clear()
        self._queued.clear()
        self._is_writing = False
        if self._database.files is not None:
            self._database.files.note_written()

    def _mark_sent(self) -> None:
        for first, last in _runs([self._sequence_of(order) for order in self._sent]):
            self._database.connection.execute(
                "UPDATE orders SET sent = 1 WHERE sequence BETWEEN ? AND ?", (first, last)
            )

    def _insert(self, orders: Sequence[Order], values: Sequence[float]) -> None:
        """Those that are recorded already, by a write that was cut short or seemed to fail, stay as they are.

        So do those that this very write has inserted: what could not be written waits, and may be given once more.
        """
        pairs = [(order, value) for order, value in zip(orders, values) if not self._is_recorded(order)]
        if pairs:
            orders, values = zip(*pairs)
            self._insert_new(orders, values)

    def _insert_as_they_are(self, orders: Sequence[Order], values: Sequence[float], source: str) -> None:
        """One change, not two: what is queued must not be cut between an order and its state."""
        self._insert(orders, values)
        self._update(orders, orders[0].create_time, source)

    def _is_recorded(self, order: Order) -> bool:
        if self._may_be_recorded:
            return self._sequence_of(order) is not None
        return _key(order) in self._sequences or _key(order) in self._new_sequences

    def _insert_new(self, orders: Sequence[Order], values: Sequence[float]) -> None:
        first = next_sequence(self._database.connection, "orders", orders[0].create_time)
        rows = [
            (
                sequence,
                order.order_id,
                self._database.owner,
                order.code,
                order.amount,
                order.action.value,
                order.side.value,
                order.style.name,
                order.price,
                text_of(order.create_time),
                value,
            )
            for sequence, order, value in zip(itertools.count(first), orders, values)
        ]
        self._database.connection.executemany(_INSERT_ORDER, rows)
        self._new_sequences.update(zip(map(_key, orders), itertools.count(first)))

    def _update(self, steps: Sequence[Order], moment: datetime, source: str) -> None:
        numbers = [self._sequence_of(order) for order in steps]
        if None in numbers:  # an exception came before their intent was recorded
            unknown = {_key(order): order for order, number in zip(steps, numbers) if number is None}
            self._insert(list(unknown.values()), [0.0] * len(unknown))
            numbers = [self._sequence_of(order) for order in steps]
        rows = [state_row(order) + (number,) for number, order in dict(zip(numbers, steps)).items()]
        self._database.connection.executemany(_UPDATE_ORDER, rows)
        self._insert_events(steps, moment, source, numbers)

    def _insert_events(
        self, steps: Sequence[Order], moment: datetime, source: str, orders: Sequence[Optional[int]] = ()
    ) -> None:
        """`orders`: their numbers, where they are known."""
        first, time = next_sequence(self._database.connection, "events", moment), text_of(moment)
        rows = [
            (
                sequence,
                time,
                source,
                number,
                _STATUS_TEXTS[order.status],
                order.filled_amount,
                order.avg_cost,
                order.commission,
                valid(order.err_msg),
            )
            for sequence, order, number in zip(itertools.count(first), steps, orders or map(self._sequence_of, steps))
        ]
        self._database.connection.executemany(_INSERT_EVENT, rows)

    def _sequence_of(self, order: Order) -> Optional[int]:
        """The order's number; None if there is no such order."""
        key = _key(order)
        sequence = self._new_sequences.get(key) or self._sequences.get(key)
        if sequence is None and (self._may_be_recorded or order.create_time.date() != self._loaded):
            sql = "SELECT max(sequence) FROM orders WHERE sequence BETWEEN ? AND ? AND order_id = ? AND owner IN ({})"
            span = sequences_of(order.create_time.date())
            found = self._database.connection.execute(
                sql.format(listed(self._database.owners)), span + (order.order_id,)
            )
            (sequence,) = found.fetchone()
        return sequence

    def load(self, day: date) -> List[RecordedOrder]:
        """Return the owner's orders created on `day`, in order of creation. Raises sqlite3.Error."""
        recorded = load_orders(self._database.connection, day, self._database.owners)
        self._sequences = {_key(record.order): sequence for sequence, record in recorded}
        if day != self._loaded:
            self._cancels = [cancel for cancel in self._cancels if cancel[1].date() == day]
            self._cancels_before = len(self.load_cancels(day)) - len(self._cancels)
            self._loaded = day
        # A commit that failed may have been one all the same: what was recorded again then counts.
        return list({record.order.order_id: record for _, record in recorded}.values())

    def load_kin(self, day: date) -> List[RecordedOrder]:
        """Return the orders of `day` of which nobody can say whether they are the owner's. Raises sqlite3.Error."""
        return [record for _, record in load_orders(self._database.connection, day, self._database.kin)]

    def load_cancels(self, day: date) -> List[datetime]:
        """Return when orders of `day` that are the owner's, or may be, were to be cancelled. Raises sqlite3.Error."""
        return load_cancels(self._database.connection, day, self._database.owners + self._database.kin)

    def count_others(self, day: date) -> int:
        """How many orders of other owners, or of those that may be others, were created on `day`."""
        sql = "SELECT count(*) FROM orders WHERE sequence BETWEEN ? AND ? AND owner NOT IN ({})"
        found = self._database.connection.execute(sql.format(listed(self._database.owners)), sequences_of(day))
        return int(found.fetchone()[0])

    def close(self) -> None:
        self._database.close()


def _runs(numbers: Iterable[Optional[int]]) -> List[List[int]]:
    """The first and last of each run of consecutive numbers."""
    runs: List[List[int]] = []
    for number in numbers:
        if number is None:
            continue
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return runs


def _key(order: Order) -> Tuple[date, str]:
    return order.create_time.date(), order.order_id
