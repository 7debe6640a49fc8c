"""Journal: what a task must not forget when it dies. SQLite, one file a task.

Written before anything is done (an order's intent, durable on return) and after (sent, each change of state). An
exception may come between any two steps here, since a signal handler of the strategy may raise anywhere; the next write
puts right what it left.
"""

import functools
import itertools
import os
import sqlite3
import sys
from datetime import date, datetime
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.account.journal_files import JournalFiles, JournalGone
from jqtrade.account.journal_schema import prepare
from jqtrade.account.order import (
    LimitOrderStyle,
    MarketOrderStyle,
    Order,
    OrderAction,
    OrderSide,
    OrderState,
    OrderStatus,
    OrderStyle,
)
from jqtrade.busy_files import is_busy, when_free
from jqtrade.errors import InvalidParam, TaskError
from jqtrade.private_files import check_ours, make_private_dir, open_private

_ASKED = "order_id code amount action side style price create_time".split()
_STATE = list(OrderState._fields)
_INSERT_ORDER = (
    "INSERT INTO orders (sequence, order_id, owner, code, amount, action, side, style, price, create_time, value)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_EVENT = (
    "INSERT INTO events (sequence, time, source, order_sequence, status, filled_amount, err_msg)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE_ORDER = "UPDATE orders SET {} WHERE sequence = ?".format(", ".join(name + " = ?" for name in _STATE))
_STATUS_TEXTS = {status: status.value for status in OrderStatus}  # .value takes long, a hundred thousand times
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"
_DAY = 10**9
"""how many sequence numbers a day has"""
CACHE_KIB = 512
"""of pages that sqlite keeps in memory; with its default of 2000 a task would grow for a week of trading"""
WAL_PAGES = 250
"""after so many sqlite moves its write-ahead log into the database: 1 MB; 1000 by default"""
WAL_FRAME = 4096 + 24
"""bytes: a page and sqlite's header of it"""


_INSERT_JOB = "INSERT INTO jobs (sequence, name, due, started, finished, error) VALUES (?, ?, ?, ?, ?, ?)"
_MOST_JOBS = 1000
"""how many calls of jobs are kept in memory while the journal cannot be written"""
_LONGEST_ERROR = 1000


class JobRun:
    """One call of one of the strategy's functions."""

    def __init__(
        self,
        name: str,
        due: datetime,
        started: datetime,
        outer: "Optional[JobRun]" = None,
        is_hook: bool = False,
    ) -> None:
        """`outer` is the call within which this one happens; `is_hook`: of on_order_update, of which there may be thousands."""
        self.name = name
        self.due = due
        self.started = started
        self.outer = outer
        self.is_hook = is_hook
        self.finished: Optional[datetime] = None
        """None: it is at work, or the process died meanwhile"""
        self.error = ""
        self.sequence: Optional[int] = None
        """its number in the journal, once it stands there"""

    def finish(self, moment: datetime, error: str) -> None:
        self.finished, self.error = moment, error[:_LONGEST_ERROR]


class RecordedOrder(NamedTuple):
    """An order of the journal."""

    order: Order
    value: float
    """what it was worth when it was sent, yuan"""
    sent: bool
    """whether it is known that the broker was asked"""
    heard: Optional[datetime]
    """when the broker was last heard of it, as far as that was recorded"""

    @property
    def counts(self) -> bool:
        """Whether the broker was asked, or may have been."""
        return self.sent or self.order.confirmed or self.order.status is not OrderStatus.rejected


Step = Tuple[Order, OrderState]
"""A change of an order's state: the order as it was asked for (how it stood does not matter), and what became of it."""


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
        self._owner_name = _valid(owner)
        self._is_same = is_same
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
        self._cancels: List[Tuple[Step, datetime]] = []
        """that were recorded since the start"""
        self._cancels_before = 0
        """of the day that was loaded, before"""
        self._loaded: Optional[date] = None
        """the day of which `_sequences` has every order"""
        self._files: Optional[JournalFiles] = None
        self._is_incomplete = False
        """whether it was opened anew and may lack orders"""
        self._is_foreign = False
        """whether somebody put another content into the database"""
        try:
            when_free(self._open, is_busy=_is_busy)
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

    def _open(self) -> None:
        path = self._path
        if path is not None:
            make_private_dir(os.path.dirname(path))
            for suffix in ("", "-wal", "-shm", "-journal"):  # sqlite opens these itself
                check_ours(path + suffix)
            if not os.path.exists(path):  # never open and close one that is in use: POSIX then drops sqlite's locks
                os.close(open_private(path, os.O_RDWR))  # sqlite would let others read it
        self._synchronous = ""
        self._connection = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
        self._connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        (mode,) = self._connection.execute("PRAGMA journal_mode = WAL").fetchone()
        prepare(self._connection, path)
        self._find_owners()
        if path is not None and mode == "wal":  # some file systems cannot have it
            self._make_room(path + "-wal")
            self._files = JournalFiles(path)  # last of all: those that were closed before let nothing pass

    def _find_owners(self) -> None:
        self._owner = self._number_of(self._owner_name)
        self._owners, self._kin = [self._owner], []
        for number, name in self._connection.execute("SELECT number, owner FROM owners").fetchall():
            same = None if self._is_same is None or number == self._owner else self._is_same(name)
            if same:
                self._owners.append(number)
            elif same is None and self._is_same is not None and number != self._owner:
                self._kin.append(number)

    def check_files(self) -> None:
        """Raise JournalGone if what is written now would not be found at the next start, sqlite3.Error if nobody knows."""
        if self._files is not None:
            if self._is_incomplete:
                raise JournalGone(f"记录文件 {self._path} 重新打开之后还没有补全")
            if not self._files.check() and not self._is_whole():
                self._is_foreign = True
                raise JournalGone(f"记录文件 {self._path} 的内容在任务运行时被换成了别的，今天的订单不全在里面")

    def _is_whole(self) -> bool:
        """Whether a program that opens the journal now finds the orders that we know; then it is what we have again.

        Somebody may have put a backup into the file; or only moved the log into the database, which is no harm.
        Raises sqlite3.Error if nobody knows for now, as with no descriptor left.
        """
        if self._is_foreign or self._files is None:
            return False
        days = {day for day, _ in self._sequences}
        onlooker = sqlite3.connect(_read_only(str(self._path)), uri=True)
        try:
            (verdict,) = onlooker.execute("PRAGMA quick_check(1)").fetchone()
            sql = "SELECT count(*) FROM orders WHERE sequence BETWEEN ? AND ? AND owner IN ({})"
            found = sum(
                onlooker.execute(sql.format(_listed(self._owners)), _sequences_of(day)).fetchone()[0] for day in days
            )
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
                raise  # it cannot be read for now; else it has no tables of ours, or is no database any more
            return False
        finally:
            onlooker.close()
        if verdict != "ok" or found < len(self._sequences):
            return False
        self._files.note_written()
        return True

    def reopen(self, day: date) -> bool:
        """Open the files anew if the database is still there and only sqlite's log was taken away; say whether it was so.

        What the log had and the database has not is lost then: nothing is written before `record_again` has been told what
        is known of `day`. Raises sqlite3.Error.
        """
        if self._files is None or self._is_foreign or not self._files.is_database_there():
            return False
        self._is_incomplete = True
        self.close()  # sqlite puts its log into the database, if nobody else has that open
        try:
            self._open()
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
            for step, moment in self._cancels[-lost:] if lost > 0 else ():
                self._queued.append(functools.partial(self._insert_events, [step], moment, "cancel"))
        self._commit("FULL", [])
        self._is_incomplete = False

    def _make_room(self, path: str) -> None:
        """Make sqlite's write-ahead log as long as it will be: a commit into room that is there takes half as long.

        One that makes the file longer waits for the disk twice, for what was written and for the file's new size. sqlite
        writes its log from the start again after each checkpoint, and knows by checksums where it ends.
        """
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        self._connection.execute("PRAGMA journal_size_limit = -1")  # by default some builds (macOS) cut the log off
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

    def _number_of(self, owner: str) -> int:
        self._connection.execute("INSERT OR IGNORE INTO owners (owner) VALUES (?)", (owner,))
        (number,) = self._connection.execute("SELECT number FROM owners WHERE owner = ?", (owner,)).fetchone()
        return int(number)

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
        steps = [(order, order.state()) for order in orders]
        self._queued.append(functools.partial(self._insert_events, steps, moment, "cancel"))
        self._cancels.extend([(step, moment) for step in steps])

    def note_sent(self, orders: Sequence[Order]) -> None:
        """Keep, with whatever is written next, that the broker was asked; if the task dies before, the gate is asked for it."""
        self._sent.extend(orders)

    def note_job(self, run: JobRun) -> None:
        """Keep what is known of `run` with whatever is written next."""
        if run not in self._jobs:
            self._jobs.append(run)
            del self._jobs[:-_MOST_JOBS]

    @property
    def is_behind(self) -> bool:
        """Whether `flush` has something to write."""
        return bool(self._sent or self._queued or self._jobs)

    def flush(self) -> None:
        """Write what waits for the next write. Raises sqlite3.Error."""
        self._write("NORMAL", [])

    def record_states(self, steps: Sequence[Step], moment: datetime, source: str) -> None:
        """Keep the steps that orders took, in their order, and that `source` told so at `moment`. Raises sqlite3.Error."""
        self._write("NORMAL", [functools.partial(self._update, steps, moment, source)])

    def _write(self, synchronous: str, changes: Iterable[Callable[[], None]]) -> None:
        """Make `changes`, after those that wait, in one transaction, if it will be found at the next start."""
        self.check_files()
        self._commit(synchronous, changes)

    def _commit(self, synchronous: str, changes: Iterable[Callable[[], None]]) -> None:
        connection = self._connection
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
            sequences = [self._write_job(run) for run in self._jobs]
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
        if self._files is not None:
            self._files.note_written()

    def _mark_sent(self) -> None:
        for first, last in _runs([self._sequence_of(order) for order in self._sent]):
            self._connection.execute("UPDATE orders SET sent = 1 WHERE sequence BETWEEN ? AND ?", (first, last))

    def _write_job(self, run: JobRun) -> int:
        finished = None if run.finished is None else _text_of(run.finished)
        if run.sequence is not None:
            sql = "UPDATE jobs SET finished = ?, error = ? WHERE sequence = ?"
            if self._connection.execute(sql, (finished, _valid(run.error), run.sequence)).rowcount:
                return run.sequence  # else it was lost with a log of sqlite's that somebody took away
        sequence, started = self._next_sequence("jobs", run.started), _text_of(run.started)
        if self._may_be_recorded:  # by a write of which nobody knows whether it was committed
            same = "DELETE FROM jobs WHERE sequence BETWEEN ? AND ? AND name = ? AND started = ?"
            self._connection.execute(same, _sequences_of(run.started.date()) + (_valid(run.name), started))
        row = (sequence, _valid(run.name), _text_of(run.due), started, finished, _valid(run.error))
        self._connection.execute(_INSERT_JOB, row)
        return sequence

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
        self._update([(order, order.state()) for order in orders], orders[0].create_time, source)

    def _is_recorded(self, order: Order) -> bool:
        if self._may_be_recorded:
            return self._sequence_of(order) is not None
        return _key(order) in self._sequences or _key(order) in self._new_sequences

    def _insert_new(self, orders: Sequence[Order], values: Sequence[float]) -> None:
        first = self._next_sequence("orders", orders[0].create_time)
        rows = [
            (
                sequence,
                order.order_id,
                self._owner,
                order.code,
                order.amount,
                order.action.value,
                order.side.value,
                order.style.name,
                order.price,
                _text_of(order.create_time),
                value,
            )
            for sequence, order, value in zip(itertools.count(first), orders, values)
        ]
        self._connection.executemany(_INSERT_ORDER, rows)
        self._new_sequences.update(zip(map(_key, orders), itertools.count(first)))

    def _update(self, steps: Sequence[Step], moment: datetime, source: str) -> None:
        unknown = {_key(order): order for order, _ in steps if self._sequence_of(order) is None}
        if unknown:  # an exception came before their intent was recorded
            self._insert(list(unknown.values()), [0.0] * len(unknown))
        last = {self._sequence_of(order): state for order, state in steps}
        self._connection.executemany(
            _UPDATE_ORDER, [_state_row(state) + (sequence,) for sequence, state in last.items()]
        )
        self._insert_events(steps, moment, source)

    def _insert_events(self, steps: Sequence[Step], moment: datetime, source: str) -> None:
        numbers, time = itertools.count(self._next_sequence("events", moment)), _text_of(moment)
        rows = [
            (
                next(numbers),
                time,
                source,
                self._sequence_of(order),
                _STATUS_TEXTS[state.status],
                state.filled_amount,
                _valid(state.err_msg),
            )
            for order, state in steps
        ]
        self._connection.executemany(_INSERT_EVENT, rows)

    def _next_sequence(self, table: str, moment: datetime) -> int:
        first, last = _sequences_of(moment.date())
        sql = f"SELECT max(sequence) FROM {table} WHERE sequence BETWEEN ? AND ?"
        (highest,) = self._connection.execute(sql, (first, last)).fetchone()
        return first if highest is None else int(highest) + 1

    def _sequence_of(self, order: Order) -> Optional[int]:
        """The order's number; None if there is no such order."""
        key = _key(order)
        sequence = self._new_sequences.get(key) or self._sequences.get(key)
        if sequence is None and (self._may_be_recorded or order.create_time.date() != self._loaded):
            sql = "SELECT max(sequence) FROM orders WHERE sequence BETWEEN ? AND ? AND order_id = ? AND owner IN ({})"
            span = _sequences_of(order.create_time.date())
            found = self._connection.execute(sql.format(_listed(self._owners)), span + (order.order_id,))
            (sequence,) = found.fetchone()
        return sequence

    def load(self, day: date) -> List[RecordedOrder]:
        """Return the owner's orders created on `day`, in order of creation. Raises sqlite3.Error."""
        recorded = self._load(day, self._owners)
        self._sequences = {_key(record.order): sequence for sequence, record in recorded}
        if day != self._loaded:
            self._cancels = [cancel for cancel in self._cancels if cancel[1].date() == day]
            self._cancels_before = len(self.load_cancels(day)) - len(self._cancels)
            self._loaded = day
        # A commit that failed may have been one all the same: what was recorded again then counts.
        return list({record.order.order_id: record for _, record in recorded}.values())

    def load_kin(self, day: date) -> List[RecordedOrder]:
        """Return the orders of `day` of which nobody can say whether they are the owner's. Raises sqlite3.Error."""
        return [record for _, record in self._load(day, self._kin)]

    def _load(self, day: date, owners: Sequence[int]) -> List[Tuple[int, RecordedOrder]]:
        names = _ASKED + _STATE
        sql = "SELECT sequence, value, sent, {} FROM orders WHERE sequence BETWEEN ? AND ? AND owner IN ({}) ORDER BY sequence"
        rows = self._connection.execute(sql.format(", ".join(names), _listed(owners)), _sequences_of(day)).fetchall()
        told = (
            "SELECT order_sequence, max(time) FROM events WHERE sequence BETWEEN ? AND ? AND source = 'sync' GROUP BY 1"
        )
        heard = dict(self._connection.execute(told, _sequences_of(day)).fetchall())
        return [
            (
                sequence,
                RecordedOrder(_order(dict(zip(names, fields))), value, bool(sent), _moment_of(heard.get(sequence))),
            )
            for sequence, value, sent, *fields in rows
        ]

    def load_cancels(self, day: date) -> List[datetime]:
        """Return when orders of `day` that are the owner's, or may be, were to be cancelled. Raises sqlite3.Error."""
        sql = (
            "SELECT time FROM events JOIN orders ON orders.sequence = order_sequence"
            " WHERE events.sequence BETWEEN ? AND ? AND source = 'cancel' AND owner IN ({}) ORDER BY events.sequence"
        )
        rows = self._connection.execute(sql.format(_listed(self._owners + self._kin)), _sequences_of(day))
        return [datetime.strptime(time, _TIME_FORMAT) for (time,) in rows]

    def count_others(self, day: date) -> int:
        """How many orders of other owners, or of those that may be others, were created on `day`."""
        sql = "SELECT count(*) FROM orders WHERE sequence BETWEEN ? AND ? AND owner NOT IN ({})"
        (count,) = self._connection.execute(sql.format(_listed(self._owners)), _sequences_of(day)).fetchone()
        return int(count)

    def close(self) -> None:
        self._connection.close()
        if self._files is not None:
            self._files.close()


def _is_busy(error: Exception) -> bool:
    """sqlite says of a file that another program keeps from us that it cannot open it, or that reading it failed."""
    return is_busy(error) or (sys.platform == "win32" and isinstance(error, sqlite3.OperationalError))


def _read_only(path: str) -> str:
    """The URI by which sqlite opens the file at `path` for reading only."""
    for character in "%?#":
        path = path.replace(character, f"%{ord(character):02x}")
    path = path.replace(os.sep, "/")
    return "file://" + ("" if path.startswith("/") else "/") + path + "?mode=ro"


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


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


def _sequences_of(day: date) -> Tuple[int, int]:
    """The first and the last number that a row of `day` can have."""
    start = (day.year * 10000 + day.month * 100 + day.day) * _DAY
    return start + 1, start + _DAY - 1


def _key(order: Order) -> Tuple[date, str]:
    return order.create_time.date(), order.order_id


@functools.lru_cache(maxsize=1024)
def _text_of(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def _moment_of(text: Optional[str]) -> Optional[datetime]:
    return None if text is None else datetime.strptime(text, _TIME_FORMAT)


def _state_row(state: OrderState) -> Tuple[Any, ...]:
    """The columns _STATE."""
    return (
        state.status.value,
        state.filled_amount,
        state.canceled_amount,
        state.avg_cost,
        state.deal_balance,
        state.commission,
        _valid(state.err_msg),
        None if state.entrust_time is None else _text_of(state.entrust_time),
        _valid(state.confirm_id),
        int(state.confirmed),
    )


def _valid(text: str) -> str:
    """`text` as sqlite can take it: a gate's error may name a file that is no valid Unicode."""
    return text and text.encode("utf-8", "backslashreplace").decode("utf-8")


def _order(row: Dict[str, Any]) -> Order:
    style: OrderStyle = LimitOrderStyle(row["price"]) if row["style"] == "limit" else MarketOrderStyle()
    return Order(
        order_id=row["order_id"],
        code=row["code"],
        amount=row["amount"],
        action=OrderAction(row["action"]),
        style=style,
        create_time=datetime.strptime(row["create_time"], _TIME_FORMAT),
        side=OrderSide(row["side"]),
        status=OrderStatus(row["status"]),
        filled_amount=row["filled_amount"],
        canceled_amount=row["canceled_amount"],
        avg_cost=row["avg_cost"],
        deal_balance=row["deal_balance"],
        commission=row["commission"],
        err_msg=row["err_msg"],
        entrust_time=_moment_of(row["entrust_time"]),
        confirm_id=row["confirm_id"],
        confirmed=bool(row["confirmed"]),
    )
