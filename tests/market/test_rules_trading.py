"""The rules below the table of boards: selling, T+1, cash; and the table "Fees". A test for each line."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.market.boards import Board, board_of
from jqtrade.paper.exchange import PaperExchange
from jqtrade.paper.fees import FeeRates, fees
from jqtrade.paper.terms import make_terms
from tests.paper.paper_helpers import BANK, HandQuotes, at, fate, strict_exchange

STAR = "688001.XSHG"
ETF = "510300.XSHG"
GOLD = "518880.XSHG"
BOND = "113001.XSHG"
DAY = timedelta(days=1)


def board(code: str) -> Board:
    found = board_of(code)
    assert found is not None
    return found


def holding(code: str, amount: int) -> PaperExchange:
    """An exchange where so many shares can be sold."""
    quotes = HandQuotes()
    quotes.set(code, "10")
    exchange = strict_exchange(quotes, at("10:00"))
    exchange.submit("0", code, True, 1000, Decimal(10), at("10:00"))
    exchange.advance(at("09:00") + DAY)
    exchange.ledger.holdings[code].amount = amount
    return exchange


def sell(exchange: PaperExchange, code: str, amount: int) -> str:
    exchange.submit("1", code, False, amount, Decimal(10), at("10:00") + DAY)
    return fate(exchange)


@pytest.mark.parametrize(
    ("code", "amount", "is_good"),
    [
        (BANK, 200, True),
        (BANK, 250, True),
        (BANK, 150, True),
        (BANK, 50, True),
        (BANK, 30, False),
        (BANK, 130, False),
        (STAR, 200, True),
        (STAR, 249, True),
        (STAR, 250, True),
        (STAR, 199, False),
        (STAR, 50, False),
        (BOND, 20, True),
        (BOND, 25, False),
    ],
)
def test_selling_any_multiple_of_the_lot_and_a_remainder_in_one_order(code: str, amount: int, is_good: bool) -> None:
    held = sell(holding(code, 250), code, amount)
    assert held == "filled" if is_good else held.startswith("rejected 委托数量错误")


def test_a_remainder_of_star_below_200_is_sold_in_one_order() -> None:
    assert sell(holding(STAR, 150), STAR, 150) == "filled"
    assert "不足一手的零股须一次性卖出" in sell(holding(STAR, 150), STAR, 100)


@pytest.mark.parametrize(("code", "status"), [(BANK, "rejected"), (STAR, "rejected"), (ETF, "rejected")])
def test_t_plus_1_shares_bought_today_are_sold_the_next_day(code: str, status: str) -> None:
    quotes = HandQuotes()
    quotes.set(code, "10")
    exchange = strict_exchange(quotes, at("10:00"))
    exchange.submit("1", code, True, 200, Decimal(10), at("10:00"))
    exchange.submit("2", code, False, 200, Decimal(10), at("10:01"))
    assert fate(exchange, "2").startswith(status) and "T+1" in fate(exchange, "2")
    exchange.submit("3", code, False, 200, Decimal(10), at("10:00") + DAY)
    assert fate(exchange, "3") == "filled"


@pytest.mark.parametrize("code", [BOND, GOLD, "513100.XSHG", "511880.XSHG", "511010.XSHG", "159985.XSHE"])
def test_t_plus_0_convertible_bonds_and_the_listed_etfs(code: str) -> None:
    quotes = HandQuotes()
    quotes.set(code, "10")
    exchange = strict_exchange(quotes, at("10:00"))
    exchange.submit("1", code, True, 200, Decimal(10), at("10:00"))
    exchange.submit("2", code, False, 200, Decimal(10), at("10:01"))
    assert fate(exchange, "2") == "filled"


def test_cash_a_buy_freezes_its_worst_cost_at_once() -> None:
    quotes = HandQuotes()
    quotes.set(BANK, "10")
    exchange = strict_exchange(quotes, at("10:00"), 1006)
    exchange.submit("1", BANK, True, 100, Decimal("9.99"), at("10:00"))
    assert exchange.ledger.frozen == Decimal("1004.00")  # 999, commission 5
    exchange.submit("2", BANK, True, 100, Decimal("9.99"), at("10:00"))
    assert "可用资金不足：需要 1004.00 元，可用 2.00 元" in fate(exchange, "2")
    assert exchange.cancel("1", at("10:01")) is None
    assert exchange.ledger.frozen == 0 and exchange.ledger.cash == 1006


def test_cash_a_sales_proceeds_buy_on_the_same_day() -> None:
    exchange = holding(BANK, 100)
    exchange.ledger.balance = Decimal(20)
    assert sell(exchange, BANK, 100) == "filled"
    exchange.submit("2", BANK, True, 100, Decimal("10"), at("10:01") + DAY)
    assert fate(exchange, "2") == "filled"


def fee(code: str, is_buy: bool, day: date, value: str = "100000", rates: FeeRates = FeeRates()) -> Decimal:  # noqa: B008
    return fees(board(code), is_buy, Decimal(value), rates.on(day))


NEW = date(2023, 8, 28)


def test_stamp_duty_is_5_of_10000_of_a_sale_since_2023_08_28_and_was_double() -> None:
    free = FeeRates(Decimal(0), Decimal(0))
    assert fee(BANK, False, NEW, rates=free) == Decimal("50.00")
    assert fee(BANK, False, NEW - DAY, rates=free) == Decimal("100.00")
    assert fee(BANK, True, NEW, rates=free) == 0


def test_transfer_fee_is_1_of_100000_on_both_sides_in_shanghai_since_2022_04_29() -> None:
    free = FeeRates(Decimal(0), Decimal(0))
    assert fee(STAR, True, date(2022, 4, 29), rates=free) == 1
    assert fee(STAR, True, date(2022, 4, 28), rates=free) == 2
    assert fee(STAR, False, date(2022, 4, 29), rates=free) == 101
    assert fee(BANK, True, date(2022, 4, 29), rates=free) == 0


@pytest.mark.parametrize("code", [ETF, BOND])
def test_neither_is_due_on_funds_and_bonds(code: str) -> None:
    assert fee(code, False, NEW) == fee(code, True, NEW) == 25


def test_commission_is_25_of_100000_and_at_least_5_yuan_an_order() -> None:
    assert fee(ETF, True, NEW) == 25 and fee(ETF, True, NEW, "1000") == 5


def test_commission_is_what_the_options_say() -> None:
    terms = make_terms(0.0001, 1)
    assert fee(ETF, True, NEW, rates=terms.rates) == 10 and fee(ETF, True, NEW, "100", terms.rates) == 1
    assert fee(ETF, True, NEW, rates=make_terms(0, 0).rates) == 0


def test_funds_may_have_a_minimum_of_their_own_and_nobody_else_has_it() -> None:
    rates = make_terms(fund_min_commission=0.1).rates
    assert fee(ETF, True, NEW, "1000", rates) == Decimal("0.25") and fee(ETF, True, NEW, "100", rates) == Decimal(
        "0.10"
    )
    assert fee(BANK, True, NEW, "1000", rates) == fee(BOND, True, NEW, "1000", rates) == 5
    assert fee(ETF, True, NEW, "1000") == 5


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"fund_min_commission": -1}, "paper_fund_min_commission"),
        ({"commission": 0.2}, "paper_commission"),
        ({"commission": -1}, "paper_commission"),
        ({"min_commission": "x"}, "paper_min_commission"),
        ({"volume_share": 0}, "paper_volume_share"),
        ({"volume_share": 2}, "paper_volume_share"),
        ({"actions": "none.csv"}, "none.csv"),
    ],
)
def test_terms_that_cannot_be_are_named(arguments: "dict[str, object]", name: str) -> None:
    with pytest.raises(InvalidParam, match=name):
        make_terms(prefix="paper_", **arguments)  # type: ignore[arg-type]


def test_an_exchange_charges_what_was_due_on_its_day() -> None:
    quotes = HandQuotes()
    quotes.set(BANK, "10")
    start = at("10:00", "2023-08-24")
    exchange = strict_exchange(quotes, start)
    exchange.submit("1", BANK, True, 10000, Decimal(10), start)
    exchange.submit("2", BANK, False, 5000, Decimal(10), start + DAY)
    assert exchange.orders["2"].fees == Decimal("62.50")  # 12.50 + 50
    exchange.submit("3", BANK, False, 5000, Decimal(10), start + 4 * DAY)
    assert exchange.orders["3"].fees == Decimal("37.50")
