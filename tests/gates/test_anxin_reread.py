"""Files that were written and look unchanged, as on Windows while their writer has them open: read anyway now and then."""

import os
from datetime import datetime
from typing import Any, Callable

import pytest
from broker_files import UPDATE_HEADER, OneQuantFolder, asset_row, position_row, update_row
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.errors import InvalidParam, TradeGateError
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock

Gate = AnXinDMATradeGate
OpenGate = Callable[..., AnXinDMATradeGate]
OPENED = datetime(2026, 1, 5, 9, 58)
"""when the terminal opened its files: their time until it closes them"""


@pytest.fixture
def gate(open_gate: OpenGate, clock: VirtualClock, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate on files of which Windows tells the times and sizes at their opening, once they were looked at."""
    real, seen = os.stat, {}  # type: ignore[var-annotated]

    def stat(path: Any, **more: Any) -> os.stat_result:
        if str(path).startswith(str(folder.path)) and str(path).endswith(".csv"):
            if path not in seen:
                seen[path] = real(path, **more)
            return seen[path]  # type: ignore[no-any-return]
        return real(path, **more)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr(clock, "at", lambda timestamp: OPENED)
    return open_gate()


def rewrite(folder: OneQuantFolder, cash: str, shares: int) -> None:
    folder.write_snapshots([asset_row("1", "1", cash)], [position_row(current=shares, enabled=shares)])


def open_account(gate: Gate, clock: VirtualClock, **options: Any) -> Account:
    account = Account(gate, Journal(None), clock, no_limits(clock, **options))
    account.recover()
    account.sync_balance()
    return account


def test_what_looks_unchanged_is_read_anyway_after_the_options_seconds(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    rewrite(folder, "5000", 300)
    assert gate.sync_balance().available_cash == 5000
    rewrite(folder, "4000", 200)
    clock.sleep(29.9)
    assert not gate.is_snapshot_due() and gate.sync_balance().available_cash == 5000
    clock.sleep(0.1)
    assert gate.is_snapshot_due()
    report = gate.sync_balance()
    assert (report.available_cash, report.positions[0].amount) == (4000, 200)
    assert not gate.is_snapshot_due()


def test_the_option_says_how_often(
    open_gate: OpenGate, gate: Gate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    often = open_gate(reread_internal=5)
    rewrite(folder, "5000", 300)
    often.sync_balance()
    rewrite(folder, "4000", 300)
    clock.sleep(5)
    assert often.sync_balance().available_cash == 4000


def test_a_change_that_was_not_told_of_was_made_after_the_last_reading(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    """By the file's own time the snapshot knew of no order of today."""
    rewrite(folder, "5000", 300)
    assert gate.sync_balance().written == OPENED
    read = clock.now()
    clock.sleep(40)
    rewrite(folder, "4000", 300)
    assert gate.sync_balance().written == OPENED  # of the positions nobody knows more
    clock.sleep(40)
    rewrite(folder, "4000", 200)
    report = gate.sync_balance()
    assert report.written == read  # of the cash, the older one


def test_an_order_is_checked_against_what_stands_in_the_files_now(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    rewrite(folder, "5000", 300)
    account = open_account(gate, clock, sell_check=True)
    rewrite(folder, "5000", 100)  # somebody sold 200 by hand
    clock.sleep(31)  # a job that lasts, without a sync
    assert account.submit_batch([check_request("000001.XSHE", -300, LimitOrderStyle(10))]) == [None]
    assert not folder.file("algoOrder").exists()
    assert account.submit_batch([check_request("000001.XSHE", -100, LimitOrderStyle(10))]) != [None]


def test_files_that_cannot_be_read_then_leave_the_last_good_snapshot(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    rewrite(folder, "5000", 300)
    account = open_account(gate, clock)
    folder.file("assetInfo").write_bytes(b"")
    clock.sleep(31)
    account.sync_balance()
    assert account.portfolio.available_cash == 5000
    rewrite(folder, "4000", 300)
    account.sync_balance()
    assert account.portfolio.available_cash == 4000


def test_files_that_cannot_be_read_are_tried_once_for_many_orders_and_at_each_sync(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    rewrite(folder, "5000", 300)
    account = open_account(gate, clock)
    folder.file("assetInfo").write_bytes(b"")
    clock.sleep(31)
    began = clock.monotonic()
    for _ in range(10):
        assert account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))]) != [None]
    assert clock.monotonic() - began < 0.5, "the tries of one reading, not of ten"
    with pytest.raises(TradeGateError):
        gate.sync_balance()


def test_cash_that_changes_under_an_old_time_is_no_file_that_stands_still(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, caplog: Any
) -> None:
    for minute in range(20):
        rewrite(folder, str(5000 + minute), 300)
        gate.sync_balance()
        clock.sleep(60)
    assert [record.getMessage() for record in caplog.records if "没有更新" in record.getMessage()] == []
    for _ in range(10):
        gate.sync_balance()
        clock.sleep(60)
    assert len([record for record in caplog.records if "没有更新" in record.getMessage()]) == 1


def test_updates_below_an_old_time_and_size_are_read_too(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("4000000001"))
    assert len(gate.sync_orders()) == 1
    folder.append("orderUpdate", update_row("4000000002"))
    assert gate.sync_orders() == []
    clock.sleep(30)
    assert len(gate.sync_orders()) == 1


@pytest.mark.parametrize("value", [0, -1, "30", True, None])
def test_seconds_that_are_none_are_refused(open_gate: OpenGate, value: Any) -> None:
    with pytest.raises(InvalidParam, match="reread_internal"):
        open_gate(reread_internal=value)
