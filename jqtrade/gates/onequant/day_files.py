"""One Quant's files of one day: their paths, and what has been read of them."""

import os
from datetime import date
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

from jqtrade.clock import Clock
from jqtrade.errors import OrderNotSent, TradeGateError
from jqtrade.gates.csv_file import (
    Appender,
    Columns,
    FileFollower,
    LockWait,
    decode,
    is_of_system,
    split_row,
)
from jqtrade.gates.onequant.rows import CANCEL_HEADER, ORDER_HEADER
from jqtrade.log import get_log

log = get_log("jqtrade.anxin")

MOST_QUOTED = 50
"""So many broken lines of a file are quoted in the log; a whole file of them would drive out everything else."""

Parse = Callable[[Tuple[bytes, ...]], Optional[Any]]


class BrokenLine(TradeGateError):
    """A line that nobody can read; to read it again would not help."""


class Feed:
    """The rows that a growing CSV file gains, each parsed; a broken line is quoted once in the log, and the next one counts."""

    def __init__(
        self, path: str, encoding: str, needed: Sequence[str], message: str, parse: Parse, skips_broken: bool = True
    ) -> None:
        """`parse` takes the needed fields of a row and then the message, which may be empty.

        It returns None for a row that does not concern us, and raises ValueError or KeyError for a broken one.

        Without `skips_broken` a read that met broken lines raises BrokenLine; what it read else comes with the next one.
        """
        self._path = path
        self._skips_broken = skips_broken
        self._encoding = encoding
        self._needed = needed
        self._message = message
        self._parse = parse
        self._quoted: Set[bytes] = set()
        self.broken_lines = 0
        self._begin()

    def _begin(self) -> None:
        """Read the file from its start."""
        self._follower = FileFollower(self._path)
        self._columns: Optional[Columns] = None
        self._waiting: List[bytes] = []
        self._parsed: List[Any] = []
        self._unsaid: List[str] = []
        self._is_cut_short = False
        """whether a read has begun of which nobody heard the end: what it took from the file may be lost"""

    @property
    def has_more(self) -> bool:
        """Whether the last read stopped before the end of the file."""
        return self._follower.has_more

    def read_anyway(self) -> None:
        """Let the next read open the file, also if it looks unchanged."""
        self._follower.reread()

    def read(self) -> List[Any]:
        """Return what the rows added since the last call, or the next chunk of them, mean.

        Raises TradeGateError if the file cannot be read or used.
        """
        if self._is_cut_short:
            self._begin()
        self._is_cut_short = True
        try:
            parsed = self._read()
        except TradeGateError:
            self._is_cut_short = False
            raise
        except OSError as error:
            self._is_cut_short = not is_of_system(error)
            raise TradeGateError(f"无法读取文件 {error.filename or self._path}：{error}")
        self._is_cut_short = False
        return parsed

    def _read(self) -> List[Any]:
        lines, restarted = self._follower.read_lines()
        if restarted:
            self._columns = None
            self._waiting.clear()
        self._waiting.extend(lines)
        if self._columns is None and self._waiting:
            self._columns = self._header(self._waiting[0])
            del self._waiting[0]
        if self._columns is not None:
            self._parse_lines(self._columns)
        if self._unsaid:
            broken, self._unsaid = self._unsaid, []
            raise BrokenLine(broken[0] + (f"，这样的行共 {len(broken)} 行" if len(broken) > 1 else ""))
        parsed, self._parsed = self._parsed, []
        return parsed

    def _header(self, line: bytes) -> Columns:
        name = os.path.basename(self._path)
        try:
            header = [decode(field, self._encoding) for field in split_row(line)]
            return Columns(name, header, self._needed, self._message)
        except ValueError:
            raise TradeGateError(f"{name} 的表头无法识别：{line[:200]!r}")

    def _parse_lines(self, columns: Columns) -> None:
        parse, parsed = self._parse, self._parsed
        done = 0
        try:
            for line in self._waiting:
                try:
                    row = columns.pick(line)
                    item = parse(row) if row else None
                    if item is not None:
                        parsed.append(item)
                except (ValueError, KeyError) as error:
                    self._note_broken(line, error)
                done += 1
        finally:
            del self._waiting[:done]  # a line that needs another file waits until that can be read

    def _note_broken(self, line: bytes, error: Exception) -> None:
        self.broken_lines += 1
        name = os.path.basename(self._path)
        if not self._skips_broken:
            self._unsaid.append(f"文件 {name} 有一行无法识别：{line[:500]!r}（{error}）")
        elif line not in self._quoted and len(self._quoted) < MOST_QUOTED:
            self._quoted.add(line)
            log.error("文件 %s 有一行无法识别，已跳过：%r（%s）", name, line[:500], error)
            if len(self._quoted) == MOST_QUOTED:
                log.error("文件 %s 无法识别的行太多，今天不再一一列出", name)


