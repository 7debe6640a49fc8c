"""However an order comes to wait, it does not go out long after it was asked for, nor in the file of another day.

Virtual time: the lock is held, and let go of, at given moments; clocks jump as those of a sleeping machine do.
"""

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

import pytest
from broker_files import OneQuantFolder
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.gates import csv_file
from jqtrade.gates.append_lock import AppendLock
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.gates.options import strategy_options
from jqtrade.testing import FakeBroker, VirtualClock

LONGEST = 6.0
"""what a strategy has with the default wait_lock_time_out of 5"""
BUY = [check_request("000001.XSHE", 100, LimitOrderStyle(10))]


class EventfulClock(VirtualClock):
    """While somebody sleeps on it, something happens, once so many seconds have been slept."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self._events: List[Tuple[float, Callable[[], Any]]] = []

    def at_second(self, seconds: float, event: Callable[[], Any]) -> None:
        self._events.append((self.monotonic() + seconds, event))

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        due = [event for moment, event in self._events if moment <= self.monotonic()]
        self._events = [each for each in self._events if each[1] not in due]
        for event in due:
            event()


class Desk:
    def __init__(self, folder: OneQuantFolder, start: datetime, **options: Any) -> None:
        self.folder = folder
        self.clock = EventfulClock(start)
        every = strategy_options()
        every.update(every.check(dict({"account_no": "1234567", "order_dir": str(folder.path)}, **options)))
        self.gate = AnXinDMATradeGate()
        self.gate.clock = self.clock
        self.gate.setup(every.as_dict())
        self.account = Account(
            self.gate, Journal(None), self.clock, no_limits(self.clock), longest_wait=every["wait_lock_time_out"] + 1
        )
        self.account.recover()
        self.lock = AppendLock(str(folder.file("algoOrder")) + ".lock")

    def order(self) -> Optional[str]:
        return self.account.submit_batch(BUY)[0]

    def rows(self) -> int:
        """In the order files of all days."""
        return sum(path.read_bytes().count(b",DMA,") for path in self.folder.path.glob("algoOrder_*.csv"))

    def is_refused(self, reason: str) -> bool:
        """Whether an order is proven not to have been sent, and told so."""
        answer = self.order()
        order = self.account.orders()[-1]
        return answer is None and order.status == "rejected" and reason in order.err_msg and self.rows() == 0


@pytest.fixture
def desk(folder: OneQuantFolder) -> Desk:
    return Desk(folder, datetime(2026, 1, 5, 10, 0))


def test_a_lock_that_is_let_go_of_in_time_is_waited_for(desk: Desk) -> None:
    assert desk.lock.try_acquire()
    desk.clock.at_second(4, desk.lock.release)
    assert desk.order() is not None and desk.rows() == 1 and 4 <= desk.clock.monotonic() < 4.5


def test_a_lock_that_is_not_is_given_up(desk: Desk) -> None:
    assert desk.lock.try_acquire()
    assert desk.is_refused("等待文件锁超过 5") and 5 <= desk.clock.monotonic() < 5.5
    desk.lock.release()
    assert desk.order() is not None


@pytest.mark.parametrize("asleep", [7, 60, 3600, 14 * 3600, 3 * 24 * 3600])
def test_a_machine_that_slept_while_the_order_waited_does_not_send_it(desk: Desk, asleep: float) -> None:
    assert desk.lock.try_acquire()
    desk.clock.at_second(1, lambda: (desk.clock.jump(asleep), desk.lock.release()))
    answer = desk.order()
    assert answer is None and desk.rows() == 0
    assert desk.order() is not None  # what is asked for now goes out


@pytest.mark.parametrize("start", [datetime(2026, 1, 5, 23, 59, 57), datetime(2026, 12, 31, 23, 59, 59)])
def test_an_order_that_waits_over_midnight_is_in_neither_days_file(folder: OneQuantFolder, start: datetime) -> None:
    folder.day = start.strftime("%Y%m%d")
    desk = Desk(folder, start)
    assert desk.lock.try_acquire()
    desk.clock.at_second(4, desk.lock.release)
    assert desk.order() is None and desk.rows() == 0
    assert desk.account.orders() == []  # yesterday's
    assert desk.order() is not None and len(list(folder.path.glob("algoOrder_*.csv"))) == 2


@pytest.mark.parametrize("hours", [1, 24, 10 * 24])
def test_a_clock_that_is_set_back_while_the_order_waits_makes_no_wait_longer(desk: Desk, hours: float) -> None:
    assert desk.lock.try_acquire()
    desk.clock.at_second(1, lambda: desk.clock.jump(-hours * 3600))
    assert desk.order() is None and desk.rows() == 0 and desk.clock.monotonic() < 5.5


def test_a_clock_that_is_set_back_by_an_hour_costs_no_order(desk: Desk) -> None:
    assert desk.lock.try_acquire()
    desk.clock.at_second(1, lambda: (desk.clock.jump(-3600), desk.lock.release()))
    assert desk.order() is not None and desk.rows() == 1


def test_a_time_zone_that_changes_the_date_meanwhile_sends_nothing(desk: Desk) -> None:
    assert desk.lock.try_acquire()
    desk.clock.at_second(0.1, lambda: (desk.clock.jump(-11 * 3600), desk.lock.release()))
    assert desk.order() is None and desk.rows() == 0


def slow(desk: Desk, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, seconds: float) -> None:
    """Let this method take so long."""
    method = getattr(owner, name)

    def late(*args: Any, **kwargs: Any) -> Any:
        desk.clock.sleep(seconds)
        return method(*args, **kwargs)

    monkeypatch.setattr(owner, name, late)


SLOW_BEFORE = [
    (Journal, "record_intents"),
    (Journal, "check_files"),
    (AnXinDMATradeGate, "check_order"),
    (AnXinDMATradeGate, "knows_order_id"),
    (csv_file.Appender, "_opening"),
    (csv_file, "_check_plain"),
]


@pytest.mark.parametrize("owner, name", SLOW_BEFORE)
def test_whatever_is_slow_before_the_write_it_is_not_made_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    slow(desk, monkeypatch, owner, name, LONGEST + 0.1)
    if name == "knows_order_id":  # it is asked for each id that is drawn, and answers in time for the next one
        assert desk.is_refused("超过 6 秒")
        return
    assert desk.is_refused("超过 6 秒（选项 wait_lock_time_out + 1）")


def test_waits_that_are_short_each_add_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    slow(desk, monkeypatch, Journal, "record_intents", 3)
    assert desk.lock.try_acquire()
    desk.clock.at_second(3 + 3.5, desk.lock.release)
    assert desk.is_refused("超过 6 秒")


@pytest.mark.parametrize("name", ["_write_all", "_read_all"])
def test_what_is_slow_once_it_is_written_refuses_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    slow(desk, monkeypatch, csv_file, name, 60)
    assert desk.order() is not None and desk.rows() == 1


def test_a_long_interval_of_looking_at_the_lock_makes_no_wait_longer(folder: OneQuantFolder) -> None:
    desk = Desk(folder, datetime(2026, 1, 5, 10), wait_lock_time_out=2, wait_lock_internal=60)
    assert desk.lock.try_acquire()
    assert desk.is_refused("等待文件锁超过 2") and desk.clock.monotonic() <= 2.5


def test_without_a_time_to_wait_the_lock_is_tried_once(folder: OneQuantFolder) -> None:
    desk = Desk(folder, datetime(2026, 1, 5, 10), wait_lock_time_out=0.001)
    assert desk.order() is not None
    assert desk.lock.try_acquire()
    assert desk.order() is None and desk.rows() == 1


def test_a_cancel_waits_as_long_and_is_in_no_file_of_another_day(folder: OneQuantFolder) -> None:
    desk = Desk(folder, datetime(2026, 1, 5, 23, 59, 57))
    order_id = desk.order() or ""
    lock = AppendLock(str(folder.file("algoOrderStop")) + ".lock")
    assert lock.try_acquire()
    desk.clock.at_second(4, lock.release)
    assert desk.account.cancel_batch([order_id]) == [order_id]
    assert [path.read_bytes() for path in folder.path.glob("algoOrderStop_*.csv")] == [b""]


def test_a_gate_that_sends_one_by_one_sends_nothing_after_one_that_took_long() -> None:
    clock = VirtualClock(datetime(2026, 1, 5, 10))
    broker = FakeBroker()

    def order(self: Any, order: Any) -> None:
        broker.orders.append(order)
        clock.sleep(1 if len(broker.orders) < 10 else 60)

    gate = type("Slow", (broker.gate_class,), {"order": order})()
    gate.clock = clock
    gate.setup({})
    account = Account(gate, Journal(None), clock, no_limits(clock), longest_wait=LONGEST)
    account.recover()
    ids = account.submit_batch(BUY * 12)
    assert len(broker.orders) == 10 and [one is None for one in ids] == [False] * 10 + [True] * 2


def test_midnight_in_a_batch_that_is_sent_one_by_one_stops_the_rest_of_it() -> None:
    clock = VirtualClock(datetime(2026, 1, 5, 23, 59, 58))
    broker = FakeBroker()

    def order(self: Any, order: Any) -> None:
        broker.orders.append(order)
        clock.sleep(1)

    gate = type("Slow", (broker.gate_class,), {"order": order})()
    gate.clock = clock
    gate.setup({})
    account = Account(gate, Journal(None), clock, no_limits(clock), longest_wait=LONGEST)
    account.recover()
    ids = account.submit_batch(BUY * 4)
    assert len(broker.orders) == 2 and [one is None for one in ids] == [False, False, True, True]


WAITS = """
import sys
sys.path[:0] = {path!r}
from datetime import datetime
from no_limits import no_limits
from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.clock import SystemClock
from jqtrade.gates.options import strategy_options

