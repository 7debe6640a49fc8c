"""DueTimes: which due times of a job were dealt with, and which one comes next, however the clock is set."""

from datetime import datetime, timedelta
from typing import List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.scheduler.trigger import Trigger

_INSTANT = timedelta(microseconds=1)
_NOTHING: Sequence[Tuple[datetime, datetime]] = ()


class Span(NamedTuple):
    """One due time, or all those from the first to the last."""

    first: datetime
    last: datetime

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} 到 {self.last}"


class DueTimes:
    """Goes through the due times of a trigger, each once.

    Where the clock is set back, time comes a second time. What was due in the time that was there before is left out;
    what was jumped over, or lies before the time at which this began, is not.
    """

    def __init__(self, trigger: Trigger, after: datetime) -> None:
        """Begins with the first due time later than `after`."""
        self._trigger = trigger
        self._since = self._taken = after
        """`_taken`: the last due time that was dealt with since"""
        self._covered: List[Tuple[datetime, datetime]] = []
        """what was gone through before the clock was set: later than the first, up to the second; in order, disjoint"""
        self.next = trigger.next_after(after)

    def take(self, now: datetime, latest_only: bool) -> Tuple[datetime, int, List[Span]]:
        """Take the next due time, which has come; with `latest_only` the last one that has come by `now`.

        Returns it, how many before it are dropped for it, and what comes due once more before the following due time, and
        is left out.
        """
        first, due, dropped, skipped = self.next, self.next, 0, _NOTHING
        following = self._trigger.next_after(due)
        if self._covered:
            following, skipped = self._skip_covered(following)
        while latest_only and following <= now:
            due, dropped = following, dropped + 1
            following, more = self._skip_covered(self._trigger.next_after(due))
            skipped = [*skipped, *more] if more else skipped
        self._taken, self.next = due, following
        return due, dropped, self._coming(skipped, first) if skipped else []

    def set_back(self, start: datetime, now: datetime) -> List[Span]:
        """The clock was set back to `now`, and has shown this time since `start` at the earliest.

        What had come due and waits goes on waiting, or will come due again. Returns what will be left out, as take does.
        """
        return self._go_on(min(start, self.next - _INSTANT), now)

    def jump_to(self, moment: datetime, now: datetime) -> Tuple[Optional[Span], List[Span]]:
        """What was due before `moment` is too late: the clock went past it.

        Returns what was missed, and what will be left out, as take does. What was missed was not dealt with: should its
        time come again, it is due again.
        """
        if self.next >= moment:
            return None, []
        missed = Span(self.next, self._last_before(moment, self.next))
        return missed, self._go_on(moment - _INSTANT, now)

    def _go_on(self, since: datetime, now: datetime) -> List[Span]:
        """Begin again with what is due after `since`, but for what was dealt with."""
        if self._taken > self._since:
            self._cover(self._since, self._taken)
        self._since = self._taken = since
        self.next, skipped = self._skip_covered(self._trigger.next_after(since))
        return self._coming(skipped, now)

    def _coming(self, skipped: Sequence[Tuple[datetime, datetime]], now: datetime) -> List[Span]:
        """What of `skipped` is still to come."""
        spans = [(max(first, self._trigger.next_after(now)), until) for first, until in skipped]
        return [Span(first, self._last_before(until + _INSTANT, first)) for first, until in spans if first <= until]

    def _skip_covered(self, due: datetime) -> Tuple[datetime, Sequence[Tuple[datetime, datetime]]]:
        """`due` or the first due time after it that was not dealt with, and what is skipped: the first, and until when."""
        skipped = []
        for after, until in self._covered:
            if after < due <= until:
                skipped.append((due, until))
                due = self._trigger.next_after(until)
        return due, skipped

    def _cover(self, after: datetime, until: datetime) -> None:
        """All that was due later than `after` and up to `until` was dealt with."""
        merged: List[Tuple[datetime, datetime]] = []
        for start, end in sorted(self._covered + [(after, until)]):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        self._covered = merged

    def _last_before(self, moment: datetime, first: datetime) -> datetime:
        """The last due time before `moment`; `first` is one.

        Triggers only look ahead: so look from ever further back until one is found, not through years of minutes.
        """
        back = timedelta(minutes=1)
        while moment - first > back:
            due = self._trigger.next_after(moment - back)
            if due < moment:
                break
            back *= 8
        else:
            due = first
        following = self._trigger.next_after(due)
        while following < moment:
            due, following = following, self._trigger.next_after(following)
        return due
