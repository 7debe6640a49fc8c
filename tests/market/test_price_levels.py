"""Made-up prices lie near those that a user knows."""

from datetime import timedelta
from decimal import Decimal

import pytest

from jqtrade.market.boards import CODE_PATTERN, board_of
from jqtrade.market.sources.made_up import MadeUpQuotes
from jqtrade.market.sources.price_levels import LEVELS
from tests.paper.paper_helpers import MORNING, quiet


@pytest.mark.parametrize("code", sorted(LEVELS))
def test_a_usual_code_has_a_board_and_stays_within_5_of_100_of_its_level(code: str) -> None:
    assert CODE_PATTERN.fullmatch(code) and board_of(code) is not None
    for seed in range(3):
        quote = MadeUpQuotes(seed, quiet).get(code, MORNING)
        assert quote is not None and abs(float(quote.last) / LEVELS[code] - 1) <= 0.05


@pytest.mark.parametrize(
    ("code", "low", "high"),
    [
        ("600999.XSHG", 4, 42),
        ("002999.XSHE", 4, 42),
        ("300999.XSHE", 9, 63),
        ("688999.XSHG", 14, 95),
        ("512999.XSHG", 0.7, 4.2),
        ("159999.XSHE", 0.7, 4.2),
        ("511999.XSHG", 95, 105),
        ("113999.XSHG", 99, 147),
    ],
)
def test_any_other_code_lies_where_its_board_does(code: str, low: float, high: float) -> None:
    for seed in range(20):
        quote = MadeUpQuotes(seed, quiet).get(code, MORNING)
        assert quote is not None and low < quote.last < high


def test_the_first_strategy_of_the_documentation_buys_at_a_price_that_is_met_and_within_the_day_s_limits() -> None:
    for seed in range(10):
        quotes = MadeUpQuotes(seed, quiet)
        for day in range(0, 365, 5):
            quote = quotes.get("510300.XSHG", MORNING + timedelta(days=day))
            assert quote is not None and quote.prev_close is not None
            assert quote.buy_price <= Decimal("4.05") <= quote.prev_close * Decimal("1.1")
