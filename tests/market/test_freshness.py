"""Prices that have grown old fill no orders, and that is said once."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, List

import pytest

from jqtrade.account.order import LimitOrderStyle, Order, OrderAction
from jqtrade.clock import VirtualClock
from jqtrade.gates.options import strategy_options
from jqtrade.gates.paper import PaperTradeGate
from jqtrade.market.freshness import is_older
from jqtrade.replay.worlds import Terms
from tests.paper.paper_helpers import BANK, at, write_bars

DEFAULTS = {name: value for name, value in strategy_options().as_dict().items() if name.startswith("paper_")}
HALF_AN_HOUR = timedelta(minutes=30)
MONDAY, TUESDAY, FRIDAY = "2026-07-06", "2026-07-07", "2026-07-10"


class FileClock(VirtualClock):
    """Virtual time; the times of files are what they are."""

    def at(self, timestamp: float) -> datetime:
        return datetime.fromtimestamp(timestamp)


def write_quotes(path: Path, text: str, moment: datetime) -> str:
    path.write_text(text, encoding="utf-8")
    touch(path, moment)
    return str(path)


def touch(path: Path, moment: datetime) -> None:
    os.utime(str(path), (moment.timestamp(), moment.timestamp()))


def make_gate(now: datetime, **options: Any) -> PaperTradeGate:
    gate = PaperTradeGate()
    gate.clock = FileClock(now)
    gate.setup(dict(DEFAULTS, **options))
    return gate


def buy(gate: PaperTradeGate, order_id: str = "1") -> str:
    """Buy at the ask; returns how the order stands then."""
    gate.order(Order(order_id, BANK, 100, OrderAction.open, LimitOrderStyle(0), gate.clock.now()))
    return status(gate, order_id)


def status(gate: PaperTradeGate, order_id: str = "1") -> str:
    gate.sync_orders()
    return str(gate.exchange.orders[order_id].status)


def go_to(gate: PaperTradeGate, moment: datetime) -> None:
    gate.clock.sleep((moment - gate.clock.now()).total_seconds())


@pytest.mark.parametrize(
    ("moment", "now", "expected"),
    [
        (at("10:00"), at("10:30"), False),
        (at("10:00"), at("10:30:01"), True),
        (at("11:29"), at("13:00:30"), False),  # noon does not count
        (at("11:29"), at("13:30"), True),
        (at("15:00"), at("23:00"), False),  # nor does the night
        (at("14:50"), at("08:00", TUESDAY), False),
        (at("14:00"), at("08:00", TUESDAY), True),
        (at("15:00"), at("09:24:59", TUESDAY), False),
        (at("15:00"), at("09:25", TUESDAY), True),  # a new price has been made
        (at("15:00", FRIDAY), at("12:00", "2026-07-12"), False),  # Sunday
        (at("15:00", FRIDAY), at("09:25", "2026-07-13"), True),
        (at("12:00", "2026-07-11"), at("09:25", "2026-07-13"), True),
        (at("15:00", "2026-06-05"), at("10:00"), True),
        (at("10:00"), at("09:00"), False),
    ],
)
def test_age_is_trading_time_and_an_opening_ends_the_prices_of_before(
    moment: datetime, now: datetime, expected: bool
) -> None:
    assert is_older(moment, now, HALF_AN_HOUR) is expected


TEXT = "code,last\n000001.SZ,10.00\n"


def test_a_file_of_last_month_fills_nothing_and_that_is_said_once(tmp_path: Path, caplog: Any) -> None:
    path = write_quotes(tmp_path / "q.csv", TEXT, at("15:00", "2026-06-05"))
    gate = make_gate(at("10:00"), paper_quotes=path)
    assert buy(gate) == "open" and buy(gate, "2") == "open"
    go_to(gate, at("10:10"))
    assert status(gate) == "open"
    assert caplog.text.count("太旧") == 1
    assert "000001.XSHE 最新的价格是 2026-06-05 15:00:00 的" in caplog.text and "paper_max_quote_age" in caplog.text


def test_the_order_that_waits_is_filled_when_the_file_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    gate = make_gate(at("10:00"), paper_quotes=write_quotes(path, TEXT, at("15:00", "2026-06-05")))
    assert buy(gate) == "open"
    touch(path, at("10:00:03"))  # the same prices, but somebody stands for them
    go_to(gate, at("10:00:05"))
    assert status(gate) == "filled"


def test_a_source_that_stops_at_noon_fills_nothing_from_half_past_one_on(tmp_path: Path, caplog: Any) -> None:
    path = write_quotes(tmp_path / "q.csv", TEXT, at("11:30"))
    gate = make_gate(at("11:30"), paper_quotes=path)
    go_to(gate, at("13:29"))
    assert buy(gate) == "filled" and "太旧" not in caplog.text
    go_to(gate, at("13:31"))
    assert buy(gate, "2") == "open" and caplog.text.count("太旧") == 1


def test_a_file_that_is_deleted_or_broken_grows_old_with_its_last_good_prices(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    gate = make_gate(at("10:00"), paper_quotes=write_quotes(path, TEXT, at("10:00")))
    write_quotes(path, "nothing\n", at("10:20"))  # no header: it does not count
    go_to(gate, at("10:25"))
    assert buy(gate) == "filled"
    path.unlink()
    go_to(gate, at("10:31"))
    assert buy(gate, "2") == "open"


def test_a_file_from_the_future_counts_as_written_when_it_was_read(tmp_path: Path) -> None:
    path = write_quotes(tmp_path / "q.csv", TEXT, at("10:00", "2030-01-04"))
    gate = make_gate(at("10:00"), paper_quotes=path)
    assert buy(gate) == "filled"
    go_to(gate, at("10:31"))
    assert buy(gate, "2") == "open"


def test_any_price_will_do_where_the_option_says_so(tmp_path: Path, caplog: Any) -> None:
    path = write_quotes(tmp_path / "q.csv", TEXT, at("15:00", "2026-06-05"))
    assert buy(make_gate(at("10:00"), paper_quotes=path, paper_max_quote_age=None)) == "filled"
    assert "太旧" not in caplog.text


def test_no_auction_is_held_at_a_price_of_the_day_before(tmp_path: Path) -> None:
    path = write_quotes(tmp_path / "q.csv", TEXT, at("15:00"))
    gate = make_gate(at("09:16", TUESDAY), paper_quotes=path, paper_keep_hours=True)
    assert buy(gate) == "open"
    go_to(gate, at("09:26", TUESDAY))
    assert status(gate) == "open"


def test_the_closing_auction_and_what_comes_after_it_have_the_closing_price(tmp_path: Path) -> None:
    path = write_quotes(tmp_path / "q.csv", TEXT, at("14:59:59"))
    gate = make_gate(at("14:58"), paper_quotes=path, paper_keep_hours=True)
    assert buy(gate) == "open"
    go_to(gate, at("15:20"))
    assert status(gate) == "filled"
    gate.order(Order("2", "000001.XSHE", 100, OrderAction.open, LimitOrderStyle(10), gate.clock.now()))
    assert status(gate, "2") == "filled"  # trading at the fixed price


def bars(tmp_path: Path) -> str:
    return write_bars(tmp_path / "bars.csv", f"{FRIDAY},000001.SZ,10,10.5,9.8,10.3,100000")


def test_bars_that_ended_last_week_fill_nothing_on_live_paper(tmp_path: Path, caplog: Any) -> None:
    gate = make_gate(at("10:00", "2026-07-15"), paper_bars=bars(tmp_path))
    assert buy(gate) == "open" and buy(gate, "2") == "open"
    assert caplog.text.count("2026-07-10 15:00:00") == 1


def test_on_a_day_after_the_last_bar_an_order_is_refused_with_that_reason(tmp_path: Path) -> None:
    gate = make_gate(at("10:00", "2026-07-15"), paper_bars=bars(tmp_path), paper_keep_hours=True)
    assert buy(gate) == "rejected"
    assert gate.exchange.orders["1"].text == "行情只到 2026-07-10，没有 2026-07-15 的，不能委托"


def test_bars_of_this_minute_and_the_close_of_this_day_are_new(tmp_path: Path) -> None:
    gate = make_gate(at("10:00", FRIDAY), paper_bars=bars(tmp_path))
    assert buy(gate) == "filled"
    go_to(gate, at("20:00", FRIDAY))
    assert buy(gate, "2") == "filled"


def test_a_share_that_is_not_traded_grows_old_alone(tmp_path: Path) -> None:
    rows: List[str] = [f"{MONDAY} 09:31:00,000001.SZ,10,10,10,10,10000"]
    rows += [f"{MONDAY} 10:{minute:02d}:00,600000.SH,10,10,10,10,10000" for minute in range(10, 20)]
    gate = make_gate(at("10:15"), paper_bars=write_bars(tmp_path / "bars.csv", *rows))
    assert buy(gate) == "open"
    gate.order(Order("2", "600000.XSHG", 100, OrderAction.open, LimitOrderStyle(0), gate.clock.now()))
    assert status(gate, "2") == "filled"


def test_made_up_prices_are_never_old() -> None:
    assert buy(make_gate(at("10:00"))) == "filled"


def test_a_replay_goes_by_its_bars_and_never_asks_for_their_age() -> None:
    assert Terms(None, None, None).apply(dict(DEFAULTS, paper_max_quote_age=5.0))["paper_max_quote_age"] is None
