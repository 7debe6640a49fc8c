"""What it costs to keep in step with the broker's files."""

import os
import shutil
import subprocess
import sys
from typing import List, Optional

from tests.account.broker_files import asset_row, position_row
from tests.benchmarks.measure import CPU, Bench, Result, Row, compared, pair, seconds_of
from tests.benchmarks.world import RawDisk, World, foreign_ids, log_as_a_task

RAW_SYNC = "csv.reader 读这个文件 + 一次提交同样多的小行"
STRACE_CALLS = 10


def _new_rows(bench: Bench, what: str, ours_count: int, foreign_count: int) -> Result:
    log_as_a_task(bench.folder)
    our_values: List[float] = []
    raw_values: List[float] = []
    for repeat in range(bench.pick(3, 1)):
        folder = os.path.join(bench.folder, str(repeat))
        world = World(folder)
        ids = world.orders(ours_count)
        world.sync()
        foreign = foreign_ids(foreign_count)
        rows = world.life_rows([order_id for pair in _shuffled(ids, foreign) for order_id in pair])
        world.files.append("orderUpdate", *rows)
        raw = RawDisk(folder)

        def reference(world: World = world, raw: RawDisk = raw, count: int = len(rows)) -> None:
            raw.read(world.files.file("orderUpdate"))
            raw.commit(count)

        raw_values.append(seconds_of(reference))
        our_values.append(bench.time(world.sync))
        raw_values.append(seconds_of(reference))
        assert world.known("filled") == ours_count, "every row was to be taken over"
        world.close()
        raw.close()
        shutil.rmtree(folder)
    return Result([compared(what.format(len(rows)), RAW_SYNC, pair(our_values, raw_values), 3)])


def _shuffled(ours: List[str], foreign: List[str]) -> List[List[str]]:
    """An order of ours, then its share of the others'."""
    share = len(foreign) // len(ours)
    return [[order_id] + foreign[index * share : (index + 1) * share] for index, order_id in enumerate(ours)]


def new_rows_of_ours(bench: Bench) -> Result:
    """100,000 rows that all change an order of ours."""
    count = bench.pick(10_000, 1_000)
    return _new_rows(bench, f"`sync_orders`，{{:,}} 行新回报，{count:,} 笔都是自己的，每行都有变化", count, 0)


def new_rows_mostly_foreign(bench: Bench) -> Result:
    """100,000 rows of which nine in ten are another program's."""
    count = bench.pick(1_000, 100)
    return _new_rows(bench, f"`sync_orders`，{{:,}} 行新回报，自己的 {count:,} 笔，九成是别的程序的", count, 9 * count)


def nothing_new(bench: Bench) -> Result:
    """A sync that finds nothing, with 100,000 orders known and 100,000 foreign rows read before, and with none."""
    log_as_a_task(bench.folder)
    empty, full = World(os.path.join(bench.folder, "empty")), World(os.path.join(bench.folder, "full"))
    count = bench.pick(100_000, 10_000)
    ids = full.orders(count) + foreign_ids(count)
    full.files.append("orderUpdate", *[full.row(order_id) for order_id in ids])
    full.sync()
    assert full.known("open") == count
    measured = bench.by_turns(
        full.sync, empty.sync, rounds=bench.pick(40, 20), each=5, loops=20, warm_ups=20, timer=CPU
    )
    what = f"`sync_orders`，没有新内容，已有 {count:,} 笔订单、{count:,} 行别人的回报"
    return Result(
        [
            compared(what, "一笔都没有时", measured, 1.2, is_flatness=True),
            compared(what, "100 µs", pair(measured.ours.get_values(), [100e-6]), 1, "≤ 100 µs"),
        ]
    )


