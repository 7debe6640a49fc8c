"""What comes next, and what of today the start came too late for: said once, when a task has started."""

from datetime import datetime, time, timedelta
from typing import List, NamedTuple, Sequence

from jqtrade.scheduler.trigger import NEVER, Trigger

_MOST = 5
_INSTANT = timedelta(microseconds=1)


class PlannedJob(NamedTuple):
    """One call of run_daily."""

    name: str
    trigger: Trigger
    is_daily: bool
    """not one of every minute"""


def outlook(jobs: Sequence[PlannedJob], started: datetime) -> List[str]:
    """Sentences for the user: what runs next after `started`, and which daily jobs of that day had their time before."""
    dues = [(job.trigger.next_after(started), number, job) for number, job in enumerate(jobs)]
    upcoming = min((entry for entry in dues if entry[0] != NEVER), key=lambda entry: entry[:2], default=None)
    sentences = [] if upcoming is None else [f"接下来：{_text(upcoming[0], started)} 运行 {upcoming[2].name}"]
    passed = []
    for due, _, job in dues:
        first = job.trigger.next_after(datetime.combine(started.date(), time()) - _INSTANT)
        if job.is_daily and first <= started:
            following = "" if due == NEVER else f"，下一次 {due:%Y-%m-%d %H:%M:%S}"
            passed.append(f"今天 {first:%H:%M:%S} 的 {job.name} 已过，不补运行{following}")
    if len(passed) > _MOST:
        passed[_MOST:] = [f"今天还有 {len(passed) - _MOST} 个定时任务的时间已过"]
    return sentences + passed


def _text(due: datetime, now: datetime) -> str:
    return f"今天 {due:%H:%M:%S}" if due.date() == now.date() else f"{due:%Y-%m-%d %H:%M:%S}"
