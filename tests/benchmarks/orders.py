"""What an order costs: one, the last of many, a thousand at once."""

import os

from tests.benchmarks.measure import Bench, Result, compared, pair
from tests.benchmarks.world import RawDisk, World, log_as_a_task

RAW_ORDER = "一次 SQLite 提交（WAL，synchronous=FULL，一小行）+ 同一目录一次追加和 fsync"
WINDOW = 100
OLD_SINGLE = 0.012
"""what an order took on the machine of issue 4, seconds"""


def single(bench: Bench) -> Result:
    """order() through the real gate, fsync and all."""
    log_as_a_task(bench.folder)
    world, raw = World(bench.folder), RawDisk(bench.folder)
    measured = bench.by_turns(world.order, raw.order, rounds=bench.pick(60, 12), warm_ups=10)
    return Result([compared("`order()`，真实接口，含落盘", RAW_ORDER, measured, 1.5)])


def last_of_day(bench: Bench) -> Result:
    """The last 100 of 5,000 orders by turns with the first 100 of another day, so that both meet the same disk."""
    log_as_a_task(bench.folder)
    late, early = World(os.path.join(bench.folder, "late")), World(os.path.join(bench.folder, "early"))
    count = bench.pick(5000, 1000)
    for _ in range(count - WINDOW):
        late.order()
    early.order()
    measured = bench.by_turns(late.order, early.order, rounds=WINDOW // 5, warm_ups=0)
    what, reference = f"当天第 {count:,} 笔 `order()`（最后 {WINDOW} 笔）", f"另一个账户的最初 {WINDOW} 笔，交替发出"
    return Result([compared(what, reference, measured, 1.2, is_flatness=True)])


def batch(bench: Bench) -> Result:
    """batch_submit_orders of 1,000."""
    log_as_a_task(bench.folder)
    world, raw = World(bench.folder), RawDisk(bench.folder)
    measured = bench.by_turns(world.batch, raw.batch, bench.pick(15, 4), each=2, prepare=world.prepare_batch)
    what, reference = "`batch_submit_orders` 1,000 笔", "一次提交 1,000 行 + 一次追加 1,000 行和 fsync"
    as_singles = pair(measured.ours.get_values(), [OLD_SINGLE * 1000])
    return Result(
        [
            compared(what, reference, measured, 3),
            compared(what, "1,000 笔单独的，每笔 12 ms", as_singles, 0.01, "≤ 1/100"),
        ]
    )
