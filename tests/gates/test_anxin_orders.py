"""What the One Quant gate reads of orders: orderUpdate and execResult, by whoever and however they are written."""

import logging
import re
from datetime import datetime
from typing import Any, Callable, Dict, List

import pytest
from broker_files import ORDER_HEADER, RESULT_HEADER, UPDATE_HEADER, OneQuantFolder, make_order, told, update_row
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.reports import check_order
from jqtrade.account.request import check_request
from jqtrade.errors import TradeGateError
from jqtrade.gates import csv_file
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock

Gate = AnXinDMATradeGate
OpenGate = Callable[..., AnXinDMATradeGate]


def statuses(gate: Gate) -> List[Any]:
    """Order and status of each report of one sync, all of them checked as the account does."""
    reports = [check_order(report) for report in told(gate)]
    return [(report.order_id, str(report.status)) for report in reports]


def broken_lines(caplog: Any) -> List[str]:
    return [record.getMessage() for record in caplog.records if "无法识别" in record.getMessage()]


def test_a_row_tells_everything_of_an_order(gate: Gate, folder: OneQuantFolder) -> None:
    row = update_row(
        "77",
        3,
        symbol="600000.SH",
        tradeSide="2",
        orderQty="1000",
        orderPrice="8.01",
        filledQty="300",
        avgPrice="8.02",
        filledAmt="2406.00",
        cancelQty="700",
        orderNo="00088",
        orderTime="93103",
        text="撤单成交",
    )
    folder.append("orderUpdate", UPDATE_HEADER, row)
    (report,) = [check_order(each) for each in told(gate)]
    assert (report.order_id, report.code, report.action, report.status) == (
        "77",
        "600000.XSHG",
        "close",
        "partly_canceled",
    )
    assert (report.price, report.amount, report.filled_amount, report.canceled_amount) == (8.01, 1000, 300, 700)
    assert (report.avg_cost, report.deal_balance, report.confirm_id) == (8.02, 2406.0, "00088")
    assert report.entrust_time == datetime(2026, 1, 5, 9, 31, 3)
    assert report.err_msg == "撤单成交"


@pytest.mark.parametrize(
    "code, status",
    [(0, "open"), (1, "filling"), (2, "filled"), (3, "partly_canceled"), (4, "canceled"), (5, "rejected"), (7, "new")]
    + [(8, "canceling")],
)
def test_every_status_code_has_its_status(gate: Gate, folder: OneQuantFolder, code: int, status: str) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", code))
    assert statuses(gate) == [("77", status)]


@pytest.mark.parametrize("code", ["6", "9", "", "x", "22"])
def test_an_unknown_status_code_is_a_broken_line(gate: Gate, folder: OneQuantFolder, code: str, caplog: Any) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", code), update_row("78", 0))
    assert statuses(gate) == [("78", "open")] and len(broken_lines(caplog)) == 1


def test_each_row_is_told_once_and_new_ones_as_they_come(gate: Gate, folder: OneQuantFolder) -> None:
    assert statuses(gate) == []
    folder.append("orderUpdate", UPDATE_HEADER)
    assert statuses(gate) == []
    folder.append("orderUpdate", update_row("77", 7), update_row("77", 0))
    assert statuses(gate) == [("77", "new"), ("77", "open")]
    assert statuses(gate) == []
    folder.append("orderUpdate", update_row("77", 2))
    assert statuses(gate) == [("77", "filled")]


def test_rows_that_do_not_concern_us_are_passed_over_in_silence(
    gate: Gate, folder: OneQuantFolder, caplog: Any
) -> None:
    folder.append(
        "orderUpdate",
        UPDATE_HEADER,
        update_row("77", 2, acct="7654321"),
        update_row("", 2),  # placed by hand
        update_row("78", 2, symbol="00700.HK"),
        ",".join([""] * 20),
        "",
        update_row("79", 0),
    )
    assert statuses(gate) == [("79", "open")] and caplog.records == []


