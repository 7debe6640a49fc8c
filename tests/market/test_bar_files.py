"""Files of bars: what is read, and how each mistake is named."""

import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.market.sources.bars import Bars, open_bars
from tests.paper.paper_helpers import BANK, at, write_bars

DATA = Path(__file__).resolve().parents[2] / "strategies" / "data"
GOOD = "2026-07-06,000001.SZ,10,10.5,9.8,10.3,1000"
HEADER = "time,code,open,high,low,close,volume"


def last(bars: Bars, clock: str, code: str = BANK, day: str = "2026-07-06") -> Any:
    quote = bars.get(code, at(clock, day))
    return None if quote is None else str(quote.last)


def test_columns_come_in_any_order_with_others_between(tmp_path: Path) -> None:
    header = ",CLOSE,code, Volume,名称,open,high,low,date,money"
    row = "0,10.3,000001.XSHE,1000.0,平安银行,10,10.5,9.8,2026-07-06,1e4"
    bars = open_bars(write_bars(tmp_path / "d.csv", row, header=header))
    assert (bars.codes, bars.trading_days, last(bars, "15:00")) == ([BANK], [date(2026, 7, 6)], "10.30")


@pytest.mark.parametrize("code", ["000001.XSHE", "000001.SZ", "000001.sz", " 000001.XSHE "])
def test_a_code_comes_with_either_suffix(tmp_path: Path, code: str) -> None:
    assert open_bars(write_bars(tmp_path / "d.csv", GOOD.replace("000001.SZ", code))).codes == [BANK]


@pytest.mark.parametrize("time", ["2026-07-06", "2026-07-06 00:00:00", "2026/7/6", "20260706", "2026-07-06T00:00"])
def test_a_day_is_written_in_any_usual_way(tmp_path: Path, time: str) -> None:
    bars = open_bars(write_bars(tmp_path / "d.csv", GOOD.replace("2026-07-06", time)))
    assert bars.trading_days == [date(2026, 7, 6)] and last(bars, "09:30") == "10.00"


@pytest.mark.parametrize("time", ["2026-07-06 10:01:00", "2026-07-06 10:01", "2026/07/06 10:01:00.000"])
def test_a_minute_is_written_in_any_usual_way(tmp_path: Path, time: str) -> None:
    bars = open_bars(write_bars(tmp_path / "d.csv", GOOD.replace("2026-07-06", time)))
    assert last(bars, "10:01") == "10.30"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_is_read_in_any_encoding_with_any_line_end(tmp_path: Path, encoding: str, line_end: str) -> None:
    text = line_end.join([HEADER + ",名称", GOOD + ",平安银行", ""])
    (tmp_path / "d.csv").write_bytes(text.encode(encoding))
    assert open_bars(str(tmp_path / "d.csv")).codes == [BANK]


def test_rows_may_stand_in_any_order(tmp_path: Path) -> None:
    rows = [f"2026-07-{day:02d},00000{code}.SZ,{day},{day},{day},{day},100" for day in (8, 6, 7) for code in (2, 1)]
    bars = open_bars(write_bars(tmp_path / "d.csv", *rows))
    assert [last(bars, "10:00", day=f"2026-07-{day:02d}") for day in (6, 7, 8)] == ["6.00", "7.00", "8.00"]
    assert bars.codes == [BANK, "000002.XSHE"]


def test_a_folder_of_files_is_read_as_one(tmp_path: Path) -> None:
    write_bars(tmp_path / "b.csv", GOOD)
    write_bars(tmp_path / "a.CSV", GOOD.replace("000001", "000002").replace("-06", "-07"))
    (tmp_path / "make.py").write_text("nothing of ours")
    bars = open_bars(str(tmp_path))
    assert bars.codes == [BANK, "000002.XSHE"] and len(bars.trading_days) == 2


