"""What strategies hold and use while nothing happens: one, and a hundred at once."""

import itertools
import time
from typing import Any, Dict, List, NamedTuple

from tests.benchmarks.measure import Bench, Curve, Result, Row, compared, pair, summary
from tests.benchmarks.tasks import BareInterpreter, Home, cpu_seconds, memory

BARE = "导入了 sqlite3、logging、psutil、filelock、dateutil 的解释器"

IDLE = """
def process_initialize(context):
    set_options(**OPTIONS)
    run_daily(nothing, "every_minute")

def nothing(context):
    pass
"""

TICKING = """
import json
from datetime import datetime, timedelta

LATE = []

def process_initialize(context):
    set_options(**OPTIONS)
    start = datetime.now().replace(microsecond=0)
    start -= timedelta(seconds=start.second % 5)
    for number in range(1, 60):
        run_daily(tick, (start + timedelta(seconds=5 * number)).strftime("%H:%M:%S"))

def tick(context):
    now = datetime.now()
    LATE.append((now.timestamp(), (now - context.strategy_dt).total_seconds()))

def process_exit(context):
    with open(TOLD, "w") as file:
        json.dump(LATE, file)
"""


def one(bench: Bench) -> Result:
    """An idle strategy with an account, synced every 5 s: RSS, USS, CPU."""
    with Home(bench.folder) as home:
        home.start("one", home.strategy("one", IDLE))
        bare = BareInterpreter()
        (pid,) = home.pids()
        time.sleep(bench.pick(6, 1))
        used, began = cpu_seconds(pid), time.perf_counter()
        values: Dict[str, List[float]] = {"RSS": [], "USS": []}
        raw: Dict[str, List[float]] = {"RSS": [], "USS": []}
        for _ in range(bench.pick(12, 3)):
            time.sleep(bench.pick(5, 2))
            for process, taken in ((pid, values), (bare.pid, raw)):
                for name, value in zip(("RSS", "USS"), memory(process)):
                    taken[name].append(value)
        cpu = (cpu_seconds(pid) - used) / (time.perf_counter() - began)
        bare.close()
    what = "空闲的策略，有账户，每 5 秒同步："
    rows = [compared(what + name, BARE, pair(values[name], raw[name]), 1.2) for name in ("RSS", "USS")]
    rows = [row._replace(unit="B") for row in rows]
    target = "≤ 0.1 % 的一个核"
    rows.append(Row(what + "CPU", "一个核", target, median=cpu, ratio=cpu, reached=cpu <= 0.001, unit="%"))
    return Result(rows)


class _Use(NamedTuple):
    """What tasks use, each."""

    rss: float
    uss: float
    cpu: float


class _Fleet:
    """Tasks of one home, of the same kind."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._numbers = itertools.count()
        self.names: List[str] = []

    def grow(self, count: int) -> float:
        """Start tasks, all at once. Returns the seconds until all of them run."""
        names = [f"task{next(self._numbers):03d}" for _ in range(count)]
        paths = [self._home.strategy(name, TICKING) for name in names]
        began = time.perf_counter()
        starts = [self._home.begin(name, path) for name, path in zip(names, paths)]
        for start in starts:
            self._home.end_start(start)
        self.names += names
        return time.perf_counter() - began

    def watch(self, seconds: float) -> _Use:
        """Let them run for a while."""
        pids = self._home.pids()
        assert len(pids) == len(self.names)
        used, began = sum(map(cpu_seconds, pids)), time.perf_counter()
        time.sleep(seconds)
        cpu = (sum(map(cpu_seconds, pids)) - used) / (time.perf_counter() - began)
        memories = [memory(pid) for pid in pids]
        rss, uss = (sum(each) / len(pids) for each in zip(*memories))
        return _Use(rss, uss, cpu / len(pids))

    def lateness(self, since: float) -> List[float]:
        """Stop them; how late their jobs were from then on."""
        self._home.stop()
        told: List[Any] = [pair for name in self.names for pair in self._home.told(name)]
        return [late for moment, late in told if moment >= since]


def hundred(bench: Bench) -> Result:
    """A hundred of them at once, against one."""
    count = bench.pick(100, 10)
    seconds = bench.pick(60.0, 11.0)
    with Home(bench.folder) as home:
        fleet = _Fleet(home)
        alone_start = fleet.grow(1)
        alone = fleet.watch(bench.pick(15.0, 3.0))
        home.stop(force=True)
        fleet = _Fleet(home)
        start = fleet.grow(count)
        time.sleep(2)
        since = time.time()
        use = fleet.watch(seconds)
        late = summary(fleet.lateness(since))
    what = f"{count} 个这样的策略同时运行："
    memory_ratio = use.uss / alone.uss
    total = use.cpu * count
    limit = 0.2 * count / 100
    rows = [
        Row(
            what + "同时启动，到全部就绪",
            "启动一个",
            f"≤ {0.3 * count:g} 秒",
            median=start,
            reference_median=alone_start,
            ratio=start / alone_start,
            reached=start <= 0.3 * count,
        ),
        Row(
            what + "每个的 USS",
            "只有一个时",
            "线性（≤ 1.1 倍）",
            median=use.uss,
            reference_median=alone.uss,
            ratio=memory_ratio,
            reached=memory_ratio <= 1.1,
            unit="B",
            is_flatness=True,
            note=f"每个的 RSS：{use.rss / 2**20:.1f} MB，其中一部分是共用的",
        ),
        Row(
            what + "每 5 秒一个任务，都在同一时刻，迟到",
            "50 ms",
            "p99 ≤ 50 ms",
            median=late.median(),
            p99=late.percentile(99),
            ratio=late.percentile(99) / 0.05,
            reached=late.percentile(99) <= 0.05,
        ),
        Row(
            what + "CPU 合计",
            "一个核",
            f"< {limit:.0%} 的一个核",
            median=total,
            reference_median=alone.cpu,
            ratio=total,
            reached=total < limit,
            unit="%",
            note="参照一栏是只有一个时的 CPU",
        ),
    ]
    return Result(rows)


def growth(bench: Bench) -> Result:
    """Memory, CPU and start of 1 to 100 tasks, each against one alone. Not in the short form."""
    if bench.short:
        return Result([])
    sizes = [1, 3, 10, 30, 100]
    uses: List[_Use] = []
    starts: List[float] = []
    with Home(bench.folder) as home:
        fleet = _Fleet(home)
        for size in sizes:
            added = size - len(fleet.names)
            starts.append(fleet.grow(added) / added)
            uses.append(fleet.watch(10.5))
    floats = [float(size) for size in sizes]
    return Result(
        [],
        [
            Curve(
                "tasks",
                "USS",
                "一个任务",
                floats,
                [use.uss / uses[0].uss for use in uses],
                "每个任务是一个进程，内存互不共用",
            ),
            Curve(
                "tasks",
                "CPU",
                "一个任务",
                floats,
                [use.cpu / uses[0].cpu for use in uses],
                "许多进程在同一时刻醒来，缓存是冷的",
            ),
            Curve(
                "tasks",
                "start_task",
                "一个任务",
                floats,
                [start / starts[0] for start in starts],
                "同时启动的任务分享所有的核：一个任务启动时只用一个核的一部分，许多个把核用满",
            ),
        ],
    )
