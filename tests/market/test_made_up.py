from datetime import timedelta
from decimal import Decimal
from typing import List

from jqtrade.market.sources import open_quotes
from jqtrade.market.sources.made_up import MadeUpQuotes
from tests.paper.paper_helpers import BANK, MORNING, quiet

NEXT = MORNING + timedelta(seconds=5)


def test_made_up_prices_follow_from_seed_code_and_time_alone() -> None:
    often, seldom = MadeUpQuotes(7, quiet), MadeUpQuotes(7, quiet)
    for second in range(100):
        often.get(BANK, MORNING + timedelta(seconds=second))
    assert often.get(BANK, NEXT) == seldom.get(BANK, NEXT)


def test_another_seed_or_code_gives_other_prices() -> None:
    prices = {MadeUpQuotes(seed, quiet).get(code, MORNING) for seed in (1, 2) for code in (BANK, "600000.XSHG")}
    assert len(prices) == 4


def test_made_up_prices_move_by_ticks_and_stay_near_the_previous_close() -> None:
    quotes = MadeUpQuotes(0, quiet)
    seen = set()
    for minute in range(0, 3 * 24 * 60, 7):
        quote = quotes.get(BANK, MORNING + timedelta(minutes=minute))
        assert quote is not None and quote.prev_close is not None and quote.bid1 is not None and quote.ask1 is not None
        assert quote.last % Decimal("0.01") == 0
        assert quote.bid1 == quote.last and quote.ask1 == quote.last + Decimal("0.01")
        assert abs(quote.last / quote.prev_close - 1) < Decimal("0.1")
        seen.add(quote.last)
    assert len(seen) > 20


def test_a_made_up_price_stands_for_three_seconds() -> None:
    quotes = MadeUpQuotes(0, quiet)
    assert quotes.get(BANK, MORNING) == quotes.get(BANK, MORNING + timedelta(seconds=2, microseconds=999999))


def test_made_up_prices_are_announced_once() -> None:
    said: List[str] = []
    quotes = open_quotes(None, 3, said.append)
    quotes.get(BANK, MORNING)
    assert len(said) == 1 and "编造" in said[0]


def test_there_is_no_made_up_price_for_a_code_of_no_board() -> None:
    assert MadeUpQuotes(0, quiet).get("999999.XSHE", MORNING) is None
