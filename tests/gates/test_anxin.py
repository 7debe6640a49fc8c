"""What the One Quant gate writes, byte for byte, and which options and orders it refuses."""

from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
from broker_files import ORDER_HEADER, UPDATE_HEADER, OneQuantFolder, asset_row, make_order, update_row
from failing_os import FailingOs
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle, OrderSide
from jqtrade.account.request import check_request
from jqtrade.errors import InvalidParam, OrderNotSent
from jqtrade.gates import csv_file
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock, check_trade_gate

Gate = AnXinDMATradeGate
OpenGate = Callable[..., AnXinDMATradeGate]


def test_a_limit_order_is_one_line_below_the_header(gate: Gate, folder: OneQuantFolder) -> None:
    gate.order(make_order())
    assert folder.file("algoOrder").read_bytes() == (
        b"updTime,custBatchNo,acctType,acct,symbol,tradeSide,targetQty,algoId,priceType,ticks,highLimitPrice,lowLimitPrice\r\n"
        b"093102.000345,4000000001,UF0,1234567,000001.SZ,1,1000,DMA,AT,0,10.5,10.5\r\n"
    )


@pytest.mark.parametrize(
    "fields, tail",
    [
        ({}, "000001.SZ,1,1000,DMA,AT,0,10.5,10.5"),
        ({"amount": -300}, "000001.SZ,2,300,DMA,AT,0,10.5,10.5"),
        ({"code": "600000.XSHG"}, "600000.SH,1,1000,DMA,AT,0,10.5,10.5"),
        ({"style": LimitOrderStyle(0.1 + 0.2)}, "000001.SZ,1,1000,DMA,AT,0,0.3,0.3"),
        ({"style": LimitOrderStyle(10)}, "000001.SZ,1,1000,DMA,AT,0,10,10"),
        ({"style": LimitOrderStyle(1700.0)}, "000001.SZ,1,1000,DMA,AT,0,1700,1700"),
        ({"style": LimitOrderStyle(0.001)}, "000001.SZ,1,1000,DMA,AT,0,0.001,0.001"),
        ({"style": LimitOrderStyle(0)}, "000001.SZ,1,1000,DMA,AT,0,0,0"),
        ({"style": LimitOrderStyle(-0.0)}, "000001.SZ,1,1000,DMA,AT,0,0,0"),
        ({"style": MarketOrderStyle()}, "000001.SZ,1,1000,DMA,P6,0,0,0"),
        ({"style": MarketOrderStyle(), "amount": -1}, "000001.SZ,2,1,DMA,P7,0,0,0"),
        ({"amount": 10**9}, "000001.SZ,1,1000000000,DMA,AT,0,10.5,10.5"),
    ],
)
def test_every_kind_of_order_has_its_row(gate: Gate, folder: OneQuantFolder, fields: Dict[str, Any], tail: str) -> None:
    gate.order(make_order(**fields))
    assert folder.order_lines() == [ORDER_HEADER, "093102.000345,4000000001,UF0,1234567," + tail]


def test_a_cancel_is_one_line_below_the_header(gate: Gate, folder: OneQuantFolder) -> None:
    gate.cancel_order("4000000001")
    gate.cancel_order("7")
    assert folder.file("algoOrderStop").read_bytes() == (
        b"updTime,custBatchNo\r\n100000.000000,4000000001\r\n100000.000000,7\r\n"
    )


def test_counter_type_and_account_stand_in_the_row(open_gate: OpenGate, folder: OneQuantFolder) -> None:
    open_gate(counter_type="UM0", account_no="00_77-a").order(make_order())
    assert folder.order_lines()[1].split(",")[2:4] == ["UM0", "00_77-a"]


