"""What others do to the journal's files while a task runs: what is recorded is found at the next start, or nothing is sent.

The task is killed each time, so that nothing but the files can tell of it.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest
from broker_files import OneQuantFolder, make_order
from lives import live
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle, OrderStatus
from jqtrade.account.request import check_request
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import VirtualClock

OpenGate = Callable[..., AnXinDMATradeGate]
Damage = Callable[[Path], Any]

MOST = 6
"""max_orders_per_day"""


class Task:
    """A task that orders in a process of its own."""

    def __init__(self, open_gate: OpenGate, folder: OneQuantFolder, path: Path) -> None:
        self._open_gate = open_gate
        self._folder = folder
        self.path = path

    def open(self) -> Account:
        clock = VirtualClock(datetime(2026, 1, 5, 10, 0))
        gate = self._open_gate()
        gate.clock = clock
        journal = Journal(str(self.path), gate.account_key(), gate.is_same_account)
        account = Account(gate, journal, clock, no_limits(clock, max_orders_per_day=MOST))
        account.recover()
        return account

    def rows(self) -> List[str]:
        return [line.split(",")[1] for line in self._folder.order_lines()[1:]]

    def orders_around(self, *damages: Damage) -> List[List[Optional[str]]]:
        """A life that sends two orders, and two more after each of `damages`; then it is killed. Returns all ids."""

        def life() -> Any:
            account = self.open()
            answers = [order(account, 2)]
            for damage in damages:
                damage(self.path)
                answers.append(order(account, 2))
            return answers

        return live(life)  # type: ignore[no-any-return]

    def known(self) -> Dict[str, str]:
        """Id and status of each order that the next start knows; it then sends whatever the limits let pass."""

        def life() -> Any:
            account = self.open()
            known = {one.order_id: one.status.value for one in account.orders()}
            order(account, MOST + 1)
            return known

        return live(life)  # type: ignore[no-any-return]


def order(account: Account, count: int) -> List[Optional[str]]:
    return [account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))])[0] for _ in range(count)]


@pytest.fixture
def task(open_gate: OpenGate, folder: OneQuantFolder, journal_path: str) -> Task:
    return Task(open_gate, folder, Path(journal_path))


def wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def by_another_program(*statements: str, patience: float = 0.2) -> Damage:
    """Another process opens the journal, executes `statements` as far as it may, reads, and ends."""
    program = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=float(sys.argv[2]))\n"
        "for statement in sys.argv[3:] + ['SELECT count(*) FROM orders']:\n"
        "    try: c.execute(statement).fetchall()\n"
        "    except sqlite3.Error as error: print(error)\n"
        "c.close()\n"
    )

    def damage(path: Path) -> None:
        subprocess.check_output([sys.executable, "-c", program, str(path), str(patience)] + list(statements))

    return damage


def copy(path: Path) -> None:
    """What a job of the strategy does as a backup: POSIX then drops sqlite's locks of this process."""
    shutil.copy(str(path), str(path.with_name("backup")))


def copy_then(*damages: Damage) -> Damage:
    def damage(path: Path) -> None:
        copy(path)
        for each in damages:
            each(path)

    return damage


def fork_and_exit(path: Path) -> None:
    """A child of the strategy that ends as Python programs do: sqlite closes what it has open there."""
    child = os.fork()
    if child == 0:
        import gc

        for found in gc.get_objects():
            if isinstance(found, sqlite3.Connection):
                found.close()
        os._exit(0)
    os.waitpid(child, 0)


def second_connection(path: Path) -> None:
    """The strategy itself looks into the journal, by the same sqlite."""
    connection = sqlite3.connect(str(path))
    connection.execute("SELECT count(*) FROM orders").fetchall()
    connection.close()


def rename_and_put_back(path: Path) -> None:
    os.rename(str(path), str(path) + ".x")
    os.rename(str(path) + ".x", str(path))


def link_and_swap(path: Path) -> None:
    """Another name of the same file is put in its place."""
    os.link(str(path), str(path) + ".x")
    os.replace(str(path) + ".x", str(path))


def touch(path: Path) -> None:
    """A backup tool that opens for writing, and writes nothing."""
    os.close(os.open(str(path), os.O_RDWR))
    os.close(os.open(str(wal(path)), os.O_RDWR))


