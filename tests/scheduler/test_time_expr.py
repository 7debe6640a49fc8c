"""The time strings of run_daily."""

from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jqtrade.errors import InvalidParam
from jqtrade.scheduler.time_expr import parse_time_expr

DEFAULT = [(time(9, 30), time(11, 30)), (time(13, 0), time(15, 0))]
NIGHT = [(time(8, 45), time(10, 0)), (time(21, 0), time(22, 15))]


@pytest.mark.parametrize(
    "expr, expected",
    [
        ("09:30:30", time(9, 30, 30)),
        ("10:00:00", time(10, 0)),
        ("00:00:00", time(0, 0)),
        ("23:59:59", time(23, 59, 59)),
        ("14:57", time(14, 57)),
        ("00:00", time(0, 0)),
        ("open", time(9, 30)),
        ("close", time(15, 0)),
        ("open-30m", time(9, 0)),
        ("open+30m", time(10, 0)),
        ("close+30m", time(15, 30)),
        ("close-5m", time(14, 55)),
        ("open+1h", time(10, 30)),
        ("open+45s", time(9, 30, 45)),
        ("open-1s", time(9, 29, 59)),
        ("open+1h30m", time(11, 0)),
        ("close+1h30m15s", time(16, 30, 15)),
        ("close-1h1s", time(13, 59, 59)),
        ("open+90m", time(11, 0)),
        ("open+0m", time(9, 30)),
        ("before_open", time(9, 0)),
        ("after_close", time(15, 30)),
        ("open-9h30m", time(0, 0)),
        ("close+8h59m59s", time(23, 59, 59)),
    ],
)
def test_a_documented_form_is_a_time_of_day(expr: str, expected: time) -> None:
    assert parse_time_expr(expr, DEFAULT) == expected


@pytest.mark.parametrize(
    "expr, expected",
    [
        ("open", time(8, 45)),
        ("close", time(22, 15)),
        ("before_open", time(8, 15)),
        ("after_close", time(22, 45)),
        ("open+1h30m", time(10, 15)),
        ("09:30:00", time(9, 30)),
    ],
)
def test_open_and_close_are_those_of_the_market_period(expr: str, expected: time) -> None:
    assert parse_time_expr(expr, NIGHT) == expected


@pytest.mark.parametrize(
    "expr",
    [
        "25:00",
        "24:00:00",
        "09:60",
        "09:30:60",
        "9",
        "0930",
        "093000",
        "09:30:",
        "09:30:00.5",
        "09:30:00:00",
        "-09:30",
        " 09:30",
        "09:30 ",
        "09:30\n",
        "０９:３０",
        "09：30",
        "٠٩:٣٠",
        "",
        "Open",
        "opening",
        "open+",
        "open-",
        "open30m",
        "open+30",
        "open+m",
        "open+30x",
        "open+30M",
        "open+1.5h",
        "open +30m",
        "open+ 30m",
        "open+30m ",
        "open\n",
        "open+-30m",
        "open+1h-30m",
        "open+３０m",
        "+30m",
        "before_open-30m",
        "after_close+1h",
        "every_minute+1m",
        "every_day",
        None,
        930,
        9.5,
        True,
        b"open",
        time(9, 30),
        datetime(2026, 1, 5, 9, 30),
        ["open"],
    ],
    ids=repr,
)
def test_anything_else_is_refused_with_the_value_and_the_right_forms(expr: Any) -> None:
    with pytest.raises(InvalidParam) as refused:
        parse_time_expr(expr, DEFAULT)
    assert repr(expr) in str(refused.value)
    assert "HH:MM:SS" in str(refused.value)


@pytest.mark.parametrize("expr", ["open+20h", "open-9h31m", "close+9h", "close-15h1s", "open+" + "9" * 30 + "h"])
def test_an_offset_that_leaves_the_day_is_refused_with_that_reason(expr: str) -> None:
    with pytest.raises(InvalidParam, match="超出了当天"):
        parse_time_expr(expr, DEFAULT)


@given(
    st.sampled_from(["open", "close"]),
    st.sampled_from("+-"),
    st.lists(st.tuples(st.integers(0, 600), st.sampled_from("hms")), min_size=1, max_size=4),
)
def test_an_offset_is_the_sum_of_its_parts_or_refused(base: str, sign: str, parts: Any) -> None:
    seconds = sum(number * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)
    start = datetime(2026, 1, 5, 9, 30) if base == "open" else datetime(2026, 1, 5, 15, 0)
    moment = start + timedelta(seconds=seconds if sign == "+" else -seconds)
    expr = base + sign + "".join(f"{number}{unit}" for number, unit in parts)
    if moment.date() == start.date():
        assert parse_time_expr(expr, DEFAULT) == moment.time()
    else:
        with pytest.raises(InvalidParam):
            parse_time_expr(expr, DEFAULT)
