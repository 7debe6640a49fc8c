"""Start a task as a process of its own and see it ready; stop tasks and see them gone."""

import os
import sys
from typing import TYPE_CHECKING, Callable, Dict, List, NamedTuple, Optional, Sequence

from jqtrade.clock import Clock, SystemClock
from jqtrade.errors import TaskError
from jqtrade.masking import visible
from jqtrade.private_files import make_private_dir
from jqtrade.tasks.platform import spawn_detached
from jqtrade.tasks.record import TaskInfo
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.spec import TaskSpec, file_key, masker_for

if TYPE_CHECKING:
    import subprocess

_PROGRAM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "runtime", "task.py")
_START_POLL = 0.005
_STOP_POLL = 0.02
_SLOW = 10.0
_LOG_LINES = 30
_LINE_LENGTH = 1000
_LOG_BYTES = 64 * 1024


class StopResult(NamedTuple):
    """What became of one task that was to stop; `error` is None if it has ended."""

    task: TaskInfo
    error: Optional[TaskError]


def default_log(home: str, name: str) -> str:
    """Return where a detached task logs when nothing else is said; the directory exists afterwards."""
    directory = os.path.join(home, "logs")
    make_private_dir(directory)
    return os.path.join(directory, file_key(name) + ".log")


def start(
    spec: TaskSpec,
    command: Optional[Sequence[str]] = None,
    on_slow: Optional[Callable[[str], None]] = None,
    clock: Optional[Clock] = None,
    say: Optional[Callable[[str], None]] = None,
) -> TaskInfo:
    """Start the task of `spec` as a detached process and return what it says of itself when process_initialize is done.

    `command`, by default our worker, reads the spec from its standard input, claims the name and sets the record's
    state to "running". `on_slow` is called once with a sentence if that takes more than 10 s; the wait has no end, and
    the task goes on if the caller stops waiting (KeyboardInterrupt).

    Raises TaskExists if the name belongs to a living process, TaskError if the process ends before it is ready: with what
    it says of that, or with the last log lines if it could not say anything.
    """
    clock = SystemClock() if clock is None else clock
    registry = TaskRegistry(spec.home, clock, say or (lambda sentence: None))
    registry.check_free(spec.name)
    log = default_log(spec.home, spec.name) if spec.log is None else spec.log
    spec = spec._replace(log=log)
    try:
        os.makedirs(os.path.dirname(log), exist_ok=True)
        log_start = os.path.getsize(log) if os.path.exists(log) else 0
        process = spawn_detached(
            command or [sys.executable, _PROGRAM, spec.name],
            spec.to_json().encode("ascii"),
            log,
            _environment(spec),
        )
    except OSError as error:
        raise TaskError(f"任务 {spec.name} 没有启动：{error}（日志路径 {log}）") from error
    try:
        return _wait_ready(registry, spec, process, log_start, on_slow, clock)
    finally:
        if process.returncode is None:
            process.returncode = 0  # it shall outlive us: no ResourceWarning


def stop(
    registry: TaskRegistry,
    tasks: Sequence[TaskInfo],
    force: bool = False,
    timeout: float = 10.0,
    clock: Optional[Clock] = None,
) -> List[StopResult]:
    """Stop `tasks`, all at the same time, and wait at most `timeout` seconds for them to free their names.

    Each is asked to stop after its current job, or with `force` killed. One that is busy for longer stops later.
    """
    clock = SystemClock() if clock is None else clock
    errors: Dict[str, TaskError] = {}
    for task in tasks:
        try:
            if force:
                registry.kill(task)
            else:
                registry.request_stop(task)
        except TaskError as error:
            errors[task.name] = error
    waiting = [task for task in tasks if task.name not in errors]
    deadline = clock.monotonic() + timeout
    while True:
        waiting = [task for task in waiting if registry.is_alive(task)]
        if not waiting or clock.monotonic() >= deadline:
            break
        clock.sleep(_STOP_POLL)
    for task in waiting:
        now = registry.peek(task.name)
        errors[task.name] = _still_busy(task if now is None or now.token != task.token else now, force, timeout)
    return [StopResult(task, errors.get(task.name)) for task in tasks]


def _environment(spec: TaskSpec) -> Dict[str, str]:
    """Return what the process must have from its beginning, such as LD_LIBRARY_PATH.

    PYTHONPATH is left to the worker, which puts its entries in front of sys.path: here it would replace the one by
    which jqtrade itself may be found.
    """
    env = dict(os.environ)
    env.setdefault(
        "PYTHONIOENCODING", "utf-8:backslashreplace"
    )  # the log is UTF-8 on any code page, from the first byte
    env.update({name: value for name, value in spec.env.items() if name != "PYTHONPATH"})
    return env


def _wait_ready(
    registry: TaskRegistry,
    spec: TaskSpec,
    process: "subprocess.Popen[bytes]",
    log_start: int,
    on_slow: Optional[Callable[[str], None]],
    clock: Clock,
) -> TaskInfo:
    assert spec.log is not None
    slow_at = clock.monotonic() + _SLOW
    while True:
        exit_code = process.poll()  # before the record is read: what it wrote last is seen
        record = registry.peek(spec.name)
        ours = record if record is not None and record.token == spec.token else None
        if ours is not None and ours.state == "running" and not exit_code:
            return ours
        if exit_code is not None:
            if ours is None:
                registry.check_free(spec.name)
            failed = f"任务 {spec.name} 启动失败，进程已退出（退出码 {exit_code}）"
            if ours is not None and ours.error is not None:
                raise TaskError(f"{failed}：{ours.error}\n完整的经过和 traceback 在日志 {spec.log} 里")
            tail = _mask(spec, _log_tail(spec.log, log_start)) or "（日志中没有新内容）"
            raise TaskError(f"{failed}\n日志 {spec.log} 的最后几行：\n{tail}")
        if on_slow is not None and clock.monotonic() >= slow_at:
            on_slow(f"任务 {spec.name} 仍在初始化，继续等待 process_initialize 完成；日志：{spec.log}")
            on_slow = None
        clock.sleep(_START_POLL)


def _log_tail(path: str, start: int) -> str:
    """Return the last lines written to `path` since it was `start` bytes long."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size < start:  # it was rotated meanwhile
                start = 0
            file.seek(max(start, size - _LOG_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(line[:_LINE_LENGTH] + "…" if len(line) > _LINE_LENGTH else line for line in lines[-_LOG_LINES:])


def _mask(spec: TaskSpec, text: str) -> str:
    """Hide what a log must not show: what native code or Python itself wrote stands in it as it was."""
    return visible(masker_for(spec.env, spec.code, spec.config)(text))


def _still_busy(task: TaskInfo, force: bool, timeout: float) -> TaskError:
    if force:
        return TaskError(
            f"任务 {task.name}（pid {task.pid}）已被强制结束，但 {timeout:g} 秒后名称仍未释放；请用 get_tasks 确认"
        )
    return TaskError(
        f"任务 {task.name}（pid {task.pid}）在 {timeout:g} 秒内没有停下：{task.doing()}。"
        f"停止请求已送达，当前工作结束后它会退出；需要立即结束请用 stop_task -n {task.name} -s SIGKILL"
    )