class DayFiles:
    """Paths of one day's files in the order directory, and the lines of its order file by order id."""

    def __init__(self, order_dir: str, day: date, wait: LockWait, clock: Clock) -> None:
        self.day = day

        def path(kind: str) -> str:
            return os.path.join(order_dir, f"{kind}_{day:%Y%m%d}.csv")

        self.orders = path("algoOrder")
        self.order_appender = Appender(self.orders, ORDER_HEADER.encode("ascii"), wait, clock)
        self.cancel_appender = Appender(path("algoOrderStop"), CANCEL_HEADER.encode("ascii"), wait, clock)
        self.results = path("execResult")
        self.updates = path("orderUpdate")
        self.assets = path("assetInfo")
        self.positions = path("positionInfo")
        self._begin_orders()

    def _begin_orders(self) -> None:
        """Read the order file from its start."""
        self._order_lines: Dict[str, bytes] = {}
        self._order_follower = FileFollower(self.orders)
        self._is_cut_short = False
        """as that of Feed"""

    def order_line(self, order_id: str) -> Optional[str]:
        """The line that asks for the order, ours or another program's; None if there is none. Raises OSError.

        It has its end, but may have been torn before that was put there.
        """
        self.poll()
        line = self._order_lines.get(order_id)
        return None if line is None else line.decode("ascii", "replace")

    def knows(self, order_id: str) -> bool:
        """Whether a line asks for the order, as far as was read."""
        return order_id in self._order_lines

    def append_orders(self, order_ids: Sequence[str], lines: Sequence[bytes], permit: Callable[[], None]) -> None:
        """Append the `lines` that ask for these orders, unless somebody has used one of their ids, or `permit` objects.

        Raises OrderNotSent while nothing was written, what `permit` raises, OSError when some of it may have been.
        """

        def check_ids() -> None:
            self.poll()
            taken = [order_id for order_id in order_ids if order_id in self._order_lines]
            if taken:
                raise OrderNotSent("订单号 {} 已被别的程序用过".format("、".join(taken)))

        appended = self.order_appender.append(lines, check_ids, permit)
        self._is_cut_short = True
        self._take(self._order_follower.skip(appended))
        self._is_cut_short = False

    def release(self) -> None:
        """Let go of what a call that was cut short has left open or locked."""
        self.order_appender.release()
        self.cancel_appender.release()

    def poll(self) -> None:
        """Read what the order file has gained. Raises OSError."""
        if self._is_cut_short:
            self._begin_orders()
        self._is_cut_short = True
        try:
            self._take(self._order_follower.read_lines()[0])
            while self._order_follower.has_more:
                self._take(self._order_follower.read_lines()[0])
        except OSError as error:
            self._is_cut_short = not is_of_system(error)
            raise
        self._is_cut_short = False

    def _take(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            fields = line.split(b",", 2)
            if len(fields) > 1:
                self._order_lines[fields[1].decode("ascii", "replace")] = line
