"""Against which bar an order is matched: none that is over for long, none that is not over; and who comes first."""

import random
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from jqtrade.market.sources.bars import Bars, open_bars
from jqtrade.paper.exchange import PaperExchange
from tests.paper.paper_helpers import BANK, at, strict_exchange, write_bars

EARLIER = "2026-07-03,000001.SZ,10,10,10,10,4000"


def make(tmp_path: Path, *rows: str) -> Bars:
    return open_bars(write_bars(tmp_path / "bars.csv", *rows))


def minute(clock: str, prices: str, volume: int = 40000) -> str:
    return f"2026-07-06 {clock}:00,000001.SZ,{prices},{volume}"


def buy(exchange: PaperExchange, order_id: str, limit: str, clock: str, amount: int = 100) -> None:
    assert exchange.submit(order_id, BANK, True, amount, Decimal(limit), at(clock)) is None


def fills(exchange: PaperExchange) -> List[Tuple[str, str, int, str]]:
    """Of every fill: which order, price, amount and time."""
    return [
        (state.order_id, str(state.fill.price), state.fill.amount, f"{state.updated:%H:%M:%S}")
        for state in exchange.take_states()
        if state.fill is not None
    ]


@pytest.mark.parametrize("empty", [True, False], ids=["zero volume", "dropped"])
def test_an_order_does_not_fill_from_what_was_traded_hours_earlier(tmp_path: Path, empty: bool) -> None:
    rows = [minute("09:31", "10,10,10,10"), minute("14:40", "10.10,10.10,10.10,10.10")]
    if empty:
        rows[1:1] = [minute(f"{clock}", "10,10,10,10", 0) for clock in ("09:32", "10:59", "11:00", "11:01", "14:39")]
    exchange = strict_exchange(make(tmp_path, EARLIER, *rows), at("09:00"))
    buy(exchange, "1", "10.00", "11:00")
    buy(exchange, "2", "10.20", "11:00:30")
    assert fills(exchange) == []
    exchange.advance(at("14:50"))
    assert fills(exchange) == [("2", "10.10", 100, "14:40:00")]


def test_an_order_fills_at_once_only_in_the_minute_after_the_bar(tmp_path: Path) -> None:
    bars = make(tmp_path, EARLIER, minute("09:31", "10,10,10,10"), minute("09:32", "10,10,10,10"))
    exchange = strict_exchange(bars, at("09:00"))
    buy(exchange, "1", "10.00", "09:32:59")
    buy(exchange, "2", "10.00", "09:33:00")
    assert fills(exchange) == [("1", "10.00", 100, "09:32:59")]


def test_a_held_order_waits_for_the_first_minute_of_the_afternoon(tmp_path: Path) -> None:
    rows = [minute("11:30", "10,10,10,10"), minute("13:01", "9.90,10,9.90,9.95")]
    exchange = strict_exchange(make(tmp_path, EARLIER, *rows), at("09:00"))
    for order_id, clock in (("1", "11:45"), ("2", "13:00"), ("3", "13:00:30")):
        buy(exchange, order_id, "10.00", clock)
    assert fills(exchange) == []
    exchange.advance(at("13:01"))
    assert [fill[:2] for fill in fills(exchange)] == [("1", "9.90"), ("2", "9.90"), ("3", "9.95")]


def test_after_hours_orders_still_fill_at_the_close(tmp_path: Path) -> None:
    rows = [minute("09:31", "10,10,10,10"), minute("14:57", "10.10,10.10,10.10,10.10")]
    exchange = strict_exchange(make(tmp_path, EARLIER, *rows), at("09:00"))
    buy(exchange, "1", "10.10", "15:06")
    assert fills(exchange) == [("1", "10.10", 100, "15:06:00")]


def random_rows(chance: random.Random) -> Tuple[List[str], List[str]]:
    """The minutes of a day, with those without a trade, and without them."""
    full, traded = [EARLIER], [EARLIER]
    price = 1000
    for number in list(range(571, 691)) + list(range(781, 901)):
        volume = chance.choice([0, 0, 900, 8000])
        last = price + (chance.choice([-2, 0, 2]) if volume else 0)
        prices = ",".join(f"{cents / 100:.2f}" for cents in (price, max(price, last), min(price, last), last))
        row = minute(f"{number // 60:02d}:{number % 60:02d}", prices, volume)
        full.append(row)
        if volume:
            traded.append(row)
        price = last
    return full, traded


