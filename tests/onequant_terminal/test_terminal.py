"""The paper terminal on real files, in virtual time."""

from datetime import datetime
from pathlib import Path
from typing import Any, Dict

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.paper.exchange import SHARES_PER_STEP
from tests.onequant_terminal.terminal_bench import Bench
from tests.paper.paper_helpers import ACCOUNT_NO, NaiveReader


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path).start()


def test_an_order_goes_through_new_open_and_filled(bench: Bench) -> None:
    bench.order("4000000001", "1", 200, "10.05")
    bench.poll()
    assert [(row["resultType"], row["custBatchNo"], row["status"]) for row in bench.new_rows("execResult")] == [
        ("1", "4000000001", "0")
    ]
    rows = bench.new_rows("orderUpdate")
    assert [row["status"] for row in rows] == ["7", "0", "2"]
    assert rows[-1] == {
        "updTime": "100000.500000",
        "orderDate": "20260706",
        "orderTime": "100000",
        "acctType": "UM0",
        "acct": ACCOUNT_NO,
        "symbol": "000001.SZ",
        "tradeSide": "1",
        "status": "2",
        "orderQty": "200",
        "orderPrice": "10.05",
        "orderType": "AT",
        "filledQty": "200",
        "avgPrice": "10.0000",
        "filledAmt": "2000.00",
        "cancelQty": "0",
        "orderNo": "1",
        "corrId": "",
        "custBatchNo": "4000000001",
        "text": "",
        "cliOrderId": "P4000000001P",
    }
    trade = bench.new_rows("tradeUpdate")[0]
    assert (trade["custBatchNo"], trade["tradeQty"], trade["tradePrice"]) == ("4000000001", "200", "10.00")


def test_the_files_end_their_lines_as_windows_does(bench: Bench) -> None:
    bench.order("1", "1", 200, "9")
    bench.poll()
    content = bench.path("orderUpdate").read_bytes()
    assert content.count(b"\r\n") == content.count(b"\n") == 3


def test_a_large_order_fills_in_cumulative_parts(bench: Bench) -> None:
    bench.order("1", "1", SHARES_PER_STEP + 100, "10")
    bench.poll(3)
    rows = bench.new_rows("orderUpdate")
    assert [(row["status"], row["filledQty"]) for row in rows] == [
        ("7", "0"),
        ("0", "0"),
        ("1", "10000"),
        ("2", "10100"),
    ]


def test_an_order_is_cancelled(bench: Bench) -> None:
    bench.order("1", "1", 200, "9")
    bench.poll()
    bench.cancel("1")
    bench.poll()
    rows = bench.new_rows("orderUpdate")
    assert [(row["status"], row["cancelQty"]) for row in rows] == [("7", "0"), ("0", "0"), ("8", "0"), ("4", "200")]
    assert [row["resultType"] for row in bench.new_rows("execResult")] == ["1", "2"]


def test_the_exchange_refuses_in_orderUpdate_with_a_chinese_reason_in_gbk(bench: Bench) -> None:
    bench.order("1", "1", 100, "0", priceType="P6")
    bench.order("2", "1", 150, "10")
    bench.poll()
    rows = [row for row in bench.new_rows("orderUpdate") if row["status"] == "5"]
    assert "价格错误" in rows[0]["text"] and "委托数量" in rows[1]["text"]
    assert "价格错误".encode("gbk") in bench.path("orderUpdate").read_bytes()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"acct": "7654321"}, "资金账号"),
        ({"acctType": "XX0"}, "账户类型"),
        ({"symbol": "000001.XSHE"}, "证券代码"),
        ({"side": "3"}, "买卖方向"),
        ({"quantity": "-100"}, "委托数量"),
        ({"quantity": "100.0"}, "委托数量"),
        ({"quantity": "0"}, "委托数量"),
        ({"algoId": "TWAP"}, "算法"),
        ({"priceType": "XX"}, "价格"),
        ({"priceType": "P7"}, "价格"),
        ({"ticks": "1"}, "价格档位"),
        ({"price": "abc"}, "委托价格"),
        ({"price": "nan"}, "委托价格"),
        ({"price": "-1", "low": "-1"}, "委托价格"),
        ({"low": "9.99"}, "价格"),
        ({"order_id": "12345678901"}, "委托编号"),
        ({"order_id": "abc"}, "委托编号"),
    ],
)
def test_the_terminal_refuses_a_bad_row_in_execResult_alone(bench: Bench, wrong: Dict[str, Any], reason: str) -> None:
    row = dict({"order_id": "55", "side": "1", "quantity": 100, "price": "10"}, **wrong)
    bench.order(**row)
    bench.poll()
    refusal = bench.new_rows("execResult")[0]
    assert (refusal["resultType"], refusal["custBatchNo"], refusal["status"]) == ("1", row["order_id"], "1")
    assert reason in refusal["errorMsg"]
    assert bench.new_rows("orderUpdate") == []
    assert list(bench.truth()["refused"]) == [row["order_id"]]


