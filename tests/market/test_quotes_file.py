import os
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import List

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.market.quotes import Quote
from jqtrade.market.sources import open_quotes
from jqtrade.market.sources.quotes_file import FileQuotes
from tests.paper.paper_helpers import BANK, MORNING, make_exchange, quiet

NEXT = MORNING + timedelta(seconds=5)
LATER = MORNING + timedelta(seconds=10)


def write(path: Path, content: bytes) -> str:
    """Write a quotes file whose time differs from all before, whatever the file system's grain."""
    before = path.stat().st_mtime_ns if path.exists() else 10**18
    path.write_bytes(content)
    os.utime(str(path), ns=(before + 10**9, before + 10**9))
    return str(path)


def last(quotes: FileQuotes, code: str, now: datetime) -> Decimal:
    quote = quotes.get(code, now)
    assert quote is not None
    return quote.last


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_gives_its_prices_in_any_encoding(tmp_path: Path, encoding: str, line_end: str) -> None:
    text = line_end.join(
        ["code,last,bid1,ask1,prev_close,名称", "000001.SZ,10.01,10,10.02,9.9,平安银行", "600000.XSHG,8,,,,", ""]
    )
    quotes = FileQuotes(write(tmp_path / "q.csv", text.encode(encoding)), quiet)
    assert quotes.get(BANK, MORNING) == Quote(Decimal("10.01"), Decimal(10), Decimal("10.02"), Decimal("9.9"))
    assert quotes.get("600000.XSHG", MORNING) == Quote(Decimal(8))
    assert quotes.get("600001.XSHG", MORNING) is None


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    quotes = FileQuotes(write(tmp_path / "q.csv", b"code,last\n000001.SZ,10\n"), quiet)
    write(tmp_path / "q.csv", b"code,last\n000001.SZ,11\n")
    assert last(quotes, BANK, NEXT) == 11


def test_a_broken_row_is_skipped_and_said_once(tmp_path: Path) -> None:
    said: List[str] = []
    rows = b"code,last\n000001.SZ,10\nnonsense,5\n000002.SZ,abc\n000003.SZ,-1\n000004.SZ\n"
    quotes = FileQuotes(write(tmp_path / "q.csv", rows), said.append)
    write(tmp_path / "q.csv", rows + b"\n000005.SZ,3\n")
    assert last(quotes, BANK, NEXT) == 10 and last(quotes, "000005.XSHE", NEXT) == 3
    assert [quotes.get(f"00000{n}.XSHE", NEXT) for n in (2, 3, 4)] == [None, None, None]
    assert len(said) == 4 and "第 3 行" in said[0]


@pytest.mark.parametrize(
    "half", [b"", b"co", b"code,last\n", b"code,last\n000001.SZ,1", b"code,last\n000001.SZ,12\n0000"]
)
def test_a_half_written_file_keeps_the_last_good_prices(tmp_path: Path, half: bytes) -> None:
    said: List[str] = []
    quotes = FileQuotes(write(tmp_path / "q.csv", b"code,last\n000001.SZ,10\n000002.SZ,20\n"), said.append)
    write(tmp_path / "q.csv", half)
    assert (last(quotes, BANK, NEXT), last(quotes, "000002.XSHE", NEXT)) == (10, 20)
    write(tmp_path / "q.csv", b"code,last\n000001.SZ,12\n000002.SZ,21\n")
    assert (last(quotes, BANK, LATER), last(quotes, "000002.XSHE", LATER)) == (12, 21)
    assert said == []


def test_a_last_line_without_end_counts_once_the_file_is_left_alone(tmp_path: Path) -> None:
    quotes = FileQuotes(write(tmp_path / "q.csv", b"code,last\n000001.SZ,10\n"), quiet)
    write(tmp_path / "q.csv", b"code,last\n000001.SZ,11")
    assert last(quotes, BANK, NEXT) == 10
    assert last(quotes, BANK, LATER) == 11


def test_codes_that_stay_away_are_gone(tmp_path: Path) -> None:
    quotes = FileQuotes(write(tmp_path / "q.csv", b"code,last\n000001.SZ,10\n000002.SZ,20\n"), quiet)
    write(tmp_path / "q.csv", b"code,last\n000001.SZ,11\n")
    assert quotes.get("000002.XSHE", NEXT) is not None
    assert quotes.get("000002.XSHE", LATER) is None


def test_a_file_that_vanishes_is_said_once_and_keeps_its_prices(tmp_path: Path) -> None:
    said: List[str] = []
    path = tmp_path / "q.csv"
    quotes = FileQuotes(write(path, b"code,last\n000001.SZ,10\n"), said.append)
    path.unlink()
    assert last(quotes, BANK, NEXT) == 10 and last(quotes, BANK, LATER) == 10
    write(path, b"code,last\n000001.SZ,11\n")
    assert last(quotes, BANK, LATER + timedelta(seconds=1)) == 11
    assert len(said) == 2 and "读不了" in said[0] and "又能读" in said[1]


def test_a_missing_file_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidParam, match="none.csv"):
        open_quotes(str(tmp_path / "none.csv"), 0, quiet)


def test_a_file_without_header_is_an_error_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidParam, match="code,last"):
        open_quotes(write(tmp_path / "q.csv", b"000001.SZ,10\n"), 0, quiet)


def test_a_resting_order_meets_the_prices_of_a_file_that_changes(tmp_path: Path) -> None:
    path = tmp_path / "quotes.csv"
    quotes = FileQuotes(write(path, b"code,last\n000001.SZ,10\n"), quiet)
    exchange = make_exchange(quotes)
    assert exchange.submit("1", BANK, True, 100, Decimal(9), MORNING) is None
    exchange.advance(NEXT)
    assert exchange.orders["1"].status == "open"
    write(path, b"code,last\n000001.SZ,8.9\n")
    exchange.advance(LATER)
    assert exchange.orders["1"].status == "filled"
