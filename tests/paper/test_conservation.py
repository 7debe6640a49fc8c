"""Cash and shares over random histories on an exchange that keeps hours, with bars, dividends, auctions and all rules.

JQTRADE_HISTORIES=10000 python -m pytest tests/paper/test_conservation.py
"""

import os
import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Dict, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jqtrade.market.dividends import Action, Actions
from jqtrade.market.rules import to_cents
from jqtrade.market.sources.bars import Bars, open_bars
from jqtrade.paper.exchange import PaperExchange
from jqtrade.paper.ledger import Ledger
from jqtrade.paper.terms import make_terms
from tests.paper.paper_helpers import write_bars

HISTORIES = int(os.environ.get("JQTRADE_HISTORIES", "100"))
CODES = ["000001.XSHE", "688001.XSHG", "510300.XSHG", "113001.XSHG"]
DAYS = [date(2026, 7, 3), date(2026, 7, 6), date(2026, 7, 7)]
CLOCKS = ["09:16", "09:22", "09:25", "09:29", "09:30", "10:07", "11:31", "13:00", "14:55", "14:58", "15:03", "15:10"]
ACTIONS = [
    Action(DAYS[1], CODES[0], Decimal("0.333"), Decimal("0.1")),
    Action(DAYS[2], CODES[1], Decimal("1.5"), Decimal(0)),
    Action(DAYS[2], CODES[2], Decimal(0), Decimal("1")),
]


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Bars:
    chance = random.Random(7)
    rows: List[str] = []
    for code in CODES:
        price = 1000
        for day in DAYS:
            for minute in [0] if code[0] == "5" else list(range(571, 691)) + list(range(781, 901)):
                last = price + chance.choice([-3, -1, 0, 1, 3])
                high, low = max(price, last) + chance.choice([0, 2]), min(price, last) - chance.choice([0, 2])
                stamp = f"{day}" if minute == 0 else f"{day} {minute // 60:02d}:{minute % 60:02d}:00"
                prices = ",".join(f"{cents / 100:.2f}" for cents in (price, high, low, last))
                rows.append(f"{stamp},{code},{prices},{chance.choice([0, 777, 4000, 90000])}")
                price = last
    path: Path = tmp_path_factory.mktemp("bars")
    return open_bars(write_bars(path / "bars.csv", *rows))


Step = Tuple[str, int, int, int, int]

steps = st.lists(
    st.tuples(
        st.sampled_from(["buy", "buy", "sell", "cancel", "look", "day"]),
        st.integers(0, 3),
        st.sampled_from([1, 99, 100, 200, 200, 250, 300, 600, 1000, 5000, 33300]),
        st.sampled_from([0, 0, 0, 0, 890, 980, 990, 995, 999, 1000, 1001, 1005, 1010, 1020, 1100]),
        st.integers(0, 3),
    ),
    min_size=15,
    max_size=30,
)


class Books:
    """Books of the account, kept from the fills and the dividends alone."""

    def __init__(self, exchange: PaperExchange, cash: Decimal) -> None:
        self.exchange = exchange
        self.given = Decimal(0)
        self.start = cash
        self.paid: Dict[Tuple[date, str], Decimal] = {}
        self.shares = dict.fromkeys(CODES, 0)

    def follow(self) -> None:
        for order in self.exchange.take_states():
            if order.fill is not None:
                sign = 1 if order.is_buy else -1
                self.shares[order.code] += sign * order.fill.amount
                self.paid[order.created.date(), order.order_id] = sign * to_cents(order.value) + order.fees

    def give(self, day: date) -> None:
        for action in ACTIONS:
            if action.day == day:
                self.given += to_cents(self.shares[action.code] * action.cash)
                self.shares[action.code] += int(self.shares[action.code] * action.bonus)

    def check(self, now: datetime) -> None:
        exchange = self.exchange
        money = exchange.snapshot(now)
        held = exchange.ledger.holdings
        market = sum((holding.market_value for holding in held.values()), Decimal(0))
        assert money.cash + money.frozen == self.start + self.given - sum(self.paid.values())
        assert money.cash + money.frozen + market == money.total == to_cents(money.total)
        assert money.cash >= 0 and money.frozen >= 0
        for code, amount in self.shares.items():
            assert amount == (held[code].amount if code in held else 0)
            assert code not in held or 0 <= held[code].available <= amount
        waiting = [order for order in exchange.orders.values() if not order.is_final]
        assert (money.frozen > 0) == any(order.is_buy for order in waiting)
        for order in exchange.orders.values():
            assert order.filled + order.canceled + order.remaining == order.amount and order.remaining >= 0


@settings(max_examples=HISTORIES, deadline=None, database=None)
@given(steps, st.sampled_from(["1006.01", "50000", "3000000"]))
def test_cash_and_shares_are_conserved_after_every_event(bars: Bars, history: List[Step], cash: str) -> None:
    day, clock = 0, 0
    now = datetime.combine(DAYS[0], datetime.strptime(CLOCKS[0], "%H:%M").time())
    terms = make_terms("0.0003", "1.5", "0.25")._replace(actions=Actions(ACTIONS))
    exchange = PaperExchange(Ledger(Decimal(cash), terms.rates), bars, now, True, terms)
    books = Books(exchange, Decimal(cash))
    for number, (what, which, amount, cents, pause) in enumerate(history):
        if what == "day" or clock + pause >= len(CLOCKS):
            day, clock = day + 1, 0
            if day >= len(DAYS):
                break
            now = datetime.combine(DAYS[day - 1], datetime.max.time())
            exchange.advance(now)  # what is filled before midnight counts for what is given after it
            books.follow()
            books.give(DAYS[day])
        else:
            clock += pause
        moment = datetime.combine(DAYS[day], datetime.strptime(CLOCKS[clock], "%H:%M").time())
        now = max(moment, now + timedelta(seconds=1)) if moment.date() == now.date() else moment
        if what in ("buy", "sell"):
            exchange.submit(str(number), CODES[which], what == "buy", amount, Decimal(cents) / 100, now)
        elif what == "cancel":
            for order_id in list(exchange.orders)[which::2]:
                exchange.cancel(order_id, now)
        exchange.advance(now)
        books.follow()
        books.check(now)
