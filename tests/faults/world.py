"""A folder with tasks on one order file, the broker behind it, and what must be true of them all at any time."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Set

from jqtrade.gates.options import strategy_options
from tests.faults.ordering_task import amount_of, code_of, price_of, read_diary
from tests.faults.sizes import WINDOWS

ROOT = Path(__file__).resolve().parent.parent.parent
TASK = [sys.executable, str(Path(__file__).resolve().parent / "ordering_task.py")]
ACCOUNT_NO = "12345678"
PATIENCE = 120

HEADER = (
    b"updTime,custBatchNo,acctType,acct,symbol,tradeSide,targetQty,algoId,priceType,ticks,highLimitPrice,lowLimitPrice"
)
ROW = re.compile(
    rb"\d{6}\.\d{6},(\d{1,10}),UM0," + ACCOUNT_NO.encode() + rb",(\d{6})\.(S[ZH]),1,(\d+),DMA,AT,0,([\d.]+),\5"
)
NEIGHBOUR_NO = "7777777"
NEIGHBOUR = re.compile(
    rb"\d{6}\.\d{6},\d{1,10},UM0," + NEIGHBOUR_NO.encode() + rb",\d{6}\.S[ZH],1,\d+,DMA,AT,0,[\d.]+,[\d.]+"
)
"""A whole row of another program, which has another account."""
UPDATE_HEADER = (
    "updTime,orderDate,orderTime,acctType,acct,symbol,tradeSide,status,orderQty,orderPrice,orderType,filledQty,avgPrice,"
    "filledAmt,cancelQty,orderNo,corrId,custBatchNo,text,cliOrderId"
)


RESULT_HEADER = "updTime,resultType,custBatchNo,status,errorCode,errorMsg"
REFUSAL = "委托格式错误"
SAID_NOT_SENT = (
    "SELECT order_id FROM events JOIN orders ON orders.sequence = order_sequence WHERE events.err_msg LIKE '没有发出%'"
)


class Row(NamedTuple):
    """A whole row of the order file."""

    order_id: str
    code: str
    amount: int
    price: str
    """as it is written"""


class OrderFile(NamedTuple):
    """What stands in the order file, but for the whole rows of another account."""

    rows: List[Row]
    torn: List[bytes]
    """lines that are no whole row, the last one perhaps without its end"""
    closed: List[bytes]
    """those of them that have their end"""


def read_order_file(data: bytes) -> OrderFile:
    lines = data.split(b"\n")
    last = lines.pop()
    rows, closed = [], []
    for line in lines:
        line = line.rstrip(b"\r")
        match = ROW.fullmatch(line)
        if match:
            number, symbol, suffix, amount, price = (group.decode() for group in match.groups())
            rows.append(Row(number, symbol + {"SZ": ".XSHE", "SH": ".XSHG"}[suffix], int(amount), price))
        elif line != HEADER and line and not NEIGHBOUR.fullmatch(line):
            closed.append(line)
    return OrderFile(rows, closed + [last] if last.strip() and not NEIGHBOUR.fullmatch(last) else closed, closed)


def _start_of(order: Dict[str, Any]) -> bytes:
    """The beginning of the order's row, up to the end of its id: of a line that is cut before, nobody can tell whose it is."""
    moment = datetime.strptime(order["create_time"], "%Y-%m-%dT%H:%M:%S.%f").strftime("%H%M%S.%f")
    return f"{moment},{order['order_id']},".encode()