def test_garbage_in_our_file_is_refused_and_harms_nothing(bench: Bench) -> None:
    bench.write("algoOrder", "\xff,只有,三列\n\n".encode("gb18030"))
    bench.order("1", "1", 200, "10")
    bench.poll()
    assert [row["status"] for row in bench.new_rows("execResult")] == ["1", "0"]
    assert bench.states("1") == ["7", "0", "2"]


def test_a_doubled_id_is_refused_and_the_first_order_stays(bench: Bench) -> None:
    bench.order("1", "1", 200, "9")
    bench.order("1", "1", 200, "9")
    bench.poll()
    assert [(row["status"], row["errorMsg"]) for row in bench.new_rows("execResult")] == [
        ("0", ""),
        ("1", "委托编号 1 重复"),
    ]
    assert bench.states("1") == ["7", "0"]
    assert bench.truth()["refused"] == {}


@pytest.mark.parametrize("order_id", ["1", "999", "abc", ""])
def test_a_cancel_of_an_unknown_or_finished_order_is_refused(bench: Bench, order_id: str) -> None:
    bench.order("1", "1", 200, "10")
    bench.poll()
    bench.new_rows("execResult")
    bench.cancel(order_id)
    bench.poll()
    refusal = bench.new_rows("execResult")[0]
    assert (refusal["resultType"], refusal["custBatchNo"], refusal["status"]) == ("2", order_id, "1")
    assert "撤单失败" in refusal["errorMsg"]
    assert bench.states("1")[-1] == "2"


def test_a_torn_last_line_waits_for_its_end(bench: Bench) -> None:
    bench.order("1", "1", 200, "10")
    content = bench.path("algoOrder").read_bytes()
    bench.path("algoOrder").write_bytes(content[:-9])
    bench.poll(2)
    assert bench.states("1") == []
    bench.write("algoOrder", content[-9:])
    bench.poll()
    assert bench.states("1") == ["7", "0", "2"]


ROW = f"100000.000001,4000000001,UM0,{ACCOUNT_NO},000001.SZ,1,200,DMA,AT,0,10.05,10.05"


def test_a_row_cut_anywhere_and_closed_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    for cut in range(1, len(ROW)):
        folder = tmp_path / str(cut)
        folder.mkdir()
        bench = Bench(folder).start()
        bench.write("algoOrder", ROW[:cut].encode() + b"\r\n")
        bench.order("1", "1", 200, "10")
        bench.poll()
        refused, accepted = bench.new_rows("execResult")
        assert (refused["custBatchNo"], refused["status"]) == ((ROW[:cut].split(",") + [""])[1], "1")
        assert (accepted["custBatchNo"], accepted["status"]) == ("1", "0")
        assert bench.states("4000000001") == []


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", [b"\r\r\n", b"\r\n", b"\n"])
def test_our_files_may_have_a_byte_order_mark_and_any_line_end(bench: Bench, start: bytes, end: bytes) -> None:
    bench.order("1", "1", 200, "10")
    content = bench.path("algoOrder").read_bytes().replace(b"\r\n", b"\n")
    bench.path("algoOrder").write_bytes(start + content.replace(b"\n", end))
    bench.poll()
    assert bench.states("1") == ["7", "0", "2"]
    assert len(bench.new_rows("execResult")) == 1


def test_the_snapshots_are_right_to_the_cent_and_end_with_an_empty_row(bench: Bench) -> None:
    bench.order("1", "1", 200, "10.05")
    bench.order("2", "1", 100, "7.00", symbol="600000.SH")
    bench.poll(12)
    total = bench.assets()
    assert (total["totalAsset"], total["currentBalance"], total["enabledBalance"]) == (
        "999995.00",
        "997995.00",
        "997289.99",
    )
    held = bench.positions()["000001.SZ"]
    assert [held[name] for name in ("currentQty", "enabledQty", "costPrice", "lastPrice", "mktValue")] == [
        "200",
        "0",
        "10.0000",
        "10.00",
        "2000.00",
    ]


