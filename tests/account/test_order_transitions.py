"""However the broker's reports of an order arrive, the order ends the same."""

from datetime import datetime
from typing import Any, Dict, List

import pytest
from broker_files import make_order
from hypothesis import given
from hypothesis import strategies as st

from jqtrade.account.order import Order, OrderAction, OrderReport, OrderStatus
from jqtrade.account.reports import check_order

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
    for each in reports:
        order = order.after(each)
    return order


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
    assert applied(order.rejected("磁盘已满"), *arrived) == applied(order, *history)


@st.composite
def wild_reports(draw: Any) -> OrderReport:
    """Anything that passes check_order, also what no broker would say."""
    amount = draw(st.sampled_from([1000, 500, 2000]))
    return report(amount, draw(st.sampled_from([status.value for status in OrderStatus])), draw(st.integers(0, amount)))


@given(st.lists(wild_reports(), max_size=12))
def test_whatever_is_reported_fills_only_grow_within_the_order_and_only_they_change_what_has_ended(
    reports: List[OrderReport],
) -> None:
    order = make_order(amount=1000)
    for each in reports:
        after = applied(order, each)
        assert order.filled_amount <= after.filled_amount <= 1000
        assert after.canceled_amount + after.filled_amount <= 1000
        if order.status.is_final:
            assert after.status is (order.status if after.filled_amount == order.filled_amount else ended(after))
        assert says_what_was_filled(after)
        assert (after.order_id, after.code, after.amount, after.style) == (
            order.order_id,
            order.code,
            order.amount,
            order.style,
        )
        order = after


def ended(order: Order) -> OrderStatus:
    """How an order stands that has ended with a part filled, perhaps all."""
    return OrderStatus.filled if order.filled_amount == order.amount else OrderStatus.partly_canceled


def says_what_was_filled(order: Order) -> bool:
    """Whether status and quantities of an order agree."""
    filled, rest = order.filled_amount, order.amount - order.filled_amount
    if order.status is OrderStatus.filled:
        return rest == 0 and order.canceled_amount == 0
    if order.status is OrderStatus.partly_canceled:
        return filled > 0 and rest > 0 and order.canceled_amount == rest
    if order.status is OrderStatus.canceled:
        return filled == 0 and order.canceled_amount == rest
    if order.status is OrderStatus.rejected:
        return filled == 0 and order.canceled_amount == 0
    return rest > 0 and order.canceled_amount == 0


@st.composite
def crossed_histories(draw: Any) -> List[OrderReport]:
    """A history whose last fills are reported after the end, as when a fill and a cancel cross."""
    amount = draw(st.integers(2, 50)) * 100
    fills = sorted(draw(st.lists(st.integers(1, amount), unique=True, min_size=1, max_size=4)))
    before = draw(st.integers(0, len(fills) - 1))
    known = fills[before - 1] if before else 0
    end = draw(st.sampled_from(["canceled", "partly_canceled", "rejected"]))
    late = draw(st.sampled_from(["filling", "canceling", "filled", "partly_canceled", end]))
    reports = [report(amount, "new"), report(amount, "open")]
    reports += [report(amount, "filling", filled) for filled in fills[:before]]
    reports.append(report(amount, end, known))
    return reports + [report(amount, late, filled) for filled in fills[before:]]


@given(crossed_histories(), st.data())
def test_fills_reported_after_the_end_count_in_whichever_order_the_reports_arrive(
    history: List[OrderReport], data: Any
) -> None:
    order = make_order(amount=history[0].amount)
    after = applied(order, *data.draw(st.permutations(history)))
    assert after == applied(order, *history)
    assert after.filled_amount == history[-1].filled_amount
    assert after.status is ended(after)


LEGAL_STEPS = {
    "new": "open filling canceling filled partly_canceled canceled rejected",
    "open": "filling canceling filled partly_canceled canceled rejected",
    "filling": "canceling filled partly_canceled canceled rejected",
    "canceling": "filled partly_canceled canceled rejected",
}


NOTHING_FILLED = "new open canceling canceled rejected"
A_PART_FILLED = "filling partly_canceled"


def filled_with(status: str) -> int:
    """How much of 1000 shares is filled in a status, where brokers make sense."""
    return 1000 if status == "filled" else 300 if status in A_PART_FILLED.split() else 0


@pytest.mark.parametrize("before", list(OrderStatus))
@pytest.mark.parametrize("after", list(OrderStatus))
def test_a_status_moves_only_forward(before: OrderStatus, after: OrderStatus) -> None:
    filled = max(filled_with(before), filled_with(after))
    order = applied(
        make_order(status=before, filled_amount=filled_with(before), confirmed=True), report(1000, after.value, filled)
    )
    expected = after if after in LEGAL_STEPS.get(before.value, "").split() else before
    if filled == 1000:
        expected = OrderStatus.filled
    elif filled and (expected in ("canceled", "rejected") or before in ("canceled", "rejected")):
        expected = OrderStatus.partly_canceled
    assert order.status == expected


@pytest.mark.parametrize("status", NOTHING_FILLED.split())
def test_the_broker_overrules_only_our_own_rejection(status: str) -> None:
    ours = make_order().rejected("磁盘已满")
    brokers = applied(make_order(), report(1000, "rejected", err_msg="资金不足"))
    assert applied(ours, report(1000, status, err_msg="原因")).status == status
    assert applied(ours, report(1000, status, err_msg="原因")).err_msg == "原因"
    assert applied(brokers, report(1000, status)).status == "rejected"
    assert applied(brokers, report(1000, status)).err_msg == "资金不足"