options = strategy_options()
options.update(options.check({{"account_no": "1234567", "order_dir": {folder!r}, "wait_lock_internal": 0.01}}))
gate = AnXinDMATradeGate()
gate.clock = SystemClock()
gate.setup(options.as_dict())
account = Account(gate, Journal(None), gate.clock, no_limits(gate.clock), longest_wait=0.8)
account.recover()
print("ready", flush=True)
print(account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))])[0], flush=True)
print(account.submit_batch([check_request("000002.XSHE", 100, LimitOrderStyle(10))])[0], flush=True)
"""


@pytest.mark.posix
def test_a_process_that_was_stopped_while_it_waited_does_not_send_what_it_waited_with(folder: OneQuantFolder) -> None:
    folder.day = datetime.now().strftime("%Y%m%d")
    lock = AppendLock(str(folder.file("algoOrder")) + ".lock")
    assert lock.try_acquire()
    here = [str(Path(__file__).parent), str(Path(__file__).parent.parent.parent)]
    process = subprocess.Popen(
        [sys.executable, "-c", WAITS.format(path=here, folder=str(folder.path))], stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGSTOP)
    time.sleep(1)
    lock.release()
    os.kill(process.pid, signal.SIGCONT)
    first, second = process.communicate()[0].decode().split()
    assert first == "None" and second.isdigit()
    assert [line.split(",")[1] for line in folder.order_lines()[1:]] == [second]
