import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, List

import pytest

from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle, Order, OrderAction, OrderSide, OrderStyle
from jqtrade.account.reports import check_balance, check_order
from jqtrade.clock import VirtualClock
from jqtrade.errors import InvalidParam, OrderNotSent
from jqtrade.gates.options import strategy_options
from jqtrade.gates.paper import PaperTradeGate
from tests.paper.paper_helpers import BANK, MORNING, write_bars

DEFAULTS = {name: value for name, value in strategy_options().as_dict().items() if name.startswith("paper_")}


def make_gate(**options: Any) -> PaperTradeGate:
    gate = PaperTradeGate()
    gate.clock = VirtualClock(MORNING)
    every = strategy_options()
    every.update(every.check(options, PaperTradeGate.OPTIONS))
    gate.setup(every.as_dict())
    return gate


def make_order(
    order_id: str, amount: int, style: OrderStyle, action: OrderAction = OrderAction.open, code: str = BANK
) -> Order:
    return Order(order_id, code, amount, action, style, MORNING)


@pytest.fixture
def quotes(tmp_path: Path) -> Path:
    path = tmp_path / "quotes.csv"
    path.write_bytes(b"code,last,bid1,ask1\n000001.SZ,10.00,9.99,10.01\n")
    return path


def test_its_options_are_those_of_the_documentation() -> None:
    assert PaperTradeGate.OPTIONS == set(DEFAULTS) and PaperTradeGate.keeps_orders


def test_an_order_fills_and_is_seen_in_orders_and_balance(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes))
    gate.order(make_order("1", 200, LimitOrderStyle(0)))
    report = check_order(gate.sync_orders()[0])
    assert (report.status, report.filled_amount, report.avg_cost, report.deal_balance) == ("filled", 200, 10.01, 2002.0)
    assert (report.commission, report.create_time, report.entrust_time, report.confirm_id) == (
        5.00,
        MORNING,
        MORNING,
        "1",
    )
    balance = check_balance(gate.sync_balance())
    assert (balance.available_cash, balance.locked_cash, balance.total_assert) == (997993.00, 0.0, 999993.00)
    position = balance.positions[0]
    assert (position.code, position.amount, position.available_amount, position.avg_cost) == (BANK, 200, 0, 10.01)
    assert (position.last_price, position.position_value) == (10.0, 2000.0)


def test_only_orders_that_changed_are_reported(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes))
    gate.order(make_order("1", 200, LimitOrderStyle(9)))
    assert [report["status"] for report in gate.sync_orders()] == ["open"]
    assert gate.sync_orders() == []
    gate.cancel_order("1")
    assert [report["status"] for report in gate.sync_orders()] == ["canceled"]


def test_a_refusal_comes_back_as_a_rejected_report(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes))
    gate.order(make_order("1", 200, MarketOrderStyle()))
    report = check_order(gate.sync_orders()[0])
    assert (report.status, report.style) == ("rejected", "market") and "价格错误" in report.err_msg


def test_an_open_buy_locks_cash(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes))
    gate.order(make_order("1", 100, LimitOrderStyle(0.1 + 0.2)))
    assert gate.sync_balance()["cash"] == {
        "total_assert": 1000000.0,
        "available_cash": 999965.0,
        "locked_cash": 35.0,
    }


def test_tomorrow_the_shares_can_be_sold(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes), paper_max_quote_age=None)
    gate.order(make_order("1", 100, LimitOrderStyle(0)))
    gate.clock.sleep(24 * 3600)
    assert gate.sync_balance()["positions"][0]["available_amount"] == 100
    gate.order(make_order("2", 100, LimitOrderStyle(0), OrderAction.close))
    assert [report["status"] for report in gate.sync_orders()] == ["filled", "filled"]
    assert gate.sync_balance()["positions"] == []


def test_cancelling_a_finished_order_is_logged_and_changes_nothing(quotes: Path, caplog: Any) -> None:
    gate = make_gate(paper_quotes=str(quotes))
    gate.order(make_order("1", 100, LimitOrderStyle(0)))
    gate.cancel_order("1")
    assert "已经结束" in caplog.text
    assert [report["status"] for report in gate.sync_orders()] == ["filled"]


def test_a_used_id_is_known_and_not_sent_again(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes))
    order, other = [make_order(order_id, 100, LimitOrderStyle(9)) for order_id in ("1", "2")]
    gate.order(order)
    assert gate.knows_order_id("1") and gate.was_sent(order)
    assert not gate.knows_order_id("2") and gate.was_sent(other) is False
    with pytest.raises(OrderNotSent, match="没有发出"):
        gate.order(make_order("1", 100, LimitOrderStyle(9)))


