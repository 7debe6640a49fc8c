"""Starting strategies in virtual time."""

from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from strategy_files import GATES, Starter


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Return what writes and starts strategies; their accounts are closed with the test."""
    folder = tmp_path / "strategies"
    folder.mkdir()
    starter = Starter(folder)
    yield starter
    for strategy in starter.started:
        strategy.close()


@pytest.fixture
def gate_calls(monkeypatch: pytest.MonkeyPatch) -> List[Tuple[str, Any]]:
    """The calls to gates of the package sample_gates, which can be imported."""
    monkeypatch.syspath_prepend(str(GATES))
    import sample_gates

    calls: List[Tuple[str, Any]] = sample_gates.RecordingGate.calls
    calls.clear()
    return calls
