"""Files that two programs share: append whole lines under a lock, follow a file that grows, read a whole snapshot.

Everything works on bytes and whole lines, so that a cut anywhere, also inside a character, does no harm.
"""

import csv
import errno
import io
import os
import sys
from operator import itemgetter
from stat import S_ISLNK, S_ISREG
from typing import Callable, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.account.gate_errors import is_of_signal_handler
from jqtrade.clock import Clock
from jqtrade.errors import FileMissing, OrderNotSent, TradeGateError
from jqtrade.gates.append_lock import AppendLock
from jqtrade.streams import fill_standard_descriptors

BOM = b"\xef\xbb\xbf"
LINE_END = b"\r\n"
_QUOTE, _SPACE, _TAB = b'" \t'
CHUNK_BYTES = 2**19
"""Bytes that a follower reads at a time."""
LONGEST_LINE = 2**20
"""Bytes; what is longer is no line of a broker's file, and is passed over instead of being kept in memory."""
TAIL = 256
"""Bytes by which a follower knows its file again; more than one line's worth."""


class LockWait(NamedTuple):
    """How long to wait for another program, and how often to look; seconds."""

    timeout: float
    interval: float


class Appended(NamedTuple):
    """What was appended to a file, and the file's state right after it."""

    data: bytes
    stat: os.stat_result


class Unverified(OSError):
    """Everything was written, and now it does not stand as it should in the file of that name: who has read what?"""


def _anything() -> None:
    """No objection."""


