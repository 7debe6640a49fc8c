"""Errors of gates that leave it unknown whether the broker was asked, and calls that meet an order on its way."""

import concurrent.futures
import os
import signal
import socket
import threading
from datetime import datetime
from typing import Any, Callable, List, Sequence

import pytest

from jqtrade.account.account import Account
from jqtrade.account.gate_errors import came_in_the_middle, is_uncertain
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle, Order
from jqtrade.account.request import OrderRequest, check_request
from jqtrade.errors import InvalidCall, OrderNotSent, OrderUncertain
from jqtrade.testing import FakeBroker, VirtualClock

OpenAccount = Callable[..., Account]


def request(code: str = "000001.XSHE") -> OrderRequest:
    return check_request(code, 100, LimitOrderStyle(10))


@pytest.mark.parametrize(
    "error, expected",
    [
        (OrderUncertain("?"), True),
        (TimeoutError(), True),
        (socket.timeout(), True),
        (concurrent.futures.TimeoutError(), True),
        (ConnectionResetError(), True),
        (ConnectionRefusedError(), False),
        (MemoryError(), True),
        (RecursionError(), True),
        (OrderNotSent("no"), False),
        (ValueError("the broker says no"), False),
        (OSError(28, "disk full"), False),
    ],
)
def test_what_leaves_it_unknown(error: Exception, expected: bool) -> None:
    assert is_uncertain(error) == expected


class Late(Exception):
    pass


@pytest.mark.posix
def test_an_exception_of_a_signal_handler_leaves_it_unknown_whatever_its_class(
    open_account: OpenAccount, broker: FakeBroker
) -> None:
    """timeout_decorator's is an AssertionError; the request may be out."""

    def ring(*args: Any) -> None:
        raise Late("too slow")

    def order(self: Any, order: Order) -> None:
        broker.orders.append(order)
        os.kill(os.getpid(), signal.SIGUSR1)
        for _ in range(100):  # the handler runs within a few of these
            pass

    before = signal.signal(signal.SIGUSR1, ring)
    try:
        account = open_account(order=order)
        (order_id,) = account.submit_batch([request()])
        assert order_id is not None and account.orders(order_id)[0].status == "new"
        assert account.submit_batch([request()]) == [None] and len(broker.orders) == 1
        try:
            ring()
        except Late as error:
            assert came_in_the_middle(error) and is_uncertain(error)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not is_uncertain(Late())  # raised by the gate itself: its contract says that this means "not sent"


def test_get_orders_of_another_thread_is_refused_and_leaves_an_order_on_its_way_alone(
    open_account: OpenAccount, broker: FakeBroker
) -> None:
    refused: List[str] = []

    def ask() -> None:
        with pytest.raises(InvalidCall) as error:
            account.orders()
        refused.append(str(error.value))

    def order(self: Any, order: Order) -> None:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
        broker.orders.append(order)

    account = open_account(order=order)
    (order_id,) = account.submit_batch([request()])
    assert order_id is not None and len(refused) == 1 and "没有查询订单" in refused[0]
    assert account.orders(order_id)[0].status == "new" and len(broker.orders) == 1


def test_get_orders_in_the_middle_of_an_order_begins_no_new_day(
    open_account: OpenAccount, broker: FakeBroker, clock: VirtualClock
) -> None:
    def order(self: Any, order: Order) -> None:
        broker.orders.append(order)
        clock.jump(86400)
        account.orders()  # a log handler or a signal handler may ask

    account = open_account(order=order)
    (order_id,) = account.submit_batch([request()])
    assert [one.order_id for one in broker.orders] == [order_id]
    assert account.orders() == []


def test_a_gate_with_a_batch_of_its_own_gets_nothing_that_waited_too_long(
    open_account: OpenAccount, broker: FakeBroker, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def batch_order(self: Any, orders: Sequence[Order]) -> List[Any]:
        broker.orders.extend(orders)
        return [None] * len(orders)

    record = Journal.record_intents

    def slow(self: Journal, *args: Any) -> None:
        record(self, *args)
        clock.sleep(60)

    account = open_account(batch_order=batch_order)
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "record_intents", slow)
        assert account.submit_batch([request()]) == [None] and broker.orders == []
    assert account.orders()[0].status == "rejected" and clock.now() > datetime(2026, 1, 5, 10)
    assert account.submit_batch([request()]) != [None]
