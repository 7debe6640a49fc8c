"""Submissions: what it says of an order at each step of its way, and whom it tells."""

from datetime import date
from typing import List, Optional

import pytest
from broker_files import make_order

from jqtrade.account.journal import Journal, RecordedOrder
from jqtrade.account.order import Order, OrderStatus
from jqtrade.account.submissions import Submissions, was_sent_before

DAY = date(2026, 1, 5)
ORDER = make_order("1")


@pytest.fixture
def journal() -> Journal:
    journal = Journal(None)
    journal.load(DAY)
    journal.record_intents([ORDER], [1.0])
    return journal


@pytest.fixture
def submissions(journal: Journal) -> Submissions:
    return Submissions(journal)


def recorded_as_sent(journal: Journal) -> List[bool]:
    journal.flush()
    return [record.sent for record in journal.load(DAY)]


def test_it_is_unknown_from_before_the_first_step_until_after_the_last(
    journal: Journal, submissions: Submissions
) -> None:
    submissions.begin(ORDER)
    assert submissions.was_sent(ORDER) is None and list(submissions.unknown) == ["1"]
    submissions.hand_over([ORDER])
    assert submissions.was_sent(ORDER) is None
    submissions.note_sent([ORDER])
    assert submissions.was_sent(ORDER) is None and recorded_as_sent(journal) == [True]
    submissions.conclude([ORDER])
    assert submissions.was_sent(ORDER) is True and not submissions.unknown


def test_what_is_concluded_without_being_noted_as_sent_was_not(journal: Journal, submissions: Submissions) -> None:
    submissions.begin(ORDER)
    submissions.conclude([ORDER])
    assert submissions.was_sent(ORDER.rejected("磁盘已满")) is False and recorded_as_sent(journal) == [False]


def test_the_brokers_own_word_is_enough(submissions: Submissions) -> None:
    submissions.begin(ORDER)
    assert submissions.was_sent(ORDER.with_changes(status=OrderStatus.open, confirmed=True)) is True


def test_one_that_the_gate_was_never_given_was_not_sent(submissions: Submissions) -> None:
    submissions.begin(ORDER)
    assert submissions.evidence(ORDER) is False
    submissions.hand_over([ORDER])
    assert submissions.evidence(ORDER) is None
    assert submissions.evidence(ORDER.with_changes(status=OrderStatus.open)) is True
    assert submissions.evidence(ORDER.with_changes(status=OrderStatus.rejected)) is False


@pytest.mark.parametrize(
    "order, sent, expected",
    [
        (ORDER, False, None),
        (ORDER, True, True),
        (ORDER.rejected("磁盘已满"), False, False),
        (ORDER.with_changes(status=OrderStatus.rejected, err_msg="资金不足"), True, True),
        (ORDER.with_changes(status=OrderStatus.rejected, confirmed=True), False, True),
        (ORDER.with_changes(status=OrderStatus.filled), False, True),
    ],
)
def test_what_the_journal_knows_of_an_earlier_run_is_taken_up(
    submissions: Submissions, order: Order, sent: bool, expected: Optional[bool]
) -> None:
    record = RecordedOrder(order, 1.0, sent, None)
    assert was_sent_before(record) is expected
    assert submissions.take_up([record]) == (["1"] if expected is None else [])
    assert submissions.was_sent(order) is expected
    if expected is None:
        assert submissions.evidence(order) is None  # that run may have given it to the gate


def test_what_was_found_out_blocks_until_a_call_that_told_it_has_ended(submissions: Submissions) -> None:
    submissions.begin(ORDER)
    submissions.resolve(ORDER)
    submissions.untold.enter(is_clean=True)
    assert submissions.blocking() == {("000001.XSHE", True): "1"}
    assert submissions.untold.tell() == [ORDER]
    submissions.untold.enter(is_clean=False)  # the sync was cut short
    assert submissions.blocking() and submissions.untold.tell() == [ORDER]
    submissions.untold.enter(is_clean=True)
    assert not submissions.blocking() and not submissions.untold.tell()
    submissions.start_day()
    assert not submissions.unknown and not submissions.were_handed_over([ORDER])


def test_an_order_that_the_terminal_refused_was_sent_all_the_same(submissions: Submissions) -> None:
    """Its refusal is no word of the broker (`confirmed` stays False), and the day's counts must have the order."""
    submissions.begin(ORDER)
    submissions.note_sent([ORDER])
    submissions.conclude([ORDER])
    refused = ORDER.with_changes(status=OrderStatus.rejected, err_msg="柜台拒绝")
    assert submissions.was_sent(refused) is True and not refused.is_unsent
