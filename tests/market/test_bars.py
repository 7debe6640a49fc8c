"""How bars become prices: what is known at a moment, and what could be traded."""

import time
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List

import pytest

from jqtrade.market.dividends import Action, Actions
from jqtrade.market.quotes import Quote
from jqtrade.market.sources.bars import Bars, open_bars
from jqtrade.paper.terms import ExchangeTerms
from tests.paper.paper_helpers import BANK, at, fate, strict_exchange, write_bars

DAILY = ["2026-07-03,000001.SZ,9,9,9,9,4000", "2026-07-06,000001.SZ,10,10.40,9.20,9.60,100000"]
MINUTES = [
    "2026-07-06 09:31:00,000001.SZ,10.00,10.10,9.95,10.05,40000",
    "2026-07-06 09:32:00,000001.SZ,10.06,10.20,10.06,10.15,4000",
    "2026-07-06 09:33:00,000001.SZ,10.10,10.12,9.90,9.99,8000",
]


def make(tmp_path: Path, *rows: str) -> Bars:
    return open_bars(write_bars(tmp_path / "bars.csv", *rows))


def quote(bars: Bars, clock: str, day: str = "2026-07-06") -> Quote:
    found = bars.get(BANK, at(clock, day))
    assert found is not None
    return found


def lasts(bars: Bars, *clocks: str) -> List[str]:
    return [str(quote(bars, clock).last) for clock in clocks]


def test_a_daily_bar_is_a_path_from_open_to_nearer_extreme_to_the_other_to_close(tmp_path: Path) -> None:
    bars = make(tmp_path, *DAILY)
    assert lasts(bars, "09:24:59", "09:25", "09:30") == ["9.00", "10.00", "10.00"]
    assert lasts(bars, "10:10", "10:50", "11:30", "12:30", "13:00") == ["10.20", "10.40", "9.80", "9.80", "9.80"]
    assert lasts(bars, "13:40", "14:20", "15:00", "20:00") == ["9.20", "9.40", "9.60", "9.60"]


@pytest.mark.parametrize(
    ("row", "corners"),
    [
        ("10,10.50,9.90,10.20", ["9.90", "10.50"]),
        ("10,10.10,9.50,9.80", ["10.10", "9.50"]),
        ("10,10.50,9.50,9.80", ["10.50", "9.50"]),  # as near: the high first
        ("10,10,9.50,9.80", ["10.00", "9.50"]),
    ],
)
def test_the_nearer_extreme_comes_first(tmp_path: Path, row: str, corners: List[str]) -> None:
    assert lasts(make(tmp_path, f"2026-07-06,000001.SZ,{row},100"), "10:50", "13:40") == corners


def test_a_path_moves_by_ticks_and_stays_within_its_bar(tmp_path: Path) -> None:
    bars = make(tmp_path, "2026-07-06,510300.SH,4.001,4.017,3.993,4.013,100")
    prices = [found.close for found in bars.traded_intervals("510300.XSHG", at("09:00"), at("15:00"))]
    assert len(prices) == 242 and (min(prices), max(prices)) == (Decimal("3.993"), Decimal("4.017"))
    assert all(price % Decimal("0.001") == 0 for price in prices)


def test_a_minute_bar_is_known_when_it_ends_and_not_before(tmp_path: Path) -> None:
    bars = make(tmp_path, *MINUTES)
    assert lasts(bars, "09:25", "09:30", "09:30:59") == ["10.00"] * 3  # the auction's price, public since 09:25
    assert lasts(bars, "09:31", "09:31:59") == ["10.05"] * 2
    assert lasts(bars, "09:32", "09:32:59", "09:33", "15:00") == ["10.15", "10.15", "9.99", "9.99"]
    assert bars.get(BANK, at("09:24:59")) is None


def test_a_strategy_at_10_00_does_not_see_the_minute_that_ends_at_10_01(tmp_path: Path) -> None:
    def rows(close: str) -> List[str]:
        bar = f"2026-07-06 10:01:00,000001.SZ,10,{max(close, '10')},{min(close, '10')},{close},999"
        return ["2026-07-06 10:00:00,000001.SZ,10,10,10,10,100", bar]

    one, other = make(tmp_path, *rows("10")), make(tmp_path, *rows("12"))
    for clock in ("09:25", "10:00", "10:00:59"):
        assert one.get(BANK, at(clock)) == other.get(BANK, at(clock))
        assert one.traded_intervals(BANK, at("09:00"), at(clock)) == other.traded_intervals(
            BANK, at("09:00"), at(clock)
        )
    assert quote(other, "10:01").last == 12


