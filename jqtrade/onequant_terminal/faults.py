"""Everything that can be wrong with a terminal's files while it tells the truth in the end."""

import random
from typing import Dict, List, NamedTuple

from jqtrade.clock import Clock
from jqtrade.onequant_terminal.files import Outbox, Say
from jqtrade.onequant_terminal.rows import ASSET_COLUMNS, RESULT_COLUMNS, UPDATE_COLUMNS, Fields

LONGEST_DELAY_SECONDS = 3.0

_LATE = 0.3
_DOUBLED = 0.15
_TORN = 0.5
_GARBAGE = 0.1
_FOREIGN = 0.15
_BAD_SNAPSHOT = 0.4

_LINE_END = b"\r\n"


class _Late(NamedTuple):
    due: float
    """by the clock's monotonic()"""
    line: bytes


class FaultyOutbox(Outbox):
    """An Outbox whose lines come torn, late, doubled, out of order, in two encodings, among foreign rows and garbage.

    Every row is written whole at last, garbage stands on lines of its own, and a bad snapshot is soon followed by a
    good one. The same seed and clock give the same faults.
    """

    def __init__(self, encoding: str, clock: Clock, say: Say, seed: int) -> None:
        super().__init__(encoding, clock, say)
        self._random = random.Random(seed)
        self._late: Dict[str, List[_Late]] = {}
        self._torn: Dict[str, bytes] = {}
        self._good_snapshots: Dict[str, bytes] = {}
        self._draining = False

    def append(self, path: str, row: Fields) -> None:
        line = self._encode_somehow(row)
        if self._happens(_GARBAGE):
            self._delay(path, self._garbage(line))
        if self._happens(_FOREIGN):
            self._delay(path, self._encode_somehow(self._foreign(row)))
        self._delay(path, line)
        if self._happens(_DOUBLED):
            self._delay(path, line)

    def rewrite(self, path: str, columns: Fields, rows: List[Fields]) -> None:
        rows = list(rows)
        if self._happens(_FOREIGN):
            rows.insert(self._random.randrange(len(rows)), self._foreign_holding(self._random.choice(rows), columns))
        super().rewrite(path, columns, rows)
        self._good_snapshots.pop(path, None)
        if self._happens(_BAD_SNAPSHOT):
            good = self._rewrites[path]
            self._good_snapshots[path] = good
            if self._happens(0.5):
                super().rewrite(path, columns, rows[:-1])
            else:
                self._rewrites[path] = good[: self._random.randrange(len(good))]

    def pump(self) -> None:
        now = self._clock.monotonic()
        for path in self._late:
            self._release(path, now)
        for path in [path for path in self._good_snapshots if path not in self._rewrites]:
            self._rewrites[path] = self._good_snapshots.pop(path)
        super().pump()

    def drain(self) -> None:
        self._draining = True
        super().drain()

    def is_empty(self) -> bool:
        return super().is_empty() and not (self._torn or self._good_snapshots or any(self._late.values()))

    def _release(self, path: str, now: float) -> None:
        """Hand over what is due, the last line perhaps by half; then its other half comes first the next time."""
        if path in self._torn:
            self._appends[path].append(self._torn.pop(path))
        waiting = self._late[path]
        due = sorted((late for late in waiting if late.due <= now or self._draining), key=lambda late: late.due)
        for late in due:
            waiting.remove(late)
            self._appends[path].append(late.line)
        if due and self._happens(_TORN) and not self._draining:
            line = self._appends[path].pop()
            cut = self._random.randrange(1, len(line))
            self._appends[path].append(line[:cut])
            self._torn[path] = line[cut:]

    def _delay(self, path: str, line: bytes) -> None:
        wait = self._random.uniform(0, LONGEST_DELAY_SECONDS) if self._happens(_LATE) else 0.0
        self._late.setdefault(path, []).append(_Late(self._clock.monotonic() + wait, line))

    def _happens(self, probability: float) -> bool:
        return self._random.random() < probability

    def _encode_somehow(self, row: Fields) -> bytes:
        encoding = self._random.choice([self.row_encoding, "utf-8", "gb18030"])
        return self._encode(row).decode(self.row_encoding).encode(encoding, "replace")

    def _garbage(self, line: bytes) -> bytes:
        """A line that is no row: too short, or no text at all."""
        choice = self._random.randrange(4)
        if choice == 0:
            return line[: len(line) // 3] + _LINE_END
        if choice == 1:
            return _LINE_END
        if choice == 2:
            return b"," * self._random.randrange(30) + _LINE_END
        noise = bytes(self._random.randrange(256) for _ in range(self._random.randrange(1, 60)))
        return noise.replace(b"\n", b"").replace(b",", b"") + _LINE_END

    def _foreign(self, row: Fields) -> Fields:
        """A row about somebody else's order that looks like `row`."""
        stranger = str(self._random.randrange(10**9, 10**10))
        fields = dict(zip(UPDATE_COLUMNS if len(row) == len(UPDATE_COLUMNS) else RESULT_COLUMNS, row))
        if "acct" not in fields:
            fields.update(custBatchNo=stranger, status=self._random.choice("01"), errorMsg="别的程序的委托")
            return list(fields.values())
        fields.update(status=self._random.choice("012345678"), text="手工委托", cliOrderId="")
        whose = self._random.randrange(3)
        if whose == 0:
            fields["acct"] = _other_account(fields["acct"])
        else:
            fields.update(orderNo=stranger[:6], custBatchNo=stranger if whose == 1 else "")
        return list(fields.values())

    def _foreign_holding(self, row: Fields, columns: Fields) -> Fields:
        account = _other_account(row[columns.index("acct")])
        numbers = 3 if columns == ASSET_COLUMNS else 5
        return [row[0] or "UM0", account, row[2]] + row[3 : len(row) - numbers] + ["777"] * numbers


def _other_account(account_no: str) -> str:
    return account_no + "9"
