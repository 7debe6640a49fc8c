"""The trading days of the Shanghai exchange, checked against two libraries, and the user's own file."""

import pathlib
from datetime import date, timedelta
from typing import Set

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jqtrade.errors import InvalidParam
from jqtrade.market.calendar import GivenDays, day_text, load_trading_days

YEARS = range(2005, 2027)

SHUT_ON_A_WORKING_DAY = {
    date(2005, 2, 7),
    date(2005, 2, 8),
    date(2006, 1, 26),
    date(2006, 1, 27),
    date(2024, 2, 9),
}
"""Working days by decree on which the exchange was shut all the same (the days before New Year's Eve, and that)."""

CLOSED_2026 = (
    "01-01 01-02 02-16 02-17 02-18 02-19 02-20 02-23 04-06 05-01 05-04 05-05 06-19 09-25 10-01 10-02 10-05 10-06 10-07"
)


def days_of(year: int) -> Set[date]:
    return set(load_trading_days().trading_days(date(year, 1, 1), date(year, 12, 31)))


def every_day(year: int) -> Set[date]:
    return {date(year, 1, 1) + timedelta(days=number) for number in range(366 if year % 4 == 0 else 365)}


@pytest.mark.parametrize("year", YEARS)
def test_a_year_is_what_exchange_calendars_says(year: int) -> None:
    exchange_calendars = pytest.importorskip("exchange_calendars")
    calendar = exchange_calendars.get_calendar("XSHG", start="2004-01-02", end="2026-12-31")
    sessions = {session.date() for session in calendar.sessions if session.year == year}
    assert days_of(year) == sessions


@pytest.mark.parametrize("year", YEARS)
def test_a_year_is_what_chinesecalendar_says_but_for_the_known_days(year: int) -> None:
    chinese_calendar = pytest.importorskip("chinese_calendar")
    try:
        working = {day for day in every_day(year) if day.weekday() < 5 and not chinese_calendar.is_holiday(day)}
    except NotImplementedError as error:
        pytest.skip(str(error))
    assert days_of(year) == working - SHUT_ON_A_WORKING_DAY


def test_2025_has_243_sessions_and_2026_has_242() -> None:
    assert (len(days_of(2025)), len(days_of(2026))) == (243, 242)


def test_2026_is_shut_on_the_days_that_the_exchange_announced() -> None:
    closed = {day for day in every_day(2026) if day.weekday() < 5} - days_of(2026)
    assert sorted(closed) == [date(2026, int(day[:2]), int(day[3:])) for day in CLOSED_2026.split()]


def test_what_is_known_has_a_first_and_a_last_day_and_weekdays_count_beyond() -> None:
    days = load_trading_days()
    assert (days.known_since, days.known_until) == (date(2005, 1, 3), date(2026, 12, 31))
    assert days.is_known(date(2026, 12, 31))
    assert not days.is_known(date(2027, 1, 1))
    assert not days.is_known(date(2004, 12, 31))
    assert days.is_trading_day(date(2027, 1, 1))
    assert not days.is_trading_day(date(2027, 1, 2))


@pytest.mark.parametrize(
    "day, following",
    [
        (date(2026, 2, 12), date(2026, 2, 13)),
        (date(2026, 2, 13), date(2026, 2, 24)),
        (date(2026, 2, 17), date(2026, 2, 24)),
        (date(2026, 12, 31), date(2027, 1, 1)),
    ],
)
def test_the_next_trading_day_is_later_than_the_day(day: date, following: date) -> None:
    assert load_trading_days().next_trading_day(day) == following


@given(st.dates(date(2005, 1, 3), date(2030, 1, 1)))
def test_the_first_trading_day_from_a_day_on_is_the_earliest_such(day: date) -> None:
    days = load_trading_days("no such folder")
    first = days.first_from(day)
    assert first >= day
    assert days.is_trading_day(first)
    assert not any(days.is_trading_day(day + timedelta(days=number)) for number in range((first - day).days))


def test_given_days_are_open_and_no_other() -> None:
    days = GivenDays([date(2026, 1, 7), date(2026, 1, 5), date(2026, 1, 5)])
    assert days.trading_days(date(2026, 1, 1), date(2026, 1, 31)) == [date(2026, 1, 5), date(2026, 1, 7)]
    assert days.first_from(date(2026, 1, 6)) == date(2026, 1, 7)
    assert days.first_from(date(2026, 1, 8)) is days.next_trading_day(date(2026, 1, 7)) is None
    assert not days.is_trading_day(date(2026, 1, 6))
    assert days.known_until is None
    assert days.is_known(date(2030, 1, 1))