def test_nothing_of_the_future_changes_what_is_known_or_filled_now(tmp_path: Path) -> None:
    def fills(bars: Bars) -> Any:
        exchange = strict_exchange(bars, at("09:00"))
        for number, clock in enumerate(["09:26", "09:30", "09:31", "09:31:30", "09:32"]):
            exchange.submit(str(number), BANK, True, 300, Decimal("10.10"), at(clock))
        exchange.advance(at("09:32"))
        return [order[:-1] for order in exchange.take_states()], exchange.snapshot(at("09:32:59"))

    longer = MINUTES[:2] + ["2026-07-06 09:33:00,000001.SZ,1,99,1,50,1", "2026-07-07,000001.SZ,5,5,5,5,5"]
    before = [DAILY[0]]
    assert fills(make(tmp_path, *before, *MINUTES)) == fills(make(tmp_path, *before, *longer))


def test_the_open_is_known_at_0925_only_if_the_first_minute_has_a_bar(tmp_path: Path) -> None:
    bars = make(tmp_path, DAILY[0], MINUTES[1])
    assert lasts(bars, "09:25", "09:31:59", "09:32") == ["9.00", "9.00", "10.15"]
    assert quote(bars, "09:31").is_old and not quote(bars, "09:32").is_old
    assert bars.auction(BANK, at("09:25")) is None and bars.auction(BANK, at("15:00")) is None


def test_before_the_first_bar_nothing_is_known(tmp_path: Path) -> None:
    bars = make(tmp_path, *DAILY)
    assert bars.get(BANK, at("10:00", "2026-07-02")) is None
    assert bars.get("600000.XSHG", at("10:00")) is None
    assert not bars.is_paused(BANK, date(2026, 7, 2)) and not bars.is_paused("600000.XSHG", date(2026, 7, 6))


def test_after_the_last_bar_its_close_stands(tmp_path: Path) -> None:
    bars = make(tmp_path, *DAILY)
    late = quote(bars, "10:00", "2026-08-01")
    assert (str(late.last), late.is_old, late.paused) == ("9.60", True, False)


def test_the_previous_close_is_the_column_or_else_the_last_close(tmp_path: Path) -> None:
    assert quote(make(tmp_path, *DAILY), "10:00").prev_close == 9
    header = "time,code,open,high,low,close,volume,pre_close,high_limit,low_limit"
    rows = [DAILY[0] + ",8,8.80,7.20", DAILY[1] + ",8.5,,nan"]
    found = quote(open_bars(write_bars(tmp_path / "p.csv", *rows, header=header)), "10:00")
    assert (found.prev_close, found.close_day, found.high_limit, found.low_limit) == (Decimal("8.5"), None, None, None)


def test_a_code_without_a_row_on_a_trading_day_is_suspended(tmp_path: Path) -> None:
    bars = make(tmp_path, DAILY[0], "2026-07-06,600000.SH,8,8,8,8,100", "2026-07-07,000001.SZ,9,9,9,9,100")
    assert bars.is_paused(BANK, date(2026, 7, 6)) and not bars.is_paused(BANK, date(2026, 7, 7))
    assert not bars.is_paused(BANK, date(2026, 7, 5))
    exchange = strict_exchange(bars, at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal(9), at("10:00"))
    assert fate(exchange) == "rejected 证券 000001.XSHE 停牌，不能委托"


def test_trading_days_are_the_days_with_bars(tmp_path: Path) -> None:
    bars = make(tmp_path, *reversed(DAILY))
    assert bars.trading_days == [date(2026, 7, 3), date(2026, 7, 6)]
    assert bars.is_trading_day(date(2026, 7, 6)) and not bars.is_trading_day(date(2026, 7, 7))


