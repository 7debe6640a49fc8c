"""Strategies of a few lines, run in virtual time by way of jqtrade.testing."""

import types
from datetime import datetime
from pathlib import Path
from textwrap import dedent
from typing import Any, Dict, List, Optional

from jqtrade.clock import Clock
from jqtrade.masking import Masker
from jqtrade.runtime.strategy import Strategy
from jqtrade.runtime.task_recorder import TaskRecorder
from jqtrade.testing import FakeBroker, VirtualClock, start_strategy

GATES = Path(__file__).resolve().parent.parent / "gates"

START = datetime(2026, 1, 5, 9, 0)
"""A Monday."""


def at(hour: int, minute: int = 0, second: int = 0, day: int = 5) -> datetime:
    return datetime(2026, 1, day, hour, minute, second)


class Told(TaskRecorder):
    """What is written into the task's record: each time all its fields, the newest last."""

    def __init__(self) -> None:
        self.records: List[Dict[str, Any]] = []
        super().__init__(lambda **fields: self.records.append(fields), Masker())


class StartedStrategy:
    """A strategy that has started, with what a test wants of it at hand."""

    def __init__(self, strategy: Strategy, module: types.ModuleType, clock: Clock) -> None:
        self.strategy = strategy
        self.module: Any = module
        self.clock: Any = clock
        self.module.clock = clock

    @property
    def seen(self) -> List[Any]:
        """What the strategy put into its list `seen`."""
        seen: List[Any] = self.module.seen
        return seen

    def told(self) -> List[Dict[str, Any]]:
        """What the task's record is told from now on."""
        told = Told()
        self.strategy.observers.add(told)
        return told.records

    def run(self, until: datetime) -> "StartedStrategy":
        self.strategy.run(until)
        return self


class Starter:
    """Writes strategy files into one folder and starts them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: List[Strategy] = []

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_bytes(dedent(text).encode("utf-8"))
        return path

    def __call__(
        self, code: str, broker: Optional[FakeBroker] = None, clock: Optional[Clock] = None, **options: Any
    ) -> StartedStrategy:
        """Start a strategy that begins with an empty list `seen`; `options` are defaults, as in a config file."""
        return self.path(self.write("demo.py", "seen = []\n" + dedent(code)), broker, clock, **options)

    def path(
        self, path: Path, broker: Optional[FakeBroker] = None, clock: Optional[Clock] = None, **options: Any
    ) -> StartedStrategy:
        clock = clock or VirtualClock(START)
        strategy = start_strategy(str(path), clock, broker, **options)
        self.started.append(strategy)
        return StartedStrategy(strategy, strategy.module, clock)
