"""Trade gates as users write them, in a package that tests put on sys.path."""

from datetime import datetime
from typing import Any, Dict, List, Tuple

from jqtrade.account import AbsTradeGate, Order

MOMENT = datetime(2026, 1, 5, 9, 0)


class RecordingGate(AbsTradeGate):
    """Accepts everything and notes each call, with its argument."""

    calls: List[Tuple[str, Any]] = []
    """of every instance; a test clears it"""

    def __init__(self) -> None:
        self.calls.append(("__init__", None))

    def setup(self, options: Dict[str, Any]) -> None:
        self.calls.append(("setup", options))

    def order(self, order: Order) -> None:
        self.calls.append(("order", order))

    def cancel_order(self, order_id: str) -> None:
        self.calls.append(("cancel_order", order_id))

    def sync_balance(self) -> Dict[str, Any]:
        self.calls.append(("sync_balance", None))
        return {"cash": {"total_assert": 1000.0, "available_cash": 900.0, "locked_cash": 100.0}, "positions": []}

    def sync_orders(self) -> List[Dict[str, Any]]:
        self.calls.append(("sync_orders", None))
        return []

    def close(self) -> None:
        self.calls.append(("close", None))


class GateWithOptions(RecordingGate):
    """Says which options are its own."""

    OPTIONS = ("my_token", "my_server")


class UnfinishedGate(AbsTradeGate):
    """Lacks two of the five methods."""

    def setup(self, options: Dict[str, Any]) -> None:
        pass

    def order(self, order: Order) -> None:
        pass

    def sync_balance(self) -> Dict[str, Any]:
        return {}


class NoGate:
    """Has the five methods but not the base class."""

    setup = order = cancel_order = sync_balance = sync_orders = RecordingGate.order


def make_gate() -> RecordingGate:
    """Not a class."""
    return RecordingGate()
