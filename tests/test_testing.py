"""jqtrade.testing: the fakes that we ship."""

import inspect
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, List

import pytest

import jqtrade.testing
from jqtrade.account import LimitOrderStyle, Order
from jqtrade.account.order import OrderAction, OrderStatus
from jqtrade.errors import InvalidParam, InvalidReport, TradeGateError
from jqtrade.testing import FakeBroker, VirtualClock, check_trade_gate, start_strategy

START = datetime(2026, 1, 5, 9, 0)
CLOSE = datetime(2026, 1, 5, 15, 30)

STRATEGY = """
def process_initialize(context):
    run_daily(buy, "10:00")
    run_daily(look, "11:00")

def buy(context):
    context.id = order("000001.XSHE", 100, LimitOrderStyle(10.5))
    context.refused = [(o.status, o.err_msg) for o in get_orders(status="rejected")]

def look(context):
    cancel_order(context.id)
    context.found = [(o.order_id, o.status, o.filled_amount, o.avg_cost, o.err_msg) for o in get_orders()]
    held = context.portfolio.long_positions["000001.XSHE"]
    context.numbers = (context.portfolio.total_assert, context.portfolio.available_cash, held.amount)
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "path", list(sys.path))
    file = tmp_path / "demo.py"
    file.write_text(STRATEGY, encoding="utf-8")
    return str(file)


def an_order(order_id: str = "4711") -> Order:
    return Order(order_id, "000001.XSHE", 100, OrderAction.open, LimitOrderStyle(10.5), START)


def test_all_names_exist() -> None:
    assert all(hasattr(jqtrade.testing, name) for name in jqtrade.testing.__all__)


def test_a_strategy_runs_a_day_in_virtual_time_against_the_fake_broker(path: str) -> None:
    clock, broker = VirtualClock(START), FakeBroker()
    strategy = start_strategy(path, clock, broker)
    strategy.run(until=CLOSE)
    assert [(order.code, order.amount, order.action, order.price) for order in broker.orders] == [
        ("000001.XSHE", 100, "open", 10.5)
    ]
    assert broker.cancels == [broker.orders[0].order_id]


def test_what_the_broker_reports_reaches_the_strategy_with_the_next_sync(path: str) -> None:
    broker = FakeBroker(cash=500.0, positions=[position(300)])
    strategy = start_strategy(path, VirtualClock(START), broker)
    strategy.run(until=datetime(2026, 1, 5, 10, 0))
    broker.report(broker.orders[0].order_id, "filled", err_msg="全部成交")
    strategy.run(until=CLOSE)
    context: Any = strategy._context
    assert context.found == [(broker.orders[0].order_id, "filled", 100, 10.5, "全部成交")]
    assert context.numbers == (500.0, 500.0, 300)
    assert broker.cancels == []


def position(amount: int) -> Dict[str, Any]:
    return {"code": "000001.XSHE", "amount": amount, "available_amount": amount, "avg_cost": 9.0}


def test_cash_and_positions_may_change_while_the_strategy_runs(path: str) -> None:
    broker = FakeBroker()
    strategy = start_strategy(path, VirtualClock(START), broker)
    broker.cash = {"total_assert": 9.0, "available_cash": 8.0, "locked_cash": 1.0}
    broker.positions = [position(5)]
    strategy.run(until=CLOSE)
    assert strategy._context.numbers == (9.0, 8.0, 5)  # type: ignore[attr-defined]


def test_the_brokers_error_is_raised_by_every_call_while_it_is_set(path: str) -> None:
    broker = FakeBroker()
    strategy = start_strategy(path, VirtualClock(START), broker, max_snapshot_age=None)
    broker.error = TradeGateError("断线")
    strategy.run(until=datetime(2026, 1, 5, 10, 0))
    context: Any = strategy._context
    assert context.id is None
    assert context.refused == [("rejected", "没有发出：断线")]
    assert broker.orders == []
    gate = broker.gate_class()
    for call in (gate.sync_balance, gate.sync_orders, lambda: gate.order(an_order()), lambda: gate.cancel_order("1")):
        with pytest.raises(TradeGateError):
            call()


def test_a_raw_report_goes_through_the_checks_of_a_real_one(path: str, caplog: pytest.LogCaptureFixture) -> None:
    broker = FakeBroker()
    strategy = start_strategy(path, VirtualClock(START), broker)
    strategy.run(until=datetime(2026, 1, 5, 10, 0))
    broker.report_raw("garbage")
    broker.report(broker.orders[0].order_id, "open", amount="many")
    strategy.run(until=CLOSE)
    assert strategy._context.found[0][1] == "new"  # type: ignore[attr-defined]
    assert "garbage" in caplog.text
    assert "amount='many'" in caplog.text


def test_options_are_defaults_that_the_strategy_may_override(path: str) -> None:
    broker = FakeBroker()
    start_strategy(path, VirtualClock(START), broker, account_no="1234567", my_token=3).close()
    assert (broker.options["account_no"], broker.options["my_token"]) == ("1234567", 3)
    with pytest.raises(InvalidParam, match="account_no"):
        start_strategy(path, VirtualClock(START), acount_no="1234567")


def test_a_second_run_on_the_same_virtual_day_knows_nothing_of_the_first(path: str, jqtrade_home: Path) -> None:
    for _ in range(2):
        broker = FakeBroker()
        strategy = start_strategy(path, VirtualClock(START), broker)
        strategy.run(until=CLOSE)
        strategy.close()
        assert len(strategy._context.found) == 1  # type: ignore[attr-defined]
    assert not jqtrade_home.exists()


def test_two_brokers_are_two_classes_of_gate() -> None:
    brokers = [FakeBroker(), FakeBroker()]
    brokers[0].gate_class().order(an_order())
    assert [len(broker.orders) for broker in brokers] == [1, 0]


def test_the_example_in_the_modules_docstring_runs(path: str) -> None:
    example = inspect.cleandoc(jqtrade.testing.__doc__ or "").partition("\n\n")[2]
    namespace: Dict[str, Any] = {"datetime": datetime, **vars(jqtrade.testing), "path": path}
    exec(example.replace('"my_strategy.py"', "path"), namespace)
    assert "assert" in example and len(namespace["broker"].orders) == 1


# ---------------------------------------------------------------- check_trade_gate


class EchoGate(FakeBroker().gate_class):  # type: ignore[misc]
    """Reports each order as open at once, with what `changes` says."""

    def __init__(self, **changes: Any) -> None:
        self.broker = FakeBroker()
        self.changes = changes

    def sync_orders(self) -> List[Dict[str, Any]]:
        return [
            dict(jqtrade.testing.order_report(order, OrderStatus.open), **self.changes) for order in self.broker.orders
        ]


def test_a_right_gate_passes_with_one_order_and_one_cancel() -> None:
    gate = EchoGate()
    check_trade_gate(gate, {"account_no": "1234567", "my_token": 1}, an_order())
    assert [order.order_id for order in gate.broker.orders] == gate.broker.cancels == ["4711"]
    assert (gate.broker.options["account_no"], gate.broker.options["my_token"]) == ("1234567", 1)
    assert gate.broker.options["sync_order"] is True


@pytest.mark.parametrize(
    "changes, field",
    [({"status": "half"}, "status"), ({"amount": -1}, "amount"), ({"price": "1"}, "price"), ({"code": "1"}, "code")],
)
def test_a_wrong_field_of_an_order_is_named(changes: Dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidReport, match=field):
        check_trade_gate(EchoGate(**changes), {}, an_order())


@pytest.mark.parametrize(
    "changes, field",
    [({"available_cash": "1"}, "available_cash"), ({"total_assert": None}, "total_assert")],
)
def test_a_wrong_field_of_the_balance_is_named_and_nothing_is_sent(changes: Dict[str, Any], field: str) -> None:
    gate = EchoGate()
    gate.broker.cash.update(changes)
    with pytest.raises(InvalidReport, match=field):
        check_trade_gate(gate, {}, an_order())
    assert gate.broker.orders == []


@pytest.mark.parametrize("changes", [{"order_id": "1"}, {"amount": 200}, {"action": "close"}, {"code": "000002.XSHE"}])
def test_a_gate_that_does_not_know_the_order_or_knows_another_fails(changes: Dict[str, Any]) -> None:
    with pytest.raises(AssertionError):
        check_trade_gate(EchoGate(**changes), {}, an_order())


class GateInParts(EchoGate):
    """Tells of the order only with the third call."""

    def sync_orders(self) -> List[Dict[str, Any]]:
        self.calls = getattr(self, "calls", 0) + 1
        self.has_more = self.changes.get("for_ever", self.calls % 3 != 0)
        return [] if self.calls % 3 else [jqtrade.testing.order_report(self.broker.orders[0], OrderStatus.open)]


def test_a_gate_may_tell_in_parts_but_not_without_end() -> None:
    gate = GateInParts()
    check_trade_gate(gate, {}, an_order())
    assert gate.calls == 6
    with pytest.raises(AssertionError, match="has_more"):
        check_trade_gate(GateInParts(for_ever=True), {}, an_order())