def test_one_code_may_have_days_and_minutes_on_different_days(tmp_path: Path) -> None:
    bars = open_bars(write_bars(tmp_path / "d.csv", GOOD, "2026-07-07 09:31:00,000001.SZ,11,11,11,11,100"))
    assert (last(bars, "15:00"), last(bars, "09:25", day="2026-07-07")) == ("10.30", "11.00")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2026-07-06,000001,10,10.5,9.8,10.3,1000", "代码 '000001' 应如 000001.XSHE"),
        ("2026-07-06,000001.HK,10,10.5,9.8,10.3,1000", "代码"),
        ("2026-07-06,,10,10.5,9.8,10.3,1000", "代码 ''"),
        ("06/07/2026,000001.SZ,10,10.5,9.8,10.3,1000", "time '06/07/2026' 应如"),
        (",000001.SZ,10,10.5,9.8,10.3,1000", "time ''"),
        ("2026-02-30,000001.SZ,10,10.5,9.8,10.3,1000", "没有这一天"),
        ("2026-07-06 09:30:00,000001.SZ,10,10.5,9.8,10.3,1000", "分钟线写的是这一分钟结束的时间"),
        ("2026-07-06 12:00:00,000001.SZ,10,10.5,9.8,10.3,1000", "分钟线写的是这一分钟结束的时间"),
        ("2026-07-06 13:00:00,000001.SZ,10,10.5,9.8,10.3,1000", "分钟线写的是这一分钟结束的时间"),
        ("2026-07-06 10:01:30,000001.SZ,10,10.5,9.8,10.3,1000", "应如 2026-01-05"),
        ("2026-07-06 10:01:00+08:00,000001.SZ,10,10.5,9.8,10.3,1000", "应如 2026-01-05"),
        ("2026-07-06 10:71,000001.SZ,10,10.5,9.8,10.3,1000", "应如 2026-01-05"),
        ("2026-07-06,000001.SZ,ten,10.5,9.8,10.3,1000", "open 'ten' 不是数字"),
        ("2026-07-06,000001.SZ,10,10.5,9.8,,1000", "close '' 不是数字；停牌的行请加一列 paused=1"),
        ("2026-07-06,000001.SZ,10,nan,9.8,10.3,1000", "high 'nan' 不是数字"),
        ("2026-07-06,000001.SZ,10,10.5,-9.8,10.3,1000", "low -9.8 应大于 0"),
        ("2026-07-06,000001.SZ,0,10.5,0,10.3,1000", "open 0 应大于 0"),
        ("2026-07-06,000001.SZ,10,1e9,9.8,10.3,1000", "high 1e+09 应大于 0，小于"),
        ("2026-07-06,000001.SZ,10,inf,9.8,10.3,1000", "high inf"),
        ("2026-07-06,000001.SZ,10,10.2,9.8,10.3,1000", "high 应是最高"),
        ("2026-07-06,000001.SZ,10,10.5,10.1,10.3,1000", "low 应是最低"),
        ("2026-07-06,000001.SZ,10,10.5,9.8,10.3,-1", "volume -1 应不小于 0"),
        ("2026-07-06,000001.SZ,10,10.5,9.8,10.3,x", "volume 'x' 不是数字"),
        ("2026-07-06,000001.SZ,10,10.5,9.8,10.3", "应有 7 列，现有 6 列"),
        ("2026-07-06,000001.SZ,10,10.5,9.8,10.3,1000,5", "应有 7 列，现有 8 列"),
        (GOOD, "同一个代码同一个时间有两行"),
        ("2026-07-06 09:31:00,000001.SZ,10,10.5,9.8,10.3,1000", "同一天既有日线又有分钟线"),
    ],
)
def test_a_bad_row_is_named_with_file_line_and_reason(tmp_path: Path, row: str, reason: str) -> None:
    path = write_bars(tmp_path / "bars.csv", GOOD, row)
    with pytest.raises(InvalidParam) as error:
        open_bars(path)
    assert f"行情文件 {path} 第 3 行有误（" in str(error.value) and reason in str(error.value)


@pytest.mark.parametrize(
    ("column", "field", "reason"),
    [
        ("paused", "2", "paused 或 is_st 是 '2'"),
        ("is_st", "yes", "paused 或 is_st 是 'yes'"),
        ("pre_close", "x", "pre_close 'x' 不是数字"),
        ("pre_close", "-1", "pre_close -1 应大于 0"),
        ("high_limit", "inf", "high_limit inf"),
        ("list_date", "today", "list_date 'today' 应如"),
    ],
)
def test_a_bad_field_of_an_optional_column_is_named(tmp_path: Path, column: str, field: str, reason: str) -> None:
    path = write_bars(tmp_path / "bars.csv", f"{GOOD},{field}", header=f"{HEADER},{column}")
    with pytest.raises(InvalidParam) as error:
        open_bars(path)
    assert "第 2 行" in str(error.value) and reason in str(error.value)


@pytest.mark.parametrize("prices", [",,,,", "nan,nan,nan,nan,nan", "10,10,10,10,0", "0.0,0.0,0.0,0.0,0.0"])
def test_a_paused_row_has_no_prices_or_good_ones(tmp_path: Path, prices: str) -> None:
    header = HEADER + ",paused"
    path = write_bars(tmp_path / "d.csv", GOOD + ",0", f"2026-07-07,000001.SZ,{prices},1.0", header=header)
    bars = open_bars(path)
    assert bars.is_paused(BANK, date(2026, 7, 7)) and not bars.is_paused(BANK, date(2026, 7, 6))
    assert last(bars, "10:00", day="2026-07-07") == "10.30"


