"""Job and Scheduler: the heap and the loop."""

import heapq
import itertools
import logging
from datetime import datetime, timedelta
from typing import Callable, List, Optional, Tuple

from jqtrade.clock import Clock
from jqtrade.log import format_seconds, get_log
from jqtrade.scheduler.due_times import DueTimes, Span
from jqtrade.scheduler.time_watch import Jump, TimeWatch
from jqtrade.scheduler.trigger import NEVER, Trigger

log = get_log("jqtrade.scheduler")

ASK_INTERVAL = 0.125
"""Seconds after which the loop asks again whether to go on, while nothing but syncing happens. Naps come on top."""

SHORTEST_DELAY = 1.0
"""Seconds by which a job is late at least before anything is said; machines are not quicker, whatever the grace time."""

SYNC_TIME = timedelta(milliseconds=10)
"""How long a sync may take that brings a little news."""

SYNC, EVERY_MINUTE, DAILY = range(3)
"""Priorities at the same instant: what was synced first is seen by the jobs after it."""


class Job:
    """Something to call whenever its trigger says so."""

    def __init__(self, name: str, call: Callable[[datetime], object], trigger: Trigger, priority: int) -> None:
        """`call` gets the time at which it was due. What it raises ends the loop: the caller guards what may fail."""
        self.name = name
        self.call = call
        self.trigger = trigger
        self.priority = priority


_Entry = Tuple[datetime, int, int, Job, DueTimes]
"""A job in the heap: when it is due next, its priority, its number, and its due times. The first three differ."""


