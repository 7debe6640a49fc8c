"""Have a running task call one of its jobs now, and tell the user how it ended."""

import time
from typing import Optional

from jqtrade.clock import Clock, SystemClock
from jqtrade.errors import InvalidParam, TaskError
from jqtrade.tasks.halting import Answer
from jqtrade.tasks.record import TaskInfo
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.run_request import RunAnswer, RunRequest
from jqtrade.tasks.spec import new_token

_POLL = 0.02
_GRACE = 2.0
"""seconds in which a task that has taken a request says so"""


def run_now(registry: TaskRegistry, name: str, function: str, timeout: float, clock: Optional[Clock] = None) -> Answer:
    """Ask task `name` to call its job `function`, and wait at most `timeout` seconds for its end.

    Raises TaskError if it does not run or cannot be asked, InvalidParam for a job that it does not have.
    """
    task = registry.find(name=name)
    _check(task, function)
    request = RunRequest(new_token(), function, timeout, time.time())
    registry.request_run(task, request)
    return _Wait(registry, task, request, SystemClock() if clock is None else clock).answer()


def _check(task: TaskInfo, function: str) -> None:
    if task.state == "starting":
        raise TaskError(f"任务 {task.name} 还在初始化，没有运行 {function}。请等它启动完")
    if task.jobs is None:
        raise TaskError(
            f"任务 {task.name} 用的不是内置的模拟交易所（或由旧版本的 jqtrade 启动），没有运行 {function}。"
            "run_now 只用于模拟交易的任务：start_task --paper"
        )
    if function not in task.jobs:
        names = "、".join(task.jobs) or "无"
        raise InvalidParam(f"任务 {task.name} 没有定时任务 {function!r}，没有运行。run_daily 设置过的函数：{names}")


class _Wait:
    """The wait for the answer to one request."""

    def __init__(self, registry: TaskRegistry, task: TaskInfo, request: RunRequest, clock: Clock) -> None:
        self._registry = registry
        self._task = task
        self._request = request
        self._clock = clock
        self._what = f"任务 {task.name}（pid {task.pid}）的 {request.function}"

    def answer(self) -> Answer:
        deadline = self._clock.monotonic() + self._request.patience
        try:
            while True:
                is_late = self._clock.monotonic() >= deadline
                is_alive = self._registry.is_alive(self._task)  # before the record is read: what it wrote last is seen
                now = self._registry.peek(self._task.name) or self._task
                answer = self._find(now)
                if answer is not None and answer.state != "running":
                    return self._ended(answer, now.halted)
                if not is_alive:
                    return self._died(has_begun=answer is not None)
                if is_late and answer is not None:
                    return self._not_yet(f"{answer.started} 开始运行，{self._request.patience:g} 秒后还没有结束")
                if is_late and self._withdraw():
                    return self._not_run(f"{self._request.patience:g} 秒内没有轮到：{now.doing()}")
                if is_late and self._clock.monotonic() >= deadline + _GRACE:
                    return self._not_yet("已被任务取走，但任务还没有说开始")
                self._clock.sleep(_POLL)
        except KeyboardInterrupt:
            if self._withdraw():
                return self._not_run("还没有轮到就被中断")
            return self._not_yet("不再等待，它已经开始运行")

    def _withdraw(self) -> bool:
        return self._registry.withdraw_run(self._task, self._request)

    def _find(self, now: TaskInfo) -> Optional[RunAnswer]:
        answers = [answer for answer in now.runs or () if answer.get("token") == self._request.token]
        return RunAnswer(**answers[-1]) if answers else None

    def _ended(self, answer: RunAnswer, is_halted: bool) -> Answer:
        when = f"{answer.started} 开始，用时 {answer.seconds:g} 秒"
        halted = "。任务处于暂停下单状态，新的委托一律不发出" if is_halted else ""
        if answer.state == "finished":
            return Answer(f"{self._what} 运行完毕：{when}{halted}", True)
        if answer.state == "left":
            return Answer(f"{self._what} 调用了退出，任务将停止：{when}", True)
        return Answer(f"{self._what} 运行出错：{answer.said}（{when}）。完整的错误见日志{self._log()}{halted}", False)

    def _died(self, has_begun: bool) -> Answer:
        if not has_begun and self._withdraw():
            return self._not_run("任务已经结束")
        return Answer(f"{self._what} 可能没有运行完：任务在这时结束了。不会再运行，见日志{self._log()}", False)

    def _not_run(self, why: str) -> Answer:
        return Answer(f"{self._what} 没有运行：{why}。请求已撤回", False)

    def _not_yet(self, why: str) -> Answer:
        return Answer(f"{self._what} {why}。结果见日志{self._log()}", False)

    def _log(self) -> str:
        return "" if self._task.log is None else f" {self._task.log}"