class Appender:
    """Appends whole lines to a file to which other programs append too.

    Writers exclude one another by a lock file beside the file; those that do not heed it are found out, since what was
    written is read back. A last line without its end, left by a power cut, is closed first. Bytes that stand are never
    changed, and a file that does not begin with our header is not touched.
    """

    def __init__(self, path: str, header: bytes, wait: LockWait, clock: Clock) -> None:
        self.path = path
        self._header = header
        self._wait = wait
        self._clock = clock
        self._lock = AppendLock(path + ".lock")
        self._file: Optional[io.FileIO] = None

    def append(
        self,
        lines: Sequence[bytes],
        check: Callable[[], None] = _anything,
        permit: Callable[[], None] = _anything,
        timeout: Optional[float] = None,
    ) -> Appended:
        """Append `lines` (without line ends), after the header if the file is empty; durable and read back on return.

        While the lock is held, `check` is called before the file is opened, and `permit` last of all, when nothing is
        waited for any more; `timeout` overrides the wait's. Raises OrderNotSent while nothing was written, and what the
        two raise; Unverified if what was written is not found again; OSError when some of it may stand there.
        """
        path, wait = self.path, self._wait if timeout is None else self._wait._replace(timeout=timeout)
        self.release()  # what an exception in the middle of an earlier call has left
        fill_standard_descriptors()  # a strategy may have closed them
        for each in (path, path + ".lock"):  # the file may be another user's: the terminal's side writes here too
            _check_plain(each)
        try:
            self._acquire(wait)
            file = self._open(wait, check)
            size, opening = self._opening(file.fileno())
            rows = b"".join([line + LINE_END for line in lines])
            permit()
            _write_all(file.fileno(), opening + rows)
            os.fsync(file.fileno())
            self._verify(file.fileno(), size, rows)
            return Appended(opening + rows, os.fstat(file.fileno()))
        finally:
            self.release()

    def release(self) -> None:
        """Close the file and let go of the lock, if we have them."""
        try:
            if self._file is not None:
                self._file.close()
                self._file = None
        finally:
            self._lock.release()

    def _acquire(self, wait: LockWait) -> None:
        give_up = self._clock.monotonic() + wait.timeout
        try:
            while not self._lock.try_acquire():
                left = give_up - self._clock.monotonic()
                if left <= 0:
                    raise OrderNotSent(f"等待文件锁超过 {wait.timeout} 秒：{self.path}.lock")
                self._clock.sleep(min(wait.interval, left))
        except OSError as error:
            if not os.path.isdir(os.path.dirname(self.path)):
                raise OrderNotSent(f"文件单目录不存在：{os.path.dirname(self.path)}")
            raise OrderNotSent(f"无法取得文件锁 {self.path}.lock：{error}")

    def _open(self, wait: LockWait, check: Callable[[], None]) -> io.FileIO:
        """Call `check`, which may read the file, then open it.

        Where another program holds it exclusively, as Windows programs may, try again until the time is up.
        """
        give_up = self._clock.monotonic() + wait.timeout
        while True:
            try:
                check()
                self._file = file = io.FileIO(self.path, "a+", opener=_open_to_append)
                return file
            except PermissionError as error:
                left = give_up - self._clock.monotonic()
                if left <= 0:
                    raise OrderNotSent(f"无法打开文件 {self.path}：{error}")
                self._clock.sleep(min(wait.interval, left))
            except OSError as error:
                raise OrderNotSent(f"无法打开文件 {self.path}：{error}")

    def _opening(self, fd: int) -> Tuple[int, bytes]:
        """The file's size, and what must stand before the next line: the header or the rest of it, the end of a torn last
        line, or nothing. Raises OrderNotSent for a file that is not what we append to."""
        opening = self._header + LINE_END
        try:
            size = os.fstat(fd).st_size
            os.lseek(fd, 0, os.SEEK_SET)
            start = os.read(fd, len(BOM + opening) + 1)
            os.lseek(fd, max(size - 1, 0), os.SEEK_SET)
            last = os.read(fd, 1)
        except OSError as error:
            raise OrderNotSent(f"无法读取文件 {self.path}：{error}")
        if size < len(opening) and opening.startswith(start):
            return size, opening[len(start) :]
        first_line, end, _ = (start[len(BOM) :] if start.startswith(BOM) else start).partition(b"\n")
        if not end or first_line.rstrip(b"\r") != self._header:
            raise OrderNotSent(
                f"文件 {self.path} 的第一行不是我们认识的表头，不知道券商的终端会怎样读它，拒绝写入；它的开头是 {start!r}，"
                f"应为 {self._header.decode('ascii')}。请检查是谁写了这个文件"
            )
        return size, b"" if last == b"\n" else LINE_END

    def _verify(self, fd: int, size: int, rows: bytes) -> None:
        """See that `rows` stand whole, below another line, in the file that others read. `size`: its length before."""
        start = max(size - 1, 0)
        os.lseek(fd, start, os.SEEK_SET)
        if b"\n" + rows not in _read_all(fd):
            raise Unverified(errno.EIO, "写入之后读回来的不一样：别的程序没有用文件锁，同时也在写", self.path)
        try:
            is_same = os.path.samestat(os.fstat(fd), os.stat(self.path))
        except FileNotFoundError:
            is_same = False
        if not is_same:
            raise Unverified(errno.EIO, "写入的时候，它被换成了另一个文件", self.path)


if sys.platform == "win32":

    def _open_to_append(path: str, flags: int) -> int:
        """Windows appends in one step only through a handle that may append and not write elsewhere."""
        import _winapi
        import msvcrt

        read_and_append = 0x120089 | 0x4  # FILE_GENERIC_READ, FILE_APPEND_DATA
        share_read_write, open_always, normal = 0x1 | 0x2, 4, 0x80
        handle = _winapi.CreateFile(path, read_and_append, share_read_write, 0, open_always, normal, 0)
        return msvcrt.open_osfhandle(handle, os.O_APPEND)