def refused(order_id: str = "4000000001", message: str = "资金不足", **fields: str) -> str:
    kind, status = fields.get("resultType", "1"), fields.get("status", "1")
    return f"093102.500000,{kind},{order_id},{status},-1,{message}"


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
@pytest.mark.parametrize(
    "message", ["资金不足", "可用 0.00,需要 10,500.00,请充值", '价格"10.5"错误', "", "[DMA]价格错误,,"]
)
def test_an_order_refused_at_once_is_rejected_with_its_reason(
    gate: Gate, folder: OneQuantFolder, encoding: str, message: str
) -> None:
    gate.order(make_order(amount=-300))
    folder.append("execResult", RESULT_HEADER, refused(message=message), encoding=encoding)
    (report,) = [check_order(each) for each in told(gate)]
    assert (report.order_id, report.code, report.amount, report.action) == ("4000000001", "000001.XSHE", 300, "close")
    assert report.status == "rejected" and report.err_msg == (message or "柜台拒绝，没有说明原因")


def test_a_result_without_refusal_and_those_of_others_say_nothing(gate: Gate, folder: OneQuantFolder) -> None:
    gate.order(make_order())
    folder.append("execResult", RESULT_HEADER, refused(status="0"), refused("99999"), refused("", "无"))
    assert statuses(gate) == []


def test_a_refused_cancel_leaves_the_order_and_is_logged(gate: Gate, folder: OneQuantFolder, caplog: Any) -> None:
    gate.order(make_order())
    folder.append("execResult", RESULT_HEADER, refused(message="已成交,不能撤", resultType="2"), encoding="gbk")
    assert statuses(gate) == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "已成交,不能撤" in caplog.records[0].getMessage()


def test_a_reason_reaches_the_strategys_order(gate: Gate, folder: OneQuantFolder, clock: VirtualClock) -> None:
    account = Account(gate, Journal(None), clock, no_limits(clock))
    order_id = str(account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))])[0])
    folder.append("execResult", RESULT_HEADER, refused(order_id, "价格错误，超出涨跌停"), encoding="gbk")
    account.sync_orders()
    assert (account.orders()[0].status, account.orders()[0].err_msg) == ("rejected", "价格错误，超出涨跌停")


