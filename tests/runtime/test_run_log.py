"""What a task did stands in its journal, with an account or without one: jobs, balances, its life."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any, List, Optional, Tuple

import pytest
from strategy_files import Starter, at

import jqtrade
from jqtrade.account.journal import Journal
from jqtrade.account.journal_log import BalanceRow, JobRun, TaskRow
from jqtrade.account.journal_reader import JournalReader
from jqtrade.account.order import LimitOrderStyle, Order, OrderAction
from jqtrade.account.run_log import RunLog
from jqtrade.masking import Masker
from jqtrade.testing import FakeBroker, VirtualClock

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


IDLE = """
def process_initialize(context):
    run_daily(work, "15:30")

def work(context):
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


def test_an_equity_curve_has_a_row_a_minute_at_most_with_the_last_that_was_known(start: Starter, db: Path) -> None:
    broker = FakeBroker(keeps_orders=True)
    started = start(IDLE, broker, runtime_dir=home(db), sync_internal=5)
    expected = []
    for second in range(0, 300, 5):  # each sync brings another figure
        broker.cash["available_cash"] = 1000.0 + second
        expected.append((second // 60, 1000.0 + second))
        started.run(at(9, 30 + second // 60, second % 60 + 2))
    started.run(at(9, 36))
    with JournalReader(str(db)) as reader:
        rows = reader.balances(at(9).date(), at(9).date())
    assert [row.time.minute for row in rows if row.time.hour == 9 and row.time.minute >= 30] == [30, 31, 32, 33, 34]
    assert [row.available_cash for row in rows[-5:]] == [dict(expected)[minute] for minute in range(5)]


def test_a_curve_ends_with_what_the_account_had_at_the_end(start: Starter, db: Path) -> None:
    broker = FakeBroker(keeps_orders=True)
    started = start(IDLE, broker, runtime_dir=home(db), sync_internal=5).run(at(9, 30, 1))
    broker.cash["total_assert"] = 5.0
    started.run(at(9, 30, 11))
    started.strategy.stop()
    with JournalReader(str(db)) as reader:
        assert reader.balances(at(9).date(), at(9).date())[-1].total == 5.0


def test_the_life_of_a_task_is_told(start: Starter, db: Path) -> None:
    broker = FakeBroker(keeps_orders=True)
    started = start(IDLE, broker, runtime_dir=home(db), sync_internal=5).run(at(9, 31))
    broker.error = ValueError("no such file")
    started.run(at(9, 32))
    broker.error = None
    started.run(at(9, 33))
    started.strategy.run_log.halted("too risky")
    started.strategy.run_log.halted("")
    started.strategy.stop("asked to")
    with JournalReader(str(db)) as reader:
        rows = reader.task(at(9).date(), at(9).date())
    assert [(row.kind, row.subject, row.message) for row in rows[1:]] == [
        ("sync_failed", "orders", "ValueError: no such file"),
        ("sync_failed", "balance", "ValueError: no such file"),
        ("sync_recovered", "orders", ""),
        ("sync_recovered", "balance", ""),
        ("halted", "", "too risky"),
        ("resumed", "", ""),
        ("stopped", "", "asked to"),
    ]
    begun = rows[0]
    assert (begun.kind, begun.pid, begun.version) == ("started", os.getpid(), jqtrade.__version__)
    assert begun.subject.endswith("demo.py") and rows[1].time == at(9, 31, 5)


def test_what_an_account_number_says_is_masked(tmp_path: Path) -> None:
    masker, path = Masker(), str(tmp_path / "data" / "test.db")
    masker.hide("1234567")
    run_log = RunLog(VirtualClock(at(9)), masker)
    run_log.sync_failed("orders", "no file of 1234567")
    run_log.open(path)
    run_log.close()
    with JournalReader(path) as reader:
        (row,) = reader.task(at(9).date(), at(9).date())
    assert "1234567" not in row.message and row.message.startswith("no file of")


def test_an_order_waits_for_no_row_of_the_run_log_but_the_beginning_of_its_job(start: Starter, db: Path) -> None:
    code = """
    def process_initialize(context):
        run_daily(buy, "09:31")

    def buy(context):
        watch(True)
        order("000001.XSHE", 100, LimitOrderStyle(10))
        watch(False)
    """
    broker = FakeBroker(keeps_orders=True)
    started = start(code, broker, runtime_dir=home(db), sync_internal=3600, max_snapshot_age=60)
    statements: List[str] = []
    connection = started.strategy.account()._journal._database.connection
    broker.cash["available_cash"] = 5000.0  # the order has the account look again, which is news of the balance
    started.strategy.run_log.sync_failed("orders", "any")
    started.module.watch = lambda on: connection.set_trace_callback(
        (lambda line: statements.append(line)) if on else None
    )
    started.run(at(9, 31))
    assert [line.split()[0] for line in statements if not line.startswith("SELECT")] == (
        ["PRAGMA", "BEGIN", "INSERT", "INSERT", "COMMIT"] + ["PRAGMA", "BEGIN", "UPDATE", "COMMIT"]
    )
    inserts = [line.split()[2] for line in statements if line.startswith("INSERT")]
    assert inserts == ["orders", "jobs"]
    with JournalReader(str(db)) as reader:
        assert reader.balances(at(9).date(), at(9).date())[-1].available_cash == 5000.0
        assert reader.task(at(9).date(), at(9).date())[-1].kind == "sync_failed"


def test_what_is_not_kept_leaves_no_file_and_no_rows(tmp_path: Path) -> None:
    """As in a replay."""
    run_log = RunLog(VirtualClock(at(9)), is_kept=False)
    run_log.started("demo.py")
    run_log.open(str(tmp_path / "data" / "test.db"))
    run_log.job_finished(JobRun("job", at(9), at(9)))
    run_log.close()
    assert list(tmp_path.iterdir()) == []


def test_a_row_is_written_once_though_its_commit_seemed_to_fail(tmp_path: Path) -> None:
    path = str(tmp_path / "data" / "test.db")
    journal = Journal(path)
    rows = [TaskRow(at(9), 1, "halted", message="any"), BalanceRow(at(9), 3.0, 2.0, 1.0)]
    for _ in range(2):
        journal.record_log(rows)
    journal.close()
    with JournalReader(path) as reader:
        assert len(reader.task(at(9).date(), at(9).date())) == len(reader.balances(at(9).date(), at(9).date())) == 1
