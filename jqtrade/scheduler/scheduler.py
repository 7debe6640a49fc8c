"""Job and Scheduler: the heap and the loop."""

import heapq
import itertools
import logging
from datetime import datetime, timedelta
from typing import Callable, List, Optional, Tuple

from jqtrade.clock import Clock
from jqtrade.log import format_seconds
from jqtrade.scheduler.trigger import NEVER, Trigger

log = logging.getLogger("jqtrade.scheduler")

ASK_INTERVAL = 0.125
"""Seconds after which the loop asks again whether it is wanted, while nothing but syncing happens. Naps come on top."""

SYNC_TIME = timedelta(milliseconds=10)
"""How long a sync may take that brings a little news."""

SYNC, EVERY_MINUTE, DAILY = range(3)
"""Priorities at the same instant: what was synced first is seen by the jobs after it."""


class Job:
    """Something to call whenever its trigger says so."""

    def __init__(self, name: str, call: Callable[[datetime], None], trigger: Trigger, priority: int) -> None:
        """`call` gets the time at which it was due. What it raises ends the loop: the caller guards what may fail."""
        self.name = name
        self.call = call
        self.trigger = trigger
        self.priority = priority


class Scheduler:
    """Calls jobs when they are due, one after the other, the earliest first.

    A job that comes due while an earlier one runs is called late. A job that came due while the machine slept, or while
    the clock jumped, is not called if it is later than `misfire_grace_time` seconds.
    """

    def __init__(self, clock: Clock, misfire_grace_time: float, is_wanted: Callable[[], bool]) -> None:
        """`is_wanted` is asked before each job but syncs, and all the time while the loop waits; False ends the loop."""
        self._clock = clock
        self._grace_seconds = misfire_grace_time
        self._grace = timedelta(seconds=misfire_grace_time)
        self._is_wanted = is_wanted
        self._heap: List[Tuple[datetime, int, int, Job]] = []
        self._sequence = itertools.count()
        self._missed_before = datetime.min
        self._asked = -ASK_INTERVAL

    def add(self, job: Job, after: datetime) -> None:
        """Call `job` from its first due time later than `after` on; what came due since then is late."""
        due = job.trigger.next_after(after)
        heapq.heappush(self._heap, (due, job.priority, next(self._sequence), job))

    def next_job(self) -> Optional[Tuple[datetime, Job]]:
        """The job of the strategy that is due next, and when; syncing does not count."""
        entries = self._heap[:1]
        if entries and entries[0][1] == SYNC:  # there is one such job; the next one is of the two below it in the heap
            entries = self._heap[1:3]
        if not entries:
            return None
        due, _, _, job = min(entries)
        return None if due == NEVER else (due, job)

    def run(self, until: Optional[datetime] = None) -> None:
        """Call jobs until nobody wants more, until none is left, or until the first one due after `until`."""
        while self._heap:
            due, priority, sequence, job = self._heap[0]
            if due == NEVER or (until is not None and due > until):
                return
            is_wanted = self._is_wanted_for_sync if priority == SYNC else self._is_wanted
            if not is_wanted():
                return
            now = self._clock.now()  # only now: asking may have taken its time
            if now < due:
                self._wait(now, due)
                continue
            last_due, next_due = self._skip_piled_up(job, due, now)
            if priority == SYNC:
                next_due = self._early_enough(next_due, last_due)
            heapq.heapreplace(self._heap, (next_due, priority, sequence, job))
            if last_due < self._missed_before:
                self._report_misfire(job, due, last_due)
            else:
                self._call(job, last_due, now)

    def _early_enough(self, due: datetime, last: datetime) -> datetime:
        """When to sync instead of at `due`: so that the job that comes next need not wait for it, and sees the news.

        At the job's very time it stays: it was meant to come first.
        """
        upcoming = self.next_job()
        earlier = due if upcoming is None else upcoming[0] - SYNC_TIME
        return earlier if last < earlier < due < earlier + SYNC_TIME else due

    def _is_wanted_for_sync(self) -> bool:
        """Whether the loop is still wanted; not asked again before a sync if it was before another one just now."""
        moment = self._clock.monotonic()
        if moment - self._asked < ASK_INTERVAL:
            return True
        self._asked = moment
        return self._is_wanted()

    def _wait(self, now: datetime, due: datetime) -> None:
        """Sleep towards `due`, but not for long: the caller looks up in between."""
        pause = min((due - now).total_seconds(), self._clock.longest_sleep)
        self._clock.sleep(pause)
        self._look_for_jump(now, pause)

    def _call(self, job: Job, due: datetime, now: datetime) -> None:
        awake = self._clock.monotonic()
        job.call(due)
        self._look_for_jump(now, self._clock.monotonic() - awake)

    def _look_for_jump(self, began: datetime, awake: float) -> None:
        """See whether the wall clock went further than the `awake` seconds since `began`: the machine slept, or it was set."""
        now = self._clock.now()
        jump = (now - began).total_seconds() - awake
        if jump > self._grace_seconds:
            log.warning("机器休眠或时钟向前跳了 %s", format_seconds(jump))
            self._missed_before = now - self._grace
        elif jump < -self._grace_seconds:
            log.warning(
                "时钟向后跳了 %s。到 %s 之前不会再运行定时任务，以免重复运行；如果之前的时间是错的，请重新启动任务",
                format_seconds(-jump),
                began,
            )
            self._restart_intervals(now)

    def _restart_intervals(self, now: datetime) -> None:
        """After the clock was set back, sync from now on, not when the old time comes again."""
        self._heap = [
            (job.trigger.next_after(now), priority, sequence, job)
            if priority == SYNC
            else (due, priority, sequence, job)
            for due, priority, sequence, job in self._heap
        ]
        heapq.heapify(self._heap)

    def _skip_piled_up(self, job: Job, due: datetime, now: datetime) -> Tuple[datetime, datetime]:
        """Return the due time that a call now stands for, and the next one."""
        if job.priority == DAILY:  # each of its due times counts by itself; of the others those that pile up are one
            return due, job.trigger.next_after(due)
        if job.priority == SYNC and now - due > self._grace:  # the clock may have jumped by years
            return now, job.trigger.next_after(now)
        first, next_due = due, job.trigger.next_after(due)
        dropped = 0
        while next_due <= now:
            due, next_due = next_due, job.trigger.next_after(next_due)
            dropped += 1
        if dropped and job.priority == EVERY_MINUTE and due >= self._missed_before:
            level = logging.ERROR if first < self._missed_before else logging.WARNING
            text = "定时任务 %s 积压了 %d 次（从 %s 起），只运行最近的一次（%s），丢弃 %d 次"
            log.log(level, text, job.name, dropped + 1, first, due, dropped)
        return due, next_due

    def _report_misfire(self, job: Job, first: datetime, last: datetime) -> None:
        if job.priority == SYNC:
            return
        span = str(first) if first == last else f"{first} 到 {last}"
        log.error(
            "定时任务 %s 没有运行：它应在 %s 运行，那时机器在休眠或时钟跳过，已经晚了超过 %s",
            job.name,
            span,
            format_seconds(self._grace.total_seconds()),
        )