@pytest.mark.parametrize(
    "written, option",
    [("gbk", "utf-8"), ("gbk", "gbk"), ("gbk", "ascii"), ("gb18030", "gbk"), ("utf-8", "utf-8"), ("utf-8", "ascii")]
    + [("utf-8-sig", "utf-8"), ("utf-8-sig", "ascii")],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n"], ids=["LF", "CRLF", "CR CRLF"])
def test_text_is_read_in_any_encoding_with_any_line_end(
    open_gate: OpenGate, folder: OneQuantFolder, written: str, option: str, end: str
) -> None:
    text = "价格错误㐀" if written == "gb18030" else "价格错误"
    lines = [UPDATE_HEADER, update_row("77", 5, text=text), update_row("78", 0)]
    folder.file("orderUpdate").write_bytes("".join(line + end for line in lines).encode(written))
    reports = told(open_gate(file_encoding=option))
    assert [(report["order_id"], report["err_msg"]) for report in reports] == [("77", text), ("78", "")]


@pytest.mark.parametrize("option", ["utf-8", "gbk", "ascii"])
def test_each_line_is_decoded_by_itself(open_gate: OpenGate, folder: OneQuantFolder, option: str) -> None:
    folder.append("orderUpdate", UPDATE_HEADER)
    for order_id, encoding in (("1", "gbk"), ("2", "utf-8"), ("3", "gb18030")):
        folder.append("orderUpdate", update_row(order_id, 5, text="错误原因"), encoding=encoding)
    reports = told(open_gate(file_encoding=option))
    assert [report["err_msg"] for report in reports] == ["错误原因"] * 3


def test_the_header_decides_where_columns_stand(gate: Gate, folder: OneQuantFolder) -> None:
    names = UPDATE_HEADER.split(",")
    row: Dict[str, str] = dict(zip(names, update_row("77", 1, filledQty="300").split(",")))
    order = ["extra"] + sorted(names, reverse=True) + ["另一列"]
    row.update(extra="1", 另一列="x")
    folder.append("orderUpdate", " , ".join(order), ",".join(row[name] for name in order))
    (report,) = [check_order(each) for each in told(gate)]
    assert (report.order_id, report.filled_amount, report.code) == ("77", 300, "000001.XSHE")


@pytest.mark.parametrize("kind, header", [("orderUpdate", UPDATE_HEADER), ("execResult", RESULT_HEADER)])
@pytest.mark.parametrize("name", ["custBatchNo", "status"])
def test_a_missing_column_is_named_with_its_file(
    gate: Gate, folder: OneQuantFolder, kind: str, header: str, name: str, caplog: Any
) -> None:
    folder.append(kind, header.replace(name, "x"))
    if kind == "execResult":  # said, but it must not stop the news of orders
        assert told(gate) == []
        assert re.search(f"{kind}_20260105.csv.*{name}", caplog.text)
    else:
        with pytest.raises(TradeGateError, match=f"{kind}_20260105.csv.*{name}"):
            told(gate)


GARBAGE = [
    "garbage",
    "093103.000000,20260105,093103",
    "\x00\x01\x02",
    '"' * 41,
    update_row("77", 0, orderQty="many"),
    update_row("77", 0, orderQty="-100"),
    update_row("77", 0, filledQty="0.5"),
    update_row("77", 1, avgPrice="cheap"),
    update_row("77", 0, orderDate="2026-01-05"),
    update_row("77", 0, tradeSide="9"),
    update_row("77", 0) + ",1,2,3" * 2000,
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_a_broken_line_is_logged_once_and_the_next_one_counts(
    gate: Gate, folder: OneQuantFolder, garbage: str, caplog: Any
) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("78", 7), garbage, update_row("78", 0))
    assert statuses(gate)[-1] == ("78", "open")
    folder.append("orderUpdate", update_row("78", 2))
    assert statuses(gate) == [("78", "filled")]
    if garbage != GARBAGE[-1]:  # surplus commas belong to the text
        assert len(broken_lines(caplog)) == 1 and "orderUpdate_20260105.csv" in broken_lines(caplog)[0]
        assert gate._updates.broken_lines == 1


def test_bytes_that_are_no_text_are_a_broken_line(gate: Gate, folder: OneQuantFolder, caplog: Any) -> None:
    folder.append("orderUpdate", UPDATE_HEADER)
    with folder.file("orderUpdate").open("ab") as file:
        file.write(b"\xff\xff\x80\xff" * 10 + b"\r\n")
    folder.append("orderUpdate", update_row("78", 0))
    assert statuses(gate) == [("78", "open")] and len(broken_lines(caplog)) == 1


@pytest.mark.parametrize(
    "torn", ["093102.000345,4000000001,UF0,1234567,0000", "093102.000345,4000000001,", "x,4000000001,y"]
)
def test_a_refusal_of_a_row_that_was_torn_does_no_harm_to_others(gate: Gate, folder: OneQuantFolder, torn: str) -> None:
    folder.append("algoOrder", ORDER_HEADER, torn)
    gate.order(make_order("77"))
    folder.append("execResult", RESULT_HEADER, refused("4000000001"), refused("77"))
    assert statuses(gate) == [("77", "rejected")]


def test_a_file_that_shrank_is_read_again_from_its_start(gate: Gate, folder: OneQuantFolder) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", 0), update_row("78", 0))
    assert len(statuses(gate)) == 2
    folder.file("orderUpdate").write_bytes((UPDATE_HEADER + "\n" + update_row("79", 0) + "\n").encode())
    assert statuses(gate) == [("79", "open")]


@pytest.mark.parametrize("replace", ["renamed over", "removed first", "written over"])
def test_a_file_that_was_replaced_is_read_again_from_its_start(
    gate: Gate, folder: OneQuantFolder, replace: str
) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", 0))
    assert len(statuses(gate)) == 1
    path = folder.file("orderUpdate")
    data = (UPDATE_HEADER + "\n" + update_row("80", 0) + "\n" + update_row("81", 0) + "\n").encode()
    if replace == "renamed over":
        other = folder.path / "new.csv"
        other.write_bytes(data)
        other.replace(path)
    else:
        if replace == "removed first":
            path.unlink()
        path.write_bytes(data)
    assert statuses(gate) == [("80", "open"), ("81", "open")]


def test_a_replaced_file_may_have_another_header(gate: Gate, folder: OneQuantFolder) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", 0), update_row("78", 0))
    statuses(gate)
    row = dict(zip(UPDATE_HEADER.split(","), update_row("79", 0).split(",")))
    names = sorted(row)
    folder.file("orderUpdate").write_bytes(
        (",".join(names) + "\n" + ",".join(row[name] for name in names) + "\n").encode()
    )
    assert statuses(gate) == [("79", "open")]


def test_the_next_day_has_its_own_files(gate: Gate, folder: OneQuantFolder, clock: VirtualClock) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", 0))
    assert len(statuses(gate)) == 1
    clock.sleep(24 * 3600)
    folder.append("orderUpdate", update_row("77", 2))  # yesterday's file
    assert statuses(gate) == []
    folder.day = "20260106"
    folder.append("orderUpdate", UPDATE_HEADER, update_row("78", 0))
    assert statuses(gate) == [("78", "open")]


def test_updates_count_while_results_cannot_be_read_and_that_is_said_once(
    gate: Gate, folder: OneQuantFolder, caplog: Any
) -> None:
    caplog.set_level("INFO")
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", 2))
    folder.file("execResult").mkdir()
    assert statuses(gate) == [("77", "filled")]
    assert statuses(gate) == []
    folder.file("execResult").rmdir()
    assert statuses(gate) == []
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def test_an_average_price_that_the_terminal_does_not_know_loses_no_news(gate: Gate, folder: OneQuantFolder) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", 0, avgPrice="nan", filledAmt=""))
    assert statuses(gate) == [("77", "open")]


def test_a_filled_order_whose_quantity_is_left_out_is_filled_whole(gate: Gate, folder: OneQuantFolder) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", 2, filledQty=""))
    (report,) = [check_order(each) for each in told(gate)]
    assert report.filled_amount == report.amount


def test_refusals_are_not_lost_while_our_own_file_cannot_be_read(gate: Gate, folder: OneQuantFolder) -> None:
    folder.append("execResult", RESULT_HEADER, refused("77"))
    folder.file("algoOrder").mkdir()
    assert told(gate) == []
    folder.file("algoOrder").rmdir()
    gate.order(make_order("77"))
    assert statuses(gate) == [("77", "rejected")]


def test_reading_orders_is_tried_as_often_as_the_option_says(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    gate = open_gate(sync_retry_kwargs={"max_attempts": 4, "attempt_internal": 0.5})
    folder.file("orderUpdate").mkdir()
    with pytest.raises(TradeGateError, match="orderUpdate"):
        told(gate)
    assert clock.monotonic() == 1.5


def test_nothing_is_logged_while_the_terminal_has_not_written_yet(gate: Gate, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    assert statuses(gate) == [] and caplog.records == []


def test_a_refusal_waits_until_every_portion_of_the_updates_is_read(
    gate: Gate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "CHUNK_BYTES", 300)
    for order_id in ("77", "78"):
        gate.order(make_order(order_id))
    folder.append("execResult", RESULT_HEADER, refused("77"), refused("78"))
    folder.append("orderUpdate", UPDATE_HEADER, *[update_row(order_id) for order_id in ("1", "2", "3", "78")])
    portions = [statuses(gate)]
    while gate.has_more:
        portions.append(statuses(gate))
    assert len(portions) > 1 and ("77", "rejected") in portions[-1]
    assert ("78", "rejected") not in [status for portion in portions for status in portion]  # it was taken
    assert statuses(gate) == [] and not gate.has_more


def test_one_sync_of_the_account_takes_every_portion(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(gate, Journal(None), clock, no_limits(clock))
    ids = [str(each) for each in account.submit_batch([check_request("000001.XSHE", 1000, LimitOrderStyle(10.5))] * 9)]
    rows = [
        update_row(order_id, status, filledQty=filled)
        for status, filled in ((7, 0), (0, 0), (2, 1000))
        for order_id in ids
    ]
    folder.append("orderUpdate", UPDATE_HEADER, *rows)
    monkeypatch.setattr(csv_file, "CHUNK_BYTES", 500)
    assert [(order.order_id, order.status) for order in account.sync_orders()] == [(each, "filled") for each in ids]
