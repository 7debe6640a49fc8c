"""The journal keeps what must survive: a real file, reopened, and a real process that dies."""

import os
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Iterator, List

import pytest
from broker_files import make_order
from journal_files import recorded

from jqtrade.account.journal import Journal, JournalGone
from jqtrade.account.journal_database import WAL_FRAME, WAL_PAGES, JournalDatabase
from jqtrade.account.journal_reader import read_only
from jqtrade.account.order import LimitOrderStyle, MarketOrderStyle, OrderAction, OrderSide, OrderStatus
from jqtrade.errors import InvalidParam

DAY = date(2026, 1, 5)
MOMENT = datetime(2026, 1, 5, 9, 31, 2, 345)


def events(path: str) -> List[Any]:
    connection = sqlite3.connect(path)
    sql = (
        "SELECT order_id, events.status, source, time FROM events JOIN orders ON orders.sequence = order_sequence"
        " ORDER BY events.sequence"
    )
    rows = connection.execute(sql).fetchall()
    connection.close()
    return rows


ORDERS = [
    make_order("9"),
    make_order("10", amount=-500, style=MarketOrderStyle()),
    make_order("1", style=LimitOrderStyle(0)),
    make_order("4294967295", style=LimitOrderStyle(0.3), side=OrderSide.short, action=OrderAction.close),
    make_order("8", amount=2**63 - 1, create_time=datetime(2026, 1, 5)),
]


