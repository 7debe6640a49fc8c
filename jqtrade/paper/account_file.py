"""AccountFile: the paper account on the disk, so that it outlives the process: cash, positions, today's orders.

One file of SQLite, one transaction for whatever happens in the exchange. It is the one truth of what was bought and sold,
as a broker's books are; the journal is what the task knows of it. A small file that is written seldom: SQLite's plain
rollback journal will do, which leaves nothing beside it that another program could take away.
"""

import json
import os
import sqlite3
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Dict, List, Optional, Sequence, Tuple

from jqtrade.account.order import OrderStatus
from jqtrade.errors import InvalidParam, TaskError
from jqtrade.paper.exchange import PaperExchange
from jqtrade.paper.paper_order import Fill, PaperOrder
from jqtrade.private_files import check_ours, make_private_dir, open_private

VERSION = 1
SUFFIXES = ("", "-journal")
"""of the file's name: what belongs to it"""
_SCHEMA = f"""
CREATE TABLE account (
    account_id TEXT NOT NULL,
    cash TEXT NOT NULL,
    writer TEXT NOT NULL,
    writes INTEGER NOT NULL,
    state TEXT NOT NULL
);
CREATE TABLE orders (
    place INTEGER PRIMARY KEY,
    state TEXT NOT NULL
);
PRAGMA user_version = {VERSION};
"""
_TIME = "%Y-%m-%dT%H:%M:%S.%f"


class AccountGone(sqlite3.OperationalError):
    """The file is not there any more, or somebody else has written it. Certainly nothing was written into it just now."""


class AccountFile:
    """One paper account, open for one process. Raises InvalidParam if it cannot be used."""

    who = "任务"
    """what has opened it, and how to begin another account, for the user"""
    fresh = "要从头开始，请用 start_task --fresh，原来的会移到旁边"

    def __init__(self, path: str) -> None:
        self.path = path
        self.account_id = ""
        self.cash = Decimal(0)
        """with which the account was opened"""
        self.is_new = False
        self._writer = os.urandom(8).hex()
        """this opening's alone: whoever opened the account before is told when it writes the next time"""
        self._known: Optional[Tuple[str, int]] = None
        """the writer and the number of the last write, as far as we know"""
        self._saved: Dict[str, PaperOrder] = {}
        self._day: Any = None
        try:
            if not os.path.isdir(os.path.dirname(path)):
                make_private_dir(os.path.dirname(path))
            for suffix in SUFFIXES:  # sqlite opens these itself
                check_ours(path + suffix)
            if not os.path.exists(path):
                os.close(open_private(path, os.O_RDWR))  # sqlite would let others read it
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._opened = os.stat(path)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except (OSError, TaskError, sqlite3.Error) as error:
            raise self._unusable(error)

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = TRUNCATE").fetchone()
        self._connection.execute("PRAGMA synchronous = FULL")
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        self.is_new = version == 0 and tables == 0
        if version != VERSION and not self.is_new:
            raise InvalidParam(
                f"模拟账户 {self.path} 的版本是 {version}，本版 jqtrade 只认识版本 {VERSION}，请升级 jqtrade。"
                f"{self.fresh}。{self.who}没有启动"
            )
        (verdict,) = self._connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict))

    def begin(self, exchange: PaperExchange, cash: Decimal) -> None:
        """Open a new account: it is what `exchange` has. Raises InvalidParam."""
        self.account_id, self.cash = os.urandom(8).hex(), cash
        try:
            self.save(exchange)
        except sqlite3.Error as error:
            self.close()
            raise InvalidParam(f"模拟账户 {self.path} 写不了：{error}。{self.who}没有启动")

    def resume(self, exchange: PaperExchange) -> None:
        """Give a new `exchange` what the account was like. Raises InvalidParam if it cannot be read, or written to."""
        try:
            self.load(exchange)
            self.save(exchange)  # from now on it is ours
        except sqlite3.Error as error:
            self.close()
            raise self._unusable(error)

    def load(self, exchange: PaperExchange) -> None:
        """Give a new `exchange` what was saved last. Raises sqlite3.Error, also if another one has written since."""
        row = self._connection.execute("SELECT account_id, cash, writer, writes, state FROM account").fetchone()
        orders = self._connection.execute("SELECT state FROM orders ORDER BY place").fetchall()
        if row is None:
            raise sqlite3.DatabaseError("没有账户")
        account_id, cash, writer, writes, state = row
        if self._known is not None:
            self._check_still_ours()
            if (writer, writes) not in (self._known, (self._writer, self._known[1] + 1)):
                raise self._taken()
        try:
            exchange.load(json.loads(state), [_order(json.loads(text)) for (text,) in orders])
            self.cash = Decimal(cash)
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
            raise sqlite3.DatabaseError(f"内容不完整（{type(error).__name__}: {error}）")
        self.account_id = account_id
        self._known = writer, writes
        self._remember(exchange)

    def save(self, exchange: PaperExchange) -> None:
        """Keep what `exchange` has; on the disk when this returns.

        Raises sqlite3.Error: then it is not known whether it was kept, and `load` tells.
        """
        connection = self._connection
        if connection.in_transaction:  # an exception cut the last write short
            connection.execute("ROLLBACK")
        self._check_still_ours()
        connection.execute("BEGIN IMMEDIATE")
        try:
            writes = self._write(exchange)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._known = self._writer, writes
        self._remember(exchange)

    def _write(self, exchange: PaperExchange) -> int:
        state = json.dumps(exchange.dump())
        if self._known is None:
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
            values = (self.account_id, str(self.cash), self._writer, 1, state)
            self._connection.execute("INSERT INTO account VALUES (?, ?, ?, ?, ?)", values)
            writes = 1
        else:
            writes = self._known[1] + 1
            sql = "UPDATE account SET writer = ?, writes = ?, state = ? WHERE writer = ? AND writes = ?"
            if self._connection.execute(sql, (self._writer, writes, state) + self._known).rowcount != 1:
                raise self._taken()
        if exchange.day != self._day:
            self._connection.execute("DELETE FROM orders")
            self._saved = {}
        self._connection.executemany(
            "INSERT OR REPLACE INTO orders VALUES (?, ?)",
            [
                (place, json.dumps(_row(order)))
                for place, (order_id, order) in enumerate(exchange.orders.items())
                if self._saved.get(order_id) is not order
            ],
        )
        return writes

    def _remember(self, exchange: PaperExchange) -> None:
        self._saved, self._day = dict(exchange.orders), exchange.day

    def _check_still_ours(self) -> None:
        """On POSIX an open file may be deleted or replaced, and what is written into it is found by nobody."""
        try:
            is_same = os.path.samestat(self._opened, os.stat(self.path))
        except OSError:
            is_same = False
        if not is_same:
            raise AccountGone("文件在任务运行时被删除、移走或换成了别的")

    def _unusable(self, error: Exception) -> InvalidParam:
        return InvalidParam(f"模拟账户 {self.path} 无法使用：{error}。{self.fresh}。{self.who}没有启动")

    def _taken(self) -> AccountGone:
        return AccountGone(f"它被另一个进程打开并写过，或被备份盖住了；停止{self.who}，再启动时以文件里的为准")

    def close(self) -> None:
        self._connection.close()


