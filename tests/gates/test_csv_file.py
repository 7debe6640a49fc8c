"""Files shared with other programs: appended whole lines, followed while they grow, read by their header."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest
from broker_files import OneQuantFolder, make_order
from hypothesis import given
from hypothesis import strategies as st

from jqtrade.errors import OrderNotSent, TradeGateError
from jqtrade.gates import csv_file
from jqtrade.gates.csv_file import (
    Appender,
    Columns,
    FileFollower,
    LockWait,
    decode,
    read_snapshot,
    split_row,
)
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock

APPENDER = [sys.executable, str(Path(__file__).resolve().parent / "appender.py")]
WAIT = LockWait(5, 0.01)


def test_lines_are_appended_below_one_header(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "file.csv"
    Appender(str(path), b"a,b", WAIT, clock).append([b"1,2", b"3,4"])
    Appender(str(path), b"a,b", WAIT, clock).append([b"5,6"])
    assert path.read_bytes() == b"a,b\r\n1,2\r\n3,4\r\n5,6\r\n"


def test_an_exception_right_after_the_lock_was_taken_leaves_nobody_waiting(
    tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal handler may raise there; the strategy may order nothing more today."""
    path = tmp_path / "file.csv"
    take = csv_file.AppendLock.try_acquire

    def be_interrupted(lock: csv_file.AppendLock) -> bool:
        take(lock)
        raise AssertionError("Timed Out")

    appender = Appender(str(path), b"a,b", WAIT, clock)
    with monkeypatch.context() as patch:
        patch.setattr(csv_file.AppendLock, "try_acquire", be_interrupted)
        with pytest.raises(AssertionError):
            appender.append([b"1,2"])
    Appender(str(path), b"a,b", LockWait(0, 0), clock).append([b"3,4"])
    assert path.read_bytes() == b"a,b\r\n3,4\r\n"


@pytest.mark.parametrize(
    "before, after",
    [
        (b"", b"a,b\r\n5,6\r\n"),
        (b"a", b"a,b\r\n5,6\r\n"),
        (b"a,b\r", b"a,b\r\n5,6\r\n"),
        (b"a,b\r\n", b"a,b\r\n5,6\r\n"),
        (b"a,b\n1,2\n", b"a,b\n1,2\n5,6\r\n"),
        (b"a,b\r\n1,", b"a,b\r\n1,\r\n5,6\r\n"),
    ],
)
def test_what_stands_is_completed_but_never_changed(
    tmp_path: Path, clock: VirtualClock, before: bytes, after: bytes
) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(before)
    Appender(str(path), b"a,b", WAIT, clock).append([b"5,6"])
    assert path.read_bytes() == after


@pytest.mark.parametrize("error", [OrderNotSent("taken"), OSError("unreadable")])
def test_nothing_is_written_when_the_check_under_the_lock_fails(
    tmp_path: Path, clock: VirtualClock, error: Any
) -> None:
    def check() -> None:
        raise error

    with pytest.raises(OrderNotSent):
        Appender(str(tmp_path / "file.csv"), b"a,b", WAIT, clock).append([b"1,2"], check)
    assert not (tmp_path / "file.csv").exists()
    Appender(str(tmp_path / "file.csv"), b"a,b", LockWait(0, 0.01), clock).append([b"1,2"])  # the lock is free again


def test_a_missing_directory_means_not_sent(tmp_path: Path, clock: VirtualClock) -> None:
    with pytest.raises(OrderNotSent):
        Appender(str(tmp_path / "no" / "file.csv"), b"a,b", WAIT, clock).append([b"1,2"])
    assert not (tmp_path / "no").exists()


