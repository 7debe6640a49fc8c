"""However the broker's reports of an order arrive, the order ends the same."""

from datetime import datetime
from typing import Any, Dict, List

import pytest
from broker_files import make_order
from hypothesis import given
from hypothesis import strategies as st

from jqtrade.account.order import Order, OrderAction, OrderReport, OrderStatus

ENTRUSTED = datetime(2026, 1, 5, 9, 31, 3)


def report(amount: int, status: str, filled: int = 0, **fields: Any) -> OrderReport:
    """The average price, turnover and commission of a quantity are always the same, as they are at a broker."""
    given_fields: Dict[str, Any] = {
        "order_id": "4000000001",
        "code": "000001.XSHE",
        "price": 10.5,
        "amount": amount,
        "action": OrderAction.open,
        "status": OrderStatus(status),
        "style": "limit",
        "create_time": ENTRUSTED,
        "entrust_time": None if status == "new" else ENTRUSTED,
        "confirm_id": "" if status == "new" else "88",
        "filled_amount": filled,
        "avg_cost": 10 + filled / 1024,
        "deal_balance": filled * (10 + filled / 1024),
        "commission": filled / 1024,
    }
    given_fields.update(fields)
    return OrderReport(**given_fields)


@st.composite
def histories(draw: Any) -> List[OrderReport]:
    """What a broker says of one order, in order, to its end."""
    amount = draw(st.integers(1, 50)) * 100
    fills = sorted(draw(st.lists(st.integers(1, amount), unique=True, max_size=4)))
    reports = [report(amount, "new"), report(amount, "open")]
    cancel_from = draw(st.integers(0, len(fills)))
    partial = [filled for filled in fills if filled < amount]
    reports += [report(amount, "filling", filled) for filled in partial[:cancel_from]]
    filled = partial[min(cancel_from, len(partial)) - 1] if partial[:cancel_from] else 0
    if draw(st.booleans()):
        reports.append(report(amount, "canceling", filled))
        for filled in partial[cancel_from:]:
            reports.append(report(amount, "canceling", filled))
        end = draw(st.sampled_from(["filled", "partly_canceled" if filled else "canceled"]))
    else:
        end = "filled" if filled else draw(st.sampled_from(["filled", "rejected"]))
    last = amount if end == "filled" else filled
    reports.append(report(amount, end, last, err_msg="价格错误" if end == "rejected" else "", canceled_amount=0))
    return reports


def applied(order: Order, *reports: OrderReport) -> Order:
    """The order as it stands after the reports."""
    state = order.state()
    for each in reports:
        state = state.after(each, order.amount)
    return order.with_state(state)


@given(histories(), st.data())
def test_any_order_doubling_replay_and_omission_of_a_history_ends_the_same(
    history: List[OrderReport], data: Any
) -> None:
    order = make_order(amount=history[0].amount)
    kept = data.draw(st.lists(st.sampled_from(history[:-1]), max_size=12))  # some left out, some doubled
    arrived = data.draw(st.permutations(kept + [history[-1]]))
    if data.draw(st.booleans()):
        arrived = arrived + history
    assert applied(order, *arrived) == applied(order, *history)


@given(histories(), st.data())
def test_an_order_we_called_rejected_ourselves_ends_as_the_broker_says(history: List[OrderReport], data: Any) -> None:
    order = make_order(amount=history[0].amount)
    arrived = data.draw(st.permutations(history))
    assert applied(order.rejected("没有发出：磁盘已满"), *arrived) == applied(order, *history)


@st.composite
def wild_reports(draw: Any) -> OrderReport:
    """Anything that passes check_order, also what no broker would say."""
    amount = draw(st.sampled_from([1000, 500, 2000]))
    return report(amount, draw(st.sampled_from([status.value for status in OrderStatus])), draw(st.integers(0, amount)))


@given(st.lists(wild_reports(), max_size=12))
def test_whatever_is_reported_fills_only_grow_within_the_order_and_final_states_stay(
    reports: List[OrderReport],
) -> None:
    order = make_order(amount=1000)
    for each in reports:
        after = applied(order, each)
        assert order.filled_amount <= after.filled_amount <= 1000
        assert after.canceled_amount + after.filled_amount <= 1000
        if order.status.is_final:
            assert after.status is order.status
        assert (after.order_id, after.code, after.amount, after.style) == (
            order.order_id,
            order.code,
            order.amount,
            order.style,
        )
        order = after


LEGAL_STEPS = {
    "new": "open filling canceling filled partly_canceled canceled rejected",
    "open": "filling canceling filled partly_canceled canceled rejected",
    "filling": "canceling filled partly_canceled canceled rejected",
    "canceling": "filled partly_canceled canceled rejected",
}


@pytest.mark.parametrize("before", list(OrderStatus))
@pytest.mark.parametrize("after", list(OrderStatus))
def test_a_status_moves_only_forward(before: OrderStatus, after: OrderStatus) -> None:
    order = applied(make_order(status=before, confirmed=True), report(1000, after.value))
    assert order.status == (after if after in LEGAL_STEPS.get(before.value, "").split() else before)


@pytest.mark.parametrize("status", list(OrderStatus))
def test_the_broker_overrules_only_our_own_rejection(status: OrderStatus) -> None:
    ours = make_order().rejected("没有发出：磁盘已满")
    brokers = applied(make_order(), report(1000, "rejected", err_msg="资金不足"))
    assert applied(ours, report(1000, status.value, err_msg="原因")).status is status
    assert applied(ours, report(1000, status.value, err_msg="原因")).err_msg == "原因"
    assert applied(brokers, report(1000, status.value)).status == "rejected"
    assert applied(brokers, report(1000, status.value)).err_msg == "资金不足"


def test_a_report_that_says_nothing_new_gives_the_very_order() -> None:
    order = applied(make_order(), report(1000, "filling", 300))
    assert applied(order, report(1000, "filling", 300)) == order
    assert applied(order, report(1000, "open")) == order


def test_an_order_that_a_strategy_holds_does_not_change() -> None:
    held = make_order()
    applied(held, report(1000, "filled", 1000))
    assert (held.status, held.filled_amount) == ("new", 0)


def test_a_fill_reported_after_the_end_still_counts_and_leaves_less_cancelled() -> None:
    order = applied(make_order(), report(1000, "partly_canceled", 300), report(1000, "filling", 400))
    assert (order.status, order.filled_amount, order.canceled_amount) == ("partly_canceled", 400, 600)


def test_an_older_report_changes_neither_average_nor_turnover() -> None:
    order = applied(make_order(), report(1000, "filling", 512), report(1000, "filling", 256))
    assert (order.filled_amount, order.avg_cost, order.deal_balance) == (512, 10.5, 5376)
