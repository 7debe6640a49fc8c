"""What the strategy's process does about a request to call one of its jobs now: between two others, once, and answered."""

import os
from typing import Callable, Optional

from jqtrade.clock import Clock
from jqtrade.log import get_log
from jqtrade.runtime.strategy import RunResult
from jqtrade.tasks.claim import Claim

log = get_log("jqtrade")


class RunNowWatch:
    """Watches for the requests to one task."""

    def __init__(self, claim: Claim, clock: Clock, run: Callable[[str], RunResult]) -> None:
        """`run` calls the job of that name."""
        self._claim = claim
        self._clock = clock
        self._run = run

    def look(self) -> None:
        """Call the job that somebody asks for, if somebody does."""
        request = self._claim.run_request()
        if request is None:
            return
        age = self._age()
        if age is None or not self._claim.take_run_request():
            return
        if age > request.patience + 1:  # the command was killed, or it would have withdrawn it
            log.warning("run_now 要求运行 %s，已过了 %d 秒，没有人再等，没有运行", request.function, age)
            return
        started = self._clock.now()
        log.info("run_now：现在运行 %s", request.function)
        self._claim.update(run_for=request.token, run_state="running", run_started=f"{started:%H:%M:%S}", run_said="")
        begun = self._clock.monotonic()
        result = self._run(request.function)
        seconds = round(self._clock.monotonic() - begun, 3)
        self._claim.update(run_state=result.state, run_seconds=seconds, run_said=result.error)
        log.info("run_now：%s 运行结束，用时 %.3f 秒", request.function, seconds)

    def _age(self) -> Optional[float]:
        try:
            made = os.stat(self._claim.run_request_path).st_mtime
            return (self._clock.now() - self._clock.at(made)).total_seconds()
        except (OSError, OverflowError, ValueError):
            return None
