"""Starting strategies in virtual time, without a trace in sys.path and sys.modules afterwards."""

import sys
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest
from strategy_files import GATES, Starter


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Return what writes and starts strategies; their accounts are closed with the test."""
    folder = tmp_path / "strategies"
    folder.mkdir()
    path, modules = list(sys.path), set(sys.modules)
    starter = Starter(folder)
    yield starter
    for strategy in starter.started:
        strategy.close()
    sys.path[:] = path
    sys.modules.pop("demo", None)
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], "__file__", None)
        if file is not None and str(folder) in file:
            del sys.modules[name]


@pytest.fixture
def gate_calls(monkeypatch: pytest.MonkeyPatch) -> List[Tuple[str, Any]]:
    """The calls to gates of the package sample_gates, which can be imported."""
    monkeypatch.syspath_prepend(str(GATES))
    import sample_gates

    calls: List[Tuple[str, Any]] = sample_gates.RecordingGate.calls
    calls.clear()
    return calls
