"""`jqtrade paper_broker` as a real process, and the checks of what it is given."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from filelock import FileLock

from jqtrade.errors import InvalidParam
from jqtrade.onequant_terminal.program import mask, run_paper_broker
from jqtrade.paper.exchange import SHARES_PER_STEP
from tests.onequant_terminal.terminal_bench import ORDER_HEADER
from tests.paper.paper_helpers import ACCOUNT_NO, NaiveReader, read_snapshot

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60


# Windows sends Ctrl+Break to consoles only, and a build machine has none: the process sends it to itself there.
BREAKS_ITSELF = """
import os, runpy, signal, sys, threading, time

def watch(path):
    while not os.path.exists(path):
        time.sleep(0.1)
    signal.raise_signal(signal.SIGBREAK)

threading.Thread(target=watch, args=(sys.argv.pop(1),), daemon=True).start()
runpy.run_module("jqtrade", run_name="__main__", alter_sys=True)
"""


class Program:
    """A paper broker in a process of its own."""

    def __init__(self, order_dir: Path, *arguments: str) -> None:
        self.dir = order_dir
        self.stop_file = order_dir.with_name("stop")
        start = ["-c", BREAKS_ITSELF, str(self.stop_file)] if sys.platform == "win32" else ["-m", "jqtrade"]
        command = [sys.executable, *start, "paper_broker", "--order-dir", str(order_dir), "--account-no", ACCOUNT_NO]
        self.process = subprocess.Popen(
            command + list(arguments),
            cwd=str(REPOSITORY),
            env=dict(os.environ, PYTHONIOENCODING="utf-8"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def path(self, kind: str) -> Path:
        return self.dir / f"{kind}_{datetime.now():%Y%m%d}.csv"

    def stop(self) -> str:
        """Ask it to stop; returns what it printed."""
        if sys.platform == "win32":
            self.stop_file.touch()
        else:
            self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=PATIENCE_SECONDS)
        return output.decode("utf-8")


def wait_for(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"did not happen within {PATIENCE_SECONDS} s")


@pytest.fixture
def programs() -> Iterator[List[Program]]:
    started: List[Program] = []
    yield started
    for program in started:
        if program.process.poll() is None:
            program.process.kill()
            program.process.communicate()


def test_it_serves_orders_over_files_and_stops_when_asked(tmp_path: Path, programs: List[Program]) -> None:
    quotes, truth, order_dir = tmp_path / "q.csv", tmp_path / "truth.json", tmp_path / "DMA算法"
    quotes.write_bytes(b"code,last\n000001.SZ,10.00\n")
    order_dir.mkdir()
    program = Program(order_dir, "--quotes", str(quotes), "--truth", str(truth))
    programs.append(program)
    wait_for(program.path("positionInfo").exists)
    row = "100000.0,{},UM0,{},000001.SZ,1,{},DMA,AT,0,{},{}\r\n"
    rows = [("1", 200, "10.05"), ("2", 100, "9.00"), ("3", 150, "10")]
    text = "".join(row.format(order_id, ACCOUNT_NO, quantity, price, price) for order_id, quantity, price in rows)
    with program.path("assetInfo").open("rb"):  # a reader that keeps the file open, as another program may
        program.path("algoOrder").write_bytes((ORDER_HEADER + "\r\n" + text).encode("ascii"))
        updates = NaiveReader(program.path("orderUpdate"))
        states: Dict[str, List[str]] = {}

        def seen(order_id: str, *expected: str) -> bool:
            for update in updates.new_rows():
                states.setdefault(update["custBatchNo"], []).append(update["status"])
            return states.get(order_id) == list(expected)

        wait_for(lambda: seen("3", "7", "5"))
        assert seen("1", "7", "0", "2") and seen("2", "7", "0")
        program.path("algoOrderStop").write_bytes(b"updTime,custBatchNo\r\n100001.0,2\r\n")
        wait_for(lambda: seen("2", "7", "0", "8", "4"))
    output = program.stop()
    assert program.process.returncode == 0, output
    assert "*****67" in output and ACCOUNT_NO not in output
    assert "模拟柜台已停止" in output and "委托数量错误" in output
    assert "委托数量错误".encode("gbk") in program.path("orderUpdate").read_bytes()
    told = json.loads(truth.read_text(encoding="utf-8"))
    assert {order_id: order["status"] for order_id, order in told["orders"].items()} == {
        "1": "filled",
        "2": "canceled",
        "3": "rejected",
    }
    assets = read_snapshot(program.path("assetInfo"))
    assert assets is not None and assets[-1]["currentBalance"] == told["cash"]["available"] == "997995.00"


def test_killed_again_and_again_it_fills_each_order_once_and_whole(tmp_path: Path, programs: List[Program]) -> None:
    quotes, truth, order_dir = tmp_path / "q.csv", tmp_path / "truth.json", tmp_path / "orders"
    quotes.write_bytes(b"code,last\n000001.SZ,10.00\n")
    order_dir.mkdir()
    chance = random.Random(22)
    row = f"100000.0,{{}},UM0,{ACCOUNT_NO},000001.SZ,1,{{}},DMA,AT,0,10,10\r\n"
    rows = [row.format(number, 2 * SHARES_PER_STEP + 500) for number in range(1, 4)]

    def start() -> Program:
        programs.append(Program(order_dir, "--quotes", str(quotes), "--truth", str(truth)))
        return programs[-1]

    for written in range(1, 4):
        program = start()
        trades = NaiveReader(program.path("tradeUpdate"))
        program.path("algoOrder").write_bytes((ORDER_HEADER + "\r\n" + "".join(rows[:written])).encode("ascii"))
        trades.new_rows()
        wait_for(trades.new_rows)  # it is in the middle of an order
        time.sleep(chance.uniform(0, 0.3))
        program.process.kill()
        program.process.communicate()
    program = start()
    amount = 3 * (2 * SHARES_PER_STEP + 500)
    everything = NaiveReader(program.path("tradeUpdate"))
    seen: List[Dict[str, str]] = []
    wait_for(lambda: seen.extend(everything.new_rows()) or sum(int(row["tradeQty"]) for row in seen) >= amount)
    program.stop()
    assert sum(int(row["tradeQty"]) for row in seen) == amount
    told = json.loads(truth.read_text(encoding="utf-8"))
    assert told["positions"]["000001.XSHE"]["amount"] == amount
    assert {order["status"] for order in told["orders"].values()} == {"filled"}
    again = start()
    again.stop()
    assert json.loads(truth.read_text(encoding="utf-8")) == told


def test_with_faults_all_is_whole_once_it_has_stopped(tmp_path: Path, programs: List[Program]) -> None:
    order_dir, truth = tmp_path / "orders", tmp_path / "truth.json"
    order_dir.mkdir()
    program = Program(order_dir, "--faults", "--seed", "3", "--truth", str(truth))
    programs.append(program)
    rows = [f"100000.0,{number},UM0,{ACCOUNT_NO},000001.SZ,1,100,DMA,AT,0,0,0\r\n" for number in range(1, 21)]
    program.path("algoOrder").write_bytes((ORDER_HEADER + "\r\n" + "".join(rows)).encode("ascii"))
    wait_for(lambda: len(NaiveReader(program.path("tradeUpdate")).new_rows()) == 20)
    output = program.stop()
    assert program.process.returncode == 0 and "故障演练已开启" in output, output
    filled = [row for row in NaiveReader(program.path("orderUpdate")).new_rows() if row["status"] == "2"]
    told = json.loads(truth.read_text(encoding="utf-8"))
    assert set(told["orders"]) <= {row["custBatchNo"] for row in filled if row["acct"] == ACCOUNT_NO}
    assert len(told["orders"]) == 20 and read_snapshot(program.path("positionInfo")) is not None


def test_a_wrong_start_is_explained_in_chinese_with_exit_code_1(tmp_path: Path, programs: List[Program]) -> None:
    program = Program(tmp_path / "nowhere")
    programs.append(program)
    output, _ = program.process.communicate(timeout=PATIENCE_SECONDS)
    assert program.process.returncode == 1
    assert "不存在" in output.decode("utf-8") and "Traceback" not in output.decode("utf-8")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"order_dir": "nowhere"}, "nowhere"),
        ({"account_no": ""}, "account_no"),
        ({"account_no": "1,2"}, "account_no"),
        ({"cash": "abc"}, "cash"),
        ({"cash": -1}, "cash"),
        ({"quotes": "none.csv"}, "none.csv"),
        ({"encoding": "klingon"}, "klingon"),
        ({"encoding": "ascii"}, "ascii"),
        ({"encoding": "utf-16"}, "utf-16"),
        ({"truth": os.path.join("nowhere", "truth.json")}, "truth"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_is_written(tmp_path: Path, wrong: Dict[str, Any], reason: str) -> None:
    order_dir = tmp_path / "orders"
    order_dir.mkdir()
    arguments: Dict[str, Any] = {"order_dir": str(order_dir), "account_no": ACCOUNT_NO}
    arguments.update(wrong)
    with pytest.raises(InvalidParam, match=reason):
        run_paper_broker(**arguments)
    assert list(order_dir.iterdir()) == []


@pytest.mark.parametrize(("account_no", "shown"), [("1234567", "*****67"), ("123", "*23"), ("12", "12")])
def test_an_account_number_is_masked_but_for_its_last_two_characters(account_no: str, shown: str) -> None:
    assert mask(account_no) == shown


def test_a_second_broker_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    first = FileLock(str(tmp_path / "paper_broker.lock"))
    first.acquire(timeout=0)
    try:
        with pytest.raises(InvalidParam, match="已有一个模拟柜台"):
            run_paper_broker(str(tmp_path), ACCOUNT_NO)
    finally:
        first.release()


@pytest.mark.parametrize(("arguments", "status"), [([], "0"), (["--max-quote-age", "0"], "2")])
def test_a_quotes_file_of_last_month_fills_nothing_unless_any_age_will_do(
    tmp_path: Path, programs: List[Program], arguments: List[str], status: str
) -> None:
    quotes, order_dir = tmp_path / "q.csv", tmp_path / "orders"
    quotes.write_bytes(b"code,last\n000001.SZ,10.00\n")
    long_ago = time.time() - 40 * 24 * 3600
    os.utime(str(quotes), (long_ago, long_ago))
    order_dir.mkdir()
    program = Program(order_dir, "--quotes", str(quotes), *arguments)
    programs.append(program)
    wait_for(program.path("positionInfo").exists)
    row = f"100000.0,1,UM0,{ACCOUNT_NO},000001.SZ,1,200,DMA,AT,0,10.05,10.05\r\n"
    program.path("algoOrder").write_bytes((ORDER_HEADER + "\r\n" + row).encode("ascii"))
    updates = NaiveReader(program.path("orderUpdate"))
    states: List[str] = []

    def seen() -> bool:
        states.extend(update["status"] for update in updates.new_rows())
        return status in states

    wait_for(seen)
    time.sleep(1.5)  # three more looks at the quotes
    seen()
    assert states[-1] == status
    assert program.stop().count("太旧") == (status == "0")
