"""Programs that touch the order file without our lock, at any moment of an append: what we say of an order is true.

The terminal reads a row when it stands whole in a line of its own, below the header, in the file of that name.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from broker_files import ORDER_HEADER, OneQuantFolder, make_order

from jqtrade.errors import OrderNotSent, OrderUncertain
from jqtrade.gates import csv_file
from jqtrade.gates.onequant.gate import AnXinDMATradeGate

Gate = AnXinDMATradeGate
OpenGate = Callable[..., AnXinDMATradeGate]
Act = Callable[[Path], Any]

HEADER = ORDER_HEADER.encode()
ROW = b"093000.000000,77,UM0,other,600000.SH,1,100,DMA,AT,0,8,8"
OURS = "4000000001"
LINE = b"093102.000345,4000000001,UF0,1234567,000001.SZ,1,1000,DMA,AT,0,10.5,10.5"


class NeighboursOs:
    """Stands in for `os` in csv_file: somebody acts right before call number `nth` of `name`."""

    def __init__(self, path: Path, act: Act, name: str, nth: int) -> None:
        self.has_acted = False
        self._path, self._act, self._name, self._left = path, act, name, nth

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in (self._name, "fsync"):
            return real

        def call(*args: Any) -> Any:
            self._left -= name == self._name
            if self._left == 0 and not self.has_acted:
                self.has_acted = True
                self._act(self._path)
            return None if name == "fsync" else real(*args)  # 800 times is long to wait for a disk

        return call


MOMENTS = [("open", 1), ("fstat", 1), ("read", 1), ("write", 1), ("fsync", 1), ("lseek", 3), ("read", 3), ("stat", 1)]
"""Before the file is opened, before its size is asked for, before it is looked at, before our write, before it is on the
disk, before it is read back (twice), before the name is looked at."""


def append(data: bytes) -> Act:
    def act(path: Path) -> None:
        with path.open("ab") as file:
            file.write(data)

    return act


def rewrite(change: Callable[[bytes], bytes]) -> Act:
    """Write the file anew in place: the same file, with another content."""

    def act(path: Path) -> None:
        data = change(path.read_bytes() if path.exists() else b"")
        with path.open("r+b" if path.exists() else "wb") as file:
            file.write(data)
            file.truncate()

    return act


def swap(change: Callable[[bytes], bytes]) -> Act:
    """Put another file in its place, as an editor does that saves."""

    def act(path: Path) -> None:
        other = path.with_name("other")
        other.write_bytes(change(path.read_bytes() if path.exists() else b""))
        os.replace(str(other), str(path))

    return act


def remove(path: Path) -> None:
    if path.exists():
        path.unlink()


ACTS: Dict[str, Act] = {
    "appends a whole row": append(ROW + b"\r\n"),
    "appends a row, its end comes later": append(ROW),
    "appends a row and half its end": append(ROW + b"\r"),
    "appends the end of its row": append(b"\r\n"),
    "appends the second half of an end": append(b"\n"),
    "appends an empty line without CR": append(b"\n\n"),
    "appends a header again": append(HEADER + b"\r\n"),
    "appends NULs": append(b"\0" * 100),
    "appends a row of our id": append(ROW.replace(b",77,", b",4000000001,") + b"\r\n"),
    "appends half a row of our id": append(b"093102.000345,4000000001,UF0"),
    "appends our very row": append(LINE + b"\r\n"),
    "makes the file longer, a hole": lambda path: path.exists() and os.truncate(str(path), path.stat().st_size + 5000),
    "empties it": rewrite(lambda data: b""),
    "cuts it to its header": rewrite(lambda data: HEADER + b"\r\n"),
    "cuts its last line": rewrite(lambda data: data[:-7]),
    "writes over it, the same size": rewrite(lambda data: b"x" * len(data)),
    "writes over the last row, the same size": rewrite(lambda data: data[:-20] + b"9" * 18 + b"\r\n"),
    "saves it with LF": rewrite(lambda data: data.replace(b"\r\n", b"\n")),
    "saves it without the last end": rewrite(lambda data: data.rstrip()),
    "puts a BOM before it": rewrite(lambda data: b"\xef\xbb\xbf" + data),
    "saves it as UTF-16": rewrite(lambda data: data.decode("latin-1").encode("utf-16")),
    "drops the header": rewrite(lambda data: data.partition(b"\n")[2]),
    "swaps it for a copy": swap(lambda data: data),
    "swaps it for an older copy": swap(lambda data: HEADER + b"\r\n" + ROW + b"\r\n"),
    "swaps it for an empty file": swap(lambda data: b""),
    "removes it": remove,
}

STARTS = {"no file": None, "empty": b"", "rows": HEADER + b"\r\n" + ROW + b"\r\n", "torn": HEADER + b"\r\n" + ROW[:30]}


def read_rows(path: Path) -> List[bytes]:
    """What the terminal reads of the file: whole lines below the first one."""
    data = path.read_bytes() if path.exists() else b""
    return [line.rstrip(b"\r") for line in data.split(b"\n")[1:-1]]


@pytest.mark.parametrize("moment", MOMENTS, ids="{0[0]}-{0[1]}".format)
@pytest.mark.parametrize("act", sorted(ACTS))
def test_whatever_others_do_to_the_file_what_is_said_of_an_order_is_true(
    open_gate: OpenGate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch, act: str, moment: Any
) -> None:
    path = folder.file("algoOrder")
    for start in sorted(STARTS):
        before = STARTS[start]
        remove(path)
        if before is not None:
            path.write_bytes(before)
        gate = open_gate()
        neighbour = NeighboursOs(path, ACTS[act], *moment)
        outcome: Optional[Exception] = None
        with monkeypatch.context() as patch:
            patch.setattr(csv_file, "os", neighbour)
            try:
                gate.order(make_order(OURS))
            except (OrderNotSent, OrderUncertain) as error:
                outcome = error
        data = path.read_bytes() if path.exists() else b""
        said = (start, outcome, data[-300:])
        asked = [gate.was_sent(make_order(OURS)), open_gate().was_sent(make_order(OURS))]
        if outcome is None:
            assert LINE in read_rows(path), said
        if isinstance(outcome, OrderNotSent):
            assert LINE not in read_rows(path) or act == "appends our very row", said
        for answer in asked:
            if answer is True:
                assert LINE in read_rows(path), said
            if answer is False:
                assert OURS.encode() not in data, said
        if isinstance(outcome, OrderUncertain):
            assert asked[0] is not False or neighbour.has_acted and OURS.encode() not in data, said


# ---------------------------------------------------------------- what stands in it before

NOT_OURS = {
    "another header": b"time,id,text\r\n",
    "an older header": HEADER.replace(b",ticks", b"") + b"\r\n",
    "a longer header": HEADER + b",remark\r\n",
    "our header in capitals": HEADER.upper() + b"\r\n",
    "our header after a blank": b" " + HEADER + b"\r\n",
    "our header after an empty line": b"\r\n" + HEADER + b"\r\n",
    "two BOMs": b"\xef\xbb\xbf" * 2 + HEADER + b"\r\n",
    "a BOM alone": b"\xef\xbb\xbf",
    "UTF-16": (ORDER_HEADER + "\r\n").encode("utf-16"),
    "a row": ROW + b"\r\n",
    "a CR alone": HEADER + b"\r" + ROW + b"\r",
    "one byte": b"x",
    "half of another header": b"updTime,custNo",
    "NULs": b"\0" * 4096,
    "NULs shorter than a header": b"\0" * 20,
    "a print": b"hello\n",
    "a megabyte without an end": b"a" * 2**20,
}


@pytest.mark.parametrize("start", sorted(NOT_OURS))
def test_a_file_that_does_not_begin_with_our_header_is_left_alone(
    gate: Gate, folder: OneQuantFolder, start: str
) -> None:
    for kind in ("algoOrder", "algoOrderStop"):
        path = folder.file(kind)
        path.write_bytes(NOT_OURS[start])
        with pytest.raises(OrderNotSent, match="第一行不是我们认识的表头"):
            if kind == "algoOrder":
                gate.order(make_order(OURS))
            else:
                gate.cancel_order("77")
        assert path.read_bytes() == NOT_OURS[start]


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf" + HEADER + b"\r\n", HEADER + b"\n", HEADER + b"\r\r\n"])
def test_a_mark_or_another_line_end_makes_it_no_other_file(gate: Gate, folder: OneQuantFolder, start: bytes) -> None:
    folder.file("algoOrder").write_bytes(start)
    gate.order(make_order(OURS))
    assert folder.file("algoOrder").read_bytes() == start + LINE + b"\r\n"


# A power cut may leave the length of a file without its content; and holes.
TAILS = [b"\0" * 512, ROW + b"\0" * 64, ROW[:10] + b"\0" * 64, b"\0" * 64 + b"\n", ROW + b"\r\n" + b"\0" * 8192]


@pytest.mark.parametrize("tail", TAILS)
def test_below_zeros_a_row_stands_in_a_line_of_its_own(gate: Gate, folder: OneQuantFolder, tail: bytes) -> None:
    start = HEADER + b"\r\n" + tail
    folder.file("algoOrder").write_bytes(start)
    assert gate.was_sent(make_order(OURS)) is None  # our row may have been there
    gate.order(make_order("4000000002"))
    data = folder.file("algoOrder").read_bytes()
    assert data.startswith(start) and data[len(start) - 1 :].lstrip(b"\0\r").startswith(b"\n093102.000345,4000000002,")


def test_what_was_not_found_again_proves_nothing_also_after_a_fresh_start_that_was_cut_short(
    open_gate: OpenGate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder.file("algoOrder")
    path.write_bytes(HEADER + b"\r\n" + ROW + b"\r\n")
    gate = open_gate()
    with monkeypatch.context() as patch:
        patch.setattr(csv_file, "os", NeighboursOs(path, ACTS["cuts it to its header"], "fsync", 1))
        with pytest.raises(OrderUncertain):
            gate.order(make_order(OURS))
    with monkeypatch.context() as patch:
        patch.setattr(gate, "_feed", interrupt)
        with pytest.raises(AssertionError):
            gate.start_over()
    assert gate.was_sent(make_order(OURS)) is None  # the terminal may have read it before


def interrupt(*args: Any) -> None:
    """A signal handler raises."""
    raise AssertionError("Timed Out")


# ---------------------------------------------------------------- standard descriptors

PRINTS_INTO_WHAT_IT_OPENS = """
import os, sys
sys.path[:0] = {path!r}
from datetime import datetime
from broker_files import make_order
from no_limits import no_limits
from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.gates.options import strategy_options
from jqtrade.testing import VirtualClock

