"""Orders: what was asked of the broker, and how the broker's reports change it.

An `Order` never changes; a report makes a new one. So an order that a strategy holds is a snapshot.
"""

import functools
import math
import numbers
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Dict, FrozenSet, NamedTuple, Optional, TypeVar

from jqtrade.errors import InvalidParam
from jqtrade.market.boards import CODE_PATTERN

T = TypeVar("T")

PRICE_DECIMALS = 6
HIGHEST_PRICE = 10**9
LARGEST_AMOUNT = 2**63 - 1  # what the journal can hold
LONGEST_CONFIRM_ID = 64
"""characters that are kept of the broker's number of an order"""
LONGEST_ERR_MSG = 1000
"""characters that are kept of the broker's reason"""
NOT_SENT = "没有发出："
"""how the reason of our own refusal begins"""


class _Word(str, Enum):
    """A string with a fixed set of values; equal to, hashed and printed as the plain string."""

    __hash__ = str.__hash__

    def __str__(self) -> str:
        return str(self.value)

    def __format__(self, format_spec: str) -> str:
        return format(str(self.value), format_spec)

    def __repr__(self) -> str:
        return repr(str(self.value))


class OrderStatus(_Word):
    """Where an order stands. Compares equal to the plain string."""

    new = "new"
    """created, not yet confirmed by the broker"""
    open = "open"
    """confirmed by the broker"""
    filling = "filling"
    """partly filled, the rest is being matched"""
    filled = "filled"
    """filled whole"""
    canceling = "canceling"
    """the broker is working on a cancel"""
    partly_canceled = "partly_canceled"
    """partly filled, the rest cancelled"""
    canceled = "canceled"
    """cancelled, nothing filled"""
    rejected = "rejected"
    """refused by the broker, or never sent"""

    @property
    def is_final(self) -> bool:
        """Whether nothing of such an order is at work any more. What was filled before may still be reported."""
        return self in _FINAL


_FINAL = frozenset([OrderStatus.filled, OrderStatus.partly_canceled, OrderStatus.canceled, OrderStatus.rejected])
_ENDED_EARLY = frozenset([OrderStatus.partly_canceled, OrderStatus.canceled, OrderStatus.rejected])
"""ended without being filled whole, as far as is known"""

# Reports arrive doubled, late and with states left out. Each state leads only forward, so that any order of the same
# reports ends in the same state. There is no way back from canceling: a refused cancel is refused before the broker
# reports canceling (docs/onequant.md). The last rows are for fills that are reported after the end, because a fill and a
# cancel crossed: what was filled counts, so the order was cancelled in part only, or not at all.
TRANSITIONS: Dict[OrderStatus, FrozenSet[OrderStatus]] = {
    OrderStatus.new: _FINAL | {OrderStatus.open, OrderStatus.filling, OrderStatus.canceling},
    OrderStatus.open: _FINAL | {OrderStatus.filling, OrderStatus.canceling},
    OrderStatus.filling: _FINAL | {OrderStatus.canceling},
    OrderStatus.canceling: _FINAL,
    OrderStatus.rejected: frozenset([OrderStatus.partly_canceled, OrderStatus.filled]),
    OrderStatus.canceled: frozenset([OrderStatus.partly_canceled, OrderStatus.filled]),
    OrderStatus.partly_canceled: frozenset([OrderStatus.filled]),
    OrderStatus.filled: frozenset(),
}


class OrderSide(_Word):
    """Direction of the position that an order works on."""

    long = "long"
    short = "short"


class OrderAction(_Word):
    """Whether an order opens a position or closes one. For a long position: buy or sell."""

    open = "open"
    close = "close"


class Frozen:
    """What the frozen dataclasses here have in common."""

    def with_changes(self: T, **changes: Any) -> T:
        """A copy with some fields changed; all at once, since the constructor of a frozen dataclass is slow."""
        copy: T = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        copy.__dict__.update(changes)
        return copy


def alias(name: str) -> Any:
    """A read-only second name for the attribute `name`."""
    return property(lambda self: getattr(self, name), doc=f"The same as `{name}`.")


class OrderStyle:
    """How an order is priced: LimitOrderStyle or MarketOrderStyle."""

    name = ""

    @property
    def price(self) -> float:
        """The limit price in yuan; 0 for a market order."""
        return 0.0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OrderStyle):
            return NotImplemented
        return (self.name, self.price) == (other.name, other.price)

    def __hash__(self) -> int:
        return hash((self.name, self.price))


