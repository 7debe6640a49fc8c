"""What the strategy's process may do in the middle of an order: raise, raise again, log, collect garbage, order once more.

Beside `faults/test_storm.py`, which raises once at any step: other ways in, two exceptions, and calls out of a call.
"""

import gc
import logging
import os
import random
import signal
import sys
import warnings
import weakref
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest
from broker_files import make_order
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.doubts import Doubts
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.testing import FakeBroker, VirtualClock
from tests.faults.storm import PER_OPCODE, Late, Storm
from tests.faults.test_storm import ERRORS, Desk, buy, submit_and_retry

SEED = 20260105


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path / "desk")
    desk.check_usable()
    return desk


def attempt(function: Callable[..., Any], *arguments: Any) -> Any:
    """What it returns or raises."""
    try:
        return function(*arguments)
    except BaseException as error:
        return error


def attempt_order(desk: Desk, price: float, call: Optional[Callable[..., Any]] = None) -> Any:
    """The id that an order of this price gets, None, or what was raised instead."""
    answer = attempt(call or call_directly, desk.account.submit_batch, [buy(price)])
    return answer[0] if isinstance(answer, list) else answer


def call_directly(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def settled_steps(desk: Desk) -> int:
    """How many steps an order takes when nothing was cut short before it."""
    for _ in range(2):
        storm = Storm(0)
        submit_and_retry(desk, storm)
    return storm.steps


# ---------------------------------------------------------------- exceptions


def test_the_last_steps_of_an_order_leave_nothing_untrue_either(desk: Desk) -> None:
    """Counted from the end: after an exception the next order takes more steps than one that follows a whole one.

    The last two steps alone are the strategy's: once the account takes it for told, the answer is on its way to it, as it
    is in the strategy's own code after that.
    """
    left, fired = 2 if PER_OPCODE else 1, 0
    for number in range(left, left + 60):
        desk.clock.sleep(1)
        storm = Storm(settled_steps(desk) - number, ERRORS[number % len(ERRORS)])
        submit_and_retry(desk, storm)
        fired += storm.has_fired
    assert fired > 40  # some orders take a few steps less, when sqlite's log is full, say
    desk.check_usable()


def test_a_second_exception_in_what_puts_the_first_right_leaves_nothing_untrue(desk: Desk) -> None:
    chosen = random.Random(SEED)
    steps = settled_steps(desk)
    both = 0
    for _ in range(80):
        desk.clock.sleep(1)
        price = desk.next_price()
        account = desk.account
        first = Storm(chosen.randrange(steps // 2, steps - 60), chosen.choice(ERRORS))
        second = Storm(chosen.randrange(1, steps // 2), chosen.choice(ERRORS))
        calls: List[List[Any]] = [
            [account.submit_batch, [buy(price)]],
            [account.sync_orders],
            [account.sync_balance],
            [account.orders],
            [account.cancel_batch, ["1"]],
        ]
        number = chosen.randrange(len(calls))
        told = attempt_order(desk, price, first.call)
        desk.check_now(price, [told])
        later = attempt(second.call, *calls[number])
        if number == 0 and isinstance(later, list):
            told = told if isinstance(told, str) else later[0]
        if not isinstance(told, str) and number != 1:  # nothing was heard of it: the strategy tries again
            desk.check_now(price, [attempt_order(desk, price)])
        account.sync_orders()
        account.sync_orders()
        assert len(desk.rows(price)) <= 1
        both += first.has_fired and second.has_fired
        orders = {order.order_id: order.status for order in account.orders() if order.price == price}
        sent = [order_id for order_id, _ in desk.rows(price)]
        assert [order_id for order_id, status in orders.items() if status != "rejected"] == sent
    assert both > 10
    desk.check_usable()


def _blocked(doubts: Doubts) -> bool:
    return ("000001.XSHE", True) in doubts.blocking()


@pytest.mark.skipif(not PER_OPCODE, reason="no tracing of single bytecodes")
@pytest.mark.parametrize("is_clean", [False, True])
def test_an_order_of_which_nobody_told_blocks_wherever_a_call_after_it_is_cut_short(is_clean: bool) -> None:
    """Twice: once when it was about to be returned, and again while that was put right."""
    order = make_order()
    fired = 0
    for step in list(range(60)) * 2:  # Python 3.13 traces no bytecode of the first call
        doubts = Doubts()
        doubts.begin(order)
        doubts.hand_over([order])
        doubts.conclude([order])
        storm = Storm(step)
        attempt(storm.call, doubts.enter, is_clean)
        if storm.has_fired:
            doubts.enter(is_clean=is_clean)  # nothing had begun, so it is the same as before
            assert _blocked(doubts) != is_clean, step
        fired += storm.has_fired
    assert fired > 10


def test_what_a_sync_tells_reaches_the_journal_wherever_taking_it_over_is_cut_short(desk: Desk) -> None:
    """Told again, it changes nothing in an order that has taken it over already."""
    account: Any = desk.account
    take_over = account._take_over
    fired = 0
    for step in range(1, 600, 2) if PER_OPCODE else range(1, 120):
        (order_id,) = account.submit_batch([buy(desk.next_price())])
        assert order_id is not None
        desk.report(order_id, 2, 100)
        storm = Storm(step)

        def take_over_in_storm(news: Any, storm: Storm = storm) -> Any:
            changed = news.changed()  # its lines in the log take hundreds of steps
            news.changed = lambda: changed
            return storm.call(take_over, news)

        account._take_over = take_over_in_storm
        attempt(account.sync_orders)
        account._take_over = take_over
        account.sync_orders()
        assert desk.recorded()[order_id]["status"] == "filled", step
        fired += storm.has_fired
        desk.clock.sleep(0.01)
    assert fired > 15


def test_a_profile_function_that_raises_is_as_any_exception(desk: Desk) -> None:
    """It is called when a function is entered and left, also one of C."""
    calls = [0]

    def count(frame: FrameType, event: str, argument: Any) -> None:
        calls[0] += 1

    sys.setprofile(count)
    desk.account.submit_batch([buy(desk.next_price())])
    sys.setprofile(None)
    for number in sorted(random.Random(SEED).sample(range(calls[0] - 10), 60)):
        left = [number]

        def profile(frame: FrameType, event: str, argument: Any, left: List[int] = left) -> None:
            is_ours = frame.f_code.co_filename != __file__
            if is_ours and (frame.f_code.co_name, event) != ("submit_batch", "return"):  # then it has returned
                left[0] -= 1
                if left[0] == 0:
                    raise Late

        price = desk.next_price()
        requests = [buy(price)]
        sys.setprofile(profile)
        try:
            answers: List[Any] = [desk.account.submit_batch(requests)[0]]
        except Late as error:
            answers = [error]
        finally:
            sys.setprofile(None)
        if not isinstance(answers[0], str):
            answers.append(attempt_order(desk, price))
        desk.check_now(price, answers)
        desk.account.sync_orders()
        desk.account.sync_orders()
        desk.check_later(price)
    desk.check_usable()


def test_at_whatever_depth_the_stack_ends_nothing_untrue_is_left(desk: Desk) -> None:
    def deeper(levels: int, price: float) -> Any:
        return desk.account.submit_batch([buy(price)])[0] if levels == 0 else deeper(levels - 1, price)

    before = sys.getrecursionlimit()
    depth = 0
    frame: Optional[FrameType] = sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    ended = 0
    try:
        sys.setrecursionlimit(depth + 200)
        for levels in range(100, 196):
            price = desk.next_price()
            answers = [attempt(deeper, levels, price)]
            ended += not isinstance(answers[0], str)
            if not isinstance(answers[0], str):
                sys.setrecursionlimit(before)
                answers.append(attempt_order(desk, price))
            sys.setrecursionlimit(before)
            desk.check_now(price, answers)
            desk.account.sync_orders()
            desk.account.sync_orders()
            desk.check_later(price)
            sys.setrecursionlimit(depth + 200)
    finally:
        sys.setrecursionlimit(before)
    assert ended > 3
    desk.check_usable()


def test_no_warning_is_met_that_a_strategy_may_have_made_an_error(desk: Desk) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ids = desk.account.submit_batch([buy(desk.next_price()), buy(desk.next_price(), "600000.XSHG")])
        desk.account.cancel_batch(ids[:1])
        desk.account.sync_orders()
        desk.account.sync_balance()
        desk.account.close()
        desk.open()
    assert None not in ids and len(desk.account.orders()) >= 2


# ---------------------------------------------------------------- calls out of a call


def interrupt_by_signal(action: Callable[[], Any]) -> None:
    before = signal.signal(signal.SIGINT, lambda *_: action())
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(100):  # it is handled between two bytecodes
        pass
    signal.signal(signal.SIGINT, before)


def interrupt_by_garbage(action: Callable[[], Any]) -> None:
    def callback(phase: str, info: Any) -> None:
        if phase == "stop":
            action()

    gc.callbacks.append(callback)
    gc.collect()
    gc.callbacks.remove(callback)


def interrupt_by_del(action: Callable[[], Any]) -> None:
    class Thing:
        def __del__(self) -> None:
            action()

    thing = Thing()
    del thing


def interrupt_by_weakref(action: Callable[[], Any]) -> None:
    class Thing:
        pass

    thing = Thing()
    reference = weakref.ref(thing, lambda _: action())
    del thing
    assert reference() is None


def interrupt_by_log(action: Callable[[], Any]) -> None:
    class Robot(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            action()

    robot = Robot()
    logging.getLogger("jqtrade").addHandler(robot)
    try:
        from jqtrade.log import get_log

        get_log("jqtrade.account").error("a line")
    finally:
        logging.getLogger("jqtrade").removeHandler(robot)


WAYS: Dict[str, Callable[[Callable[[], Any]], None]] = {
    "a garbage collection": interrupt_by_garbage,
    "a finalizer": interrupt_by_del,
    "a weak reference": interrupt_by_weakref,
    "a log handler": interrupt_by_log,
}
if sys.platform != "win32":
    WAYS["a signal handler"] = interrupt_by_signal


@pytest.mark.parametrize("place", ["record_intents", "check_files", "note_sent", "flush"])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_call_out_of_the_middle_of_an_order_does_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, way: str, place: str
) -> None:
    """Each call of the strategy's: refused, and the order that it interrupts goes on."""
    said: List[Any] = []
    account = desk.account
    method = getattr(Journal, place)

    def nest() -> None:
        said.append(account.submit_batch([buy(1.0), buy(1.0, "600000.XSHG")]))
        said.append(account.cancel_batch(["1"]))
        said.append(account.sync_orders())
        said.append(account.sync_balance())
        said.append(len(account.orders()) > 0)

    def interrupted(self: Journal, *arguments: Any) -> Any:
        monkeypatch.undo()
        WAYS[way](nest)
        return method(self, *arguments)

    monkeypatch.setattr(Journal, place, interrupted)
    price = desk.next_price()
    (order_id,) = account.submit_batch([buy(price)])
    assert said[:5] == [[None, None], ["1"], [], None, True]
    assert [row[0] for row in desk.rows(price)] == [order_id] and desk.rows(1.0) == []
    desk.check_now(price, [order_id])
    desk.check_usable()


def test_a_log_handler_that_orders_on_every_error_ends(desk: Desk) -> None:
    """A robot that answers each line of ours with an order, which is refused with a line of ours."""
    answers: List[Any] = []

    class Robot(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            answers.append(attempt(desk.account.submit_batch, [buy(1.0)]))

    robot = Robot(logging.ERROR)
    logging.getLogger("jqtrade").addHandler(robot)
    try:
        assert desk.account.submit_batch([buy(2.0, amount=55)]) == [None]
    finally:
        logging.getLogger("jqtrade").removeHandler(robot)
    assert answers and desk.rows(1.0) == []
    desk.check_usable()


def test_to_ask_for_orders_at_midnight_out_of_an_order_leaves_its_day_to_it() -> None:
    clock = VirtualClock(datetime(2026, 1, 5, 23, 59, 59))
    broker = FakeBroker()
    listed: List[int] = []

    def order(self: Any, order: Any) -> None:
        broker.orders.append(order)
        clock.sleep(2)
        listed.append(len(account.orders()))  # a signal handler's

    gate = type("Gate", (broker.gate_class,), {"order": order})()
    gate.clock = clock
    gate.setup({})
    account = Account(gate, Journal(None), clock, no_limits(clock))
    account.recover()
    ids = account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))] * 2)
    assert ids[0] is not None and ids[1] is None and len(broker.orders) == 1 and listed == [2]
    assert account.orders() == []


# ---------------------------------------------------------------- logging that the strategy has spoiled


class Spoiled(logging.Handler):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self._error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self._error


def spoil_factory(*args: Any, **kwargs: Any) -> Any:
    raise ValueError("factory")


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    logger = logging.getLogger()
    handlers, filters, factory = logger.handlers[:], logger.filters[:], logging.getLogRecordFactory()
    yield logger
    logger.handlers[:], logger.filters[:] = handlers, filters
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize(
    "error", [ConnectionError("no network"), SystemExit(1), RecursionError(), MemoryError(), Late()]
)
@pytest.mark.parametrize("how", ["handler", "filter", "formatter", "factory"])
def test_whatever_a_robot_in_the_log_raises_orders_are_told_as_they_are(
    desk: Desk, root: logging.Logger, how: str, error: BaseException
) -> None:
    def raise_it(record: Any) -> Any:
        raise error

    if how == "handler":
        root.addHandler(Spoiled(error))
    elif how == "factory":
        logging.setLogRecordFactory(spoil_factory)
    else:
        robot = logging.StreamHandler()
        if how == "filter":
            robot.filter = raise_it  # type: ignore[assignment,method-assign]
        else:
            robot.format = raise_it  # type: ignore[assignment,method-assign]
        root.addHandler(robot)
    prices = [desk.next_price() for _ in range(3)]
    ids = desk.account.submit_batch([buy(prices[0]), buy(prices[1], amount=55), buy(prices[2], "600000.XSHG")])
    assert [one is None for one in ids] == [False, True, False]  # 55 shares are refused with a line
    assert [row[0] for price in prices for row in desk.rows(price)] == [ids[0], ids[2]]
    desk.report(ids[0] or "", 2, 100)
    assert [order.status for order in desk.account.sync_orders()] == ["filled"]
    desk.account.cancel_batch(["1", ids[2]])
    for price in prices:
        desk.check_later(price)
