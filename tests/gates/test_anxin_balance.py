"""What the One Quant gate reads of cash and positions: whole snapshots of our account, or none."""

import os
from datetime import datetime
from typing import Any, Callable, List

import pytest
from broker_files import ASSET_HEADER, POSITION_HEADER, OneQuantFolder, asset_row, end_row, position_row
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.portfolio import Portfolio
from jqtrade.account.reports import check_balance
from jqtrade.errors import TradeGateError
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock

Gate = AnXinDMATradeGate
OpenGate = Callable[..., AnXinDMATradeGate]


@pytest.fixture
def gate(open_gate: OpenGate) -> Gate:
    return open_gate(sync_retry_kwargs={"max_attempts": 1})


def write(folder: OneQuantFolder, kind: str, *lines: str, end: str = "\r\n") -> None:
    folder.file(kind).write_bytes("".join(line + end for line in lines).encode("utf-8"))


def test_cash_and_positions_are_those_of_the_account(gate: Gate, folder: OneQuantFolder) -> None:
    folder.write_snapshots(
        [asset_row("1", "1", "1", exchange="SH"), asset_row("2", "2", "2", acct="7654321"), asset_row()],
        [position_row(), position_row("600000.SH", "0100", "0"), position_row("600001.SH", acct="7654321")],
    )
    report = check_balance(gate.sync_balance())
    assert (report.total_assert, report.available_cash, report.locked_cash) == (100000.5, 50000.0, 10000.0)
    first, second = report.positions
    assert (first.code, first.amount, first.available_amount, first.locked_amount) == ("000001.XSHE", 300, 200, 100)
    assert (first.avg_cost, first.hold_cost, first.last_price, first.position_value) == (9.5, 9.5, 10.0, 3000.0)
    assert (first.side, second.code, second.available_amount) == ("long", "600000.XSHG", 0)


def test_locked_cash_has_no_binary_noise(gate: Gate, folder: OneQuantFolder) -> None:
    folder.write_snapshots([asset_row("1", "0.3", "0.1")], [])
    assert gate.sync_balance().locked_cash == 0.2


def test_cash_of_zero_is_zero(gate: Gate, folder: OneQuantFolder) -> None:
    folder.write_snapshots([asset_row(0, "0.00", "0")], [])
    report = gate.sync_balance()
    assert (report.total_assert, report.available_cash, report.locked_cash, report.positions) == (0.0, 0.0, 0.0, [])


def test_what_was_sold_out_today_is_no_position(gate: Gate, folder: OneQuantFolder) -> None:
    folder.write_snapshots([asset_row()], [position_row(current=0, enabled=0, costPrice=""), position_row("600000.SH")])
    assert [position.code for position in gate.sync_balance().positions] == ["600000.XSHG"]


def test_a_cost_below_zero_is_a_cost(gate: Gate, folder: OneQuantFolder) -> None:
    folder.write_snapshots([asset_row()], [position_row(costPrice="-1.25")])
    assert check_balance(gate.sync_balance()).positions[0].avg_cost == -1.25


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"], ids=["LF", "CRLF", "CR CRLF"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_snapshots_are_read_in_any_encoding_with_any_line_end(
    gate: Gate, folder: OneQuantFolder, end: str, encoding: str
) -> None:
    for kind, header, row in (
        ("assetInfo", ASSET_HEADER, asset_row()),
        ("positionInfo", POSITION_HEADER, position_row()),
    ):
        lines = [header + ",备注", row + ",平安银行", end_row(header) + ","]
        folder.file(kind).write_bytes("".join(line + end for line in lines).encode(encoding))
    report = check_balance(gate.sync_balance())
    assert (report.total_assert, len(report.positions)) == (100000.5, 1)


@pytest.mark.parametrize("option", ["ascii", "gbk", "utf-8"])
@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8-sig"])
def test_snapshots_are_read_whatever_encoding_is_expected(
    open_gate: OpenGate, folder: OneQuantFolder, option: str, encoding: str
) -> None:
    text = "㐀" if encoding == "gb18030" else "备注"
    for kind, header, row in (
        ("assetInfo", ASSET_HEADER, asset_row()),
        ("positionInfo", POSITION_HEADER, position_row()),
    ):
        lines = [header + "," + text, row + "," + text, end_row(header) + ","]
        folder.file(kind).write_bytes("".join(line + "\r\n" for line in lines).encode(encoding))
    report = check_balance(open_gate(file_encoding=option).sync_balance())
    assert (report.total_assert, len(report.positions)) == (100000.5, 1)


def test_cash_below_zero_is_cash_that_is_owed(gate: Gate, folder: OneQuantFolder) -> None:
    folder.write_snapshots([asset_row("1000", "-3.2", "-5.2")], [])
    cash = check_balance(gate.sync_balance())
    assert (cash.available_cash, cash.locked_cash) == (-5.2, 2.0)


