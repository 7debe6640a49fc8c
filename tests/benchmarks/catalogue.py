"""Every benchmark by the name that `--only` takes, in the order of the table."""

from typing import Callable, Dict

from tests.benchmarks import growth, idle, lateness, orders, processes, scheduler, syncs
from tests.benchmarks.measure import Bench, Result

BENCHMARKS: Dict[str, Callable[[Bench], Result]] = {
    "order": orders.single,
    "last-order": orders.last_of_day,
    "batch": orders.batch,
    "sync-ours": syncs.new_rows_of_ours,
    "sync-foreign": syncs.new_rows_mostly_foreign,
    "sync-nothing": syncs.nothing_new,
    "balance": syncs.balance,
    "get-orders": syncs.get_orders,
    "scheduler": scheduler.every_minute_jobs,
    "at-once": scheduler.at_one_instant,
    "lateness": lateness.jobs,
    "commands": processes.commands,
    "start": processes.start_task,
    "idle": idle.one,
    "hundred": idle.hundred,
    "updates": lateness.updates,
    "replay": lateness.replay,
    "growth-orders": growth.orders,
    "growth-tasks": idle.growth,
}