def test_a_day_is_shown_with_its_weekday() -> None:
    assert day_text(date(2026, 2, 24)) == "2026-02-24（星期二）"


# ---------------------------------------------------------------- holidays.csv


@pytest.fixture
def holidays(jqtrade_home: pathlib.Path) -> pathlib.Path:
    jqtrade_home.mkdir()
    return jqtrade_home / "holidays.csv"


def test_the_users_file_extends_ours_to_its_last_date(holidays: pathlib.Path) -> None:
    holidays.write_text("date,open\n2027-01-01,0\n2027-02-05,0\n2027-12-31,1\n")
    days = load_trading_days()
    assert days.known_until == date(2027, 12, 31)
    assert days.next_trading_day(date(2026, 12, 31)) == date(2027, 1, 4)
    assert len(days.trading_days(date(2026, 1, 1), date(2026, 12, 31))) == 242


def test_of_a_day_in_both_files_the_users_word_counts(holidays: pathlib.Path) -> None:
    holidays.write_text("2026-02-23,1\n2026-03-02,0\n")
    days = load_trading_days()
    assert days.is_trading_day(date(2026, 2, 23))
    assert not days.is_trading_day(date(2026, 3, 2))
    assert days.known_until == date(2026, 12, 31)


@pytest.mark.parametrize(
    "text, since, until",
    [
        ("2027-01-01,0", date(2005, 1, 3), date(2027, 1, 1)),
        ("2028-01-03,0", date(2005, 1, 3), date(2026, 12, 31)),
        ("2027-01-01,0\n2028-12-29,1", date(2005, 1, 3), date(2028, 12, 29)),
        ("2004-01-01,0", date(2004, 1, 1), date(2026, 12, 31)),
        ("2003-01-01,0", date(2005, 1, 3), date(2026, 12, 31)),
        ("", date(2005, 1, 3), date(2026, 12, 31)),
    ],
)
def test_what_is_known_ends_before_a_year_without_a_word(
    holidays: pathlib.Path, text: str, since: date, until: date
) -> None:
    holidays.write_text(text)
    days = load_trading_days()
    assert (days.known_since, days.known_until) == (since, until)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfdate,open\r\n2027/1/1,0\r\n",
        b"date, open\n 2027-01-01 , 0 \n\n",
        b"20270101,0\n",
        "# 元旦\ndate,open\n2027-01-01,0 # 元旦\n2027-01-02,0\n".encode("gbk"),
    ],
)
def test_a_file_is_read_as_a_spreadsheet_or_an_editor_writes_it(holidays: pathlib.Path, data: bytes) -> None:
    holidays.write_bytes(data)
    days = load_trading_days()
    assert not days.is_trading_day(date(2027, 1, 1))
    assert days.known_until in (date(2027, 1, 1), date(2027, 1, 2))


@pytest.mark.parametrize(
    "line, right",
    [
        ("2027-01-01", "2027-01-01,0"),
        ("2027-01-01,休", "0 是休市"),
        ("2027-01-01,0,1", "0 是休市"),
        ("元旦,0", "0 是休市"),
        ("2027-01/01,0", "0 是休市"),
        ("2027-02-30,0", "没有 2027-02-30 这一天"),
        ("2027-02-06,1", "星期六"),
        ("2027-01-04,1", "前面已经写成 0"),
        ("2027-01-01,0\0", "0 是休市"),
    ],
)
def test_a_bad_line_is_named_with_file_and_number_and_what_would_be_right(
    holidays: pathlib.Path, line: str, right: str
) -> None:
    holidays.write_bytes(f"date,open\n2027-01-04,0\n{line}\n".encode())
    with pytest.raises(InvalidParam) as refused:
        load_trading_days()
    assert f"{holidays} 第 3 行" in str(refused.value)
    assert right in str(refused.value)


def test_the_last_day_that_python_knows_is_no_trouble(holidays: pathlib.Path) -> None:
    last = date(9999, 12, 31)
    assert load_trading_days().trading_days(date(9999, 12, 30), last) == [date(9999, 12, 30), last]
    holidays.write_text("9999-12-31,0\n")
    assert load_trading_days().first_from(last) is None
    assert GivenDays([last]).trading_days(last, last) == [last]


def test_a_file_that_cannot_be_read_is_named(holidays: pathlib.Path) -> None:
    holidays.mkdir()
    with pytest.raises(InvalidParam, match="无法读取休市日文件"):
        load_trading_days()
