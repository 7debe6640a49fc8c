"""Numbers in One Quant's files: what no terminal would write is a broken line, said once, and never changes an order."""

from typing import Any, List

import pytest
from broker_files import UPDATE_HEADER, OneQuantFolder, update_row
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle, Order
from jqtrade.account.request import check_request
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.gates.onequant.rows import to_number, to_quantity
from jqtrade.testing import VirtualClock

NO_NUMBERS = "5_0 ５０ ٥ 0x10 inf -inf nan - . -. 1.2.3 1,5 五 1e308 1e400 --1 5- 1\x00".split(" ")
NEGATIVE = ["-5", "-0.5"]


@pytest.mark.parametrize(
    "text", [b"0", b"5", b"007", b"5.", b".5", b"-.5", b"-5", b"123456789.25", b"-0.00", b"+5", b"1e2", b"1.25E+07"]
)
def test_a_number_is_ascii_digits_perhaps_with_a_point_and_an_exponent(text: bytes) -> None:
    assert to_number(text) == float(text)


@pytest.mark.parametrize("text", NO_NUMBERS + ["", " ", "1 0", "9" * 31])
def test_all_else_is_no_number(text: str) -> None:
    for read in (to_number, to_quantity):
        with pytest.raises(ValueError):
            read(text.encode("utf-8"))


@pytest.fixture
def account(gate: AnXinDMATradeGate, folder: OneQuantFolder, clock: VirtualClock) -> Account:
    return Account(gate, Journal(None), clock, no_limits(clock))


def synced(account: Account, folder: OneQuantFolder, **columns: Any) -> Order:
    """The order as it stands after a row about it that has these columns, twice, and one of another order after it."""
    requests = [check_request("000001.XSHE", 1000, LimitOrderStyle(10.5))] * 2
    first, second = [str(order_id) for order_id in account.submit_batch(requests)]
    row = update_row(first, **dict({"status": 1}, **columns))
    folder.append("orderUpdate", UPDATE_HEADER, row, row, update_row(second, 0))
    account.sync_orders()
    orders = {order.order_id: order for order in account.orders()}
    assert orders[second].status == "open"
    return orders[first]


def errors(caplog: pytest.LogCaptureFixture) -> List[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("column", ["orderQty", "orderPrice", "filledQty", "avgPrice", "filledAmt", "cancelQty"])
@pytest.mark.parametrize("text", [text for text in NO_NUMBERS if "," not in text] + NEGATIVE)
def test_a_row_with_a_number_that_is_none_changes_no_order_and_is_said_once(
    account: Account, folder: OneQuantFolder, caplog: pytest.LogCaptureFixture, column: str, text: str
) -> None:
    if text == "nan" and column in ("avgPrice", "filledAmt"):
        return  # what terminals write for a value that they do not know
    order = synced(account, folder, **{column: text})
    assert (order.status, order.filled_amount, order.confirm_id) == ("new", 0, "")
    assert len(errors(caplog)) == 1


@pytest.mark.parametrize("text", ["", "nan", "NaN", "-nan"])
def test_an_average_and_a_turnover_that_the_terminal_does_not_know_leave_the_fill(
    account: Account, folder: OneQuantFolder, text: str
) -> None:
    order = synced(account, folder, filledQty=300, avgPrice=text, filledAmt=text)
    assert (order.status, order.filled_amount, order.avg_cost, order.deal_balance) == ("filling", 300, 0, 0)


def test_filled_whole_with_a_part_of_the_quantity_is_a_part_and_said_once(
    account: Account, folder: OneQuantFolder, caplog: pytest.LogCaptureFixture
) -> None:
    order = synced(account, folder, status=2, filledQty=500)
    assert (order.status, order.filled_amount) == ("filling", 500)
    (text,) = errors(caplog)
    assert order.order_id in text and "500/1000" in text


def test_more_filled_than_asked_for_changes_nothing(account: Account, folder: OneQuantFolder) -> None:
    order = synced(account, folder, filledQty=1001)
    assert (order.status, order.filled_amount) == ("new", 0)


def test_a_huge_order_number_is_kept_in_part(account: Account, folder: OneQuantFolder) -> None:
    order = synced(account, folder, status=0, orderNo="x" * 5000)
    assert (order.status, order.confirm_id) == ("open", "x" * 64)
