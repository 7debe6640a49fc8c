"""Keeping in step with the broker: reports, days, restarts, and trouble that is said once."""

import logging
import sqlite3
from datetime import datetime
from typing import Any, Callable, List, Optional

import pytest
from broker_files import make_order
from journal_files import recorded
from test_account import requests, submit

from jqtrade.account.account import Account
from jqtrade.account.order import LimitOrderStyle, Order, OrderStatus
from jqtrade.account.request import check_request
from jqtrade.errors import InvalidCall, InvalidParam, OrderUncertain, TradeGateError
from jqtrade.testing import FakeBroker, VirtualClock, order_report

OpenAccount = Callable[..., Account]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def said(caplog: Any, text: str) -> int:
    return sum(text in record.getMessage() for record in caplog.records)


def test_a_sync_applies_reports_and_returns_each_changed_order_once(account: Account, broker: FakeBroker) -> None:
    first, second = account.submit_batch(requests(100, 200))
    broker.report(str(first), "open")
    broker.report(str(first), "filling", filled_amount=40, avg_cost=10.0)
    (changed,) = account.sync_orders()
    assert (changed.order_id, changed.status, changed.filled_amount) == (first, "filling", 40)
    assert account.orders(first) == [changed]
    assert account.orders(second)[0].status == "new"
    broker.report(str(first), "open")
    assert account.sync_orders() == []


def test_a_gate_that_tells_in_parts_is_asked_until_it_has_told_all_or_fails(
    open_account: OpenAccount, broker: FakeBroker, caplog: Any
) -> None:
    parts: List[Any] = []

    def sync_orders(gate: Any) -> Any:
        part = parts.pop(0) if parts else []
        gate.has_more = bool(parts)
        if isinstance(part, Exception):
            raise part
        return part

    account = open_account(sync_orders=sync_orders)
    first, second = [str(each) for each in account.submit_batch(requests(100, 200))]
    open_first, open_second, filled = [
        order_report(account.orders(each)[0], status)
        for each, status in ((first, "open"), (second, "open"), (first, "filled"))
    ]
    parts[:] = [[open_first], [open_second], [filled]]
    assert [(order.order_id, order.status) for order in account.sync_orders()] == [(first, "filled"), (second, "open")]
    parts[:] = [[order_report(account.orders(second)[0], "filled")], TradeGateError("断了"), [], []]
    assert [order.status for order in account.sync_orders()] == ["filled"] and said(caplog, "断了") == 1
    assert len(parts) == 2  # not asked any further


def test_every_step_that_one_sync_brings_is_an_event(account: Account, broker: FakeBroker, journal_path: str) -> None:
    order_id = str(submit(account))
    for status in ("open", "filling", "filled"):
        broker.report(order_id, status)
    assert len(account.sync_orders()) == 1
    connection = sqlite3.connect(journal_path)
    rows = connection.execute("SELECT status, source FROM events ORDER BY sequence").fetchall()
    connection.close()
    assert rows == [("open", "sync"), ("filling", "sync"), ("filled", "sync")]


def test_orders_of_others_are_left_alone(account: Account, broker: FakeBroker, caplog: Any) -> None:
    submit(account)
    before = account.orders()
    broker.report_raw(order_report(make_order("77"), "filled"))
    assert account.sync_orders() == [] and account.orders() == before
    assert said(caplog, "77") <= 1


@pytest.mark.parametrize("fields", [{"code": "600000.XSHG"}, {"action": "close"}])
def test_anothers_order_with_our_id_is_not_ours(account: Account, broker: FakeBroker, fields: Any, caplog: Any) -> None:
    order_id = str(submit(account))
    for _ in range(3):
        broker.report(order_id, "filled", **fields)
        account.sync_orders()
    assert account.orders()[0].status == "new"
    assert said(caplog, "不是同一笔") == 1


def test_a_wrong_report_is_said_once_and_the_others_count(account: Account, broker: FakeBroker, caplog: Any) -> None:
    first, second = account.submit_batch(requests(100, 200))
    for _ in range(3):
        broker.report(str(first), "filled", avg_cost=float("nan"))
        broker.report_raw("nonsense")
        broker.report(str(second), "open")
        account.sync_orders()
    assert [order.status for order in account.orders()] == ["new", "open"]
    assert said(caplog, "avg_cost") == 1 and said(caplog, "nonsense") == 1


