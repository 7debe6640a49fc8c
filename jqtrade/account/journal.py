"""Journal: what a task must not forget when it dies. SQLite, one file a task.

Written before anything is done (an order's intent, durable on return) and after (sent, each change of state).
"""

import itertools
import os
import sqlite3
from datetime import date, datetime
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.account.order import (
    LimitOrderStyle,
    MarketOrderStyle,
    Order,
    OrderAction,
    OrderSide,
    OrderStatus,
    OrderStyle,
)
from jqtrade.errors import InvalidParam, TaskError
from jqtrade.private_files import check_ours, make_private_dir, open_private

SCHEMA_VERSION = 2

_SCHEMA = """
CREATE TABLE orders (
    sequence INTEGER PRIMARY KEY,
    day TEXT NOT NULL,
    order_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    code TEXT NOT NULL,
    amount INTEGER NOT NULL,
    action TEXT NOT NULL,
    side TEXT NOT NULL,
    style TEXT NOT NULL,
    price REAL NOT NULL,
    create_time TEXT NOT NULL,
    value REAL NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL,
    filled_amount INTEGER NOT NULL,
    canceled_amount INTEGER NOT NULL,
    avg_cost REAL NOT NULL,
    deal_balance REAL NOT NULL,
    commission REAL NOT NULL,
    err_msg TEXT NOT NULL,
    entrust_time TEXT,
    confirm_id TEXT NOT NULL,
    confirmed INTEGER NOT NULL,
    UNIQUE (day, order_id)
);
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    source TEXT NOT NULL,
    day TEXT NOT NULL,
    order_id TEXT NOT NULL,
    status TEXT NOT NULL,
    filled_amount INTEGER NOT NULL,
    err_msg TEXT NOT NULL
);
"""

_FROM_VERSION_1 = "ALTER TABLE orders ADD COLUMN value REAL NOT NULL DEFAULT 0;"
_STATE = "status filled_amount canceled_amount avg_cost deal_balance commission err_msg entrust_time confirm_id confirmed".split()
_INTENT = "day order_id owner code amount action side style price create_time".split()
_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%f"


_Statement = Tuple[str, List[Tuple[Any, ...]]]
"""SQL and the rows that it is executed with"""


class RecordedOrder(NamedTuple):
    """An order of the journal."""

    order: Order
    value: float
    """what it was worth when it was sent, yuan"""
    sent: bool
    """whether it is known that the broker was asked"""

    @property
    def counts(self) -> bool:
        """Whether the broker was asked, or may have been."""
        return self.sent or self.order.confirmed or self.order.status is not OrderStatus.rejected


