"""strategies/demo_strategy.py: what a newcomer sees first."""

from datetime import datetime, timedelta

import pytest

from jqtrade.testing import FakeBroker

from .conftest import Start

AFTERNOON = datetime(2026, 1, 5, 14, 0, 0, 250000)


@pytest.mark.parametrize("begin", [AFTERNOON, datetime(2026, 1, 5), datetime(2026, 1, 4, 3, 30)], ids=str)
def test_orders_are_filled_cancelled_and_refused_within_ten_seconds(
    start: Start, begin: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    check_demo(start, begin, caplog)


@pytest.mark.parametrize("seconds", [10, 7, 6, 5.001, 5, 4.999, 4, 3, 2, 1.5, 1, 0.001])
def test_no_step_is_put_off_to_the_next_day_around_midnight(
    start: Start, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    check_demo(start, datetime(2026, 1, 6) - timedelta(seconds=seconds), caplog)


def check_demo(start: Start, begin: datetime, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    strategy = start("demo_strategy.py", begin)
    strategy.run(until=begin + timedelta(seconds=10))

    shown = [record.getMessage() for record in caplog.records if record.name == "strategy"]
    orders = [line for line in shown if line.startswith("订单 ")]
    for line, code, status in zip(orders, ["000001", "600000", "600000"], ["filled", "canceled", "rejected"]):
        assert code in line and status in line
    assert len(orders) == 3
    assert "资金不足" in orders[2]
    assert strategy.account().portfolio.positions["000001.XSHE"].amount == 200
    assert any(line.startswith("账户：总资产") for line in shown)
    assert any(line.startswith("持仓：000001.XSHE 200 股") for line in shown)


def test_a_second_start_on_the_same_day_orders_nothing(start: Start) -> None:
    broker = FakeBroker(keeps_orders=True)
    start("demo_strategy.py", AFTERNOON, broker).run(until=AFTERNOON + timedelta(seconds=3))
    assert len(broker.orders) == 3

    later = AFTERNOON + timedelta(minutes=5)
    start("demo_strategy.py", later, broker).run(until=later + timedelta(seconds=10))
    assert len(broker.orders) == 3


def test_it_cannot_start_without_paper(start: Start) -> None:
    with pytest.raises(ValueError, match="缺少资金账号"):
        start("demo_strategy.py", AFTERNOON, trade_gate="anxin")


def test_its_daily_jobs_run_on_the_next_day(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    strategy = start("demo_strategy.py", AFTERNOON)
    strategy.run(until=datetime(2026, 1, 6, 9, 31))
    strategy.stop()
    shown = [record.getMessage() for record in caplog.records if record.name == "strategy"]
    assert sum(line.startswith("开盘前") for line in shown) == 1
    assert sum(line.startswith("每分钟") for line in shown) == 60 + 2
    assert shown[-1] == "再见"