@pytest.mark.parametrize("status, filled", [("filling", 300), ("partly_canceled", 300), ("filled", 1000)])
def test_a_fill_of_an_order_that_we_called_rejected_ourselves_counts(status: str, filled: int) -> None:
    after = applied(make_order().rejected("磁盘已满"), report(1000, status, filled))
    assert (after.status, after.filled_amount, after.err_msg) == (status, filled, "")


def test_a_refusal_without_the_brokers_own_word_counts_only_as_long_as_there_is_none() -> None:
    refusal = report(1000, "rejected", err_msg="资金不足", confirmed=False)
    for known in (report(1000, "open"), report(1000, "filling", 300), report(1000, "filled", 1000)):
        first, last = applied(make_order(), refusal, known), applied(make_order(), known, refusal)
        assert first == last == applied(make_order(), known)


def test_a_report_that_says_nothing_new_gives_the_very_order() -> None:
    order = applied(make_order(), report(1000, "filling", 300))
    assert applied(order, report(1000, "filling", 300)) == order
    assert applied(order, report(1000, "open")) == order


def test_an_order_that_a_strategy_holds_does_not_change() -> None:
    held = make_order()
    applied(held, report(1000, "filled", 1000))
    assert (held.status, held.filled_amount) == ("new", 0)


CROSSED = [
    # what was said last before the fill, what it fills, how the order stands then: status, filled, cancelled
    ("canceled", 0, "filling", 400, ("partly_canceled", 400, 600)),
    ("canceled", 0, "filled", 1000, ("filled", 1000, 0)),
    ("canceled", 0, "filling", 1000, ("filled", 1000, 0)),
    ("canceled", 300, "open", 0, ("partly_canceled", 300, 700)),
    ("partly_canceled", 0, "open", 0, ("canceled", 0, 1000)),
    ("partly_canceled", 300, "filling", 400, ("partly_canceled", 400, 600)),
    ("partly_canceled", 300, "filled", 1000, ("filled", 1000, 0)),
    ("partly_canceled", 300, "canceled", 0, ("partly_canceled", 300, 700)),
    ("rejected", 300, "open", 0, ("partly_canceled", 300, 700)),
    ("rejected", 0, "filling", 300, ("partly_canceled", 300, 700)),
    ("rejected", 0, "filled", 1000, ("filled", 1000, 0)),
    ("filling", 1000, "open", 0, ("filled", 1000, 0)),
    ("filled", 1000, "canceled", 0, ("filled", 1000, 0)),
    ("filled", 500, "open", 0, ("filling", 500, 0)),
    ("filled", 0, "open", 0, ("open", 0, 0)),
    ("filled", 500, "partly_canceled", 500, ("partly_canceled", 500, 500)),
    ("filled", 500, "filled", 1000, ("filled", 1000, 0)),
    ("canceling", 0, "filled", 500, ("canceling", 500, 0)),
]


@pytest.mark.parametrize("first, filled, second, more, expected", CROSSED)
def test_what_was_filled_weighs_more_than_the_word_for_it(
    first: str, filled: int, second: str, more: int, expected: Any
) -> None:
    for reports in ([(first, filled), (second, more)], [(second, more), (first, filled)]):
        order = applied(make_order(), *[report(1000, status, quantity) for status, quantity in reports])
        assert (order.status, order.filled_amount, order.canceled_amount) == expected


def test_a_late_fill_does_not_take_away_why_the_rest_was_not_filled() -> None:
    order = applied(make_order(), report(1000, "rejected", err_msg="废单"), report(1000, "filling", 400))
    assert (order.status, order.err_msg) == ("partly_canceled", "废单")
    assert applied(order, report(1000, "filled", 1000)).err_msg == ""


@pytest.mark.parametrize("nonsense", [-3.0, 0.0, 1e308, 1e9 + 1])
def test_money_that_cannot_be_is_not_taken_over(nonsense: float) -> None:
    known = applied(make_order(), report(1000, "filling", 300))
    fields = {"avg_cost": nonsense, "deal_balance": nonsense * 1e6, "commission": nonsense * 1e6}
    after = applied(known, report(1000, "filling", 400, **fields))
    assert (after.filled_amount, after.avg_cost) == (400, known.avg_cost)
    assert (after.deal_balance, after.commission) == (known.deal_balance, known.commission)


def test_reports_of_a_users_own_gate_are_made_sense_of_in_the_same_way() -> None:
    said = {
        "order_id": "4000000001",
        "code": "000001.XSHE",
        "price": 10.5,
        "amount": 1000,
        "action": "open",
        "style": "limit",
        "create_time": ENTRUSTED,
        "confirm_id": "9" * 5000,
        "avg_cost": -3.0,
        "deal_balance": 1e308,
        "commission": -1.0,
    }
    steps = [("filled", 500, "filling"), ("canceled", 0, "partly_canceled"), ("open", 1000, "filled")]
    order = make_order()
    for status, filled, expected in steps:
        order = applied(order, check_order(dict(said, status=status, filled_amount=filled)))
        assert order.status == expected
    assert (order.filled_amount, order.avg_cost, order.deal_balance, order.commission) == (1000, 0, 0, 0)
    assert order.confirm_id == "9" * 64


def test_an_order_without_a_fill_has_no_average_price() -> None:
    assert applied(make_order(), report(1000, "open", avg_cost=10.5)).avg_cost == 0


def test_texts_of_the_broker_are_bounded() -> None:
    order = applied(make_order(), report(1000, "rejected", confirm_id="9" * 5000, err_msg="废" * 5000))
    assert (len(order.confirm_id), len(order.err_msg)) == (64, 1000)


def test_an_older_report_changes_neither_average_nor_turnover() -> None:
    order = applied(make_order(), report(1000, "filling", 512), report(1000, "filling", 256))
    assert (order.filled_amount, order.avg_cost, order.deal_balance) == (512, 10.5, 5376)
