"""Names, environments, and the JSON between two processes."""

import os
from typing import Callable, Dict

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.home import home_dir
from jqtrade.tasks.spec import (
    TaskSpec,
    check_name,
    file_key,
    is_file_key,
    mask_env,
    masker_for,
    new_token,
    parse_env,
)


@pytest.mark.parametrize(
    "name", ["demo", "DEMO", "a", "a.b-c_1", "网格策略", "二〇二五-grid", "CONSOLE", "com", "x" * 64, "中" * 64]
)
def test_a_plain_name_is_kept(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "end.", "a b", "a\n", "demo\x00", "é", "\uf900", "😀", "x" * 65]
    + ["CON", "con", "NUL", "nul.txt", "COM1", "LPT9.log", "a:b", "C:", "-n;rm", "a*", "%d"],
)
def test_any_other_name_is_refused_and_named(name: str) -> None:
    with pytest.raises(InvalidParam) as caught:
        check_name(name)
    assert repr(name) in str(caught.value)


def test_names_that_differ_in_case_are_one_name() -> None:
    assert file_key("Demo-网格") == file_key("DEMO-网格") == "demo-网格"
    assert is_file_key("demo-网格")
    assert not is_file_key("Demo")
    assert not is_file_key(".guard")


@pytest.mark.parametrize(
    "text, pathsep, expected",
    [
        ("", ":", {}),
        ("A=1", ":", {"A": "1"}),
        ("A=1;B=2;", ":", {"A": "1", "B": "2"}),
        (";;A=1; B=2", ":", {"A": "1", "B": "2"}),
        ("A=b=c", ":", {"A": "b=c"}),
        ("A=", ":", {"A": ""}),
        ("A=1;A=2", ":", {"A": "2"}),
        ("PYTHONPATH=./package;USER=test", ":", {"PYTHONPATH": "./package", "USER": "test"}),
        ("PYTHONPATH=/a:/b", ":", {"PYTHONPATH": "/a:/b"}),
        ("PYTHONPATH=C:\\a;D:\\b;USER=test", ";", {"PYTHONPATH": "C:\\a;D:\\b", "USER": "test"}),
        ("PYTHONPATH=C:\\a;;D:\\b;", ";", {"PYTHONPATH": "C:\\a;D:\\b"}),
        ("USER=test;PYTHONPATH=.;.\\x=y", ";", {"USER": "test", "PYTHONPATH": ".;.\\x=y"}),
    ],
)
def test_an_environment_is_split_at_semicolons_and_first_equals(
    text: str, pathsep: str, expected: Dict[str, str]
) -> None:
    assert parse_env(text, pathsep) == expected


@pytest.mark.parametrize(
    "text, pathsep, piece",
    [
        ("A", ":", "A"),
        ("A=1;b c=2", ":", "b c=2"),
        ("=1", ":", "=1"),
        ("PYTHONPATH=/a;/b", ":", "/b"),
        ("A=1;C:\\b", ";", "C:\\b"),
    ],
)
def test_a_piece_that_is_no_variable_is_refused_and_named(text: str, pathsep: str, piece: str) -> None:
    with pytest.raises(InvalidParam) as caught:
        parse_env(text, pathsep)
    assert repr(piece) in str(caught.value)


def test_what_looks_like_a_secret_is_masked() -> None:
    shown = mask_env({"USER": "test", "API_KEY": "1", "my_password": "2", "Token": "3", "X_SECRET_Y": "4"})
    assert shown == {"USER": "test", "API_KEY": "***", "my_password": "***", "Token": "***", "X_SECRET_Y": "***"}


def test_secrets_are_the_values_of_such_names() -> None:
    env = {
        "USER": "user",
        "PWD": "/here",
        "OLDPWD": "/there",
        "DB_PWD": "aaaaaa",
        "passwd": "bbbbbb",
        "KEY": "cccccc",
        "USE_AUTH": "True",
        "AUTH_MODE": "None",
        "TOKEN": "",
    }
    text = "user /here /there aaaaaa bbbbbb cccccc True None"
    assert masker_for(env)(text) == "user /here /there *** *** *** True None"
    assert mask_env(env)["PWD"] == "/here" and mask_env(env)["DB_PWD"] == "***"


@pytest.mark.parametrize("text", ["TOKEN=very;secret", "A=1;MY_KEY=very;se cret", "TOKEN:verysecret"])
def test_a_secret_with_a_semicolon_is_refused_without_showing_its_rest(text: str) -> None:
    with pytest.raises(InvalidParam) as caught:
        parse_env(text)
    assert "***" in str(caught.value) and "cret" not in str(caught.value)


def test_a_spec_survives_json_in_ascii(make_spec: Callable[..., TaskSpec]) -> None:
    spec = make_spec("网格", code="/策略/\udcff.py", env={"USER": "测试"}, log=None)
    text = spec.to_json()
    assert text.encode("ascii")
    assert TaskSpec.from_json(text) == spec


def test_tokens_differ() -> None:
    assert new_token() != new_token()


def test_home_is_absolute_and_below_the_users_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JQTRADE_HOME", "somewhere")
    assert home_dir() == os.path.abspath("somewhere")
    monkeypatch.setenv("JQTRADE_HOME", "")
    assert home_dir() == os.path.join(os.path.expanduser("~"), "jqtrade")


def test_single_quotes_that_cmd_hands_on_are_answered_with_double_ones() -> None:
    for text in ("'A=1;B=2'", "A=1;'B=2'"):
        with pytest.raises(InvalidParam, match="单引号在 cmd.exe 里不起作用，请用双引号"):
            parse_env(text, ";")
    with pytest.raises(InvalidParam) as caught:
        parse_env("A=1;B")
    assert '例如 -e "PYTHONPATH=./package;USER=test"' in str(caught.value) and "cmd.exe" not in str(caught.value)
