"""The --config file: defaults for options, in Python."""

from pathlib import Path
from typing import Any, List

import pytest
from strategy_files import Starter, at

from jqtrade.errors import InvalidParam
from jqtrade.runtime.config import read_config

STRATEGY = """
def process_initialize(context):
    run_daily(lambda context: seen.append(context.strategy_dt), "open")
    set_options({})
"""


@pytest.fixture
def config(tmp_path: Path) -> Any:
    """Return a function that writes a config file and reads it."""

    def read(text: str) -> Any:
        path = tmp_path / "config.py"
        path.write_bytes(text.encode("utf-8"))
        return read_config(str(path))

    return read


def test_scheduler_x_and_account_x_are_defaults_for_option_x(config: Any) -> None:
    assert config(
        "# -*- coding: utf-8 -*-\n"
        "SCHEDULER_MARKET_PERIOD = [('10:00', '11:00')]\n"
        "SCHEDULER_USE_ACCOUNT = True\n"
        "SCHEDULER_TIMEZONE = '+08:00'\n"
        "ACCOUNT_ACCOUNT_NO = '1234567'\n"
        "ACCOUNT_SYNC_INTERNAL = 3\n"
        "ACCOUNT_SYNC_RETRY_KWARGS = {'max_attempts': 5}\n"
        "ACCOUNT_TRADE_GATE = 'sample_gates.RecordingGate'\n"
    ) == {
        "market_period": [("10:00", "11:00")],
        "use_account": True,
        "timezone": "+08:00",
        "account_no": "1234567",
        "sync_internal": 3,
        "sync_retry_kwargs": {"max_attempts": 5},
        "trade_gate": "sample_gates.RecordingGate",
    }


def test_the_file_may_compute_and_import_and_keep_small_or_underscored_names(config: Any) -> None:
    text = "import os\nimport os as OS\n_BASE = 2\nbase = 3\ndef twice(x): return 2 * x\nclass Thing: pass\n"
    assert config(text + "ACCOUNT_SYNC_INTERNAL = twice(base) + _BASE\n") == {"sync_internal": 8}


def test_an_empty_file_sets_nothing(config: Any) -> None:
    assert config("") == {}


@pytest.mark.parametrize(
    "line, right",
    [
        ("ACCOUNT_MARKET_PERIOD = []", "SCHEDULER_MARKET_PERIOD"),
        ("ACCOUNT_USE_ACCOUNT = True", "SCHEDULER_USE_ACCOUNT"),
        ("SCHEDULER_ACCOUNT_NO = 'x'", "ACCOUNT_ACCOUNT_NO"),
        ("SCHEDULER_TRADE_GATE = 'paper'", "ACCOUNT_TRADE_GATE"),
        ("SCHEDULER_SYNC_INTERVAL = 3", "ACCOUNT_SYNC_INTERVAL"),
    ],
)
def test_an_option_under_the_wrong_prefix_is_an_error_naming_the_right_name(config: Any, line: str, right: str) -> None:
    with pytest.raises(InvalidParam, match=right):
        config(line)


@pytest.mark.parametrize("name", ["MARKET_PERIOD", "ACCOUNTS_NO", "SCHEDULER_", "ACCOUNT", "DEBUG", "X"])
def test_any_other_capital_name_is_an_error_naming_it(config: Any, name: str) -> None:
    with pytest.raises(InvalidParam, match=name):
        config(f"{name} = 1\n")


@pytest.mark.parametrize("name", ["SCHEDULER_MARKET_PERIODS", "ACCOUNT_ACOUNT_NO"])
def test_an_unknown_option_is_an_error_naming_the_nearest(start: Starter, config: Any, name: str) -> None:
    with pytest.raises(InvalidParam, match="market_period|account_no"):
        start(STRATEGY.format(""), **config(f"{name} = 1\n"))


def test_an_unknown_scheduler_option_is_an_error_for_a_gate_of_the_users_own_too(
    start: Starter, config: Any, gate_calls: List[Any]
) -> None:
    with pytest.raises(InvalidParam, match="(?i)market_periods"):
        start(
            STRATEGY.format(""),
            **config("SCHEDULER_MARKET_PERIODS = 1\nACCOUNT_TRADE_GATE = 'sample_gates.RecordingGate'\n"),
        )


@pytest.mark.parametrize(
    "text, said",
    [
        ("ACCOUNT_SYNC_INTERNAL = 1 / 0\n", "ZeroDivisionError"),
        ("import no_such_module\n", "no_such_module"),
        ("ACCOUNT_SYNC_INTERNAL = (\n", "语法错误：括号没有配对"),
        ("raise KeyError('x')\n", "KeyError"),
    ],
)
def test_an_error_in_the_file_names_the_file_and_the_error(config: Any, text: str, said: str) -> None:
    with pytest.raises(InvalidParam) as refused:
        config(text)
    assert said in str(refused.value)
    assert "config.py" in str(refused.value)


def test_a_missing_file_is_an_error_naming_it(tmp_path: Path) -> None:
    with pytest.raises(InvalidParam, match="nowhere.py"):
        read_config(str(tmp_path / "nowhere.py"))


def test_a_bad_value_is_an_error_naming_the_option(start: Starter, config: Any) -> None:
    with pytest.raises(InvalidParam, match="misfire_grace_time"):
        start(STRATEGY.format(""), **config("SCHEDULER_MISFIRE_GRACE_TIME = -1\n"))


def test_set_options_wins_over_the_file_and_the_file_over_the_defaults(start: Starter, config: Any) -> None:
    settings = config("SCHEDULER_MARKET_PERIOD = [('10:00', '11:00')]\n")
    assert start(STRATEGY.format(""), **settings).run(at(12)).seen == [at(10)]
    strategy = STRATEGY.format("market_period=[('11:00', '12:00')]")
    assert start(strategy, **settings).run(at(12)).seen == [at(11)]


def test_account_trade_gate_and_its_own_options_come_from_the_file(
    start: Starter, config: Any, gate_calls: List[Any]
) -> None:
    start(
        STRATEGY.format("account_no='7654321'"),
        **config(
            "ACCOUNT_MY_TOKEN = 'x'\nACCOUNT_ACCOUNT_NO = '1234567'\nACCOUNT_COUNTER_TYPE = 'AT0'\n"
            "ACCOUNT_TRADE_GATE = 'sample_gates.GateWithOptions'\n"
        ),
    )
    options = dict(gate_calls)["setup"]
    assert (options["my_token"], options["account_no"], options["counter_type"]) == ("x", "7654321", "AT0")