class Journal:
    """Orders and their history. `path` None: kept in memory only, for a broker that forgets everything too."""

    def __init__(self, path: Optional[str], owner: str = "") -> None:
        """`owner`: whose orders these are, which account at which broker; those of another owner are kept, not loaded.

        Raises InvalidParam if there is no journal that we can use at `path`.
        """
        self._owner = owner
        self._sent: List[Tuple[Any, ...]] = []
        self._queued: List[_Statement] = []
        try:
            if path is not None:
                make_private_dir(os.path.dirname(path))
                for suffix in ("-wal", "-shm", "-journal"):  # sqlite opens these itself
                    check_ours(path + suffix)
                os.close(open_private(path, os.O_RDWR))  # sqlite would let others read it
            self._connection = sqlite3.connect(":memory:" if path is None else path, isolation_level=None)
            self._prepare(path)
        except (OSError, TaskError, sqlite3.Error) as error:
            raise InvalidParam(
                f"记录文件 {path} 无法使用：{error}。请检查选项 runtime_dir；文件已损坏时可以把它移走，今天发过的订单以柜台为准"
            )

    def _prepare(self, path: Optional[str]) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version in (0, 1):
            change = _FROM_VERSION_1 if version == 1 else _SCHEMA
            self._connection.executescript(f"BEGIN IMMEDIATE; {change} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            self._connection.close()
            raise InvalidParam(
                f"记录文件 {path} 的版本是 {version}，本版 jqtrade 只认识版本 {SCHEMA_VERSION}；请用写它的版本打开，或把它移走"
            )

    def record_intents(self, orders: Sequence[Order], values: Sequence[float], moment: datetime) -> None:
        """Keep orders worth `values` before they are sent; on the disk when this returns. Raises sqlite3.Error if that failed."""
        self._write("FULL", [self._insert(orders, values), _events(orders, moment, "intent")])

    def record_refused(self, orders: Sequence[Order], moment: datetime) -> None:
        """Keep orders that were refused before they were sent; if that fails, with whatever is written next."""
        self.queue(orders, moment)
        self.flush()

    def queue(self, orders: Sequence[Order], moment: datetime) -> None:
        """Keep orders that were not sent, as they are now, with whatever is written next."""
        sql, rows = self._insert(orders, [0.0] * len(orders))
        # A commit that failed may have been one all the same.
        self._queued += [(sql.replace("INSERT", "INSERT OR IGNORE"), rows), _events(orders, moment, "refused")]

    def record_cancels(self, orders: Sequence[Order], moment: datetime) -> None:
        """Keep, for the counts of the day, that the broker is about to be asked to cancel `orders`; if that fails, later."""
        self._queued.append(_events(orders, moment, "cancel"))
        self.flush()

    def _insert(self, orders: Sequence[Order], values: Sequence[float]) -> _Statement:
        columns = _INTENT + ["value"] + _STATE
        sql = "INSERT INTO orders ({}) VALUES ({})".format(", ".join(columns), ", ".join("?" * len(columns)))
        rows = [_intent_row(order, self._owner) + (value,) + _state_row(order) for order, value in zip(orders, values)]
        return sql, rows

    def note_sent(self, orders: Sequence[Order]) -> None:
        """Keep, with whatever is written next, that the broker was asked; if the task dies before, the gate is asked for it."""
        self._sent.extend(map(_key, orders))

    @property
    def is_behind(self) -> bool:
        """Whether `flush` has something to write."""
        return bool(self._sent or self._queued)

    def flush(self) -> None:
        """Write what waits for the next write. Raises sqlite3.Error."""
        self._write("NORMAL", [])

    def record_states(self, orders: Sequence[Order], moment: datetime, source: str) -> None:
        """Keep the steps that orders took, in their order, and that `source` told so at `moment`."""
        sql = "UPDATE orders SET {} WHERE day = ? AND order_id = ?".format(", ".join(name + " = ?" for name in _STATE))
        last = {(order.create_time, order.order_id): order for order in orders}
        rows = [_state_row(order) + _key(order) for order in last.values()]
        self._write("NORMAL", [(sql, rows), _events(orders, moment, source)])

    def _write(self, synchronous: str, statements: Iterable[_Statement]) -> None:
        connection = self._connection
        connection.execute("PRAGMA synchronous = " + synchronous)
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany("UPDATE orders SET sent = 1 WHERE day = ? AND order_id = ?", self._sent)
            for sql, rows in itertools.chain(self._queued, statements):
                connection.executemany(sql, rows)
            connection.execute("COMMIT")
            self._sent.clear()
            self._queued.clear()
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def load(self, day: date) -> List[RecordedOrder]:
        """Return the owner's orders created on `day`, in order of creation. Raises sqlite3.Error."""
        sql = "SELECT value, sent, {} FROM orders WHERE day = ? AND owner = ? ORDER BY sequence".format(
            ", ".join(_INTENT + _STATE)
        )
        rows = self._connection.execute(sql, (day.isoformat(), self._owner)).fetchall()
        return [RecordedOrder(_order(dict(zip(_INTENT + _STATE, row[2:]))), row[0], bool(row[1])) for row in rows]

    def load_cancels(self, day: date) -> List[datetime]:
        """Return when the owner's orders of `day` were to be cancelled. Raises sqlite3.Error."""
        sql = (
            "SELECT events.time FROM events JOIN orders USING (day, order_id)"
            " WHERE day = ? AND owner = ? AND source = 'cancel' ORDER BY events.sequence"
        )
        rows = self._connection.execute(sql, (day.isoformat(), self._owner))
        return [datetime.strptime(time, _TIME_FORMAT) for (time,) in rows]

    def count_others(self, day: date) -> int:
        """How many orders of other owners were created on `day`."""
        sql = "SELECT count(*) FROM orders WHERE day = ? AND owner != ?"
        (count,) = self._connection.execute(sql, (day.isoformat(), self._owner)).fetchone()
        return int(count)

    def close(self) -> None:
        self._connection.close()


def _key(order: Order) -> Tuple[Any, ...]:
    return order.create_time.date().isoformat(), order.order_id


def _intent_row(order: Order, owner: str) -> Tuple[Any, ...]:
    return _key(order) + (
        owner,
        order.code,
        order.amount,
        order.action.value,
        order.side.value,
        order.style.name,
        order.price,
        order.create_time.isoformat(timespec="microseconds"),
    )


def _state_row(order: Order) -> Tuple[Any, ...]:
    return (
        order.status.value,
        order.filled_amount,
        order.canceled_amount,
        order.avg_cost,
        order.deal_balance,
        order.commission,
        _text(order.err_msg),
        None if order.entrust_time is None else order.entrust_time.isoformat(timespec="microseconds"),
        _text(order.confirm_id),
        int(order.confirmed),
    )


def _text(text: str) -> str:
    """`text` as sqlite can take it: a gate's error may name a file that is no valid Unicode."""
    return text and text.encode("utf-8", "backslashreplace").decode("utf-8")


def _events(orders: Sequence[Order], moment: datetime, source: str) -> _Statement:
    sql = (
        "INSERT INTO events (time, source, day, order_id, status, filled_amount, err_msg) VALUES (?, ?, ?, ?, ?, ?, ?)"
    )
    time = moment.isoformat(timespec="microseconds")
    days = {order.create_time: order.create_time.date().isoformat() for order in orders}
    return sql, [
        (
            time,
            source,
            days[order.create_time],
            order.order_id,
            order.status.value,
            order.filled_amount,
            _text(order.err_msg),
        )
        for order in orders
    ]


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
        entrust_time=None if row["entrust_time"] is None else datetime.strptime(row["entrust_time"], _TIME_FORMAT),
        confirm_id=row["confirm_id"],
        confirmed=bool(row["confirmed"]),
    )
