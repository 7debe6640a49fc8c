"""What must not happen behind anybody's back: orders after the end, from elsewhere, of another account, or misread."""

import os
import sqlite3
import threading
from datetime import datetime, timezone
from typing import Any, Callable, List

import pytest
from broker_files import RESULT_HEADER, UPDATE_HEADER, OneQuantFolder, make_order, update_row
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle, OrderStyle
from jqtrade.account.portfolio import Position, Positions
from jqtrade.account.request import check_request
from jqtrade.errors import InvalidCall, InvalidParam, OrderUncertain
from jqtrade.gates.onequant import gate as anxin
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import FakeBroker, VirtualClock

BUY = [check_request("000001.XSHE", 100, LimitOrderStyle(10))]


def calls(account: Account) -> List[Callable[[], Any]]:
    return [
        lambda: account.submit_batch(BUY),
        lambda: account.cancel_batch(["1"]),
        account.sync_balance,
        account.sync_orders,
    ]


def test_a_closed_account_sends_nothing(account: Account, broker: FakeBroker) -> None:
    account.close()
    for call in calls(account):
        with pytest.raises(InvalidCall, match="任务已经停止。没有发出"):
            call()
    assert broker.orders == broker.cancels == []


def test_another_thread_cannot_use_the_account(account: Account, broker: FakeBroker) -> None:
    errors: List[str] = []

    def work() -> None:
        for call in calls(account):
            try:
                call()
            except InvalidCall as error:
                errors.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == ["账户只能在运行策略的线程里使用。没有发出"] * 4 and broker.orders == []


@pytest.mark.posix
def test_a_forked_child_cannot_use_the_account(account: Account, broker: FakeBroker) -> None:
    child = os.fork()
    if child == 0:
        try:
            account.submit_batch(BUY)
        except InvalidCall:
            os._exit(7)
        os._exit(0)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7


@pytest.mark.parametrize("error", [TimeoutError("超时"), ConnectionResetError("断开"), OrderUncertain("不知道")])
def test_an_order_lost_on_its_way_is_not_called_rejected(account: Account, broker: FakeBroker, error: Any) -> None:
    broker.error = error
    (order_id,) = account.submit_batch(BUY)
    assert [(order.order_id, order.status) for order in account.orders()] == [(order_id, "new")]


def test_a_refused_connection_proves_that_nothing_was_sent(account: Account, broker: FakeBroker) -> None:
    broker.error = ConnectionRefusedError("拒绝连接")
    assert account.submit_batch(BUY) == [None]


def test_a_cancel_lost_on_its_way_is_not_called_unsent(account: Account, broker: FakeBroker, caplog: Any) -> None:
    (order_id,) = account.submit_batch(BUY)
    broker.error = OSError("磁盘")
    account.cancel_batch([order_id or ""])
    assert "无法确认撤单" in caplog.text and "没有发出" not in caplog.text


def test_orders_of_another_account_are_not_taken_over(journal_path: str, broker: FakeBroker, caplog: Any) -> None:
    clock = VirtualClock(datetime(2026, 1, 5, 10))
    for owner in ("first", "second"):
        gate = broker.gate_class()
        gate.setup({})
        account = Account(gate, Journal(journal_path, owner), clock, no_limits(clock))
        account.recover()
        assert account.orders() == []
        account.submit_batch(BUY)
        account.close()
    assert "今天的 1 笔订单属于别的账户" in caplog.text


def test_an_order_of_another_size_is_another_order(account: Account, broker: FakeBroker, caplog: Any) -> None:
    (order_id,) = account.submit_batch(BUY)
    broker.report(order_id or "", "filled", amount=50000, filled_amount=50000)
    assert account.sync_orders() == [] and "不是同一笔" in caplog.text


