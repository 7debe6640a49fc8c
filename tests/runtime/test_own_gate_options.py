"""Options for a gate of the user's own: it is handed every one; with a gate of ours an unknown one is an error."""

import logging
from typing import Any, List

import pytest
from strategy_files import Starter

from jqtrade.errors import InvalidParam
from jqtrade.gates.options import strategy_options

RECORDING = "trade_gate='sample_gates.RecordingGate'"


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)


def initialize(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"def process_initialize(context):\n    run_daily(print, '23:59:59')\n{body}"


def given(calls: List[Any]) -> Any:
    """The options that setup was given."""
    return dict(calls)["setup"]


def test_a_gate_of_the_users_own_is_handed_every_option_with_defaults_and_unknown_ones_with_a_warning(
    start: Starter, gate_calls: List[Any], caplog: pytest.LogCaptureFixture
) -> None:
    start(initialize(f"set_options({RECORDING}, my_token=[1], acount_no='x', sync_order=False)"))
    options = given(gate_calls)
    assert set(strategy_options().as_dict()) < set(options)
    assert (options["my_token"], options["acount_no"], options["sync_order"]) == ([1], "x", False)
    assert (options["account_no"], options["wait_lock_time_out"]) == (None, 5.0)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 2
    assert "'acount_no'" in warnings[0]
    assert "'my_token'" in warnings[1]


def test_options_that_the_gate_lists_as_its_own_draw_no_warning(
    start: Starter, gate_calls: List[Any], caplog: pytest.LogCaptureFixture
) -> None:
    start(
        initialize("set_options(trade_gate='sample_gates.GateWithOptions')", "set_options(my_token=1, my_server='x')")
    )
    assert (given(gate_calls)["my_token"], given(gate_calls)["my_server"]) == (1, "x")
    assert [record for record in caplog.records if record.levelname == "WARNING"] == []


@pytest.mark.parametrize(
    "gate",
    [
        "'anxin'",
        "'paper'",
        "AnXinDMATradeGate",
        "'jqtrade.account.AnXinDMATradeGate'",
        "'jqtrade.gates.paper.PaperTradeGate'",
    ],
)
def test_with_a_gate_of_ours_however_it_is_named_an_unknown_option_is_an_error(start: Starter, gate: str) -> None:
    with pytest.raises(InvalidParam, match="最接近的是 'account_no'"):
        start(
            "from jqtrade.account import AnXinDMATradeGate\n"
            + initialize(f"set_options(trade_gate={gate}, acount_no='1')")
        )


def test_a_wrong_value_of_a_known_option_is_refused_for_a_gate_of_the_users_own_too(
    start: Starter, gate_calls: List[Any]
) -> None:
    with pytest.raises(InvalidParam, match="account_no"):
        start(initialize(f"set_options({RECORDING}, account_no=1234567)"))
