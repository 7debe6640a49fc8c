"""Sending and cancelling: what is sent, what is refused, what nobody knows."""

import sqlite3
from datetime import datetime, timedelta
from typing import Any, Callable, List, Optional

import pytest
from journal_files import recorded
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle, Order
from jqtrade.account.request import check_request
from jqtrade.errors import InvalidParam, OrderNotSent, OrderUncertain
from jqtrade.testing import FakeBroker, VirtualClock

OpenAccount = Callable[..., Account]


def submit(account: Account, code: str = "000001.XSHE", amount: int = 100, price: float = 10.5) -> Optional[str]:
    return account.submit_batch([check_request(code, amount, LimitOrderStyle(price))])[0]


def requests(*amounts: int) -> List[Any]:
    return [check_request("000001.XSHE", amount, LimitOrderStyle(10)) for amount in amounts]


def test_an_order_is_recorded_sent_and_listed(account: Account, broker: FakeBroker, journal_path: str) -> None:
    order_id = submit(account, amount=-300)
    (order,) = account.orders()
    assert broker.orders == [order]
    assert (order.order_id, order.code, order.amount, order.action) == (order_id, "000001.XSHE", 300, "close")
    assert (order.status, order.side, order.price) == ("new", "long", 10.5)
    assert order.create_time == datetime(2026, 1, 5, 10, 0)
    assert recorded(journal_path, order.create_time.date()) == [(order, True)]


def test_the_intent_is_on_the_disk_before_the_gate_is_asked(open_account: OpenAccount, journal_path: str) -> None:
    seen: List[Any] = []

    def order(self: Any, order: Order) -> None:
        seen.extend(recorded(journal_path, order.create_time.date()))

    account = open_account(order=order)
    submit(account)
    assert seen == [(account.orders()[0], False)]


def test_ids_are_different_decimal_numbers_of_at_most_ten_digits(account: Account) -> None:
    ids = account.submit_batch(requests(*[100] * 500))
    assert len(set(ids)) == 500
    assert all(each is not None and each.isdigit() and len(each) <= 10 and 0 < int(each) < 2**32 for each in ids)


def test_an_id_that_the_gate_knows_is_never_used(open_account: OpenAccount) -> None:
    asked: List[str] = []

    def knows_order_id(self: Any, order_id: str) -> bool:
        asked.append(order_id)
        return len(asked) <= 3

    assert submit(open_account(knows_order_id=knows_order_id)) == asked[3]


@pytest.mark.parametrize("error", [OrderNotSent("磁盘已满"), ValueError("磁盘已满"), OSError("磁盘已满")])
def test_an_order_that_the_gate_fails_to_send_is_rejected(
    account: Account, broker: FakeBroker, error: Any, caplog: Any
) -> None:
    broker.error = error
    assert submit(account) is None
    (order,) = account.orders()
    assert order.status == "rejected" and "没有发出" in order.err_msg and "磁盘已满" in order.err_msg
    assert [record.levelname for record in caplog.records if order.order_id in record.getMessage()] == ["ERROR"]


def test_an_error_without_words_still_gives_a_reason(account: Account, broker: FakeBroker) -> None:
    broker.error = KeyError()
    submit(account)
    assert "KeyError" in account.orders()[0].err_msg


def test_a_batch_goes_on_after_an_order_that_failed(open_account: OpenAccount, broker: FakeBroker) -> None:
    def order(self: Any, order: Order) -> None:
        if order.amount == 200:
            raise RuntimeError("柜台断开")
        broker.orders.append(order)

    account = open_account(order=order)
    ids = account.submit_batch(requests(100, 200, 300))
    assert ids[1] is None and [each.order_id for each in broker.orders] == [ids[0], ids[2]]
    assert [each.status for each in account.orders()] == ["new", "rejected", "new"]


