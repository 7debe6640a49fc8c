"""The parts of a replay one by one: pace, news on the terminal, the log, figures, folders."""

import logging
import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import List

import pytest

from jqtrade.clock import VirtualClock
from jqtrade.errors import InvalidParam
from jqtrade.masking import Masker
from jqtrade.replay.output import check_folder, make_folder, make_run_folder, mark_latest
from jqtrade.replay.player import _next_look
from jqtrade.replay.replay_clock import ReplayClock, paced_seconds
from jqtrade.replay.replay_log import MOST_KINDS, LateFile, TerminalLogHandler
from jqtrade.replay.replay_market import open_market
from jqtrade.report.record import DayRecord
from jqtrade.report.summary import percent, returns_and_drawdowns
from tests.replay.replays import write_bars

DAY = datetime(2026, 1, 5)
FIVE_SECONDS = timedelta(seconds=5)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return DAY.replace(hour=hour, minute=minute, second=second)


@pytest.mark.parametrize(
    "began, ended, seconds",
    [
        (at(9), at(9, 30), 15 * 60),
        (at(10), at(10, 1), 60),
        (at(14, 59), at(23), 60),
        (at(0), at(9, 15), 0),
        (at(14, 59), at(9, 16) + timedelta(days=1), 120),
        (at(16), at(8) + timedelta(days=3), 0),
    ],
)
def test_only_trading_hours_are_paced(began: datetime, ended: datetime, seconds: float) -> None:
    assert paced_seconds(began, ended) == seconds


def test_at_a_pace_real_time_catches_up_and_the_time_of_the_jobs_counts() -> None:
    real = VirtualClock(datetime(2030, 1, 1))
    clock = ReplayClock(at(10), speed=60, real=real)
    clock.sleep(600)
    assert real.monotonic() == pytest.approx(10)
    real.sleep(0.75)  # a job that took so long
    clock.sleep(60)
    assert real.monotonic() == pytest.approx(11)


def test_nobody_keeps_a_pace_any_more_once_it_is_to_stop() -> None:
    real = VirtualClock(datetime(2030, 1, 1))
    clock = ReplayClock(at(10), speed=1, real=real)
    clock.should_run = lambda: False
    clock.sleep(3600)
    assert real.monotonic() == 0 and clock.now() == at(11)


@pytest.mark.parametrize(
    "now, due",
    [
        (at(10), at(10, 0, 5)),
        (at(8), at(9, 15)),
        (at(11, 29, 58), at(11, 30)),
        (at(11, 30), at(13)),
        (at(15, 29, 58), at(15, 30)),
        (at(15, 30), datetime.max),
    ],
)
def test_orders_are_looked_at_every_few_seconds_while_something_can_happen_to_them(
    now: datetime, due: datetime
) -> None:
    assert _next_look(now, FIVE_SECONDS) == due


def news_of(path: str, said: List[str]) -> TerminalLogHandler:
    masker = Masker()
    masker.hide_whole("secret123")
    return TerminalLogHandler(said.append, lambda: at(10), masker, path)


