"""What the author of a strategy or of a trade gate needs for tests; jqtrade's own tests use the same.

clock = VirtualClock(datetime(2026, 1, 5, 9, 0))
broker = FakeBroker()
strategy = start_strategy("my_strategy.py", clock, broker)
strategy.run(until=datetime(2026, 1, 5, 15, 30))     # a day in milliseconds
assert [order.code for order in broker.orders] == ["000001.XSHE"]
"""

import tempfile
from typing import Any, Dict, List, Optional, Sequence, Type

from jqtrade.account.gate import AbsTradeGate
from jqtrade.account.order import Order, OrderAction, OrderStatus
from jqtrade.account.reports import check_balance, check_order
from jqtrade.clock import Clock, VirtualClock
from jqtrade.gates.options import strategy_options
from jqtrade.runtime.strategy import Strategy

__all__ = ["FakeBroker", "VirtualClock", "check_trade_gate", "start_strategy"]


class FakeBroker:
    """A broker that does nothing but what a test tells it. `gate_class` is a trade gate to it."""

    def __init__(
        self, cash: float = 100000.0, positions: Sequence[Dict[str, Any]] = (), keeps_orders: bool = False
    ) -> None:
        """With `keeps_orders`, a strategy that is started again with the same `runtime_dir` knows today's orders."""
        self.keeps_orders = keeps_orders
        self.cash = {"total_assert": cash, "available_cash": cash, "locked_cash": 0.0}
        self.positions = list(positions)
        self.orders: List[Order] = []
        """the orders that were sent, as they were"""
        self.cancels: List[str] = []
        """the ids whose cancel was asked for"""
        self.options: Dict[str, Any] = {}
        """what `setup` was given"""
        self.error: Optional[Exception] = None
        """raised by every call to the broker while it is set"""
        self._reports: List[Dict[str, Any]] = []

    def report(self, order_id: str, status: str, **fields: Any) -> None:
        """Let the next sync bring the news that an order that was sent has this status; `fields` as in sync_orders."""
        order = next(order for order in self.orders if order.order_id == order_id)
        self._reports.append(dict(order_report(order, status), **fields))

    def report_raw(self, report: Any) -> None:
        """Let the next sync bring exactly this, right or wrong."""
        self._reports.append(report)

    def take_reports(self) -> List[Dict[str, Any]]:
        """The news since the last call."""
        reports, self._reports = self._reports, []
        return reports

    @property
    def gate_class(self) -> Type[AbsTradeGate]:
        """A class for the option trade_gate."""
        return type("FakeTradeGate", (_FakeTradeGate,), {"broker": self, "keeps_orders": self.keeps_orders})


class _FakeTradeGate(AbsTradeGate):
    broker = FakeBroker()

    def setup(self, options: Dict[str, Any]) -> None:
        self.broker.options = options

    def order(self, order: Order) -> None:
        self._fail()
        self.broker.orders.append(order)

    def cancel_order(self, order_id: str) -> None:
        self._fail()
        self.broker.cancels.append(order_id)

    def sync_balance(self) -> Dict[str, Any]:
        self._fail()
        return {"cash": dict(self.broker.cash), "positions": list(self.broker.positions)}

    def sync_orders(self) -> List[Dict[str, Any]]:
        self._fail()
        return self.broker.take_reports()

    def _fail(self) -> None:
        if self.broker.error is not None:
            raise self.broker.error


def order_report(order: Order, status: str) -> Dict[str, Any]:
    """What AbsTradeGate.sync_orders returns for `order` in a status, filled whole if that is the status."""
    filled = order.amount if status == OrderStatus.filled else 0
    return {
        "order_id": order.order_id,
        "code": order.code,
        "price": order.price,
        "amount": order.amount,
        "action": order.action,
        "status": status,
        "style": order.style,
        "create_time": order.create_time,
        "filled_amount": filled,
        "avg_cost": order.price if filled else 0.0,
        "deal_balance": order.price * filled,
    }


def start_strategy(path: str, clock: Clock, broker: Optional[FakeBroker] = None, **options: Any) -> Strategy:
    """Load the strategy file at `path` and call its process_initialize; call `run(until)` on what is returned.

    `options` are defaults, as those of a config file; with a `broker` its trade gate is among them.
    Raises whatever the strategy's code raises.
    """
    options.setdefault("runtime_dir", tempfile.mkdtemp(prefix="jqtrade-"))  # not where living tasks keep their orders
    if broker is not None:
        options["trade_gate"] = broker.gate_class
    strategy = Strategy("test", path, clock, strategy_options())
    strategy.configure(options)
    strategy.start()
    return strategy


MOST_PARTS = 10000
"""of what a gate has to tell, for check_trade_gate"""


def check_trade_gate(gate: AbsTradeGate, options: Dict[str, Any], order: Order) -> None:
    """Go once through the five methods of a gate with one order that its broker can carry, as jqtrade does.

    Sends `order` and its cancel: meant for a broker's test account. Every returned value is checked.
    Raises InvalidReport naming a wrong field, AssertionError if the order is unknown to sync_orders afterwards.
    """
    given = strategy_options()
    given.update(given.check(options, gate.OPTIONS, third_party=True), gate.OPTIONS)
    gate.setup(given.as_dict())
    check_balance(gate.sync_balance())
    gate.order(order)
    reports = [check_order(report) for report in _all_reports(gate)]
    mine = [report for report in reports if report.order_id == order.order_id]
    assert mine, f"sync_orders 没有返回刚发出的订单 {order.order_id}"
    assert (mine[0].code, mine[0].amount, OrderAction(mine[0].action)) == (order.code, order.amount, order.action)
    gate.cancel_order(order.order_id)
    for report in _all_reports(gate):
        check_order(report)


def _all_reports(gate: AbsTradeGate) -> List[Any]:
    reports = list(gate.sync_orders())
    for _ in range(MOST_PARTS):
        if not gate.has_more:
            return reports
        reports += gate.sync_orders()
    raise AssertionError(f"sync_orders 说了 {MOST_PARTS} 次还有更多（has_more），没有说完的时候")
