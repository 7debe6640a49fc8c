"""The file of dividends and bonus shares."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.market.dividends import Action, open_actions
from tests.paper.paper_helpers import BANK, write_bars

HEADER = "date,code,cash_per_share,bonus_per_share"
DAY = date(2026, 7, 6)


def test_without_a_file_there_are_none() -> None:
    assert open_actions(None).of(BANK, date.min, date.max) == []


def test_a_file_gives_cash_and_shares_by_code_and_day(tmp_path: Path) -> None:
    rows = ["2026-07-08,000001.XSHE,0.5,", "2026-07-06,000001.SZ,,0.3", "2026-07-06,600000.SH,1.25,1", ",,,"]
    actions = open_actions(write_bars(tmp_path / "a.csv", *rows, header=HEADER))
    first, second = actions.of(BANK, date.min, date.max)
    assert first == Action(DAY, BANK, Decimal(0), Decimal("0.3"))
    assert second == Action(date(2026, 7, 8), BANK, Decimal("0.5"), Decimal(0))
    assert actions.of(BANK, DAY, date(2026, 7, 7)) == []
    assert actions.of(BANK, date(2026, 7, 5), DAY) == [first]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2026-07-06,000001,1,0", "代码 '000001'"),
        ("2026-07-06,999999.SZ,1,0", "代码 '999999.SZ'"),
        ("someday,000001.SZ,1,0", "date 'someday'"),
        ("2026-07-06 10:00,000001.SZ,1,0", "date 应只有日期"),
        ("2026-07-06,000001.SZ,x,0", "cash_per_share 'x' 不是数字"),
        ("2026-07-06,000001.SZ,-1,0", "cash_per_share '-1' 应在 0 和"),
        ("2026-07-06,000001.SZ,0,nan", "bonus_per_share 'nan' 应在"),
        ("2026-07-06,000001.SZ,0,1001", "bonus_per_share '1001' 应在"),
        ("2026-07-06,600000.SH,1,0", "同一个代码同一天有两行"),
        ("2026-07-06,,1,0", "代码 ''"),
        ("2026-07-06", "应有 4 列（date,code,cash_per_share,bonus_per_share），现有 1 列"),
        ("2026-07-07,600000.SH,1", "应有 4 列（date,code,cash_per_share,bonus_per_share），现有 3 列"),
        ("2026-07-07,600000.SH,1,0,0", "应有 4 列（date,code,cash_per_share,bonus_per_share），现有 5 列"),
    ],
)
def test_a_bad_row_is_named_with_file_line_and_reason(tmp_path: Path, row: str, reason: str) -> None:
    path = write_bars(tmp_path / "a.csv", "2026-07-06,600000.SH,1,0", row, header=HEADER)
    with pytest.raises(InvalidParam) as error:
        open_actions(path)
    assert f"分红送股文件 {path} 第 3 行有误（" in str(error.value) and reason in str(error.value)


def test_a_bad_header_or_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidParam, match="第 1 行有误（缺少列 cash_per_share、bonus_per_share）"):
        open_actions(write_bars(tmp_path / "a.csv", header="date,code"))
    with pytest.raises(InvalidParam, match=r"none\.csv 读不了"):
        open_actions(str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("cash", "bonus", "price"),
    [("0.4", "0.6", "6.00"), ("0", "1", "5.00"), ("0.123", "0", "9.88"), ("20", "0", "0.01")],
)
def test_a_price_without_what_was_given(cash: str, bonus: str, price: str) -> None:
    assert str(Action(DAY, BANK, Decimal(cash), Decimal(bonus)).price_without(Decimal(10))) == price
