"""Player: lets virtual time pass, and has the strategy sync and work as it would live."""

from datetime import date, datetime, time, timedelta

from jqtrade.clock import Clock
from jqtrade.replay.venues import Venue
from jqtrade.runtime.strategy import Strategy

DAY_END = time(23, 59, 59)
LOOKED_AT = ((time(9, 15), time(11, 30)), (time(13), time(15, 30)))
"""Outside of these nothing happens to an order."""


class Player:
    """Plays one day after the other.

    Live, a strategy syncs every few seconds. Here it syncs right before each of its jobs, and, while it has orders that
    may still be filled, every `sync_seconds` at which there is news of them: a sync that tells nothing new to nobody is
    left out. What was not sent is news too, `sync_seconds` later.
    """

    def __init__(
        self,
        strategy: Strategy,
        clock: Clock,
        venue: Venue,
        sync_seconds: float,
    ) -> None:
        self._strategy = strategy
        self._clock = clock
        self._venue = venue
        self._interval = timedelta(seconds=sync_seconds)
        self._awaits_news = strategy.awaits_news

    def play(self, day: date) -> bool:
        """Play on to the end of `day`. Returns whether that was reached."""
        end = datetime.combine(day, DAY_END)
        while True:
            due = self._strategy.next_due()
            is_last = due is None or due > end
            moment = end if due is None or due > end else due
            if moment.date() > self._clock.now().date() and not self._end_date():
                return False
            self._pass_time(moment)
            if not self._strategy.should_run():
                return False
            self._sync()
            if is_last:
                return True
            self._strategy.run(until=moment)
            self._awaits_news = self._strategy.awaits_news

    def _end_date(self) -> bool:
        """Play on to the end of this date, which is no trading day if it has not ended yet. Returns whether that was reached."""
        now = self._clock.now()
        end = datetime.combine(now.date(), DAY_END)
        if now < end:
            self._pass_time(end)
            if not self._strategy.should_run():
                return False
            self._sync()
        return True

    def _pass_time(self, moment: datetime) -> None:
        while self._strategy.should_run():
            now = self._clock.now()
            has_untold = self._strategy.has_untold_refusals
            if has_untold:  # no matter whether the exchange is at work
                look = now + self._interval
            else:
                look = _next_look(now, self._interval) if self._awaits_news else moment
            stop = min(look, moment)
            if stop > now:
                self._venue.wait((stop - now).total_seconds())
            if look >= moment:
                self._venue.advance(moment)
                return
            if self._venue.advance(stop) or has_untold:
                self._sync()

    def _sync(self) -> None:
        self._strategy.sync()
        self._awaits_news = self._strategy.awaits_news


def _next_look(now: datetime, interval: timedelta) -> datetime:
    """When something may have happened to an order after `now`, `interval` later at the earliest."""
    due = now + interval
    for start, end in LOOKED_AT:
        if now < datetime.combine(now.date(), end):
            return max(min(due, datetime.combine(now.date(), end)), datetime.combine(now.date(), start))
    return datetime.max