else:

    def _open_to_append(path: str, flags: int) -> int:
        return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _check_plain(path: str) -> None:
    """Raise OrderNotSent if there is something at `path` that is no plain file; a pipe would never let us go."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return  # nothing is there, or opening it will say what is wrong
    if S_ISLNK(mode):
        raise OrderNotSent(f"{path} 是符号链接，可能指向别处，拒绝写入；请删除它后重试")
    if not S_ISREG(mode):
        raise OrderNotSent(f"{path} 不是普通文件，拒绝写入；请移走它后重试")


def is_of_system(error: OSError) -> bool:
    """Whether a system call failed; else a signal handler of the strategy raised it (a TimeoutError, say), anywhere."""
    return error.errno is not None and not is_of_signal_handler(error)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _read_all(fd: int) -> bytes:
    parts: List[bytes] = []
    while not parts or parts[-1]:
        parts.append(os.read(fd, CHUNK_BYTES))
    return b"".join(parts)


def open_to_read(path: str) -> io.FileIO:
    """Open a file of another program. Raises OSError, also for what is no plain file: a pipe would never let us go."""
    if not S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "不是普通文件", path)
    return io.FileIO(path, "r")


class FileFollower:
    """Reads what a growing file has gained since the last call, whole lines only."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.has_more = False
        """whether the last call stopped before the end of the file"""
        self._offset = 0
        self._tail = b""
        self._identity: Optional[int] = None
        self._changed = 0
        self._is_within_long_line = False

    def read_lines(self) -> Tuple[List[bytes], bool]:
        """Return the whole lines added since the last call, without their ends (LF, CRLF or CR CRLF); none if there is no file.

        Of many lines only the first, about CHUNK_BYTES bytes, so that a whole day's file does not need its size in memory
        many times over. A file that shrank or was replaced is read again from its start; the second value tells whether
        the lines begin there. Raises OSError if the file cannot be read.
        """
        self.has_more = False
        try:
            if self._knows(os.stat(self.path)):
                return [], False
            file = open_to_read(self.path)
        except FileNotFoundError:
            return [], False
        with file:
            stat = os.fstat(file.fileno())
            replaced = stat.st_size < self._offset or stat.st_ino != self._identity
            file.seek(self._offset - len(self._tail))
            if replaced or file.read(len(self._tail)) != self._tail:  # written over, or a new file with the old number
                self._offset, self._tail, self._identity = 0, b"", stat.st_ino
                self._is_within_long_line = False
                file.seek(0)
            data = chunk = file.read(CHUNK_BYTES)
            while chunk and b"\n" not in chunk and len(data) < LONGEST_LINE:
                chunk = file.read(CHUNK_BYTES)
                data += chunk
        self.has_more = self._offset + len(data) < stat.st_size
        from_start = self._offset == 0
        lines = self._take(data, stat)
        if from_start and lines and lines[0].startswith(BOM):
            lines[0] = lines[0][len(BOM) :]
        return lines, from_start and bool(lines)

    def reread(self) -> None:
        """Let the next call read, also if the file's size and time have not changed."""
        self._changed = 0

    def _take(self, data: bytes, stat: os.stat_result) -> List[bytes]:
        """Count the whole lines of `data`, which stands behind all that was read, as read, and return them."""
        end = data.rfind(b"\n") + 1
        within = self._is_within_long_line
        if end == 0 and (within or len(data) >= LONGEST_LINE):
            lines = [] if within else [data]  # its beginning stands for all of it
            end, self._is_within_long_line = len(data), True
        else:
            lines = data[:end].split(b"\n")[:-1]
            if within and lines:
                lines, self._is_within_long_line = lines[1:], False
        self._offset += end
        self._tail = (self._tail + data[max(end - TAIL, 0) : end])[-TAIL:]
        self._changed = stat.st_mtime_ns
        return [line.rstrip(b"\r") for line in lines]

    def skip(self, appended: Appended) -> List[bytes]:
        """Count as read what was appended behind all that was read, and return its lines; nothing if it was not there."""
        data, stat = appended
        if (stat.st_size, stat.st_ino) != (self._offset + len(data), self._identity):
            return []
        return self._take(data, stat)

    def _knows(self, stat: os.stat_result) -> bool:
        """Whether there is nothing new in the file that `stat` tells of."""
        return (stat.st_size, stat.st_ino, stat.st_mtime_ns) == (self._offset, self._identity, self._changed)


