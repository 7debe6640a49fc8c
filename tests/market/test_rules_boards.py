"""The table "By board" of the rules page: a test for each of its columns, a case for each of its rows."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Optional

import pytest

from jqtrade.market.boards import Board, board_of
from jqtrade.market.funds import SAME_DAY_FUNDS
from jqtrade.market.price_rules import CAGES, PRICE_LIMITS, Range, cage_range, limit_range
from jqtrade.market.quotes import Quote
from jqtrade.market.sources.bars import open_bars
from jqtrade.paper.exchange import PaperExchange
from tests.paper.paper_helpers import HandQuotes, at, fate, strict_exchange, write_bars

SH_MAIN, SZ_MAIN, CHINEXT, STAR = "600000.XSHG", "000001.XSHE", "300001.XSHE", "688001.XSHG"
BEIJING, SH_ETF, SZ_ETF, SH_BOND, SZ_BOND = "920001.XBSE", "510300.XSHG", "159901.XSHE", "113001.XSHG", "123001.XSHE"
NEW = date(2026, 7, 6)
OLD = date(2026, 7, 3)


def board(code: str) -> Board:
    found = board_of(code)
    assert found is not None
    return found


def exchange_with(code: str, last: str = "10", cash: Any = 10**9, **more: Any) -> PaperExchange:
    quotes = HandQuotes()
    quotes.set(code, last, **more)
    return strict_exchange(quotes, at("09:00"), cash)


def order(code: str, amount: int, limit: str, is_buy: bool = True, clock: str = "10:00", **more: Any) -> str:
    exchange = exchange_with(code, **more)
    exchange.submit("1", code, is_buy, amount, Decimal(limit), at(clock))
    return fate(exchange)


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("沪市主板", "600000 601000 603000 605000"),
        ("深市主板", "000001 001001 002001 003001"),
        ("创业板", "300001 301001 302001"),
        ("科创板", "688001 689001"),
        ("北交所", "920001 430001 820001 830001 870001 880001"),
        ("沪市基金", "500001 510001 520001 530001 560001 588001"),
        ("深市基金", "150001 159001 160001 184001"),
        ("沪市可转债", "110001 111001 113001 118001"),
        ("深市可转债", "123001 127001 128001"),
    ],
)
def test_code_prefixes(name: str, codes: str) -> None:
    suffix = {"沪": ".XSHG", "科": ".XSHG", "北": ".XBSE"}.get(name[0], ".XSHE")
    assert {board(code + suffix).name for code in codes.split()} == {name}


@pytest.mark.parametrize(
    ("code", "good", "bad"),
    [
        (SH_MAIN, [100, 300], [1, 99, 150]),
        (SZ_MAIN, [100, 300], [50, 101]),
        (CHINEXT, [100, 300], [150]),
        (STAR, [200, 201, 999], [199, 100]),
        (SH_ETF, [100], [110]),
        (SZ_ETF, [100], [10]),
        (SH_BOND, [10, 20], [1, 15]),
        (SZ_BOND, [10, 20], [5]),
    ],
)
def test_buy_lot(code: str, good: Any, bad: Any) -> None:
    assert {order(code, amount, "10") for amount in good} == {"filled"}
    assert all("委托数量错误" in order(code, amount, "10") for amount in bad)


def test_buy_lot_of_beijing_is_100_and_then_single_shares() -> None:
    assert (board(BEIJING).min_amount, board(BEIJING).step) == (100, 1)


def test_beijing_is_not_traded_through_one_quant() -> None:
    assert order(BEIJING, 100, "10") == "rejected 证券代码 920001.XBSE：北交所的证券不能通过这个柜台交易"


@pytest.mark.parametrize(
    ("code", "most"),
    [
        (SH_MAIN, 1000000),
        (SZ_MAIN, 1000000),
        (CHINEXT, 300000),
        (STAR, 100000),
        (SH_ETF, 1000000),
        (SZ_ETF, 1000000),
        (SH_BOND, 1000000),
        (SZ_BOND, 1000000),
    ],
)
def test_limit_order_at_most(code: str, most: int) -> None:
    assert order(code, most, "10") == "filling"
    assert f"单笔上限 {most}" in order(code, most + 1000, "10")


def test_market_orders_at_most_are_known_though_the_counter_refuses_them_all() -> None:
    assert (board(CHINEXT).max_market_amount, board(STAR).max_market_amount) == (150000, 50000)
    exchange = exchange_with(STAR)
    exchange.submit("1", STAR, True, 200, None, at("10:00"))
    assert "不接受市价委托" in fate(exchange)


def limits(code: str, day: date, prev_close: Optional[str] = "10", **more: Any) -> Any:
    close = None if prev_close is None else Decimal(prev_close)
    low, high = limit_range(board(code), code, day, Quote(Decimal(10), prev_close=close, **more))
    return low and str(low), high and str(high)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (SH_MAIN, ("9.00", "11.00")),
        (SZ_MAIN, ("9.00", "11.00")),
        (CHINEXT, ("8.00", "12.00")),
        (STAR, ("8.00", "12.00")),
        (BEIJING, ("7.00", "13.00")),
        (SH_ETF, ("9.000", "11.000")),
        (SZ_ETF, ("9.000", "11.000")),
        ("588000.XSHG", ("8.000", "12.000")),
        ("159915.XSHE", ("8.000", "12.000")),
        (SH_BOND, ("8.000", "12.000")),
        (SZ_BOND, ("8.000", "12.000")),
    ],
)
def test_price_limit(code: str, expected: Any) -> None:
    assert limits(code, NEW) == expected


@pytest.mark.parametrize("code", [SH_MAIN, SZ_MAIN])
def test_price_limit_of_st_shares_is_5_percent_until_2026_07_05_and_10_since(code: str) -> None:
    assert limits(code, OLD, is_st=True) == limits(code, date(2026, 7, 5), is_st=True) == ("9.50", "10.50")
    assert limits(code, NEW, is_st=True) == ("9.00", "11.00")
    assert limits(code, OLD) == ("9.00", "11.00")


@pytest.mark.parametrize("code", [CHINEXT, STAR])
def test_price_limit_of_st_shares_on_chinext_and_star_is_that_of_all(code: str) -> None:
    assert limits(code, OLD, is_st=True) == ("8.00", "12.00")


def test_price_limit_of_chinext_was_10_percent_before_2020_08_24() -> None:
    assert limits(CHINEXT, date(2020, 8, 21)) == ("9.00", "11.00")


def test_price_limits_are_rounded_half_up_to_the_tick() -> None:
    assert limits(SZ_MAIN, NEW, "10.05") == ("9.05", "11.06")  # 9.045 and 11.055
    assert limits(SH_ETF, NEW, "1.005") == ("0.905", "1.106")


def test_without_a_previous_close_there_is_no_limit() -> None:
    assert limits(SZ_MAIN, NEW, None) == (None, None)


@pytest.mark.parametrize(
    ("code", "free"), [(SH_MAIN, 5), (SZ_MAIN, 5), (CHINEXT, 5), (STAR, 5), (BEIJING, 1), (SH_ETF, 0)]
)
def test_the_first_trading_days_have_no_limit(code: str, free: int) -> None:
    assert free == 0 or limits(code, NEW, days_listed=free) == (None, None)
    assert limits(code, NEW, days_listed=free + 1) == limits(code, NEW) != (None, None)


def test_the_sources_own_limits_win_even_on_the_first_days() -> None:
    own = {"high_limit": Decimal("10.44"), "low_limit": Decimal("9.56")}
    assert limits(SZ_MAIN, NEW, **own) == limits(SZ_MAIN, NEW, days_listed=1, **own) == ("9.56", "10.44")


@pytest.mark.parametrize(("limit", "is_buy"), [("11.01", True), ("8.99", True)])
def test_a_price_past_the_limit_is_refused(limit: str, is_buy: bool) -> None:
    refused = order(SZ_MAIN, 100, limit, is_buy, "09:16", prev_close="10")
    assert refused in (
        "rejected 委托价格 11.01 高于涨停价 11.00",
        "rejected 委托价格 8.99 低于跌停价 9.00",
    )
    assert order(SZ_MAIN, 100, "11.00", True, "09:16", prev_close="10") == "open"


def test_the_day_of_listing_is_counted_from_the_bars(tmp_path: Path) -> None:
    days = [date(2026, 7, 6) + timedelta(days=number) for number in range(11)]
    days = [day for day in days if day.weekday() < 5]
    rows = [f"{day},000001.SZ,10,10,10,10,10000,1991-04-03" for day in days]
    rows += [f"{day},001999.SZ,10,10,10,10,10000,2026-07-07" for day in days[1:]]
    header = "date,code,open,high,low,close,volume,list_date"
    bars = open_bars(write_bars(tmp_path / "d.csv", *rows, header=header))
    listed = [bars.get("001999.XSHE", at("10:00", str(day))) for day in days]
    assert [quote and quote.days_listed for quote in listed] == [None, 1, 2, 3, 4, 5, 6, 7, 8]
    old = bars.get(SZ_MAIN, at("10:00"))
    assert old is not None and old.days_listed is not None and old.days_listed > 8000


@pytest.mark.parametrize(
    ("code", "good", "bad"),
    [
        (SH_MAIN, "10.01", "10.001"),
        (STAR, "10.01", "10.005"),
        (SH_ETF, "10.001", "10.0001"),
        (SZ_BOND, "10.001", "10.0005"),
    ],
)
def test_tick(code: str, good: str, bad: str) -> None:
    assert "rejected" not in order(code, 200, good)
    assert "最小变动单位" in order(code, 200, bad)


def cage(code: str, day: date = NEW, last: str = "10", **more: Any) -> Range:
    prices = {name: Decimal(price) for name, price in more.items()}
    return cage_range(board(code), day, Quote(Decimal(last), **prices))


@pytest.mark.parametrize(
    ("code", "low", "high"),
    [
        (SH_MAIN, "9.80", "10.20"),
        (SZ_MAIN, "9.80", "10.20"),
        (CHINEXT, "9.80", "10.20"),
        (STAR, "9.80", "10.20"),
        (BEIJING, "9.50", "10.50"),
        (SH_BOND, "9.000", "11.000"),
        (SZ_BOND, "9.000", "11.000"),
    ],
)
def test_price_cage(code: str, low: str, high: str) -> None:
    assert cage(code) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize("code", [SH_ETF, SZ_ETF])
def test_price_cage_none_for_funds(code: str) -> None:
    assert cage(code) == (None, None)


def test_price_cage_of_the_main_board_is_10_ticks_where_that_is_wider() -> None:
    assert cage(SZ_MAIN, last="3") == (Decimal("2.90"), Decimal("3.10"))
    assert cage(STAR, last="3") == (Decimal("2.94"), Decimal("3.06"))


def test_price_cage_of_the_main_board_since_2023_04_10() -> None:
    assert cage(SZ_MAIN, date(2023, 4, 7)) == (None, None)
    assert cage(SZ_MAIN, date(2023, 4, 10)).high == Decimal("10.20")


def test_price_cage_goes_by_the_best_ask_else_bid_else_last_and_for_sales_the_mirror() -> None:
    assert cage(SZ_MAIN, bid1="20", ask1="30") == (Decimal("19.60"), Decimal("30.60"))
    assert cage(SZ_MAIN, bid1="20") == (Decimal("19.60"), Decimal("20.40"))
    assert cage(SZ_MAIN, ask1="30") == (Decimal("29.40"), Decimal("30.60"))


def test_price_cage_refuses_in_continuous_trading_alone() -> None:
    assert "价格笼子" in order(SZ_MAIN, 100, "10.21") and "买入不得高于 10.20" in order(SZ_MAIN, 100, "10.21")
    assert order(SZ_MAIN, 100, "10.20") == "filled"
    assert order(SZ_MAIN, 100, "10.21", clock="09:16") == order(SZ_MAIN, 100, "10.21", clock="14:58") == "open"
    assert "卖出不得低于 9.80" in order(SZ_MAIN, 100, "9.79", is_buy=False)


def test_limits_and_cage_are_for_a_market_that_keeps_hours() -> None:
    quotes = HandQuotes()
    quotes.set(SZ_MAIN, "10", prev_close="10")
    exchange = PaperExchange(exchange_with(SZ_MAIN).ledger, quotes, at("09:00"))
    exchange.submit("1", SZ_MAIN, True, 100, Decimal("0.01"), at("03:00"))
    assert fate(exchange) == "open"


def test_every_board_has_its_limits_and_cages_for_every_day() -> None:
    for code in (SH_MAIN, SZ_MAIN, CHINEXT, STAR, BEIJING, SH_ETF, SZ_ETF, SH_BOND, SZ_BOND):
        for table in (PRICE_LIMITS[board(code).name], CAGES[board(code).name]):
            days = [rule.since for rule in table]
            assert days == sorted(days) and days[0] == date.min


def test_the_funds_listed_are_of_a_fund_board() -> None:
    assert {board(code).kind for code in SAME_DAY_FUNDS} == {"fund"}
