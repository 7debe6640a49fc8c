"""AbsTradeGate: the contract between jqtrade and a gate, the adapter to a broker."""

import logging
from abc import ABC, abstractmethod
from typing import Any, Callable, Container, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from jqtrade.account.order import Order
from jqtrade.clock import Clock, SystemClock
from jqtrade.errors import InvalidParam
from jqtrade.market.calendar import TradingDays
from jqtrade.options import GateOptions


class GateContext(NamedTuple):
    """What a gate may know of the strategy that it serves. It is there before `setup`; the account's part of it once the
    account is open, and kept up to date. Ask for it when it is needed: `self.gate_context.orders`."""

    clock: Clock = SystemClock()
    """What time it is for the strategy; the file dates of a gate come from here, never from datetime.now()."""

    account_file: Optional[str] = None
    """For a gate that `plays_broker`: the file for the account; None: it is kept nowhere, as in a replay."""

    orders: Optional[Mapping[str, Order]] = None
    """The account's orders of today by id, read-only; None: there is no account. Of orders that are not among them,
    sync_orders may leave out everything but one report of each, with the field `order_id` alone."""

    in_doubt: Container[str] = frozenset()
    """Which of `orders` may or may not have been sent. The others were, unless rejected."""

    may_send: Callable[[], None] = lambda: None
    """Raises OrderNotSent if orders shall not go out any more: a halt, or too long a wait since they were asked for.
    `batch_order` calls it before each order; a gate that waits before it asks the broker calls it again after the wait."""


class Capabilities(NamedTuple):
    """What a gate is and can, as its class declares it: `CAPABILITIES = Capabilities(is_simulated=True)`.

    A subclass declares its own, or has none but what `keeps_orders` and `plays_broker` say: nobody knows what it changed.
    """

    keeps_orders: bool = True
    """False for a broker that forgets everything when the strategy's process ends"""

    plays_broker: bool = False
    """the gate is the broker itself, and keeps the account in `gate_context.account_file`"""

    is_simulated: bool = False
    """no order leaves this machine; run_now may call a job at any time"""

    declares_all_options: bool = False
    """`OPTIONS` has all that are its own: with it an unknown option is an error, with others only a warning"""

    setup_only_checks: bool = False
    """`setup` looks at the options and reaches nobody; `jqtrade check` may call it"""


def _from_context(name: str) -> Any:
    """An attribute that the contract had before `gate_context`; old gates read it, and tests set it on a bare gate."""

    def read(gate: "AbsTradeGate") -> Any:
        return getattr(gate.gate_context, name)

    def replace(gate: "AbsTradeGate", value: Any) -> None:
        gate.gate_context = gate.gate_context._replace(**{name: value})

    return property(read, replace)


class AbsTradeGate(ABC):
    """An adapter to a broker. Subclass it, implement the five methods, and name the class in `set_options(trade_gate=...)`.

    The class is called without arguments; `gate_context` is set; `setup` is called once, before anything else. All calls
    come from one thread. What is returned is checked, and a wrong field is named in the error.
    """

    OPTIONS: GateOptions = frozenset()
    """Options of set_options that belong to this gate alone; others draw a warning."""

    CAPABILITIES = Capabilities()

    keeps_orders = True
    """As in Capabilities; a gate may also set it for itself in `setup`."""

    plays_broker = False
    """As in Capabilities."""

    gate_context = GateContext()

    has_more = False
    """Set by sync_orders if what it returned is not yet all that there is to tell now: it is called again at once."""

    clock: Clock = _from_context("clock")
    account_file: Optional[str] = _from_context("account_file")
    account_orders: Optional[Mapping[str, Order]] = _from_context("orders")
    account_doubts: Container[str] = _from_context("in_doubt")
    account_check: Callable[[], None] = _from_context("may_send")

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        own = vars(cls)
        if "CAPABILITIES" in own:
            cls.keeps_orders, cls.plays_broker = cls.CAPABILITIES[:2]
        else:
            cls.CAPABILITIES = Capabilities(cls.keeps_orders, cls.plays_broker)
        for name in ("clock", "account_orders", "account_doubts", "account_check"):
            if name in own:  # a placeholder for what was set on each gate; it would hide the context
                delattr(cls, name)
        if "repair_partial_write" in own:
            cls.mend = cls.repair_partial_write
        elif "mend" in own:
            cls.repair_partial_write = cls.mend  # type: ignore[method-assign]

    @classmethod
    def preflight(cls, options: Dict[str, Any], clock: Clock, days: TradingDays) -> List[Tuple[int, str]]:
        """What `jqtrade check` shall tell before money is at stake: rows of a level of logging (ERROR: nothing will work;
        WARNING; INFO) and a text. `options` are as for `setup`. Raises InvalidParam for an option that cannot be used."""
        if not cls.CAPABILITIES.setup_only_checks:
            return [(logging.INFO, f"交易接口 {cls.__name__} 没有启动，它自己的选项没有检查")]
        gate = cls()
        gate.gate_context = GateContext(clock)
        gate.setup(options)
        return []

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
            self.gate_context.may_send()
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

    def repair_partial_write(self) -> None:
        """Put right what an interrupted write left behind. Called before orders are sent while it is unknown whether
        others were; a restart alone writes nothing to the broker. Must not raise."""

    mend = repair_partial_write
    """Its name before; gates that have it keep it."""

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
