"""Who runs under which name. A lock that the living process holds is the truth; records only describe.

Below HOME/tasks, for a task named demo: `demo.lock` is held by the task's process, `demo.json` is its record,
`demo.stop` asks it to stop, `demo.halt` halts it, whether it runs or not. `.guard.lock` is held for moments by whoever
claims, looks or asks, so that a look at a lock is never taken for a task.
"""

import os
from contextlib import contextmanager
from typing import Any, Callable, Iterator, List, Optional, TypeVar

from jqtrade.clock import Clock, SystemClock
from jqtrade.errors import TaskError, TaskExists
from jqtrade.private_files import make_private_dir, open_private
from jqtrade.tasks.halt_file import HaltFile
from jqtrade.tasks.platform import FileLock, call_in_forked_children, has_open, kill
from jqtrade.tasks.record import RecordFile, TaskInfo, read_record
from jqtrade.tasks.spec import TaskSpec, check_name, file_key, is_file_key, mask_env

T = TypeVar("T")

_LOCK, _RECORD, _STOP, _HALT = ".lock", ".json", ".stop", ".halt"
_GUARD = ".guard.lock"
_GUARD_TIMEOUT = 30.0
_GUARD_INTERVAL = 0.005
_RECORD_TRIES = 20
_RECORD_INTERVAL = 0.002
_CHANGE_TRIES = 40
_CHANGE_INTERVAL = 0.005


class Claim:
    """The strategy process's hold on its name; made by `TaskRegistry.claim`."""

    def __init__(self, lock: FileLock, record: RecordFile, stop_path: str, halt_file: HaltFile) -> None:
        self._lock = lock
        self._record = record
        self._stop_path = stop_path
        self._halt_file = halt_file
        self._token = record.info.token.encode("ascii")
        self._pid = os.getpid()
        call_in_forked_children(self, Claim._forget)

    @property
    def info(self) -> TaskInfo:
        """What the record says now."""
        return self._record.info

    def update(self, **fields: Any) -> None:
        """Write `fields` of TaskInfo into the record; some 20 µs, never raises OSError."""
        self._record.update(**fields)

    def stop_requested(self) -> bool:
        """Say whether somebody asked this very process to stop; some 2 µs."""
        if not os.access(self._stop_path, os.F_OK):  # raises nothing, nearly always
            return False
        try:
            with open(self._stop_path, "rb") as file:
                return file.read() == self._token
        except OSError:
            return False

    def is_halted(self) -> bool:
        """Say whether new orders are to be refused, also if that cannot be found out; some 2 µs."""
        return self._halt_file.exists()

    def cancel_request(self) -> str:
        """Return the token of the request to cancel open orders that stands with the halt; "" if there is none."""
        return self._halt_file.cancel_request()

    def release(self) -> None:
        """Free the name. Nothing may be done in the task's name afterwards: who waits for its end takes this for it."""
        if os.getpid() == self._pid:
            _remove(self._stop_path)
        self._record.close()
        self._lock.release()

    def _forget(self) -> None:
        self._record.close()
        self._lock.forget()


