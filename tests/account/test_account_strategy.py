"""The account as a strategy's own code meets it, in virtual time."""

import logging
from datetime import datetime
from pathlib import Path
from typing import Any, Callable

import pytest

from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle
from jqtrade.errors import TradeGateError
from jqtrade.testing import FakeBroker, VirtualClock, start_strategy

HEAD = """
def process_initialize(context):
    run_daily(job, "10:00:00")

"""


@pytest.fixture
def run(tmp_path: Path, broker: FakeBroker, caplog: Any) -> Callable[..., None]:
    """Return a function that runs a strategy with this code for some days; what fails in its jobs fails the test."""

    def run_one(code: str, days: int = 1) -> None:
        path = tmp_path / "strategy.py"
        path.write_text(HEAD + code, encoding="utf-8")
        with caplog.at_level(logging.INFO):
            clock = VirtualClock(datetime(2026, 1, 5, 9, 0))
            strategy = start_strategy(str(path), clock, broker, runtime_dir=str(tmp_path / "runtime"))
            strategy.run(until=datetime(2026, 1, 4 + days, 15, 30))
        errors = [record.exc_text for record in caplog.records if "运行出错" in record.getMessage()]
        assert errors == []

    return run_one


def test_the_documented_calls_work_as_written(run: Callable[..., None], broker: FakeBroker) -> None:
    broker.positions = [{"code": "600000.XSHG", "amount": 300, "available_amount": 100, "avg_cost": 8.0}]
    run(
        """
def job(context):
    assert context.portfolio.total_assert == 100000
    position = context.portfolio.long_positions["600000.XSHG"]
    order("600000.XSHG", -position.available_amount, LimitOrderStyle(10))
    assert "000002.XSHE" not in context.portfolio.long_positions
    order_id = order("000002.XSHE", 100, MarketOrderStyle())
    assert [each.order_id for each in get_orders(code="000002.XSHE", status="new")] == [order_id]
    cancel_order(order_id)
    ids = batch_submit_orders([
        {"code": "000001.XSHE", "amount": 100, "style": LimitOrderStyle(11.11), "side": "long"},
        {"code": "000001.XSHE", "amount": 200},
    ])
    batch_cancel_orders(ids)
"""
    )
    asked = [(order.code, order.amount, order.action, order.style) for order in broker.orders]
    assert asked == [
        ("600000.XSHG", 100, "close", LimitOrderStyle(10)),
        ("000002.XSHE", 100, "open", MarketOrderStyle()),
        ("000001.XSHE", 100, "open", LimitOrderStyle(11.11)),
        ("000001.XSHE", 200, "open", MarketOrderStyle()),
    ]
    assert broker.cancels == [order.order_id for order in broker.orders[1:]]


@pytest.mark.parametrize(
    "call",
    ["order('000001.SZ', 100)", "order('000001.XSHE', 100.5)", "order('000001.XSHE', 100, LimitOrderStyle(-1))"]
    + ["order('000001.XSHE', 100, 10.5)", "order('000001.XSHE', 100, None, 'both')", "get_orders(status='done')"]
    + ["batch_submit_orders([{'code': '000001.XSHE', 'amount': 100}, {'code': '000001.XSHE', 'amount': 0}])"]
    + ["batch_submit_orders([{'code': '000001.XSHE'}])", "batch_cancel_orders('12345')"],
)
def test_a_bad_argument_raises_in_the_strategy_and_nothing_is_sent(
    run: Callable[..., None], broker: FakeBroker, call: str
) -> None:
    run(
        f"""
def job(context):
    try:
        {call}
    except InvalidParam:
        assert get_orders() == []
    else:
        raise AssertionError("nothing raised")
"""
    )
    assert broker.orders == []


def test_an_order_that_fails_gives_none_and_is_listed_as_rejected(
    run: Callable[..., None], broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = broker.gate_class
    monkeypatch.setattr(FakeBroker, "gate_class", gate)

    def fail(self: Any, order: Any) -> None:
        raise TradeGateError("柜台断开")

    monkeypatch.setattr(gate, "order", fail)
    run(
        """
def job(context):
    assert order("000001.XSHE", 100, LimitOrderStyle(10)) is None
    assert batch_submit_orders([{"code": "000001.XSHE", "amount": 100}]) == [None]
    assert [each.status for each in get_orders()] == ["rejected", "rejected"]
    assert "柜台断开" in get_orders()[0].err_msg
"""
    )


def test_the_hook_hears_of_each_change_and_a_held_order_stays_as_it_was(
    run: Callable[..., None], broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = broker.gate_class
    monkeypatch.setattr(FakeBroker, "gate_class", gate)
    send = gate.order

    def fill(self: Any, order: Any) -> None:
        send(self, order)
        broker.report(order.order_id, "filled")

    monkeypatch.setattr(gate, "order", fill)
    run(
        """
held = []

def job(context):
    order("000001.XSHE", 100, LimitOrderStyle(10))
    held.extend(get_orders())

def on_order_update(context, order):
    assert (held[0].status, order.status, order.filled_amount) == ("new", "filled", 100)
    log.info("told of %s", order.order_id)
    held.append(order)
    assert len(held) == 2
"""
    )


def test_each_day_lists_its_own_orders_only(run: Callable[..., None], broker: FakeBroker, caplog: Any) -> None:
    run(
        """
def job(context):
    assert get_orders() == []
    order("000001.XSHE", 100, LimitOrderStyle(10))
    assert len(get_orders()) == 1
    log.info("a day")
""",
        days=3,
    )
    assert [order.create_time for order in broker.orders] == [datetime(2026, 1, day, 10, 0) for day in (5, 6, 7)]
    assert sum(record.getMessage() == "a day" for record in caplog.records) == 3


def test_a_strategy_started_again_goes_on_with_todays_orders(
    run: Callable[..., None], broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = broker.gate_class
    monkeypatch.setattr(gate, "keeps_orders", True)
    monkeypatch.setattr(FakeBroker, "gate_class", gate)
    run("def job(context):\n    order('000001.XSHE', 100, LimitOrderStyle(10))\n")
    broker.report(broker.orders[0].order_id, "filled")
    run("def job(context):\n    assert [each.status for each in get_orders()] == ['filled']\n")
    assert len(broker.orders) == 1