def test_an_order_of_which_nobody_knows_stays_new_and_has_an_id(account: Account, broker: FakeBroker) -> None:
    broker.error = OrderUncertain("读不出文件")
    order_id = submit(account)
    (order,) = account.orders()
    assert (order.order_id, order.status, order.err_msg) == (order_id, "new", "")


def test_an_uncertain_order_is_not_marked_as_sent(account: Account, broker: FakeBroker, journal_path: str) -> None:
    broker.error = OrderUncertain("读不出文件")
    submit(account)
    ((_, sent),) = recorded(journal_path, datetime(2026, 1, 5).date())
    assert sent is False


def test_a_batch_reaches_the_gate_in_one_call(open_account: OpenAccount) -> None:
    calls: List[Any] = []

    def batch_order(self: Any, orders: Any) -> List[None]:
        calls.append([order.amount for order in orders])
        return [None] * len(orders)

    def batch_cancel_order(self: Any, order_ids: Any) -> List[None]:
        calls.append(list(order_ids))
        return [None] * len(order_ids)

    account = open_account(batch_order=batch_order, batch_cancel_order=batch_cancel_order)
    ids = account.submit_batch(requests(100, -200, 300))
    account.cancel_batch(ids)
    assert calls == [[100, 200, 300], ids]
    assert account.submit_batch([]) == [] and len(calls) == 2


@pytest.mark.parametrize("answer", [None, [], [None], [None] * 3, 7, "ok", ["ok", None], RuntimeError("断开")], ids=str)
def test_when_a_gate_does_not_say_what_became_of_a_batch_nobody_knows(open_account: OpenAccount, answer: Any) -> None:
    def batch_order(self: Any, orders: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    account = open_account(batch_order=batch_order)
    ids = account.submit_batch(requests(100, 200))
    assert [order.order_id for order in account.orders()] == ids
    assert [order.status for order in account.orders()] == ["new", "new"]


@pytest.mark.parametrize("answer", [None, [], 7, RuntimeError("断开")], ids=str)
def test_a_cancel_of_which_a_gate_does_not_tell_is_logged(open_account: OpenAccount, answer: Any, caplog: Any) -> None:
    def batch_cancel_order(self: Any, order_ids: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    account = open_account(batch_cancel_order=batch_cancel_order)
    order_id = submit(account)
    account.cancel_batch([order_id])
    assert any(record.levelname == "ERROR" and str(order_id) in record.getMessage() for record in caplog.records)


def test_nothing_is_sent_that_could_not_be_recorded(
    account: Account, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Journal, *args: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Journal, "record_intents", fail)
    assert account.submit_batch(requests(100, 200)) == [None, None]
    assert broker.orders == []
    assert [order.status for order in account.orders()] == ["rejected", "rejected"]
    assert "disk is full" in account.orders()[0].err_msg


def test_what_could_not_be_recorded_after_sending_is_said_once_and_recorded_later(
    account: Account, broker: FakeBroker, journal_path: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def fail(self: Journal, *args: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    first, second = account.submit_batch(requests(100, 200))
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_write", fail)
        for status in ("open", "filling"):
            broker.report(str(first), status)
            account.sync_orders()
    assert [order.status for order in account.orders()] == ["filling", "new"]
    broker.report(str(second), "open")
    account.sync_orders()
    assert [order.status for order, _ in recorded(journal_path, datetime(2026, 1, 5).date())] == ["filling", "open"]
    assert sum("disk I/O error" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("side", ["short", "long"])
def test_a_side_is_handed_to_the_gate_never_turned_round(account: Account, broker: FakeBroker, side: str) -> None:
    account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10), side)])
    assert broker.orders[0].side == side


def test_nothing_of_a_batch_is_recorded_when_the_gate_cannot_carry_one_of_it(
    open_account: OpenAccount, broker: FakeBroker, journal_path: str
) -> None:
    def check_order(self: Any, order: Order) -> None:
        if order.amount == 300:
            raise InvalidParam("不支持")

    account = open_account(check_order=check_order)
    with pytest.raises(InvalidParam, match="^这一批都没有发出：第 3 笔（买入 000001.XSHE 300 股 .*）不正确，不支持$"):
        account.submit_batch(requests(100, 200, 300))
    with pytest.raises(InvalidParam, match="^不支持$"):
        account.submit_batch(requests(300))
    assert (broker.orders, account.orders()) == ([], [])
    assert recorded(journal_path, datetime(2026, 1, 5).date()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("000001.SZ", 100),
        ("000001.XSHE", 0),
        ("000001.XSHE", 100, 10.5),
        ("000001.XSHE", 100, "limit"),
        ("000001.XSHE", 100, LimitOrderStyle),
        ("000001.XSHE", 100, None, "both"),
        ("000001.XSHE", 100, None, None),
        ("000001.XSHE", 100, None, ["long"]),
    ],
)
def test_a_bad_argument_is_refused_before_anything_happens(arguments: Any) -> None:
    with pytest.raises(InvalidParam, match="没有发出"):
        check_request(*arguments)