def test_a_batch_is_one_write_and_one_sync(gate: Gate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = FailingOs()
    monkeypatch.setattr(csv_file, "os", watched)
    assert gate.batch_order([make_order(str(number)) for number in range(1, 51)]) == [None] * 50
    assert [name for name in watched.calls if name in ("write", "fsync")] == ["write", "fsync"]
    assert [line.split(",")[1] for line in folder.order_lines()[1:]] == [str(number) for number in range(1, 51)]
    watched.calls.clear()
    assert gate.batch_cancel_order(["1", "2", "3"]) == [None] * 3
    assert [name for name in watched.calls if name in ("write", "fsync")] == ["write", "fsync"]


def test_each_day_has_its_files_by_the_strategys_clock(gate: Gate, folder: OneQuantFolder, clock: VirtualClock) -> None:
    gate.order(make_order())
    gate.cancel_order("4000000001")
    clock.sleep(24 * 3600)
    gate.order(make_order(create_time=clock.now()))
    gate.cancel_order("4000000001")
    written = sorted(path.name for path in folder.path.iterdir() if path.suffix == ".csv")
    assert written == sorted(
        ["algoOrder_20260105.csv", "algoOrder_20260106.csv", "algoOrderStop_20260105.csv", "algoOrderStop_20260106.csv"]
    )


def test_an_order_made_just_before_midnight_is_not_written_after_it(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    clock.sleep(14 * 3600)
    with pytest.raises(OrderNotSent, match="零点"):
        gate.order(make_order(create_time=datetime(2026, 1, 5, 23, 59, 59, 999999)))
    assert not any(path.stat().st_size for path in folder.path.glob("algoOrder*.csv"))


def test_a_short_order_is_refused_by_whatever_way_it_comes(gate: Gate, folder: OneQuantFolder) -> None:
    short = make_order(side=OrderSide.short)
    for send in (gate.check_order, gate.order, lambda order: gate.batch_order([make_order("7"), order])):
        with pytest.raises(InvalidParam, match="long.*没有发出"):
            send(short)
    assert not folder.file("algoOrder").exists()


def test_the_first_market_order_names_the_way_that_works(gate: Gate, caplog: Any) -> None:
    for number in "123":
        gate.order(make_order(number))
    assert caplog.records == []
    for number in "456":
        gate.order(make_order(number, style=MarketOrderStyle()))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "LimitOrderStyle(0)" in caplog.records[0].getMessage()


@pytest.mark.parametrize("name", ["account_no", "counter_type"])
@pytest.mark.parametrize(
    "value",
    ["123,456", '123"456', "123\n456", "1234567\n", "123\r", "=1234567", "12'34", "12 34", "１２３４", "1" * 33],
)
def test_an_option_that_would_break_a_csv_field_is_refused(open_gate: OpenGate, name: str, value: str) -> None:
    with pytest.raises(InvalidParam, match=name):
        open_gate(**{name: value})


@pytest.mark.parametrize("algo_type", ["TWAP", "dma", "DMA,1"])
def test_any_algorithm_but_dma_is_refused(open_gate: OpenGate, algo_type: str) -> None:
    with pytest.raises(InvalidParam, match="algo_type"):
        open_gate(algo_type=algo_type)


def test_without_an_account_number_the_error_names_the_option(folder: OneQuantFolder, clock: VirtualClock) -> None:
    gate = AnXinDMATradeGate()
    gate.clock = clock
    with pytest.raises(InvalidParam, match="account_no"):
        gate.setup({"account_no": None})


def test_a_missing_order_dir_is_named_with_its_option(open_gate: OpenGate, tmp_path: Path) -> None:
    with pytest.raises(InvalidParam, match="order_dir") as caught:
        open_gate(order_dir=str(tmp_path / "没有"))
    assert str(tmp_path / "没有") in str(caught.value)
    assert not (tmp_path / "没有").exists()


def test_a_file_in_place_of_order_dir_is_refused(open_gate: OpenGate, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidParam, match="order_dir"):
        open_gate(order_dir=str(tmp_path / "file"))


def test_an_id_in_todays_file_is_known_whoever_wrote_it(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    assert not gate.knows_order_id("77")
    folder.append("algoOrder", ORDER_HEADER, "093000.000000,77,UM0,other,600000.SH,1,100,DMA,AT,0,8,8", "garbage", "")
    gate.order(make_order())
    assert [gate.knows_order_id(each) for each in ("77", "4000000001", "7", "garbage")] == [True, True, False, False]
    clock.sleep(24 * 3600)
    assert not gate.knows_order_id("77")


def test_an_id_that_another_program_takes_at_the_last_moment_is_not_used_again(
    gate: Gate, folder: OneQuantFolder
) -> None:
    assert not gate.knows_order_id("77")
    folder.append("algoOrder", ORDER_HEADER, "093000.000000,77,UM0,other,600000.SH,1,100,DMA,AT,0,8,8")
    before = folder.order_lines()
    with pytest.raises(OrderNotSent, match="77"):
        gate.order(make_order("77"))
    assert [type(error) for error in gate.batch_order([make_order("78"), make_order("77")])] == [OrderNotSent] * 2
    assert folder.order_lines() == before


def test_an_account_never_takes_an_id_of_todays_file(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.append("algoOrder", ORDER_HEADER, "093000.000000,77,UM0,other,600000.SH,1,100,DMA,AT,0,8,8")
    account = Account(gate, Journal(None), clock, no_limits(clock))
    numbers = iter([77, 0, 77, 78, 78, 79])
    monkeypatch.setattr(account._random, "getrandbits", lambda bits: next(numbers))
    assert account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))] * 2) == ["78", "79"]


ROW = "093102.000345,4000000001,UF0,1234567,000001.SZ,1,1000,DMA,AT,0,10.55,10.55"
OLD_ROW = ROW.replace("4000000001", "77")


