"""The paper terminal is killed at any byte that it writes: each start after that decides the same, and nothing fills twice."""

import os
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from jqtrade.paper.exchange import SHARES_PER_STEP
from tests.onequant_terminal.terminal_bench import Bench
from tests.paper.paper_helpers import NaiveReader

LONG = os.environ.get("JQTRADE_FAULTS") == "long"
"""every byte, where the short tests try every few"""
STATE = "state"
KINDS = [STATE, "tradeUpdate", "orderUpdate", "execResult", "assetInfo", "positionInfo"]
"""in the order in which the terminal writes them"""
Files = Dict[str, bytes]


def path_of(bench: Bench, kind: str) -> Path:
    return bench.state_path if kind == STATE else bench.path(kind)


def files_of(bench: Bench) -> Files:
    paths = {kind: path_of(bench, kind) for kind in KINDS}
    return {kind: path.read_bytes() if path.exists() else b"" for kind, path in paths.items()}


def put(bench: Bench, files: Files) -> None:
    bench.let_go()
    for kind, content in files.items():
        path = path_of(bench, kind)
        if content:
            path.write_bytes(content)
        elif path.exists():
            path.unlink()


def cuts(before: Files, after: Files, step: int = 1) -> Iterator[Tuple[str, int, Files]]:
    """What stands in the files if the terminal is killed at each byte that takes them from `before` to `after`.

    With a `step`, at each byte around the end of a line, and every so many bytes else. The state is SQLite's to keep whole.
    """
    files = dict(before)
    for kind in KINDS:
        old, new = before[kind], after[kind]
        if kind == STATE:
            yield kind, 0, dict(files)
        elif old != new:
            kept = len(old) if new.startswith(old) else 0  # a snapshot is written over
            ends = [size for size in range(kept, len(new)) if b"\n" in new[max(size - 3, 0) : size + 3]]
            for size in sorted(set(ends).union(range(kept, len(new), step))):
                yield kind, size, dict(files, **{kind: new[:size]})
        files[kind] = new


def money(truth: Any) -> Any:
    """What the account owns, and what was filled."""
    filled = {order_id: order["filled_amount"] for order_id, order in truth["orders"].items() if order["filled_amount"]}
    return truth["cash"], truth["positions"], filled


def last_rows(bench: Bench) -> Dict[str, Tuple[str, str]]:
    """How a reader who begins now sees each order: status and filled quantity of its last row."""
    reader = NaiveReader(bench.path("orderUpdate"))
    return {row["custBatchNo"]: (row["status"], row["filledQty"]) for row in reader.new_rows()}


def check(bench: Bench, files: Files, amounts: Dict[str, int], where: Any) -> Any:
    """Start three times in a row from `files`; returns the truth, which is the same after each."""
    put(bench, files)
    truths: List[Any] = []
    for start in range(3):
        bench.start()
        if not start:
            bench.poll(4)  # what is open goes on: only then there is nothing left to happen
        truths.append(bench.truth())
        bench.poll()
        assert bench.truth() == truths[-1], (where, start)
    assert truths[1] == truths[0] and truths[2] == truths[0], where
    assert bench.assets()["enabledBalance"] == truths[0]["cash"]["available"], where
    held = {row["symbol"]: row["currentQty"] for row in bench.positions().values() if row["currentQty"] != "0"}
    assert held == {"000001.SZ": str(truths[0]["positions"]["000001.XSHE"]["amount"])}, where
    traded = dict.fromkeys(amounts, 0)
    numbers = []
    for row in NaiveReader(bench.path("tradeUpdate")).new_rows():
        if len(row["paperTradeNo"]) == 8:
            traded[row["custBatchNo"]] += int(row["tradeQty"])
            numbers.append(row["paperTradeNo"])
    assert len(set(numbers)) == len(numbers), where
    assert all(traded[order_id] <= amount for order_id, amount in amounts.items()), (where, traded)
    seen = last_rows(bench)
    for order_id, order in truths[0]["orders"].items():
        assert (order["filled_amount"], str(order["filled_amount"])) == (traded[order_id], seen[order_id][1]), where
    return truths[0]


AMOUNTS = {"1": 200, "2": SHARES_PER_STEP + 300, "3": 300, "4": 150, "5": 100}


def busy(bench: Bench) -> Tuple[Files, Files]:
    """The files before and after a step that fills, fills in part, cancels and refuses."""
    bench.start()
    bench.order("1", "1", 200, "10")
    bench.order("3", "1", 300, "9")
    bench.poll()
    before = files_of(bench)
    bench.order("2", "1", SHARES_PER_STEP + 300, "10")
    bench.cancel("3")
    bench.order("4", "1", 150, "10")
    bench.order("5", "2", 100, "10")
    bench.clock.sleep(5)  # snapshots too
    bench.poll()
    return before, files_of(bench)


def start_of_day(bench: Bench) -> Tuple[Files, Files]:
    before = files_of(bench)
    bench.start()
    return before, files_of(bench)


@pytest.mark.parametrize("encoding", ["gbk", "utf-8-sig"])
def test_every_byte_of_a_busy_step(tmp_path: Path, encoding: str) -> None:
    bench = Bench(tmp_path, encoding)
    before, after = busy(bench)
    whole = money(check(bench, after, AMOUNTS, "whole"))
    tried = 0
    for kind, size, files in cuts(before, after, step=1 if LONG else 23):
        truth = check(bench, files, AMOUNTS, (kind, size))
        assert money(truth) == whole, (kind, size)
        tried += 1
    assert tried > 80