def test_without_a_style_it_is_a_market_order() -> None:
    assert check_request("000001.XSHE", 100).style == MarketOrderStyle()


def test_a_cancel_of_an_unknown_order_is_an_error_in_the_log(account: Account, broker: FakeBroker, caplog: Any) -> None:
    account.cancel_batch(["12345"])
    assert [(record.levelname, "12345" in record.getMessage()) for record in caplog.records] == [("ERROR", True)]
    assert broker.cancels == []


@pytest.mark.parametrize("status", ["filled", "partly_canceled", "canceled", "rejected"])
def test_a_cancel_of_a_finished_order_is_a_warning(
    account: Account, broker: FakeBroker, status: str, caplog: Any
) -> None:
    order_id = str(submit(account))
    broker.report(order_id, status)
    account.sync_orders()
    caplog.clear()
    account.cancel_batch([order_id])
    assert [(record.levelname, order_id in record.getMessage()) for record in caplog.records] == [("WARNING", True)]
    assert broker.cancels == []


def test_live_orders_of_a_batch_are_cancelled_once_each(account: Account, broker: FakeBroker) -> None:
    first, second = account.submit_batch(requests(100, 200))
    account.cancel_batch([str(second), "7", str(first), str(second)])
    assert broker.cancels == [second, first]


def test_a_cancel_that_fails_is_logged_and_the_order_stays(account: Account, broker: FakeBroker, caplog: Any) -> None:
    order_id = str(submit(account))
    broker.error = OSError("磁盘已满")
    account.cancel_batch([order_id])
    assert account.orders()[0].status == "new"
    assert any(record.levelname == "ERROR" and "磁盘已满" in record.getMessage() for record in caplog.records)


class TickingClock(VirtualClock):
    """A clock on which a microsecond passes at every look."""

    def now(self) -> datetime:
        self.jump(0.000001)
        return super().now()


@pytest.mark.parametrize("ticks", range(1, 10))
def test_an_order_sent_at_the_stroke_of_midnight_belongs_to_one_day(
    broker: FakeBroker, journal_path: str, ticks: int
) -> None:
    midnight = datetime(2026, 1, 6)
    clock = TickingClock(midnight - timedelta(microseconds=ticks))
    account = Account(broker.gate_class(), Journal(journal_path), clock, no_limits(clock))
    submit(account)
    clock.jump(1)
    if not broker.orders:  # midnight came before it was sent: an order of yesterday is not for today
        assert all(order.status == "rejected" for order in account.orders())
        return
    (sent,) = broker.orders
    assert account.orders() == ([sent] if sent.create_time >= midnight else [])


def test_closing_lets_go_of_the_journal_and_the_gate(open_account: OpenAccount, journal_path: str) -> None:
    closed: List[bool] = []
    account = open_account(close=lambda self: closed.append(True))
    account.close()
    assert closed == [True]
    with pytest.raises(sqlite3.ProgrammingError):
        account.recover()