def test_orders_come_back_whole_and_in_order_of_creation(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.record_intents(ORDERS[:2], [1.0] * 2)
    journal.record_intents(ORDERS[2:], [1.0] * 3)
    journal.close()
    assert recorded(journal_path, DAY) == [(order, False) for order in ORDERS]


def test_what_is_sent_is_marked_and_nothing_else(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.record_intents(ORDERS, [1.0] * 5)
    journal.note_sent([ORDERS[1], ORDERS[3]])
    journal.flush()
    assert [sent for _, sent in recorded(journal_path, DAY)] == [False, True, False, True, False]


@pytest.mark.parametrize("status", list(OrderStatus))
def test_a_state_comes_back_whole(journal_path: str, status: OrderStatus) -> None:
    journal = Journal(journal_path)
    order = make_order()
    journal.record_intents([order], [1.0])
    after = order.with_changes(
        status=status,
        filled_amount=300,
        canceled_amount=700,
        avg_cost=10.123456,
        deal_balance=3037.04,
        commission=5.0,
        err_msg='资金不足，"可用" 0.00 元\',\r\n',
        entrust_time=datetime(2026, 1, 5, 9, 31, 3),
        confirm_id="00088",
        confirmed=True,
    )
    journal.record_states([after], MOMENT, "sync")
    assert recorded(journal_path, DAY) == [(after, False)]


def test_text_that_is_no_valid_unicode_is_kept_readable(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.record_intents([make_order()], [1.0])
    journal.record_states([make_order().rejected("没有文件 /tmp/\udcff"), make_order("2")], MOMENT, "refused")
    (order, _), unknown = recorded(journal_path, DAY)
    assert unknown == (make_order("2"), False)  # an exception came before its intent was recorded
    assert order.err_msg.startswith("没有发出：没有文件 /tmp/") and order.status == "rejected"


def test_every_change_is_an_event_with_its_time_and_source(journal_path: str) -> None:
    journal = Journal(journal_path)
    order = make_order()
    journal.record_intents([order], [1.0])
    journal.record_states([order.with_changes(status=OrderStatus.open)], datetime(2026, 1, 5, 9, 31, 5), "sync")
    journal.record_states([order.rejected("没有发出")], datetime(2026, 1, 5, 9, 31, 6), "recovery")
    journal.close()
    assert events(journal_path) == [
        ("4000000001", "open", "sync", "2026-01-05T09:31:05.000000"),
        ("4000000001", "rejected", "recovery", "2026-01-05T09:31:06.000000"),
    ]


def test_each_day_has_its_own_orders_and_ids(journal_path: str) -> None:
    journal = Journal(journal_path)
    tomorrow = make_order(create_time=datetime(2026, 1, 6, 9, 30))
    journal.record_intents([make_order()], [1.0])
    journal.record_intents([tomorrow], [1.0])
    journal.note_sent([tomorrow])
    journal.flush()
    assert recorded(journal_path, DAY) == [(make_order(), False)]
    assert recorded(journal_path, date(2026, 1, 6)) == [(tomorrow, True)]
    assert journal.load(date(2026, 1, 7)) == []


def test_a_batch_is_kept_whole_or_not_at_all(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.record_intents([make_order("1")], [1.0])
    with pytest.raises(sqlite3.Error):
        journal.record_intents([make_order("2"), make_order("3", code=None)], [1.0] * 2)
    journal.record_intents([make_order("4")], [1.0])
    assert [order.order_id for order, _ in recorded(journal_path, DAY)] == ["1", "4"]


def test_what_was_recorded_by_a_commit_that_seemed_to_fail_counts_as_it_was_recorded_again(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.record_intents([make_order("1"), make_order("2")], [1.0] * 2)
    journal.queue([make_order("1").rejected("没有发出")])
    journal.flush()
    assert [(order.order_id, order.status) for order, _ in recorded(journal_path, DAY)] == [
        ("1", "rejected"),
        ("2", "new"),
    ]


def test_what_waits_twice_for_the_next_write_is_recorded_once(journal_path: str) -> None:
    """As when the files are taken away once more while the journal is opened anew, and the order is refused for that."""
    journal = Journal(journal_path)
    journal.load(DAY)
    again = [(ORDERS[:2], [1.0, 2.0], ORDERS[:1]), (ORDERS[:3], [1.0, 2.0, 3.0], [])]
    commit = journal._commit

    def gone(*args: Any) -> None:
        raise JournalGone("taken away")

    for orders, values, sent in again:
        journal._commit = gone  # type: ignore[method-assign]
        with pytest.raises(JournalGone):
            journal.record_again(orders, values, sent)
    journal._commit = commit  # type: ignore[method-assign]
    refused = ORDERS[2].rejected("没有发出")
    journal.queue([refused])
    journal.flush()
    assert recorded(journal_path, DAY) == [(ORDERS[0], True), (ORDERS[1], False), (refused, False)]
    connection = sqlite3.connect(journal_path)
    assert connection.execute("SELECT count(*), count(DISTINCT order_id) FROM orders").fetchone() == (3, 3)
    connection.close()


def test_intents_are_written_so_that_a_power_cut_spares_them(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.note_sent([make_order()])
    journal.flush()
    journal.record_intents([make_order()], [1.0])
    settings = [
        journal._database.connection.execute("PRAGMA " + name).fetchone() for name in ("synchronous", "journal_mode")
    ]
    assert settings == [(2,), ("wal",)]  # 2: FULL, an fsync at each commit


def test_a_journal_in_memory_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    journal = Journal(None)
    journal.record_intents([make_order()], [1.0])
    assert len(journal.load(DAY)) == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.posix
def test_only_the_owner_can_read_the_journal(journal_path: str) -> None:
    before = os.umask(0)
    try:
        journal = Journal(journal_path)
        journal.record_intents(ORDERS, [1.0] * 5)
        folder = Path(journal_path).parent
        modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"demo.db": 0o600, "demo.db-wal": 0o600, "demo.db-shm": 0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("version", [6, 99, -1])
def test_a_journal_of_another_version_is_refused_and_left_alone(journal_path: str, version: int) -> None:
    journal = Journal(journal_path)
    journal.record_intents([make_order()], [1.0])
    journal.close()
    connection = sqlite3.connect(journal_path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(InvalidParam, match=f"demo.db.*{version}"):
        Journal(journal_path)
    connection = sqlite3.connect(journal_path)
    assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (1,)
    connection.close()


KILLED = """
import os, sys
from broker_files import make_order
from jqtrade.account.journal import Journal
journal = Journal(sys.argv[1])
{steps}
os.kill(os.getpid(), 9)  # SIGKILL; on Windows TerminateProcess
"""

INTENT = "journal.record_intents([make_order('1'), make_order('2')], [1.0] * 2)"


@pytest.mark.parametrize(
    "steps, ids, sent",
    [
        (INTENT, ["1", "2"], [False, False]),
        (INTENT + "; journal.note_sent([make_order('2')]); journal.flush()", ["1", "2"], [False, True]),
    ],
    ids=["after the intent", "after sent"],
)
def test_what_was_recorded_survives_a_kill(journal_path: str, steps: str, ids: List[str], sent: List[bool]) -> None:
    here = Path(__file__).resolve().parent
    path = [str(here), str(here.parent.parent)]
    process = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n" + KILLED.format(steps=steps), journal_path],
        stderr=subprocess.PIPE,
        timeout=60,
    )
    assert process.stderr == b"" and process.returncode != 0
    orders = recorded(journal_path, DAY)
    assert [order.order_id for order, _ in orders] == ids
    assert [is_sent for _, is_sent in orders] == sent


OLD = """
CREATE TABLE orders (
    sequence INTEGER PRIMARY KEY, day TEXT NOT NULL, order_id TEXT NOT NULL, owner TEXT NOT NULL, code TEXT NOT NULL,
    amount INTEGER NOT NULL, action TEXT NOT NULL, side TEXT NOT NULL, style TEXT NOT NULL, price REAL NOT NULL,
    create_time TEXT NOT NULL, {value} sent INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL, filled_amount INTEGER NOT NULL,
    canceled_amount INTEGER NOT NULL, avg_cost REAL NOT NULL, deal_balance REAL NOT NULL, commission REAL NOT NULL,
    err_msg TEXT NOT NULL, entrust_time TEXT, confirm_id TEXT NOT NULL, confirmed INTEGER NOT NULL, UNIQUE (day, order_id)
);
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY, time TEXT NOT NULL, source TEXT NOT NULL, day TEXT NOT NULL, order_id TEXT NOT NULL,
    status TEXT NOT NULL, filled_amount INTEGER NOT NULL, err_msg TEXT NOT NULL
);
INSERT INTO orders (sequence, day, order_id, owner, code, amount, action, side, style, price, create_time, sent, status,
    filled_amount, canceled_amount, avg_cost, deal_balance, commission, err_msg, entrust_time, confirm_id, confirmed)
VALUES (1, '2026-01-04', '7', 'mine', '000001.XSHE', 100, 'open', 'long', 'limit', 10.5, '2026-01-04T09:31:02.000345', 1,
    'filled', 100, 0, 10.5, 1050, 5, '', '2026-01-04T09:31:03.000000', '88', 1),
    (2, '2026-01-05', '7', 'mine', '000001.XSHE', 100, 'open', 'long', 'limit', 10.5, '2026-01-05T09:31:02.000345', 0,
    'new', 0, 0, 0, 0, 0, '', NULL, '', 0),
    (3, '2026-01-05', '8', 'other', '000001.XSHE', 100, 'open', 'long', 'limit', 10.5, '2026-01-05T09:31:02.000345', 1,
    'new', 0, 0, 0, 0, 0, '', NULL, '', 0),
    (4, '2026-01-05', '9', 'mine', '600000.XSHG', 200, 'close', 'long', 'market', 0, '2026-01-05T09:31:02.000345', 1,
    'rejected', 0, 0, 0, 0, 0, '资金不足', NULL, '', 1);
INSERT INTO events (time, source, day, order_id, status, filled_amount, err_msg) VALUES
    ('2026-01-05T09:31:02.000345', 'intent', '2026-01-05', '7', 'new', 0, ''),
    ('2026-01-05T09:31:09.000000', 'cancel', '2026-01-05', '7', 'new', 0, ''),
    ('2026-01-05T09:31:10.000000', 'sync', '2026-01-05', '9', 'rejected', 0, '资金不足');
PRAGMA user_version = {version};
"""


@pytest.mark.parametrize("version, value", [(1, ""), (2, "value REAL NOT NULL DEFAULT 1050,")])
def test_an_older_journal_goes_on_with_all_that_it_knows(
    journal_path: str, version: int, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    Journal(journal_path).close()
    os.remove(journal_path)
    connection = sqlite3.connect(journal_path)
    connection.executescript(OLD.format(version=version, value=value))
    connection.close()
    os.chmod(journal_path, 0o600)
    Journal(journal_path, "mine").close()  # migrated once
    journal = Journal(journal_path, "mine")
    (record,) = caplog.records
    assert record.levelname == "WARNING" and f"已从版本 {version} 改为版本 5" in record.getMessage()
    journal.record_intents([make_order("1")], [2.0])
    asked, refused, new = journal.load(DAY)
    assert (asked.order, asked.sent) == (make_order("7", amount=100), False)
    assert asked.value == (1050.0 if version == 2 else 0.0)
    assert (refused.order.order_id, refused.order.err_msg, refused.sent) == ("9", "资金不足", True)
    assert new.order == make_order("1")
    assert journal.load_cancels(DAY) == [datetime(2026, 1, 5, 9, 31, 9)] and journal.count_others(DAY) == 1
    (filled,) = journal.load(date(2026, 1, 4))
    assert (filled.order.order_id, filled.order.deal_balance) == ("7", 1050)
    assert [row[0] for row in events(journal_path)] == ["7", "7", "9"]


def test_cancels_are_kept_for_the_counts_of_the_day(journal_path: str) -> None:
    journal = Journal(journal_path, "mine")
    journal.record_intents([make_order("1"), make_order("2")], [1.0] * 2)
    journal.record_cancels([make_order("1"), make_order("2")], MOMENT)
    journal.record_cancels([make_order("1")], MOMENT)
    journal.flush()
    journal.close()
    assert Journal(journal_path, "mine").load_cancels(DAY) == [MOMENT] * 3
    assert Journal(journal_path, "other").load_cancels(DAY) == []
    assert Journal(journal_path, "mine").load_cancels(date(2026, 1, 6)) == []


@pytest.mark.posix
@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
def test_a_link_in_place_of_the_journal_is_refused_and_not_followed(journal_path: str, suffix: str) -> None:
    Journal(journal_path).close()
    target = Path(journal_path).parent.parent / "target"
    if suffix == "":
        os.remove(journal_path)
    os.symlink(str(target), journal_path + suffix)
    with pytest.raises(InvalidParam, match=f"demo.db{suffix} 是符号链接.*runtime_dir"):
        Journal(journal_path)
    assert not target.exists()


@pytest.mark.posix
def test_a_link_in_place_of_the_journals_folder_is_refused(journal_path: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidParam, match="data 是符号链接"):
        Journal(journal_path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.posix
@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("name", ["demo.db", "demo.db-wal", "demo.db-shm", "demo.db-journal", "."])
def test_another_users_journal_or_folder_is_refused_and_left_alone(journal_path: str, name: str) -> None:
    Journal(journal_path).close()
    path = os.path.join(os.path.dirname(journal_path), name)
    if not os.path.exists(path):
        Path(path).write_bytes(b"")
    os.chown(path, 4242, -1)
    with pytest.raises(InvalidParam, match="属于其他用户（uid 4242）"):
        Journal(journal_path)
    assert os.stat(path).st_uid == 4242


def test_the_log_has_its_size_from_the_start_and_keeps_it(journal_path: str) -> None:
    journal = Journal(journal_path)
    log = Path(journal_path + "-wal")
    size = log.stat().st_size
    assert size == WAL_PAGES * WAL_FRAME
    for number in range(2 * WAL_PAGES):
        journal.record_intents([make_order(str(number + 1))], [1.0])
    assert size <= log.stat().st_size < 1.2 * size
    assert len(Journal(journal_path).load(DAY)) == 2 * WAL_PAGES


@pytest.mark.parametrize("room", [0, 1, 4096, WAL_PAGES * WAL_FRAME - 1])
def test_on_a_disk_that_is_nearly_full_the_log_takes_no_room_beforehand(
    journal_path: str, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    Journal(journal_path).close()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:room]))
    journal = Journal(journal_path)
    monkeypatch.undo()
    assert Path(journal_path + "-wal").stat().st_size < 10 * WAL_FRAME
    journal.record_intents([make_order()], [1.0])
    assert recorded(journal_path, DAY) == [(make_order(), False)]


@pytest.mark.parametrize("damage", [lambda log: log[:0], lambda log: bytes(len(log)), lambda log: log[:70000]])
def test_whatever_a_power_cut_leaves_of_the_room_in_the_log_harms_nothing(journal_path: str, damage: Any) -> None:
    journal = Journal(journal_path)
    journal.record_intents([make_order("1")], [1.0])
    journal.close()  # all is in the database now, and the log is gone
    journal = Journal(journal_path)
    log = Path(journal_path + "-wal")
    before = log.read_bytes()
    copy = Path(journal_path).parent / "copy.db"
    copy.write_bytes(Path(journal_path).read_bytes())
    Path(str(copy) + "-wal").write_bytes(damage(before))
    for path in (copy, Path(str(copy) + "-wal")):
        path.chmod(0o600)
    assert recorded(str(copy), DAY) == [(make_order("1"), False)]


def test_news_of_yesterdays_order_after_midnight_reach_that_order_and_no_other_ones(journal_path: str) -> None:
    yesterday = make_order("1", create_time=datetime(2026, 1, 4, 14, 59))
    for owner in ("mine", "other"):
        journal = Journal(journal_path, owner)
        journal.record_intents([yesterday], [1.0])
        journal.close()
    journal = Journal(journal_path, "mine")
    journal.record_intents([make_order("1")], [1.0])
    journal.load(DAY)
    filled = yesterday.with_changes(status=OrderStatus.filled, filled_amount=1000)
    journal.record_states([filled], datetime(2026, 1, 5, 0, 0, 1), "close")
    journal.note_sent([yesterday])
    journal.flush()
    (old,), (new,) = journal.load(date(2026, 1, 4)), journal.load(DAY)
    assert (old.order, old.sent) == (filled, True) and (new.order, new.sent) == (make_order("1"), False)
    journal.close()
    ((others, _),) = [(each.order, each.sent) for each in Journal(journal_path, "other").load(date(2026, 1, 4))]
    assert others == yesterday


LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM orders").fetchone()[0])
connection.close()
"""
COPIES_ALL = """
import subprocess, sys
from jqtrade.account.journal import Journal
journal = Journal(sys.argv[1])
for suffix in ("", "-wal", "-shm"):
    open(sys.argv[1] + suffix, "rb").read()
journal.check_files()
connection = journal._database.connection
connection.execute("BEGIN IMMEDIATE")
connection.execute("INSERT INTO owners (owner) VALUES ('x')")
if sys.argv[3] == "opened meanwhile":
    subprocess.call([sys.executable, "-c", sys.argv[2], sys.argv[1]])
elif sys.argv[3] == "cut off":
    connection.execute("ROLLBACK")
    open(sys.argv[1] + "-shm", "r+b").truncate(3)  # as who opens it does at first, and had no time for more
    journal.check_files()
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO owners (owner) VALUES ('x')")
connection.execute("COMMIT")
journal.close()
"""
FINISHING = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)  # as sqlite does before it puts the log away
print("+", flush=True)
sys.stdin.read()
"""


def copy(path: str) -> None:
    for suffix in ("", "-wal"):
        with open(path + suffix, "rb") as file:
            file.read()


@pytest.mark.posix
def test_a_copy_made_within_the_task_costs_the_lock_until_the_next_look_only(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.record_intents(ORDERS[:1], [1.0])
    copy(journal_path)
    journal.check_files()
    for count in (1, 1):  # who closes the journal last removes the log
        assert subprocess.check_output([sys.executable, "-c", LOOK, journal_path]) == f"{count}\n".encode()
    journal.record_intents(ORDERS[1:2], [1.0])
    journal.close()
    assert recorded(journal_path, DAY) == [(order, False) for order in ORDERS[:2]]


@pytest.mark.posix
def test_while_another_program_puts_the_log_away_nothing_is_recorded_into_it(journal_path: str) -> None:
    """It takes what is committed meanwhile with it: an order sent then would be forgotten by the next start."""
    journal = Journal(journal_path)
    copy(journal_path)
    other = subprocess.Popen(
        [sys.executable, "-c", FINISHING, journal_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None and other.stdout.readline() == b"+\n"
    with pytest.raises(JournalGone):
        journal.check_files()
    with pytest.raises(JournalGone):
        journal.record_intents(ORDERS[:1], [1.0])
    other.communicate()
    journal.record_intents(ORDERS[:1], [1.0])
    journal.close()
    assert recorded(journal_path, DAY) == [(ORDERS[0], False)]


@pytest.mark.posix
@pytest.mark.parametrize("when", ["opened meanwhile", "cut off"])
def test_a_copy_of_sqlites_shared_memory_made_within_the_task_is_not_its_death(journal_path: str, when: str) -> None:
    """Who opens the journal while nobody has the lock of the -shm cuts that off, and the task has it in memory: SIGBUS."""
    assert subprocess.call([sys.executable, "-c", COPIES_ALL, journal_path, LOOK, when]) == 0
    connection = sqlite3.connect(journal_path)
    assert connection.execute("SELECT count(*) FROM owners WHERE owner = 'x'").fetchone() == (1,)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_backup_put_back_into_the_very_file_is_seen_and_nothing_is_sent(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.load(DAY)
    journal.record_intents(ORDERS[:1], [1.0])
    journal._database.connection.execute("PRAGMA wal_checkpoint")
    journal.flush()
    with open(journal_path, "rb") as file:  # as another program does; ours would drop sqlite's lock on POSIX
        backup = file.read()
    for number in range(400):  # past what sqlite keeps in its log
        journal.record_intents([make_order(str(100 + number))], [1.0])
    with open(journal_path, "wb") as file:
        file.write(backup)
    with pytest.raises(JournalGone):
        journal.record_intents([make_order("9999")], [1.0])
    assert not journal.reopen(DAY)


def test_another_program_that_moves_the_log_into_the_database_does_no_harm(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.load(DAY)
    journal.record_intents(ORDERS[:2], [1.0, 2.0])
    write_the_log_into_the_database(journal_path)
    journal.record_intents(ORDERS[2:3], [3.0])
    assert len(Journal(journal_path).load(DAY)) == 3


def write_the_log_into_the_database(path: str) -> None:
    onlooker = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('PRAGMA wal_checkpoint').fetchall()"
    subprocess.check_call([sys.executable, "-c", onlooker, path])


@pytest.mark.posix
@pytest.mark.parametrize("start", ["//", "///"])
def test_a_path_with_slashes_at_its_start_is_found_again_when_another_program_has_written_into_the_database(
    journal_path: str, start: str
) -> None:
    journal = Journal(start + journal_path.lstrip("/"))
    journal.record_intents(ORDERS[:1], [1.0])
    write_the_log_into_the_database(journal_path)
    journal.record_intents(ORDERS[1:2], [1.0])


@pytest.mark.parametrize(
    "path, uri",
    [
        (r"C:\a b\x.db", "file:///C:/a b/x.db?mode=ro"),
        (r"\\server\share\x.db", "file:////server/share/x.db?mode=ro"),
        (r"C:\50%#?\x.db", "file:///C:/50%25%23%3f/x.db?mode=ro"),
    ],
)
def test_uris_of_windows_paths_name_no_server_as_their_authority(
    path: str, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sep", "\\")
    assert read_only(path) == uri


@pytest.mark.posix
def test_with_no_descriptor_left_nobody_knows_whether_the_database_is_whole_until_there_are_some_again(
    journal_path: str,
) -> None:
    journal = Journal(journal_path)
    journal.record_intents(ORDERS[:1], [1.0])
    write_the_log_into_the_database(journal_path)
    for left in (0, 1):  # with one the database can be opened, and then not its log
        with descriptors_left(left), pytest.raises(sqlite3.OperationalError, match="unable to open"):
            journal.record_intents(ORDERS[1:2], [1.0])
    journal.record_intents(ORDERS[1:2], [1.0])


@contextmanager
def descriptors_left(number: int) -> Iterator[None]:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    taken: List[int] = []
    try:
        try:
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            for _ in range(number):
                os.close(taken.pop())
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.posix
def test_a_database_that_vanishes_while_it_is_written_is_missed_at_the_next_look(journal_path: str) -> None:
    journal = Journal(journal_path)

    def vanish(statement: str) -> None:
        if statement == "COMMIT":
            os.rename(journal_path, journal_path + ".moved")

    journal._database.connection.set_trace_callback(vanish)
    journal.record_intents(ORDERS[:1], [1.0])
    with pytest.raises(JournalGone):
        journal.check_files()


def test_sqlite_is_not_allowed_to_cut_its_log_off(journal_path: str) -> None:
    """By default it is in some builds (macOS), which would look as if somebody had."""
    assert Journal(journal_path)._database.connection.execute("PRAGMA journal_size_limit").fetchone() == (-1,)


@pytest.mark.posix
def test_a_journal_that_could_not_be_opened_anew_lets_nothing_pass(
    journal_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(journal_path)
    journal.load(DAY)
    journal.record_intents(ORDERS[:1], [1.0])
    os.remove(journal_path + "-wal")
    with monkeypatch.context() as patch:
        patch.setattr(JournalDatabase, "_make_room", lambda self, path: (_ for _ in ()).throw(OSError(24, "too many")))
        with pytest.raises(sqlite3.Error):
            journal.reopen(DAY)
    with pytest.raises(JournalGone):
        journal.record_intents(ORDERS[1:2], [1.0])


@pytest.mark.posix
def test_cancels_that_the_log_had_are_counted_after_it_was_taken_away(journal_path: str) -> None:
    journal = Journal(journal_path)
    journal.load(DAY)
    journal.record_intents(ORDERS[:2], [1.0, 2.0])
    for _ in range(3):
        journal.record_cancels(ORDERS[:2], ORDERS[0].create_time)
        journal.flush()
    os.truncate(journal_path + "-wal", 0)
    with pytest.raises(JournalGone):
        journal.check_files()
    assert journal.reopen(DAY)
    journal.record_again(ORDERS[:2], [1.0, 2.0], ORDERS[:2])
    journal.check_files()
    assert len(Journal(journal_path).load_cancels(DAY)) == 6