def day_of_orders(bars: Bars, seed: int) -> Any:
    chance = random.Random(seed)
    exchange = strict_exchange(bars, at("09:00"))
    for number in range(150):
        now = at("09:15") + timedelta(seconds=number * 150)
        limit = Decimal(chance.randrange(980, 1020)) / 100
        exchange.submit(str(number), BANK, chance.random() < 0.7, chance.choice([100, 600, 3000]), limit, now)
    exchange.advance(at("15:30"))
    return exchange.take_states()


@pytest.mark.parametrize("seed", range(8))
def test_minutes_without_volume_are_the_same_as_no_rows(tmp_path: Path, seed: int) -> None:
    full, traded = random_rows(random.Random(seed))
    one, other = [day_of_orders(make(tmp_path, *rows), seed) for rows in (full, traded)]
    assert one == other and any(state.fill for state in one)


def test_nothing_fills_from_the_first_minute_before_it_is_over(tmp_path: Path) -> None:
    first = minute("09:31", "10.00,10.10,9.95,10.05")
    exchange = strict_exchange(make(tmp_path, EARLIER, first), at("09:26"))
    for order_id, limit, clock in [
        ("open", "10.00", "09:30:00"),
        ("limit", "9.97", "09:30:00"),
        ("far", "9.94", "09:30:00"),
        ("late", "10.06", "09:30:30"),
        ("late and low", "10.00", "09:30:30"),
    ]:
        buy(exchange, order_id, limit, clock)
    quote = exchange._quotes.get(BANK, at("09:30:59"))
    assert quote is not None and str(quote.last) == "10.00"
    exchange.advance(at("09:30:59"))
    assert fills(exchange) == []
    exchange.advance(at("09:31"))
    assert sorted(fills(exchange)) == [
        ("late", "10.05", 100, "09:31:00"),
        ("limit", "9.97", 100, "09:31:00"),
        ("open", "10.00", 100, "09:31:00"),
    ]


def test_what_comes_of_the_first_minute_changes_nothing_before_its_end(tmp_path: Path) -> None:
    def states(prices: str, volume: int) -> Any:
        exchange = strict_exchange(make(tmp_path, EARLIER, minute("09:31", prices, volume)), at("09:26"))
        for number, clock in enumerate(["09:26", "09:30:00", "09:30:30"]):
            buy(exchange, str(number), "10.10", clock, 5000)
        exchange.advance(at("09:30:59"))
        return exchange.take_states()

    assert states("10,10,10,10", 90000) == states("10,10.90,9.10,10.80", 100)


def test_an_order_before_the_open_gets_a_daily_bars_open_at_0930(tmp_path: Path) -> None:
    exchange = strict_exchange(make(tmp_path, EARLIER, "2026-07-06,000001.SZ,10,10.40,9.20,9.60,100000"), at("09:00"))
    buy(exchange, "1", "10.00", "09:26")
    buy(exchange, "2", "10.10", "09:30:30")
    assert fills(exchange) == [("1", "10.00", 100, "09:30:00"), ("2", "10.00", 100, "09:30:30")]


@pytest.mark.parametrize("is_buy", [True, False])
def test_the_better_price_is_served_first_then_the_earlier_order(tmp_path: Path, is_buy: bool) -> None:
    last = "9.80" if is_buy else "10.20"
    rows = [minute("09:31", "10,10,10,10"), minute("09:35", ",".join([last] * 4), 1600)]  # 400 shares for us
    exchange = strict_exchange(make(tmp_path, EARLIER, *rows), at("10:00", "2026-07-03"))
    exchange.submit("0", BANK, True, 1000, Decimal(10), at("10:00", "2026-07-03"))
    exchange.advance(at("09:00"))
    exchange.take_states()
    limits = ["9.85", "9.90", "9.90", "9.81"] if is_buy else ["10.15", "10.10", "10.10", "10.19"]
    for number, limit in enumerate(limits, 1):
        exchange.submit(str(number), BANK, is_buy, 200, Decimal(limit), at("09:33"))
    exchange.advance(at("09:40"))
    assert [(fill[0], fill[2]) for fill in fills(exchange)] == [("2", 200), ("3", 200)]
