"""Every call of a submit fails once: the outcome is sent, not sent or unknown, as what stands in the file is."""

import errno
import os
import signal
from pathlib import Path
from typing import Any, Callable, List, Optional

import pytest
from broker_files import ORDER_HEADER, UPDATE_HEADER, OneQuantFolder, make_order, update_row
from failing_os import FailingOs
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.errors import OrderNotSent, OrderUncertain, TradeGateError
from jqtrade.gates import csv_file
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock

Gate = AnXinDMATradeGate
OpenGate = Callable[..., AnXinDMATradeGate]

OLD_ROW = "093000.000000,77,UM0,other,600000.SH,1,100,DMA,AT,0,8,8"
FILES = {
    "no file": None,
    "empty": b"",
    "torn header": ORDER_HEADER[:20].encode(),
    "header": (ORDER_HEADER + "\r\n").encode(),
    "whole": (ORDER_HEADER + "\r\n" + OLD_ROW + "\r\n").encode(),
    "torn": (ORDER_HEADER + "\r\n" + OLD_ROW[:30]).encode(),
    "torn before LF": (ORDER_HEADER + "\r\n" + OLD_ROW + "\r").encode(),
}
FAULTS = [
    (name, moment, nth)
    for name, moments, calls in [
        ("open", ["before"], 1),
        ("lseek", ["before"], 2),
        ("read", ["before"], 1),
        ("write", ["before", "half", "short", "after"], 1),
        ("fsync", ["before", "after"], 1),
        ("close", ["before"], 1),
    ]
    for moment in moments
    for nth in range(1, calls + 1)
]


def bytes_of(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def check_outcome(outcome: Optional[Exception], order_id: str, data: bytes) -> None:
    """Compare what the gate says of an order with what stands in the file."""
    whole, _, torn = data.rpartition(b"\n")
    rows = [line for line in whole.split(b"\n") if line.split(b",")[1:2] == [order_id.encode()]]
    if outcome is None:
        assert len(rows) == 1 and rows[0].rstrip(b"\r").count(b",") == 11
    elif isinstance(outcome, OrderNotSent):
        assert rows == [] and order_id.encode() not in torn
    else:
        assert isinstance(outcome, OrderUncertain) and torn


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EACCES], ids=["ENOSPC", "EIO", "EACCES"])
@pytest.mark.parametrize("fault", FAULTS, ids="-".join("%s" for _ in range(3)).__mod__)
@pytest.mark.parametrize("state", sorted(FILES))
def test_an_outcome_is_never_wrong_about_the_file(
    gate: Gate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch, state: str, fault: Any, number: int
) -> None:
    path = folder.file("algoOrder")
    before = FILES[state]
    if before is not None:
        path.write_bytes(before)
    orders = [make_order("4000000001"), make_order("4000000002"), make_order("4000000003")]
    with monkeypatch.context() as patch:
        patch.setattr(csv_file, "os", FailingOs(fault[0], fault[1], number, fault[2]))
        outcomes = gate.batch_order(orders)
    after = bytes_of(path)
    assert after.startswith(before or b"")
    for order, outcome in zip(orders, outcomes):
        check_outcome(outcome, order.order_id, after)
    gate.order(make_order("4000000009"))  # when the fault is gone all goes on, and nothing that stood is changed
    last = path.read_bytes()
    assert last.startswith(after) and last.endswith(b",10.5\r\n")
    assert last.split(b"\r\n")[-2].startswith(b"093102.000345,4000000009,UF0,")
    if not (before or b"").startswith(ORDER_HEADER[:20].encode()) or state == "torn header":
        assert last.startswith(ORDER_HEADER.encode() + b"\r\n")


def test_a_full_disk_leaves_no_order_that_nobody_knows(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(gate, Journal(None), clock, no_limits(clock))
    with monkeypatch.context() as patch:
        patch.setattr(csv_file, "os", FailingOs("write", "before", errno.ENOSPC))
        assert account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))]) == [None]
    assert account.orders()[0].status == "rejected" and "没有发出" in account.orders()[0].err_msg


def test_a_torn_row_leaves_the_order_new_until_the_broker_speaks(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    folder.append("algoOrder", ORDER_HEADER)
    account = Account(gate, Journal(None), clock, no_limits(clock))
    with monkeypatch.context() as patch:
        patch.setattr(csv_file, "os", FailingOs("write", "short", errno.ENOSPC))
        (order_id,) = account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))])
    assert order_id is not None and account.orders()[0].status == "new"
    assert any("无法确认" in record.getMessage() for record in caplog.records)