class Broker(threading.Thread):
    """Fills every whole row of the order file as it grows, and refuses torn ones; the terminal, without its delay."""

    def __init__(self, world: "World") -> None:
        super().__init__(daemon=True)
        self._world = world
        self._done = threading.Event()
        self.filled: Dict[str, int] = {}
        self.refused: Set[str] = set()

    def run(self) -> None:
        while not self._done.wait(0.03):
            self.work()

    def work(self) -> None:
        file = self._world.order_file()
        updates = results = ""
        for row in file.rows:
            if row.order_id not in self.filled:
                self.filled[row.order_id] = row.amount
                updates += self._line(row, 0, 0) + self._line(row, 2, row.amount)
        for line in file.closed:
            order_id = line.split(b",")[1].decode() if line.count(b",") > 1 else ""
            if order_id and order_id not in self.refused:
                self.refused.add(order_id)
                results += f"100001,1,{order_id},1,-1,{REFUSAL}\r\n"
        self._append("orderUpdate", UPDATE_HEADER, updates)
        self._append("execResult", RESULT_HEADER, results)

    def _append(self, kind: str, header: str, text: str) -> None:
        path = self._world.file(kind)
        start = "" if path.exists() else header + "\r\n"
        if start or text:
            with path.open("ab") as file:
                file.write((start + text).encode("gbk"))

    def _line(self, row: Row, status: int, filled: int) -> str:
        symbol = row.code[:7] + {"XSHE": "SZ", "XSHG": "SH"}[row.code[7:]]
        day = self._world.day
        return (
            f"100001,{day},100001,UM0,{ACCOUNT_NO},{symbol},1,{status},{row.amount},{row.price},0,{filled},"
            f"{row.price if filled else 0},{float(row.price) * filled:.2f},0,88,,{row.order_id},,\r\n"
        )

    def finish(self) -> None:
        self._done.set()
        if self.is_alive():
            self.join()
        self.work()


