"""A strategy process's hold on its name: what others ask of it, and what becomes of it when its files vanish."""

import os
from typing import Any, List, Optional

from jqtrade.errors import TaskError
from jqtrade.tasks.files import TaskFiles, remove_if_possible
from jqtrade.tasks.platform import ProcessLock, call_in_forked_children
from jqtrade.tasks.record import RecordFile, TaskInfo, read_record
from jqtrade.tasks.run_request import RunRequest, read_request, take_request


class Claim:
    """Made by `TaskRegistry.claim`."""

    def __init__(self, files: TaskFiles, lock: ProcessLock, record: RecordFile) -> None:
        self._files = files
        self._lock = lock
        self._record = record
        self._stop_path = files.stop(record.info.token)
        self.run_request_path = files.run_request(record.info.token)
        self._halt_file = files.halt
        self._pid = os.getpid()
        self._seen_halted = False
        self._trouble = ""
        self._notices: List[str] = []
        call_in_forked_children(self, Claim._forget)

    @property
    def info(self) -> TaskInfo:
        """What the record says now."""
        return self._record.info

    def update(self, **fields: Any) -> None:
        """Write `fields` of TaskInfo into the record; some 20 µs, never raises OSError."""
        self._record.update(**fields)

    def stop_requested(self) -> bool:
        """Say whether somebody asked this very process to stop; some 4 µs, and no descriptor."""
        return os.path.lexists(self._stop_path) or self._files.old_version_requested_stop(self.info.token)

    def is_halted(self) -> bool:
        """Say whether new orders are to be refused, also if that cannot be found out; some 4 µs."""
        if self._halt_file.exists():
            self._seen_halted = True
            return True
        if self._lock.is_in_place():
            self._seen_halted = False
            return False
        # A halt file that is not there tells nothing when the whole directory is gone, moved or unmounted.
        return bool(self.restore()) or self._halt_file.exists()

    def why_halted(self) -> str:
        """Return why new orders are refused and what to do about it, for the user; "" if they are not refused."""
        if not self.is_halted():
            return ""
        if self._trouble and not self._halt_file.exists():
            return f"没有人用 halt_task 暂停它，原因是{self._trouble}"
        return f"恢复用 jqtrade resume_task -n {self.info.name}"

    def cancel_request(self) -> str:
        """Return the token of the request to cancel open orders that stands with the halt; "" if there is none."""
        return self._halt_file.cancel_request()

    def run_request(self) -> Optional[RunRequest]:
        """Return the request to call a job now; None if there is none. Some 2 µs then."""
        return read_request(self.run_request_path)

    def take_run_request(self) -> bool:
        """Make the request ours alone; say whether it was still there."""
        return os.getpid() == self._pid and take_request(self.run_request_path)

    def restore(self) -> str:
        """Put files of this task that somebody removed back in their place. Returns what is wrong if that is not possible.

        A directory that is gone stays so: it may be a disk that will be back, or one that somebody has moved.
        """
        if self._lock.is_in_place():
            trouble = ""
            if self._trouble:
                self._notices.append(f"任务的登记文件又在原处了：{self._files.directory}")
            self._restore_record()
        else:
            trouble = self._restore()
            if trouble and trouble != self._trouble:
                text = "在此期间新的委托一律不发出，stop_task 和 halt_task 可能找不到这个任务"
                self._notices.append(f"{trouble}。{text}（pid {self._pid}）")
        self._trouble = trouble
        return trouble

    def notices(self) -> List[str]:
        """Return what is to be told of `restore`, once."""
        told, self._notices = self._notices, []
        return told

    def _restore(self) -> str:
        files = self._files
        if os.getpid() != self._pid:
            return "任务的登记文件不在了"
        lock = ProcessLock(files.lock)
        is_restored = False
        try:
            if not os.path.isdir(files.directory):
                return f"任务目录 {files.directory} 不在了，请把它放回原处，或重新建立同名的空目录"
            found = read_record(files.record)
            if not lock.try_acquire():
                if found is None or found.token != self.info.token:
                    who = "" if found is None else f"（pid {found.pid}）"
                    return f"任务名称已被另一个进程占用{who}，请停止其中一个：那一个，或本进程（pid {self._pid}）"
                return (
                    "任务的锁文件被替换了，另一个进程占着它" if self._seen_halted else ""
                )  # somebody looks whether the name is free
            if self._seen_halted:
                files.halt.make(cancel_open=False)
            self._record.reopen()
            is_restored = True
        except (OSError, TaskError) as error:
            return f"任务的登记文件不在了，也无法恢复：{error}"
        finally:
            if not is_restored:  # else the next look would take our own lock for somebody else's, and so for ever
                lock.release()
        old, self._lock = self._lock, lock
        old.forget()
        files.make_spares()
        self._notices.append(
            f"任务的锁文件 {files.lock} 被删除或替换了，已重新建立。任务运行时请不要动这个目录里的文件"
        )
        return ""

    def _restore_record(self) -> None:
        if os.getpid() != self._pid or self._record.is_in_place():
            return
        try:
            self._record.reopen()
        except (OSError, TaskError):  # the next look or update tries again; the lock tells that the task runs
            pass

    def release(self) -> None:
        """Free the name. Nothing may be done in the task's name afterwards: who waits for its end takes this for it."""
        if os.getpid() == self._pid:
            remove_if_possible(self._stop_path)
        self._record.close()
        self._lock.release()

    def _forget(self) -> None:
        self._record.close()
        self._lock.forget()
