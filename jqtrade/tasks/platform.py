"""The file that knows Windows from POSIX: locks, detached processes, killing."""

import os
import sys
from typing import TYPE_CHECKING, Callable, Mapping, Optional, Sequence, TypeVar

from jqtrade.busy_files import when_free
from jqtrade.descriptor_lock import try_lock, unlock
from jqtrade.private_files import PRIVATE_FILE, check_our_file, open_private

if TYPE_CHECKING:
    import subprocess

T = TypeVar("T")


class ProcessLock:
    """An exclusive lock on a file, held until `release` or as long as this process lives; the file is never deleted.

    The system calls are those of filelock, which locks the order files, where a lock is held for moments. For a name its
    class does not do before version 4 (Python 3.10): a child that the strategy forks frees the lock of its living parent
    when it exits, so that a second task could take the name, and keeps the lock of a dead one.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self._status: Optional[os.stat_result] = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free; say whether that worked. Raises OSError and TaskError as open_private."""
        fd = open_private(self._path, os.O_RDWR)
        taken = False
        try:
            taken = try_lock(fd)
        finally:
            if not taken:
                os.close(fd)
        if taken:
            self._fd = fd
            self._status = os.fstat(fd)
        return taken

    def is_held(self) -> bool:
        """Say whether somebody holds the lock. Such a look is seen by `try_acquire` alone, as a lock held for moments.

        Raises OSError, TaskError if what is at the path is no file of ours.
        """
        check_our_file(self._path)
        try:
            fd = os.open(self._path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError:
            return False
        try:
            return not _probe(fd)
        finally:
            os.close(fd)

    def is_in_place(self) -> bool:
        """Say whether the file that is held, or was, is still the one at its path; some 3 µs.

        On Windows a file that is open cannot be removed or replaced, but may vanish with its disk: the directory is asked.
        (Wine keeps a descriptor for each look at a locked file until the lock is let go: 20,000 looks, and nothing opens.)
        """
        try:
            found = os.lstat(os.path.dirname(self._path) if sys.platform == "win32" else self._path)
            # Asked anew: some file systems number their files otherwise after a remount, the open ones too.
            held = self._status if self._fd == -1 else os.fstat(self._fd)
        except OSError:
            return False
        return held is not None and (sys.platform == "win32" or os.path.samestat(found, held))

    def release(self) -> None:
        """Let go of the lock. On POSIX closing is enough: to unlock would take it from the parent too, if a child did it."""
        if self._fd != -1:
            if sys.platform == "win32":
                unlock(self._fd)
            self.forget()

    def forget(self) -> None:
        """Close the file and nothing more: in a forked child this leaves the lock to the parent."""
        fd, self._fd = self._fd, -1
        if fd != -1:
            try:
                os.close(fd)
            except OSError:  # the strategy has closed what is not its own
                pass


def spawn_detached(
    command: Sequence[str], stdin: bytes, log: str, env: Mapping[str, str], cwd: Optional[str] = None
) -> "subprocess.Popen[bytes]":
    """Start `command` so that it outlives this process and its terminal; it reads `stdin` and appends to `log`.

    Raises OSError.
    """
    fd = open_log(log)
    try:
        process = _popen_detached(command, fd, env, cwd)
    finally:
        os.close(fd)
    assert process.stdin is not None
    try:
        with process.stdin as pipe:
            pipe.write(stdin)
    except OSError:  # it died before it had read all; whoever waits for it sees that
        pass
    return process


if sys.platform == "win32":
    import msvcrt

    def _probe(fd: int) -> bool:
        """Say whether the lock is free. There are no shared locks here, so that another look may be in the way."""
        import time

        for _ in range(3):
            if try_lock(fd):
                unlock(fd)
                return True
            time.sleep(0.002)
        return False

    def call_in_forked_children(owner: T, function: Callable[[T], None]) -> None:
        """Nothing to do: Windows does not fork."""

    def open_log(path: str) -> int:
        """Open `path` so that every write goes to its end, also a child's, and that others may rename it meanwhile.

        The C library's append mode is not handed on to a child, the kernel's is.
        """
        import _winapi

        append_only = 0x00120114 | 0x80  # FILE_GENERIC_WRITE without FILE_WRITE_DATA, and FILE_READ_ATTRIBUTES
        share_all = 0x1 | 0x2 | 0x4  # read, write, delete and rename
        open_always, normal = 4, 0x80
        handle = when_free(lambda: _winapi.CreateFile(path, append_only, share_all, 0, open_always, normal, 0))
        return msvcrt.open_osfhandle(handle, os.O_APPEND)

    def has_open(pid: int, path: str) -> bool:
        """Say whether the living holder of lock file `path` can be process `pid`: it must be, nobody inherits it."""
        return True

    def outlives_its_lock(pid: int, record: str) -> bool:
        """Say whether task process `pid` lives although its lock is free: on Windows nobody can remove the file."""
        return False

    def ask_to_stop(pid: int) -> bool:
        """Ask process `pid` to stop without any file. Returns whether that can be done: there is no such signal."""
        return False

    def kill(pid: int) -> None:
        """End process `pid` at once. Raises OSError."""
        import signal

        os.kill(pid, signal.SIGTERM)  # Python calls TerminateProcess

    def _popen_detached(
        command: Sequence[str], output: int, env: Mapping[str, str], cwd: Optional[str]
    ) -> "subprocess.Popen[bytes]":
        # A console without a window, rather than none: python.exe of a virtual environment starts another python.exe,
        # and a console program that finds no console opens a window, which a user would close.
        import subprocess

        flags = 0x08000000 | subprocess.CREATE_NEW_PROCESS_GROUP  # CREATE_NO_WINDOW
        breakaway = 0x01000000  # CREATE_BREAKAWAY_FROM_JOB
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=env,
                cwd=cwd,
                creationflags=flags | breakaway,
            )
        except PermissionError:  # the job lets no process leave
            return subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=env, cwd=cwd, creationflags=flags
            )

