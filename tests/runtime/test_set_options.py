"""set_options in a strategy: when the account loads, what comes too late, what a gate of the user's own is handed."""

import logging
from typing import Any, List

import pytest
from strategy_files import START, Starter, at

from jqtrade.errors import InvalidCall, InvalidParam
from jqtrade.gates.options import strategy_options
from jqtrade.masking import Masker
from jqtrade.runtime.strategy import Strategy
from jqtrade.testing import FakeBroker, VirtualClock

RECORDING = "trade_gate='sample_gates.RecordingGate'"


def initialize(*lines: str) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"def process_initialize(context):\n    run_daily(print, '23:59:59')\n{body}"


def names(calls: List[Any]) -> List[str]:
    return [name for name, _ in calls]


def given(calls: List[Any]) -> Any:
    """The options that setup was given."""
    return dict(calls)["setup"]


# ---------------------------------------------------------------- use_account


@pytest.mark.parametrize(
    "options, loads",
    [
        ("", False),
        ("market_period=[('09:30', '15:00')], misfire_grace_time=10, timezone='UTC'", False),
        ("use_account=False", False),
        ("use_account=False, " + RECORDING, False),
        (RECORDING, True),
        ("use_account=True, " + RECORDING, True),
    ],
)
def test_the_account_loads_if_the_user_says_so_or_else_if_any_account_or_gate_option_is_given(
    start: Starter, gate_calls: List[Any], options: str, loads: bool
) -> None:
    start(initialize(f"set_options({options})"))
    assert bool(gate_calls) is loads


@pytest.mark.parametrize(
    "option",
    [
        {"account_no": "1234567"},
        {"sync_balance": True},
        {"sync_order": False},
        {"sync_internal": 5},
        {"sync_interval": 5},
        {"sync_period": None},
        {"counter_type": "UM0"},
        {"account_type": "STOCK"},
        {"file_encoding": "gbk"},
        {"paper_cash": 5},
        {"wait_lock_internal": 0.1},
        {"sync_retry_kwargs": {}},
    ],
    ids=repr,
)
def test_any_single_account_or_gate_option_means_that_an_account_is_wanted(start: Starter, option: Any) -> None:
    with pytest.raises(InvalidParam, match="account_no|order_dir"):  # raised by the default gate's setup
        start(initialize(f"set_options(**{option!r})"))


@pytest.mark.parametrize("wants, loads", [(None, True), (True, True), (False, False)])
def test_paper_on_the_command_line_loads_the_account_unless_the_user_says_no(
    start: Starter, wants: Any, loads: bool
) -> None:
    line = "pass" if wants is None else f"set_options(use_account={wants})"
    path = start.write("demo.py", initialize(line))
    strategy = Strategy("demo", str(path), VirtualClock(START), strategy_options(), paper=True)
    strategy.start()
    try:
        if loads:
            assert strategy.account().portfolio.total_assert == 1000000
        else:
            with pytest.raises(InvalidCall):
                strategy.account()
    finally:
        strategy.close()


@pytest.mark.parametrize(
    "call",
    [
        "order('000001.XSHE', 100, LimitOrderStyle(1))",
        "cancel_order('1')",
        "batch_submit_orders([{'code': '000001.XSHE', 'amount': 100}])",
        "batch_cancel_orders(['1'])",
        "get_orders()",
        "sync_balance()",
        "sync_orders()",
        "context.portfolio",
    ],
)
@pytest.mark.parametrize("option", ["", "set_options(use_account=False, account_no='1234567')"])
def test_an_account_call_without_an_account_raises_invalid_call_naming_the_options(
    start: Starter, call: str, option: str
) -> None:
    started = start(
        f"""
        def process_initialize(context):
            {option or "pass"}
            run_daily(job, "10:00")

        def job(context):
            try:
                {call}
            except InvalidCall as error:
                seen.append(str(error))
        """
    )
    (text,) = started.run(at(12)).seen
    assert "use_account" in text
    assert "account_no" in text
    assert "set_options" in text


# ---------------------------------------------------------------- loading


def test_the_account_loads_at_the_end_of_process_initialize_with_one_sync_of_everything(
    start: Starter, gate_calls: List[Any]
) -> None:
    started = start(
        initialize(
            f"set_options({RECORDING})", "import sample_gates", "seen.append(list(sample_gates.RecordingGate.calls))"
        )
    )
    assert started.seen == [[]]
    assert names(gate_calls) == ["__init__", "setup", "sync_balance", "sync_orders"]


@pytest.mark.parametrize(
    "use", ["context.portfolio", "get_orders()", "context.portfolio.long_positions['000001.XSHE']"]
)
def test_the_account_loads_on_first_use_inside_process_initialize_with_one_sync_before_numbers_are_seen(
    start: Starter, gate_calls: List[Any], use: str
) -> None:
    started = start(
        initialize(
            f"set_options({RECORDING})",
            use,
            "import sample_gates",
            "seen.append([name for name, _ in sample_gates.RecordingGate.calls])",
            "seen.append(context.portfolio.available_cash)",
        )
    )
    assert started.seen == [["__init__", "setup", "sync_balance", "sync_orders"], 900.0]
    assert len(gate_calls) == 4