class TaskRegistry:
    """The tasks of one home directory."""

    def __init__(self, home: str, clock: Optional[Clock] = None) -> None:
        self.home = home
        self._dir = os.path.join(home, "tasks")
        self._clock = SystemClock() if clock is None else clock

    def claim(self, spec: TaskSpec) -> Claim:
        """Take the name of `spec` for this process, until it ends or releases it.

        Raises TaskExists naming the process that has it, TaskError if the files cannot be used, InvalidParam for a name
        that is none.
        """
        check_name(spec.name)
        make_private_dir(self._dir)
        lock = FileLock(self._path(spec.name, _LOCK))
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
        )
        with self._guard():
            try:
                if not lock.try_acquire():
                    raise _exists(spec.name, self._read(spec.name))
                _remove(self._path(spec.name, _STOP))
                record = RecordFile(self._path(spec.name, _RECORD), info)
            except OSError as error:
                lock.release()
                raise TaskError(f"任务 {spec.name} 没有启动：无法写入 {self._dir}：{error}") from error
            except TaskError:
                lock.release()
                raise
        return Claim(lock, record, self._path(spec.name, _STOP), self._halt_file(spec.name))

    def list_tasks(self) -> List[TaskInfo]:
        """Return the living tasks in order of name."""
        keys = self._keys()
        if not keys:
            return []
        with self._guard():
            return [self._read(key) for key in keys if self._is_held(key)]

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
        key = file_key(name)
        if key in self._keys():
            with self._guard():
                if self._is_held(key):
                    raise _exists(name, self._read(key))

    def peek(self, name: str) -> Optional[TaskInfo]:
        """Return the last record of `name`, of a living process or not, without any lock."""
        record = read_record(self._path(name, _RECORD))
        return None if record is None else record._replace(halted=self.is_halted(name))

    def is_alive(self, task: TaskInfo) -> bool:
        """Say whether the process that `task` describes, and not another one of that name, still holds the name."""
        with self._guard():
            return self._is_alive(task)

    def request_stop(self, task: TaskInfo) -> None:
        """Ask the process of `task` to stop after its current job; nothing if it has ended.

        Raises TaskError if it cannot be asked.
        """
        with self._guard():
            if not self._is_alive(task):
                return
            try:
                fd = open_private(self._path(task.name, _STOP), os.O_WRONLY | os.O_TRUNC)
                try:
                    os.write(fd, task.token.encode("ascii"))
                finally:
                    os.close(fd)
            except OSError as error:
                raise TaskError(f"任务 {task.name} 没有停止：无法写入停止请求：{error}") from error

    def kill(self, task: TaskInfo) -> None:
        """End the process of `task` at once; nothing if it has ended.

        Raises TaskError if that is not allowed, or if only processes that it forked are left holding its name.
        """
        with self._guard():
            if not self._is_alive(task):
                return
            if task.pid < 1 or not has_open(task.pid, self._path(task.name, _LOCK)):
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

    def is_halted(self, name: str) -> bool:
        """Say whether new orders of task `name`, running or not, are refused."""
        return self._halt_file(name).exists()

    def halted(self) -> List[str]:
        """Return the names of the halted tasks, running or not."""
        records = [(key, self.peek(key)) for key in self._keys(_HALT)]
        return [key if record is None else record.name for key, record in records]

    def cancel_request(self, name: str) -> str:
        """Return the token of the last request to cancel the open orders of halted task `name`, or ""."""
        return self._halt_file(name).cancel_request()

    def halt(self, name: str, cancel_open: bool = False) -> str:
        """Have every new order of task `name` refused until `resume`, whether it runs or not, without waiting for a lock.

        With `cancel_open` its process is also asked to cancel what it has open; the token of that request is returned,
        else "".

        Raises TaskError if there never was such a task or it cannot be halted, InvalidParam for a name that is none.
        """
        self._check_known(name)
        try:
            return self._when_readers_let(lambda: self._halt_file(name).make(cancel_open))
        except OSError as error:
            raise TaskError(f"任务 {name} 没有暂停：无法写入暂停文件：{error}") from error
        except TaskError as error:
            raise TaskError(f"任务 {name}：{error}") from error

    def resume(self, name: str) -> bool:
        """Let task `name` send orders again. Returns whether it was halted.

        Raises TaskError if there never was such a task or it stays halted, InvalidParam for a name that is none.
        """
        self._check_known(name)
        try:
            return self._when_readers_let(self._halt_file(name).remove)
        except OSError as error:
            raise TaskError(f"任务 {name} 没有恢复下单：无法删除暂停文件：{error}") from error

    def _when_readers_let(self, change: Callable[[], T]) -> T:
        """Call `change` of the halt file. On Windows it fails while the task looks at the file, which takes moments."""
        for _ in range(_CHANGE_TRIES):
            try:
                return change()
            except PermissionError:
                self._clock.sleep(_CHANGE_INTERVAL)
        return change()

    def _check_known(self, name: str) -> None:
        key = file_key(name)
        if key not in self._keys() and key not in self._keys(_HALT):
            running = _names(self.list_tasks())
            raise TaskError(f"从来没有名为 {name} 的实盘任务，没有做任何操作。正在运行的任务：{running}")

    def _halt_file(self, name: str) -> HaltFile:
        return HaltFile(self._path(name, _HALT))

    def _path(self, name: str, suffix: str) -> str:
        return os.path.join(self._dir, file_key(name) + suffix)

    def _keys(self, suffix: str = _LOCK) -> List[str]:
        try:
            files = os.listdir(self._dir)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise TaskError(f"无法读取 {self._dir}：{error}") from error
        keys = [file[: -len(suffix)] for file in files if file.endswith(suffix)]
        return sorted(key for key in keys if is_file_key(key))

    @contextmanager
    def _guard(self) -> Iterator[None]:
        guard = FileLock(os.path.join(self._dir, _GUARD))
        deadline = self._clock.monotonic() + _GUARD_TIMEOUT
        try:
            while not guard.try_acquire():
                if self._clock.monotonic() > deadline:
                    raise TaskError(f"{self._dir} 被另一个 jqtrade 进程占用超过 {_GUARD_TIMEOUT:.0f} 秒，请稍后重试")
                self._clock.sleep(_GUARD_INTERVAL)
        except OSError as error:
            raise TaskError(f"无法使用 {self._dir}：{error}") from error
        try:
            yield
        finally:
            guard.release()

    def _is_held(self, name: str) -> bool:
        """Must be called under the guard."""
        probe = FileLock(self._path(name, _LOCK))
        try:
            if not probe.try_acquire():
                return True
        except OSError as error:
            raise TaskError(f"无法使用 {self._dir}：{error}") from error
        probe.release()
        return False

    def _is_alive(self, task: TaskInfo) -> bool:
        return self._is_held(task.name) and self._read(task.name).token == task.token

    def _read(self, name: str) -> TaskInfo:
        for _ in range(_RECORD_TRIES):
            record = self.peek(name)
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


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:  # missing; or a reader has it open on Windows: it carries another token then
        pass
