"""How late jobs and updates come in real time."""

import json
import os
import random
import subprocess
import sys
import time
from datetime import date, timedelta
from typing import Dict, List, Tuple

from tests.account.broker_files import update_row
from tests.benchmarks.measure import Bench, Result, Row, summary
from tests.benchmarks.tasks import Home, cpu_seconds

JOBS = """
import json, os
from datetime import datetime, timedelta

LATE = []

def process_initialize(context):
    set_options(**OPTIONS)
    ids = []
    while len(ids) < ORDERS:
        ids += batch_submit_orders([dict(code="000001.XSHE", amount=1000, style=LimitOrderStyle(10.5))] * 1000)
    start = datetime.now().replace(microsecond=0) + timedelta(seconds=4)
    for second in range(SECONDS):
        run_daily(tick, (start + timedelta(seconds=second)).strftime("%H:%M:%S"))
    with open(TOLD, "w") as file:
        json.dump([ids, start.timestamp()], file)

def tick(context):
    LATE.append((datetime.now() - context.strategy_dt).total_seconds())

def process_exit(context):
    with open(TOLD, "w") as file:
        json.dump([LATE, len(get_orders(status="filled"))], file)
"""

SCHED = """
import json, sched, sys, time
start, seconds = float(sys.argv[1]), int(sys.argv[2])
late = []
scheduler = sched.scheduler(time.time, time.sleep)
for second in range(seconds):
    due = start + second
    scheduler.enterabs(due, 0, lambda due=due: late.append(time.time() - due))
scheduler.run()
print(json.dumps(late))
"""

UPDATES = """
import json, time

SEEN = []

def process_initialize(context):
    set_options(**OPTIONS)
    ids = batch_submit_orders([dict(code="000001.XSHE", amount=1000, style=LimitOrderStyle(10.5))] * ORDERS)
    with open(TOLD, "w") as file:
        json.dump(ids, file)

def on_order_update(context, order):
    SEEN.append((order.order_id, time.time()))

def process_exit(context):
    with open(TOLD, "w") as file:
        json.dump(SEEN, file)
"""

BURST = 0.1
INTERVAL = 0.05