def test_a_short_order_is_refused(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes))
    with pytest.raises(InvalidParam, match="long"):
        gate.check_order(make_order("1", 100, LimitOrderStyle(9)).with_changes(side=OrderSide.short))


def test_the_same_seed_and_clock_give_the_same_trades() -> None:
    def run(seed: int) -> List[Dict[str, Any]]:
        gate = make_gate(paper_seed=seed)
        reports: List[Dict[str, Any]] = []
        price = gate.exchange._quotes.get(BANK, MORNING)
        assert price is not None
        for number in range(30):
            gate.order(make_order(str(number), 100, LimitOrderStyle(float(price.last))))
            gate.clock.sleep(60)
            reports += gate.sync_orders()
        return reports + [gate.sync_balance()]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_made_up_prices_are_said_in_the_log(caplog: Any) -> None:
    with caplog.at_level(logging.WARNING, "jqtrade.paper"):
        make_gate()
    assert caplog.text.count("编造") == 1


def test_time_comes_from_the_clock_alone(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes), paper_keep_hours=True)
    gate.clock.sleep(12 * 3600)
    gate.order(make_order("1", 100, LimitOrderStyle(0)))
    report = gate.sync_orders()[0]
    assert (report["status"], report["create_time"]) == ("rejected", datetime(2026, 7, 6, 22))


@pytest.mark.parametrize(
    "options",
    [
        {"paper_cash": "x"},
        {"paper_quotes": "none.csv"},
        {"paper_quotes": 5},
        {"paper_keep_hours": 1},
        {"paper_seed": 1.5},
        {"paper_bars": 5},
        {"paper_bars": "none.csv"},
        {"paper_quotes": "none.csv", "paper_bars": "none.csv"},
        {"paper_volume_share": 0},
        {"paper_volume_share": 1.5},
        {"paper_commission": -0.1},
        {"paper_commission": "x"},
        {"paper_min_commission": -1},
        {"paper_fund_min_commission": "x"},
        {"paper_actions": "none.csv"},
        {"paper_max_quote_age": "x"},
        {"paper_max_quote_age": 0},
    ],
)
def test_a_bad_option_is_named(options: Dict[str, Any]) -> None:
    with pytest.raises(InvalidParam, match="none.csv|paper_"):
        make_gate(**options)


def test_an_order_of_yesterday_ends_with_the_day(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes))
    gate.order(make_order("1", 100, LimitOrderStyle(9)))
    gate.clock.sleep(timedelta(days=1).total_seconds())
    assert [(report["status"], report["canceled_amount"]) for report in gate.sync_orders()] == [("canceled", 100)]


def test_bars_give_the_prices_when_the_option_says_so(tmp_path: Path) -> None:
    path = write_bars(tmp_path / "bars.csv", "2026-07-06,000001.SZ,10,10.5,9.8,10.3,1000")
    gate = make_gate(paper_bars=path, paper_keep_hours=True, paper_volume_share=0.5)
    gate.order(make_order("1", 600, LimitOrderStyle(0)))
    report = gate.sync_orders()[0]
    assert (report["status"], report["filled_amount"], report["avg_cost"]) == ("filling", 500, 9.93)
    assert gate.quotes.get(BANK, MORNING) is not None


def test_commission_is_charged_as_the_options_say(quotes: Path) -> None:
    gate = make_gate(paper_quotes=str(quotes), paper_commission=0.01, paper_min_commission=1)
    gate.order(make_order("1", 200, LimitOrderStyle(0)))
    assert gate.sync_orders()[0]["commission"] == 20.02


def test_dividends_come_from_the_file_of_the_option(tmp_path: Path, quotes: Path) -> None:
    header = "date,code,cash_per_share,bonus_per_share"
    path = write_bars(tmp_path / "a.csv", "2026-07-07,000001.SZ,1,0.5", header=header)
    gate = make_gate(paper_quotes=str(quotes), paper_actions=path)
    gate.order(make_order("1", 200, LimitOrderStyle(0)))
    cash = gate.sync_balance()["cash"]["available_cash"]
    gate.clock.sleep(24 * 3600)
    balance = gate.sync_balance()
    assert balance["cash"]["available_cash"] == cash + 200
    assert balance["positions"][0]["available_amount"] == 300
