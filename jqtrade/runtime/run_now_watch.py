"""What the strategy's process does about a request to call one of its jobs now: between two others, once, and answered."""

from typing import Callable, List

from jqtrade.clock import Clock
from jqtrade.log import get_log
from jqtrade.runtime.strategy import RunResult
from jqtrade.tasks.claim import Claim
from jqtrade.tasks.run_request import RunAnswer

log = get_log("jqtrade")

_KEPT = 5
"""answers: whoever waits for one may look only after the next job was called"""
_LONGEST_ERROR = 500


class RunNowWatch:
    """Watches for the requests to one task."""

    def __init__(self, claim: Claim, clock: Clock, run: Callable[[str], RunResult]) -> None:
        """`run` calls the job of that name."""
        self._claim = claim
        self._clock = clock
        self._run = run
        self._answers: List[RunAnswer] = []

    def look(self) -> None:
        """Call the job that somebody asks for, if somebody does."""
        request = self._claim.run_request()
        if request is None:
            return
        age = (self._clock.now() - self._clock.at(request.asked_at)).total_seconds()
        if not self._claim.take_run_request():
            return
        if age > request.patience + 1:  # the command was killed, or it would have withdrawn it
            log.warning("run_now 要求运行 %s，已过了 %d 秒，没有人再等，没有运行", request.function, age)
            return
        started = f"{self._clock.now():%H:%M:%S}"
        log.info("run_now：现在运行 %s", request.function)
        self._answer(RunAnswer(request.token, "running", started))
        begun = self._clock.monotonic()
        result = self._run(request.function)
        seconds = round(self._clock.monotonic() - begun, 3)
        self._answers.pop()
        said = result.error.replace("\n", "\\n")[:_LONGEST_ERROR]  # a line, that nobody takes for two of ours
        self._answer(RunAnswer(request.token, result.state, started, seconds, said))
        log.info("run_now：%s 运行结束，用时 %.3f 秒", request.function, seconds)

    def _answer(self, answer: RunAnswer) -> None:
        self._answers = [*self._answers, answer][-_KEPT:]
        self._claim.update(runs=[one._asdict() for one in self._answers])