@pytest.mark.parametrize("rows", range(1, 6))
def test_a_shorter_snapshot_written_over_a_longer_one_is_whole_or_none(
    gate: Gate, folder: OneQuantFolder, rows: int
) -> None:
    held = [position_row(f"60000{number}.SH") for number in range(6)]
    folder.write_snapshots([asset_row()], held)
    old = folder.file("positionInfo").read_bytes()
    folder.write_snapshots([asset_row()], held[:rows])
    new = folder.file("positionInfo").read_bytes()
    for cut in range(len(new) + 1):  # the writer has come so far, and shortens the file when it is done
        folder.file("positionInfo").write_bytes(new[:cut] + old[cut:])
        try:
            codes = [position.code[5] for position in gate.sync_balance().positions]
        except TradeGateError:
            continue
        assert codes in (list("012345"), list("012345")[:rows]), cut


def test_the_header_decides_where_columns_stand(gate: Gate, folder: OneQuantFolder) -> None:
    folder.write_snapshots([asset_row()], [position_row()])
    expected = gate.sync_balance()
    for kind in ("assetInfo", "positionInfo"):
        rows = [line.split(",") for line in folder.file(kind).read_text().split("\n") if line]
        write(folder, kind, *[",".join(reversed(["" if row[0] == "" else "x"] + row)) for row in rows])
    assert gate.sync_balance() == expected


@pytest.mark.parametrize(
    "kind, header, row, names",
    [
        ("assetInfo", ASSET_HEADER, asset_row(), "acct exchange totalAsset currentBalance enabledBalance"),
        (
            "positionInfo",
            POSITION_HEADER,
            position_row(),
            "acct symbol currentQty enabledQty costPrice lastPrice mktValue",
        ),
    ],
)
def test_a_missing_column_is_named_with_its_file(
    gate: Gate, folder: OneQuantFolder, kind: str, header: str, row: str, names: str
) -> None:
    for name in names.split():
        folder.write_snapshots([asset_row()], [position_row()])
        write(folder, kind, header.replace(name, "x"), row, end_row(header))
        with pytest.raises(TradeGateError, match=f"{kind}_20260105.csv.*{name}"):
            gate.sync_balance()


BAD_SNAPSHOTS = {
    "no end row": ("assetInfo", [ASSET_HEADER, asset_row()]),
    "no end row of positions": ("positionInfo", [POSITION_HEADER, position_row()]),
    "half an end row": ("assetInfo", [ASSET_HEADER, asset_row(), "x,,,"]),
    "only a header": ("assetInfo", [ASSET_HEADER]),
    "empty": ("assetInfo", []),
    "empty positions": ("positionInfo", []),
    "a short row": (
        "positionInfo",
        [POSITION_HEADER, "100001,UF0,1234567,0000", position_row(), end_row(POSITION_HEADER)],
    ),
    "rows after the end": ("positionInfo", [POSITION_HEADER, end_row(POSITION_HEADER), position_row()]),
    "ends of two files": (
        "positionInfo",
        [POSITION_HEADER, position_row(), end_row(POSITION_HEADER), "000001.SZ,1", end_row(POSITION_HEADER)],
    ),
    "another account": ("assetInfo", [ASSET_HEADER, asset_row(acct="7654321"), end_row(ASSET_HEADER)]),
    "no total row": ("assetInfo", [ASSET_HEADER, asset_row(exchange="SZ"), end_row(ASSET_HEADER)]),
    "two total rows": ("assetInfo", [ASSET_HEADER, asset_row(), asset_row("9"), end_row(ASSET_HEADER)]),
    "NaN total": ("assetInfo", [ASSET_HEADER, asset_row("nan"), end_row(ASSET_HEADER)]),
    "infinite cash": ("assetInfo", [ASSET_HEADER, asset_row("1", "inf", "1"), end_row(ASSET_HEADER)]),
    "no cash": ("assetInfo", [ASSET_HEADER, asset_row("1", "1", ""), end_row(ASSET_HEADER)]),
    "cash in words": ("assetInfo", [ASSET_HEADER, asset_row("很多"), end_row(ASSET_HEADER)]),
    "half a share": ("positionInfo", [POSITION_HEADER, position_row(current="0.5"), end_row(POSITION_HEADER)]),
    "a negative position": ("positionInfo", [POSITION_HEADER, position_row(current=-100), end_row(POSITION_HEADER)]),
    "NaN shares": ("positionInfo", [POSITION_HEADER, position_row(enabled="nan"), end_row(POSITION_HEADER)]),
    "NaN cost": ("positionInfo", [POSITION_HEADER, position_row(costPrice="nan"), end_row(POSITION_HEADER)]),
    "no price": ("positionInfo", [POSITION_HEADER, position_row(lastPrice="-"), end_row(POSITION_HEADER)]),
    "more available than held": (
        "positionInfo",
        [POSITION_HEADER, position_row(enabled=301), end_row(POSITION_HEADER)],
    ),
    "a position twice": ("positionInfo", [POSITION_HEADER, position_row(), position_row(), end_row(POSITION_HEADER)]),
}