class LimitOrderStyle(OrderStyle):
    """A limit order at `limit_price` yuan a share, finite and not negative.

    Price 0 has a meaning of its own at One Quant: the terminal takes the opposite side's best quote.

    Raises InvalidParam for any other price.
    """

    name = "limit"

    def __init__(self, limit_price: Any) -> None:
        self._price = check_price(limit_price)

    @property
    def price(self) -> float:
        return self._price

    limit_price = alias("price")

    def __repr__(self) -> str:
        return f"LimitOrderStyle({format_price(self.price)})"


class MarketOrderStyle(OrderStyle):
    """A market order. One Quant passes it on, and the broker refuses it at present."""

    name = "market"

    def __repr__(self) -> str:
        return "MarketOrderStyle()"


def check_code(code: Any) -> str:
    """Return `code` if it names a security as "000001.XSHE" or "600000.XSHG"; raises InvalidParam otherwise."""
    if not isinstance(code, str) or not CODE_PATTERN.fullmatch(code):
        raise InvalidParam(
            f"股票代码 {code!r} 不正确，应为 6 位数字加 .XSHE（深交所）或 .XSHG（上交所），例如 '000001.XSHE'。没有发出"
        )
    return code


def is_number(value: Any) -> bool:
    """Whether `value` is of a type of numbers: text and truth values are not, numpy's neither."""
    if isinstance(value, (str, bytes)) or type(value).__name__ in ("bool", "bool_"):  # the latter is numpy 1's
        return False
    return hasattr(value, "__float__")


def check_amount(amount: Any) -> int:
    """Return `amount`, a whole number of shares other than 0 in any numeric type, as int; raises InvalidParam otherwise."""
    if not is_number(amount):
        raise InvalidParam(f"委托数量 {amount!r} 不是数字，应为不等于 0 的整数（正数买入，负数卖出）。这一笔没有发出")
    if type(amount) is int or isinstance(amount, numbers.Integral):  # the first nearly always, and much quicker to tell
        whole = int(amount)
    else:
        try:
            as_float = float(amount)
        except (TypeError, ValueError, OverflowError):
            as_float = math.nan
        if not math.isfinite(as_float) or amount != int(amount):
            raise InvalidParam(
                f"委托数量 {amount!r} 不是整数，应为不等于 0 的整数（正数买入，负数卖出）。这一笔没有发出"
            )
        whole = int(amount)
    if whole == 0:
        raise InvalidParam("委托数量不能为 0，正数买入，负数卖出。这一笔没有发出")
    if abs(whole) > LARGEST_AMOUNT:
        raise InvalidParam(f"委托数量 {amount!r} 过大，最多 {LARGEST_AMOUNT} 股。这一笔没有发出")
    return whole


def check_price(price: Any) -> float:
    """Return `price` in yuan as float, rounded to 6 decimals; raises InvalidParam unless finite and not negative."""
    if not is_number(price):
        raise InvalidParam(f"委托价格 {price!r} 不是数字。这一笔没有发出")
    try:
        value = float(price)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    rounded = round(value, PRICE_DECIMALS) if math.isfinite(value) else value
    if not 0 <= rounded <= HIGHEST_PRICE or (value != 0 and rounded == 0):
        raise InvalidParam(
            f"委托价格 {price!r} 不正确，应为 0 到 {HIGHEST_PRICE} 的数字，最小单位 0.000001 元。这一笔没有发出"
        )
    return rounded + 0.0  # -0.0 becomes 0.0


@functools.lru_cache(maxsize=16384)  # an order's is written three times
def format_price(price: float) -> str:
    """Write a price without binary noise and without an exponent: 0.1 + 0.2 is "0.3"."""
    text = "{:.{}f}".format(price, PRICE_DECIMALS)
    return text.rstrip("0").rstrip(".")


class OrderReport(NamedTuple):
    """What the broker says about one order now: cumulative, not a difference."""

    order_id: str
    code: str
    price: float
    amount: int
    action: OrderAction
    status: OrderStatus
    style: str
    create_time: datetime
    entrust_time: Optional[datetime] = None
    confirm_id: str = ""
    filled_amount: int = 0
    canceled_amount: int = 0
    deal_balance: Optional[float] = None
    avg_cost: Optional[float] = None
    commission: float = 0.0
    err_msg: str = ""
    confirmed: bool = True
    """False for a refusal that a later report of the order would overrule"""


def _status_of(reported: OrderStatus, has_ended: bool, filled: int, amount: int) -> OrderStatus:
    """What a reported status comes to with `filled` of `amount` shares; what was filled weighs more than words.

    `has_ended`: without being filled whole, as reported before.
    """
    if filled == amount:
        return OrderStatus.filled
    if reported is OrderStatus.filled:  # not whole: the rest may still come
        reported = OrderStatus.filling if filled else OrderStatus.open
    if filled and (has_ended or reported in _ENDED_EARLY):
        return OrderStatus.partly_canceled  # of a rejected order too: it must never look as if nothing was filled
    return OrderStatus.canceled if reported is OrderStatus.partly_canceled else reported


