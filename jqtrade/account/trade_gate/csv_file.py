"""Files that two programs share: append whole lines under a lock, follow a file that grows, read a whole snapshot.

Everything works on bytes and whole lines, so that a cut anywhere, also inside a character, does no harm.
"""

import csv
import os
from operator import itemgetter
from typing import Callable, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.account.trade_gate.file_lock import FileLock
from jqtrade.clock import Clock
from jqtrade.errors import FileMissing, OrderNotSent, TradeGateError

BOM = b"\xef\xbb\xbf"
LINE_END = b"\r\n"
_QUOTE, _SPACE, _TAB = b'" \t'
PORTION = 2**19
"""Bytes that a follower reads at a time."""
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


class Appender:
    """Appends whole lines to a file to which other programs append too.

    Writers exclude one another by a lock file beside the file. A last line without its end, left by a power cut, is
    closed first. Bytes that stand are never changed.
    """

    def __init__(self, path: str, header: bytes, wait: LockWait, clock: Clock) -> None:
        self.path = path
        self._header = header
        self._wait = wait
        self._clock = clock
        self._lock = FileLock(path + ".lock")

    def append(
        self, lines: Sequence[bytes], check: Callable[[], None] = lambda: None, timeout: Optional[float] = None
    ) -> Appended:
        """Append `lines` (without line ends), after the header if the file is empty; durable on return.

        `check` is called while the lock is held, before the first byte is written; `timeout` overrides the wait's.
        Raises OrderNotSent while nothing was written, OSError when some of it may have been.
        """
        path, wait = self.path, self._wait if timeout is None else self._wait._replace(timeout=timeout)
        for each in (path, path + ".lock"):  # the file may be another user's: the terminal's side writes here too
            if os.path.islink(each):
                raise OrderNotSent(f"{each} 是符号链接，可能指向别处，拒绝写入；请删除它后重试")
        self._acquire(wait)
        try:
            fd = _open_for_append(path, wait, self._clock, check)
            try:
                data = self._opening(fd) + b"".join([line + LINE_END for line in lines])
                _write_all(fd, data)
                os.fsync(fd)
                return Appended(data, os.fstat(fd))
            finally:
                os.close(fd)
        finally:
            self._lock.release()

    def _acquire(self, wait: LockWait) -> None:
        give_up = self._clock.monotonic() + wait.timeout
        try:
            while not self._lock.try_acquire():
                if self._clock.monotonic() >= give_up:
                    raise OrderNotSent(f"等待文件锁超过 {wait.timeout} 秒：{self.path}.lock")
                self._clock.sleep(wait.interval)
        except OSError as error:
            if not os.path.isdir(os.path.dirname(self.path)):
                raise OrderNotSent(f"文件单目录不存在：{os.path.dirname(self.path)}")
            raise OrderNotSent(f"无法取得文件锁 {self.path}.lock：{error}")

    def _opening(self, fd: int) -> bytes:
        """What must stand before the next line: the header or the rest of it, the end of a torn last line, or nothing."""
        opening = self._header + LINE_END
        try:
            size = os.fstat(fd).st_size
            if size < len(opening):
                start = os.read(fd, size)
                if opening.startswith(start):
                    return opening[len(start) :]
            os.lseek(fd, -1, os.SEEK_END)
            return b"" if os.read(fd, 1) == b"\n" else LINE_END
        except OSError as error:
            raise OrderNotSent(f"无法读取文件 {self.path}：{error}")


def _open_for_append(path: str, wait: LockWait, clock: Clock, check: Callable[[], None]) -> int:
    """Call `check`, which may read it, then open `path`.

    Where another program holds it exclusively, as Windows programs may, try again until the time is up.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    give_up = clock.monotonic() + wait.timeout
    while True:
        try:
            check()
            return os.open(path, flags, 0o666)
        except PermissionError as error:
            if clock.monotonic() >= give_up:
                raise OrderNotSent(f"无法打开文件 {path}：{error}")
            clock.sleep(wait.interval)
        except OSError as error:
            raise OrderNotSent(f"无法打开文件 {path}：{error}")


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


class FileFollower:
    """Reads what a growing file has gained since the last look, whole lines only."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.has_more = False
        """whether the last call stopped before the end of the file"""
        self._offset = 0
        self._tail = b""
        self._identity: Optional[int] = None
        self._changed = 0

    def read_lines(self) -> Tuple[List[bytes], bool]:
        """Return the whole lines added since the last call, without their ends (LF, CRLF or CR CRLF); none if there is no file.

        Of many lines only the first, about PORTION bytes, so that a whole day's file does not need its size in memory
        many times over. A file that shrank or was replaced is read again from its start; the second value tells whether
        the lines begin there. Raises OSError if the file cannot be read.
        """
        self.has_more = False
        try:
            if self._knows(os.stat(self.path)):
                return [], False
            file = open(self.path, "rb", buffering=0)
        except FileNotFoundError:
            return [], False
        with file:
            stat = os.fstat(file.fileno())
            replaced = stat.st_size < self._offset or stat.st_ino != self._identity
            file.seek(self._offset - len(self._tail))
            if replaced or file.read(len(self._tail)) != self._tail:  # written over, or a new file with the old number
                self._offset, self._tail, self._identity = 0, b"", stat.st_ino
                file.seek(0)
            data = portion = file.read(PORTION)
            while portion and b"\n" not in portion:  # a line that is longer
                portion = file.read(PORTION)
                data += portion
        self.has_more = self._offset + len(data) < stat.st_size
        from_start = self._offset == 0
        lines = self._take(data, stat)
        if from_start and lines and lines[0].startswith(BOM):
            lines[0] = lines[0][len(BOM) :]
        return lines, from_start and bool(lines)

    def _take(self, data: bytes, stat: os.stat_result) -> List[bytes]:
        """Count the whole lines of `data`, which stands behind all that was read, as read, and return them."""
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        self._tail = (self._tail + whole[-TAIL:])[-TAIL:]
        self._changed = stat.st_mtime_ns
        return [line.rstrip(b"\r") for line in whole.split(b"\n")[:-1]]

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
        with open(path, "rb", buffering=0) as file:
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
