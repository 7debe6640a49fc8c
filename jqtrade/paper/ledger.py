"""What the paper account owns: cash, frozen cash, shares; exact to the cent.

Money is Decimal. What an order is worth and costs is computed from all its fills together and rounded once, so that
parts of an order cost as much as the whole.
"""

from datetime import date
from decimal import Decimal
from typing import Any, Dict, NamedTuple

from jqtrade.market.boards import Board, board_of
from jqtrade.market.dividends import Action
from jqtrade.market.funds import can_be_sold_same_day
from jqtrade.market.rules import floor_shares, to_cents
from jqtrade.paper.fees import NEWEST_RATES, FeeRates, fees

_ZERO = Decimal(0)


class Holding:
    """Shares of one security."""

    def __init__(self, code: str, price: Decimal) -> None:
        self.code = code
        self.amount = 0
        self.bought_today = 0
        """shares that cannot be sold before the next day (T+1)"""
        self.frozen = 0
        """shares in open sell orders"""
        self.cost = _ZERO
        """yuan paid for the shares held, fees not included"""
        self.last_price = price
        """the newest price that was seen"""

    @property
    def available(self) -> int:
        """Shares that can be sold now."""
        return self.amount - self.bought_today - self.frozen

    @property
    def average_cost(self) -> Decimal:
        """Yuan a share."""
        return self.cost / self.amount if self.amount else _ZERO

    @property
    def market_value(self) -> Decimal:
        """Yuan, to the cent."""
        return to_cents(self.amount * self.last_price)


class Hold:
    """One order's part of the account: what its fills have cost, and what it keeps frozen for the rest."""

    def __init__(self, code: str, board: Board, is_buy: bool, rates: FeeRates = NEWEST_RATES) -> None:
        self.code = code
        self.board = board
        self.is_buy = is_buy
        self.rates = rates
        self.limit = _ZERO
        self.remaining = 0
        """shares frozen, or cash for so many shares"""
        self.filled_value = _ZERO
        """exact, not rounded"""

    @property
    def fees(self) -> Decimal:
        """Yuan that the fills have cost beside their value."""
        return fees(self.board, self.is_buy, self.filled_value, self.rates)

    @property
    def paid(self) -> Decimal:
        """Yuan that the fills have taken from the balance, fees included; negative for a sale."""
        value = to_cents(self.filled_value)
        return (value if self.is_buy else -value) + self.fees

    @property
    def frozen_cash(self) -> Decimal:
        """Yuan that the rest of a buy order can still take at worst."""
        if not self.is_buy or self.remaining == 0:
            return _ZERO
        return worst_cost(self.board, self.limit, self.remaining, self.filled_value, self.rates) - self.paid


def worst_cost(
    board: Board, limit: Decimal, amount: int, filled_value: Decimal = _ZERO, rates: FeeRates = NEWEST_RATES
) -> Decimal:
    """Yuan that a buy order takes in all if `amount` more shares fill at its limit, fees included."""
    value = filled_value + limit * amount
    return to_cents(value) + fees(board, True, value, rates)


class Snapshot(NamedTuple):
    """The account's money at one moment, in yuan: total = cash + frozen + value of the positions."""

    cash: Decimal
    frozen: Decimal
    total: Decimal