class Scheduler:
    """Calls jobs when they are due, one after the other, the earliest first.

    A job that comes due while an earlier one runs is called late. A job that came due while the machine slept, or while
    the clock jumped, is not called if it is later than `misfire_grace_time` seconds. When the clock was set back, what
    has not run runs when its time comes; what has run for a due time does not run for it again.
    """

    def __init__(
        self,
        clock: Clock,
        misfire_grace_time: float,
        should_run: Callable[[], bool],
        on_trouble: Callable[[str, int], None] = lambda text, level: None,
        on_reschedule: Callable[[], None] = lambda: None,
        poll: Callable[[], None] = lambda: None,
    ) -> None:
        """`should_run` is asked before each job but syncs, and all the time while the loop waits; False ends the loop.

        `poll` is called right before that: what is to be done between two jobs, and may call one.
        `on_trouble` hears, beside the log and with its level, of each due time that was missed, left out or met late;
        `on_reschedule` that the clock was set, and other jobs may be next.
        """
        self._clock = clock
        self._watch = TimeWatch(clock, max(misfire_grace_time, SHORTEST_DELAY))
        self._grace = timedelta(seconds=misfire_grace_time)
        self._late = timedelta(seconds=max(misfire_grace_time, SHORTEST_DELAY))
        self._should_run = should_run
        self._poll = poll
        self._on_trouble = on_trouble
        self._on_reschedule = on_reschedule
        self._heap: List[_Entry] = []
        self._sequence = itertools.count()
        self._asked = -ASK_INTERVAL

    def add(self, job: Job, after: datetime) -> None:
        """Call `job` from its first due time later than `after` on; what came due since then is late."""
        times = DueTimes(job.trigger, after)
        heapq.heappush(self._heap, (times.next, job.priority, next(self._sequence), job, times))

    def next_job(self) -> Optional[Tuple[datetime, Job]]:
        """The job of the strategy that is due next, and when; syncing does not count."""
        entries = self._heap[:1]
        if entries and entries[0][1] == SYNC:  # there is one such job; the next one is of the two below it in the heap
            entries = self._heap[1:3]
        if not entries:
            return None
        due, _, _, job, _ = min(entries)
        return None if due == NEVER else (due, job)

    def run(self, until: Optional[datetime] = None) -> None:
        """Call jobs until nobody wants more, until none is left, or until the first one due after `until`."""
        while self._heap:
            due, priority = self._heap[0][:2]
            if due == NEVER or (until is not None and due > until):
                if self._heed_jumps():
                    continue
                return
            if not (self._may_sync() if priority == SYNC else self._may_go_on()):
                return
            if self._heed_jumps():  # only now: asking may have taken its time
                continue
            now = self._watch.now
            if now < due:
                self._wait(now, due)
            elif priority == SYNC:
                self._call_sync(now)
            else:
                self._call_due(now)

    def _wait(self, now: datetime, due: datetime) -> None:
        """Sleep towards `due`, but not for long: the caller looks up in between."""
        pause = min((due - now).total_seconds(), self._clock.longest_sleep)
        self._clock.sleep(pause)
        self._heed_jumps(pause)

    def _call_due(self, now: datetime) -> None:
        """Call the job of the first entry of the heap, which is due. Of daily jobs each due time counts by itself."""
        first, priority, sequence, job, times = self._heap[0]
        due, dropped, left_out = times.take(now, latest_only=priority == EVERY_MINUTE)
        heapq.heapreplace(self._heap, (times.next, priority, sequence, job, times))
        if dropped:
            text = "定时任务 %s 积压了 %d 次（从 %s 起），只运行最近的一次（%s），丢弃 %d 次"
            self._tell(logging.WARNING, text, job.name, dropped + 1, first, due, dropped)
        if left_out:
            self._tell_left_out(job, left_out, logging.ERROR)
        if now - due > self._late:
            text = "定时任务 %s 晚了 %s 才运行：它应在 %s 运行，之前的工作用时太长，或者进程、机器停顿过"
            self._tell(logging.WARNING, text, job.name, format_seconds((now - due).total_seconds()), due)
        job.call(due)

    def _call_sync(self, now: datetime) -> None:
        """The same for the sync: those that piled up are one, and none is ever missed."""
        due, priority, sequence, job, times = self._heap[0]
        next_after = job.trigger.next_after
        if now - due > self._grace:  # the clock may have jumped by years
            due = now
        following = next_after(due)
        while following <= now:
            due, following = following, next_after(following)
        heapq.heapreplace(self._heap, (self._early_enough(following, due), priority, sequence, job, times))
        job.call(due)

    def _early_enough(self, due: datetime, last: datetime) -> datetime:
        """When to sync instead of at `due`: so that the job that comes next need not wait for it, and sees the news.

        At the job's very time it stays: it was meant to come first.
        """
        upcoming = self.next_job()
        earlier = due if upcoming is None else upcoming[0] - SYNC_TIME
        return earlier if last < earlier < due < earlier + SYNC_TIME else due

    def _may_go_on(self) -> bool:
        """Do what is to be done between two jobs; say whether there shall be another one."""
        self._poll()
        return self._should_run()

    def _may_sync(self) -> bool:
        """As `_may_go_on`, but not done and asked again before a sync if it was before another one just now."""
        moment = self._clock.monotonic()
        if moment - self._asked < ASK_INTERVAL:
            return True
        self._asked = moment
        return self._may_go_on()

    def _heed_jumps(self, pause: Optional[float] = None) -> bool:
        """See whether time went on as it does since the last look, at a sleep of `pause` seconds if there was one."""
        jump = self._watch.check(pause)
        if jump is None:
            return False
        if jump.back:
            self._set_back(jump)
        if jump.ahead:
            self._jump_ahead(jump)
        return True

    def _jump_ahead(self, jump: Jump) -> None:
        """What is too late by the grace time is missed; what is not is called."""
        log.warning("机器休眠或时钟向前跳了 %s", format_seconds(jump.ahead))
        changes = [(job, times.jump_to(jump.now - self._grace, jump.now)) for job, times in self._jobs()]
        self._rebuild(jump.now)
        for job, (missed, left_out) in changes:
            if missed is not None:
                text = "定时任务 %s 没有运行：它应在 %s 运行，那时机器在休眠或时钟跳过，已经晚了超过 %s"
                self._tell(logging.ERROR, text, job.name, missed, format_seconds(self._grace.total_seconds()))
            self._tell_left_out(job, left_out, logging.ERROR)

    def _set_back(self, jump: Jump) -> None:
        """From now on each job goes on with what it has not run for."""
        log.warning(
            "时钟向后跳了 %s，现在是 %s。还没有运行过的定时任务按现在的时间运行，运行过的不再重复",
            format_seconds(jump.back),
            jump.now.replace(microsecond=0),
        )
        # After a step within the grace time, what ran a moment ago is no news.
        level = logging.ERROR if jump.back > self._grace.total_seconds() else logging.INFO
        changes = [(job, times.set_back(jump.start, jump.now)) for job, times in self._jobs()]
        self._rebuild(jump.now, restart_sync=True)
        for job, left_out in changes:
            self._tell_left_out(job, left_out, level)

    def _jobs(self) -> List[Tuple[Job, DueTimes]]:
        """All jobs but the sync, in order of registration."""
        entries = sorted(self._heap, key=lambda entry: entry[2])
        return [(job, times) for _, priority, _, job, times in entries if priority != SYNC]

    def _rebuild(self, now: datetime, restart_sync: bool = False) -> None:
        """Put the heap in order after due times changed; perhaps sync from `now` on, not when the old time comes."""
        entries = []
        for due, priority, sequence, job, times in self._heap:
            if priority != SYNC:
                due = times.next
            elif restart_sync:
                due = job.trigger.next_after(now)
            entries.append((due, priority, sequence, job, times))
        self._heap = entries
        heapq.heapify(self._heap)
        self._on_reschedule()

    def _tell_left_out(self, job: Job, spans: List[Span], level: int) -> None:
        text = "定时任务 %s 不会再为 %s 运行：时钟向后跳之前已经到过这个时间，以免重复运行；需要再运行请重新启动任务"
        for span in spans:
            self._tell(level, text, job.name, span)

    def _tell(self, level: int, text: str, *values: object) -> None:
        log.log(level, text, *values)
        if level >= logging.WARNING:
            self._on_trouble(text % values, level)