@pytest.mark.parametrize("name", sorted(BAD_SNAPSHOTS))
def test_a_snapshot_that_is_not_whole_and_valid_changes_nothing(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, name: str
) -> None:
    account = Account(gate, Journal(None), clock, no_limits(clock))
    folder.write_snapshots([asset_row()], [position_row()])
    account.sync_balance()
    good = account.portfolio
    clock.sleep(5)
    kind, lines = BAD_SNAPSHOTS[name]
    write(folder, kind, *lines)
    with pytest.raises(TradeGateError):
        check_balance(gate.sync_balance())
    account.sync_balance()
    assert account.portfolio is good and good.total_assert == 100000.5
    folder.write_snapshots([asset_row("7")], [])
    account.sync_balance()
    assert (account.portfolio.total_assert, account.portfolio.updated_time) == (7.0, clock.now())


@pytest.mark.parametrize("kind", ["assetInfo", "positionInfo"])
def test_a_missing_file_is_named(gate: Gate, folder: OneQuantFolder, kind: str) -> None:
    folder.write_snapshots([asset_row()], [])
    folder.file(kind).unlink()
    with pytest.raises(TradeGateError, match=f"{kind}_20260105.csv"):
        gate.sync_balance()


def test_yesterdays_snapshot_is_never_todays(gate: Gate, folder: OneQuantFolder, clock: VirtualClock) -> None:
    folder.write_snapshots([asset_row()], [])
    clock.sleep(24 * 3600)
    with pytest.raises(TradeGateError, match="20260106"):
        gate.sync_balance()


@pytest.mark.parametrize("kind", ["assetInfo", "positionInfo"])
def test_an_end_row_needs_no_line_end_but_all_its_commas(gate: Gate, folder: OneQuantFolder, kind: str) -> None:
    folder.write_snapshots([asset_row()], [position_row()])
    expected = gate.sync_balance()
    whole = folder.file(kind).read_bytes()
    for kept in (whole[:-1], whole[:-2]):
        folder.file(kind).write_bytes(kept)
        assert gate.sync_balance() == expected
    folder.file(kind).write_bytes(whole[:-3])
    with pytest.raises(TradeGateError, match="没有写完"):
        gate.sync_balance()


class BusyClock(VirtualClock):
    """A clock that calls `on_sleep` after every sleep, and remembers how long each was."""

    on_sleep: Any = staticmethod(lambda: None)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self.slept: List[float] = getattr(self, "slept", []) + [seconds]
        self.on_sleep()


@pytest.mark.parametrize(
    "options, slept", [({}, [0.15] * 2), ({"max_attempts": 1}, []), ({"max_attempts": 5}, [0.15] * 4)]
)
def test_a_snapshot_is_tried_as_often_as_the_option_says(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock, options: Any, slept: List[float]
) -> None:
    gate = open_gate(sync_retry_kwargs=options)
    folder.file("assetInfo").write_bytes(b"acct,exchange")
    gate.clock = busy = BusyClock(clock.now())
    with pytest.raises(TradeGateError):
        gate.sync_balance()
    assert getattr(busy, "slept", []) == slept


def test_a_snapshot_met_half_written_is_read_at_the_next_attempt(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    gate = open_gate(sync_retry_kwargs={"attempt_internal": 0.5})
    gate.clock = busy = BusyClock(clock.now())
    write(folder, "assetInfo", ASSET_HEADER)
    busy.on_sleep = lambda: folder.write_snapshots([asset_row("7")], [])
    assert gate.sync_balance().total_assert == 7.0
    assert busy.slept == [0.5]


def test_a_portfolio_over_the_files_has_every_figure(gate: Gate, folder: OneQuantFolder, clock: VirtualClock) -> None:
    folder.write_snapshots([asset_row()], [position_row()])
    account = Account(gate, Journal(None), clock, no_limits(clock))
    account.sync_balance()
    portfolio: Portfolio = account.portfolio
    assert (portfolio.cash, portfolio.locked_cash, portfolio.positions_value) == (50000.0, 10000.0, 3000.0)
    assert portfolio.long_positions["600000.XSHG"].amount == 0 and portfolio.short_positions == {}


def test_files_that_nobody_wrote_since_are_not_read_again(
    gate: Gate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_snapshots([asset_row()], [position_row()])
    for kind in ("assetInfo", "positionInfo"):
        os.utime(str(folder.file(kind)), (100.0, 100.0))
    monkeypatch.setattr(gate.clock, "at", lambda timestamp: datetime(2026, 1, 5, 9, 59))
    first = gate.sync_balance()
    assert gate.sync_balance() is first
    os.utime(str(folder.file("positionInfo")), (101.0, 101.0))
    again = gate.sync_balance()
    assert again == first and again is not first


def test_files_that_were_written_this_second_are_read_again(
    gate: Gate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_snapshots([asset_row()], [position_row()])
    monkeypatch.setattr(gate.clock, "at", lambda timestamp: datetime(2026, 1, 5, 9, 59, 59))
    assert gate.sync_balance() is not gate.sync_balance()
