"""The table of options: names, defaults, what is good and what is bad."""

import os
import pathlib
import sys
from datetime import datetime, time, timedelta, timezone
from typing import Any

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.gates.options import strategy_options
from jqtrade.home import home_dir
from jqtrade.options import ACCOUNT, GATE, SCHEDULER, parse_time

SESSIONS = [(time(9, 30), time(11, 30)), (time(13, 0), time(15, 0))]
SESSION_TEXTS = [("09:30:00", "11:30:00"), ("13:00:00", "15:00:00")]
NO_FLAG = [None, 0, 1, "True", "", [True]]
NO_SECONDS = [None, 0, -1, "5", True, float("nan"), float("inf"), -0.5, [5]]
NO_TEXT = [None, "", "  ", 5, b"x", ["x"], True]
NO_PERIOD = [
    [],
    "09:30:00",
    930,
    [("09:30:00",)],
    [("09:30:00", "10:00:00", "11:30:00")],
    ["09:30:00", "11:30:00"],
    [("11:30:00", "09:30:00")],
    [("09:30:00", "09:30:00")],
    [("09:30:00", "11:30:00"), ("11:00:00", "15:00:00")],
    [("09:30:00", "11:30:00"), ("09:30:00", "11:30:00")],
    [("13:00:00", "15:00:00"), ("09:30:00", "11:30:00")],
    [("09:30:00", "24:00:00")],
    [("25:00", "26:00")],
    [("０９:３０", "11:30")],
    [(" 09:30", "11:30")],
    [(930, 1130)],
    [(None, None)],
    [(time(9, 30), time(11, 30).replace(tzinfo=timezone.utc))],
]

# name, whose it is, default, [(good value, as the program has it)], [bad values]
TABLE = [
    ("use_account", SCHEDULER, False, [(True, True), (False, False)], NO_FLAG),
    (
        "market_period",
        SCHEDULER,
        SESSIONS,
        [
            (SESSION_TEXTS, SESSIONS),
            ([("09:30", "11:30"), ("13:00", "15:00")], SESSIONS),
            (SESSIONS, SESSIONS),
            ([["09:30:00", time(11, 30)], ["13:00:00", time(15, 0)]], SESSIONS),
            ((("21:00:00", "23:00:00"),), [(time(21), time(23))]),
        ],
        [None] + NO_PERIOD,
    ),
    ("misfire_grace_time", SCHEDULER, 60.0, [(1, 1.0), (0.5, 0.5), (3600, 3600.0)], NO_SECONDS + [1e-9, 1e300]),
    (
        "trading_days",
        SCHEDULER,
        "all",
        [("all", "all"), ("XSHG", "XSHG")],
        [None, "", "ALL", "xshg", True, ["XSHG"]],
    ),
    ("sync_balance", ACCOUNT, True, [(True, True), (False, False)], NO_FLAG),
    ("sync_order", ACCOUNT, True, [(True, True), (False, False)], NO_FLAG),
    ("sync_internal", ACCOUNT, 5.0, [(1, 1.0), (0.5, 0.5)], NO_SECONDS + [1e-9, 1e300]),
    ("sync_period", ACCOUNT, None, [(None, None), (SESSION_TEXTS, SESSIONS), (SESSIONS, SESSIONS)], NO_PERIOD),
    ("account_no", GATE, None, [("1234567", "1234567"), ("0012345678", "0012345678")], NO_TEXT + [1234567]),
    ("account_type", GATE, "STOCK", [("STOCK", "STOCK"), ("CREDIT", "CREDIT")], NO_TEXT),
    ("counter_type", GATE, "UF0", [("UM0", "UM0"), ("UF0", "UF0"), ("AT0", "AT0")], NO_TEXT),
    ("algo_type", GATE, "DMA", [("DMA", "DMA")], NO_TEXT),
    ("wait_lock_internal", GATE, 0.05, [(0.1, 0.1), (1, 1.0)], NO_SECONDS + [1e-9, 1e300]),
    ("wait_lock_time_out", ACCOUNT, 5.0, [(10, 10.0), (0.5, 0.5)], [None, -1, "5", True, float("nan"), float("inf")]),
    (
        "file_encoding",
        GATE,
        sys.getfilesystemencoding(),
        [("gbk", "gbk"), ("utf-8", "utf-8"), ("cp936", "cp936")],
        NO_TEXT + ["gbkk", "hex", "utf-8\0"],
    ),
    ("ignore_error_line", GATE, True, [(True, True), (False, False)], NO_FLAG),
    (
        "sync_retry_kwargs",
        GATE,
        {"max_attempts": 3, "attempt_internal": 0.15},
        [
            ({}, {"max_attempts": 3, "attempt_internal": 0.15}),
            ({"max_attempts": 5}, {"max_attempts": 5, "attempt_internal": 0.15}),
            ({"attempt_internal": 1}, {"max_attempts": 3, "attempt_internal": 1}),
            ({"max_attempts": 1, "attempt_internal": 0}, {"max_attempts": 1, "attempt_internal": 0}),
        ],
        [
            None,
            3,
            [3, 0.15],
            {"max_attempts": 0},
            {"max_attempts": 2.5},
            {"max_attempts": True},
            {"max_attempts": "3"},
            {"attempt_internal": -1},
            {"attempt_internal": float("nan")},
            {"attempt_internal": "1"},
            {"attempt_interval": 1},
        ],
    ),
    ("paper_cash", GATE, 1000000.0, [(50000, 50000.0)], NO_SECONDS),
    ("paper_keep_hours", GATE, False, [(True, True)], NO_FLAG),
    ("paper_seed", GATE, 0, [(7, 7), (-1, -1)], [None, "7", 1.5, True]),
    ("paper_volume_share", GATE, 0.25, [(1, 1.0), (0.01, 0.01)], [None, 0, -0.1, 1.01, "0.25", True, float("nan")]),
    ("paper_commission", GATE, 0.00025, [(0, 0.0), (0.0003, 0.0003)], [None, -0.1, 0.2, "0.0003", True, float("nan")]),
    ("paper_min_commission", GATE, 5.0, [(0, 0.0), (1, 1.0)], [None, -1, "5", True, float("inf")]),
]  # type: Any
BY_NAME = [row[0] for row in TABLE]