options = strategy_options()
options.update(options.check({{"account_no": "1234567", "order_dir": {folder!r}}}))
gate = AnXinDMATradeGate()
gate.clock = VirtualClock(datetime(2026, 1, 5, 10, 0))
gate.setup(options.as_dict())
account = Account(gate, Journal({journal!r}), gate.clock, no_limits(gate.clock))
account.recover()
for standard in {closed}:  # only now: sqlite itself fills them
    os.close(standard)
real = os.fsync

def fsync(fd):  # a library, or another thread, prints while our files are open
    for standard in (0, 1, 2):
        try:
            os.write(standard, b"printed")
        except OSError:
            pass
    real(fd)

os.fsync = fsync
ids = [account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))])[0] for _ in range(2)]
account.cancel_batch(ids)
account.sync_orders()
account.close()
os._exit(len([one for one in ids if one]))
"""


@pytest.mark.parametrize("closed", [[0], [1], [2], [1, 2], [0, 1, 2]])
def test_what_is_printed_after_a_strategy_closed_its_output_lands_in_no_file_of_ours(
    folder: OneQuantFolder, journal_path: str, closed: List[int]
) -> None:
    tests = Path(__file__).parent.parent
    here = [str(tests / "account"), str(tests.parent)]
    program = PRINTS_INTO_WHAT_IT_OPENS.format(path=here, closed=closed, folder=str(folder.path), journal=journal_path)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.communicate()
    assert process.returncode == 2
    assert len(folder.order_lines()) == 3
    for path in list(folder.path.iterdir()) + list(Path(journal_path).parent.iterdir()):
        assert b"printed" not in path.read_bytes(), path