def test_the_zone_of_the_machine_and_summer_time_do_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(time, "tzset"):
        pytest.skip("not on Windows")
    rows = ["2026-03-08 10:00:00,000001.SZ,10,10,10,10,100", "2026-03-08 10:01:00,000001.SZ,11,11,11,11,100"]
    seen = []
    for zone in ("Asia/Shanghai", "America/New_York", "UTC"):  # New York's clocks went forward on that day
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        bars = make(tmp_path, *rows)
        seen.append([bars.get(BANK, at(clock, "2026-03-08")) for clock in ("09:59", "10:00", "10:01")])
    monkeypatch.delenv("TZ")
    time.tzset()
    assert seen[0] == seen[1] == seen[2]


def test_an_order_that_crosses_fills_at_the_last_known_price(tmp_path: Path) -> None:
    exchange = strict_exchange(make(tmp_path, *MINUTES), at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("10.10"), at("09:31:20"))
    assert (fate(exchange), exchange.orders["1"].average_price) == ("filled", Decimal("10.05"))


def test_a_waiting_order_fills_at_its_limit_when_a_bar_came_that_far(tmp_path: Path) -> None:
    exchange = strict_exchange(make(tmp_path, *MINUTES), at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("9.92"), at("09:32"))
    exchange.advance(at("09:32:59"))
    assert fate(exchange) == "open"
    exchange.advance(at("09:40"))
    assert (exchange.orders["1"].average_price, exchange.orders["1"].updated) == (Decimal("9.92"), at("09:33"))


def test_a_waiting_order_fills_at_the_open_when_that_is_better(tmp_path: Path) -> None:
    rows = [MINUTES[0], "2026-07-06 09:32:00,000001.SZ,9.50,9.60,9.40,9.60,4000"]
    exchange = strict_exchange(make(tmp_path, *rows), at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("9.90"), at("09:31"))
    exchange.advance(at("09:32"))
    assert exchange.orders["1"].average_price == Decimal("9.50")


def test_an_order_that_came_within_a_minute_gets_its_close_or_nothing(tmp_path: Path) -> None:
    exchange = strict_exchange(make(tmp_path, *MINUTES), at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal("9.95"), at("09:32:30"))  # the low 9.90 may have been before
    exchange.submit("2", BANK, True, 100, Decimal("10.00"), at("09:32:30"))
    exchange.advance(at("09:33"))
    assert (fate(exchange), exchange.orders["2"].average_price) == ("open", Decimal("9.99"))


def test_a_sale_mirrors_a_buy(tmp_path: Path) -> None:
    bars = make(tmp_path, "2026-07-03,000001.SZ,10,10,10,10,4000", *MINUTES)
    exchange = strict_exchange(bars, at("10:00", "2026-07-03"))
    exchange.submit("0", BANK, True, 1000, Decimal(10), at("10:00", "2026-07-03"))
    for number, (limit, clock) in enumerate([("10.18", "09:31"), ("10.05", "09:31"), ("9.90", "09:31")], 1):
        exchange.submit(str(number), BANK, False, 100, Decimal(limit), at(clock))
    exchange.advance(at("09:32"))
    assert [str(exchange.orders[number].average_price) for number in "123"] == ["10.18", "10.05", "10.05"]


def test_fills_never_exceed_a_share_of_a_bars_volume(tmp_path: Path) -> None:
    exchange = strict_exchange(make(tmp_path, *MINUTES), at("09:00"))
    exchange.submit("1", BANK, True, 9000, Decimal("10.20"), at("09:31"))
    exchange.submit("2", BANK, True, 9000, Decimal("10.20"), at("09:31"))
    assert (exchange.orders["1"].filled, exchange.orders["2"].filled) == (9000, 1000)  # 25 % of 40000
    exchange.advance(at("09:32"))
    assert exchange.orders["2"].filled == 2000
    exchange.advance(at("15:00"))
    assert exchange.orders["2"].filled == 4000


def test_the_share_is_an_option_and_parts_are_whole_lots(tmp_path: Path) -> None:
    terms = ExchangeTerms(volume_share=Decimal("0.01"))
    exchange = strict_exchange(make(tmp_path, *MINUTES), at("09:00"), terms=terms)
    exchange.submit("1", BANK, True, 9000, Decimal("10.20"), at("09:31"))
    exchange.advance(at("09:40"))
    assert exchange.orders["1"].filled == 400  # 40 and 80 shares are no lot


def test_a_bar_without_volume_fills_nothing(tmp_path: Path) -> None:
    exchange = strict_exchange(make(tmp_path, "2026-07-06,000001.SZ,10,10,10,10,0"), at("09:00"))
    exchange.submit("1", BANK, True, 100, Decimal(10), at("10:00"))
    exchange.advance(at("15:00"))
    assert fate(exchange) == "open"


