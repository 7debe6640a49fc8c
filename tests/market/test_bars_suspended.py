"""Minute bars of a security that is suspended for a part of the day."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import List, Optional, Tuple

import pytest

from jqtrade.market.sources.bars import Bars, open_bars
from tests.paper.paper_helpers import BANK, DAY_HEADER, at, fate, strict_exchange, write_bars

DAY = date(2026, 7, 6)
EARLIER = "2026-07-03,000001.SZ,9,9,9,9,4000,0"
PAUSED_AT_NOON = [
    "2026-07-06 09:31:00,000001.SZ,10,10.10,9.90,10.05,40000,0",
    "2026-07-06 09:32:00,000001.SZ,,,,,0,1",
    "2026-07-06 11:30:00,000001.SZ,,,,,0,1",
    "2026-07-06 13:01:00,000001.SZ,10.20,10.30,10.20,10.25,40000,0",
    "2026-07-06 14:00:00,000001.SZ,,,,,0,1",
    "2026-07-06 15:00:00,000001.SZ,,,,,0,1",
]
PAUSED_AT_FIRST = ["2026-07-06 09:31:00,000001.SZ,,,,,0,1", *PAUSED_AT_NOON[3:4]]


def make(tmp_path: Path, *rows: str) -> Bars:
    return open_bars(write_bars(tmp_path / "bars.csv", *rows, header=DAY_HEADER + ",paused"))


def seen(bars: Bars, clock: str) -> Tuple[str, bool]:
    """The last price, and whether it is paused."""
    quote = bars.get(BANK, at(clock))
    assert quote is not None
    return str(quote.last), quote.paused


@pytest.mark.parametrize("before", [[], [EARLIER]], ids=["new", "known"])
@pytest.mark.parametrize("rows", [PAUSED_AT_NOON, PAUSED_AT_FIRST, PAUSED_AT_NOON[1:3]], ids=["noon", "first", "all"])
def test_every_minute_of_a_day_with_unpriced_rows_has_a_quote(
    tmp_path: Path, rows: List[str], before: List[str]
) -> None:
    bars = make(tmp_path, *before, *rows)
    exchange = strict_exchange(bars, at("00:00"))
    now: datetime = at("00:00")
    last: Optional[Decimal] = None
    for _ in range(24 * 60):
        quote = bars.get(BANK, now)
        assert quote is None or quote.last > 0
        assert quote is not None or last is None
        last = quote and quote.last
        exchange.submit(f"{now}", BANK, True, 100, Decimal(10), now)
        now += timedelta(minutes=1)
    assert not any(str(order.status) == "new" for order in exchange.orders.values())


def test_rows_decide_one_by_one_whether_it_is_suspended_and_the_last_traded_price_stays(tmp_path: Path) -> None:
    bars = make(tmp_path, EARLIER, *PAUSED_AT_NOON)
    assert seen(bars, "09:20") == ("9.00", False) and seen(bars, "09:30") == ("10.00", False)
    assert seen(bars, "09:31:59") == ("10.05", False) and seen(bars, "09:32") == ("10.05", True)
    assert seen(bars, "13:00:59") == ("10.05", True) and seen(bars, "13:01") == ("10.25", False)
    assert seen(bars, "15:00") == ("10.25", True)
    assert not bars.is_paused(BANK, DAY)


def test_a_day_that_begins_suspended_is_traded_later(tmp_path: Path) -> None:
    bars = make(tmp_path, EARLIER, *PAUSED_AT_FIRST)
    assert seen(bars, "09:26") == ("9.00", True) and seen(bars, "13:00") == ("9.00", True)
    assert seen(bars, "13:01") == ("10.25", False) and not bars.is_paused(BANK, DAY)
    exchange = strict_exchange(bars, at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("9.50"), at("10:00"))
    exchange.submit("2", BANK, True, 100, Decimal("9.50"), at("13:01"))
    exchange.submit("3", BANK, True, 100, Decimal("9.90"), at("13:01"))
    assert fate(exchange) == "rejected 证券 000001.XSHE 停牌，不能委托"
    assert (fate(exchange, "2"), fate(exchange, "3")) == ("open", "open")


def test_a_day_of_paused_rows_is_suspended_from_midnight_on(tmp_path: Path) -> None:
    bars = make(tmp_path, EARLIER, *PAUSED_AT_NOON[1:3])
    assert bars.is_paused(BANK, DAY)
    assert {seen(bars, clock) for clock in ("00:00", "09:25", "09:31", "12:00", "16:00")} == {("9.00", True)}


def test_what_holds_for_the_day_is_from_its_first_row_that_is_not_paused(tmp_path: Path) -> None:
    header = DAY_HEADER + ",paused,pre_close,high_limit,low_limit,is_st"
    rows = [PAUSED_AT_FIRST[0] + ",,,,0", PAUSED_AT_FIRST[1] + ",9.80,10.78,8.82,1"]
    quote = open_bars(write_bars(tmp_path / "bars.csv", *rows, header=header)).get(BANK, at("13:01"))
    assert quote is not None and quote.is_st
    assert [str(price) for price in (quote.prev_close, quote.high_limit, quote.low_limit)] == ["9.80", "10.78", "8.82"]


def test_an_order_rests_while_it_is_suspended_and_fills_afterwards(tmp_path: Path) -> None:
    rows = PAUSED_AT_NOON[:3] + ["2026-07-06 13:01:00,000001.SZ,9.80,9.80,9.70,9.75,40000,0"]
    exchange = strict_exchange(make(tmp_path, EARLIER, *rows), at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("9.85"), at("09:31"))
    exchange.advance(at("13:00:59"))
    assert fate(exchange) == "open"
    exchange.advance(at("15:00"))
    assert exchange.orders["1"].average_price == Decimal("9.80")