@pytest.mark.parametrize("answer", [None, 7, "orders", {"order_id": "1"}], ids=str)
def test_a_gate_that_returns_no_list_is_an_error_said_once(open_account: OpenAccount, answer: Any, caplog: Any) -> None:
    account = open_account(sync_orders=lambda self: answer)
    assert account.sync_orders() == [] and account.sync_orders() == []
    assert said(caplog, "sync_orders()") == 1


def test_the_broker_overrules_an_order_that_we_called_rejected(
    account: Account, broker: FakeBroker, caplog: Any
) -> None:
    broker.error = TradeGateError("断开")
    submit(account)
    broker.error = None
    broker.orders.append(account.orders()[0])
    broker.report(account.orders()[0].order_id, "filled")
    account.sync_orders()
    assert (account.orders()[0].status, account.orders()[0].err_msg) == ("filled", "")
    assert said(caplog, "以柜台为准") == 1


def test_an_order_that_nobody_knew_of_goes_on_when_the_broker_speaks(account: Account, broker: FakeBroker) -> None:
    broker.error = OrderUncertain("读不出文件")
    order_id = str(submit(account))
    broker.error = None
    broker.orders.append(account.orders()[0])
    broker.report(order_id, "open")
    account.sync_orders()
    assert account.orders()[0].status == "open"


@pytest.mark.parametrize("sync, works", [("sync_orders", "订单恢复同步"), ("sync_balance", "资金和持仓恢复同步")])
@pytest.mark.parametrize("error", [TradeGateError("One Quant 没有启动"), ValueError("坏了")], ids=str)
def test_trouble_is_said_when_it_begins_and_when_it_ends_with_its_duration(
    account: Account, broker: FakeBroker, clock: VirtualClock, sync: str, works: str, error: Any, caplog: Any
) -> None:
    for _ in range(2):
        caplog.clear()
        broker.error = error
        for _ in range(13):
            getattr(account, sync)()
            clock.sleep(5)
        broker.error = None
        for _ in range(3):
            getattr(account, sync)()
        levels = [(record.levelname, str(error) in record.getMessage()) for record in caplog.records]
        assert levels == [("ERROR", True), ("INFO", False)]
        assert works in caplog.records[1].getMessage() and "1 分 5 秒" in caplog.records[1].getMessage()


def test_there_is_no_portfolio_before_the_first_good_one(account: Account, broker: FakeBroker) -> None:
    broker.error = TradeGateError("没有文件")
    account.sync_balance()
    with pytest.raises(InvalidCall):
        assert account.portfolio is None


def test_the_last_good_portfolio_stays_with_its_time(account: Account, broker: FakeBroker, clock: VirtualClock) -> None:
    broker.positions = [{"code": "000001.XSHE", "amount": 300, "available_amount": 200, "avg_cost": 9.5}]
    account.sync_balance()
    good = account.portfolio
    clock.sleep(5)
    broker.cash["available_cash"] = float("nan")
    account.sync_balance()
    broker.error = TradeGateError("没有文件")
    account.sync_balance()
    assert account.portfolio is good
    assert (good.updated_time, good.long_positions["000001.XSHE"].hold_cost) == (datetime(2026, 1, 5, 10, 0), 9.5)


def test_a_portfolio_that_a_strategy_holds_does_not_change(account: Account, broker: FakeBroker) -> None:
    position = {"code": "000001.XSHE", "amount": 300, "available_amount": 200, "avg_cost": 9.5}
    short = dict(position, code="600000.XSHG", side="short")
    broker.positions = [position, short]
    account.sync_balance()
    held = account.portfolio
    broker.positions = []
    broker.cash["total_assert"] = 0.0
    account.sync_balance()
    assert (list(held.long_positions), list(held.short_positions)) == (["000001.XSHE"], ["600000.XSHG"])
    assert (held.total_assert, account.portfolio.total_assert) == (100000.0, 0.0)


def test_orders_are_listed_in_order_of_creation_and_do_not_change(account: Account, broker: FakeBroker) -> None:
    ids = [submit(account, amount=amount) for amount in (500, 100, 300, 200, 400)]
    held = account.orders()
    for order_id in reversed(ids):
        broker.report(str(order_id), "filled")
        account.sync_orders()
    assert [order.order_id for order in account.orders()] == [order.order_id for order in held] == ids
    assert {str(order.status) for order in held} == {"new"}
    held.clear()
    assert len(account.orders()) == 5