def jobs(bench: Bench) -> Result:
    """One job a second, 10,000 orders synced meanwhile; the scheduler of the standard library does the same half a second off."""
    seconds, count = bench.pick((60, 10_000), (5, 2_000))
    source = JOBS.replace("SECONDS", str(seconds)).replace("ORDERS", str(count))
    with Home(bench.folder) as home:
        # An interval that no whole second is a multiple of: syncs begin at all distances from the jobs.
        home.start("one", home.strategy("one", source, sync_internal=0.1937))
        ids, start = home.told("one")
        day = home.files.day
        rows = [update_row(order_id, orderDate=day) for order_id in ids]
        filled: Dict[str, object] = {"filledQty": 1000, "avgPrice": "10.5", "filledAmt": "10500", "orderDate": day}
        rows += [update_row(order_id, 2, **filled) for order_id in ids]
        reference = subprocess.Popen(
            [sys.executable, "-c", SCHED, str(start + 0.5), str(seconds)], stdout=subprocess.PIPE, bufsize=-1
        )
        bursts = int(seconds / BURST)
        share = -(-len(rows) // bursts)
        for burst in range(bursts):
            time.sleep(max(start - 0.5 + burst * BURST - time.time(), 0))
            home.files.append("orderUpdate", *rows[burst * share : (burst + 1) * share])
        output, _ = reference.communicate(timeout=60)
        time.sleep(0.5)
        home.stop()
        late, taken = home.told("one")
    assert (len(late), taken) == (seconds, count)
    ours, theirs = summary(late), summary(json.loads(output))
    extra = ours.percentile(99) - theirs.percentile(99)
    row = Row(
        f"每秒一个任务，{seconds} 秒，同时同步 {count:,} 笔订单的 {len(rows):,} 行回报：迟到",
        "标准库 sched，同时运行",
        "p99 ≤ 参照的 p99 + 2 ms",
        median=ours.median(),
        p99=ours.percentile(99),
        reference_median=theirs.median(),
        ratio=ours.percentile(99) / theirs.percentile(99),
        reached=extra <= 0.002,
        note=f"参照的 p99 是 {theirs.percentile(99) * 1000:.2f} ms；比值是 p99 的",
    )
    return Result([row])


def updates(bench: Bench) -> Result:
    """From a row appended to orderUpdate to on_order_update, with a sync every 50 ms."""
    count = bench.pick(150, 25)
    chance = random.Random(4)
    with Home(bench.folder) as home:
        source = UPDATES.replace("ORDERS", str(count))
        home.start("one", home.strategy("one", source, sync_internal=INTERVAL))
        (pid,) = home.pids()
        ids: List[str] = home.told("one")
        time.sleep(1)
        told: Dict[str, float] = {}
        used, began = cpu_seconds(pid), time.perf_counter()
        for order_id in ids:
            time.sleep(chance.uniform(0.15, 0.35))
            row = update_row(order_id, orderDate=home.files.day)
            told[order_id] = time.time()
            home.files.append("orderUpdate", row)
        cpu = (cpu_seconds(pid) - used) / (time.perf_counter() - began)
        time.sleep(0.5)
        home.stop()
        seen = dict(home.told("one"))
    latency = summary([seen[order_id] - told[order_id] for order_id in ids])
    late = latency.percentile(99)
    what = "从 orderUpdate 多一行到 on_order_update，sync_internal=0.05"
    return Result(
        [
            Row(
                what,
                "间隔 50 ms",
                "p99 ≤ 间隔 + 5 ms",
                median=latency.median(),
                p99=late,
                reference_median=INTERVAL,
                ratio=late / INTERVAL,
                reached=late <= INTERVAL + 0.005,
                note="比值是 p99 的",
            ),
            Row(what + "：CPU", "一个核", "≤ 1 % 的一个核", median=cpu, ratio=cpu, reached=cpu <= 0.01, unit="%"),
        ]
    )


REPLAYED = """
def process_initialize(context):
    run_daily(look, "every_minute")

def look(context):
    total = context.portfolio.total_value
"""


def replay(bench: Bench) -> Result:
    """A year in virtual time, one job a minute, ten codes of minute bars, by the verb replay; one run."""
    days = bench.pick(242, 5)
    bars, strategy = os.path.join(bench.folder, "bars.csv"), os.path.join(bench.folder, "replayed.py")
    first, last = _write_bars(bars, days)
    with open(strategy, "w") as file:
        file.write(REPLAYED)
    command = [
        sys.executable,
        "-m",
        "jqtrade",
        "replay",
        "-c",
        strategy,
        "--start",
        first,
        "--end",
        last,
        "--bars",
        bars,
    ]
    began = time.perf_counter()
    shown = subprocess.run(
        command + ["--out", os.path.join(bench.folder, "out"), "--json"], stdout=subprocess.PIPE, check=True
    )
    took = time.perf_counter() - began
    result = json.loads(shown.stdout.decode("utf-8"))
    note = "{} 个交易日，{} 次任务，10 只股票的分钟线".format(result["trading_days"], result["jobs_run"])
    return Result([Row("回放，虚拟时间，每分钟一个任务，一年", "—", "报告", median=took, note=note)])


def _write_bars(path: str, days: int) -> Tuple[str, str]:
    """Minute bars of ten codes; returns the first and the last day."""
    weekdays = [day for day in (date(2025, 1, 2) + timedelta(days=n) for n in range(days * 2)) if day.weekday() < 5]
    weekdays = weekdays[:days]
    minutes = [f"{m // 60:02}:{m % 60:02}:00" for m in [*range(571, 691), *range(781, 901)]]
    with open(path, "w") as file:
        file.write("time,code,open,high,low,close,volume\n")
        for day in weekdays:
            for minute in minutes:
                for code in range(10):
                    price = 10 + code / 10
                    file.write(
                        f"{day} {minute},{600000 + code}.XSHG,{price},{price + 0.02},{price - 0.02},{price},100000\n"
                    )
    return str(weekdays[0]), str(weekdays[-1])
