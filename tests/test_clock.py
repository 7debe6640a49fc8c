"""Clocks: what time it is in the strategy's zone, and time zones as users write them."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from jqtrade.clock import SystemClock, VirtualClock, parse_timezone
from jqtrade.errors import InvalidParam

START = datetime(2026, 1, 5, 9, 30)
SUMMER = datetime(2026, 7, 1, 12)
WINTER = datetime(2026, 1, 5, 12)


def hours(name: str, moment: datetime = WINTER) -> float:
    """How far the zone is ahead of UTC."""
    offset = parse_timezone(name).utcoffset(moment)
    assert offset is not None
    return offset.total_seconds() / 3600


@pytest.mark.parametrize(
    "name, expected",
    [
        ("Asia/Shanghai", 8),
        ("Asia/Hong_Kong", 8),
        ("Asia/Kolkata", 5.5),
        ("America/New_York", -5),
        ("UTC", 0),
        ("+08:00", 8),
        ("+8", 8),
        ("+08", 8),
        ("+0800", 8),
        ("+8:00", 8),
        ("UTC+8", 8),
        ("utc+8", 8),
        ("GMT+08:00", 8),
        ("UTC-3:30", -3.5),
        ("-05:00", -5),
        ("+00:00", 0),
        (" +08:00 ", 8),
        ("+23:59", 23 + 59 / 60),
    ],
)
def test_a_name_or_an_offset_names_a_zone_ahead_of_utc(name: str, expected: float) -> None:
    assert hours(name) == pytest.approx(expected)


def test_a_zone_by_name_knows_summer_time() -> None:
    assert (hours("America/New_York", WINTER), hours("America/New_York", SUMMER)) == (-5, -4)


@pytest.mark.parametrize("name", ["", "  ", "Asia/Shangai", "Mars", "+24:00", "+99", "+08:60", "08:00", "+", "UTC+"])
def test_what_is_no_zone_is_refused_with_the_value_and_the_right_forms(name: str) -> None:
    with pytest.raises(InvalidParam) as refused:
        parse_timezone(name)
    assert repr(name) in str(refused.value)
    assert "Asia/Shanghai" in str(refused.value)


def test_the_system_clock_shows_the_machines_time_until_a_zone_is_set() -> None:
    clock = SystemClock()
    assert abs(clock.now() - datetime.now()) < timedelta(seconds=5)
    assert clock.now().tzinfo is None


@pytest.mark.parametrize("offset", ["+08:00", "-11:00", "UTC"])
def test_the_system_clock_shows_naive_time_in_its_zone(offset: str) -> None:
    clock = SystemClock()
    clock.use_zone(parse_timezone(offset))
    expected = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(hours=hours(offset))
    assert abs(clock.now() - expected) < timedelta(seconds=5)
    assert clock.now().tzinfo is None
    assert clock.utc_offset() == timedelta(hours=hours(offset))


def test_the_system_clock_shows_a_timestamp_in_its_zone() -> None:
    clock = SystemClock()
    assert clock.at(1767576600.5) == datetime.fromtimestamp(1767576600.5)
    clock.use_zone(parse_timezone("+08:00"))
    assert clock.at(1767576600.5) == datetime(2026, 1, 5, 9, 30, 0, 500000)


def test_the_system_clock_can_go_back_to_the_machines_zone() -> None:
    clock = SystemClock()
    clock.use_zone(parse_timezone("+03:00"))
    clock.use_zone(None)
    assert clock.at(0.0 + 86400) == datetime.fromtimestamp(86400)
    expected = datetime.now() - datetime.now(timezone.utc).replace(tzinfo=None)
    assert abs(clock.utc_offset() - expected) < timedelta(seconds=5)


def test_the_system_clock_sleeps_for_real_and_looks_up_within_half_a_second() -> None:
    clock = SystemClock()
    began = clock.monotonic()
    clock.sleep(0.02)
    assert 0.015 <= clock.monotonic() - began < 5
    assert clock.longest_sleep <= 0.5


def test_a_virtual_clock_moves_only_when_somebody_sleeps() -> None:
    clock = VirtualClock(START)
    assert (clock.now(), clock.monotonic()) == (START, 0.0)
    clock.sleep(90.5)
    assert clock.now() == clock.at(0.0) == START + timedelta(seconds=90.5)
    assert clock.monotonic() == 90.5


@pytest.mark.parametrize("seconds", [3600.0, -3600.0])
def test_a_jump_moves_the_wall_clock_alone(seconds: float) -> None:
    clock = VirtualClock(START)
    clock.jump(seconds)
    assert clock.now() == START + timedelta(seconds=seconds)
    assert clock.monotonic() == 0.0


def test_a_virtual_clock_keeps_its_time_whatever_the_zone() -> None:
    clock: Any = VirtualClock(START)
    clock.use_zone(parse_timezone("+03:00"))
    assert clock.now() == START
