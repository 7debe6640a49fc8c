from decimal import Decimal

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.market.boards import Board, board_of
from jqtrade.market.rules import normal_code, parse_cash
from jqtrade.paper.fees import fees


def board(code: str) -> Board:
    found = board_of(code)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("000001.XSHE", "000001.XSHE"),
        ("000001.SZ", "000001.XSHE"),
        (" 600000.sh ", "600000.XSHG"),
        ("600000.XSHG", "600000.XSHG"),
        ("600000", None),
        ("60000.SH", None),
        ("600000.HK", None),
        ("٠٠٠٠٠١.SZ", None),
    ],
)
def test_a_code_is_understood_with_either_suffix(text: str, code: str) -> None:
    assert normal_code(text) == code


@pytest.mark.parametrize(
    ("code", "lot", "tick"),
    [
        ("000001.XSHE", 100, "0.01"),
        ("301001.XSHE", 100, "0.01"),
        ("600000.XSHG", 100, "0.01"),
        ("688001.XSHG", 1, "0.01"),
        ("510300.XSHG", 100, "0.001"),
        ("159915.XSHE", 100, "0.001"),
        ("113001.XSHG", 10, "0.001"),
        ("123001.XSHE", 10, "0.001"),
    ],
)
def test_a_board_has_its_lot_and_tick(code: str, lot: int, tick: str) -> None:
    assert (board(code).step, board(code).tick) == (lot, Decimal(tick))


@pytest.mark.parametrize("code", ["600000.XSHE", "000001.XSHG", "920001.XSHG", "999999.XSHE"])
def test_a_code_of_no_board_is_unknown(code: str) -> None:
    assert board_of(code) is None


@pytest.mark.parametrize(
    ("code", "is_buy", "value", "expected"),
    [
        ("600000.XSHG", True, "1000", "5.01"),  # the least commission, transfer fee 0.01
        ("600000.XSHG", True, "100000", "26.00"),  # 25 + 1
        ("600000.XSHG", False, "100000", "76.00"),  # 25 + 1 + stamp duty 50
        ("000001.XSHE", True, "1000", "5.00"),  # no transfer fee of its own in Shenzhen
        ("300001.XSHE", False, "100000", "75.00"),
        ("688001.XSHG", False, "100000", "76.00"),
        ("510300.XSHG", False, "100000", "25.00"),
        ("113001.XSHG", False, "100000", "25.00"),
        ("000001.XSHE", False, "3", "3.00"),  # no more than the proceeds
        ("000001.XSHE", True, "0", "0"),
    ],
)
def test_fees_are_commission_transfer_fee_and_stamp_duty(code: str, is_buy: bool, value: str, expected: str) -> None:
    assert fees(board(code), is_buy, Decimal(value)) == Decimal(expected)


@pytest.mark.parametrize("cash", [True, "abc", float("nan"), float("inf"), -1, None, 1e30])
def test_cash_that_is_no_amount_is_refused_by_name(cash: object) -> None:
    with pytest.raises(InvalidParam, match="paper_cash"):
        parse_cash(cash, "paper_cash")


def test_cash_is_rounded_to_the_cent_without_binary_noise() -> None:
    assert parse_cash(0.1 + 0.2, "cash") == Decimal("0.30")
