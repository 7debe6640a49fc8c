"""The option ignore_error_line: without it a line that cannot be read fails the sync, and loses no other line."""

from typing import Any, Callable, List

import pytest
from broker_files import RESULT_HEADER, UPDATE_HEADER, OneQuantFolder, make_order, told, update_row
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.errors import InvalidParam, TradeGateError
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock

OpenGate = Callable[..., AnXinDMATradeGate]
Gate = AnXinDMATradeGate


@pytest.fixture
def gate(open_gate: OpenGate) -> Gate:
    return open_gate(ignore_error_line=False)


def ids(reports: List[Any]) -> List[str]:
    return [report["order_id"] for report in reports]


def test_a_sync_that_met_a_broken_line_fails_at_once_and_the_next_one_has_the_good_lines(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, caplog: Any
) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", 0), "garbage", update_row("78", 0))
    with pytest.raises(TradeGateError, match="orderUpdate_20260105.csv.*garbage.*20 列"):
        told(gate)
    assert clock.monotonic() == 0.0  # to read it again would not help
    folder.append("orderUpdate", update_row("79", 0))
    assert ids(told(gate)) == ["77", "78", "79"]
    assert told(gate) == [] and caplog.records == []


def test_of_several_broken_lines_the_first_is_named_and_all_are_counted(gate: Gate, folder: OneQuantFolder) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, "first", "second", "third")
    with pytest.raises(TradeGateError, match="first.*共 3 行"):
        told(gate)
    assert gate._updates.broken_lines == 3 and told(gate) == []


def test_a_broken_line_of_execResult_fails_the_sync_too_and_the_refusal_is_not_lost(
    gate: Gate, folder: OneQuantFolder
) -> None:
    gate.order(make_order())
    folder.append("execResult", RESULT_HEADER, "garbage", "1,1,4000000001,1,9,资金不足")
    folder.append("orderUpdate", UPDATE_HEADER, "garbage 2", update_row("78", 0))
    for text in ("execResult_20260105.csv.*garbage", "orderUpdate_20260105.csv.*garbage 2"):
        with pytest.raises(TradeGateError, match=text):
            told(gate)
    assert ids(told(gate)) == ["78", "4000000001"]


def test_the_account_logs_a_failed_sync_and_goes_on(
    gate: Gate, folder: OneQuantFolder, clock: VirtualClock, caplog: Any
) -> None:
    account = Account(gate, Journal(None), clock, no_limits(clock))
    (order_id,) = account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))])
    folder.append("orderUpdate", UPDATE_HEADER, "garbage", update_row(order_id or "", 0, orderQty="100"))
    assert account.sync_orders() == []
    assert "同步订单失败：文件 orderUpdate_20260105.csv 有一行无法识别" in caplog.text
    assert [str(order.status) for order in account.sync_orders()] == ["open"]


def test_the_lines_of_others_are_not_broken(gate: Gate, folder: OneQuantFolder) -> None:
    folder.append("orderUpdate", UPDATE_HEADER, update_row("77", 0, acct="7654321"), "", update_row("", 0))
    folder.append("execResult", RESULT_HEADER, "1,1,99,1,9,别人的")
    assert told(gate) == []


def test_it_is_true_or_false(open_gate: OpenGate) -> None:
    with pytest.raises(InvalidParam, match="ignore_error_line"):
        open_gate(ignore_error_line=1)
