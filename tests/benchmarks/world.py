"""A strategy with its account over One Quant's files, as a task has it: real gate, journal with fsync, risk limits, log file."""

import csv
import itertools
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List, Sequence

from jqtrade.clock import SystemClock
from jqtrade.gates.options import strategy_options
from jqtrade.log import set_up_logging
from jqtrade.masking import Masker
from jqtrade.runtime.strategy import Strategy
from jqtrade.tasks.halt_file import HaltFile
from tests.account.broker_files import (
    RESULT_HEADER,
    UPDATE_HEADER,
    OneQuantFolder,
    asset_row,
    position_row,
    update_row,
)

ACCOUNT_NO = "1234567"
OPENING = datetime(2026, 1, 5, 10, 0)
"""a Monday; the day that `update_row` writes"""
UNLIMITED = {"max_orders_per_second": 10**9, "max_orders_per_day": 10**9}
"""the other risk limits stay as they are by default"""
BATCH = 1000
AMOUNT = 1000


class MorningClock(SystemClock):
    """The machine's clock, set to 10:00 of a trading day: the market is open whenever the benchmark runs."""

    def __init__(self) -> None:
        super().__init__()
        self._shift = OPENING - datetime.now()

    def now(self) -> datetime:
        return super().now() + self._shift

    def at(self, timestamp: float) -> datetime:
        return super().at(timestamp) + self._shift


def log_as_a_task(folder: str) -> str:
    """Send this process's log, prints and errors to a file, as a detached task does. Returns its path."""
    path = os.path.join(folder, "task.log")
    masker = Masker()
    masker.hide(ACCOUNT_NO)
    set_up_logging(path, False, masker, MorningClock(), lambda: None)
    return path


class World:
    """One strategy, `api` its functions, and `files`, which the benchmark writes in place of the terminal."""

    def __init__(self, folder: str, **options: Any) -> None:
        orders = os.path.join(folder, "orders")
        os.makedirs(orders)
        self.files = OneQuantFolder(Path(orders))
        self.files.write_snapshots([asset_row()], [position_row()])
        self.files.append("orderUpdate", UPDATE_HEADER)
        self.files.append("execResult", RESULT_HEADER)
        code = os.path.join(folder, "strategy.py")
        with open(code, "w") as file:
            file.write("def process_initialize(context):\n    pass\n")
        clock = MorningClock()
        halt = HaltFile(os.path.join(folder, "bench.halt"), os.path.join(folder, "bench.halt-spare"))
        self.strategy = Strategy("bench", code, clock, strategy_options(folder), masker=Masker(), is_halted=halt.exists)
        given: Dict[str, Any] = {
            "account_no": ACCOUNT_NO,
            "counter_type": "UM0",
            "order_dir": orders,
            "file_encoding": "utf-8",
        }
        self.strategy.configure(dict(given, **UNLIMITED, **options))
        self.strategy.start()
        api: Any = self.strategy.module
        self.api = api
        # Each order has a code and a price of its own, so that nothing can be worked out once for all of them.
        self._basket = ((f"{600000 + n % 1000}.XSHG", 5 + n * 37 % 4000 / 100) for n in itertools.count())
        self._batch: List[Dict[str, Any]] = []

    def order(self) -> str:
        """One order, as a strategy sends it."""
        code, price = next(self._basket)
        order_id: str = self.api.order(code, AMOUNT, self.api.LimitOrderStyle(price))
        assert order_id is not None
        return order_id

    def prepare_batch(self, count: int = BATCH) -> None:
        """Decide what to order: no work of jqtrade's."""
        style = self.api.LimitOrderStyle
        basket = itertools.islice(self._basket, count)
        self._batch = [{"code": code, "amount": AMOUNT, "style": style(price)} for code, price in basket]

    def batch(self) -> List[str]:
        """What was prepared, at once."""
        ids: List[str] = self.api.batch_submit_orders(self._batch)
        assert None not in ids
        return ids

    def orders(self, count: int) -> List[str]:
        """`count` orders, in as few batches as may be."""
        ids: List[str] = []
        while len(ids) < count:
            self.prepare_batch(min(BATCH, count - len(ids)))
            ids += self.batch()
        return ids

    def row(self, order_id: str, status: int = 0, filled: int = 0, **columns: object) -> str:
        """What the terminal says of an order of ours, or of another program's, of which `filled` shares are filled."""
        symbol, price = "000001.SZ", 10.5
        for order in self.api.get_orders(order_id):
            symbol, price = order.code.replace(".XSHG", ".SH"), order.price
        if filled:
            columns = dict(columns, filledQty=filled, avgPrice=f"{price:g}", filledAmt=f"{filled * price:g}")
        return update_row(order_id, status, symbol=symbol, orderPrice=f"{price:g}", **columns)

    def life_rows(self, order_ids: Sequence[str]) -> List[str]:
        """Ten rows for each order, each with news; the orders' rows mixed as a busy terminal writes them."""
        rows = [self.row(order_id) for order_id in order_ids]
        for tenth in range(1, 10):
            filled = AMOUNT if tenth == 9 else tenth * AMOUNT // 10
            status = 2 if filled == AMOUNT else 1
            rows += [self.row(order_id, status, filled, orderTime="093105") for order_id in order_ids]
        return rows

    def sync(self) -> None:
        self.api.sync_orders()

    def known(self, status: str) -> int:
        """How many of today's orders have a status."""
        return len(self.api.get_orders(status=status))

    def close(self) -> None:
        self.strategy.close()


def foreign_ids(count: int) -> List[str]:
    """Ids of other programs; ours have ten digits at most."""
    return [f"88{number:09d}" for number in range(count)]


class RawDisk:
    """What remains when all that jqtrade does is left out: one SQLite file, one file appended to, one CSV file read."""

    def __init__(self, folder: str) -> None:
        self._connection = sqlite3.connect(os.path.join(folder, "raw.db"), isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE rows (number INTEGER PRIMARY KEY, code TEXT, amount INTEGER, price REAL)"
        )
        self._fd = os.open(os.path.join(folder, "raw.csv"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._line = b"100000.000000,4000000001,UM0,1234567,000001.SZ,1,1000,DMA,AT,0,10.5,10.5\r\n"

    def order(self) -> None:
        """One commit of one small row, one append, one fsync."""
        self.commit(1)
        self._append(1)

    def batch(self, count: int = BATCH) -> None:
        """One commit of `count` small rows, one append of as many lines, one fsync."""
        self.commit(count)
        self._append(count)

    def commit(self, count: int) -> None:
        execute = self._connection.execute
        if count == 1:
            execute("INSERT INTO rows (code, amount, price) VALUES (?, ?, ?)", ("000001.XSHE", 1000, 10.5))
            return
        execute("BEGIN IMMEDIATE")
        rows = [("000001.XSHE", 1000, 10.5)] * count
        self._connection.executemany("INSERT INTO rows (code, amount, price) VALUES (?, ?, ?)", rows)
        execute("COMMIT")

    def _append(self, count: int) -> None:
        os.write(self._fd, self._line * count)
        os.fsync(self._fd)

    @staticmethod
    def read(*paths: Path) -> int:
        """Read CSV files with csv.reader. Returns the number of rows."""
        count = 0
        for path in paths:
            with open(path, newline="", encoding="utf-8") as file:
                count += sum(1 for _ in csv.reader(file))
        return count

    def close(self) -> None:
        self._connection.close()
        os.close(self._fd)