def test_the_account_may_be_used_while_the_file_is_loaded(start: Starter, gate_calls: List[Any]) -> None:
    started = start(f"set_options({RECORDING})\nseen.append(get_orders())\n" + initialize())
    assert started.seen == [[]]
    assert names(gate_calls).count("setup") == 1


def test_the_gate_has_the_strategys_clock_before_setup(start: Starter) -> None:
    broker = FakeBroker()
    started = start(initialize(), broker, trade_gate=broker.gate_class)
    assert started.strategy.account()._gate.clock is started.clock


def test_a_gate_that_cannot_be_set_up_fails_the_start(start: Starter) -> None:
    with pytest.raises(InvalidParam, match="account_no"):
        start(initialize("set_options(order_dir='.')"))


def test_without_a_first_balance_the_portfolio_raises_invalid_call_and_comes_with_a_later_sync(start: Starter) -> None:
    broker = FakeBroker(cash=5.0)
    broker.error = OSError("terminal closed")
    started = start(
        """
        def process_initialize(context):
            run_daily(job, "every_minute")

        def job(context):
            try:
                seen.append(context.portfolio.total_assert)
            except InvalidCall as error:
                seen.append(str(error))
        """,
        broker,
    ).run(at(9, 30))
    broker.error = None
    started.run(at(9, 31))
    assert "还没有同步到资金和持仓" in started.seen[0]
    assert started.seen[1] == 5.0


# ---------------------------------------------------------------- several calls, and late ones


def test_options_of_several_calls_add_up_and_the_last_value_wins(start: Starter, gate_calls: List[Any]) -> None:
    start(
        f"set_options({RECORDING}, account_no='7654321')\n"
        + initialize("set_options(account_no='1234567', sync_interval=7)", "set_options(counter_type='AT0')")
    )
    options = given(gate_calls)
    assert (options["account_no"], options["counter_type"], options["sync_internal"]) == ("1234567", "AT0", 7.0)


@pytest.mark.parametrize(
    "late",
    [
        "account_no='7654321'",
        "order_dir='.'",
        "counter_type='UM0'",
        "sync_internal=9",
        "sync_interval=9",
        "sync_balance=False",
        "sync_period=None",
        "trade_gate='paper'",
        "timezone='UTC'",
        "runtime_dir='.'",
    ],
)
def test_an_account_option_after_the_account_loaded_raises_invalid_call_naming_it(
    start: Starter, gate_calls: List[Any], late: str
) -> None:
    started = start(
        initialize(
            f"set_options({RECORDING})",
            "get_orders()",
            f"try: set_options({late})",
            "except InvalidCall as error: seen.append(str(error))",
        )
    )
    name = "sync_internal" if late.startswith("sync_interval") else late.split("=")[0]
    assert name in started.seen[0]
    assert names(gate_calls).count("setup") == 1


def test_scheduler_options_may_come_after_the_account_loaded(start: Starter, gate_calls: List[Any]) -> None:
    started = start(
        initialize(
            f"set_options({RECORDING})",
            "get_orders()",
            "set_options(market_period=[('10:00', '10:01')], misfire_grace_time=5)",
            "run_daily(lambda context: seen.append(context.strategy_dt), 'every_minute')",
        )
    )
    assert started.run(at(12)).seen == [at(10), at(10, 1)]


def test_in_a_job_set_options_raises_invalid_call(start: Starter) -> None:
    started = start(
        """
        def process_initialize(context):
            run_daily(job, "10:00")

        def job(context):
            try:
                set_options(market_period=[("10:00", "11:00")])
            except InvalidCall as error:
                seen.append(str(error))
        """
    )
    assert "set_options" in started.run(at(12)).seen[0]


def test_an_unknown_option_raises_at_the_call_naming_the_nearest_and_nothing_of_the_call_is_set(
    start: Starter,
) -> None:
    started = start(
        initialize(
            "try: set_options(market_period=[('10:00', '11:00')], acount_no='1234567')",
            "except InvalidParam as error: seen.append(str(error))",
            "run_daily(lambda context: seen.append(context.strategy_dt), 'open')",
        )
    )
    assert "account_no" in started.seen[0]
    assert started.run(at(12)).seen[1:] == [at(9, 30)]


# ---------------------------------------------------------------- what is said and hidden


def test_without_counter_type_one_log_line_says_which_is_used_and_what_ordinary_accounts_are(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    code = "set_options(account_no='1234567', order_dir={!r}{})"
    start(initialize(code.format(str(start.folder), "")))
    lines = [record.getMessage() for record in caplog.records if "柜台类型" in record.getMessage()]
    assert len(lines) == 1
    assert "UF0" in lines[0]
    assert "UM0" in lines[0]
    caplog.clear()
    start(initialize(code.format(str(start.folder), ", counter_type='UF0'")))
    assert "柜台类型" not in caplog.text


def test_an_account_number_is_masked_from_the_moment_it_is_set(start: Starter) -> None:
    path = start.write("demo.py", initialize("set_options(account_no='1234567', use_account=False)"))
    masker = Masker()
    strategy = Strategy("demo", str(path), VirtualClock(START), strategy_options(), masker=masker)
    strategy.start()
    assert masker("账号 1234567") == "账号 *****67"


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
