"""A row of ours that was cut, by a power cut or a kill in the middle of a write, and what becomes of its order."""

import errno
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, List

import pytest
from broker_files import ORDER_HEADER, RESULT_HEADER, UPDATE_HEADER, OneQuantFolder, make_order, update_row
from failing_os import FailingOs
from filelock import FileLock
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import OrderRequest, check_request
from jqtrade.gates import csv_file
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock

OpenGate = Callable[..., AnXinDMATradeGate]

KILLED = """
import os, sys
from datetime import datetime
from no_limits import no_limits
from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.gates import csv_file
from jqtrade.gates.options import strategy_options
from jqtrade.testing import VirtualClock

class KillingOs:
    def __getattr__(self, name):
        return getattr(os, name)

    def write(self, fd, data):
        end = data.rindex(b"10.55") + {more} if {more} > 0 else data.rindex(b"000001.SZ")
        os.write(fd, data[:end])
        os.kill(os.getpid(), 9)  # SIGKILL; on Windows TerminateProcess

options = strategy_options()
options.update(options.check({{"account_no": "1234567", "order_dir": {folder!r}}}))
gate = AnXinDMATradeGate()
gate.clock = VirtualClock(datetime(2026, 1, 5, 10, 0))
gate.setup(options.as_dict())
account = Account(gate, Journal({journal!r}), gate.clock, no_limits(gate.clock))
csv_file.os = KillingOs()
account.submit_batch([check_request("000001.XSHE", 1000, LimitOrderStyle(10.55))])
"""


def request(code: str = "000002.XSHE") -> OrderRequest:
    return check_request(code, 100, LimitOrderStyle(10.55))


def restart(open_gate: OpenGate, clock: VirtualClock, journal_path: str) -> Account:
    account = Account(open_gate(), Journal(journal_path), clock, no_limits(clock))
    account.recover()
    return account


def refusal(order_id: str) -> str:
    return f"100001.000000,1,{order_id},1,-1,委托行不完整"


def states(account: Account) -> List[str]:
    return [str(order.status) for order in account.orders()]


@pytest.mark.parametrize("more", [0, 4, 5], ids=["in the middle", "within the last price", "before its end"])
def test_an_order_whose_row_was_cut_by_a_kill_is_unknown_until_the_terminal_refuses_it(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock, journal_path: str, more: int
) -> None:
    tests = Path(__file__).resolve().parent.parent
    code = KILLED.format(folder=str(folder.path), journal=journal_path, more=more)
    process = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {[str(tests / 'account'), str(tests.parent)]!r}\n" + code],
        stderr=subprocess.PIPE,
        timeout=60,
    )
    assert process.stderr == b"" and process.returncode != 0
    torn = folder.file("algoOrder").read_bytes()
    assert not torn.endswith(b"\n")

    account = restart(open_gate, clock, journal_path)
    (order,) = account.orders()
    assert order.status == "new"
    (other,) = account.submit_batch([request()])
    lines = folder.order_lines()
    assert folder.file("algoOrder").read_bytes().startswith(torn)
    assert [line.split(",")[1] for line in lines[1:]] == [order.order_id, other]
    account.sync_orders()
    assert states(account) == ["new", "new"]

    account = restart(open_gate, clock, journal_path)
    assert states(account) == ["new", "new"]
    folder.append("execResult", RESULT_HEADER, refusal(order.order_id), encoding="gbk")
    account.sync_orders()
    assert states(account) == ["rejected", "new"]
    assert account.orders(order.order_id)[0].err_msg == "委托行不完整"
    assert states(restart(open_gate, clock, journal_path)) == ["rejected", "new"]


def torn_order(account: Account, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch) -> str:
    """An order of which half the row stands in the file, its id included."""
    folder.append("algoOrder", ORDER_HEADER)
    with monkeypatch.context() as patch:
        patch.setattr(csv_file, "os", FailingOs("write", "short", errno.ENOSPC))
        (order_id,) = account.submit_batch([request("000001.XSHE")])
    assert order_id is not None and folder.file("algoOrder").read_bytes().split(b"\n")[-1].count(b",") > 1
    return order_id


