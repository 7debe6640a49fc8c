"""Who runs under which name. A lock that the living process holds is the truth; records only describe.

`.guard.lock` is held for moments by whoever claims or looks, so that nobody sees a name taken and its record not yet
written. It is waited for for a moment only: the command that has it may hang, and none of what is done needs it.
"""

import os
from contextlib import contextmanager
from functools import partial
from typing import Callable, Iterator, List, Optional, TypeVar

from jqtrade.busy_files import when_free
from jqtrade.clock import Clock, SystemClock
from jqtrade.errors import TaskError, TaskExists
from jqtrade.private_files import make_private_dir
from jqtrade.tasks.claim import Claim
from jqtrade.tasks.files import HALT, LOCK, RECORD, TaskFiles, keys_with
from jqtrade.tasks.platform import ProcessLock, ask_to_stop, has_open, kill, outlives_its_lock
from jqtrade.tasks.record import RecordFile, TaskInfo, read_record
from jqtrade.tasks.run_request import RunRequest, make_request, read_request, take_request
from jqtrade.tasks.spec import TaskSpec, check_name, file_key, mask_env

T = TypeVar("T")

_GUARD = ".guard.lock"
_GUARD_TIMEOUT = 0.5
_GUARD_INTERVAL = 0.005
_LOCK_TRIES = 20
_LOCK_INTERVAL = 0.005
_RECORD_TRIES = 20
_RECORD_INTERVAL = 0.002