def test_the_snapshots_are_written_at_most_every_five_seconds(bench: Bench) -> None:
    bench.poll()
    before = bench.path("assetInfo").read_bytes()
    bench.order("1", "1", 200, "10")
    bench.poll(8)
    assert bench.path("assetInfo").read_bytes() == before
    bench.poll(3)
    assert bench.path("assetInfo").read_bytes() != before


def test_assets_have_a_row_for_each_exchange_and_the_total(bench: Bench) -> None:
    bench.poll()
    lines = bench.path("assetInfo").read_text(encoding="gbk").splitlines()
    assert [line.split(",")[2] for line in lines] == ["exchange", "SH", "SZ", "", ""]


def test_a_new_day_has_its_own_files_and_yesterdays_orders_expire(tmp_path: Path) -> None:
    bench = Bench(tmp_path, start=datetime(2026, 7, 6, 23, 59, 58)).start()
    bench.order("1", "1", 200, "10")
    bench.order("2", "1", 200, "9")
    bench.poll()
    bench.order("3", "1", 200, "9")
    bench.clock.jump(2)  # the third order is read after midnight only
    yesterday = NaiveReader(tmp_path / "orderUpdate_20260706.csv")
    bench.poll()
    ends = {row["custBatchNo"]: row["status"] for row in yesterday.new_rows()}
    assert ends == {"1": "2", "2": "4", "3": "4"}
    bench.order("3", "2", 200, "10")
    bench.poll(11)
    assert bench.states("3") == ["7", "0", "2"]
    assert bench.positions()["000001.SZ"]["currentQty"] == "0"
    assert bench.truth()["positions"] == {}


def test_a_clock_set_back_over_midnight_does_not_open_yesterday_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, start=datetime(2026, 7, 7, 0, 0, 1)).start()
    bench.clock.jump(-3600)
    bench.poll()
    assert sorted(path.name for path in tmp_path.glob("orderUpdate*")) == ["orderUpdate_20260707.csv"]


def test_the_truth_tells_each_order_and_the_account(bench: Bench) -> None:
    bench.order("1", "1", 200, "10.05")
    bench.order("2", "2", 200, "10.05")
    bench.poll()
    truth = bench.truth()
    assert truth["orders"]["1"]["status"] == "filled" and truth["orders"]["1"]["deal_balance"] == "2000.00"
    assert truth["orders"]["2"]["status"] == "rejected" and "T+1" in truth["orders"]["2"]["text"]
    assert truth["cash"] == {"total": "999995.00", "available": "997995.00", "locked": "0.00"}
    assert truth["positions"]["000001.XSHE"]["amount"] == 200


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_another_encoding_is_used_throughout(tmp_path: Path, encoding: str) -> None:
    bench = Bench(tmp_path, encoding).start()
    bench.order("1", "1", 150, "10")
    bench.poll()
    content = bench.path("orderUpdate").read_bytes()
    assert "委托数量错误".encode("utf-8" if encoding == "utf-8-sig" else encoding) in content
    assert content.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig") and content.count(b"\xef\xbb\xbf") <= 1


def test_a_directory_of_a_real_terminal_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "orderUpdate_20260706.csv").write_bytes(b"updTime,orderDate\r\n")
    with pytest.raises(InvalidParam, match="真实"):
        Bench(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["orderUpdate_20260706.csv"]


def test_trades_of_a_real_terminal_are_not_taken_for_its_own(tmp_path: Path) -> None:
    (tmp_path / "tradeUpdate_20260703.csv").write_bytes("时间,成交\r\n1,2\r\n".encode("gbk"))
    with pytest.raises(InvalidParam, match="真实"):
        Bench(tmp_path).start()


def test_rows_wait_while_a_file_cannot_be_written_and_it_is_said_once(bench: Bench) -> None:
    bench.poll()
    path = bench.path("orderUpdate")
    path.rename(path.with_name("aside"))
    path.mkdir()
    bench.order("1", "1", 200, "10")
    bench.poll(5)
    path.rmdir()
    path.with_name("aside").rename(path)
    bench.poll()
    assert bench.states("1") == ["7", "0", "2"]
    assert len([text for text in bench.said if "写不了" in text]) == 1
    assert len([text for text in bench.said if "又能写" in text]) == 1
