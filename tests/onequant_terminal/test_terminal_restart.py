"""The paper terminal is killed and started again: what it has answered, it never does again."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.onequant_terminal.files import Outbox
from jqtrade.onequant_terminal.terminal import OneQuantTerminal
from jqtrade.paper.exchange import SHARES_PER_STEP
from tests.onequant_terminal.terminal_bench import Bench, trade
from tests.paper.paper_helpers import ACCOUNT_NO, NaiveReader


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path).start()


def test_a_second_start_changes_neither_orders_nor_money_nor_files(bench: Bench) -> None:
    bench.order("1", "1", 200, "10")
    bench.order("2", "1", 100, "9")
    bench.order("3", "1", 150, "10")
    bench.order("4", "1", 100, "10", acct="999")
    bench.order("1", "1", 100, "10")
    bench.cancel("1")
    bench.cancel("88")
    bench.order("5", "1", 100, "8")
    bench.poll()
    bench.cancel("5")
    bench.poll(2)
    truth = bench.truth()
    results = bench.path("execResult").read_bytes()
    trades = bench.path("tradeUpdate").read_bytes()
    bench.start()
    bench.poll(2)
    assert bench.truth() == truth
    assert bench.path("execResult").read_bytes() == results
    assert bench.path("tradeUpdate").read_bytes() == trades


def test_an_open_order_goes_on_after_the_restart(bench: Bench) -> None:
    bench.order("1", "1", SHARES_PER_STEP + 300, "10")
    bench.poll()
    bench.start()
    bench.poll(3)
    rows = bench.new_rows("orderUpdate")
    assert [row["filledQty"] for row in rows][-1] == str(SHARES_PER_STEP + 300)
    assert rows[-1]["status"] == "2"
    assert sum(int(row["tradeQty"]) for row in bench.new_rows("tradeUpdate")) == SHARES_PER_STEP + 300
    assert bench.truth()["orders"]["1"]["fees"] == "25.75"


def test_orders_written_while_it_was_away_are_carried_out(bench: Bench) -> None:
    bench.poll()
    bench.order("1", "1", 200, "10")
    bench.start()
    assert bench.states("1") == ["7", "0", "2"]


def test_an_open_order_can_be_cancelled_by_a_row_written_while_it_was_away(bench: Bench) -> None:
    bench.order("1", "1", 200, "9")
    bench.poll()
    bench.cancel("1")
    bench.start()
    assert bench.states("1")[-1] == "4"
    assert bench.truth()["cash"]["locked"] == "0.00"


def test_an_order_that_was_being_cancelled_is_cancelled(bench: Bench) -> None:
    bench.order("1", "1", 200, "9")
    bench.cancel("1")
    bench.poll()
    lines = bench.path("orderUpdate").read_bytes().split(b"\r\n")
    bench.path("orderUpdate").write_bytes(b"\r\n".join(lines[:-2]) + b"\r\n")
    bench.start()
    assert bench.states("1") == ["7", "0", "8", "4"]
    assert bench.truth()["cash"]["locked"] == "0.00"


def test_order_numbers_and_trade_numbers_go_on(bench: Bench) -> None:
    bench.order("1", "1", 200, "10")
    bench.poll()
    bench.start()
    bench.order("2", "1", 200, "10")
    bench.poll()
    assert [row["orderNo"] for row in bench.new_rows("orderUpdate") if row["status"] == "2"] == ["1", "2"]
    assert [row["paperTradeNo"] for row in bench.new_rows("tradeUpdate")] == ["00000001", "00000002"]


def test_the_account_goes_on_the_next_day_with_t_plus_1_released(bench: Bench) -> None:
    bench.order("1", "1", 200, "10")
    bench.poll()
    cash = bench.truth()["cash"]
    bench.clock.jump(timedelta(days=1).total_seconds())
    bench.start()
    assert bench.truth()["cash"] == cash
    assert bench.truth()["positions"]["000001.XSHE"]["available_amount"] == 200
    bench.order("1", "2", 200, "10")
    bench.poll()
    assert bench.states("1") == ["7", "0", "2"]


@pytest.mark.parametrize("kind", ["tradeUpdate", "orderUpdate", "execResult"])
@pytest.mark.parametrize("cut", [1, 2, 3, 5, 12, 40])
def test_a_kill_in_the_middle_of_a_write_loses_nothing(tmp_path: Path, kind: str, cut: int) -> None:
    bench = Bench(tmp_path).start()
    bench.order("1", "1", 200, "10")
    bench.poll()
    bench.order("2", "1", 300, "10")
    before = {name: bench.path(name).read_bytes() for name in ("tradeUpdate", "orderUpdate", "execResult")}
    bench.poll()
    truth = bench.truth()
    written = False
    for name, content in before.items():  # in the order in which the terminal writes them
        if written:
            bench.path(name).write_bytes(content)
        elif name == kind:
            bench.path(name).write_bytes(bench.path(name).read_bytes()[:-cut])
            written = True
    bench.start()
    bench.poll()
    assert bench.truth() == truth
    reader = NaiveReader(bench.path("orderUpdate"))
    assert [row["status"] for row in reader.new_rows() if row["custBatchNo"] == "2"][-1] == "2"


def test_a_kill_between_the_files_does_not_fill_twice(bench: Bench) -> None:
    bench.order("1", "1", SHARES_PER_STEP + 100, "10")
    untouched = {name: bench.path(name).read_bytes() for name in ("orderUpdate", "execResult")}
    bench.poll()
    for name, content in untouched.items():
        bench.path(name).write_bytes(content)
    bench.start()
    bench.poll(3)
    assert bench.states("1")[-1] == "2"
    assert bench.truth()["orders"]["1"]["filled_amount"] == SHARES_PER_STEP + 100
    assert bench.truth()["positions"]["000001.XSHE"]["amount"] == SHARES_PER_STEP + 100


def test_hand_placed_and_foreign_rows_in_its_files_are_not_taken_for_its_orders(bench: Bench) -> None:
    bench.order("1", "1", 200, "9")
    bench.poll()
    lines = bench.path("orderUpdate").read_bytes().split(b"\r\n")
    foreign = lines[-2].replace(ACCOUNT_NO.encode(), b"7654321") + b"\r\n" + lines[-2].replace(b"P1P", b"") + b"\r\n"
    with bench.path("orderUpdate").open("ab") as file:
        file.write(foreign.replace(b",1,", b",77,"))
    bench.start()
    assert list(bench.truth()["orders"]) == ["1"]


def test_a_file_of_an_earlier_day_that_is_gone_takes_nothing_from_the_account(bench: Bench) -> None:
    bench.order("1", "1", 200, "10")
    bench.poll()
    bench.clock.jump(timedelta(days=1).total_seconds())
    bench.poll()
    bench.order("2", "2", 200, "10")
    bench.poll()
    truth = bench.truth()
    (bench.dir / "tradeUpdate_20260706.csv").unlink()
    bench.start()
    assert (bench.truth()["cash"], bench.truth()["positions"]) == (truth["cash"], truth["positions"])


@pytest.mark.parametrize("seed", range(5))
def test_any_day_of_trading_is_the_same_after_a_restart(tmp_path: Path, seed: int) -> None:
    bench = Bench(tmp_path)
    for day in range(3):
        bench.start()
        trade(bench, seed + day, 4)
        truth = bench.truth()
        bench.start()
        assert bench.truth() == truth
        bench.clock.jump(timedelta(days=1).total_seconds())


def test_another_starting_cash_changes_nothing_and_that_is_said(bench: Bench) -> None:
    bench.order("1", "1", 200, "10")
    bench.poll()
    truth = bench.truth()
    bench.start(cash="1000")
    assert bench.truth() == truth
    assert len([text for text in bench.said if "起始资金 1000 元没有用" in text and "1000000" in text]) == 1


def test_files_without_their_state_are_not_gone_on_with(bench: Bench) -> None:
    """As a version before left them; or somebody deleted the state."""
    bench.order("1", "1", 200, "10")
    bench.poll()
    bench.clock.jump(timedelta(days=1).total_seconds())
    bench.let_go()
    bench.state_path.unlink()
    files = sorted(path.name for path in bench.dir.iterdir())
    with pytest.raises(InvalidParam, match="以前版本的模拟柜台"):
        bench.start()
    assert sorted(path.name for path in bench.dir.iterdir()) == files


def test_the_state_of_another_account_is_left_alone(bench: Bench) -> None:
    bench.order("1", "1", 200, "10")
    bench.poll()
    bench.let_go()
    before = bench.state_path.read_bytes()
    arguments = (str(bench.dir), "7654321", Decimal(1000), bench.quotes, bench.clock)
    outbox = Outbox("gbk", bench.clock, bench.said.append)
    with pytest.raises(InvalidParam, match="另一个资金账号"):
        OneQuantTerminal(*arguments, outbox, bench.said.append, state_path=str(bench.state_path))
    assert bench.state_path.read_bytes() == before


def test_an_order_of_yesterday_that_it_has_not_read_is_not_carried_out_today(bench: Bench) -> None:
    bench.order("1", "1", 200, "9")
    bench.poll()
    bench.order("2", "1", 200, "10")  # it is dead by then
    yesterday = NaiveReader(bench.path("orderUpdate"))
    bench.clock.jump(timedelta(days=1).total_seconds())
    bench.start()
    bench.poll(2)
    assert {row["custBatchNo"]: row["status"] for row in yesterday.new_rows()} == {"1": "4"}
    assert bench.truth()["positions"] == {} and bench.truth()["cash"]["locked"] == "0.00"


def test_a_kill_at_midnight_neither_skips_nor_repeats_a_request(bench: Bench) -> None:
    """The account has come to the new day, but its files have not."""
    bench.order("1", "1", 200, "9")
    bench.poll()
    bench.clock.jump(timedelta(days=1).total_seconds())
    terminal: Any = bench.terminal
    terminal._begin_day = None  # the kill
    with pytest.raises(TypeError):
        bench.poll()
    bench.order("1", "1", 200, "10")
    bench.start()
    bench.poll()
    assert bench.states("1") == ["7", "0", "2"]
    assert bench.truth()["positions"]["000001.XSHE"]["amount"] == 200