def test_a_paused_row_with_half_a_price_is_named(tmp_path: Path) -> None:
    path = write_bars(tmp_path / "d.csv", "2026-07-07,000001.SZ,10,,,,0,1", header=HEADER + ",paused")
    with pytest.raises(InvalidParam, match="第 2 行"):
        open_bars(path)


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("code,open,high,low,close,volume", "缺少列 time（或 date）"),
        ("time,open,high,low,close", "缺少列 code、volume"),
        ("time,code,open,open,high,low,close,volume", "列名重复：open"),
        ("", "缺少列"),
    ],
)
def test_a_bad_header_is_named(tmp_path: Path, header: str, reason: str) -> None:
    with pytest.raises(InvalidParam, match="第 1 行") as error:
        open_bars(write_bars(tmp_path / "d.csv", header=header))
    assert reason in str(error.value)


def test_a_file_of_a_folder_is_named_itself(tmp_path: Path) -> None:
    write_bars(tmp_path / "a.csv", GOOD)
    write_bars(tmp_path / "b.csv", GOOD.replace("-06", "-07"), GOOD)
    with pytest.raises(InvalidParam, match=r"b\.csv 第 3 行有误（同一个代码同一个时间有两行）：000001\.XSHE"):
        open_bars(str(tmp_path))


def test_what_is_not_there_or_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "none.csv", tmp_path / "folder", Path(write_bars(tmp_path / "empty.csv"))):
        with pytest.raises(InvalidParam, match=path.name):
            open_bars(str(path))


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_bytes(HEADER.encode("ascii") + b"\n\xff\xff\xff,1\n")
    with pytest.raises(InvalidParam, match="第 . 行"):
        open_bars(str(tmp_path / "d.csv"))


def test_empty_lines_are_passed_over(tmp_path: Path) -> None:
    assert open_bars(write_bars(tmp_path / "d.csv", "", GOOD, "")).codes == [BANK]


def test_a_price_has_no_binary_noise_and_keeps_up_to_six_decimals(tmp_path: Path) -> None:
    row = "2026-07-06,000001.SZ,10.000000000000002,10.323456,9.8,10.29999999999,1000"
    bars = open_bars(write_bars(tmp_path / "d.csv", row))
    assert (last(bars, "09:30"), last(bars, "13:40"), last(bars, "15:00")) == ("10.00", "10.323456", "10.30")


def test_binary_noise_is_no_fault(tmp_path: Path) -> None:
    bars = open_bars(write_bars(tmp_path / "d.csv", "2026-07-06,000001.SZ,10.000000000000002,10,10,10,1000"))
    assert last(bars, "09:30") == "10.00"


def test_parquet_without_pyarrow_is_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    with pytest.raises(InvalidParam, match=r'pip install "jqtrade\[data\]"'):
        open_bars(str(tmp_path / "d.parquet"))


def write_parquet(path: Path, **columns: Any) -> str:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), str(path))
    return str(path)


def test_parquet_gives_the_same_bars_as_csv(tmp_path: Path) -> None:
    columns = {"open": [10.0, 10.1], "high": [10.5, 10.6], "low": [9.8, 9.9], "close": [10.3, 10.4]}
    times = [at("09:31"), at("09:32")]
    path = write_parquet(tmp_path / "d.parquet", time=times, code=[BANK] * 2, volume=[1000, 2000], **columns)
    rows = ["2026-07-06 09:31:00,000001.SZ,10,10.5,9.8,10.3,1000", "2026-07-06 09:32,000001.SZ,10.1,10.6,9.9,10.4,2000"]
    ours, other = open_bars(path), open_bars(write_bars(tmp_path / "d.csv", *rows))
    for clock in ("09:25", "09:31", "09:31:59", "09:32", "15:00"):
        assert ours.get(BANK, at(clock)) == other.get(BANK, at(clock))
    assert ours.traded_intervals(BANK, at("09:00"), at("15:00")) == other.traded_intervals(
        BANK, at("09:00"), at("15:00")
    )


def test_parquet_with_a_bad_row_or_that_is_none_is_named(tmp_path: Path) -> None:
    prices = {name: [1.0, 1.0] for name in ("open", "high", "low", "close")}
    path = write_parquet(
        tmp_path / "d.parquet", date=[date(2026, 7, 6)] * 2, code=[BANK, None], volume=[1.0, 1.0], **prices
    )
    with pytest.raises(InvalidParam, match="第 3 行有误（代码"):
        open_bars(path)
    (tmp_path / "d.parquet").write_bytes(b"not at all")
    with pytest.raises(InvalidParam, match="不是能读的 Parquet 文件"):
        open_bars(path)


def test_the_sample_data_are_what_their_script_makes(tmp_path: Path) -> None:
    import runpy

    script = runpy.run_path(str(DATA / "make_bars.py"))
    script["main"](str(tmp_path))
    for name in ("daily.csv", "minute.csv"):
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()
    assert sum(path.stat().st_size for path in DATA.glob("*.csv")) < 400000
    bars = open_bars(str(DATA))
    assert len(bars.codes) == 10 and len(bars.trading_days) == 124
    assert bars.is_paused("600000.XSHG", date(2026, 3, 11))
