"""Cash that was not written for five minutes of trading time is used, and said once."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Callable, List

import pytest
from broker_files import OneQuantFolder, asset_row

from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.gates.onequant.snapshot_watch import SnapshotWatch
from jqtrade.gates.options import strategy_options
from jqtrade.testing import VirtualClock


class FileClock(VirtualClock):
    """A virtual clock that shows the times of files as they are."""

    def at(self, timestamp: float) -> datetime:
        return datetime.fromtimestamp(timestamp)


def moment(text: str, day: int = 5) -> datetime:
    return datetime.strptime(f"2026-01-{day:02} {text}", "%Y-%m-%d %H:%M:%S")


def touch(path: Path, changed: datetime) -> None:
    os.utime(str(path), (changed.timestamp(), changed.timestamp()))


def said(caplog: Any) -> List[str]:
    return [record.levelname for record in caplog.records]


@pytest.mark.parametrize(
    "changed, now, warned",
    [
        ("10:00:00", "10:05:00", False),
        ("10:00:00", "10:05:01", True),
        ("09:30:00", "14:00:00", True),
        ("08:00:00", "09:35:00", False),
        ("08:00:00", "09:35:01", True),
        ("11:28:00", "13:03:00", False),
        ("11:28:00", "13:03:01", True),
        ("11:40:00", "13:05:00", False),
        ("09:30:00", "12:00:00", False),
        ("09:30:00", "15:00:00", True),
        ("09:30:00", "15:00:01", False),
        ("09:30:00", "20:00:00", False),
        ("10:00:00", "09:00:00", False),
        ("10:10:00", "10:00:00", False),
    ],
)
def test_only_trading_time_counts_and_only_then_anything_is_said(
    tmp_path: Path, caplog: Any, changed: str, now: str, warned: bool
) -> None:
    path = tmp_path / "assetInfo_20260105.csv"
    path.write_bytes(b"")
    touch(path, moment(changed))
    SnapshotWatch(FileClock(moment(now)), strategy_options()["market_period"]).check(str(path), path.stat())
    assert said(caplog) == (["WARNING"] if warned else [])


def test_yesterdays_time_counts_from_todays_opening(tmp_path: Path, caplog: Any) -> None:
    path = tmp_path / "assetInfo_20260105.csv"
    path.write_bytes(b"")
    touch(path, moment("10:00:00", day=4))
    clock = FileClock(moment("09:34:00"))
    watch = SnapshotWatch(clock, strategy_options()["market_period"])
    watch.check(str(path), path.stat())
    assert said(caplog) == []
    clock.sleep(90)
    watch.check(str(path), path.stat())
    assert "5 分 30 秒" in caplog.text


def test_a_file_that_stands_still_is_said_once_and_when_it_moves_again(
    open_gate: Callable[..., AnXinDMATradeGate], folder: OneQuantFolder, caplog: Any
) -> None:
    caplog.set_level("INFO")
    gate = open_gate()
    clock = FileClock(moment("10:00:00"))
    gate.clock = gate._snapshot_watch._clock = clock
    folder.write_snapshots([asset_row("7")], [])
    path = folder.file("assetInfo")
    touch(path, clock.now())
    for _ in range(100):
        clock.sleep(5)
        assert gate.sync_balance().total_assert == 7.0
    assert said(caplog) == ["WARNING"] and "assetInfo_20260105.csv" in caplog.text
    for _ in range(100):
        touch(path, clock.now())
        clock.sleep(5)
        gate.sync_balance()
    assert said(caplog) == ["WARNING", "INFO"] and "恢复更新" in caplog.text
    clock.sleep(301)
    gate.sync_balance()
    assert said(caplog) == ["WARNING", "INFO", "WARNING"]


def test_the_market_period_is_the_options(
    open_gate: Callable[..., AnXinDMATradeGate], folder: OneQuantFolder, caplog: Any
) -> None:
    for period, count in (([("09:00", "09:30")], 0), ([("09:00", "15:00")], 1)):
        gate = open_gate(market_period=period)
        gate.clock = gate._snapshot_watch._clock = FileClock(moment("11:45:00"))
        folder.write_snapshots([asset_row()], [])
        touch(folder.file("assetInfo"), moment("11:45:00") - timedelta(minutes=6))
        gate.sync_balance()
        assert len(caplog.records) == count
