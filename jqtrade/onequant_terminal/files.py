"""The terminal's side of the files: follow the ones that others write, append to and rewrite its own.

What cannot be written now (a reader on Windows may be in the way) waits and is written later, in the same order.
"""

import codecs
import os
from typing import Callable, Dict, Iterable, List, Optional, Set

from jqtrade.clock import Clock
from jqtrade.onequant_terminal.rows import Fields

Say = Callable[[str], None]

_LINE_END = "\r\n"
_BOM = b"\xef\xbb\xbf"
_DRAIN_TRIES = 100
_DRAIN_WAIT_SECONDS = 0.05


class GrowingFile:
    """Reads the lines that another program appends; a line counts once its end is there."""

    def __init__(self, path: str, offset: int = 0) -> None:
        self._path = path
        self.offset = offset
        """bytes whose lines were given"""

    def new_lines(self) -> List[str]:
        """The whole lines that were not given before; none if the file cannot be read now."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self.offset)
                content = file.read()
        except OSError:  # not there yet, or in the hands of its writer: the next poll sees it
            return []
        whole = content[: content.rfind(b"\n") + 1]
        text = whole[len(_BOM) :] if self.offset == 0 and whole.startswith(_BOM) else whole
        self.offset += len(whole)
        return _decode_lines(text)


def lines_in(path: str) -> List[str]:
    """The lines of one of the terminal's own files; none if it is not there. Raises OSError.

    The last line counts without its end too: it gets that before anything is appended.
    """
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        return _decode_lines(file.read())


def _decode_lines(text: bytes) -> List[str]:
    lines = (decode(line) for line in text.split(b"\n"))
    return [line for line in lines if line]


def decode(line: bytes) -> str:
    """A line without its end, in whichever encoding it is."""
    line = line.strip(b"\r\n ")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("gb18030", "replace")


class Outbox:
    """Writes the terminal's files."""

    def __init__(self, encoding: str, clock: Clock, say: Say) -> None:
        self.encoding = encoding
        self.row_encoding = "utf-8" if codecs.lookup(encoding).name == "utf-8-sig" else encoding
        """the same without a byte order mark, which stands only where a file begins"""
        self._clock = clock
        self._say = say
        self._appends: Dict[str, List[bytes]] = {}
        self._headers: Dict[str, bytes] = {}
        self._rewrites: Dict[str, bytes] = {}
        self._in_trouble: Set[str] = set()

    def begin(self, path: str, columns: Fields) -> None:
        """Name a file that will be appended to; files are written to in the order in which they were begun.

        It is made with its header unless it is there; a header that was cut gets its rest, a last line that was cut its end.
        """
        self._appends.setdefault(path, [])
        self._headers[path] = self._encode_all([columns])

    def append(self, path: str, row: Fields) -> None:
        """Write one row at the end of a file."""
        self._appends[path].append(self._encode(row))

    def append_plainly(self, path: str, row: Fields) -> None:
        """The same for a file that no reader depends on: it is never made faulty."""
        self._appends[path].append(self._encode(row))

    def complete(self, path: str, lines: Iterable[str]) -> None:
        """Append those of `lines`, as `to_line` makes them, that the file has not got yet. Raises OSError."""
        there = set(lines_in(path))
        encoded = [line.encode(self.row_encoding, "replace") for line in lines]
        self._appends[path] += [line for line in encoded if decode(line) not in there]

    def rewrite(self, path: str, columns: Fields, rows: List[Fields]) -> None:
        """Write a whole file, in place as terminals do."""
        self._rewrites[path] = self._encode_all([columns] + rows)

    def pump(self) -> None:
        """Write what waits, as far as it can be written now.

        A file that cannot be written holds back those after it: an update must not tell of a trade that is not written.
        """
        for path in self._appends:
            if not self._append(path):
                return
        for path, content in list(self._rewrites.items()):
            if self._write(path, "wb", content) is None:
                del self._rewrites[path]

    def drain(self) -> None:
        """Write all that waits, at the end; gives up after some seconds."""
        for _ in range(_DRAIN_TRIES):
            self.pump()
            if self.is_empty():
                return
            self._clock.sleep(_DRAIN_WAIT_SECONDS)
        self._say("还有内容没能写入文件")

    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._rewrites and not self._headers and not any(self._appends.values())

    def _encode(self, row: Fields) -> bytes:
        return to_line(row).encode(self.row_encoding, "replace")

    def _encode_all(self, rows: List[Fields]) -> bytes:
        return "".join(to_line(row) for row in rows).encode(self.encoding, "replace")

    def _append(self, path: str) -> bool:
        """Write what waits for a file; whether nothing does any more."""
        waiting, header = self._appends[path], self._headers.get(path)
        if not waiting and header is None:
            return True
        content = b"".join(waiting)
        try:
            if header is not None:
                content = _beginning(path, header) + content
        except OSError as error:
            self.complain(path, error)
            return False
        rest = self._write(path, "ab", content)
        if rest is None or len(rest) < len(content):
            self._headers.pop(path, None)
            waiting[:] = [rest] if rest else []
        return rest is None

    def _write(self, path: str, mode: str, content: bytes) -> Optional[bytes]:
        """Write `content`; returns None, or what of it could not be written: a disk may be full after half a row."""
        try:
            with open(path, mode, buffering=0) as file:
                while content:
                    content = content[file.write(content) :]
        except OSError as error:
            self.complain(path, error)
            return content
        self.relent(path)
        return None

    def complain(self, path: str, error: Exception) -> None:
        """Say once that a file cannot be written."""
        if path not in self._in_trouble:
            self._in_trouble.add(path)
            self._say(f"文件 {path} 写不了（{error}），稍后重试")

    def relent(self, path: str) -> None:
        """Say that a file can be written again, if that was in doubt."""
        if path in self._in_trouble:
            self._in_trouble.remove(path)
            self._say(f"文件 {path} 又能写了")


def _beginning(path: str, header: bytes) -> bytes:
    """What is missing in the file at `path` before a row can be appended."""
    if not os.path.exists(path):
        return header
    with open(path, "rb") as file:
        start = file.read(len(header))
        if len(start) < len(header) and header.startswith(start):
            return header[len(start) :]
        file.seek(-1, os.SEEK_END)
        return b"" if file.read() == b"\n" else _LINE_END.encode("ascii")


def to_line(row: Fields) -> str:
    """A row as text; what a field says must not look like another column or line."""
    return ",".join(" ".join(field.replace(",", "，").split()) for field in row) + _LINE_END
