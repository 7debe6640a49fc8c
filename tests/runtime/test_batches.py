"""The batch functions that a strategy sees: what they take, and what they refuse before anything is sent."""

import pytest
from strategy_files import Starter

from jqtrade.errors import InvalidParam
from jqtrade.testing import FakeBroker

GOOD = "{'code': '000001.XSHE', 'amount': 100, 'style': LimitOrderStyle(1)}"


def call(start: Starter, expression: str, broker: FakeBroker) -> object:
    code = f"def process_initialize(context):\n    run_daily(print, 'open')\n    seen.append({expression})\n"
    return start(code, broker).seen[0]


@pytest.mark.parametrize(
    "orders",
    [
        "None",
        "'000001.XSHE'",
        GOOD,
        f"[{GOOD}, None]",
        f"[{GOOD}, ('000001.XSHE', 100)]",
        f"[{GOOD}, {{'code': '000001.XSHE'}}]",
        f"[{GOOD}, {{'amount': 100}}]",
        f"[{GOOD}, {{'code': '000001.XSHE', 'amount': 100, 'price': 1}}]",
        f"[{GOOD}, {{'code': '000001.XSHE', 'amount': 0}}]",
        f"[{GOOD}, {{'code': '1', 'amount': 100}}]",
        f"[{GOOD}, {{'code': '000001.XSHE', 'amount': 100, 'side': 'up'}}]",
    ],
)
def test_a_batch_with_one_bad_order_is_refused_whole_before_anything_is_sent(start: Starter, orders: str) -> None:
    broker = FakeBroker()
    with pytest.raises(InvalidParam, match="没有发出"):
        call(start, f"batch_submit_orders({orders})", broker)
    assert broker.orders == []


def test_the_refusal_of_a_batch_names_the_order_that_is_wrong(start: Starter) -> None:
    bad = "{'code': '600000.XSHG', 'amount': 1.5}"
    with pytest.raises(InvalidParam, match="^这一批都没有发出：第 2 笔.*600000.XSHG.*1.5.*不是整数") as refusal:
        call(start, f"batch_submit_orders([{GOOD}, {bad}, {GOOD}])", FakeBroker())
    assert "第 1 笔" not in str(refusal.value)


def test_a_batch_may_leave_out_style_and_side_or_be_empty(start: Starter) -> None:
    broker = FakeBroker(positions=[{"code": "600000.XSHG", "amount": 100, "available_amount": 100, "avg_cost": 9.0}])
    ids = call(
        start, f"batch_submit_orders(({GOOD}, {{'code': '600000.XSHG', 'amount': -100, 'side': 'long'}}))", broker
    )
    assert ids == [order.order_id for order in broker.orders]
    assert [order.style.name for order in broker.orders] == ["limit", "market"]
    assert call(start, "batch_submit_orders([])", broker) == []


def test_one_id_instead_of_a_list_of_ids_is_refused(start: Starter) -> None:
    with pytest.raises(InvalidParam, match="列表"):
        call(start, "batch_cancel_orders('12345')", FakeBroker())


def test_several_cancels_are_asked_for_at_once_and_unknown_ones_only_logged(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    broker = FakeBroker()
    assert call(start, f"batch_cancel_orders(batch_submit_orders([{GOOD}, {GOOD}]) + ['x'])", broker) is None
    assert broker.cancels == [order.order_id for order in broker.orders]
    assert "'x'" in caplog.text