class Ledger:
    """Cash and shares of one account. It keeps the books only: whoever freezes has checked that there is enough."""

    def __init__(self, cash: Decimal, rates: FeeRates = NEWEST_RATES) -> None:
        """`rates`: what the broker charges; duty and fees are those of the day that `use_day` names."""
        self.rates = rates
        self.balance = to_cents(cash)
        """all cash, frozen or not"""
        self.frozen = _ZERO
        self.holdings: Dict[str, Holding] = {}
        """by code; a security sold out today is still there, with amount 0"""
        self._holds: Dict[str, Hold] = {}

    @property
    def cash(self) -> Decimal:
        """Yuan that can be used now."""
        return self.balance - self.frozen

    def available(self, code: str) -> int:
        """Shares that can be sold now."""
        holding = self.holdings.get(code)
        return 0 if holding is None else holding.available

    def snapshot(self) -> Snapshot:
        """The account's money, at the prices seen last."""
        value = sum((holding.market_value for holding in self.holdings.values()), _ZERO)
        return Snapshot(to_cents(self.cash), to_cents(self.frozen), to_cents(self.balance + value))

    def is_open(self, order_id: str) -> bool:
        """Whether the order has been opened here and not closed yet."""
        return order_id in self._holds

    def open(self, order_id: str, code: str, board: Board, is_buy: bool) -> None:
        """Begin the books of an order; nothing is frozen yet."""
        self._holds[order_id] = Hold(code, board, is_buy, self.rates)

    def freeze(self, order_id: str, limit: Decimal, amount: int) -> None:
        """Freeze what `amount` shares at `limit` need: cash at its worst cost for a buy, shares for a sale."""
        hold = self._holds[order_id]
        self._thaw(hold)
        hold.limit = limit
        hold.remaining = amount
        self._freeze(hold)

    def fill(self, order_id: str, price: Decimal, amount: int) -> Decimal:
        """Book a part of an order; returns what the order has cost in fees so far, in yuan.

        The shares come out of what is frozen, as far as something is.
        """
        hold = self._holds[order_id]
        self._thaw(hold)
        already_paid = hold.paid
        hold.filled_value += price * amount
        hold.remaining = max(0, hold.remaining - amount)
        self.balance += already_paid - hold.paid
        self._move_shares(hold, price, amount)
        self._freeze(hold)
        return hold.fees

    def close(self, order_id: str) -> None:
        """Release what an order still keeps frozen; it is over."""
        self._thaw(self._holds.pop(order_id))

    def use_day(self, day: date) -> None:
        """Charge what is charged on `day`, of the orders that are opened from now on."""
        self.rates = self.rates.on(day)

    def give(self, action: Action) -> None:
        """Book a dividend or bonus shares; no order of the security is open. Parts of a share are not given."""
        holding = self.holdings.get(action.code)
        if holding is None or not holding.amount:
            return
        cash = to_cents(holding.amount * action.cash)
        self.balance += cash
        holding.cost = max(holding.cost - cash, _ZERO)
        holding.amount += floor_shares(holding.amount * action.bonus)
        holding.last_price = action.price_without(holding.last_price)

    def new_day(self) -> None:
        """What was bought before can be sold now. All orders are closed."""
        for order_id in list(self._holds):
            self.close(order_id)
        self.holdings = {code: holding for code, holding in self.holdings.items() if holding.amount}
        for holding in self.holdings.values():
            holding.bought_today = 0

    def dump(self) -> Dict[str, Any]:
        """All of the books, for JSON."""
        return {
            "balance": str(self.balance),
            "holdings": [
                [one.code, one.amount, one.bought_today, str(one.cost), str(one.last_price)]
                for one in self.holdings.values()
            ],
            "orders": [
                [order_id, hold.code, hold.is_buy, str(hold.limit), hold.remaining, str(hold.filled_value)]
                + [None if rate is None else str(rate) for rate in hold.rates]
                for order_id, hold in self._holds.items()
            ],
        }

    def load(self, state: Dict[str, Any]) -> None:
        """Have the books that `dump` told, in place of what is here."""
        self.balance, self.frozen, self.holdings, self._holds = Decimal(state["balance"]), _ZERO, {}, {}
        for code, amount, bought_today, cost, last_price in state["holdings"]:
            holding = self.holdings[code] = Holding(code, Decimal(last_price))
            holding.amount, holding.bought_today, holding.cost = amount, bought_today, Decimal(cost)
        for order_id, code, is_buy, limit, remaining, filled_value, *rates in state["orders"]:
            board = board_of(code)
            if board is None:
                raise ValueError(code)
            commission, least, duty, transfer = map(Decimal, rates[:4])
            order_rates = FeeRates(commission, least, duty, transfer, None if rates[4] is None else Decimal(rates[4]))
            hold = self._holds[order_id] = Hold(code, board, is_buy, order_rates)
            hold.limit, hold.remaining, hold.filled_value = Decimal(limit), remaining, Decimal(filled_value)
            self._freeze(hold)

    def _move_shares(self, hold: Hold, price: Decimal, amount: int) -> None:
        holding = self.holdings.setdefault(hold.code, Holding(hold.code, price))
        holding.last_price = price
        if hold.is_buy:
            holding.amount += amount
            holding.cost += price * amount
            if not can_be_sold_same_day(hold.board, hold.code):
                holding.bought_today += amount
        else:
            left = holding.amount - amount
            holding.cost = holding.cost * left / holding.amount
            holding.amount = left

    def _freeze(self, hold: Hold) -> None:
        self.frozen += hold.frozen_cash
        if not hold.is_buy and hold.remaining:
            self.holdings[hold.code].frozen += hold.remaining

    def _thaw(self, hold: Hold) -> None:
        self.frozen -= hold.frozen_cash
        if not hold.is_buy and hold.remaining:
            self.holdings[hold.code].frozen -= hold.remaining
