"""What the rows of the journal say: columns, times, sequence numbers, and what becomes of them in memory."""

import functools
import sqlite3
from datetime import date, datetime
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.account.order import (
    LimitOrderStyle,
    MarketOrderStyle,
    Order,
    OrderAction,
    OrderSide,
    OrderStatus,
    OrderStyle,
)

_REQUEST_COLUMNS = "order_id code amount action side style price create_time".split()
STATE_COLUMNS = (
    "status filled_amount canceled_amount avg_cost deal_balance commission err_msg entrust_time confirm_id confirmed"
).split()
ORDER_COLUMNS = ", ".join(["sequence", "value", "sent"] + _REQUEST_COLUMNS + STATE_COLUMNS)
"""what `order_row` takes"""
_DAY = 10**9
"""how many sequence numbers a day has"""


class RecordedOrder(NamedTuple):
    """An order of the journal."""

    order: Order
    value: float
    """what it was worth when it was sent, yuan"""
    sent: bool
    """whether it is known that the broker was asked"""
    heard: Optional[datetime]
    """when the broker was last heard of it, as far as that was recorded"""


def load_orders(connection: sqlite3.Connection, day: date, owners: Sequence[int]) -> List[Tuple[int, RecordedOrder]]:
    """The orders of `owners` created on `day`, each with its number, in order of creation."""
    sql = f"SELECT {ORDER_COLUMNS} FROM orders WHERE sequence BETWEEN ? AND ? AND owner IN ({listed(owners)}) ORDER BY sequence"
    rows = connection.execute(sql, sequences_of(day)).fetchall()
    told = "SELECT order_sequence, max(time) FROM events WHERE sequence BETWEEN ? AND ? AND source = 'sync' GROUP BY 1"
    heard = dict(connection.execute(told, sequences_of(day)).fetchall())
    return [
        (sequence, RecordedOrder(order_of(fields), value, bool(sent), moment_of(heard.get(sequence))))
        for sequence, value, sent, *fields in rows
    ]


def load_cancels(connection: sqlite3.Connection, day: date, owners: Sequence[int]) -> List[datetime]:
    """When orders of `owners` were to be cancelled on `day`."""
    sql = (
        "SELECT time FROM events JOIN orders ON orders.sequence = order_sequence WHERE events.sequence BETWEEN ? AND ?"
        f" AND source = 'cancel' AND owner IN ({listed(owners)}) ORDER BY events.sequence"
    )
    return [known_moment(time) for (time,) in connection.execute(sql, sequences_of(day))]


def sequences_of(day: date) -> Tuple[int, int]:
    """The first and the last number that a row of `day` can have."""
    start = (day.year * 10000 + day.month * 100 + day.day) * _DAY
    return start + 1, start + _DAY - 1


def next_sequence(connection: sqlite3.Connection, table: str, moment: datetime) -> int:
    """The number of the next row of `table` that is of the day of `moment`."""
    first, last = sequences_of(moment.date())
    sql = f"SELECT max(sequence) FROM {table} WHERE sequence BETWEEN ? AND ?"
    (highest,) = connection.execute(sql, (first, last)).fetchone()
    return first if highest is None else int(highest) + 1


def listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


@functools.lru_cache(maxsize=1024)
def text_of(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


@functools.lru_cache(maxsize=1024)  # the events of a sync have the same
def known_moment(text: str) -> datetime:
    """What `text_of` made; seven times as fast as strptime."""
    day = int(text[:4]), int(text[5:7]), int(text[8:10])
    return datetime(*day, int(text[11:13]), int(text[14:16]), int(text[17:19]), int(text[20:]))


def moment_of(text: Optional[str]) -> Optional[datetime]:
    return None if text is None else known_moment(text)


def valid(text: str) -> str:
    """`text` as sqlite can take it: a gate's error may name a file that is no valid Unicode."""
    return text and text.encode("utf-8", "backslashreplace").decode("utf-8")


def state_row(order: Order) -> Tuple[Any, ...]:
    """The columns STATE_COLUMNS."""
    return (
        order.status.value,
        order.filled_amount,
        order.canceled_amount,
        order.avg_cost,
        order.deal_balance,
        order.commission,
        valid(order.err_msg),
        None if order.entrust_time is None else text_of(order.entrust_time),
        valid(order.confirm_id),
        int(order.confirmed),
    )


def order_of(fields: Sequence[Any]) -> Order:
    """The order that the columns after the first three of ORDER_COLUMNS tell of."""
    row: Dict[str, Any] = dict(zip(_REQUEST_COLUMNS + STATE_COLUMNS, fields))
    style: OrderStyle = LimitOrderStyle(row["price"]) if row["style"] == "limit" else MarketOrderStyle()
    return Order(
        order_id=row["order_id"],
        code=row["code"],
        amount=row["amount"],
        action=OrderAction(row["action"]),
        style=style,
        create_time=known_moment(row["create_time"]),
        side=OrderSide(row["side"]),
        status=OrderStatus(row["status"]),
        filled_amount=row["filled_amount"],
        canceled_amount=row["canceled_amount"],
        avg_cost=row["avg_cost"],
        deal_balance=row["deal_balance"],
        commission=row["commission"],
        err_msg=row["err_msg"],
        entrust_time=moment_of(row["entrust_time"]),
        confirm_id=row["confirm_id"],
        confirmed=bool(row["confirmed"]),
    )
