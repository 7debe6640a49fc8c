"""Which orders of the journal are this account's: by its number and its folder, however the folder is written."""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator, Optional, Tuple

import pytest
from broker_files import OneQuantFolder
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import LimitOrderStyle
from jqtrade.account.request import check_request
from jqtrade.errors import InvalidParam
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.testing import FakeBroker, VirtualClock

OpenGate = Callable[..., AnXinDMATradeGate]
MOST = 3
"""max_orders_per_day"""


class Trader:
    """A task that is started again and again, each time with the folder written in another way."""

    def __init__(self, journal_path: str, open_gate: OpenGate) -> None:
        self._journal_path = journal_path
        self._open_gate = open_gate
        self._clock = VirtualClock(datetime(2026, 1, 5, 10))

    def run(self, gate: Optional[Any] = None, **options: Any) -> Tuple[int, int]:
        """How many orders it knows at the start, and how many of MOST it can send then."""
        gate = gate or self._open_gate(**options)
        gate.clock = self._clock
        journal = Journal(self._journal_path, gate.account_key(), gate.is_same_account)
        account = Account(gate, journal, self._clock, no_limits(self._clock, max_orders_per_day=MOST))
        account.recover()
        known = len(account.orders())
        ids = account.submit_batch([check_request("000001.XSHE", 100, LimitOrderStyle(10))] * MOST)
        account.close()
        return known, MOST - ids.count(None)

    def record(self, owner: str) -> None:
        """Orders that an earlier version, or a gate of that name, has sent today."""
        broker = FakeBroker()
        gate = type("Gate", (broker.gate_class,), {"account_key": lambda self: owner})()
        gate.setup({})
        assert self.run(gate) == (0, MOST)


@pytest.fixture
def trader(journal_path: str, open_gate: OpenGate) -> Trader:
    return Trader(journal_path, open_gate)


def check_is_same(trader: Trader, **options: Any) -> None:
    """All of it is known, and the limits count it: nothing more goes out."""
    assert trader.run() == (0, MOST)
    assert trader.run(**options) == (MOST, 0)


def check_counts_only(trader: Trader, **options: Any) -> None:
    assert trader.run() == (0, MOST)
    assert trader.run(**options) == (0, 0)


def check_is_another(trader: Trader, **options: Any) -> None:
    assert trader.run() == (0, MOST)
    assert trader.run(**options) == (0, MOST)


def respelled(path: Path) -> Iterator[Tuple[str, str]]:
    yield "the same", str(path)
    yield "with a slash at its end", os.path.join(str(path), "")
    yield "by way of its parent", os.path.join(str(path), os.pardir, path.name)
    yield "by a dot", os.path.join(str(path.parent), ".", path.name)
    yield "with two slashes", str(path.parent) + os.sep * 2 + path.name


@pytest.mark.parametrize("number", range(5))
def test_a_folder_is_the_same_however_its_path_is_written(trader: Trader, folder: OneQuantFolder, number: int) -> None:
    check_is_same(trader, order_dir=list(respelled(folder.path))[number][1])


