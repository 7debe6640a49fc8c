"""Cash and shares are never made or lost, whatever happens in whatever order."""

from datetime import timedelta
from decimal import Decimal
from typing import Dict, List, Tuple

from hypothesis import given, settings
from hypothesis import strategies as st

from jqtrade.market.boards import board_of
from jqtrade.paper.exchange import PaperExchange
from jqtrade.paper.fees import fees
from jqtrade.paper.ledger import Ledger, Reservation
from tests.paper.paper_helpers import BANK, MORNING, HandQuotes, make_exchange

TOMORROW = MORNING.date() + timedelta(days=1)
CODES = [BANK, "688001.XSHG", "510300.XSHG", "113001.XSHG"]

Step = Tuple[str, int, int, int]

steps = st.tuples(
    st.sampled_from(["buy", "sell", "cancel", "price", "wait", "day"]),
    st.integers(0, 3),
    st.sampled_from([1, 10, 99, 100, 200, 777, 5000, 20000, 33300]),
    st.integers(900, 1100),
)


class History:
    """Books of its own, kept from the trades alone."""

    def __init__(self, cash: Decimal) -> None:
        self.start = cash
        self.values: Dict[str, Decimal] = {}
        self.fees: Dict[str, Decimal] = {}
        self.shares: Dict[str, int] = dict.fromkeys(CODES, 0)

    def follow(self, exchange: PaperExchange, day: int) -> None:
        for order in exchange.take_states():
            if order.fill is not None:
                sign = 1 if order.is_buy else -1
                self.shares[order.code] += sign * order.fill.amount
                self.values[f"{day}/{order.order_id}"] = sign * round(order.value + Decimal("1e-9"), 2)
                self.fees[f"{day}/{order.order_id}"] = order.fees

    def money(self) -> Decimal:
        return self.start - sum(self.values.values()) - sum(self.fees.values())


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=40), st.sampled_from(["1000.01", "50000", "3000000"]))
def test_cash_and_shares_are_conserved_after_every_event(history: List[Step], cash: str) -> None:
    quotes = HandQuotes()
    prices = dict.fromkeys(CODES, 1000)
    for code in CODES:
        quotes.set(code, "10")
    exchange = make_exchange(quotes, cash)
    ledger, books, now, day = exchange.ledger, History(Decimal(cash)), MORNING, 0
    for number, (action, which, amount, price) in enumerate(history):
        code = CODES[which]
        limit = Decimal(price) / 100
        if action in ("buy", "sell"):
            exchange.submit(str(number), code, action == "buy", amount, limit, now)
        elif action == "cancel":
            for order_id in list(exchange.orders)[which::2]:
                exchange.cancel(order_id, now)
        elif action == "price":
            prices[code] = price
            quotes.set(code, limit + Decimal("0.005"), limit, limit + Decimal("0.01"))
        elif action == "day":
            books.follow(exchange, day)
            now, day = now + timedelta(days=1), day + 1
        exchange.advance(now)
        now += timedelta(seconds=1 if action == "wait" else 0)
        books.follow(exchange, day)

        money = exchange.snapshot(now)
        market = sum((holding.market_value for holding in ledger.holdings.values()), Decimal(0))
        assert money.cash + money.frozen == books.money()
        assert money.cash + money.frozen + market == money.total
        assert money.cash >= 0 and money.frozen >= 0
        assert money.total == round(money.total, 2)
        for code in CODES:
            held = ledger.holdings.get(code)
            assert books.shares[code] == (0 if held is None else held.amount)
            assert held is None or 0 <= held.available <= held.amount
        open_orders = [order for order in exchange.orders.values() if not order.is_final]
        assert bool(money.frozen) == any(order.is_buy for order in open_orders)


@given(st.lists(st.tuples(st.integers(1, 10**6), st.integers(1, 5000)), min_size=1, max_size=8), st.booleans())
def test_an_order_in_parts_costs_what_it_costs_whole(parts: List[Tuple[int, int]], is_buy: bool) -> None:
    board = board_of(BANK)
    assert board is not None
    reservation = Reservation(BANK, board, is_buy)
    paid = Decimal(0)
    for price, amount in parts:
        before = reservation.paid
        reservation.filled_value += Decimal(price) / 1000 * amount
        paid += reservation.paid - before
    value = sum((Decimal(price) / 1000 * amount for price, amount in parts), Decimal(0))
    rounded = round(value + Decimal("1e-9"), 2)
    assert paid == (rounded if is_buy else -rounded) + fees(board, is_buy, value)


def test_average_cost_stays_when_a_part_is_sold() -> None:
    ledger = Ledger(Decimal(100000))
    board = board_of(BANK)
    assert board is not None
    ledger.reserve("1", BANK, board, True, Decimal("10.20"), 300)
    ledger.fill("1", Decimal("10.00"), 100)
    ledger.fill("1", Decimal("10.20"), 200)
    ledger.release("1")
    ledger.new_day(TOMORROW)
    ledger.reserve("2", BANK, board, False, Decimal("12.00"), 100)
    ledger.fill("2", Decimal("12.00"), 100)
    assert round(ledger.holdings[BANK].average_cost, 4) == Decimal("10.1333")


def test_a_security_sold_out_leaves_the_books_the_next_day() -> None:
    ledger = Ledger(Decimal(100000))
    board = board_of(BANK)
    assert board is not None
    ledger.reserve("1", BANK, board, True, Decimal(10), 100)
    ledger.fill("1", Decimal(10), 100)
    ledger.new_day(TOMORROW)
    ledger.reserve("2", BANK, board, False, Decimal(10), 100)
    ledger.fill("2", Decimal(10), 100)
    assert ledger.holdings[BANK].amount == 0
    ledger.new_day(TOMORROW)
    assert ledger.holdings == {}