class World:
    """The folder, the options of its tasks, and their processes."""

    own_codes = 0
    """how many codes each task has for itself; 0: they all order the same ones"""
    begun_anew = 0
    """how often somebody took the order file away: of what stands nowhere, tasks cannot always know that it was not sent"""

    def __init__(self, folder: Path, order_dir: Optional[Path] = None, **options: Any) -> None:
        self.folder = folder
        self.order_dir = order_dir or folder / "orders"
        for path in (self.folder, self.order_dir):
            path.mkdir(parents=True, exist_ok=True)
        # In the tasks' time zone it is a little after ten: trading time, and far from midnight.
        offset = 10 - datetime.now(timezone.utc).hour
        self.zone = timezone(timedelta(hours=offset))
        self.day = datetime.now(self.zone).strftime("%Y%m%d")
        given: Dict[str, Any] = {
            "account_no": ACCOUNT_NO,
            "counter_type": "UM0",
            "order_dir": str(self.order_dir),
            "runtime_dir": str(folder / "home"),
            "timezone": f"{offset:+03d}:00",
            "max_orders_per_second": 10**6,
            "max_orders_per_day": 10**6,
            "price_deviation": None,  # the price is the order's number, and codes come again
            "wait_lock_internal": 0.002,
            "sync_retry_kwargs": {"max_attempts": 2, "attempt_internal": 0.005},
        }
        known = strategy_options().as_dict()
        self.options = {name: value for name, value in given.items() if name in known}
        self.options.update(options)
        self.write_snapshots()

    def file(self, kind: str) -> Path:
        return self.order_dir / f"{kind}_{self.day}.csv"

    def write_snapshots(self) -> None:
        assets = f"acct,exchange,totalAsset,currentBalance,enabledBalance\r\n{ACCOUNT_NO},,1000000000,1000000000,1000000000\r\n,,,,\r\n"
        self.file("assetInfo").write_bytes(assets.encode())
        self.file("positionInfo").write_bytes(
            b"acct,symbol,currentQty,enabledQty,costPrice,lastPrice,mktValue\r\n,,,,,,\r\n"
        )

    def order_file(self) -> OrderFile:
        try:
            return read_order_file(self.file("algoOrder").read_bytes())
        except FileNotFoundError:
            return OrderFile([], [], [])

    def start(self, name: str, fault: str = "", **settings: Any) -> "subprocess.Popen[bytes]":
        """A life of the task `name`; returns when it is about to open its account, with `commands` when it is done."""
        env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(ROOT))
        if fault:
            env.update(JQTRADE_FAULT=fault, JQTRADE_FAULT_TOLD=str(self.folder / "faults"))
        process = subprocess.Popen(
            self.command(name, **settings), stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=str(ROOT)
        )
        assert process.stdout is not None
        first = process.stdout.readline().strip()
        assert first == b"+", (name, self.log(name)[-3000:])
        if settings.get("commands"):
            assert process.stdout.readline() == b"ready\n", (name, self.log(name)[-3000:])
        return process

    def command(self, name: str, **settings: Any) -> List[str]:
        settings.setdefault("options", self.options)
        if self.own_codes:
            settings.setdefault("own_codes", self.own_codes)
        return TASK + [name, str(self.folder), json.dumps(settings)]

    def run(self, name: str, fault: str = "", **settings: Any) -> int:
        """A life of the task to its end; returns its exit code."""
        process = self.start(name, fault, **settings)
        process.communicate(timeout=PATIENCE)
        return process.returncode

    def kill_after(self, name: str, seconds: float, fault: str = "", **settings: Any) -> None:
        """A life that ends by SIGKILL after `seconds`, or earlier at a failpoint."""
        process = self.start(name, fault, **settings)
        time.sleep(seconds)
        process.kill()
        process.communicate(timeout=PATIENCE)
        died = -9 if not WINDOWS else process.returncode
        assert process.returncode == died, (process.returncode, self.log(name)[-3000:])

    def log(self, name: str) -> str:
        path = self.folder / (name + ".log")
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def diary(self, name: str) -> List[List[Any]]:
        return read_diary(str(self.folder / (name + ".told")))

    def faults_told(self) -> List[str]:
        path = self.folder / "faults"
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def journal(self, name: str, query: str = "SELECT * FROM orders ORDER BY sequence") -> List[Dict[str, Any]]:
        """What the task's journal says, read without jqtrade."""
        (path,) = [path for path in (self.folder / "home" / "data").glob("*.db") if path.stem.startswith(name)]
        connection = sqlite3.connect(str(path))
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(query)]
        (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
        assert verdict == "ok", verdict
        connection.close()
        return rows

    def is_piece_of(self, line: bytes, order_id: str) -> bool:
        """Whether a line that is no whole row may be some of this order's."""
        return line.split(b",")[1:2] == [order_id.encode()]

    def check(self, names: Sequence[str], broker: Optional[Broker] = None) -> Counter:
        """Restart each task once more, and compare journal, order file, broker and what the strategy was told.

        Returns what there is of each kind. Raises AssertionError.
        """
        if broker is not None:
            broker.finish()
        for name in names:
            before = self.file("algoOrder").read_bytes() if self.file("algoOrder").exists() else b""
            assert self.run(name, count=0) == 0, self.log(name)[-3000:]
            after = self.file("algoOrder").read_bytes() if self.file("algoOrder").exists() else b""
            assert before == after, f"a restart wrote to the order file: {after[len(before) :]!r}"
        file = self.order_file()
        counts: Counter = Counter(rows=len(file.rows), torn=len(file.torn))
        doubled = [order_id for order_id, count in Counter(row.order_id for row in file.rows).items() if count > 1]
        assert not doubled, f"ids twice in the order file: {doubled}"
        owners: Dict[str, str] = {}
        for name in names:
            counts += self._check_task(name, file, owners, broker)
        strangers = [row for row in file.rows if row.order_id not in owners]
        assert not strangers, f"rows without an intent: {strangers}"
        return counts

    def _check_task(self, name: str, file: OrderFile, owners: Dict[str, str], broker: Optional[Broker]) -> Counter:
        counts: Counter = Counter()
        rows = {row.order_id: row for row in file.rows}
        orders = self.journal(name)
        log = self.log(name)
        logged_not_sent = set(re.findall(r"订单 (\d+) 没有发出", log))
        # In the life that returned its id: what only the next life says is no answer to whoever was told that it went.
        logged_doubt = set(re.findall(r"(?<!上次运行中断时)无法确认订单 (\d+) ", log))
        # What was said for a moment counts too, though the broker's news may have put it right since.
        said_not_sent = {row["order_id"] for row in self.journal(name, SAID_NOT_SENT)}
        diary = self.diary(name)
        asked = [line[1] for line in diary if line[0] == "ask"]
        told = {line[1]: line for line in diary if line[0] == "got"}
        assert len(set(asked)) == len(asked)
        numbers = {f"{price_of(number):.2f}": number for number in asked}
        by_number: Dict[int, Dict[str, Any]] = {}
        for order in orders:
            order_id = order["order_id"]
            assert order_id not in owners, f"id {order_id} is in the journals of {owners[order_id]} and {name}"
            owners[order_id] = name
            number = numbers["{:.2f}".format(order["price"])]
            assert number not in by_number, f"order {number} of {name} stands twice in the journal"
            by_number[number] = order
            code = code_of(name, number, self.own_codes)
            assert (order["code"], order["amount"]) == (code, amount_of(number)), order
            torn = [line for line in file.torn if self.is_piece_of(line, order_id)]
            start = _start_of(order)
            stump = [line for line in file.torn if start.startswith(line)]
            ours = order["status"] == "rejected" and not order["confirmed"]
            where = f"order {number} of {name}, {order_id}: {order}, {rows.get(order_id)}, {torn}, {told.get(number)}"
            if order_id in rows:
                row = rows[order_id]
                assert (row.code, row.amount, float(row.price)) == (code, order["amount"], order["price"]), where
                said = order_id in said_not_sent or order_id in logged_not_sent
                assert not ours and not said, "SENT, BUT CALLED REJECTED: " + where
                assert order["sent"] or order["confirmed"], "sent, but not known after a restart: " + where
                if broker is not None:
                    assert (order["status"], order["filled_amount"]) == ("filled", row.amount), "LOST: " + where
                counts["sent"] += 1
            elif torn:
                # Whether the terminal takes it is not ours to know: never silent, never called filled or sent for sure.
                assert order["status"] in ("new", "rejected"), where
                refused = order["err_msg"] == REFUSAL
                called = "called_sent" if order["sent"] and not refused else "unknown" if not ours else ""
                counts["torn_" + (called or ("refused_by_the_broker" if refused else "called_not_sent"))] += 1
            elif stump and not ours:
                assert order["status"] == "new" and not order["sent"], where
                counts["torn_unknown"] += 1
            elif self.begun_anew and not ours:
                assert order["status"] == "new" and not order["sent"] and not order["confirmed"], (
                    "IN NO FILE, BUT NOT UNKNOWN: " + where
                )
                counts["unknown"] += 1
            else:
                assert ours and order["err_msg"].startswith("没有发出"), "NOT SENT, BUT NOT CALLED SO: " + where
                counts["not_sent"] += 1
            line = told.get(number)
            if line is None:
                counts["unanswered"] += 1
            elif line[2] is not None:
                assert line[2] == order_id, "told another id: " + where
                doubted = order_id in logged_doubt
                assert order_id in rows or torn or doubted, "LOST: told an id, but no row: " + where
                counts["doubted"] += doubted
            else:
                assert order_id not in rows, "told None, but it stands in the file: " + where
        for number, line in told.items():
            assert line[2] is None or number in by_number, f"told id {line[2]}, but the journal does not know it"
            if line[3] is not None:
                counts["raised " + line[3].split(":")[0]] += 1
        self._check_memory(diary)
        return counts

    def _check_memory(self, diary: List[List[Any]]) -> None:
        """What a strategy once had an id for, every later life knows; and what was told as not sent stays so."""
        given, refused = set(), set()
        for line in diary:
            if line[0] == "got" and line[2] is not None:
                given.add(line[2])
            elif line[0] == "known":
                known = {each[0]: each for each in line[1]}
                assert given <= set(known), f"forgotten: {given - set(known)}"
                again = {order_id for order_id in refused if known[order_id][2] != "rejected"}
                assert not again, f"told as not sent, and later as sent: {again}"
                refused |= {each[0] for each in line[1] if each[2] == "rejected" and each[3].startswith("没有发出")}
                given |= set(known)