HARMLESS: Dict[str, Damage] = {
    "nothing": lambda path: None,
    "an onlooker": by_another_program(),
    "a copy": copy,
    "a copy, an onlooker": copy_then(by_another_program()),
    "a copy, VACUUM": copy_then(by_another_program("VACUUM")),
    "a copy, journal_mode": copy_then(by_another_program("PRAGMA journal_mode = DELETE")),
    "a copy, a writer": copy_then(by_another_program("CREATE TABLE mine (x)", "INSERT INTO mine VALUES (1)")),
    "journal_mode": by_another_program("PRAGMA journal_mode = DELETE"),
    "wal_checkpoint(TRUNCATE)": by_another_program("PRAGMA wal_checkpoint(TRUNCATE)"),
    "VACUUM": by_another_program("VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"),
    "a forked child that exits": fork_and_exit,
    "a forked child, an onlooker": lambda path: (fork_and_exit(path), by_another_program()(path)),
    "a second connection": second_connection,
    "a second connection, an onlooker": lambda path: (second_connection(path), by_another_program()(path)),
    "-wal deleted": lambda path: wal(path).unlink(),
    "-wal truncated": lambda path: os.truncate(str(wal(path)), 0),
    "-wal moved away": lambda path: os.rename(str(wal(path)), str(path) + ".old"),
    "-shm deleted": lambda path: path.with_name(path.name + "-shm").unlink(),
    "-shm deleted, an onlooker": lambda path: (
        path.with_name(path.name + "-shm").unlink(),
        by_another_program("PRAGMA wal_checkpoint(TRUNCATE)")(path),
    ),
    "opened for writing": touch,
    "renamed and put back": rename_and_put_back,
    "another link of it": link_and_swap,
    "chmod 000": lambda path: os.chmod(str(path), 0),
    "database emptied": lambda path: os.truncate(str(path), 0),
    "database cut": lambda path: os.truncate(str(path), 4096),
}
"""After these the task goes on: what was taken away is opened anew, and recorded again."""


@pytest.mark.posix
@pytest.mark.parametrize("damage", sorted(HARMLESS))
def test_every_order_is_known_and_counted_after_a_kill(task: Task, damage: str) -> None:
    before, after = task.orders_around(HARMLESS[damage])
    if damage == "chmod 000":
        os.chmod(str(task.path), 0o600)
    assert None not in before + after and task.rows() == before + after
    assert set(task.known()) == set(before + after)
    assert len(task.rows()) == MOST


def swap_for_a_copy(path: Path) -> None:
    """As an editor that saves, or a restore of a backup that is done right: the old file has no name any more."""
    shutil.copy(str(path), str(path) + ".x")
    os.replace(str(path) + ".x", str(path))


def link_elsewhere(path: Path) -> None:
    shutil.copy(str(path), str(path) + ".x")
    path.unlink()
    path.symlink_to(str(path) + ".x")


def another_folder(path: Path) -> None:
    os.rename(str(path.parent), str(path.parent) + ".old")
    os.mkdir(str(path.parent), 0o700)


def all_gone(path: Path) -> None:
    for each in path.parent.glob("*"):
        each.unlink()


FATAL: Dict[str, Damage] = {
    "deleted": all_gone,
    "database deleted": lambda path: path.unlink(),
    "swapped for a copy": swap_for_a_copy,
    "a link to a copy": link_elsewhere,
    "folder moved away": lambda path: os.rename(str(path.parent), str(path.parent) + ".old"),
    "folder in its place": another_folder,
    "-wal cut in the middle": lambda path: os.truncate(str(wal(path)), 5000),  # what is left of it cannot be read
}
"""After these nothing is sent any more."""


@pytest.mark.posix
@pytest.mark.parametrize("damage", sorted(FATAL))
def test_nothing_is_sent_that_the_next_start_would_not_know(task: Task, damage: str) -> None:
    before, after = task.orders_around(FATAL[damage])
    assert after == [None, None] and task.rows() == before


@pytest.mark.posix
def test_a_folder_that_comes_back_is_used_again(task: Task) -> None:
    away = str(task.path.parent) + ".away"
    one, two, three = task.orders_around(
        lambda path: os.rename(str(path.parent), away), lambda path: os.rename(away, str(path.parent))
    )
    assert two == [None, None] and None not in three and task.rows() == one + three
    assert {known for known, status in task.known().items() if status == "new"} == set(one + three)


@pytest.mark.posix
@pytest.mark.parametrize("damage", ["-wal deleted", "database emptied", "a copy, an onlooker"])
def test_that_an_order_was_sent_is_recorded_again_too(task: Task, folder: OneQuantFolder, damage: str) -> None:
    """So that it stays known when the order file is begun anew before the next start."""
    before, after = task.orders_around(HARMLESS[damage])
    connection = sqlite3.connect(str(task.path))
    sent = dict(connection.execute("SELECT order_id, sent FROM orders").fetchall())
    connection.close()
    assert sent == dict.fromkeys(before + after, 1)


def test_an_order_that_the_reopened_journal_lacks_is_inserted_as_it_stands_and_as_sent(journal_path: str) -> None:
    """What was only in sqlite's log is lost when another program has the database open while we open it anew."""
    journal = Journal(journal_path)
    orders = [make_order(str(number)) for number in range(1, 4)]
    journal.record_intents(orders, [1.0] * 3)
    connection = sqlite3.connect(journal_path)
    connection.execute("DELETE FROM orders WHERE order_id != '1'")
    connection.commit()
    connection.close()
    day = orders[0].create_time.date()
    assert journal.reopen(day)
    now = [orders[0].with_changes(status=OrderStatus.open), orders[1].rejected("没有发出"), orders[2]]
    journal.record_again(now, [5.0, 6.0, 7.0], [now[0], now[2]])
    records = Journal(journal_path).load(day)
    assert [(one.order, one.sent, one.value) for one in records] == [
        (now[0], True, 1.0),
        (now[1], False, 6.0),
        (now[2], True, 7.0),
    ]
