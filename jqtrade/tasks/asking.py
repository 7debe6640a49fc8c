"""Ask tasks for something from outside, and tell the user what became of it: to halt, to cancel, to call a job now."""

import time
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.clock import Clock, SystemClock
from jqtrade.errors import InvalidParam, JqtradeError, TaskError
from jqtrade.tasks.record import TaskInfo
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.run_request import RunAnswer, RunRequest
from jqtrade.tasks.spec import file_key, new_token

_POLL = 0.02
_GRACE = 2.0
"""seconds in which a task that has taken a request says so"""


class Answer(NamedTuple):
    """A sentence for the user; `done` says whether all that was asked for has been done."""

    text: str
    done: bool


class Halt(NamedTuple):
    """One task that was halted: its process, None if it does not run, and the token of the request to cancel, or ""."""

    name: str
    task: Optional[TaskInfo]
    request: str
    answer: Answer

    @property
    def is_awaited(self) -> bool:
        """Whether a process will answer the request to cancel."""
        return self.task is not None and self.task.heeds_halt and bool(self.request)


def halt(registry: TaskRegistry, names: Sequence[str], cancel_open: bool) -> Tuple[List[Halt], List[Answer]]:
    """Halt the tasks of these `names`, and only then see which of them run.

    Returns those that were halted, and answers for the others. Nothing is said before all are halted: a terminal that
    takes no output would hold up the rest. Once a task is halted its answer says so, whatever comes then, Ctrl+C too.
    """
    requests: List[Tuple[str, str]] = []
    failures: List[Answer] = []
    try:
        for name in names:
            try:
                requests.append((name, registry.halt(name, cancel_open)))
            except JqtradeError as error:
                failures.append(Answer(f"错误：{error}", False))
    except KeyboardInterrupt:
        rest = "、".join(names[len(requests) + len(failures) :])
        failures.append(Answer(f"错误：已中断，任务 {rest} 可能还没有暂停，请再运行一次", False))
    if not requests:
        return [], failures
    try:
        tasks = registry.list_tasks()
    except (OSError, TaskError, KeyboardInterrupt) as error:
        problem = "已中断" if isinstance(error, KeyboardInterrupt) else str(error)
        text = f"已暂停下单：新的委托一律不发出。但没有看到它是否在运行：{problem}"
        if cancel_open:
            text += "。撤单的请求也已写下，结果见它的日志"
        return [
            Halt(name, None, request, Answer(f"任务 {name} {text}", not cancel_open)) for name, request in requests
        ], failures
    running = {file_key(task.name): task for task in tasks}
    found = [(name, running.get(file_key(name)), request) for name, request in requests]
    return [Halt(*one, _halted(one[0], one[1], cancel_open, tasks)) for one in found], failures


def _halted(name: str, task: Optional[TaskInfo], cancel_open: bool, tasks: Sequence[TaskInfo]) -> Answer:
    if task is None:
        others = "、".join(f"{other.name}（pid {other.pid}）" for other in tasks) or "无"
        text = f"任务 {name} 没有在运行，已设为暂停下单，下次启动时生效。"
        if cancel_open:
            text += "没有撤单：下次启动时才会撤掉当天还没有结束的订单，着急请在券商的软件里撤。"
        return Answer(f"{text}正在运行的任务：{others}", not cancel_open)
    if task.state == "unknown":
        return Answer(
            f"任务 {task.name} 已暂停下单：新的委托一律不发出。但它的登记文件读不出来：如果它由旧版本的 jqtrade 启动，"
            "就不认识暂停，请结束它的进程",
            False,
        )
    if not task.heeds_halt:
        return Answer(
            f"任务 {task.name}（pid {task.pid}）可能仍在下单：它由不认识暂停的旧版本 jqtrade 启动。"
            f"请用 jqtrade stop_task -n {task.name} 停止它；暂停在它下次启动时生效",
            False,
        )
    return Answer(
        f"任务 {task.name}（pid {task.pid}）已暂停下单：新的委托一律不发出，定时任务、同步和撤单照常。"
        f"恢复用 jqtrade resume_task -n {task.name}",
        True,
    )


def await_cancels(
    registry: TaskRegistry, halts: Sequence[Halt], timeout: float, clock: Optional[Clock] = None
) -> List[Answer]:
    """Wait at most `timeout` seconds until the processes have asked for the cancels that `halts` asked of them."""
    waits = [_Cancels(registry, one, timeout) for one in halts if one.is_awaited]
    return _await([wait.poll for wait in waits], timeout, SystemClock() if clock is None else clock)