def test_a_journal_that_cannot_be_read_at_midnight_does_not_end_the_loop(
    account: Account, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def broken(self: Any, day: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    account.submit_batch(BUY)
    monkeypatch.setattr(Journal, "load", broken)
    clock.sleep(24 * 3600)
    assert account.orders() == [] and "disk I/O error" in caplog.text


def test_after_the_clock_was_set_back_over_midnight_todays_orders_are_listed(
    account: Account, clock: VirtualClock
) -> None:
    account.submit_batch(BUY)
    clock.jump(24 * 3600)
    assert account.orders() == []
    clock.jump(-24 * 3600)
    assert len(account.orders()) == 1


def test_times_with_a_zone_are_named_as_a_mistake_of_the_gate(
    account: Account, broker: FakeBroker, caplog: Any
) -> None:
    (order_id,) = account.submit_batch(BUY)
    broker.report(order_id or "", "open", entrust_time=datetime(2026, 1, 5, tzinfo=timezone.utc))
    assert account.sync_orders() == [] and "entrust_time" in caplog.text


def test_a_style_that_is_neither_limit_nor_market_is_refused() -> None:
    with pytest.raises(InvalidParam, match="委托方式"):
        check_request("000001.XSHE", 100, OrderStyle())


def test_what_a_strategy_holds_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        LimitOrderStyle(10).price = 99  # type: ignore[misc]
    positions = Positions("long", {"000001.XSHE": Position("000001.XSHE", 100)})  # type: ignore[arg-type]
    changes: List[Callable[[], Any]] = [
        positions.clear,
        positions.popitem,
        lambda: positions.pop("000001.XSHE"),
        lambda: positions.update({}),
        lambda: positions.__setitem__("000002.XSHE", Position("000002.XSHE")),
        lambda: positions.__delitem__("000001.XSHE"),
    ]
    for change in changes:
        with pytest.raises(InvalidCall, match="只读"):
            change()
    assert list(positions) == ["000001.XSHE"]


def test_a_refusal_that_was_about_another_order_is_overruled_by_what_the_broker_says_later(
    open_gate: Callable[..., AnXinDMATradeGate], folder: OneQuantFolder, clock: VirtualClock, journal_path: str
) -> None:
    account = Account(open_gate(), Journal(journal_path), clock, no_limits(clock))
    (order_id,) = account.submit_batch(BUY)
    folder.append("execResult", RESULT_HEADER, f"093103,1,{order_id},1,9,编号重复")
    account.sync_orders()
    assert account.orders()[0].status == "rejected"
    row = update_row(order_id or "", 2, orderQty="100", filledQty="100")
    folder.append("orderUpdate", UPDATE_HEADER, row)
    account.sync_orders()
    assert [(order.status, order.filled_amount) for order in account.orders()] == [("filled", 100)]


def test_when_the_file_has_vanished_after_a_failed_write_nobody_knows(
    gate: AnXinDMATradeGate, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any) -> None:
        raise FileNotFoundError

    def fsync_of_a_lost_share(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync_of_a_lost_share)
    monkeypatch.setattr(anxin, "_read", gone)
    with pytest.raises(OrderUncertain):
        gate.order(make_order())
    assert gate.was_sent(make_order()) is None


def test_an_odd_symbol_does_not_hide_the_other_positions(gate: AnXinDMATradeGate, folder: OneQuantFolder) -> None:
    from broker_files import ASSET_HEADER, POSITION_HEADER

    folder.append("assetInfo", ASSET_HEADER, "1,UF0,1234567,,100,100,100", ",,,,,,")
    rows = ["1,UF0,1234567,SHRQ88.SH,1,1,1,1,1", "1,UF0,1234567,000001.SZ,100,100,1,1,100"]
    folder.append("positionInfo", POSITION_HEADER, *(rows + [",,,,,,,,"]))
    assert [position.code for position in gate.sync_balance().positions] == ["000001.XSHE"]


def test_a_broker_that_never_answers_is_told_once(
    account: Account, broker: FakeBroker, clock: VirtualClock, caplog: Any
) -> None:
    answered, _ = account.submit_batch(BUY * 2)
    broker.report(answered or "", "open")
    for _ in range(20):
        account.sync_orders()
        clock.sleep(5)
    assert caplog.text.count("柜台还没有任何回报") == 1 and "等 1 笔" in caplog.text