def read_back(name: str, value: Any) -> Any:
    """The option as the program has it once it was set."""
    options = strategy_options()
    options.update(options.check({name: value}))
    return options[name]


@pytest.mark.parametrize("name, scope, default", [row[:3] for row in TABLE], ids=BY_NAME)
def test_an_option_that_is_not_set_has_its_documented_default(name: str, scope: str, default: Any) -> None:
    options = strategy_options()
    assert options[name] == default
    assert options.as_dict()[name] == default
    assert options.scope(name) == scope
    assert not options.is_set(name)


@pytest.mark.parametrize(
    "name, value, expected", [(row[0], value, expected) for row in TABLE for value, expected in row[3]], ids=repr
)
def test_a_good_value_is_what_the_program_then_has(name: str, value: Any, expected: Any) -> None:
    assert read_back(name, value) == expected


@pytest.mark.parametrize("name, value", [(row[0], value) for row in TABLE for value in row[4]], ids=repr)
def test_a_bad_value_is_refused_with_the_name_and_nothing_is_set(name: str, value: Any) -> None:
    options = strategy_options()
    with pytest.raises(InvalidParam, match=name):
        options.check({"misfire_grace_time": 30, name: value})
    assert not options.is_set(name)
    assert options["misfire_grace_time"] == 60


def test_order_dir_is_the_documented_folder_until_it_is_set() -> None:
    assert strategy_options()["order_dir"] == r"C:\Ax\安信OneQuant\AxOneQuant\csvTemplate\DMA算法"


def test_runtime_dir_is_the_home_of_jqtrade_until_it_is_set(
    jqtrade_home: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert strategy_options()["runtime_dir"] == str(jqtrade_home)
    monkeypatch.delenv("JQTRADE_HOME")
    assert strategy_options()["runtime_dir"] == home_dir() == os.path.join(os.path.expanduser("~"), "jqtrade")


@pytest.mark.parametrize("name", ["runtime_dir", "order_dir", "paper_quotes", "paper_bars", "paper_actions"])
def test_a_folder_is_made_absolute_and_may_begin_with_a_tilde_or_be_a_path(name: str, tmp_path: pathlib.Path) -> None:
    assert read_back(name, "~/here") == os.path.join(os.path.expanduser("~"), "here")
    assert read_back(name, "here") == os.path.join(os.getcwd(), "here")
    assert read_back(name, tmp_path) == str(tmp_path)
    for bad in ("", 5, b"x", True):
        with pytest.raises(InvalidParam, match=name):
            read_back(name, bad)


def test_an_account_number_without_quotes_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidParam, match="引号") as refused:
        read_back("account_no", 99887766)
    assert "99887766" not in str(refused.value)


