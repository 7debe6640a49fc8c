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


class Reservation:
    """One order's part of the account: what its fills have cost, and what it keeps frozen for the rest."""

    def __init__(
        self,
        code: str,
        board: Board,
        is_buy: bool,
        rates: FeeRates = NEWEST_RATES,
        limit: Decimal = _ZERO,
        remaining: int = 0,
        filled_value: Decimal = _ZERO,
    ) -> None:
        """`remaining`: shares frozen, or cash for so many shares; `filled_value`: yuan, exact, not rounded."""
        self.code = code
        self.board = board
        self.is_buy = is_buy
        self.rates = rates
        self.limit = limit
        self.remaining = remaining
        self.filled_value = filled_value

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
        self._reservations: Dict[str, Reservation] = {}

    @property
    def cash(self) -> Decimal:
        """Yuan that can be used now."""
        return self.balance - self.frozen

    def snapshot(self) -> Snapshot:
        """The account's money, at the prices seen last."""
        value = sum((holding.market_value for holding in self.holdings.values()), _ZERO)
        return Snapshot(to_cents(self.cash), to_cents(self.frozen), to_cents(self.balance + value))

    def reserve(self, order_id: str, code: str, board: Board, is_buy: bool, limit: Decimal, amount: int) -> None:
        """Freeze what an order of `amount` shares at `limit` needs: cash at its worst cost for a buy, shares for a sale."""
        self._add(order_id, Reservation(code, board, is_buy, self.rates, limit, amount))

    def fill(self, order_id: str, price: Decimal, amount: int) -> Decimal:
        """Book a part of an order, out of what is frozen for it; returns what it has cost in fees so far, in yuan."""
        reservation = self._pop(order_id)
        already_paid = reservation.paid
        reservation.filled_value += price * amount
        reservation.remaining -= amount
        self.balance += already_paid - reservation.paid
        self._move_shares(reservation, price, amount)
        self._add(order_id, reservation)
        return reservation.fees

    def release(self, order_id: str) -> None:
        """Free what is still frozen for an order; it is over."""
        self._pop(order_id)

    def use_day(self, day: date) -> None:
        """Charge what is charged on `day`, of the orders that are opened from now on."""
        self.rates = self.rates.on(day)

    def apply_corporate_action(self, action: Action) -> None:
        """Book a dividend or bonus shares; no order of the security is open. Parts of a share are not given."""
        holding = self.holdings.get(action.code)
        if holding is None or not holding.amount:
            return
        cash = to_cents(holding.amount * action.cash)
        self.balance += cash
        holding.cost = max(holding.cost - cash, _ZERO)
        holding.amount += floor_shares(holding.amount * action.bonus)
        holding.last_price = action.price_without(holding.last_price)

    def new_day(self, day: date) -> None:
        """What was bought before can be sold now. All orders are closed."""
        self.use_day(day)
        for order_id in list(self._reservations):
            self.release(order_id)
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
                [
                    order_id,
                    reservation.code,
                    reservation.is_buy,
                    str(reservation.limit),
                    reservation.remaining,
                    str(reservation.filled_value),
                ]
                + [None if rate is None else str(rate) for rate in reservation.rates]
                for order_id, reservation in self._reservations.items()
            ],
        }

    def load(self, state: Dict[str, Any]) -> None:
        """Have the books that `dump` told, in place of what is here."""
        self.balance, self.frozen, self.holdings, self._reservations = Decimal(state["balance"]), _ZERO, {}, {}
        for code, amount, bought_today, cost, last_price in state["holdings"]:
            holding = self.holdings[code] = Holding(code, Decimal(last_price))
            holding.amount, holding.bought_today, holding.cost = amount, bought_today, Decimal(cost)
        for order_id, code, is_buy, limit, remaining, filled_value, *rates in state["orders"]:
            board = board_of(code)
            if board is None:
                raise ValueError(code)
            commission, least, duty, transfer = map(Decimal, rates[:4])
            order_rates = FeeRates(commission, least, duty, transfer, None if rates[4] is None else Decimal(rates[4]))
            done = Decimal(filled_value)
            self._add(order_id, Reservation(code, board, is_buy, order_rates, Decimal(limit), remaining, done))

    def _move_shares(self, reservation: Reservation, price: Decimal, amount: int) -> None:
        holding = self.holdings.setdefault(reservation.code, Holding(reservation.code, price))
        holding.last_price = price
        if reservation.is_buy:
            holding.amount += amount
            holding.cost += price * amount
            if not can_be_sold_same_day(reservation.board, reservation.code):
                holding.bought_today += amount
        else:
            left = holding.amount - amount
            holding.cost = holding.cost * left / holding.amount
            holding.amount = left

    def _add(self, order_id: str, reservation: Reservation) -> None:
        self._reservations[order_id] = reservation
        self._freeze(reservation, 1)

    def _pop(self, order_id: str) -> Reservation:
        reservation = self._reservations.pop(order_id)
        self._freeze(reservation, -1)
        return reservation

    def _freeze(self, reservation: Reservation, sign: int) -> None:
        self.frozen += sign * reservation.frozen_cash
        if not reservation.is_buy and reservation.remaining:
            self.holdings[reservation.code].frozen += sign * reservation.remaining