@pytest.mark.parametrize(
    "content, answer",
    [
        (None, False),
        ("", False),
        ("h\r\n" + OLD_ROW + "\r\n", False),
        ("h\r\n" + OLD_ROW + "\r\n" + ROW + "\r\n", True),
        ("h\r\n" + ROW.replace("UF0", "UM0") + "\n", True),
        ("h\r\n" + ROW, None),
        ("h\r\n" + ROW + "\r", None),
        ("h\r\n" + ROW[:40], None),
        ("h\r\n" + ROW[:40] + "\r\n", None),
        ("h\r\n" + ROW[:40] + "\r\n" + OLD_ROW + "\r\n", None),
        ("h\r\n" + ROW[:24] + "\r\n", None),
        ("h\r\n" + ROW[:-1] + "\r\n", None),
        ("h\r\n" + ROW[:-5] + "\r\n", None),
        ("h\r\n" + ROW[:40] + OLD_ROW + "\r\n", None),
        ("h\r\n" + OLD_ROW[:40] + ROW + "\r\n", None),
        ("h\r\n" + ROW[:18], None),
        ("h\r\n" + ROW[:3], None),
        ("h\r\n" + ROW[:18] + "\r\n", False),
        ("h\r\n" + OLD_ROW[:40], False),
        ("h\r\n" + OLD_ROW + "\r\n" + "\0" * 80, None),
        ("h\r\n" + OLD_ROW + "\r\n" + "\0" * 80 + "\r\n", None),
    ],
    ids=[
        "no file",
        "empty",
        "not there",
        "whole",
        "with another counter_type",
        "without its end",
        "with half of its end",
        "torn",
        "torn and closed",
        "torn and followed by another",
        "torn behind its id and closed",
        "torn within the last price and closed",
        "torn before the last price and closed",
        "with another program's row in its line",
        "behind another program's torn row",
        "torn within its id",
        "torn within its time",
        "torn within its id and closed",
        "another one torn",
        "zeros at the end",
        "zeros",
    ],
)
def test_after_a_crash_the_order_file_tells_what_was_sent(
    gate: Gate, folder: OneQuantFolder, content: Any, answer: Any
) -> None:
    if content is not None:
        folder.file("algoOrder").write_bytes(content.encode())
    assert gate.was_sent(make_order(style=LimitOrderStyle(10.55))) is answer


@pytest.mark.parametrize("lost", ["removed", "a directory"])
def test_a_row_that_may_have_been_read_stays_unknown_whatever_becomes_of_the_file(
    gate: Gate, folder: OneQuantFolder, lost: str
) -> None:
    order = make_order(style=LimitOrderStyle(10.55))
    folder.file("algoOrder").write_bytes(ROW.encode())
    assert gate.was_sent(order) is None
    folder.file("algoOrder").unlink()
    if lost == "a directory":
        folder.file("algoOrder").mkdir()
    assert gate.was_sent(order) is None


def test_while_the_order_file_cannot_be_read_nobody_knows_what_was_sent(gate: Gate, folder: OneQuantFolder) -> None:
    folder.file("algoOrder").mkdir()
    assert gate.was_sent(make_order("77")) is None


def test_the_gate_passes_the_check_for_gates(folder: OneQuantFolder, clock: VirtualClock) -> None:
    folder.write_snapshots([asset_row()], [])
    folder.append("orderUpdate", UPDATE_HEADER, update_row("9", 7))
    gate = AnXinDMATradeGate()
    gate.clock = clock
    check_trade_gate(gate, {"account_no": "1234567", "order_dir": str(folder.path)}, make_order("9"))
    assert len(folder.order_lines()) == 2 and folder.file("algoOrderStop").exists()


def test_a_missing_order_file_proves_nothing_when_the_broker_has_read_orders_of_today(
    gate: Gate, folder: OneQuantFolder
) -> None:
    order, other = make_order("77"), make_order("78")
    gate.account_orders = {"77": order, "78": other}
    gate.account_doubts = {"77", "78"}
    assert gate.was_sent(order) is False
    gate.account_doubts = {"77"}
    assert gate.was_sent(order) is None
    gate.account_orders = {"78": other.with_changes(confirmed=True)}
    assert gate.was_sent(order) is None


def test_an_order_that_is_halted_while_it_waits_for_the_lock_is_not_written(gate: Gate, folder: OneQuantFolder) -> None:
    def halted() -> None:
        raise OrderNotSent("任务已被 halt_task 暂停下单")

    gate.batch_order([make_order("77")])
    before = folder.file("algoOrder").read_bytes()
    gate.account_check = halted  # type: ignore[method-assign]
    (error,) = gate.batch_order([make_order("78")])
    assert isinstance(error, OrderNotSent) and "halt_task" in str(error)
    assert folder.file("algoOrder").read_bytes() == before
