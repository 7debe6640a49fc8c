"""AbsTradeGate: the contract between jqtrade and a way to the broker."""

from abc import ABC, abstractmethod
from typing import Any, Callable, Container, Dict, Iterable, List, Mapping, Optional, Sequence

from jqtrade.account.order import Order
from jqtrade.clock import Clock, SystemClock
from jqtrade.errors import InvalidParam


class AbsTradeGate(ABC):
    """A way to the broker. Subclass it, implement the five methods, and name the class in `set_options(trade_gate=...)`.

    The class is called without arguments; `clock` is set; `setup` is called once, before anything else. All calls come
    from one thread. What is returned is checked, and a wrong field is named in the error.
    """

    OPTIONS: Iterable[str] = frozenset()
    """Names of options of set_options that belong to this gate alone; others draw a warning."""

    keeps_orders = True
    """False for a broker that forgets everything when the strategy's process ends."""

    plays_broker = False
    """True for a gate that is the broker itself (the paper gate) and keeps the account in `account_file`."""

    account_file: Optional[str] = None
    """Set before `setup` where `plays_broker`: the file for the account; None: it is kept nowhere, as in a replay."""

    clock: Clock = SystemClock()
    """What time it is for the strategy; the file dates of a gate come from here, never from datetime.now()."""

    has_more = False
    """Set by sync_orders if what it returned is not yet all that there is to tell now: it is called again at once."""

    account_orders: Optional[Mapping[str, Order]] = None
    """The account's orders of today by id, set by the account and kept up to date, read-only. Of orders that are not
    among them, sync_orders may leave out everything but one report of each, with the field `order_id` alone."""

    account_doubts: Container[str] = frozenset()
    """Set by the account: which of `account_orders` may or may not have been sent. The others were, unless rejected."""

    account_check: Callable[[], None] = staticmethod(lambda: None)
    """Set by the account. It raises OrderNotSent if orders shall not go out any more: a halt, or too long a wait since
    they were asked for. `batch_order` calls it before each order; a gate that waits before it asks the broker calls it
    again after the wait."""

    @abstractmethod
    def setup(self, options: Dict[str, Any]) -> None:
        """Take every option of the strategy, defaults included, by name. Raises InvalidParam for one it cannot use."""

    def begin_anew(self) -> None:
        """Move away what is in `account_file`, so that `setup` opens a new account; called before it for start_task --fresh.

        Raises InvalidParam: a gate that is not the broker itself has no account to begin anew with.
        """
        raise InvalidParam(
            "--fresh 只用于模拟交易（--paper 或 trade_gate='paper'）：真实账户的资金和持仓在券商那里。任务没有启动"
        )

    @abstractmethod
    def order(self, order: Order) -> None:
        """Send one order to the broker.

        Returns when the broker was asked. Raising means that the broker was not asked: the order is then rejected. But
        OrderUncertain, a TimeoutError and a lost connection mean that nobody can tell: the order then stays new until the
        broker speaks. Where a library has errors of its own for these, raise OrderUncertain.
        """

    @abstractmethod
    def cancel_order(self, order_id: str) -> None:
        """Ask the broker to cancel the order with our id `order_id`. Raises if the broker was not asked."""

    @abstractmethod
    def sync_balance(self) -> Dict[str, Any]:
        """Return what the account owns now, in yuan and shares:

            {"cash": {"total_assert": float, "available_cash": float, "locked_cash": float},
             "positions": [{"code": str, "amount": int, "available_amount": int, "avg_cost": float,
                            # optional:
                            "side": "long" | "short", "last_price": float, "position_value": float, "hold_cost": float}]}

        Raises TradeGateError when it is not known now; the last good snapshot then stays.
        """

    @abstractmethod
    def sync_orders(self) -> List[Dict[str, Any]]:
        """Return today's orders as the broker knows them: all of them, or those that changed since the last call.

        Each is the newest state, quantities cumulative:

            {"order_id": str, "code": str, "price": float, "amount": int, "action": "open" | "close",
             "status": str or OrderStatus, "style": "limit" | "market" or an OrderStyle, "create_time": datetime,
             # optional:
             "entrust_time": datetime or None, "confirm_id": str, "filled_amount": int, "canceled_amount": int,
             "deal_balance": float, "avg_cost": float, "commission": float, "err_msg": str}

        Orders that are not ours may stand among them. Raises TradeGateError when it is not known now.
        """

    def check_order(self, order: Order) -> None:
        """Raise InvalidParam for an order that this gate cannot carry; asked before the order is recorded or sent."""

    def batch_order(self, orders: Sequence[Order]) -> List[Optional[Exception]]:
        """Send several orders; for each, None or what `order` would have raised. A gate that can send all at once overrides it.

        A halt that comes in the middle stops the rest.
        """

        def send(order: Order) -> None:
            self.account_check()
            self.order(order)

        return [_outcome(send, order) for order in orders]

    def batch_cancel_order(self, order_ids: Sequence[str]) -> List[Optional[Exception]]:
        """Cancel several orders; for each, None or what `cancel_order` would have raised."""
        return [_outcome(self.cancel_order, order_id) for order_id in order_ids]

    def account_key(self) -> str:
        """Which account at which broker this is, to be recorded with its orders; asked after setup."""
        return f"{type(self).__module__}.{type(self).__qualname__}"

    def is_same_account(self, key: str) -> Optional[bool]:
        """Whether what was recorded under `key` is of the account that `account_key` names; None if nobody can say.

        Orders of which nobody can say it are not this run's, but count for its limits.
        """
        return key == self.account_key()

    def knows_order_id(self, order_id: str) -> bool:
        """Whether an order with this id was already sent today, perhaps by another program; such an id is not used."""
        return False

    def was_sent(self, order: Order) -> Optional[bool]:
        """Whether the broker was asked for this order of today, or None if that cannot be known.

        Asked after a crash and after OrderUncertain, again and again until it is known. `order` is as it was sent.
        """
        return None

    def mend(self) -> None:
        """Put right what an interrupted write left behind. Called before orders are sent while it is unknown whether
        others were; a restart alone writes nothing to the broker. Must not raise."""

    def is_snapshot_due(self) -> bool:
        """Whether sync_balance would look more closely than the last time. Asked before orders are checked against what it
        returned; if so, it is called first."""
        return False

    def start_over(self) -> None:
        """An exception that nobody foresaw cut a call short. Let go of what it left open or locked; sync_orders then tells
        everything of today once more."""

    def close(self) -> None:
        """Let go of what the gate holds; called once, at a graceful stop."""


def _outcome(send: Callable[[Any], None], item: Any) -> Optional[Exception]:
    try:
        send(item)
    except Exception as error:  # the caller decides for each item; nothing is hidden
        return error
    return None