@dataclass(frozen=True)
class Order(Frozen):
    """One order of this task, as it stood when it was asked for; it does not change later."""

    order_id: str
    """our id: a decimal string of at most 10 digits"""
    code: str
    amount: int
    """shares, always positive; `action` tells buying from selling"""
    action: OrderAction
    style: OrderStyle
    create_time: datetime
    side: OrderSide = OrderSide.long
    status: OrderStatus = OrderStatus.new
    filled_amount: int = 0
    canceled_amount: int = 0
    avg_cost: float = 0.0
    """average price of the fills, yuan a share"""
    deal_balance: float = 0.0
    """value of the fills, yuan"""
    commission: float = 0.0
    err_msg: str = ""
    entrust_time: Optional[datetime] = None
    confirm_id: str = ""
    """the broker's number of the order"""
    confirmed: bool = False
    """whether the broker has ever spoken of the order"""

    @property
    def price(self) -> float:
        """The limit price in yuan; 0 for a market order."""
        return self.style.price

    @property
    def is_buy(self) -> bool:
        """Whether shares are bought: opening a long position or closing a short one."""
        return (self.action is OrderAction.open) == (self.side is OrderSide.long)

    @property
    def is_unsent(self) -> bool:
        """Whether it was refused before the broker was asked, or is proven not to have been sent; `err_msg` says why."""
        return self.status is OrderStatus.rejected and not self.confirmed and self.err_msg.startswith(NOT_SENT)

    order_price = alias("price")
    avg_price = alias("avg_cost")
    security = alias("code")
    filled = alias("filled_amount")
    add_time = alias("create_time")

    def after(self, report: OrderReport) -> "Order":
        """The order after the broker's `report`; itself if that says nothing new.

        Quantities only grow and never pass `amount`; the status follows them and TRANSITIONS. The one exception: an order
        that we called rejected without the broker's word (`confirmed` is False) takes whatever the broker says of it.
        Money that cannot be (negative, or beyond all prices) is left out, as if the broker did not know it.
        """
        if self.confirmed and not report.confirmed:
            return self  # a refusal that the broker's own word overrules, whichever of them comes first
        status, filled, amount, err_msg = self.status, self.filled_amount, self.amount, self.err_msg
        deal_balance, avg_cost, entrust_time = self.deal_balance, self.avg_cost, self.entrust_time
        if report.filled_amount >= filled:
            filled = report.filled_amount if report.filled_amount < amount else amount
            if report.deal_balance is not None and deal_balance < report.deal_balance <= HIGHEST_PRICE * amount:
                deal_balance = report.deal_balance
            if filled and report.avg_cost is not None and 0 < report.avg_cost <= HIGHEST_PRICE:
                avg_cost = report.avg_cost
        is_overruled = status is OrderStatus.rejected and not self.confirmed
        has_ended = status in _ENDED_EARLY and not is_overruled
        step = _status_of(report.status, has_ended, filled, amount)
        if is_overruled or step in TRANSITIONS[status]:
            status = step
            if (
                report.err_msg or step is OrderStatus.filled or not has_ended
            ):  # a late fill knows no reason for the rest
                err_msg = report.err_msg[:LONGEST_ERR_MSG]
        if entrust_time is None or (report.entrust_time is not None and report.entrust_time < entrust_time):
            entrust_time = report.entrust_time
        is_canceled = status is OrderStatus.canceled or status is OrderStatus.partly_canceled
        is_charged = self.commission < report.commission <= HIGHEST_PRICE * amount
        fields = dict(  # for each report, most often at a restart: nothing is made if it says nothing new
            self.__dict__,
            status=status,
            filled_amount=filled,
            canceled_amount=amount - filled if is_canceled else 0,
            avg_cost=avg_cost,
            deal_balance=deal_balance,
            commission=report.commission if is_charged else self.commission,
            err_msg=err_msg,
            entrust_time=entrust_time,
            confirm_id=self.confirm_id or report.confirm_id[:LONGEST_CONFIRM_ID],
            confirmed=self.confirmed or report.confirmed,
        )
        if fields == self.__dict__:
            return self
        after: Order = object.__new__(Order)
        after.__dict__.update(fields)
        return after

    def rejected(self, reason: str) -> "Order":
        """The order as refused by ourselves: the broker was not asked. Then `is_unsent`."""
        return self.with_changes(status=OrderStatus.rejected, err_msg=NOT_SENT + reason)