@pytest.mark.parametrize("encoding", ["gbk", "utf-8-sig"])
def test_every_byte_of_the_first_start_of_a_day(tmp_path: Path, encoding: str) -> None:
    bench = Bench(tmp_path, encoding)
    before, after = start_of_day(bench)
    tried = 0
    for kind, size, files in cuts(before, after, step=1 if LONG else 9):
        put(bench, files)
        bench.start()
        bench.order("1", "1", 200, "10")
        bench.poll()
        assert bench.truth()["orders"]["1"]["status"] == "filled", (kind, size)
        bench.start()
        assert bench.truth()["positions"]["000001.XSHE"]["amount"] == 200, (kind, size)
        assert last_rows(bench) == {"1": ("2", "200")}, (kind, size)
        bench.let_go()
        shutil.rmtree(tmp_path)
        tmp_path.mkdir()
        tried += 1
    assert tried > 50


def test_a_kill_while_what_a_kill_left_is_restored(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    before, after = busy(bench)
    whole = money(check(bench, after, AMOUNTS, "whole"))
    chance = random.Random(20261127)
    first = [cut for cut in cuts(before, after) if cut[0] != "positionInfo"]
    ends = [cut for cut in first if cut[2][cut[0]].endswith((b"\r", b"P", b"0000002", b"00000002"))]
    tried = 0
    for kind, size, files in chance.sample(first, 6) + ends[:8]:
        put(bench, files)
        bench.start()
        restored = files_of(bench)
        for second, there, again in chance.sample(list(cuts(files, restored)), 6):
            truth = check(bench, again, AMOUNTS, (kind, size, second, there))
            assert money(truth) == whole, (kind, size, second, there)
            tried += 1
    assert tried > 60


def test_a_trade_that_lacks_but_its_line_end_is_not_made_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path).start()
    bench.order("1", "1", SHARES_PER_STEP * 2, "10")
    bench.poll()
    updates = bench.path("orderUpdate").read_bytes()
    trades = bench.path("tradeUpdate").read_bytes()
    bench.path("tradeUpdate").write_bytes(trades[:-2])
    bench.path("orderUpdate").write_bytes(updates[: updates.rstrip().rfind(b"\n") + 1])  # its update is missing
    for _ in range(3):
        bench.start()
        bench.poll(4)
        assert bench.truth()["positions"]["000001.XSHE"]["amount"] == SHARES_PER_STEP * 2


def test_a_cancel_that_was_written_but_for_its_line_end_stays_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path).start()
    bench.order("1", "1", 200, "9")
    bench.poll()
    bench.cancel("1")
    bench.poll()
    bench.path("orderUpdate").write_bytes(bench.path("orderUpdate").read_bytes()[:-2])
    bench.quotes.set("000001", "9")  # it would be filled now
    for _ in range(3):
        bench.start()
        bench.poll(2)
        assert bench.truth()["orders"]["1"]["status"] == "canceled"
        assert bench.truth()["positions"] == {}


def test_what_others_write_into_its_files_is_not_believed(tmp_path: Path) -> None:
    bench = Bench(tmp_path).start()
    bench.order("77", "1", 200, "10")
    bench.poll()
    content = bench.path("tradeUpdate").read_bytes()
    row = content.splitlines(True)[-1]
    bench.path("tradeUpdate").write_bytes(content + row + row.replace(b"00000001", b"00000002"))
    bench.start()
    assert bench.truth()["orders"]["77"]["filled_amount"] == 200
    assert bench.truth()["positions"]["000001.XSHE"]["amount"] == 200


def test_trades_that_a_power_cut_took_are_written_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path).start()
    bench.order("1", "1", 200, "10")
    before = bench.path("tradeUpdate").read_bytes()
    bench.poll()
    after = bench.path("tradeUpdate").read_bytes()
    bench.path("tradeUpdate").write_bytes(before)
    for _ in range(3):
        bench.start()
        bench.poll()
        assert bench.truth()["orders"]["1"]["filled_amount"] == 200
        assert bench.truth()["positions"]["000001.XSHE"]["amount"] == 200
        assert bench.path("tradeUpdate").read_bytes() == after


def test_nothing_is_told_that_could_not_be_kept_and_all_of_it_later(tmp_path: Path) -> None:
    bench = Bench(tmp_path).start()
    bench.order("1", "1", 200, "10")
    other = sqlite3.connect(str(bench.state_path), isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")  # as good as a full disk
    assert bench.terminal is not None and bench.terminal.state is not None
    bench.terminal.state._connection.execute("PRAGMA busy_timeout = 0")
    bench.poll(3)
    assert last_rows(bench) == {} and bench.new_rows("execResult") == []
    assert len([text for text in bench.said if "写不了" in text]) == 1
    other.execute("ROLLBACK")
    other.close()
    bench.poll()
    assert last_rows(bench) == {"1": ("2", "200")} and len(bench.new_rows("execResult")) == 1
    truth = bench.truth()
    assert bench.start().truth() == truth


def test_a_disk_that_is_full_after_half_a_row_doubles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path).start()
    bench.order("1", "1", 200, "10")
    bench.order("2", "1", 300, "10")
    terminal: Any = bench.terminal
    outbox = terminal._outbox
    write, full = outbox._write, [1]

    def write_half(path: str, mode: str, content: bytes) -> Any:
        if full and "tradeUpdate" in path and content:
            full.pop()
            assert write(path, mode, content[: len(content) * 3 // 4]) is None
            return content[len(content) * 3 // 4 :]
        return write(path, mode, content)

    monkeypatch.setattr(outbox, "_write", write_half)
    bench.poll()
    assert last_rows(bench) == {}  # no word of a trade that is not on the disk
    bench.poll()
    truth = bench.truth()
    bench.start()
    assert bench.truth() == truth
    assert {holding["amount"] for holding in truth["positions"].values()} == {500}
