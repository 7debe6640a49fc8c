"""The exception storm: whatever is raised at any step of a submit, a cancel or a sync, nothing untrue is said, nothing sent twice.

Short: some steps of each call, drawn at random. Long: every one, and each once more with a kill right after it.
"""

import os
import random
import re
import sqlite3
import sys
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import OrderRequest, check_request
from jqtrade.account.risk import RiskLimits
from jqtrade.account.trade_gate import AnXinDMATradeGate
from jqtrade.account.trade_gate.file_lock import FileLock
from jqtrade.options import Options
from jqtrade.testing import VirtualClock
from tests.faults.sizes import LONG, SEED, claim, rounds
from tests.faults.storm import Late, Storm

UPDATE_HEADER = (
    "updTime,orderDate,orderTime,acctType,acct,symbol,tradeSide,status,orderQty,orderPrice,orderType,filledQty,avgPrice,"
    "filledAmt,cancelQty,orderNo,corrId,custBatchNo,text,cliOrderId"
)
ROW = re.compile(rb"\d{6}\.\d{6},(\d{1,10}),UF0,1234567,(\d{6})\.(S[ZH]),([12]),(\d+),DMA,AT,0,([\d.]+),\6")
ERRORS: List[Callable[[], BaseException]] = [
    Late,
    MemoryError,
    RecursionError,
    lambda: TimeoutError("too slow"),  # what many write into their signal handlers; an OSError
    KeyboardInterrupt,
    lambda: sqlite3.OperationalError("raised by a signal handler"),
]


