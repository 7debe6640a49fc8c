"""What the strategy's jobs did stands in the journal of every task, with an account or without one."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, List, Optional, Tuple

import pytest
from strategy_files import Starter, at

from jqtrade.account.journal import JobRun, Journal
from jqtrade.account.order import LimitOrderStyle, Order, OrderAction
from jqtrade.testing import FakeBroker

Row = Tuple[str, str, str, Optional[str], str]

WORK = """
def process_initialize(context):
    run_daily(good, "09:30")
    run_daily(bad, "09:31")

def good(context):
    seen.append(context.current_dt)

def bad(context):
    raise ValueError("no such thing")

def process_exit(context):
    pass
"""


def jobs(path: Path) -> List[Row]:
    connection = sqlite3.connect(str(path))
    rows = connection.execute("SELECT name, due, started, finished, error FROM jobs ORDER BY sequence").fetchall()
    connection.close()
    return rows


def short(path: Path) -> List[Tuple[str, str, bool, str]]:
    return [(name, due[11:16], finished is not None, error) for name, due, _, finished, error in jobs(path)]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "home" / "data" / "test.db"


def home(db: Path) -> str:
    return str(db.parent.parent)


EXPECTED = [("good", "09:30", True, ""), ("bad", "09:31", True, "bad ValueError: no such thing")]


def test_a_task_without_an_account_journals_its_jobs(start: Starter, db: Path) -> None:
    started = start(WORK, runtime_dir=home(db)).run(at(10))
    assert short(db) == EXPECTED
    ((_, due, begun, finished, _), _) = jobs(db)
    assert due == begun == finished == "2026-01-05T09:30:00.000000"
    started.strategy.stop()
    assert [row[0] for row in jobs(db)] == ["good", "bad", "process_exit"]


def test_a_task_with_an_account_journals_them_beside_its_orders(start: Starter, db: Path) -> None:
    start(WORK, FakeBroker(keeps_orders=True), runtime_dir=home(db)).run(at(10))
    assert short(db) == EXPECTED


def test_so_does_one_whose_gate_keeps_no_orders_and_one_on_paper(start: Starter, db: Path) -> None:
    start(WORK, FakeBroker(), runtime_dir=home(db)).run(at(10))
    assert short(db) == EXPECTED
    start(WORK, runtime_dir=home(db), trade_gate="paper").run(at(10))
    assert short(db) == EXPECTED * 2


def test_a_job_that_dies_after_it_ordered_has_begun_and_not_ended(start: Starter, db: Path) -> None:
    code = """
    def process_initialize(context):
        run_daily(buy, "09:30")

    def buy(context):
        order("000001.XSHE", 100, LimitOrderStyle(10))
        raise KeyboardInterrupt
    """
    with pytest.raises(KeyboardInterrupt):
        start(code, FakeBroker(keeps_orders=True), runtime_dir=home(db)).run(at(10))
    assert short(db) == [("buy", "09:30", False, "")]


def test_a_hook_stands_there_only_when_it_failed(start: Starter, db: Path) -> None:
    code = """
    def process_initialize(context):
        run_daily(buy, "09:30")

    def buy(context):
        for price in (10, 11):
            order("000001.XSHE", 100, LimitOrderStyle(price))

    def on_order_update(context, one):
        assert one.price == 10
    """
    broker = FakeBroker(keeps_orders=True)
    started = start(code, broker, runtime_dir=home(db)).run(at(9, 30))
    for one in broker.orders:
        broker.report(one.order_id, "filled")
    started.run(at(10))
    assert short(db) == [
        ("buy", "09:30", True, ""),
        ("on_order_update", "09:30", True, "on_order_update AssertionError: "),
    ]


def test_a_journal_that_cannot_be_opened_stops_no_job_and_is_said_once(start: Starter, db: Path, caplog: Any) -> None:
    db.parent.mkdir(parents=True)
    db.write_bytes(b"junk" * 1000)
    assert len(start(WORK, runtime_dir=home(db)).run(at(10)).seen) == 1
    assert caplog.text.count("不会记下来，任务照常运行") == 1
    assert db.read_bytes() == b"junk" * 1000


@pytest.mark.posix
def test_a_journal_that_is_deleted_meanwhile_stops_no_job_and_is_said_once(
    start: Starter, db: Path, caplog: Any
) -> None:
    code = """
    def process_initialize(context):
        run_daily(work, "every_minute")

    def work(context):
        seen.append(1)
    """
    started = start(code, runtime_dir=home(db)).run(at(9, 35))
    for path in db.parent.iterdir():
        path.unlink()
    assert len(started.run(at(10)).seen) == 31
    assert caplog.text.count("记录文件被删除") == 1


def test_no_job_is_in_the_way_of_orders_when_they_are_recorded(tmp_path: Path) -> None:
    journal = Journal(str(tmp_path / "data" / "test.db"))
    for number in range(3000):
        journal.note_job(JobRun(f"\udc80 job {number}", at(9), at(9)))
    order = Order("1", "000001.XSHE", 100, OrderAction.open, LimitOrderStyle(10), at(9))
    journal.record_intents([order], [1000.0])
    assert [record.order for record in journal.load(at(9).date())] == [order]
    journal.close()
    assert len(jobs(tmp_path / "data" / "test.db")) == 1000, "the latest of them"


def test_a_call_is_one_row_however_often_it_is_noted_and_whatever_cut_a_write_short(tmp_path: Path) -> None:
    path = tmp_path / "data" / "test.db"
    journal = Journal(str(path))
    run = JobRun("job", at(9), at(9))
    journal.note_job(run)
    journal.note_job(run)
    journal.flush()
    run.finish(at(9, 1), "x" * 5000)
    journal.note_job(run)
    journal.flush()
    ((_, _, _, finished, error),) = jobs(path)
    assert finished == "2026-01-05T09:01:00.000000" and error == "x" * 1000
    other = JobRun("job", at(9, 2), at(9, 2))
    journal.note_job(other)
    journal.flush()
    other.sequence, journal._is_writing = None, True  # an exception came right after COMMIT
    journal.note_job(other)
    journal.flush()
    assert [row[1][11:16] for row in jobs(path)] == ["09:00", "09:02"]
    journal.close()


KILLED = """
import os, sys
sys.path[:0] = {path!r}
from datetime import datetime
from jqtrade.testing import VirtualClock, start_strategy
strategy = start_strategy({file!r}, VirtualClock(datetime(2026, 1, 5, 9)), runtime_dir={home!r})
strategy.run(datetime(2026, 1, 5, 9, 30, 30))
os.kill(os.getpid(), 9)
"""


def test_what_a_job_did_survives_a_kill_right_after_it(tmp_path: Path, db: Path) -> None:
    file = tmp_path / "s.py"
    file.write_text("seen = []\n" + WORK, encoding="utf-8")
    root = str(Path(__file__).resolve().parent.parent.parent)
    program = KILLED.format(path=[root], file=str(file), home=home(db))
    process = subprocess.run([sys.executable, "-c", program], timeout=60)
    assert process.returncode == (-signal.SIGKILL if os.name == "posix" else 9)
    assert short(db) == EXPECTED[:1]


def test_today_s_journals_are_made_over_and_keep_their_orders(tmp_path: Path) -> None:
    path = tmp_path / "data" / "test.db"
    order = Order("1", "000001.XSHE", 100, OrderAction.open, LimitOrderStyle(10), at(9))
    journal = Journal(str(path))
    journal.record_intents([order], [1000.0])
    journal.close()
    connection = sqlite3.connect(str(path))
    connection.executescript("DROP TABLE jobs; PRAGMA user_version = 3;")  # what version 3 was
    connection.close()
    journal = Journal(str(path))
    assert [record.order for record in journal.load(at(9).date())] == [order]
    journal.note_job(JobRun("job", at(9), at(9)))
    journal.flush()
    journal.close()
    assert short(path) == [("job", "09:00", False, "")]
