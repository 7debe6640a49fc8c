"""Every file of the terminal, cut at every byte: read as far as it goes, completed, and the same as the whole."""

from pathlib import Path
from typing import Any, Callable, List

import pytest
from broker_files import (
    ASSET_HEADER,
    ORDER_HEADER,
    POSITION_HEADER,
    RESULT_HEADER,
    UPDATE_HEADER,
    OneQuantFolder,
    asset_row,
    end_row,
    make_order,
    position_row,
    told,
    update_row,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from jqtrade.errors import TradeGateError
from jqtrade.gates.csv_file import FileFollower
from jqtrade.gates.onequant.gate import AnXinDMATradeGate

OpenGate = Callable[..., AnXinDMATradeGate]

UPDATES = [
    UPDATE_HEADER,
    update_row("77", 7),
    update_row("4000000001", 1, filledQty="300", avgPrice="10.4", filledAmt="3120", text="部成"),
    "乱码，残行,鐢",
    update_row("78", 2, acct="7654321", text="别人的"),
    update_row("4000000001", 3, filledQty="300", avgPrice="10.4", filledAmt="3120", cancelQty="700", text="撤单㐀成功"),
    update_row("77", 5, text="价格错误,[涨停价 11.00],请重试"),
]
RESULTS = [
    RESULT_HEADER,
    "093102.5,1,77,0,0,",
    "093102.6,1,4000000001,1,-61,可用资金不足,需要 10.00",
    "残行",
    "093102.7,2,77,1,-5,委托已成交",
]

FILES = [("orderUpdate", UPDATES), ("execResult", RESULTS)]
FORMS = [("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("gb18030", "\r\r\n")]


def encoded(lines: List[str], encoding: str, end: str) -> bytes:
    return "".join(line + end for line in lines).encode(encoding)


@pytest.mark.parametrize("kind, lines", FILES, ids=[kind for kind, _ in FILES])
@pytest.mark.parametrize("encoding, end", FORMS, ids=[encoding for encoding, _ in FORMS])
def test_a_growing_file_cut_anywhere_is_told_whole_and_once(
    open_gate: OpenGate, folder: OneQuantFolder, kind: str, lines: List[str], encoding: str, end: str, caplog: Any
) -> None:
    open_gate().batch_order([make_order("4000000001"), make_order("77")])
    data = encoded(lines, encoding, end)
    path = folder.file(kind)
    path.write_bytes(data)
    whole = told(open_gate())
    assert len(whole) == (4 if kind == "orderUpdate" else 1)
    for cut in range(len(data) + 1):
        path.unlink()
        gate = open_gate()
        path.write_bytes(data[:cut])
        caplog.clear()
        first = told(gate)
        with path.open("ab") as file:
            file.write(data[cut:])
        assert first + told(gate) == whole, cut
        assert sum("无法识别" in record.getMessage() for record in caplog.records) == 1, cut


@settings(max_examples=50)
@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_a_follower_gives_the_same_lines_however_bytes_arrive(
    tmp_path_factory: Any, data: bytes, cuts: List[int]
) -> None:
    path = Path(str(tmp_path_factory.mktemp("cuts"))) / "file"
    follower = FileFollower(str(path))
    lines: List[bytes] = []
    edges = sorted(min(cut, len(data)) for cut in cuts)
    for start, end in zip([0] + edges, edges + [len(data)]):
        with path.open("ab") as file:
            file.write(data[start:end])
        lines += follower.read_lines()[0]
    path.write_bytes(data)
    assert lines == FileFollower(str(path)).read_lines()[0]


ASSETS = [
    ASSET_HEADER,
    asset_row("1", exchange="SH"),
    asset_row(),
    asset_row("9", acct="7654321"),
    end_row(ASSET_HEADER),
]
POSITIONS = [POSITION_HEADER, position_row(), position_row("600000.SH", 0, 0), end_row(POSITION_HEADER)]


@pytest.mark.parametrize("kind, lines", [("assetInfo", ASSETS), ("positionInfo", POSITIONS)])
@pytest.mark.parametrize("encoding, end", FORMS, ids=[encoding for encoding, _ in FORMS])
def test_a_snapshot_cut_anywhere_is_the_whole_or_none(
    open_gate: OpenGate, folder: OneQuantFolder, kind: str, lines: List[str], encoding: str, end: str
) -> None:
    gate = open_gate(sync_retry_kwargs={"max_attempts": 1})
    folder.write_snapshots(ASSETS[1:-1], POSITIONS[1:-1])
    data = encoded(lines, encoding, end)
    path = folder.file(kind)
    path.write_bytes(data)
    whole = gate.sync_balance()
    outcomes: List[bool] = []
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        try:
            assert gate.sync_balance() == whole, cut
            outcomes.append(True)
        except TradeGateError:
            outcomes.append(False)
    assert outcomes == sorted(outcomes) and outcomes[-1] and outcomes.count(True) <= len(end) + 1


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_our_own_file_cut_anywhere_is_never_misread(open_gate: OpenGate, folder: OneQuantFolder, end: str) -> None:
    row = "093102.000345,4000000001,UF0,1234567,000001.SZ,1,1000,DMA,AT,0,10.5,10.5"
    orders = [make_order("77"), make_order()]
    data = encoded([ORDER_HEADER] + [row.replace("4000000001", order.order_id) for order in orders], "ascii", end)
    for cut in range(len(data) + 1):
        folder.file("algoOrder").write_bytes(data[:cut])
        gate = open_gate()
        whole = data[:cut].count(b"\n")
        for order, line in zip(orders, (2, 3)):
            answer = gate.was_sent(order)
            assert answer is True if whole >= line else not answer, (cut, order.order_id)
            if answer is False:  # proof: the row cannot come out of what stands there
                assert order.order_id.encode() not in data[:cut], (cut, order.order_id)
            assert gate.knows_order_id(order.order_id) == (whole >= line)
