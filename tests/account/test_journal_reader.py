"""What a task's journal tells other processes: while the task runs, after it was killed, after its end, and never in its way."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import pytest
from broker_files import make_order

from jqtrade.account import journal_reader
from jqtrade.account.journal import Journal
from jqtrade.account.journal_log import BalanceRow, JobRun, TaskRow
from jqtrade.account.journal_reader import Cursor, JournalReader
from jqtrade.account.order import Order, OrderStatus
from jqtrade.errors import InvalidCall, JournalBusy, JournalUnreadable

ROOT = str(Path(__file__).resolve().parent.parent.parent)
DAY = date(2026, 1, 5)
VERSION_4 = Path(__file__).with_name("journal_version_4.sql")

TASK = """
import os, sys
sys.path[:0] = [{root!r}]
from datetime import datetime, timedelta
from jqtrade.testing import FakeBroker, VirtualClock, start_strategy

broker = FakeBroker(keeps_orders=True)
broker.report_raw = None
clock = VirtualClock(datetime(2026, 1, 5, 9, 25))
strategy = start_strategy({file!r}, clock, broker, runtime_dir={home!r}, sync_internal=5)
for line in sys.stdin:
    word, minute = line.split()
    if word == "fill":
        for order in broker.orders:
            broker.report(order.order_id, "filled", avg_cost=9.9, commission=5.0, filled_amount=100)
    elif word == "fail":
        broker.error = ValueError("no such file")
    elif word == "work":
        broker.error = None
    elif word == "halt":
        strategy.run_log.halted("too risky")
    broker.cash["total_assert"] += 1
    if word == "stop":
        strategy.stop("asked to")
    else:
        strategy.run(datetime(2026, 1, 5, 9, int(minute)))
    print("+", flush=True)
"""
STRATEGY = """
def process_initialize(context):
    run_daily(buy, "09:31")
    run_daily(fail, "09:32")

def buy(context):
    order("000001.XSHE", 100, LimitOrderStyle(10))

def fail(context):
    raise ValueError("no such thing")