def move_aside(path: str, now: datetime) -> Optional[str]:
    """Rename the account at `path`, if there is one; returns its new name. Raises OSError."""
    if not os.path.lexists(path):
        return None
    base = f"{path}.old-{now:%Y%m%d-%H%M%S}"
    target, number = base, 1
    while any(os.path.lexists(target + suffix) for suffix in SUFFIXES):
        number += 1
        target = f"{base}-{number}"
    os.replace(path, target)  # first: SQLite throws away a rollback journal that it finds beside no account
    journal = path + SUFFIXES[1]
    if os.path.lexists(journal):
        if os.path.getsize(journal):  # a write was cut short: SQLite takes it back when somebody opens the old account
            os.replace(journal, target + SUFFIXES[1])
        else:
            os.remove(journal)
    return target


def _row(order: PaperOrder) -> List[Any]:
    fill = None if order.fill is None else [str(order.fill.price), order.fill.amount]
    limit = None if order.limit is None else str(order.limit)
    opened = None if order.opened is None else order.opened.strftime(_TIME)
    moments = [order.created.strftime(_TIME), order.updated.strftime(_TIME)]
    head = [order.order_id, order.code, order.is_buy, order.amount, limit] + moments
    done = [order.filled, str(order.value), str(order.fees), order.canceled, order.text, fill]
    return head + [order.status.value, opened, order.number] + done


def _order(row: Sequence[Any]) -> PaperOrder:
    order_id, code, is_buy, amount, limit, created, updated, status, opened, number = row[:10]
    filled, value, fees, canceled, text, fill = row[10:]
    return PaperOrder(
        order_id,
        code,
        is_buy,
        amount,
        None if limit is None else Decimal(limit),
        datetime.strptime(created, _TIME),
        datetime.strptime(updated, _TIME),
        OrderStatus(status),
        None if opened is None else datetime.strptime(opened, _TIME),
        number,
        filled,
        Decimal(value),
        Decimal(fees),
        canceled,
        text,
        None if fill is None else Fill(Decimal(fill[0]), fill[1]),
    )