def test_a_torn_last_line_is_closed_before_the_next_row(gate: Gate, folder: OneQuantFolder) -> None:
    folder.file("algoOrder").write_bytes(FILES["torn"] or b"")
    gate.order(make_order())
    lines = folder.order_lines()
    assert lines[1] == OLD_ROW[:30] and lines[2].startswith("093102.000345,4000000001,")


def test_the_order_of_a_write_that_failed_at_midnight_is_looked_for_in_its_own_day(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    class SlowOs(FailingOs):
        def __getattr__(self, name: str) -> Any:
            if name == "fsync":
                clock.sleep(14 * 3600)  # the next day has begun when it is looked for
            return super().__getattr__(name)

    with monkeypatch.context() as patch:
        patch.setattr(csv_file, "os", SlowOs("fsync", "before", errno.EIO))
        assert gate.batch_order([make_order()]) == [None]
    assert len(folder.order_lines()) == 2


@pytest.mark.posix  # on Windows it is not os.open that opens it
def test_a_file_that_is_held_open_by_another_program_is_waited_for(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = open_gate(wait_lock_time_out=2, wait_lock_internal=0.5)
    with monkeypatch.context() as patch:
        patch.setattr(csv_file, "os", FailingOs("open", "before", errno.EACCES))
        gate.order(make_order())
    assert clock.monotonic() == 0.5 and len(folder.order_lines()) == 2


def test_a_file_that_cannot_be_opened_for_long_means_not_sent(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    folder.file("algoOrder").mkdir()
    with pytest.raises(OrderNotSent, match="algoOrder_20260105.csv"):
        open_gate(wait_lock_time_out=1).order(make_order())
    assert clock.monotonic() <= 1.1


@pytest.mark.parametrize("fault", FAULTS, ids="-".join("%s" for _ in range(3)).__mod__)
def test_a_cancel_that_fails_is_told_and_harms_nothing(
    gate: Gate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch, fault: Any
) -> None:
    gate.cancel_order("1")
    before = folder.file("algoOrderStop").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(csv_file, "os", FailingOs(fault[0], fault[1], errno.EIO, fault[2]))
        outcomes: List[Any] = gate.batch_cancel_order(["2", "3"])
    assert all(outcome is None or isinstance(outcome, Exception) for outcome in outcomes) and len(outcomes) == 2
    gate.cancel_order("4")
    after = folder.file("algoOrderStop").read_bytes()
    assert after.startswith(before) and after.endswith(b"\r\n100000.000000,4\r\n")
    if outcomes == [None, None]:
        assert after.count(b"\n") == 5


class Died(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("place, status", [("before the append", "rejected"), ("after the append", "new")])
def test_a_restart_finds_out_from_the_file_whether_an_order_was_sent(
    open_gate: OpenGate,
    folder: OneQuantFolder,
    clock: VirtualClock,
    journal_path: str,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    status: str,
) -> None:
    def die(*args: Any) -> None:
        raise Died

    account = Account(open_gate(), Journal(journal_path), clock, no_limits(clock))
    with monkeypatch.context() as patch:
        if place == "before the append":
            patch.setattr(AnXinDMATradeGate, "batch_order", die)
        else:
            patch.setattr(Journal, "note_sent", die)
        with pytest.raises(Died):
            account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))])
    before = bytes_of(folder.file("algoOrder"))
    for _ in range(2):
        account = Account(open_gate(), Journal(journal_path), clock, no_limits(clock))
        account.recover()
        (order,) = account.orders()
        assert order.status == status and order.err_msg.startswith("没有发出：") == (status == "rejected")
    assert bytes_of(folder.file("algoOrder")) == before and (status == "new") == (order.order_id.encode() in before)


@pytest.mark.posix
@pytest.mark.parametrize(
    "error", [TimeoutError("too slow"), TimeoutError(errno.ETIMEDOUT, "too slow"), OSError(5, "?")]
)
def test_a_signal_handlers_os_error_in_the_middle_of_a_read_costs_no_report(
    open_gate: OpenGate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    gate = open_gate()
    gate.order(make_order("4000000001"))
    folder.append("orderUpdate", UPDATE_HEADER, update_row("4000000001", 7))
    take = csv_file.FileFollower._take

    def ring(signum: Any, frame: Any) -> None:
        raise error

    def take_and_ring(self: csv_file.FileFollower, *args: Any) -> Any:
        lines = take(self, *args)
        if self.path.endswith(folder.file("orderUpdate").name):
            os.kill(os.getpid(), signal.SIGUSR1)
            for _ in range(100):  # the handler runs within a few of these
                pass
        return lines

    before = signal.signal(signal.SIGUSR1, ring)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(csv_file.FileFollower, "_take", take_and_ring)
            with pytest.raises(TradeGateError):
                gate.sync_orders()
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [report.order_id for report in gate.sync_orders()] == ["4000000001"]