def test_sync_interval_is_another_spelling_of_sync_internal() -> None:
    assert strategy_options().check({"sync_interval": 2}) == {"sync_internal": 2.0}


def test_an_error_names_the_spelling_that_was_given() -> None:
    with pytest.raises(InvalidParam, match="sync_interval"):
        strategy_options().check({"sync_interval": 0})


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("acount_no", "account_no"),
        ("order_path", "order_dir"),
        ("use_accounts", "use_account"),
        ("counter_typ", "counter_type"),
        ("sync_orders", "sync_order"),
        ("wait_lock_timeout", "wait_lock_time_out"),
        ("sync_intervall", "sync_interval"),
        ("market_periods", "market_period"),
        ("TIMEZONE", "timezone"),
    ],
)
def test_an_unknown_option_is_refused_with_the_nearest_known_one(typed: str, meant: str) -> None:
    with pytest.raises(InvalidParam) as refused:
        strategy_options().check({typed: "x"})
    assert repr(typed) in str(refused.value)
    assert repr(meant) in str(refused.value)


def test_options_set_in_several_calls_add_up_and_the_last_value_wins() -> None:
    options = strategy_options()
    options.update(options.check({"account_no": "1234567", "sync_internal": 3}))
    options.update(options.check({"counter_type": "UM0", "sync_interval": 4}))
    assert (options["account_no"], options["counter_type"], options["sync_internal"]) == ("1234567", "UM0", 4.0)


def test_for_a_foreign_gate_an_unknown_option_passes_as_it_is_and_a_known_one_is_still_checked() -> None:
    options = strategy_options()
    token = object()
    options.update(options.check({"my_token": token}, third_party=True))
    assert options["my_token"] is options.as_dict()["my_token"] is token
    with pytest.raises(InvalidParam, match="sync_order"):
        options.check({"sync_order": "yes"}, third_party=True)


def test_which_scopes_were_set_is_known() -> None:
    options = strategy_options()
    options.update(options.check({"market_period": SESSION_TEXTS}))
    assert not options.any_set(ACCOUNT, GATE)
    options.update(options.check({"my_token": 1}, third_party=True))
    assert options.any_set(ACCOUNT, GATE)
    assert not options.any_set(ACCOUNT)


def test_the_notice_of_the_counter_type_names_both_until_it_is_set() -> None:
    options = strategy_options()
    (notice,) = options.notices(["account_no", "counter_type", "unknown"])
    assert "UF0" in notice
    assert "UM0" in notice
    options.update(options.check({"counter_type": "UF0"}))
    assert options.notices(["counter_type"]) == []


@pytest.mark.parametrize("value", ["Asia/Shanghai", "+08:00", "UTC+8"])
def test_timezone_takes_a_name_or_an_offset(value: str) -> None:
    assert read_back("timezone", value).utcoffset(datetime(2026, 1, 5)) == timedelta(hours=8)


@pytest.mark.parametrize("value", ["", " ", "Asia/Shangai", "+25:00", 8, True, b"UTC"], ids=repr)
def test_timezone_refuses_what_is_no_zone(value: Any) -> None:
    with pytest.raises(InvalidParam, match="timezone"):
        read_back("timezone", value)


def test_timezone_may_be_left_to_the_machine() -> None:
    assert read_back("timezone", None) is strategy_options()["timezone"] is None


@pytest.mark.parametrize("text, expected", [("09:30:05", time(9, 30, 5)), ("23:59", time(23, 59))])
def test_a_time_of_day_is_read(text: str, expected: time) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize("text", ["", "24:00", "9", "09:30:60", "０９:３０", "09:30 "])
def test_a_bad_time_of_day_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)