class _Positions:
    """1,000 positions in files that the terminal rewrites."""

    def __init__(self, folder: str) -> None:
        self.world = World(folder)
        self._round = 0
        self.rewrite()

    def rewrite(self) -> None:
        """Write the files anew: every price has moved by a tick, and with it the values."""
        self._round += 1
        rows = []
        for n in range(1000):
            held, price = 100 * (n % 300 + 1), 10 + (n + self._round) / 100
            figures = {
                "costPrice": f"{9 + n / 100:.4f}",
                "lastPrice": f"{price:.2f}",
                "mktValue": f"{held * price:.2f}",
            }
            rows.append(position_row(f"{600000 + n}.SH", held, held // 200 * 100, **figures))
        self.world.files.write_snapshots([asset_row(total=100000 + self._round)], rows)

    def age(self) -> None:
        """Let the files have been written a minute ago: of younger ones a time of change proves nothing."""
        for kind in ("assetInfo", "positionInfo"):
            path = self.world.files.file(kind)
            written = os.stat(path).st_mtime - 60
            os.utime(path, (written, written))

    def sync(self) -> None:
        self.world.api.sync_balance()

    def read(self) -> None:
        RawDisk.read(self.world.files.file("assetInfo"), self.world.files.file("positionInfo"))

    def stat(self) -> None:
        os.stat(self.world.files.file("assetInfo"))
        os.stat(self.world.files.file("positionInfo"))


def balance(bench: Bench) -> Result:
    """sync_balance of 1,000 positions: the files changed, the files unchanged."""
    log_as_a_task(bench.folder)
    positions = _Positions(bench.folder)
    rounds = bench.pick(30, 8)
    changed = bench.by_turns(positions.sync, positions.read, rounds, prepare=positions.rewrite, timer=CPU)
    positions.age()
    unchanged = bench.by_turns(positions.sync, positions.stat, rounds, loops=20, warm_ups=3, timer=CPU)
    calls = _system_calls(os.path.join(bench.folder, "traced"))
    row = compared("`sync_balance`，1,000 只持仓，文件没有变", "两次 os.stat", unchanged, 1)._replace(
        target="只有两次 stat",
        reached=None if calls is None else calls <= 2,
        note="没有 strace，数不了系统调用" if calls is None else f"每次 {calls:g} 个与文件有关的系统调用（strace）",
    )
    changed_row = compared("`sync_balance`，1,000 只持仓，文件变了", "csv.reader 读这两个文件", changed, 4)
    return Result([changed_row, row])


def _system_calls(folder: str) -> Optional[float]:
    """How many system calls on files one sync_balance of unchanged files makes; None where that cannot be counted."""
    if shutil.which("strace") is None:
        return None
    os.makedirs(folder)
    trace = os.path.join(folder, "trace")
    command = [
        "strace",
        "-e",
        "trace=file,desc",
        "-o",
        trace,
        sys.executable,
        "-m",
        __spec__.name,
        os.path.join(folder, "world"),
    ]
    if subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        return None
    with open(trace) as file:
        lines = file.read().split("\n")
    marks = [number for number, line in enumerate(lines) if '"/mark"' in line]
    return (marks[1] - marks[0] - 1) / STRACE_CALLS


def _be_traced(folder: str) -> None:
    """The process that strace looks at: what counts stands between two calls that fail."""
    positions = _Positions(folder)
    positions.age()
    positions.sync()
    positions.sync()
    os.path.exists("/mark")
    for _ in range(STRACE_CALLS):
        positions.sync()
    os.path.exists("/mark")


def get_orders(bench: Bench) -> Result:
    """get_orders with 5,000 orders today."""
    log_as_a_task(bench.folder)
    world = World(bench.folder)
    ids = world.orders(5000)
    world.files.append("orderUpdate", *[world.row(order_id) for order_id in ids[::2]])
    world.sync()
    get, order_id = world.api.get_orders, ids[2500]
    by_id = {order.order_id: order for order in get()}
    orders = list(by_id.values())
    status = get(order_id)[0].status
    rounds = bench.pick(30, 10)
    one = bench.by_turns(lambda: get(order_id), lambda: by_id[order_id], rounds, loops=1000, timer=CPU)
    many = bench.by_turns(
        lambda: get(status=status),
        lambda: [order for order in orders if order.status is status],
        rounds,
        loops=5,
        timer=CPU,
    )
    assert len(get(order_id)) == 1 and len(get(status=status)) == 2500
    rows: List[Row] = [
        compared("`get_orders(订单号)`，当天 5,000 笔", "查一次字典", one, 20),
        compared("`get_orders(status=…)`，当天 5,000 笔", "扫一遍 5,000 项的列表", many, 3),
    ]
    return Result(rows)


if __name__ == "__main__":
    _be_traced(sys.argv[1])