def run_now(registry: TaskRegistry, name: str, function: str, timeout: float, clock: Optional[Clock] = None) -> Answer:
    """Ask task `name` to call its job `function`, and wait at most `timeout` seconds for its end.

    Raises TaskError if it does not run or cannot be asked, InvalidParam for a job that it does not have.
    """
    task = registry.find(name=name)
    _check(task, function)
    request = RunRequest(new_token(), function, timeout, time.time())
    registry.request_run(task, request)
    run = _Run(registry, task, request)
    try:
        return _await([run.poll], timeout, SystemClock() if clock is None else clock)[0]
    except KeyboardInterrupt:
        return run.interrupt()


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


def _await(polls: Sequence[Callable[[float], Optional[Answer]]], timeout: float, clock: Clock) -> List[Answer]:
    """Call each of `polls` until it has an answer, with the seconds that are over since the time-out, if not less than 0."""
    deadline = clock.monotonic() + timeout
    answers: List[Answer] = []
    while True:
        overdue = clock.monotonic() - deadline
        polled = [(poll, poll(overdue)) for poll in polls]
        answers += [answer for _, answer in polled if answer is not None]
        polls = [poll for poll, answer in polled if answer is None]
        if not polls:
            return answers
        clock.sleep(_POLL)


class _Cancels:
    """The wait for a task to cancel what it has open."""

    def __init__(self, registry: TaskRegistry, halt: Halt, timeout: float) -> None:
        assert halt.task is not None
        self._registry = registry
        self._task = halt.task
        self._request = halt.request
        self._timeout = timeout

    def poll(self, overdue: float) -> Optional[Answer]:
        """Return what became of the request; None if that is open and the wait is not over."""
        task = self._task
        is_alive = self._registry.is_alive(task)  # before the record is read: what it wrote last is seen
        now = self._registry.peek(task.name) or task
        who = f"任务 {task.name}（pid {task.pid}）"
        latest = self._registry.cancel_request(task.name)
        if now.cancels_for and now.cancels_for in (self._request, latest):  # a later one stands for ours
            if now.cancels_failed:
                text = f"有 {now.cancels} 笔没有结束的订单，其中 {now.cancels_failed} 笔的撤单没有发出，原因见日志"
                return Answer(f"{who}{text}。请再运行一次，或在券商的软件里撤", False)
            if now.cancels:
                where = "" if now.log is None else f" {now.log}"
                return Answer(f"{who}已对 {now.cancels} 笔没有结束的订单请求撤单，每一笔的结果见日志{where}", True)
            return Answer(f"{who}没有需要撤的订单", True)
        if not latest:
            return Answer(f"{who}没有撤单：撤单的请求已经不在了，可能刚用 resume_task 恢复了下单", False)
        if not is_alive:
            text = "在撤单之前结束了，没有撤单：下次启动时才会撤掉当天还没有结束的订单，着急请在券商的软件里撤"
            return Answer(who + text, False)
        if overdue < 0:
            return None
        then = "它正在停止，可能不再撤单，请在券商的软件里撤" if now.state == "stopping" else "当前的工作一结束就会撤单"
        return Answer(f"{who}{self._timeout:g} 秒内还没有撤单：{now.doing()}。新的委托已经一律不发出，{then}", False)


class _Run:
    """The wait for a task to call one of its jobs."""

    def __init__(self, registry: TaskRegistry, task: TaskInfo, request: RunRequest) -> None:
        self._registry = registry
        self._task = task
        self._request = request
        self._what = f"任务 {task.name}（pid {task.pid}）的 {request.function}"

    def poll(self, overdue: float) -> Optional[Answer]:
        """Return how the job ended, or that it was not called; None if that is open and the wait is not over."""
        is_alive = self._registry.is_alive(self._task)  # before the record is read: what it wrote last is seen
        now = self._registry.peek(self._task.name) or self._task
        answer = self._find(now)
        if answer is not None and answer.state != "running":
            return self._ended(answer, now.halted)
        if not is_alive:
            return self._died(has_begun=answer is not None)
        if overdue < 0:
            return None
        if answer is not None:
            return self._not_yet(f"{answer.started} 开始运行，{self._request.patience:g} 秒后还没有结束")
        if self._withdraw():
            return self._not_run(f"{self._request.patience:g} 秒内没有轮到：{now.doing()}")
        return None if overdue < _GRACE else self._not_yet("已被任务取走，但任务还没有说开始")

    def interrupt(self) -> Answer:
        """Wait no longer."""
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