"""


class Task:
    """A task with a fake broker and a clock of its own, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        file = folder / "s.py"
        file.write_text(STRATEGY, encoding="utf-8")
        self.path = folder / "home" / "data" / "test.db"
        program = TASK.format(root=ROOT, file=str(file), home=str(folder / "home"))
        self.process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True
        )

    def does(self, *orders: str) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        for order in orders:
            self.process.stdin.write(order + "\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == "+\n"

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


@pytest.fixture
def task(tmp_path: Path) -> Iterator[Task]:
    task = Task(tmp_path)
    yield task
    task.end()


LIFE = ["to 31", "fill 33", "fail 34", "work 35", "halt 36"]


def check(path: Path, stopped: bool = False) -> None:
    """All that happened in LIFE is told."""
    before = path.read_bytes()
    with JournalReader(str(path)) as reader:
        ((row,), jobs) = reader.orders(DAY), reader.job_runs(DAY, DAY)
        balances, life = reader.balances(DAY, DAY), reader.task(DAY, DAY)
        everything = reader.news(Cursor.before(DAY))
    assert (row.order.status, row.order.filled_amount, row.sent) == ("filled", 100, True)
    ((event),) = row.events
    assert (event.status, event.filled_amount, event.avg_cost, event.commission) == ("filled", 100, 9.9, 5.0)
    assert event.source == "sync" and event.time.hour == 9
    assert [(job.name, job.due.minute, job.finished is not None, job.error) for job in jobs] == [
        ("buy", 31, True, ""),
        ("fail", 32, True, "fail ValueError: no such thing"),
    ]
    minutes = [balance.time.minute for balance in balances]
    assert minutes == sorted(set(minutes)) and [balance.total for balance in balances][0] == 100001
    assert balances[-1].total >= 100004
    kinds = ["started", "sync_failed", "sync_failed", "sync_recovered", "sync_recovered", "halted"]
    assert [one.kind for one in life] == kinds + ["stopped"] * stopped
    assert (everything.orders, everything.jobs) == ([row], jobs)
    assert (everything.balances, everything.task) == (balances, life)
    assert path.read_bytes() == before, "the database was changed"


def test_the_reader_sees_everything_while_the_task_runs_after_a_kill_and_after_its_end(task: Task) -> None:
    task.does(*LIFE)
    check(task.path)
    task.end()
    check(task.path)


def test_the_reader_sees_everything_after_the_task_has_stopped(task: Task) -> None:
    task.does(*LIFE)
    reader = JournalReader(str(task.path))
    assert len(reader.orders(DAY)) == 1
    task.does("stop 37")
    task.end()
    check(task.path, stopped=True)
    assert reader.task(DAY, DAY)[-1].message == "asked to"
    reader.close()


def test_three_readers_that_never_rest_do_not_affect_the_task(task: Task) -> None:
    done, failures, reads = threading.Event(), [], []  # type: ignore[var-annotated]

    def look() -> None:
        try:
            with JournalReader(str(task.path)) as reader:
                cursor = Cursor.before(DAY)
                while not done.is_set():
                    cursor = reader.news(cursor).cursor
                    reads.append(len(reader.orders(DAY)))
        except BaseException as error:
            failures.append(error)

    task.does("to 30")
    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    task.does(*LIFE)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures and reads
    check(task.path)


@pytest.fixture
def journal(journal_path: str) -> Iterator[Journal]:
    journal = Journal(journal_path, "mine")
    yield journal
    journal.close()


@pytest.fixture
def reader(journal: Journal, journal_path: str) -> Iterator[JournalReader]:
    with JournalReader(journal_path, patience=0.0) as reader:
        yield reader


def moment(second: int) -> datetime:
    return datetime(2026, 1, 5, 9, 31 + second // 60, second % 60)


def filled(order: Order, amount: int) -> Order:
    return order.with_changes(status=OrderStatus.filling, filled_amount=amount, avg_cost=9.5)


def test_news_are_what_came_after_the_last_look(journal: Journal, reader: JournalReader) -> None:
    first, second = make_order("1"), make_order("2")
    cursor = reader.news(Cursor.before(DAY)).cursor
    assert reader.news(cursor) == journal_reader.News([], [], [], [], cursor)
    run = JobRun("job", moment(0), moment(0))
    journal.note_job(run)
    journal.record_intents([first], [1.0])
    news = reader.news(cursor)
    assert [row.order for row in news.orders] == [first] and news.orders[0].owner == "mine"
    assert [(job.name, job.finished) for job in news.jobs] == [("job", None)]
    journal.record_intents([second], [1.0])
    journal.record_states([filled(first, 100), filled(first, 200)], moment(1), "sync")
    news = reader.news(news.cursor)
    assert [(row.order.order_id, [event.filled_amount for event in row.events]) for row in news.orders] == [
        ("1", [100, 200]),
        ("2", []),
    ]
    assert news.jobs == []
    run.finish(moment(2), "")
    journal.note_job(run)
    journal.record_log([TaskRow(moment(2), 7, "halted", message="why"), BalanceRow(moment(2), 3.0, 2.0, 1.0)])
    news = reader.news(Cursor(*news.cursor[:5], tuple(news.cursor.unfinished)))
    assert [(job.name, job.finished) for job in news.jobs] == [("job", moment(2))] and news.orders == []
    assert [row[:5] for row in news.task] == [(moment(2), 7, "halted", "", "why")]
    assert [row[:5] for row in news.balances] == [(moment(2), 3.0, 2.0, 1.0, "mine")]
    journal.record_log([BalanceRow(moment(9), 4.0, 2.0, 2.0)])  # still the same minute
    assert [row.total for row in reader.news(news.cursor).balances] == [4.0]


def test_a_look_that_finds_nothing_asks_only_whether_something_was_written(
    journal: Journal, reader: JournalReader
) -> None:
    cursor = reader.news(Cursor.before(DAY)).cursor
    reader.news(cursor)
    statements: List[str] = []
    assert reader._connection is not None
    reader._connection.set_trace_callback(lambda statement: statements.append(statement))
    reader.news(cursor)
    assert statements == ["BEGIN", "PRAGMA user_version", "PRAGMA data_version", "COMMIT"]


def test_many_rows_are_read_in_chunks_and_all_of_them(
    journal: Journal, reader: JournalReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_reader, "CHUNK", 7)
    orders = [make_order(str(number), create_time=moment(number)) for number in range(1, 31)]
    journal.record_intents(orders, [1.0] * 30)
    journal.record_states([filled(order, 100) for order in orders], moment(59), "sync")
    rows = reader.orders(DAY)
    assert [row.order.order_id for row in rows] == [order.order_id for order in orders]
    assert all(len(row.events) == 1 for row in rows)
    cursor, seen, looks = Cursor.before(DAY), {}, 0
    while True:
        news = reader.news(cursor)
        seen.update((row.order.order_id, row.order.filled_amount) for row in news.orders)
        cursor, looks = news.cursor, looks + 1
        if not news.has_more:
            break
    assert seen == {order.order_id: 100 for order in orders} and looks == 5


def test_events_after_midnight_are_the_orders_own(journal: Journal, reader: JournalReader) -> None:
    order = make_order("1", create_time=datetime(2026, 1, 5, 23, 59))
    journal.record_intents([order], [1.0])
    journal.record_states([filled(order, 100)], datetime(2026, 1, 6, 0, 1), "sync")
    ((row),) = reader.orders(DAY)
    assert [event.filled_amount for event in row.events] == [100] and reader.orders(date(2026, 1, 6)) == []


def test_a_journal_of_version_4_is_migrated_and_read(journal_path: str, caplog: pytest.LogCaptureFixture) -> None:
    """One that the last version wrote, as sqlite dumped it."""
    os.mkdir(os.path.dirname(journal_path), 0o700)
    connection = sqlite3.connect(journal_path)
    connection.executescript(VERSION_4.read_text(encoding="utf-8"))
    connection.close()
    os.chmod(journal_path, 0o600)
    with pytest.raises(JournalUnreadable, match="版本是 4，.*版本 5：用本版 jqtrade 启动一次任务"):
        JournalReader(journal_path).orders(DAY)
    journal = Journal(journal_path, "mine")
    assert "已从版本 4 改为版本 5" in caplog.text
    records = {record.order.order_id: record for record in journal.load(DAY)}
    assert {number: (record.order.status.value, record.sent) for number, record in records.items()} == {
        "6": ("filled", True),
        "7": ("open", True),
        "8": ("rejected", True),
        "9": ("rejected", False),
    }
    assert journal.load_cancels(DAY) == [datetime(2026, 1, 5, 9, 32)] and journal.count_others(DAY) == 1
    journal.record_states([filled(records["7"].order, 300)], datetime(2026, 1, 5, 10), "sync")
    journal.close()
    with JournalReader(journal_path) as reader:
        rows = {row.order.order_id: row for row in reader.orders(DAY)}
        assert [(row.name, row.finished is None) for row in reader.job_runs(DAY, DAY)] == [
            ("work", False),
            ("later", True),
        ]
        assert [row.order.order_id for row in reader.orders(date(2026, 1, 4))] == ["4"]
    assert [rows[number].owner for number in "56"] == ["other", "mine"]
    assert [(event.filled_amount, event.avg_cost, event.commission) for event in rows["6"].events] == [
        (0, None, None),
        (300, None, None),
        (1000, None, None),
    ]
    assert [(event.source, event.filled_amount, event.avg_cost) for event in rows["7"].events] == [
        ("sync", 0, None),
        ("cancel", 0, None),
        ("sync", 300, 9.5),
    ]
    assert rows["6"].order == records["6"].order


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    path = str(tmp_path / "x.db")
    with pytest.raises(JournalUnreadable, match="没有记录文件 .*x.db"):
        JournalReader(path).orders(DAY)
    (tmp_path / "x.db").write_bytes(b"junk" * 1000)
    with pytest.raises(JournalUnreadable, match="读不出来：file is"):
        JournalReader(path, patience=0.1).orders(DAY)
    (tmp_path / "x.db").write_bytes(b"")
    with pytest.raises(JournalUnreadable, match="还没有 jqtrade 的记录"):
        JournalReader(path, patience=0.1).orders(DAY)


@pytest.mark.parametrize("version, advice", [(6, "请升级 jqtrade"), (3, "启动一次任务")])
def test_a_journal_of_another_version_is_refused_also_when_it_becomes_one(
    journal: Journal, reader: JournalReader, journal_path: str, version: int, advice: str
) -> None:
    assert reader.orders(DAY) == []
    journal.close()
    connection = sqlite3.connect(journal_path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(JournalUnreadable, match=f"版本是 {version}.*{advice}"):
        reader.orders(DAY)


def test_a_journal_that_is_busy_or_just_being_made_is_tried_again(journal_path: str) -> None:
    os.mkdir(os.path.dirname(journal_path), 0o700)
    Path(journal_path).write_bytes(b"")
    os.chmod(journal_path, 0o600)
    program = (
        f"import sys, time; sys.path[:0] = [{ROOT!r}]\n"
        "from jqtrade.account.journal import Journal\n"
        "print('+', flush=True); time.sleep(0.3); Journal(sys.argv[1]).close()"
    )
    maker = subprocess.Popen([sys.executable, "-c", program, journal_path], stdout=subprocess.PIPE)
    assert maker.stdout is not None and maker.stdout.read(1) == b"+"
    with JournalReader(journal_path) as reader:
        assert reader.orders(DAY) == []
    maker.communicate()


def test_one_that_stays_busy_is_said_so(journal_path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Journal(journal_path).close()
    connection = sqlite3.connect(journal_path)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *arguments, **named: connect(*arguments, timeout=0, **named))
    begun = time.monotonic()
    with pytest.raises(JournalBusy, match="locked"):
        JournalReader(journal_path, patience=0.3).orders(DAY)
    assert time.monotonic() - begun >= 0.3
    connection.close()


@pytest.mark.posix
def test_another_file_in_place_of_the_journal_is_read_as_it_is(
    journal: Journal, reader: JournalReader, journal_path: str
) -> None:
    journal.record_intents([make_order("1")], [1.0])
    assert len(reader.orders(DAY)) == 1
    for path in (journal_path, journal_path + "-wal", journal_path + "-shm"):
        os.rename(path, path + ".old")
    Journal(journal_path).close()
    assert reader.orders(DAY) == []


HOLDS = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
try:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
    print("free")
except OSError:
    print("held")
"""


@pytest.mark.posix
def test_a_reader_in_the_tasks_own_process_costs_it_no_lock(journal: Journal, journal_path: str) -> None:
    """POSIX drops a process's locks of a file when it closes any descriptor of it; sqlite knows that of its own."""

    def state() -> str:
        return subprocess.check_output([sys.executable, "-c", HOLDS, journal_path]).decode().strip()

    with JournalReader(journal_path) as reader:
        reader.orders(DAY)
    assert state() == "held"
    with open(journal_path, "rb"):
        pass
    assert state() == "free", "what the reader must not do"


@pytest.mark.posix
def test_a_forked_child_is_told_to_open_its_own(reader: JournalReader) -> None:
    reader.orders(DAY)
    child = os.fork()
    if child == 0:
        try:
            reader.orders(DAY)
        except InvalidCall:
            os._exit(7)
        os._exit(0)
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7


READS: List[Tuple[str, Callable[[JournalReader], Any]]] = [
    ("orders", lambda reader: reader.orders(DAY)),
    ("news", lambda reader: reader.news(Cursor.before(DAY))),
]


@pytest.mark.parametrize("read", [read for _, read in READS], ids=[name for name, _ in READS])
def test_between_calls_nothing_is_locked_and_a_checkpoint_is_not_held_up(
    journal: Journal, reader: JournalReader, read: Callable[[JournalReader], Any]
) -> None:
    journal.record_intents([make_order("1")], [1.0])
    read(reader)
    journal.record_intents([make_order("2")], [1.0])
    (busy, in_log, moved) = journal._database.connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    assert busy == 0 and in_log == moved > 0