def test_a_path_from_where_we_are_is_the_same(
    trader: Trader, folder: OneQuantFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(str(folder.path.parent))
    check_is_same(trader, order_dir=folder.path.name)


@pytest.mark.posix
def test_a_link_to_it_is_the_same_and_a_link_to_that(trader: Trader, folder: OneQuantFolder, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder.path)
    (tmp_path / "link of link").symlink_to(tmp_path / "link")
    (tmp_path / "parent").symlink_to(folder.path.parent)
    check_is_same(trader, order_dir=str(tmp_path / "link"))
    assert trader.run(order_dir=str(tmp_path / "link of link"))[1] == 0
    assert trader.run(order_dir=str(tmp_path / "parent" / folder.path.name))[1] == 0


@pytest.mark.skipif(sys.platform != "win32", reason="paths of Windows")
@pytest.mark.parametrize(
    "write", [str.upper, str.lower, lambda path: path.replace("\\", "/"), lambda path: "\\\\?\\" + path]
)
def test_on_windows_case_slashes_and_prefixes_make_no_other_folder(
    trader: Trader, folder: OneQuantFolder, write: Callable[[str], str]
) -> None:
    check_is_same(trader, order_dir=write(str(folder.path)))


@pytest.mark.parametrize("name", ["DRIVE", "//server/share/DMA"])
def test_whatever_leads_to_the_same_folder_is_the_same(
    trader: Trader, folder: OneQuantFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A drive of subst, a junction, a share: on Windows samefile knows them; here it is told."""
    other = tmp_path / "another name"
    other.mkdir()
    monkeypatch.setattr(os.path, "samefile", lambda one, two: True)
    check_is_same(trader, order_dir=str(other))


@pytest.mark.posix
def test_a_bind_mount_is_the_same(trader: Trader, folder: OneQuantFolder, tmp_path: Path) -> None:
    other = tmp_path / "mounted"
    other.mkdir()
    if subprocess.call(["mount", "--bind", str(folder.path), str(other)], stderr=subprocess.DEVNULL) != 0:
        pytest.skip("cannot mount")
    try:
        check_is_same(trader, order_dir=str(other))
    finally:
        subprocess.check_call(["umount", str(other)])


def test_another_folder_of_the_same_number_counts_for_the_limits(trader: Trader, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    check_counts_only(trader, order_dir=str(tmp_path / "other"))


@pytest.mark.parametrize(
    "error", [PermissionError(13, "no"), OSError(40, "loop"), FileNotFoundError(2, "gone"), ValueError("NUL")]
)
def test_a_folder_that_nobody_can_look_at_counts_for_the_limits(
    trader: Trader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    (tmp_path / "other").mkdir()

    def samefile(one: str, two: str) -> bool:
        raise error

    monkeypatch.setattr(os.path, "samefile", samefile)
    check_counts_only(trader, order_dir=str(tmp_path / "other"))


def test_a_folder_that_was_moved_counts_for_the_limits(trader: Trader, folder: OneQuantFolder, tmp_path: Path) -> None:
    """The terminal was installed elsewhere at noon: nobody knows that the one is the other."""
    assert trader.run() == (0, MOST)
    folder.path.rename(tmp_path / "moved")
    assert trader.run(order_dir=str(tmp_path / "moved")) == (0, 0)


@pytest.mark.posix
def test_a_link_that_leads_in_a_circle_now_counts_for_the_limits(
    trader: Trader, folder: OneQuantFolder, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder.path)
    assert trader.run(order_dir=str(link)) == (0, MOST)
    link.unlink()
    link.symlink_to(link)
    assert trader.run() == (0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="file systems that take any bytes for a name")
def test_a_folder_whose_name_is_no_text_is_known_by_the_same_name(trader: Trader, tmp_path: Path) -> None:
    name = os.fsdecode(os.fsencode(str(tmp_path)) + b"/\xd0\xd0\xff")
    os.mkdir(name)
    (tmp_path / "link").symlink_to(name)
    assert trader.run(order_dir=name) == (0, MOST)
    assert trader.run(order_dir=name) == (MOST, 0)
    assert trader.run(order_dir=str(tmp_path / "link"))[1] == 0


@pytest.mark.parametrize("number", ["12345678", "123456", "1234567-1", "01234567"])
def test_another_number_is_another_account(trader: Trader, number: str) -> None:
    check_is_another(trader, account_no=number)


@pytest.mark.parametrize("number", ["1234567 ", " 1234567", "123 4567", "", "1234567\n", "１２３４５６７"])
def test_a_number_with_blanks_is_refused(open_gate: OpenGate, number: str) -> None:
    with pytest.raises(InvalidParam, match="账号|account_no"):
        open_gate(account_no=number)


def test_what_an_earlier_version_has_recorded_is_this_accounts(trader: Trader, folder: OneQuantFolder) -> None:
    trader.record(f"anxin 1234567 {folder.path}")
    assert trader.run() == (MOST, 0)


def test_what_an_earlier_version_has_recorded_by_another_path_is_this_accounts(
    trader: Trader, folder: OneQuantFolder
) -> None:
    trader.record("anxin 1234567 " + os.path.join(str(folder.path.parent), ".", folder.path.name, ""))
    assert trader.run() == (MOST, 0)


@pytest.mark.parametrize(
    "owner", ["anxin 12345678 {}", "anxin 7654321 {}", "other 1234567 {}", "my.Gate", "", "anxin", "ANXIN 1234567 {}"]
)
def test_what_another_gate_or_account_has_recorded_is_left_out(
    trader: Trader, folder: OneQuantFolder, owner: str
) -> None:
    trader.record(owner.format(folder.path))
    assert trader.run() == (0, MOST)


@pytest.mark.parametrize(
    "owner",
    ["anxin 1234567", "anxin 1234567 ", "anxin 1234567 \\udc80", "anxin 1234567 C:\\DMA", "anxin 1234567 relative"],
)
def test_a_folder_that_is_none_counts_for_the_limits(trader: Trader, owner: str) -> None:
    trader.record(owner)
    assert trader.run() == (0, 0)