def test_a_torn_row_of_this_run_is_rejected_when_the_terminal_refuses_it(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    account = Account(open_gate(), Journal(None), clock, no_limits(clock))
    order_id = torn_order(account, folder, monkeypatch)
    account.submit_batch([request()])
    folder.append("execResult", RESULT_HEADER, refusal(order_id))
    account.sync_orders()
    assert states(account) == ["rejected", "new"] and "无法识别" not in caplog.text


def test_a_torn_row_that_the_terminal_took_all_the_same_is_an_order(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(open_gate(), Journal(None), clock, no_limits(clock))
    order_id = torn_order(account, folder, monkeypatch)
    folder.append("orderUpdate", UPDATE_HEADER, update_row(order_id, 0, orderQty="100", orderPrice="1"))
    account.sync_orders()
    assert states(account) == ["open"]


def test_the_next_day_knows_nothing_of_a_torn_row(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(open_gate(), Journal(None), clock, no_limits(clock))
    order_id = torn_order(account, folder, monkeypatch)
    clock.sleep(24 * 3600)
    folder.day = "20260106"
    folder.append("execResult", RESULT_HEADER, refusal(order_id))
    assert account.sync_orders() == [] and account.orders() == []
    assert clock.now() == datetime(2026, 1, 6, 10, 0)


ROW = "093102.000345,4000000001,UF0,1234567,000001.SZ,1,1000,DMA,AT,0,10.5,10.5"


@pytest.mark.parametrize("cut, answer", [(3, False), (18, False), (24, None), (40, None), (len(ROW), True)])
def test_a_torn_row_gets_its_end_before_the_next_order_is_refused_for_its_sake(
    open_gate: OpenGate, folder: OneQuantFolder, cut: int, answer: Any
) -> None:
    folder.append("algoOrder", ORDER_HEADER)
    folder.append("algoOrder", ROW[:cut], end="")
    gate = open_gate()
    before = folder.file("algoOrder").read_bytes()
    assert [gate.was_sent(make_order()) for _ in range(2)] == [None, None]
    assert folder.file("algoOrder").read_bytes() == before
    for _ in range(2):
        gate.repair_partial_write()
        assert folder.order_lines() == [ORDER_HEADER, ROW[:cut]]
        assert gate.was_sent(make_order()) is answer


def test_while_only_its_own_torn_row_is_in_the_way_a_strategy_can_order_again_once_that_is_refused(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(open_gate(), Journal(None), clock, no_limits(clock))
    order_id = torn_order(account, folder, monkeypatch)
    assert account.submit_batch([request("000001.XSHE")]) == [None]
    folder.append("execResult", RESULT_HEADER, refusal(order_id))
    account.sync_orders()
    assert account.submit_batch([request("000001.XSHE")]) != [None]
    assert states(account) == ["rejected", "rejected", "new"]


def test_a_last_line_of_another_program_is_left_to_it(open_gate: OpenGate, folder: OneQuantFolder) -> None:
    folder.append("algoOrder", ORDER_HEADER, ROW[:40])
    folder.append("algoOrder", "093500.000000,77,UM0,oth", end="")
    before = folder.file("algoOrder").read_bytes()
    gate = open_gate()
    assert gate.was_sent(make_order()) is None
    gate.repair_partial_write()
    assert folder.file("algoOrder").read_bytes() == before


def test_to_mend_does_not_wait_for_a_lock_that_another_program_holds(
    open_gate: OpenGate, folder: OneQuantFolder, clock: VirtualClock
) -> None:
    folder.append("algoOrder", ORDER_HEADER)
    folder.append("algoOrder", ROW[:40], end="")
    before = folder.file("algoOrder").read_bytes()
    gate = open_gate(wait_lock_time_out=600)
    assert gate.was_sent(make_order()) is None
    with FileLock(str(folder.file("algoOrder")) + ".lock"):
        gate.repair_partial_write()
    assert folder.file("algoOrder").read_bytes() == before


def test_to_mend_makes_no_file(open_gate: OpenGate, folder: OneQuantFolder) -> None:
    gate = open_gate()
    gate.repair_partial_write()
    folder.append("algoOrder", ROW[:40], end="")
    assert gate.was_sent(make_order()) is None
    folder.file("algoOrder").unlink()
    gate.repair_partial_write()
    assert not folder.file("algoOrder").exists()
