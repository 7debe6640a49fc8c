"""TerminalState: what the terminal keeps on the disk beside its files, so that a kill at any moment loses and doubles nothing.

The account, how far the requests were carried out, and the day's rows that tell of it are one transaction, written before
any of the files hears of it. After a kill the rows that a file has not got yet are appended to it.
"""

import os
from datetime import date, datetime
from typing import List, NamedTuple

from jqtrade.errors import InvalidParam
from jqtrade.onequant_terminal import rows
from jqtrade.paper.account_file import AccountFile
from jqtrade.paper.exchange import PaperExchange

FILE_NAME = "paper_broker.db"
_DAY = "%Y%m%d"
_SCHEMA = (
    "CREATE TABLE progress (account_no TEXT, day TEXT, orders INTEGER, cancels INTEGER, trades INTEGER)",
    "CREATE TABLE lines (day TEXT, kind TEXT, line TEXT)",
)
_OUR_KINDS = (rows.EXEC_RESULT, rows.ORDER_UPDATE, rows.TRADE_UPDATE, rows.ASSET_INFO, rows.POSITION_INFO)


class Progress(NamedTuple):
    """How far the terminal has come."""

    account_no: str
    day: date
    orders: int = 0
    """bytes of the day's algoOrder that have been carried out"""
    cancels: int = 0
    """the same of algoOrderStop"""
    trades: int = 0
    """the number of the last trade of all days"""


class Line(NamedTuple):
    """A row of one of the files that are appended to."""

    day: date
    kind: str
    text: str


class TerminalState(AccountFile):
    """The state of the terminal of one directory. Raises InvalidParam if it cannot be used, or is another account's."""

    who = "模拟柜台"
    fresh = "要从头开始，请给模拟柜台一个空目录"

    def __init__(self, path: str, progress: Progress) -> None:
        """`progress`: of a terminal that begins; it has come further if the file says so."""
        super().__init__(path)
        self.progress = progress
        self.lines: List[Line] = []
        """to be kept with the next `save`"""

    def load(self, exchange: PaperExchange) -> None:
        super().load(exchange)
        account_no, day, *numbers = self._connection.execute("SELECT * FROM progress").fetchone()
        if account_no != self.progress.account_no:
            self.close()
            raise InvalidParam(f"模拟账户 {self.path} 是另一个资金账号的。{self.fresh}。{self.who}没有启动")
        self.progress = Progress(account_no, datetime.strptime(day, _DAY).date(), *numbers)

    def kept_lines(self) -> List[Line]:
        """All rows of the day, oldest first, whether the files have them or not."""
        found = self._connection.execute("SELECT day, kind, line FROM lines ORDER BY rowid").fetchall()
        return [Line(datetime.strptime(day, _DAY).date(), kind, text) for day, kind, text in found]

    def save(self, exchange: PaperExchange) -> None:
        super().save(exchange)
        self.lines = []

    def _write(self, exchange: PaperExchange) -> int:
        is_first = self._known is None
        writes = super()._write(exchange)
        for statement in _SCHEMA if is_first else ("DELETE FROM progress",):
            self._connection.execute(statement)
        account_no, day, orders, cancels, trades = self.progress
        today = day.strftime(_DAY)
        values = (account_no, today, orders, cancels, trades)
        self._connection.execute("INSERT INTO progress VALUES (?, ?, ?, ?, ?)", values)
        self._connection.execute("DELETE FROM lines WHERE day < ?", [today])
        lines = [(line.day.strftime(_DAY), line.kind, line.text) for line in self.lines]
        self._connection.executemany("INSERT INTO lines VALUES (?, ?, ?)", lines)
        return writes


def check_directory(order_dir: str) -> None:
    """Raise InvalidParam if a terminal that begins in `order_dir` would write among another one's files; OSError."""
    names = sorted(name for name in os.listdir(order_dir) if name.startswith(_OUR_KINDS) and name.endswith(".csv"))
    if names:
        raise InvalidParam(
            f"{os.path.join(order_dir, names[0])} 不是这个模拟柜台写的：目录可能属于真实的 One Quant，"
            f"或以前版本的模拟柜台，或者 {FILE_NAME} 被删除了。为避免混淆，请给模拟柜台一个单独的空目录"
        )