def decode(data: bytes, encoding: str) -> str:
    """Decode text that a Chinese Windows program wrote: `encoding`, else UTF-8, else GB 18030; raises UnicodeDecodeError."""
    for attempt in (encoding, "utf-8"):
        try:
            return data.decode(attempt)
        except UnicodeDecodeError:
            pass
    return data.decode("gb18030")


def split_row(line: bytes) -> List[bytes]:
    """Split one CSV line into stripped fields. Raises ValueError if that is impossible.

    No byte of a Chinese character is a comma, a quote or a space in the encodings that `decode` knows.
    """
    if _QUOTE in line:
        try:
            return [field.strip().encode("latin-1") for field in next(csv.reader([line.decode("latin-1")]))]
        except csv.Error as error:
            raise ValueError(str(error))
    fields = line.split(b",")
    return [field.strip() for field in fields] if _SPACE in line or _TAB in line else fields


class Columns:
    """Where the needed columns of a file stand, by its header line."""

    def __init__(self, file: str, header: Sequence[str], needed: Iterable[str], message: str = "") -> None:
        """`message` names a column of free text, which may be missing and may hold bare commas.

        Raises TradeGateError for a missing column.
        """
        missing = [name for name in needed if name not in header]
        if missing:
            raise TradeGateError("{} 的表头缺少列 {}，表头是：{}".format(file, "、".join(missing), ",".join(header)))
        self._count = len(header)
        self._message = list(header).index(message) if message in header else None
        places = [list(header).index(name) for name in needed]
        self._pick = itemgetter(*places, self._count if self._message is None else self._message)

    def pick(self, line: bytes) -> Tuple[bytes, ...]:
        """The needed fields of a line in their order, then the message; nothing if all its fields are empty.

        Raises ValueError for too few or too many fields.
        """
        fields = split_row(line)
        if len(fields) < self._count and _QUOTE in line:  # a quote that is none: a message begins with it
            fields = [field.strip() for field in line.split(b",")]
        if not any(fields):
            return ()
        surplus = len(fields) - self._count
        if surplus > 0 and self._message is not None:
            start = self._message
            fields[start : start + surplus + 1] = [b",".join(fields[start : start + surplus + 1])]
        elif surplus:
            raise ValueError(f"应有 {self._count} 列，实有 {len(fields)} 列")
        fields.append(b"")  # in place of a message that there is no column for
        picked: Tuple[bytes, ...] = self._pick(fields)
        return picked


def read_snapshot(path: str, encoding: str, needed: Iterable[str]) -> List[Tuple[bytes, ...]]:
    """Return the needed fields of the rows of a file that its writer rewrites whole, and ends with a row of empty fields.

    Raises TradeGateError if the file is missing, cannot be read, is incomplete, or lacks a needed column.
    """
    name = os.path.basename(path)
    try:
        with open_to_read(path) as file:
            data = file.read()
    except FileNotFoundError:
        raise FileMissing(f"没有文件 {path}，请确认 One Quant 的 DMA 算法窗口已启动、导出目录正确")
    except OSError as error:
        raise TradeGateError(f"无法读取文件 {path}：{error}")
    text = data[len(BOM) :] if data.startswith(BOM) else data
    *lines, last = text.replace(b"\r\r\n", b"\n").replace(b"\r\n", b"\n").split(b"\n")
    last = last.rstrip(b"\r")
    if not lines:
        raise TradeGateError(f"文件 {name} 还没有写完")
    try:
        header = [decode(field, encoding) for field in split_row(lines[0])]
        columns = Columns(name, header, needed)
        if last == b"," * (len(header) - 1):  # the last row without a line end
            lines.append(last)
            last = b""
        rows = [columns.pick(line) for line in lines[1:]]
    except ValueError as error:
        raise TradeGateError(f"文件 {name} 有残缺的行：{error}")
    if () not in rows:
        raise TradeGateError(f"文件 {name} 还没有写完，缺少结尾的空行")
    end = rows.index(())
    if last or any(lines[end + 2 :]):
        raise TradeGateError(f"文件 {name} 在结尾的空行之后还有内容，可能正在改写")
    return rows[:end]