def run(bars: Bars, seconds: int) -> Any:
    """A day of orders, with the exchange asked every so many seconds."""
    exchange = strict_exchange(bars, at("09:00"))
    submits: Dict[datetime, List[Any]] = {}
    for number in range(200):
        moment = at("09:15") + timedelta(seconds=(number * 137) % 20000)
        submits.setdefault(moment, []).append((str(number), number % 5 != 0, 100 * (number % 7 + 1), 900 + number))
    states, now = [], at("09:15")
    while now < at("16:00"):
        for order_id, is_buy, amount, cents in submits.get(now, ()):
            exchange.submit(order_id, BANK, is_buy, amount, Decimal(cents) / 100, now)
            if int(order_id) % 9 == 0:
                exchange.cancel(order_id, now + timedelta(seconds=0))
        now += timedelta(seconds=1)
        if (now - at("09:15")).total_seconds() % seconds == 0:
            exchange.advance(now)
    exchange.advance(at("10:00", "2026-07-07"))
    states = sorted((state for state in exchange.take_states()), key=lambda state: int(state.order_id))
    return [state._replace(number="") for state in states], exchange.snapshot(at("10:00", "2026-07-07"))


@pytest.mark.parametrize("seconds", [5, 60, 3600, 10**6])
@pytest.mark.parametrize("rows", [DAILY, MINUTES], ids=["daily", "minutes"])
def test_how_often_the_exchange_is_asked_changes_nothing(tmp_path: Path, rows: List[str], seconds: int) -> None:
    bars = make(tmp_path, DAILY[0], *[row for row in rows if row != DAILY[0]])
    assert run(bars, seconds) == run(bars, 1)


def test_a_dividend_and_bonus_shares_change_holding_cost_cash_and_the_previous_close(tmp_path: Path) -> None:
    rows = ["2026-07-03,000001.SZ,10,10,10,10,100000", "2026-07-06,000001.SZ,6,6.10,5.90,6,100000"]
    actions = Actions([Action(date(2026, 7, 6), BANK, Decimal("0.40"), Decimal("0.6"))])
    terms = ExchangeTerms(actions=actions)
    exchange = strict_exchange(make(tmp_path, *rows), at("10:00", "2026-07-03"), 20000, terms=terms)
    exchange.submit("1", BANK, True, 1000, Decimal(10), at("10:00", "2026-07-03"))
    before = exchange.snapshot(at("20:00", "2026-07-03"))
    early = at("09:00")
    exchange.advance(early)
    after, held = exchange.snapshot(early), exchange.ledger.holdings[BANK]
    assert (held.amount, held.available, held.cost, held.last_price) == (1600, 1600, 9600, 6)
    assert (after.total, after.cash) == (before.total, before.cash + 400)
    exchange.submit("2", BANK, True, 100, Decimal("6.61"), at("09:16"))
    assert "高于涨停价 6.60" in fate(exchange, "2")


def test_a_dividend_before_the_shares_were_bought_is_not_given(tmp_path: Path) -> None:
    actions = Actions([Action(date(2026, 7, 6), BANK, Decimal(1), Decimal(0))])
    exchange = strict_exchange(make(tmp_path, DAILY[1]), at("09:00"), terms=ExchangeTerms(actions=actions))
    exchange.submit("1", BANK, True, 100, Decimal("10.20"), at("09:30"))
    assert exchange.orders["1"].filled == 100
    cash = exchange.ledger.cash
    exchange.advance(at("10:00", "2026-07-07"))
    assert exchange.ledger.cash == cash


def test_a_source_that_gives_the_previous_close_is_believed(tmp_path: Path) -> None:
    header = "time,code,open,high,low,close,volume,pre_close"
    bars = open_bars(write_bars(tmp_path / "p.csv", DAILY[1] + ",8.5", header=header))
    actions = Actions([Action(date(2026, 7, 6), BANK, Decimal(1), Decimal(0))])
    now = at("09:00")
    exchange = strict_exchange(bars, now, terms=ExchangeTerms(actions=actions))
    exchange.submit("1", BANK, True, 100, Decimal("9.36"), at("09:16"))
    assert "高于涨停价 9.35" in fate(exchange)
