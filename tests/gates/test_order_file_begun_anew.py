"""The order file is begun anew, in every way: what a restart says of orders of today that the file does not have any more."""

import os
from datetime import date, datetime
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from broker_files import ORDER_HEADER, UPDATE_HEADER, OneQuantFolder, update_row
from journal_files import recorded
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock

OpenGate = Callable[..., AnXinDMATradeGate]
DAY = date(2026, 1, 5)
HEADER = ORDER_HEADER.encode() + b"\r\n"
OTHERS = b"093000.000000,77,UM0,other,600000.SH,1,100,DMA,AT,0,8,8\r\n"


class Died(BaseException):
    """The process dies here."""


def put_in_place(path: Path, data: bytes) -> None:
    other = path.with_name("other")
    other.write_bytes(data)
    os.replace(str(other), str(path))


WAYS: Dict[str, Callable[[Path], Any]] = {
    "deleted": lambda path: path.unlink(),
    "moved away": lambda path: os.replace(str(path), str(path) + ".bak"),
    "emptied": lambda path: path.write_bytes(b""),
    "header only": lambda path: path.write_bytes(HEADER),
    "header only, another file": lambda path: put_in_place(path, HEADER),
    "others' rows only": lambda path: put_in_place(path, HEADER + OTHERS),
    "no header, others' rows": lambda path: path.write_bytes(OTHERS),
    "a header of somebody else": lambda path: path.write_bytes(b"id,text\r\n"),
    "zeros of the same length": lambda path: path.write_bytes(b"\0" * path.stat().st_size),
    "cut in the first row": lambda path: os.truncate(str(path), len(HEADER) + 10),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "the whole folder anew": lambda path: (
        os.rename(str(path.parent), str(path.parent) + ".old"),
        path.parent.mkdir(),
    ),
}


class Task:
    def __init__(self, open_gate: OpenGate, folder: OneQuantFolder, journal_path: str) -> None:
        self._open_gate = open_gate
        self.journal_path = journal_path
        self.folder = folder
        self.clock = VirtualClock(datetime(2026, 1, 5, 10, 0))
        self.account = self.open()

    def open(self) -> Account:
        self.account = Account(self._open_gate(), Journal(self.journal_path), self.clock, no_limits(self.clock))
        self.account.recover()
        return self.account

    def buy(self, code: str) -> Any:
        return self.account.submit_batch([check_request(code, 100, LimitOrderStyle(10))])[0]

    def buy_and_die(self, code: str, monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> str:
        """Returns the id of the order that the process died over."""

        def die(*args: Any) -> None:
            raise Died

        with monkeypatch.context() as patch:
            patch.setattr(place, name, die)
            with pytest.raises(Died):
                self.buy(code)
        return next(order.order_id for order, _ in recorded(self.journal_path, DAY) if order.code == code)

    def confirm(self, order_id: str) -> None:
        self.folder.append("orderUpdate", UPDATE_HEADER, update_row(order_id, 0, orderQty="100"))
        self.account.sync_orders()

    def status(self, order_id: str) -> str:
        (order,) = self.account.orders(order_id)
        return order.status.value


@pytest.fixture
def task(open_gate: OpenGate, folder: OneQuantFolder, journal_path: str) -> Task:
    return Task(open_gate, folder, journal_path)


@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_an_order_that_was_sent_stays_so_whatever_becomes_of_the_file(task: Task, way: str, end: str) -> None:
    confirmed = task.buy("000001.XSHE")
    task.confirm(confirmed)
    silent = task.buy("000002.XSHE")  # nothing is written to the journal after it
    if end == "stop":
        task.account.close()
    path = task.folder.file("algoOrder")
    WAYS[way](path)
    for _ in range(2):
        task.open()
        task.account.sync_orders()
        assert task.status(confirmed) == "open" and task.status(silent) == "new"
    if path.parent.joinpath("orderUpdate_20260105.csv").exists():
        task.folder.append("orderUpdate", update_row(silent, 0, symbol="000002.SZ", orderQty="100"))
        task.account.sync_orders()
        assert task.status(silent) == "open"


@pytest.mark.parametrize("other", ["confirmed", "silent"])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_an_order_that_may_have_been_sent_stays_in_doubt_when_another_ones_row_is_missing(
    task: Task, way: str, other: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    known = task.buy("000001.XSHE")
    if other == "confirmed":
        task.confirm(known)
    doubtful = task.buy_and_die("000002.XSHE", monkeypatch, Journal, "note_sent")
    WAYS[way](task.folder.file("algoOrder"))
    for _ in range(2):
        task.open()
        assert task.account.sync_orders() == []
        assert task.status(doubtful) == "new" and f"无法确认订单 {doubtful} 是否发出" in caplog.text
        assert task.buy("000002.XSHE") is None  # it might be the same once more
        assert task.status(known) != "rejected"


@pytest.mark.parametrize("way", sorted(set(WAYS) - {"cut in the first row", "a folder"}))
def test_an_order_that_was_not_written_is_called_so_when_no_row_is_missing(
    task: Task, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = task.folder.file("algoOrder")
    path.write_bytes(HEADER + OTHERS)
    unsent = task.buy_and_die("000002.XSHE", monkeypatch, AnXinDMATradeGate, "batch_order")
    WAYS[way](path)
    task.open()
    unknowable = way == "zeros of the same length"
    assert task.status(unsent) == ("new" if unknowable else "rejected")


def test_rows_that_disappear_while_the_task_runs_change_nothing_that_is_known(task: Task, caplog: Any) -> None:
    """The order file is begun anew under the feet of a task that goes on ordering."""
    ids: List[str] = []
    path = task.folder.file("algoOrder")
    for way in ("header only", "emptied", "deleted", "others' rows only"):
        ids.append(task.buy("000001.XSHE"))
        WAYS[way](path)
        task.account.sync_orders()
        assert [order.status for order in task.account.orders()] == ["new"] * len(ids)
    assert None not in ids


@pytest.mark.parametrize("way", sorted(WAYS))
def test_the_only_order_of_the_day_that_was_sent_stays_so(task: Task, way: str) -> None:
    """No other row is missing that could warn of it: the journal alone knows, from the moment in which it was sent."""
    sent = task.buy("000001.XSHE")
    WAYS[way](task.folder.file("algoOrder"))
    task.open()
    task.account.sync_orders()
    assert task.status(sent) == "new" and task.account.orders(sent)[0].err_msg == ""