@pytest.fixture
def holder(folder: OneQuantFolder) -> Iterator[subprocess.Popen]:
    """Another process that holds the lock of today's order file."""
    process = subprocess.Popen(APPENDER + [str(folder.file("algoOrder")), "hold"], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline().strip() == b"held"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_an_order_is_not_sent_while_another_process_holds_the_lock(
    open_gate: Callable[..., AnXinDMATradeGate], folder: OneQuantFolder, holder: subprocess.Popen, clock: VirtualClock
) -> None:
    gate = open_gate(wait_lock_time_out=0.3, wait_lock_internal=0.01)
    start = clock.monotonic()
    with pytest.raises(OrderNotSent, match="0.3"):
        gate.order(make_order())
    assert 0.3 <= clock.monotonic() - start < 0.32
    assert not folder.file("algoOrder").exists()
    holder.kill()  # its lock goes with it
    holder.wait()
    open_gate(wait_lock_time_out=10).order(make_order())
    assert len(folder.order_lines()) == 2


def test_four_processes_append_whole_lines_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    processes = [subprocess.Popen(APPENDER + [str(path), "append", name, "100"]) for name in "abcd"]
    follower = FileFollower(str(path))
    followed: List[bytes] = []
    while any(process.poll() is None for process in processes):
        followed += follower.read_lines()[0]
        time.sleep(0.005)
    assert [process.returncode for process in processes] == [0] * 4
    followed += follower.read_lines()[0]
    lines = path.read_bytes().split(b"\r\n")
    assert lines.pop() == b"" and lines.pop(0) == b"name,number,text"
    assert followed[1:] == lines
    expected = [f"{name},{number:03},{name * (number * 7 % 90)}".encode() for name in "abcd" for number in range(100)]
    assert sorted(lines) == expected


def test_a_follower_waits_for_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    follower = FileFollower(str(tmp_path / "file"))
    assert follower.read_lines() == ([], False)
    (tmp_path / "file").write_bytes(b"one\r\ntwo\nthr")
    assert follower.read_lines() == ([b"one", b"two"], True)
    with (tmp_path / "file").open("ab") as file:
        file.write(b"ee\r\r\n")
    assert follower.read_lines() == ([b"three"], False)
    (tmp_path / "file").unlink()
    assert follower.read_lines() == ([], False)


def read_all(follower: FileFollower) -> Tuple[List[bytes], int]:
    """All lines, and in how many portions they came."""
    lines, count = follower.read_lines()[0], 1
    while follower.has_more:
        lines += follower.read_lines()[0]
        count += 1
    return lines, count


@pytest.mark.parametrize("portion", [1, 2, 3, 7, 8, 64, 10**6])
def test_a_long_file_is_read_in_portions_whatever_their_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portion: int
) -> None:
    monkeypatch.setattr(csv_file, "CHUNK_BYTES", portion)
    path = tmp_path / "file"
    path.write_bytes(b"\xef\xbb\xbfhead\r\none\n" + b"long" * 5 + b"\r\r\n\n\ntwo\r\ntor")
    follower = FileFollower(str(path))
    lines, count = read_all(follower)
    assert lines == [b"head", b"one", b"long" * 5, b"", b"", b"two"] and (count > 1) == (portion < 40)
    assert read_all(follower) == ([], 1)
    with path.open("ab") as file:
        file.write(b"n\nlast\n")
    assert read_all(follower)[0] == [b"torn", b"last"]


def test_a_file_that_goes_or_shrinks_between_two_portions_ends_the_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "CHUNK_BYTES", 8)
    path = tmp_path / "file"
    path.write_bytes(b"one\ntwo\nthree\nfour\n")
    follower = FileFollower(str(path))
    assert follower.read_lines() == ([b"one", b"two"], True) and follower.has_more
    path.write_bytes(b"new\n")
    assert follower.read_lines() == ([b"new"], True) and not follower.has_more
    path.write_bytes(b"new\none\ntwo\nthree\n")
    assert follower.read_lines() == ([b"one", b"two"], False) and follower.has_more
    path.unlink()
    assert follower.read_lines() == ([], False) and not follower.has_more


