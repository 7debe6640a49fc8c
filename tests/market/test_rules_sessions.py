"""The table "Sessions" of the rules page: a test for each of its rows."""

from decimal import Decimal
from pathlib import Path
from typing import Optional

import pytest

from jqtrade.market.sessions import session_at
from jqtrade.market.sources.bars import Bars, open_bars
from tests.paper.paper_helpers import BANK, HandQuotes, at, fate, strict_exchange, write_bars

STAR = "688001.XSHG"
CHINEXT = "300001.XSHE"
ETF = "510300.XSHG"
SHENZHEN_ETF = "159915.XSHE"
LOF = "501018.XSHG"
BOND = "113001.XSHG"
BEFORE = "2026-07-03"


def quotes_at(last: str = "10", code: str = BANK) -> HandQuotes:
    quotes = HandQuotes()
    quotes.set(code, last)
    return quotes


def cancel_at(clock: str, code: str = BANK, day: str = "2026-07-06") -> Optional[str]:
    """What a cancel at `clock` of an order that waits since 09:15 is refused with."""
    exchange = strict_exchange(quotes_at(code=code), at("09:00", day))
    exchange.submit("1", code, True, 200, Decimal("9.9"), at("09:15", day))
    assert fate(exchange) == "open"
    return exchange.cancel("1", at(clock, day))


def submit_at(clock: str, code: str = BANK, day: str = "2026-07-06", limit: str = "10") -> str:
    exchange = strict_exchange(quotes_at(code=code), at("09:00", day))
    exchange.submit("1", code, True, 200, Decimal(limit), at(clock, day))
    return fate(exchange)


def test_before_0915_nothing_is_taken() -> None:
    assert submit_at("09:14:59") == "rejected 当前时间 09:14:59 不允许委托"


def test_on_a_day_without_trading_nothing_is_taken() -> None:
    assert submit_at("10:00", day="2026-07-05") == "rejected 2026-07-05 不是交易日，不允许委托"


@pytest.mark.parametrize("clock", ["09:15", "09:19:59"])
def test_0915_to_0920_submit_and_cancel_in_the_opening_auction(clock: str) -> None:
    assert submit_at(clock) == "open"
    assert cancel_at(clock) is None


@pytest.mark.parametrize("clock", ["09:20", "09:24:59"])
def test_0920_to_0925_submit_but_no_cancel(clock: str) -> None:
    assert submit_at(clock) == "open"
    assert cancel_at(clock) == "撤单失败：当前时段不允许撤单"


@pytest.mark.parametrize("clock", ["09:25", "09:29:59"])
def test_0925_to_0930_orders_are_held_and_not_matched(clock: str) -> None:
    assert submit_at(clock) == "open"
    assert cancel_at(clock) == "撤单失败：当前时段不允许撤单"


@pytest.mark.parametrize("clock", ["09:30", "11:29:59", "13:00", "14:56:59"])
def test_0930_to_1130_and_1300_to_1457_continuous(clock: str) -> None:
    assert submit_at(clock) == "filled"
    assert cancel_at(clock) is None


@pytest.mark.parametrize("clock", ["11:30", "12:59:59"])
def test_1130_to_1300_orders_are_held_and_not_cancelled(clock: str) -> None:
    assert submit_at(clock) == "open"
    assert cancel_at(clock) == "撤单失败：当前时段不允许撤单"


@pytest.mark.parametrize("clock", ["14:57", "14:59:59"])
def test_1457_to_1500_closing_auction_without_cancel(clock: str) -> None:
    assert submit_at(clock) == "open"
    assert cancel_at(clock) == "撤单失败：当前时段不允许撤单"


def test_1457_to_1500_funds_in_shanghai_had_no_closing_auction_before_2026_07_06() -> None:
    assert submit_at("14:58", ETF, BEFORE) == "filled"
    assert cancel_at("14:58", ETF, BEFORE) is None
    assert submit_at("14:58", ETF) == "open"
    assert submit_at("14:58", SHENZHEN_ETF, BEFORE) == "open"


@pytest.mark.parametrize("clock", ["15:00", "15:04:59", "15:30", "16:00"])
def test_after_1500_nothing_is_taken_but_in_the_fixed_price_session(clock: str) -> None:
    assert submit_at(clock).endswith("不允许委托")


@pytest.mark.parametrize("code", [BANK, STAR, CHINEXT, ETF, SHENZHEN_ETF])
def test_1505_to_1530_fixed_price_for_all_shares_and_etfs_since_2026_07_06(code: str) -> None:
    assert submit_at("15:05", code) == submit_at("15:29:59", code) == "filled"


@pytest.mark.parametrize(
    ("code", "is_taken"), [(BANK, False), (ETF, False), (SHENZHEN_ETF, False), (STAR, True), (CHINEXT, True)]
)
def test_1505_to_1530_fixed_price_for_star_and_chinext_before(code: str, is_taken: bool) -> None:
    assert submit_at("15:10", code, BEFORE).startswith("filled" if is_taken else "rejected")


