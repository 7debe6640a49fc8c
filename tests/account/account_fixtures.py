"""An account at a fake broker, and a One Quant gate over a folder of files, both in virtual time."""

from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from broker_files import OneQuantFolder
from no_limits import no_limits

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.gates.options import strategy_options
from jqtrade.testing import FakeBroker, VirtualClock

ACCOUNT_NO = "1234567"


@pytest.fixture(autouse=True)
def journals_are_closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Windows deletes no file that is open, and a test may open a journal as often as a task is started."""
    opened: List[Journal] = []
    open_journal = Journal.__init__

    def remember(self: Journal, *arguments: Any) -> None:
        open_journal(self, *arguments)
        opened.append(self)

    monkeypatch.setattr(Journal, "__init__", remember)
    yield
    for journal in opened:
        journal.close()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2026, 1, 5, 10, 0))


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def journal_path(tmp_path: Path) -> str:
    return str(tmp_path / "data" / "demo.db")


@pytest.fixture
def open_account(broker: FakeBroker, clock: VirtualClock, journal_path: str) -> Callable[..., Account]:
    """Return a function that opens the account as a new process does; it replaces methods of the gate by `methods`."""

    def open_one(**methods: Any) -> Account:
        gate = type("Gate", (broker.gate_class,), methods)()
        gate.clock = clock
        gate.setup({})
        account = Account(gate, Journal(journal_path), clock, no_limits(clock))
        account.recover()
        return account

    return open_one


@pytest.fixture
def account(open_account: Callable[..., Account]) -> Account:
    return open_account()


@pytest.fixture
def folder(tmp_path: Path) -> OneQuantFolder:
    path = tmp_path / "DMA算法"
    path.mkdir()
    return OneQuantFolder(path)


@pytest.fixture
def open_gate(folder: OneQuantFolder, clock: VirtualClock) -> Callable[..., AnXinDMATradeGate]:
    """Return a function that opens a gate on the folder, with `options` as in set_options."""

    def open_one(**options: Any) -> AnXinDMATradeGate:
        given = {"account_no": ACCOUNT_NO, "order_dir": str(folder.path), "file_encoding": "utf-8"}
        given.update(options)
        all_options = strategy_options()
        all_options.update(all_options.check(given))
        gate = AnXinDMATradeGate()
        gate.clock = clock
        gate.setup(all_options.as_dict())
        return gate

    return open_one


@pytest.fixture
def gate(open_gate: Callable[..., AnXinDMATradeGate]) -> AnXinDMATradeGate:
    return open_gate()