def test_what_was_appended_is_skipped_only_right_behind_what_was_read(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "file.csv"
    appender, follower = Appender(str(path), b"a,b", WAIT, clock), FileFollower(str(path))
    assert follower.skip(appender.append([b"1,2"])) == []  # the header was never read
    assert follower.read_lines()[0] == [b"a,b", b"1,2"]
    assert follower.skip(appender.append([b"3,4", b"5,6"])) == [b"3,4", b"5,6"]
    assert follower.read_lines() == ([], False)
    with path.open("ab") as file:
        file.write(b"7,8\r\n")  # by another program
    assert follower.skip(appender.append([b"9,0"])) == []
    assert follower.read_lines() == ([b"7,8", b"9,0"], False)


def test_a_follower_drops_the_mark_of_utf_8_only_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfone\n\xef\xbb\xbftwo\n")
    assert FileFollower(str(tmp_path / "file")).read_lines()[0] == [b"one", b"\xef\xbb\xbftwo"]


@pytest.mark.parametrize(
    "text, written, first",
    [
        ("资金不足", "gbk", "utf-8"),
        ("资金不足", "utf-8", "utf-8"),
        ("资金不足", "utf-8", "ascii"),
        ("㐀", "gb18030", "gbk"),
    ],
)
def test_text_is_decoded_as_it_was_meant(text: str, written: str, first: str) -> None:
    assert decode(text.encode(written), first) == text


def test_bytes_that_are_no_text_in_any_encoding_are_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        decode(b"\xff\xff\xff", "utf-8")


@given(st.binary(max_size=80))
def test_any_line_is_either_fields_or_an_error(data: bytes) -> None:
    try:
        fields = split_row(data.replace(b"\n", b""))
    except ValueError:
        return
    assert fields and all(isinstance(field, bytes) for field in fields)


@pytest.mark.parametrize(
    "line, fields",
    [
        (b"a,b", [b"a", b"b"]),
        (b" a , b ", [b"a", b"b"]),
        (b'"a,b",c', [b"a,b", b"c"]),
        (b'say "hi",c', [b'say "hi"', b"c"]),
        ('"废单,价格",资金'.encode("gb18030"), ["废单,价格".encode("gb18030"), "资金".encode("gb18030")]),
        (b"", [b""]),
        (b",,", [b"", b"", b""]),
    ],
)
def test_a_line_is_split_as_csv(line: bytes, fields: List[bytes]) -> None:
    assert split_row(line) == fields


@pytest.mark.parametrize(
    "line, row",
    [
        (b"1,no,x", (b"x", b"1", b"no")),
        (b"1,no,yes,x", (b"x", b"1", b"no,yes")),
        (b"1,,,,x", (b"x", b"1", b",,")),
        (b",,", ()),
        (b",,,,", ()),
        (b"", ()),
    ],
)
def test_bare_commas_belong_to_the_free_text(line: bytes, row: Tuple[bytes, ...]) -> None:
    assert Columns("f", ["id", "text", "last"], ["last", "id"], "text").pick(line) == row


def test_a_text_that_begins_with_a_quote_costs_no_refusal() -> None:
    columns = Columns("file.csv", ["id", "text", "last"], ["id", "last"], "text")
    assert columns.pick(b'7,"no money,x') == (b"7", b"x", b'"no money')


def test_a_column_of_text_may_be_missing() -> None:
    assert Columns("f", ["id", "last"], ["last", "id"], "text").pick(b"1,x") == (b"x", b"1", b"")


@pytest.mark.parametrize("line, message", [(b"1,2", "text"), (b"1", ""), (b"1,2,3,4", "")])
def test_a_row_with_too_few_fields_or_without_a_text_too_many_is_broken(line: bytes, message: str) -> None:
    with pytest.raises(ValueError, match="3.*{}".format(line.count(b",") + 1)):
        Columns("f", ["id", "text", "last"], ["id"], message).pick(line)


def test_every_missing_column_is_named() -> None:
    with pytest.raises(TradeGateError, match="f.csv.*status.*text.*id,last"):
        Columns("f.csv", ["id", "last"], ["id", "status", "text"])


@given(st.binary(max_size=120))
def test_a_snapshot_of_anything_is_rows_or_a_trade_gate_error(tmp_path_factory: Any, data: bytes) -> None:
    path = Path(str(tmp_path_factory.mktemp("snapshot"))) / "file"
    for content in (data, b"a,b\n" + data, b"a,b\n1,2\n,\n" + data):
        path.write_bytes(content)
        try:
            rows = read_snapshot(str(path), "utf-8", ["a", "b"])
        except TradeGateError:
            continue
        assert all(len(row) == 3 and row[2] == b"" for row in rows)


@pytest.mark.posix
@pytest.mark.parametrize("name", ["algoOrder_20260105.csv", "algoOrder_20260105.csv.lock"])
@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_a_link_in_place_of_a_file_of_ours_means_not_sent_and_is_not_followed(
    gate: AnXinDMATradeGate, folder: OneQuantFolder, tmp_path: Path, name: str, there: bool
) -> None:
    target = tmp_path / "target"
    if there:
        target.write_bytes(b"precious")
    (folder.path / name).symlink_to(target)
    with pytest.raises(OrderNotSent, match=f"{name} 是符号链接"):
        gate.order(make_order())
    assert target.read_bytes() == b"precious" if there else not target.exists()


@pytest.mark.posix
def test_a_link_that_appears_at_the_last_moment_is_not_followed(
    gate: AnXinDMATradeGate, folder: OneQuantFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "target").write_bytes(b"precious")
    folder.file("algoOrder").symlink_to(tmp_path / "target")
    monkeypatch.setattr(csv_file, "_check_plain", lambda path: None)
    with pytest.raises(OrderNotSent, match="无法打开文件"):
        gate.order(make_order())
    assert (tmp_path / "target").read_bytes() == b"precious"


@pytest.mark.posix
def test_a_cancel_is_not_written_through_a_link_either(
    gate: AnXinDMATradeGate, folder: OneQuantFolder, tmp_path: Path
) -> None:
    folder.file("algoOrderStop").symlink_to(tmp_path / "target")
    with pytest.raises(OrderNotSent, match="符号链接"):
        gate.cancel_order("1")
    assert not (tmp_path / "target").exists()


@pytest.mark.posix
def test_the_order_directory_itself_may_be_a_link(
    open_gate: Callable[..., AnXinDMATradeGate], folder: OneQuantFolder, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(folder.path)
    open_gate(order_dir=str(tmp_path / "link")).order(make_order())
    assert len(folder.order_lines()) == 2


@pytest.mark.posix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
def test_another_users_order_file_is_the_terminals_and_is_used(gate: AnXinDMATradeGate, folder: OneQuantFolder) -> None:
    gate.order(make_order("1"))
    os.chown(str(folder.file("algoOrder")), 4242, -1)
    gate.order(make_order("2"))
    assert len(folder.order_lines()) == 3


def test_a_last_line_written_over_in_the_same_size_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"id,state\n1,open\n")
    follower = FileFollower(str(path))
    assert follower.read_lines()[0] == [b"id,state", b"1,open"]
    with path.open("r+b") as file:
        file.write(b"id,state\n1,done\n")
    os.utime(str(path), (1.0, 1.0))
    assert follower.read_lines() == ([b"id,state", b"1,done"], True)
    assert follower.read_lines() == ([], False)
