"""A new source of quotes is one new file: paper, the stand-in terminal and the exchange's own hours take it as it is."""

import sys
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence

import pytest

from jqtrade.account.order import LimitOrderStyle, Order, OrderAction
from jqtrade.clock import VirtualClock
from jqtrade.gates.find import find_trade_gate
from jqtrade.gates.options import strategy_options
from jqtrade.market.quotes import Quote, Quotes, TradedInterval
from tests.onequant_terminal.terminal_bench import Bench
from tests.paper.paper_helpers import BANK, MORNING, at, fate, strict_exchange

NEW_FILE = '''
from decimal import Decimal

from jqtrade.gates.paper import PaperTradeGate
from jqtrade.market.quotes import Quote, Quotes


class EvenMinutes(Quotes):
    """10 yuan in even minutes, 11 in odd ones."""

    def get(self, code, now):
        return Quote(Decimal(10 + now.minute % 2)) if code == "000001.XSHE" else None


class PaperOnEvenMinutes(PaperTradeGate):
    def open_quotes(self, options):
        return EvenMinutes()
'''


@pytest.fixture
def new_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "even_minutes.py").write_text(NEW_FILE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("even_minutes", None)


@pytest.mark.usefixtures("new_source")
def test_a_task_trades_on_it_by_the_option_trade_gate_alone() -> None:
    gate: Any = find_trade_gate("even_minutes.PaperOnEvenMinutes")()
    gate.clock = clock = VirtualClock(MORNING + timedelta(minutes=1))
    gate.setup(strategy_options().as_dict())
    gate.order(Order("1", BANK, 100, OrderAction.open, LimitOrderStyle(10.5), clock.now()))
    assert [str(report["status"]) for report in gate.sync_orders()] == ["open"]
    clock.sleep(60)
    (report,) = gate.sync_orders()
    assert (str(report["status"]), report["avg_cost"]) == ("filled", 10.0)
    assert gate.sync_balance()["positions"][0]["last_price"] == 10.0


@pytest.mark.usefixtures("new_source")
def test_the_stand_in_terminal_trades_on_it(tmp_path: Path) -> None:
    from even_minutes import EvenMinutes

    (tmp_path / "orders").mkdir()
    bench = Bench(tmp_path / "orders")
    bench.quotes = EvenMinutes()
    bench.start()
    bench.order("1", "1", 200, "10.00")
    bench.order("2", "1", 200, "10.00", symbol="600000.SH")
    bench.poll()
    assert bench.states("1") == ["7", "0", "2"]
    assert "没有行情" in bench.truth()["orders"]["2"]["text"]
    bench.let_go()


class OneTradeAtNoon(Quotes):
    """Of two days, on each of which 100,000 shares were traded from 11:00 to 11:01, at 9 to 10 yuan."""

    knows_past = keeps_history = True
    trading_days = [date(2026, 7, 6), date(2026, 7, 7)]

    def get(self, code: str, now: datetime) -> Optional[Quote]:
        return Quote(Decimal(10), is_fresh=False)

    def is_trading_day(self, day: date) -> bool:
        return day in self.trading_days

    def traded_intervals(self, code: str, after: datetime, until: datetime) -> Sequence[TradedInterval]:
        start = datetime.combine(until.date(), datetime.min.time()) + timedelta(hours=11)
        end = start + timedelta(minutes=1)
        ten = Decimal(10)
        return [TradedInterval(start, end, ten, ten, Decimal(9), ten, 100000, 1)] if after < end <= until else []


def test_the_exchange_matches_at_its_past_and_ends_with_its_last_day() -> None:
    exchange = strict_exchange(OneTradeAtNoon(), at("10:00"))
    exchange.submit("1", BANK, True, 100, Decimal("9.5"), at("10:00"))
    exchange.advance(at("14:00"))  # hours later: what was traded meanwhile is made up for
    assert fate(exchange) == "filled" and exchange.orders["1"].updated == at("11:01")
    assert exchange.orders["1"].average_price == Decimal("9.5")
    exchange.submit("2", BANK, True, 100, Decimal("9.5"), at("10:00", "2026-07-08"))
    assert "行情只到 2026-07-07" in fate(exchange, "2")