@pytest.mark.parametrize("code", [BOND, LOF])
def test_1505_to_1530_no_fixed_price_for_bonds_and_other_funds(code: str) -> None:
    assert submit_at("15:10", code).startswith("rejected")


def test_the_fixed_price_is_the_close_and_a_limit_on_the_wrong_side_of_it_is_refused() -> None:
    exchange = strict_exchange(quotes_at(), at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("10.50"), at("15:06"))
    assert exchange.orders["1"].average_price == 10
    exchange.submit("2", BANK, True, 100, Decimal("9.99"), at("15:07"))
    assert "按收盘价 10 成交" in fate(exchange, "2")


def test_what_waited_through_the_day_does_not_join_the_fixed_price_session_and_expires_at_its_end() -> None:
    quotes = quotes_at()
    exchange = strict_exchange(quotes, at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("9.50"), at("10:00"))
    exchange.advance(at("15:01"))
    quotes.set("000001", "9")
    exchange.advance(at("15:10"))
    assert fate(exchange) == "open"
    exchange.advance(at("15:30"))
    assert fate(exchange) == "canceled 收盘后未成交的委托自动撤销"
    assert exchange.ledger.frozen == 0 and exchange.orders["1"].updated == at("15:30")


def test_an_order_can_be_cancelled_in_the_fixed_price_session() -> None:
    assert cancel_at("15:10") is None


@pytest.fixture
def day_bar(tmp_path: Path) -> Bars:
    """Open 10, close 10.30."""
    return open_bars(write_bars(tmp_path / "d.csv", "2026-07-06,000001.XSHE,10,10.50,9.80,10.30,100000"))


def test_the_opening_auction_has_one_price_for_all_at_0925() -> None:
    quotes = quotes_at()
    exchange = strict_exchange(quotes, at("09:00"))
    for order_id, limit in (("1", "10.00"), ("2", "10.80"), ("3", "9.99")):
        exchange.submit(order_id, BANK, True, 100, Decimal(limit), at("09:16"))
    exchange.advance(at("09:24:59"))
    assert [fate(exchange, number) for number in "123"] == ["open"] * 3
    exchange.advance(at("09:25"))
    assert [fate(exchange, number) for number in "123"] == ["filled", "filled", "open"]
    assert exchange.orders["2"].average_price == 10


def test_the_opening_auction_of_bars_is_at_the_open_with_the_bars_volume(tmp_path: Path) -> None:
    rows = ["2026-07-03,000001.SZ,10,10,10,10,100", "2026-07-06,000001.SZ,10.20,10.50,9.80,10.30,1000"]
    exchange = strict_exchange(open_bars(write_bars(tmp_path / "d.csv", *rows)), at("09:00"))
    exchange.submit("1", BANK, True, 200, Decimal("10.30"), at("09:16"))
    exchange.submit("2", BANK, True, 200, Decimal("10.80"), at("09:17"))
    exchange.advance(at("09:26"))
    fills = [(order.order_id, order.filled, order.average_price) for order in exchange.orders.values()]
    assert fills == [("1", 0, 0), ("2", 200, Decimal("10.20"))]  # the better price first; 25 % of 1000, in lots


def test_the_closing_auction_is_at_the_close(day_bar: Bars) -> None:
    exchange = strict_exchange(day_bar, at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("10.30"), at("14:58"))
    exchange.submit("2", BANK, True, 100, Decimal("10.29"), at("14:58"))
    exchange.advance(at("14:59:59"))
    assert fate(exchange) == "open"
    exchange.advance(at("15:00"))
    assert (fate(exchange), fate(exchange, "2")) == ("filled", "open")
    assert exchange.orders["1"].average_price == Decimal("10.30")
    assert exchange.orders["1"].updated == at("15:00")


def test_held_orders_meet_the_market_when_it_opens_again(day_bar: Bars) -> None:
    exchange = strict_exchange(day_bar, at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("10.50"), at("12:00"))
    exchange.advance(at("12:59:59"))
    assert fate(exchange) == "open"
    exchange.advance(at("13:05"))
    assert fate(exchange) == "filled" and exchange.orders["1"].updated == at("13:00")


def test_a_source_that_knows_only_this_moment_holds_no_auction_afterwards() -> None:
    exchange = strict_exchange(quotes_at(), at("09:00"))
    exchange.submit("1", BANK, True, 20000, Decimal("10"), at("09:16"))
    exchange.advance(at("09:40"))
    assert exchange.orders["1"].filled == 10000  # continuous trading, not the auction, which would fill it whole
    assert exchange.orders["1"].updated == at("09:40")


def test_each_code_has_a_session_at_any_minute() -> None:
    for code in (BANK, STAR, CHINEXT, ETF, SHENZHEN_ETF, LOF, BOND):
        kinds = [session_at(at(f"{minute // 60:02d}:{minute % 60:02d}"), code).kind for minute in range(1440)]
        assert kinds.count("continuous") == 120 + 117 and kinds.count("auction") == 10 + 3
