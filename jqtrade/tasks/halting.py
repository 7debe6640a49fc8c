"""Halt a task from outside, tell the user what that did, and wait until its process has asked for the cancels."""

from typing import List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.clock import Clock, SystemClock
from jqtrade.errors import JqtradeError, TaskError
from jqtrade.tasks.record import TaskInfo
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.spec import file_key

_POLL = 0.02


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
    clock = SystemClock() if clock is None else clock
    answers: List[Answer] = []
    waiting = [halt for halt in halts if halt.is_awaited]
    deadline = clock.monotonic() + timeout
    while True:
        late = clock.monotonic() >= deadline
        still: List[Halt] = []
        for one in waiting:
            answer = _look(registry, one, timeout if late else None)
            if answer is None:
                still.append(one)
            else:
                answers.append(answer)
        waiting = still
        if not waiting:
            return answers
        clock.sleep(_POLL)


def _look(registry: TaskRegistry, halt: Halt, waited: Optional[float]) -> Optional[Answer]:
    """Return what became of the request; None if that is open and the wait, of `waited` seconds, is not over."""
    task = halt.task
    assert task is not None
    is_alive = registry.is_alive(task)  # before the record is read: what it wrote last is seen
    now = registry.peek(task.name) or task
    who = f"任务 {task.name}（pid {task.pid}）"
    latest = registry.cancel_request(task.name)
    if now.cancels_for and now.cancels_for in (halt.request, latest):  # a later one stands for ours
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
    if waited is None:
        return None
    then = "它正在停止，可能不再撤单，请在券商的软件里撤" if now.state == "stopping" else "当前的工作一结束就会撤单"
    return Answer(f"{who}{waited:g} 秒内还没有撤单：{now.doing()}。新的委托已经一律不发出，{then}", False)