def record(level: int, text: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("jqtrade", level, __file__, 1, text, values, None)


def test_each_kind_of_news_is_told_once_with_the_strategys_time_and_without_secrets() -> None:
    said: List[str] = []
    news = news_of("/somewhere/mine.py", said)
    for number in (1, 22, 333):
        news.handle(record(logging.WARNING, "order %d refused, secret123", number))
    news.handle(record(logging.ERROR, "another"))
    assert said == ["[2026-01-05 10:00:00] order 1 refused, ***", "[2026-01-05 10:00:00] another"]
    assert news.hidden == 2


def test_there_is_an_end_to_the_kinds_of_news() -> None:
    said: List[str] = []
    news = news_of("/somewhere/mine.py", said)
    for letter in "abcdefghijklmnopqrstuvwxyz":
        news.handle(record(logging.ERROR, letter))
    assert len(said) == MOST_KINDS and news.hidden == 26 - MOST_KINDS


def test_a_log_line_whose_values_do_not_fit_is_shown_as_it_is() -> None:
    said: List[str] = []
    news_of("/somewhere/mine.py", said).handle(record(logging.ERROR, "%d trees", "many"))
    assert said == ["[2026-01-05 10:00:00] %d trees many"]


def test_what_is_logged_before_there_is_a_file_stands_at_its_beginning(tmp_path: Path) -> None:
    file = LateFile()
    file.write(b"early\n")
    file.begin(str(tmp_path / "log"))
    file.write(b"late\n")
    file.end()
    assert (tmp_path / "log").read_bytes() == b"early\nlate\n"


def test_returns_are_of_the_day_and_drawdowns_of_the_highest_end_of_day_so_far() -> None:
    totals = [Decimal(value) for value in (110, 99, 104, 120)]
    days = [DayRecord(DAY.date(), total, Decimal(0), total, []) for total in totals]
    returns, drawdowns = zip(*returns_and_drawdowns(days, Decimal(100)))
    assert returns == (0.1, -0.1, pytest.approx(104 / 99 - 1, abs=1e-6), pytest.approx(120 / 104 - 1, abs=1e-6))
    assert drawdowns == (0, -0.1, pytest.approx(104 / 110 - 1, abs=1e-6), 0)


@pytest.mark.parametrize(
    "value, shown",
    [
        (0.0123, "1.23%"),
        (-0.5, "-50.00%"),
        (-0.000012, "-0.0012%"),
        (0.00004, "0.0040%"),
        (-1e-9, "0.00%"),
        (0, "0.00%"),
    ],
)
def test_a_small_share_has_more_digits_and_zero_no_sign(value: float, shown: str) -> None:
    assert percent(value) == shown


def test_a_replay_that_was_killed_leaves_a_folder_that_the_next_one_may_use(tmp_path: Path) -> None:
    folder = check_folder(str(tmp_path / "out"))
    make_folder(folder)
    (tmp_path / "out" / "orders.csv").write_text("half")
    assert check_folder(folder) == folder
    make_folder(folder)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["summary.json"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InvalidParam, match="out"):
        check_folder(str(tmp_path / "out"))


def test_runs_that_begin_in_the_same_second_have_folders_of_their_own(tmp_path: Path) -> None:
    made = [make_run_folder(str(tmp_path / "runs"), at(10)) for _ in range(3)]
    assert [os.path.basename(path) for path in made] == [
        "20260105-100000",
        "20260105-100000-2",
        "20260105-100000-3",
    ]
    assert all(os.listdir(path) == ["summary.json"] for path in made)


def no_links(*arguments: object, **keywords: object) -> None:
    raise OSError(1314, "A required privilege is not held by the client")


def leads_to(runs: Path) -> List[str]:
    """Every word for which run is the latest: there must be one."""
    found = [os.path.basename(os.path.realpath(str(runs / "latest")))] if (runs / "latest").is_symlink() else []
    return found + [path.read_text().strip() for path in runs.glob("latest.txt")]


def test_latest_leads_to_the_run_marked_last_whether_or_not_links_may_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second, may_link in enumerate([True, True, False, False, True]):
        folder = make_run_folder(str(tmp_path), at(10, 0, second))
        with monkeypatch.context() as patch:
            if not may_link:
                patch.setattr(os, "symlink", no_links)
            mark_latest(folder)
        assert leads_to(tmp_path) == [os.path.basename(folder)]
    assert not list(tmp_path.glob(".latest*"))


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_the_user_called_latest_stays(tmp_path: Path, is_folder: bool) -> None:
    mine = tmp_path / "latest"
    if is_folder:
        mine.mkdir()
        mine = mine / "mine.txt"
    mine.write_text("mine")
    folder = make_run_folder(str(tmp_path), at(10))
    mark_latest(folder)
    assert mine.read_text() == "mine"
    assert (tmp_path / "latest.txt").read_text().strip() == os.path.basename(folder)


def test_bars_that_end_long_before_what_was_asked_for_are_told_of_but_not_for_a_holiday(tmp_path: Path) -> None:
    path = write_bars(tmp_path / "bars.csv", {"510300.XSHG": [4.0, 4.1]})
    assert open_market(path, date(2025, 12, 25), date(2026, 1, 15)).note is None
    for start, end in [(date(2026, 1, 5), date(2026, 12, 31)), (date(2025, 1, 6), date(2026, 1, 6))]:
        assert open_market(path, start, end).note == f"要求回放 {start} 到 {end}，行情只有 2026-01-05 到 2026-01-06 的"
