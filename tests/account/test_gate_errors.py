"""Errors of gates that leave it unknown whether the broker was asked, and calls that meet an order on its way."""

import concurrent.futures
import functools
import os
import signal
import socket
import threading
from datetime import datetime
from typing import Any, Callable, Dict, List, Sequence

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


def by_name(signum: Any, frame: Any) -> None:
    raise Late("too slow")


def by_arguments(*args: Any) -> None:
    by_name(*args[-2:])


class Alarm:
    def ring(self, signum: Any, frame: Any) -> None:
        raise Late("too slow")

    def __call__(self, *args: Any) -> None:
        raise Late("too slow")


HANDLERS: Dict[str, Any] = {
    "function": by_name,
    "arguments": by_arguments,
    "lambda": lambda *args: by_name(0, None),
    "method": Alarm().ring,
    "callable": Alarm(),
    "partial": functools.partial(by_arguments, "more"),
}


def interrupted(handler: Any) -> None:
    """Be interrupted by `handler`, which is not installed any more when its exception leaves, as a decorator does it."""
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
        for _ in range(100):  # the handler runs within a few of these
            pass
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.posix
@pytest.mark.parametrize("handler", HANDLERS)
def test_an_exception_of_a_signal_handler_leaves_it_unknown_whatever_its_class(
    open_account: OpenAccount, broker: FakeBroker, handler: str
) -> None:
    """timeout_decorator's is an AssertionError; the request may be out."""

    def order(self: Any, order: Order) -> None:
        broker.orders.append(order)
        interrupted(HANDLERS[handler])

    account = open_account(order=order)
    (order_id,) = account.submit_batch([request()])
    assert order_id is not None and account.orders(order_id)[0].status == "new"
    assert account.submit_batch([request()]) == [None] and len(broker.orders) == 1
    with pytest.raises(Late) as caught:
        interrupted(HANDLERS[handler])
    assert came_in_the_middle(caught.value) and is_uncertain(caught.value)


def test_what_a_gate_raises_by_itself_means_not_sent(open_account: OpenAccount) -> None:
    """So its contract says, also where it calls a function that is a signal handler elsewhere."""

    def order(self: Any, order: Order) -> None:
        by_arguments(15, None)

    account = open_account(order=order)
    assert account.submit_batch([request()]) == [None]
    assert "没有发出" in account.orders()[0].err_msg


def run_out_of_memory() -> None:
    raise MemoryError


MAY_BE_OUT: Dict[str, Callable[[], None]] = {
    "memory": run_out_of_memory,
    "handler": lambda: interrupted(by_name),
}


@pytest.mark.posix
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("failure", MAY_BE_OUT)
def test_a_cancel_of_which_nobody_knows_is_not_said_to_have_stayed_here(
    open_account: OpenAccount, broker: FakeBroker, caplog: pytest.LogCaptureFixture, failure: str, each: bool
) -> None:
    def cancel(self: Any, ids: Any) -> None:
        broker.cancels.append(ids)
        MAY_BE_OUT[failure]()

    account = open_account(**{"cancel_order" if each else "batch_cancel_order": cancel})
    (order_id,) = account.submit_batch([request()])
    assert account.cancel_batch([str(order_id)]) == [order_id] and broker.cancels
    assert "无法确认撤单" in caplog.text and "没有发出" not in caplog.text


def test_a_batch_of_cancels_that_raises_in_its_middle_may_have_been_sent(
    open_account: OpenAccount, broker: FakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """Unlike cancel_order it answers for each; what it raises, whatever its class, says nothing of the first ones."""

    def cancel(self: Any, ids: Any) -> None:
        broker.cancels.append(ids)
        raise RuntimeError("the second is no id")

    account = open_account(batch_cancel_order=cancel)
    (order_id,) = account.submit_batch([request()])
    assert account.cancel_batch([str(order_id)]) == [order_id] and broker.cancels
    assert "无法确认撤单" in caplog.text and "没有发出" not in caplog.text


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