class TaskRegistry:
    """The tasks of one home directory."""

    def __init__(
        self, home: str, clock: Optional[Clock] = None, say: Callable[[str], None] = lambda sentence: None
    ) -> None:
        """`say` is called with a sentence for the user when an answer may be less exact than usual."""
        self.home = home
        self._dir = os.path.join(home, "tasks")
        self._clock = SystemClock() if clock is None else clock
        self._say = say
        self._guard_hangs = False

    def claim(self, spec: TaskSpec) -> Claim:
        """Take the name of `spec` for this process, until it ends or releases it.

        Raises TaskExists naming the process that has it, TaskError if the files cannot be used, InvalidParam for a name
        that is none.
        """
        check_name(spec.name)
        make_private_dir(self._dir)
        files = self._files(spec.name)
        lock = ProcessLock(files.lock)
        info = TaskInfo(
            name=spec.name,
            pid=os.getpid(),
            token=spec.token,
            started=self._clock.now().isoformat(" ", "seconds"),
            code=spec.code,
            log=spec.log,
            env=mask_env(spec.env),
            debug=spec.debug,
            paper=spec.paper,
            state="starting",
            heeds_halt=True,
            stops_by_name=True,
        )
        with self._guard():
            try:
                if not self._acquire(lock):
                    raise _exists(spec.name, self._read(spec.name))
                before = read_record(files.record)
                if before is not None and outlives_its_lock(before.pid, files.record):
                    raise _exists(spec.name, before)
                files.remove_old_stops()
                record = self._when_free(lambda: RecordFile(files.record, info))
            except OSError as error:
                lock.release()
                raise TaskError(f"任务 {spec.name} 没有启动：无法写入 {self._dir}：{error}") from error
            except TaskError:
                lock.release()
                raise
        files.make_spares()
        return Claim(files, lock, record)

    def _acquire(self, lock: ProcessLock) -> bool:
        """Take `lock`, of a name. It may be held for moments by somebody who only looks."""
        for _ in range(_LOCK_TRIES):
            if self._when_free(lock.try_acquire):
                return True
            self._clock.sleep(_LOCK_INTERVAL)
        return lock.try_acquire()

    def list_tasks(self) -> List[TaskInfo]:
        """Return the living tasks in order of name."""
        keys = keys_with(self._dir, [LOCK, RECORD])
        if not keys:
            return []
        with self._guard():
            return [self._read(key) for key in keys if self._is_held(key)]

    def running(self) -> List[str]:
        """Return the names of the living tasks without waiting for anything; one in doubt too."""
        keys = [key for key in keys_with(self._dir, [LOCK, RECORD]) if self._is_held(key, patient=False)]
        records = [(key, self.peek(key)) for key in keys]
        return [key if record is None or file_key(record.name) != key else record.name for key, record in records]

    def find(self, name: Optional[str] = None, pid: Optional[int] = None) -> TaskInfo:
        """Return the living task called `name`, or the one whose process is `pid`.

        Raises TaskError if there is none, InvalidParam if `name` cannot be a name.
        """
        tasks = self.list_tasks()
        if name is None:
            found = [task for task in tasks if task.pid == pid]
            problem = f"进程 {pid} 不是 jqtrade 的实盘任务"
        else:
            key = file_key(name)
            found = [task for task in tasks if file_key(task.name) == key]
            problem = f"没有名为 {name} 的实盘任务在运行"
        if found:
            return found[0]
        raise TaskError(f"{problem}，没有做任何操作。正在运行的任务：{_names(tasks)}")

    def check_free(self, name: str) -> None:
        """Raise TaskExists if `name` belongs to a living process. Only a claim makes sure."""
        if self._files(name).known() and os.path.isdir(self._dir):
            with self._guard():
                if self._is_held(name):
                    raise _exists(name, self._read(name))

    def peek(self, name: str, patient: bool = False) -> Optional[TaskInfo]:
        """Return the last record of `name`, of a living process or not, without any lock."""
        record = read_record(self._files(name).record, patient)
        return None if record is None else record._replace(halted=self.is_halted(name))

    def is_alive(self, task: TaskInfo) -> bool:
        """Say whether the process that `task` describes, and not another one of that name, still holds the name."""
        return self._is_held(task.name) and self._read(task.name).token in ("", task.token)  # "": it cannot be read

    def request_stop(self, task: TaskInfo) -> None:
        """Ask the process of `task` to stop after its current job, without waiting; nothing if it has ended.

        Raises TaskError if it cannot be asked.
        """
        if not self.is_alive(task):
            return
        files = self._files(task.name)
        if not task.token:
            raise TaskError(
                f"任务 {task.name} 没有停止：它的登记文件读不出来，无法请求停止。请用系统的命令结束它的进程"
            )
        try:
            if task.stops_by_name:
                self._when_free(lambda: files.request_stop(task.token))
            else:
                files.request_stop_of_old_version(task.token)
        except (OSError, TaskError) as error:
            if not (self._is_process_of(task) and ask_to_stop(task.pid)):
                raise TaskError(f"任务 {task.name} 没有停止：无法写入停止请求：{error}") from error

    def request_run(self, task: TaskInfo, request: RunRequest) -> None:
        """Ask the process of `task` to call a job. Raises TaskError if another one is asked for, or it cannot be asked."""
        path = self._files(task.name).run_request(task.token)
        try:
            self._when_free(lambda: make_request(path, request))
        except FileExistsError:
            raise TaskError(
                f"任务 {task.name} 还没有轮到上一个 run_now，没有运行 {request.function}。"
                f"如果没有别的 run_now 在等，请删除 {path} 再试"
            )
        except (OSError, TaskError) as error:
            raise TaskError(f"没有运行 {request.function}：无法写入请求：{error}") from error

    def withdraw_run(self, task: TaskInfo, request: RunRequest) -> bool:
        """Take back what `request_run` asked for; say whether it is certain that the job is not called for it."""
        path = self._files(task.name).run_request(task.token)
        found = read_request(path)
        return found is not None and found.token == request.token and take_request(path)

    def kill(self, task: TaskInfo) -> None:
        """End the process of `task` at once; nothing if it has ended.

        Raises TaskError if that is not allowed, or if only processes that it forked are left holding its name.
        """
        if not self.is_alive(task):
            return
        if not self._is_process_of(task):
            raise TaskError(
                f"没有结束进程 {task.pid}：它已不是任务 {task.name} 的进程，或无权查看。如果任务已经退出，"
                "占用名称的是它派生的子进程，请先结束那些子进程"
            )
        try:
            kill(task.pid)
        except ProcessLookupError:
            pass
        except OSError as error:
            raise TaskError(f"任务 {task.name}（pid {task.pid}）没有停止：{error}") from error

    def _is_process_of(self, task: TaskInfo) -> bool:
        files = self._files(task.name)
        return task.pid > 0 and (has_open(task.pid, files.lock) or has_open(task.pid, files.record))

    def is_halted(self, name: str) -> bool:
        """Say whether new orders of task `name`, running or not, are refused."""
        return self._files(name).halt.exists()

    def halted(self) -> List[str]:
        """Return the names of the halted tasks, running or not."""
        records = [(key, self.peek(key)) for key in keys_with(self._dir, [HALT])]
        return [key if record is None else record.name for key, record in records]

    def cancel_request(self, name: str) -> str:
        """Return the token of the last request to cancel the open orders of halted task `name`, or ""."""
        return self._files(name).halt.cancel_request()

    def halt(self, name: str, cancel_open: bool = False) -> str:
        """Have every new order of task `name` refused until `resume`, whether it runs or not, without waiting for a lock.

        With `cancel_open` its process is also asked to cancel what it has open; the token of that request is returned,
        else "".

        Raises TaskError if there never was such a task or it cannot be halted, InvalidParam for a name that is none.
        """
        self._check_known(name)
        try:
            return self._files(name).halt.make(cancel_open)
        except OSError as error:
            raise TaskError(f"任务 {name} 没有暂停：无法写入暂停文件：{error}") from error
        except TaskError as error:
            what = "" if "已暂停" in str(error) or not self.is_halted(name) else "。新的委托已经一律不发出"
            raise TaskError(f"任务 {name}：{error}{what}") from error

    def resume(self, name: str) -> bool:
        """Let task `name` send orders again. Returns whether it was halted.

        Raises TaskError if there never was such a task or it stays halted, InvalidParam for a name that is none.
        """
        self._check_known(name)
        try:
            return self._when_free(self._files(name).halt.remove)
        except OSError as error:
            raise TaskError(f"任务 {name} 没有恢复下单：无法删除暂停文件：{error}") from error

    def _when_free(self, action: Callable[[], T]) -> T:
        return when_free(action, self._clock)

    def _check_known(self, name: str) -> None:
        if not self._files(name).known():
            running = _names(self.list_tasks())
            raise TaskError(f"从来没有名为 {name} 的实盘任务，没有做任何操作。正在运行的任务：{running}")

    def _files(self, name: str) -> TaskFiles:
        return TaskFiles(self._dir, name)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        guard = ProcessLock(os.path.join(self._dir, _GUARD))
        problem = self._wait_for(guard)
        if problem and not self._guard_hangs:
            self._guard_hangs = True
            self._say(f"{problem}。不再等它：刚刚启动或结束的任务，下面可能说得不准")
        try:
            yield
        finally:
            guard.release()

    def _wait_for(self, guard: ProcessLock) -> str:
        """Take `guard`. Returns what is wrong if that cannot be done in a moment."""
        began = self._clock.monotonic()
        take = guard.try_acquire if self._guard_hangs else partial(self._when_free, guard.try_acquire)
        try:
            while not take():
                if self._guard_hangs or self._clock.monotonic() - began >= _GUARD_TIMEOUT:
                    return f"{self._dir} 被另一个 jqtrade 进程占用，它可能挂起了"
                self._clock.sleep(_GUARD_INTERVAL)
        except (OSError, TaskError) as error:
            return f"无法使用 {os.path.join(self._dir, _GUARD)}：{error}"
        return ""

    def _is_held(self, name: str, patient: bool = True) -> bool:
        """Say whether a living process has `name`, also if that cannot be found out."""
        files = self._files(name)
        lock = ProcessLock(files.lock)
        try:
            if self._when_free(lock.is_held) if patient else lock.is_held():
                return True
        except OSError:
            return True
        except TaskError:  # no lock of ours can be there
            pass
        record = read_record(files.record)
        return record is not None and outlives_its_lock(record.pid, files.record)

    def _read(self, name: str) -> TaskInfo:
        for _ in range(_RECORD_TRIES):
            record = self.peek(name, patient=True)
            if record is not None:
                return record
            self._clock.sleep(_RECORD_INTERVAL)
        return TaskInfo(name, halted=self.is_halted(name))


def _names(tasks: List[TaskInfo]) -> str:
    return "、".join(f"{task.name}（pid {task.pid}）" for task in tasks) or "无"


def _exists(name: str, holder: TaskInfo) -> TaskExists:
    same = "" if holder.name == name else f"（名称不区分大小写，与 {name} 相同）"
    return TaskExists(
        f"任务 {holder.name}{same} 已在运行，pid {holder.pid}，没有再启动一个；请换一个名称，或先用 stop_task 停止它"
    )