def test_filters_of_orders_work_together(account: Account, broker: FakeBroker) -> None:
    first, second = submit(account, "000001.XSHE"), submit(account, "600000.XSHG")
    broker.report(str(second), "open")
    account.sync_orders()

    def ids(*filters: Any) -> List[str]:
        return [order.order_id for order in account.orders(*filters)]

    assert ids(None, None, "open") == ids(None, None, OrderStatus.open) == [second]
    assert ids(None, "000001.XSHE") == ids(first) == ids(first, "000001.XSHE", "new") == [first]
    assert ids(first, "600000.XSHG") == ids(first, None, "open") == ids("0") == ids(None, None, "filled") == []


@pytest.mark.parametrize("status", ["done", "", "NEW", 1, ["new"]], ids=str)
def test_an_unknown_status_is_refused_with_the_known_ones(account: Account, status: Any) -> None:
    with pytest.raises(InvalidParam, match="partly_canceled"):
        account.orders(status=status)


def test_after_midnight_only_todays_orders_are_listed(
    account: Account, broker: FakeBroker, clock: VirtualClock
) -> None:
    yesterday = str(submit(account))
    clock.sleep(14 * 3600)
    assert account.orders() == []
    today = str(submit(account))
    broker.report(yesterday, "filled")
    account.cancel_batch([yesterday])
    assert account.sync_orders() == [] and broker.cancels == []
    assert [order.order_id for order in account.orders()] == [today]


def test_a_restart_knows_todays_orders_and_not_yesterdays(
    open_account: OpenAccount, broker: FakeBroker, clock: VirtualClock
) -> None:
    before = open_account()
    submit(before)
    clock.sleep(14 * 3600)
    order_id = str(submit(before, amount=700))
    broker.report(order_id, "filling", filled_amount=300, err_msg="", entrust_time=clock.now())
    before.sync_orders()
    assert open_account().orders() == before.orders() and len(before.orders()) == 1


class Died(BaseException):
    """The process dies here."""


def die(self: Any, *args: Any) -> None:
    raise Died


@pytest.mark.parametrize(
    "was_sent, status, is_sent",
    [(True, "new", True), (False, "rejected", False), (None, "new", False)],
)
def test_a_restart_settles_an_order_that_may_not_have_been_sent(
    open_account: OpenAccount,
    broker: FakeBroker,
    journal_path: str,
    was_sent: Optional[bool],
    status: str,
    is_sent: bool,
    caplog: Any,
) -> None:
    with pytest.raises(Died):
        submit(open_account(order=die))
    asked: List[str] = []

    def answer(self: Any, order: Order) -> Optional[bool]:
        asked.append(order.order_id)
        return was_sent

    (order,) = open_account(was_sent=answer).orders()
    assert asked == [order.order_id] and broker.orders == []
    assert order.status == status and order.err_msg.startswith("没有发出：") == (status == "rejected")
    assert recorded(journal_path, datetime(2026, 1, 5).date()) == [(order, is_sent)]
    assert said(caplog, order.order_id) == 1


def test_a_restart_settles_orders_in_the_order_in_which_they_were_made(open_account: OpenAccount, caplog: Any) -> None:
    account = open_account(batch_order=die)
    with pytest.raises(Died):
        account.submit_batch(requests(*range(100, 3100, 100)))
    ids = [order.order_id for order in account.orders()]
    open_account(was_sent=lambda self, order: False)
    refused = [text.split()[1] for text in caplog.messages if "没有发出" in text]
    assert refused == ids and len(ids) == 30


def test_a_restart_asks_only_about_orders_that_are_not_settled(open_account: OpenAccount, broker: FakeBroker) -> None:
    account = open_account()
    account.submit_batch(requests(100, 200))  # sent
    broker.error = ValueError("断开")
    submit(account)  # rejected
    broker.error = OrderUncertain("读不出文件")
    uncertain = str(submit(account))
    spoken = str(account.submit_batch([check_request("600000.XSHG", 100, LimitOrderStyle(10.5))])[0])
    broker.error = None
    broker.orders.append(account.orders(spoken)[0])
    broker.report(spoken, "new")
    account.sync_orders()
    asked: List[str] = []
    open_account(was_sent=lambda self, order: asked.append(order.order_id))
    assert asked == [uncertain]


def test_an_order_found_unsent_at_one_restart_is_not_asked_about_again(open_account: OpenAccount) -> None:
    with pytest.raises(Died):
        submit(open_account(order=die))
    open_account(was_sent=lambda self, order: False)
    (order,) = open_account(was_sent=die).orders()
    assert order.status == "rejected"
