"""How costs grow with the orders of the day, 1 to 100,000: CPU time, since a busy disk would hide it."""

import itertools
import os
from pathlib import Path
from typing import Any, Dict, List, Tuple

from tests.account.broker_files import update_row
from tests.benchmarks.measure import CPU, Bench, Call, Curve, Result
from tests.benchmarks.world import RawDisk, World, log_as_a_task

SIZES = [1, 100, 1_000, 10_000, 100_000]
NEWS = 10

ORDER, NOTHING, ROWS, BY_ID, BY_STATUS = (
    "order()",
    "sync_orders()",
    "sync_orders() 10 rows",
    "get_orders(id)",
    "get_orders(status)",
)
LINES: Dict[str, Tuple[str, str]] = {
    ORDER: ("一次提交 + 一次追加和 fsync", "随订单数增加的只有记录文件和文件单的大小"),
    NOTHING: ("两次 os.stat", "没有新内容时只该看文件有没有变长，与订单数无关"),
    ROWS: ("csv.reader 读 10 行 + 提交 10 行", "新的行数一样，与订单数无关；记录文件的新行总在最后"),
    BY_ID: ("查一次字典", "一次字典查找"),
    BY_STATUS: ("扫一遍同样长的列表", "返回的列表本来就随订单数增长，参照也是"),
}
"""what each is compared with, and what would make it grow"""


class _Day:
    """A day on which orders become more and more; the broker has spoken of each."""

    def __init__(self, bench: Bench) -> None:
        self.ratios: Dict[str, List[float]] = {name: [] for name in LINES}
        self._bench = bench
        self._world, self._raw = World(bench.folder), RawDisk(bench.folder)
        self._ids: List[str] = []
        self._told: List[str] = []
        self._amounts = itertools.count(1)
        self._sample = Path(bench.folder, "sample.csv")
        self._sample.write_text("\r\n".join([update_row()] * NEWS))

    def measure_at(self, size: int) -> None:
        """Let there be `size` orders, and measure every line."""
        self._grow(size)
        get, order_id = self._world.api.get_orders, self._ids[-1]
        table = {order.order_id: order for order in get()}
        orders = list(table.values())
        status = table[order_id].status
        self._measure(BY_ID, lambda: get(order_id), lambda: table[order_id], rounds=10, loops=500, timer=CPU)
        self._measure(
            BY_STATUS,
            lambda: get(status=status),
            lambda: [order for order in orders if order.status is status],
            rounds=10,
            loops=max(10_000 // size, 1),
            timer=CPU,
        )
        self._measure(NOTHING, self._world.sync, self._stat, rounds=20, loops=10, timer=CPU)
        self._measure(ROWS, self._world.sync, self._read_sample, rounds=15, each=3, prepare=self._tell_news, timer=CPU)
        self._measure(ORDER, self._order, self._raw.order, rounds=8, timer=CPU)  # last: it adds to the orders

    def _measure(self, name: str, ours: Call, reference: Call, **how: Any) -> None:
        self.ratios[name].append(self._bench.by_turns(ours, reference, **how).ratio)

    def _grow(self, size: int) -> None:
        self._ids += self._world.orders(size - len(self._ids))
        told = len(self._told)
        self._told += self._ids[told:]
        self._world.files.append("orderUpdate", *[self._world.row(order_id) for order_id in self._ids[told:]])
        self._world.sync()

    def _order(self) -> None:
        self._ids.append(self._world.order())

    def _tell_news(self) -> None:
        """Ten rows of one order, each with more money than the last."""
        amounts = itertools.islice(self._amounts, NEWS)
        rows = [self._world.row(self._ids[0], 1, filledQty=100, avgPrice="10.5", filledAmt=each) for each in amounts]
        self._world.files.append("orderUpdate", *rows)

    def _read_sample(self) -> None:
        self._raw.read(self._sample)
        self._raw.commit(NEWS)

    def _stat(self) -> None:
        os.stat(self._world.files.file("orderUpdate"))
        os.stat(self._world.files.file("execResult"))


def orders(bench: Bench) -> Result:
    """Each line a ratio to its own raw work at the same size. Not in the short form."""
    if bench.short:
        return Result([])
    log_as_a_task(bench.folder)
    day = _Day(bench)
    for size in SIZES:
        day.measure_at(size)
    sizes = [float(size) for size in SIZES]
    return Result(
        [], [Curve("orders", name, reference, sizes, day.ratios[name], why) for name, (reference, why) in LINES.items()]
    )
