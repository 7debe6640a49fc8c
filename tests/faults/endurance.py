"""Five trading days in virtual time over the real gate and journal; prints what the process holds at each day's end.

`endurance.py FOLDER ORDERS_A_MINUTE`: 240 minutes a day. The broker stands behind the clock: it works while others sleep.
"""

import gc
import json
import os
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

import psutil  # noqa: E402

from jqtrade.clock import VirtualClock  # noqa: E402
from jqtrade.gates.options import strategy_options  # noqa: E402
from jqtrade.log import set_up_logging  # noqa: E402
from jqtrade.masking import Masker  # noqa: E402
from jqtrade.runtime.strategy import Strategy  # noqa: E402
from tests.faults.world import Broker, World  # noqa: E402

STRATEGY = """
def process_initialize(context):
    run_daily(work, "every_minute")

def work(context):
    minute = context.current_dt.hour * 60 + context.current_dt.minute
    if minute in (11 * 60 + 30, 15 * 60):
        return
    for index in range({a_minute}):
        order("000001.XSHE", 100 * (1 + index % 9), LimitOrderStyle(10))
"""
DAYS = [5, 6, 7, 8, 9]


class WorkingClock(VirtualClock):
    """While somebody sleeps on it, the broker works, and the day's files are there."""

    def __init__(self, start: datetime, world: World) -> None:
        super().__init__(start)
        self._world = world
        self._broker = Broker(world)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        day = self.now().strftime("%Y%m%d")
        if day != self._world.day:
            self._world.day = day
            self._world.write_snapshots()
            self._broker = Broker(self._world)
        self._broker.work()


def held() -> Any:
    process = psutil.Process()
    gc.collect()
    open_files = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    return [open_files, threading.active_count(), process.memory_info().rss]


def main(folder: str, a_minute: int) -> None:
    world = World(Path(folder))
    world.day = "20260105"
    world.write_snapshots()
    path = Path(folder) / "enduring.py"
    path.write_text(STRATEGY.format(a_minute=a_minute))
    clock = WorkingClock(datetime(2026, 1, 5, 9, 0), world)
    out = os.dup(1)
    set_up_logging(os.path.join(folder, "log"), False, Masker(), clock, lambda: None)
    strategy = Strategy("enduring", str(path), clock, strategy_options(os.path.join(folder, "home")))
    strategy.configure(dict(world.options, timezone="+08:00", sync_internal=50, sync_period=[("09:15:00", "15:15:00")]))
    strategy.start()
    module: Any = strategy.module
    for day in DAYS:
        strategy.run(datetime(2026, 1, day, 15, 30))
        states = [str(order.status) for order in module.get_orders()]
        os.write(out, (json.dumps([len(states), states.count("filled")] + held()) + "\n").encode())
    strategy.stop()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