class Desk:
    """A folder of One Quant, a journal, and an account over both; the terminal's side is written by hand."""

    ended_before = 0

    def __init__(self, folder: Path) -> None:
        self.orders_dir = folder / "orders"
        self.orders_dir.mkdir(parents=True)
        self.journal_path = str(folder / "data" / "demo.db")
        self.clock = VirtualClock(datetime(2026, 1, 5, 10, 0))
        self._prices = count(101)
        self.write_snapshots(10**7)
        self.account = self.open()

    def open(self) -> Account:
        """As a start of the task does; what was open stays so, as after a kill."""
        options = Options()
        options.update(
            options.check(
                {
                    "account_no": "1234567",
                    "order_dir": str(self.orders_dir),
                    "max_orders_per_second": 10**6,
                    "max_orders_per_day": 10**7,
                    "cash_check": True,
                    "max_daily_value": 1e12,
                    "max_snapshot_age": None,
                    "snapshot_lag": 0.0,
                    "price_deviation": 1000,
                }
            )
        )
        gate = AnXinDMATradeGate()
        gate.clock = self.clock
        gate.setup(options.as_dict())
        limits = RiskLimits(options.as_dict(), self.clock)
        self.account = Account(
            gate, Journal(self.journal_path, gate.account_key(), gate.is_same_account), self.clock, limits
        )
        self.account.recover()
        self.account.sync_balance()
        self.account.sync_orders()
        return self.account

    def file(self, kind: str) -> Path:
        return self.orders_dir / f"{kind}_20260105.csv"

    def write_snapshots(self, cash: float) -> None:
        self.file("assetInfo").write_text(
            f"acct,exchange,totalAsset,currentBalance,enabledBalance\n1234567,,1e9,{cash},{cash}\n,,,,\n"
        )
        self.file("positionInfo").write_text(
            "acct,symbol,currentQty,enabledQty,costPrice,lastPrice,mktValue\n"
            "1234567,000002.SZ,1000000,1000000,2,2,2000000\n,,,,,,\n"
        )

    def next_price(self) -> float:
        """One that no order had before: by it a row, an order and an entry of the journal are known as the same."""
        return next(self._prices) / 100

    def rows(self, price: Optional[float] = None) -> List[Tuple[str, float]]:
        """Id and price of each whole row of the order file."""
        data = self.file("algoOrder").read_bytes() if self.file("algoOrder").exists() else b""
        found = [ROW.fullmatch(line.rstrip(b"\r")) for line in data.split(b"\n")[1:-1]]
        assert all(found), data
        rows = [(match.group(1).decode(), float(match.group(6))) for match in found if match]
        return [row for row in rows if price is None or row[1] == price]

    def recorded(self) -> Dict[str, Dict[str, Any]]:
        connection = sqlite3.connect(f"file:{self.journal_path}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            rows = [dict(row) for row in connection.execute("SELECT * FROM orders")]
        finally:
            connection.close()
        by_id = {row["order_id"]: row for row in rows}
        assert len(by_id) == len(rows), "an order stands twice in the journal"
        return by_id

    def report(self, order_id: str, status: int, filled: int) -> None:
        """The terminal speaks of an order of 100 shares of 000001."""
        file = self.file("orderUpdate")
        start = "" if file.exists() else UPDATE_HEADER + "\n"
        line = f"1,20260105,100001,UF0,1234567,000001.SZ,1,{status},100,1,0,{filled},1,{filled},0,88,,{order_id},,\n"
        with file.open("a") as lines:
            lines.write(start + line)

    def check_now(self, price: float, answers: List[Any]) -> None:
        """In the job itself: what must hold however the call ended."""
        rows = [order_id for order_id, _ in self.rows(price)]
        assert len(rows) <= 1, f"sent twice: {rows}"
        known = {order.order_id: order for order in self.account.orders()}
        doubts = self.account._doubts.ids
        for order_id in rows:
            refused = known[order_id].status == "rejected" and not known[order_id].confirmed
            assert not refused, "sent, but called rejected"
        for answer in answers:
            if isinstance(answer, str):
                assert answer in rows or answer in doubts, f"told {answer}, but it was not sent"

    def check_later(self, price: float) -> None:
        """After a sync that told the strategy."""
        rows = [order_id for order_id, _ in self.rows(price)]
        assert len(rows) <= 1, f"sent twice: {rows}"
        orders = {order.order_id: order for order in self.account.orders() if order.price == price}
        recorded = self.recorded()
        assert not self.account._doubts.ids
        for order_id in rows:
            assert orders[order_id].status != "rejected" and recorded[order_id]["sent"]
        for order_id, order in orders.items():
            assert order_id in rows or order.status == "rejected", "not sent, but called live"
            assert recorded[order_id]["status"] == order.status

    def ended(self, answer: Any) -> bool:
        """Whether the call had ended before the exception came: then it is the strategy's own, as in its next line."""
        if isinstance(answer, BaseException) and self.account._inside is None:
            self.ended_before += 1
        return isinstance(answer, BaseException) and self.account._inside is None

    def check_usable(self) -> None:
        """Nobody is locked out, we neither."""
        lock = FileLock(str(self.file("algoOrder")) + ".lock")
        assert lock.try_acquire()
        lock.release()
        price = self.next_price()
        (order_id,) = self.account.submit_batch([buy(price)])
        assert [row[0] for row in self.rows(price)] == [order_id]


def buy(price: float, code: str = "000001.XSHE", amount: int = 100) -> OrderRequest:
    return check_request(code, amount, LimitOrderStyle(price))


def outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except BaseException as error:
        return error


def submit_and_retry(desk: Desk, storm: Storm) -> None:
    price = desk.next_price()
    answers = [outcome(lambda: storm.call(desk.account.submit_batch, [buy(price)])[0])]
    if desk.ended(answers[0]):
        return
    if not isinstance(answers[0], str) or answers[0] in desk.account._doubts.ids:
        answers.append(outcome(lambda: desk.account.submit_batch([buy(price)])[0]))
    if not storm.has_fired:
        return
    desk.check_now(price, answers)
    desk.account.sync_orders()
    desk.account.sync_orders()
    desk.check_later(price)


def batch_and_retry(desk: Desk, storm: Storm) -> None:
    prices = [desk.next_price() for _ in range(3)]
    requests = [buy(prices[0]), buy(prices[1]), buy(prices[2], "600000.XSHG"), buy(1.0, "000002.XSHE", 55)]
    answers = [outcome(lambda: storm.call(desk.account.submit_batch, requests))]
    if desk.ended(answers[0]):
        return
    if not isinstance(answers[0], list) or desk.account._doubts.ids:
        answers.append(outcome(lambda: desk.account.submit_batch(requests)))
    if not storm.has_fired:
        return
    for number, price in enumerate(prices):
        desk.check_now(price, [answer[number] for answer in answers if isinstance(answer, list)])
    desk.account.sync_orders()
    desk.account.sync_orders()
    for price in prices:
        desk.check_later(price)


def cancel(desk: Desk, storm: Storm) -> None:
    price = desk.next_price()
    (order_id,) = desk.account.submit_batch([buy(price)])
    outcome(lambda: storm.call(desk.account.cancel_batch, [order_id]))
    outcome(lambda: desk.account.cancel_batch([order_id]))
    lines = desk.file("algoOrderStop").read_bytes().split(b"\n")
    assert all(re.fullmatch(rb"\d{6}\.\d{6},\d{1,10}\r|", line) for line in lines[1:]), lines
    assert 1 <= sum(line.endswith(f",{order_id}\r".encode()) for line in lines) <= 2


def sync_orders(desk: Desk, storm: Storm) -> None:
    price = desk.next_price()
    (order_id,) = desk.account.submit_batch([buy(price)])
    assert order_id is not None
    desk.report(order_id, 0, 0)
    desk.report(order_id, 2, 100)
    told = outcome(lambda: storm.call(desk.account.sync_orders))
    told_later = desk.account.sync_orders()
    (order,) = desk.account.orders(order_id)
    assert (order.status, order.filled_amount) == ("filled", 100)
    assert desk.recorded()[order_id]["status"] == "filled"
    ids = [one.order_id for one in (told if isinstance(told, list) else []) + told_later]
    assert storm.has_fired or ids == [order_id]


def sync_balance(desk: Desk, storm: Storm) -> None:
    desk.clock.sleep(10)
    cash = 10**7 + desk.next_price()
    desk.write_snapshots(cash)
    outcome(lambda: storm.call(desk.account.sync_balance))
    desk.account.sync_balance()
    assert desk.account.portfolio.available_cash == cash


CALLS = [submit_and_retry, batch_and_retry, cancel, sync_orders, sync_balance]


def steps_of(call: Callable[[Desk, Storm], None], folder: Path) -> int:
    desk = Desk(folder)
    call(desk, Storm(0))  # the first time writes headers and fills caches
    storm = Storm(0)
    call(desk, storm)
    return storm.steps


def chosen(steps: int, short: int) -> List[int]:
    every = list(range(1, steps + 1))
    return every if LONG else sorted(random.Random(SEED).sample(every, min(rounds(short, short), steps)))


@pytest.mark.parametrize("call", CALLS)
def test_an_exception_at_any_step_leaves_nothing_untrue_and_sends_nothing_twice(
    call: Callable[[Desk, Storm], None], tmp_path: Path
) -> None:
    steps = steps_of(call, tmp_path / "steps")
    assert steps > 100
    desk = Desk(tmp_path / "desk")
    desk.check_usable()
    descriptors = count_descriptors()
    fired = 0
    for step in chosen(steps, 60):
        storm = Storm(step, ERRORS[(step + step // len(ERRORS)) % len(ERRORS)])
        try:
            call(desk, storm)
            desk.check_usable()
        except BaseException as error:
            raise AssertionError(f"{call.__name__}, step {step} of {steps}, {storm._error}") from error
        fired += storm.has_fired
        desk.clock.sleep(0.01)
        if step % 500 == 0:  # files of a day, not of a year
            desk = Desk(tmp_path / f"desk{step}")
    claim(f"{call.__name__}: an exception at each of its steps", steps=steps, raised=fired, wrong=0)
    # A call after one that was cut short takes other steps than the one counted, and Python 3.13 tells of fewer.
    assert fired >= 0.25 * len(chosen(steps, 60))
    assert desk.ended_before <= 20  # the lines before the account is entered count too
    if descriptors:
        assert count_descriptors() <= descriptors + 60  # journals that were left open, as a kill would


def count_descriptors() -> int:
    """0 where nobody can say; under Wine that path leads to the descriptors of all processes together."""
    return len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0


@pytest.mark.posix
@pytest.mark.parametrize("call", [submit_and_retry, batch_and_retry])
def test_a_kill_after_an_exception_at_any_step_loses_and_doubles_nothing(
    call: Callable[[Desk, Storm], None], tmp_path: Path
) -> None:
    steps = steps_of(call, tmp_path / "steps")
    fired = 0
    for number, step in enumerate(chosen(steps, 15)):
        if number % 200 == 0:
            folder = tmp_path / f"desk{number}"
            prices = iter(range(10**6))
        child = os.fork()
        if child == 0:
            status = 2
            try:
                status = live_once(call, folder, next(prices), step)
            finally:
                os._exit(status)  # nothing of the test shall go on here
        next(prices)
        status = os.waitpid(child, 0)[1]
        assert os.WIFEXITED(status) and os.WEXITSTATUS(status) in (0, 1), (step, status)
        fired += os.WEXITSTATUS(status)
        check_after_kill(folder, step)
    claim(f"{call.__name__}: an exception, then a kill", steps=steps, raised=fired, wrong=0)
    assert fired > 0


def live_once(call: Callable[[Desk, Storm], None], folder: Path, life: int, step: int) -> int:
    """A life of the task in a forked child; it ends without a word, as a killed one. Returns whether it was in a storm."""
    desk = Desk.__new__(Desk)
    if folder.exists():
        desk.orders_dir, desk.journal_path = folder / "orders", str(folder / "data" / "demo.db")
        desk.clock = VirtualClock(datetime(2026, 1, 5, 10, 0))
        desk._prices = count(101 + 10 * life)
        desk.open()
    else:
        desk.__init__(folder)  # type: ignore[misc]
        desk._prices = count(101 + 10 * life)
    storm = Storm(step, ERRORS[step % len(ERRORS)])
    prices = [next(desk._prices) / 100 for _ in range(3)]
    requests = [buy(prices[0])]
    if call is batch_and_retry:
        requests = [buy(prices[0]), buy(prices[1]), buy(prices[2], "600000.XSHG")]
    told = [outcome(lambda: storm.call(desk.account.submit_batch, requests))]
    if desk.ended(told[0]):
        return 0
    if not isinstance(told[0], list) or desk.account._doubts.ids:
        told.append(outcome(lambda: desk.account.submit_batch(requests)))
    ids = [str(answer) for answers in told if isinstance(answers, list) for answer in answers if answer is not None]
    with open(str(folder / "told"), "a") as file:
        file.write("".join(order_id + "\n" for order_id in ids))
    return int(storm.has_fired)


def check_after_kill(folder: Path, step: int) -> None:
    desk = Desk.__new__(Desk)
    desk.orders_dir, desk.journal_path = folder / "orders", str(folder / "data" / "demo.db")
    desk.clock = VirtualClock(datetime(2026, 1, 5, 10, 0))
    account = desk.open()
    rows = desk.rows()
    orders = {order.order_id: order for order in account.orders()}
    recorded = desk.recorded()
    where = f"step {step}"
    assert len({price for _, price in rows}) == len(rows), f"{where}: an order was sent twice"
    for order_id, _ in rows:
        assert orders[order_id].status != "rejected" and recorded[order_id]["sent"], f"{where}: {orders[order_id]}"
    for order_id, order in orders.items():
        assert order_id in dict(rows) or order.status == "rejected", f"{where}: not sent, but called live: {order}"
    told = folder / "told"
    for order_id in told.read_text().split() if told.exists() else []:
        assert order_id in orders, f"{where}: told {order_id}, and forgotten"
    account.close()
