"""With all faults on, a plain reader that follows whole lines still reaches the truth."""

import random
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.onequant_terminal.terminal_bench import Bench, trade
from tests.paper.paper_helpers import ACCOUNT_NO, read_snapshot

FINAL = {"2": "filled", "3": "partly_canceled", "4": "canceled", "5": "rejected"}
RANKS = "7018"


def progress(row: Dict[str, str]) -> Any:
    return (RANKS.index(row["status"]) if row["status"] in RANKS else 9, int(row["filledQty"]))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_a_plain_reader_reaches_the_truth(tmp_path: Path, seed: int, encoding: str) -> None:
    bench = Bench(tmp_path, encoding).start(faults=seed)
    ids = trade(bench, seed + 100, 20)  # other numbers than the strangers
    believed: Dict[str, Dict[str, str]] = {}
    refused: Dict[str, str] = {}
    for _ in range(30):
        bench.poll()
        for row in bench.new_rows("orderUpdate"):
            known = believed.get(row["custBatchNo"])
            if (
                row["acct"] == ACCOUNT_NO
                and row["custBatchNo"] in ids
                and (known is None or progress(row) > progress(known))
            ):
                believed[row["custBatchNo"]] = row
        for row in bench.new_rows("execResult"):
            if (row["resultType"], row["status"]) == ("1", "1") and row["custBatchNo"] in ids:
                refused[row["custBatchNo"]] = row["errorMsg"]
    truth = bench.truth()
    assert refused == truth["refused"] and refused
    assert set(believed) == set(truth["orders"])
    for order_id, row in believed.items():
        real = truth["orders"][order_id]
        assert (FINAL[row["status"]], row["text"]) == (real["status"], real["text"])
        assert (int(row["filledQty"]), int(row["cancelQty"])) == (real["filled_amount"], real["canceled_amount"])
        assert row["filledAmt"] == real["deal_balance"]
    assert set(ids) == set(believed) | set(refused)


def test_every_kind_of_fault_happens(tmp_path: Path) -> None:
    bench = Bench(tmp_path).start(faults=5)
    torn_rows = torn_snapshots = cut_characters = 0
    assets = set()
    chance = random.Random(5)
    for number in range(300):
        bench.order(str(10**9 + number), "1", chance.choice([100, 150]), "9.50")
        bench.poll()
        content = bench.path("orderUpdate").read_bytes()
        torn_rows += not content.endswith(b"\n")
        cut_characters += "�" in content.split(b"\n")[-1].decode("gbk", "replace")
        if bench.path("assetInfo").exists():
            torn_snapshots += read_snapshot(bench.path("assetInfo")) is None
            assets.add(bench.path("assetInfo").read_bytes().count(ACCOUNT_NO.encode() + b"9"))
    lines = bench.path("orderUpdate").read_bytes().split(b"\r\n")
    own = [
        line
        for line in lines
        if line.count(b",") == 19 and b",P10" in line and b"," + ACCOUNT_NO.encode() + b"," in line
    ]
    states = [line.split(b",")[7] + line.split(b",")[17] for line in own]
    reason = "委托数量错误"
    assert torn_rows > 20 and torn_snapshots > 5 and cut_characters > 0
    assert assets == {0, 1}
    assert len(set(own)) < len(own)
    assert [state for state in states if state[:1] == b"0"] != sorted(state for state in states if state[:1] == b"0")
    assert any(reason.encode("gbk") in line for line in own) and any(reason.encode() in line for line in own)
    assert any("手工委托".encode("gbk") in line for line in lines)
    assert any(line.count(b",") < 19 for line in lines[:-1])


def test_a_bad_snapshot_is_followed_by_a_good_one(tmp_path: Path) -> None:
    bench = Bench(tmp_path).start(faults=2)
    bad = 0
    for _ in range(500):
        bench.poll()
        if read_snapshot(bench.path("assetInfo")) is None:
            bad += 1
            bench.poll()
        assert bench.assets()["totalAsset"] == "1000000.00"
    assert bad > 10


def test_at_the_end_all_is_written_and_the_snapshots_are_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path).start(faults=4)
    for number in range(30):
        bench.order(str(number), "1", 100, "10")
    bench.poll()
    assert bench.terminal is not None
    bench.terminal.close()
    filled = {
        row["custBatchNo"]
        for row in bench.new_rows("orderUpdate")
        if row["status"] == "2" and row["acct"] == ACCOUNT_NO
    }
    assert {str(number) for number in range(30)} <= filled
    assert bench.path("orderUpdate").read_bytes().endswith(b"\r\n")
    assert bench.assets()["currentBalance"] == bench.truth()["cash"]["available"]


def test_the_same_seed_gives_the_same_files(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        bench = Bench(tmp_path / name).start(faults=9)
        trade(bench, 1, 3)
        contents.append(bench.path("orderUpdate").read_bytes())
    assert contents[0] == contents[1]


def test_a_restart_among_faults_does_not_carry_an_order_out_twice(tmp_path: Path) -> None:
    bench = Bench(tmp_path).start(faults=6)
    ids = trade(bench, 6, 5)
    bench.start(faults=7)
    bench.poll(20)
    shares: Dict[str, int] = {}
    for row in bench.new_rows("tradeUpdate"):
        shares[row["custBatchNo"]] = shares.get(row["custBatchNo"], 0) + int(row["tradeQty"])
    orders = bench.truth()["orders"]
    assert set(orders) <= set(ids)
    assert shares == {order_id: order["filled_amount"] for order_id, order in orders.items() if order["filled_amount"]}