else:
    import errno
    import fcntl
    import stat

    def _probe(fd: int) -> bool:
        """Say whether the lock is free. Shared, so that two who look see no task in each other."""
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def call_in_forked_children(owner: T, function: Callable[[T], None]) -> None:
        """Call `function(owner)` in every process forked from this one while `owner` exists.

        Python 3.6 knows of forks by multiprocessing only.
        """
        if hasattr(os, "register_at_fork"):
            from weakref import ref

            living = ref(owner)

            def in_child() -> None:
                found = living()
                if found is not None:
                    function(found)

            os.register_at_fork(after_in_child=in_child)
        else:
            from multiprocessing.util import register_after_fork

            register_after_fork(owner, function)

    def open_log(path: str) -> int:
        """Open `path` so that every write goes to its end. Raises OSError also for a pipe or a terminal.

        Who reads these may pause, and the strategy would stand still with them.
        """
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, PRIVATE_FILE)
        if stat.S_ISFIFO(os.fstat(fd).st_mode) or os.isatty(fd):
            os.close(fd)
            raise OSError(errno.EINVAL, "管道或终端不能用作后台任务的日志，请写成文件", path)
        os.set_blocking(fd, True)
        return fd

    def has_open(pid: int, path: str) -> bool:
        """Say whether process `pid` has `path` open: what holds its lock may be a fork of a dead task."""
        import psutil

        try:
            opened = [file.path for file in psutil.Process(pid).open_files()]
        except psutil.Error:
            return False
        return any(
            os.path.basename(path) == os.path.basename(other) and os.path.samefile(path, other) for other in opened
        )

    def outlives_its_lock(pid: int, record: str) -> bool:
        """Say whether task process `pid` lives although its lock is free, since somebody removed the file.

        It keeps `record` open as long as it lives; another process that has its pid by now does not.
        """
        try:
            if pid < 1:
                return False
            os.kill(pid, 0)
        except (OSError, OverflowError):
            return False
        return os.path.exists(record) and has_open(pid, record)

    def ask_to_stop(pid: int) -> bool:
        """Ask process `pid` to stop without any file. Returns whether that could be done."""
        import signal

        try:
            os.kill(pid, signal.SIGTERM)
        except OSError:
            return False
        return True

    def kill(pid: int) -> None:
        """End process `pid` at once. Raises OSError."""
        import signal

        os.kill(pid, signal.SIGKILL)

    def _popen_detached(
        command: Sequence[str], output: int, env: Mapping[str, str], cwd: Optional[str]
    ) -> "subprocess.Popen[bytes]":
        import subprocess

        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=env, cwd=cwd, start_new_session=True
        )
