"""The journal's tables, and how those of earlier versions are migrated."""

import sqlite3
from typing import Optional

from jqtrade.errors import InvalidParam
from jqtrade.log import get_log

log = get_log("jqtrade.account")

SCHEMA_VERSION = 5

# An event knows the average price of what was filled, and the fees, as far as the broker told them; NULL: it was recorded by
# an earlier version. `balances` has at most one row a minute: its number is the day and the minute. `task` is the life of
# the task: see TaskRow.
_SINCE_VERSION_4 = """
ALTER TABLE events ADD COLUMN avg_cost REAL;
ALTER TABLE events ADD COLUMN commission REAL;
CREATE TABLE balances (
    sequence INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL,
    time TEXT NOT NULL,
    total REAL NOT NULL,
    available_cash REAL NOT NULL,
    positions_value REAL NOT NULL
);
CREATE TABLE task (
    sequence INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    pid INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    message TEXT NOT NULL,
    version TEXT NOT NULL
);
"""

# What the jobs of the strategy did; `finished` is NULL while one is at work, and for ever if the process was killed.
_SINCE_VERSION_3 = (
    """
CREATE TABLE jobs (
    sequence INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    due TEXT NOT NULL,
    started TEXT NOT NULL,
    finished TEXT,
    error TEXT NOT NULL DEFAULT ''
);
"""
    + _SINCE_VERSION_4
)

# A sequence number is a day and a count: 20260105000000001. So the rows of one day lie together, new ones come at the
# end, and neither table needs an index besides, which each commit would have to write too.
_SCHEMA = """
CREATE TABLE owners (
    number INTEGER PRIMARY KEY,
    owner TEXT NOT NULL UNIQUE
);
CREATE TABLE orders (
    sequence INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL,
    owner INTEGER NOT NULL,
    code TEXT NOT NULL,
    amount INTEGER NOT NULL,
    action TEXT NOT NULL,
    side TEXT NOT NULL,
    style TEXT NOT NULL,
    price REAL NOT NULL,
    create_time TEXT NOT NULL,
    value REAL NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0,
    status TEXT NOT NULL DEFAULT 'new',
    filled_amount INTEGER NOT NULL DEFAULT 0,
    canceled_amount INTEGER NOT NULL DEFAULT 0,
    avg_cost REAL NOT NULL DEFAULT 0,
    deal_balance REAL NOT NULL DEFAULT 0,
    commission REAL NOT NULL DEFAULT 0,
    err_msg TEXT NOT NULL DEFAULT '',
    entrust_time TEXT,
    confirm_id TEXT NOT NULL DEFAULT '',
    confirmed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    source TEXT NOT NULL,
    order_sequence INTEGER,
    status TEXT NOT NULL,
    filled_amount INTEGER NOT NULL,
    err_msg TEXT NOT NULL
);
"""

# The rows of version 1 and 2 were numbered through, with the day beside.
_FROM_VERSION_1 = "ALTER TABLE orders ADD COLUMN value REAL NOT NULL DEFAULT 0;"
_FROM_VERSION_2 = (
    "ALTER TABLE orders RENAME TO old_orders; ALTER TABLE events RENAME TO old_events;"
    + _SCHEMA
    + """
INSERT INTO owners (owner) SELECT DISTINCT owner FROM old_orders;
INSERT INTO orders
    SELECT {day} + old.sequence, order_id, number, code, amount, action, side, style, price, create_time, value, sent, status,
        filled_amount, canceled_amount, avg_cost, deal_balance, commission, err_msg, entrust_time, confirm_id, confirmed
    FROM old_orders AS old JOIN owners USING (owner);
INSERT INTO events
    SELECT {day} + old.sequence, time, source, {day} + old_orders.sequence, old.status, old.filled_amount, old.err_msg
    FROM old_events AS old JOIN old_orders USING (day, order_id);
DROP TABLE old_orders;
DROP TABLE old_events;
""".format(day="CAST(replace(day, '-', '') AS INTEGER) * 1000000000")
)
_MIGRATIONS = {
    0: _SCHEMA + _SINCE_VERSION_3,
    1: _FROM_VERSION_1 + _FROM_VERSION_2 + _SINCE_VERSION_3,
    2: _FROM_VERSION_2 + _SINCE_VERSION_3,
    3: _SINCE_VERSION_3,
    4: _SINCE_VERSION_4,
}


def prepare(connection: sqlite3.Connection, path: Optional[str]) -> None:
    """Make the tables of a new journal, migrate an older one. Raises InvalidParam for a later one, sqlite3.Error."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version in _MIGRATIONS:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_MIGRATIONS[version]} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
        if version != 0:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of the old journal went through the log
            log.warning("记录文件 %s 已从版本 %d 改为版本 %d，较早的 jqtrade 不能再用它", path, version, SCHEMA_VERSION)
    elif version != SCHEMA_VERSION:
        connection.close()
        raise InvalidParam(
            f"记录文件 {path} 的版本是 {version}，本版 jqtrade 只认识版本 {SCHEMA_VERSION}；请升级 jqtrade；"
            "移走它的话，任务不知道今天发过哪些订单，次数和金额从零数起，请先到柜台核对"
        )
