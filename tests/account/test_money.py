"""Money in whole millionths of a yuan."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from jqtrade.account.money import format_yuan, millionths, rounded_up, scaled, yuan_of
from jqtrade.market.boards import purchase_fees


@given(st.integers(-8_500_000_000 * 10**6, 8_500_000_000 * 10**6))
def test_an_amount_comes_back_from_the_journal_as_it_was(amount: int) -> None:
    assert millionths(yuan_of(amount)) == amount


@given(st.floats(-1e300, 1e300))
def test_yuan_are_rounded_to_the_nearest_millionth(yuan: float) -> None:
    assert abs(Decimal(yuan) * 10**6 - millionths(yuan)) <= max(Decimal("0.5"), abs(Decimal(yuan)) / 10**6)


def test_cash_that_a_gate_added_up_from_floats_is_rounded() -> None:
    assert [millionths(yuan) for yuan in (999.9999999, 0.1 + 0.2, 109.00000000000001, -0.0)] == [
        1000_000000,
        300000,
        109_000000,
        0,
    ]
    assert scaled(0.3, 10**9) == 300000000
    assert scaled(1e308, 10**9) > 10**316


def test_amounts_are_written_with_what_it_takes_to_tell_them_apart() -> None:
    written = [format_yuan(amount) for amount in (109_000000, 109_000001, 109_123400, 0, -5, -1_500000)]
    assert written == ["109.00", "109.000001", "109.1234", "0.00", "-0.000005", "-1.50"]


@given(st.integers(-100, 100), st.integers(1, 10))
def test_rounding_up(numerator: int, denominator: int) -> None:
    assert (
        (rounded_up(numerator, denominator) - 1) * denominator
        < numerator
        <= rounded_up(numerator, denominator) * denominator
    )


def test_fees_of_a_buy_are_those_of_the_rules_rounded_up() -> None:
    assert purchase_fees("600000.XSHG", 10000_000000) == 5_000000 + 100000
    assert purchase_fees("600000.XSHG", 100000_000000) == 30_000000 + 1_000000
    assert purchase_fees("600000.XSHG", 100000_000001) == 30_000001 + 1_000001
    assert purchase_fees("510300.XSHG", 100000_000000) == 30_000000
    assert purchase_fees("113050.XSHG", 100000_000000) == 30_000000
    assert purchase_fees("900901.XSHG", 100000_000000) == 31_000000  # an unknown board
