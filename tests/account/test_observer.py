"""Observers hear of everything at once and in order; what one of them raises is nobody else's."""

from datetime import datetime
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from jqtrade.account.observer import Observer, Observers, Plan
from jqtrade.gates.options import strategy_options
from jqtrade.runtime.assemble import assemble
from jqtrade.runtime.ports import Ports, StrategySpec
from jqtrade.runtime.strategy import Strategy
from jqtrade.testing import FakeBroker, VirtualClock

EVENTS = sorted(name for name, value in vars(Observer).items() if callable(value))


class Listener(Observer):
    """Hears everything but plans, which come after every one of the others."""

    def __init__(self) -> None:
        self.heard: List[Tuple[Any, ...]] = []

    def job_started(self, run: Any) -> None:
        self.heard.append(("started", run.name))

    def job_finished(self, run: Any) -> None:
        self.heard.append(("finished", run.name, run.error))

    def job_missed(self, text: str, level: int) -> None:
        self.heard.append(("missed", text.split("，")[0], level))

    def order_changed(self, order: Any) -> None:
        self.heard.append(("order", order.code, str(order.status)))

    def sync_failed(self, what: str, reason: str) -> None:
        self.heard.append(("failed", what, reason))

    def sync_recovered(self, what: str) -> None:
        self.heard.append(("recovered", what))

    def balance_changed(self, portfolio: Any) -> None:
        self.heard.append(("balance", portfolio.available_cash))

    def stopped(self, reason: str) -> None:
        self.heard.append(("stopped", reason))


class Raising(Observer):
    """One that is wrong from top to bottom."""

    def __getattribute__(self, name: str) -> Any:
        if name in EVENTS:
            raise SystemExit(name)
        return super().__getattribute__(name)


SOURCE = """
def process_initialize(context):
    set_options(use_account=True, max_order_value=2000, sync_balance=True)
    run_daily(buy, "10:00")
    run_daily(fail, "10:01")

def buy(context):
    order("000001.XSHE", 100, LimitOrderStyle(10))
    order("000002.XSHE", 1000, LimitOrderStyle(10))

def on_order_update(context, order):
    pass

def fail(context):
    raise ValueError("no")
"""


def strategy_with(tmp_path: Path, broker: FakeBroker, *observers: Observer) -> Strategy:
    path = tmp_path / "observed.py"
    path.write_text(SOURCE, encoding="utf-8")
    spec = StrategySpec("observed", str(path), strategy_options(str(tmp_path)))
    clock = VirtualClock(datetime(2026, 1, 5, 9, 59, 58))
    strategy = assemble(spec, Ports(clock, make_gate=lambda gate_class: broker.gate_class(), observers=observers))
    strategy.start()
    return strategy


def play(strategy: Strategy, broker: FakeBroker) -> None:
    strategy.run(datetime(2026, 1, 5, 10))
    broker.error = OSError("gone")
    strategy.sync()
    broker.error = None
    broker.cash["available_cash"] = 99000.0
    broker.report(broker.orders[0].order_id, "filled")
    strategy.sync()
    strategy.run(datetime(2026, 1, 5, 10, 1))
    strategy.stop("asked to")


def test_everything_is_told_in_the_order_in_which_it_happens(tmp_path: Path) -> None:
    broker, listener = FakeBroker(), Listener()
    play(strategy_with(tmp_path, broker, listener), broker)
    hook = [("started", "on_order_update"), ("finished", "on_order_update", "")]
    assert [event for event in listener.heard if event not in hook] == [
        ("balance", 100000.0),
        ("started", "buy"),
        ("order", "000001.XSHE", "new"),
        ("order", "000002.XSHE", "rejected"),
        ("finished", "buy", ""),
        ("failed", "orders", "OSError: gone"),
        ("order", "000002.XSHE", "rejected"),
        ("failed", "balance", "OSError: gone"),
        ("recovered", "orders"),
        ("order", "000001.XSHE", "filled"),
        ("recovered", "balance"),
        ("balance", 99000.0),
        ("started", "fail"),
        ("finished", "fail", "fail ValueError: no"),
        ("stopped", "asked to"),
    ]
    assert sum(event in hook for event in listener.heard) == 4


def test_an_observer_that_raises_disturbs_neither_orders_nor_the_other_observers_and_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    heard = []
    for observers in ([], [Raising()]):
        broker, listener = FakeBroker(), Listener()
        folder = tmp_path / str(len(observers))
        folder.mkdir()
        strategy = strategy_with(folder, broker, *observers, listener)
        play(strategy, broker)
        assert [order.code for order in broker.orders] == ["000001.XSHE"] and strategy.exit_code == 0
        heard.append(listener.heard)
    assert heard[0] == heard[1]
    said = [record.getMessage() for record in caplog.records if "没有记下" in record.getMessage()]
    assert len(said) == len(set(said)) and "Raising 没有记下 order_changed：SystemExit: order_changed" in "".join(said)


def test_a_second_ctrl_c_gets_through() -> None:
    class Interrupted(Observer):
        def planned(self, plan: Plan) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Observers([Interrupted()]).planned(Plan(None, None))


def test_each_event_of_an_observer_is_handed_on() -> None:
    class Everything(Observer):
        def __getattribute__(self, name: str) -> Any:
            return (lambda *event: heard.append((name, event))) if name in EVENTS else super().__getattribute__(name)

    heard: List[Any] = []
    observers = Observers()
    observers.add(Everything())
    for name in EVENTS:
        getattr(observers, name)(name, 1)
    assert heard == [(name, (name, 1)) for name in EVENTS] and len(EVENTS) == 10
