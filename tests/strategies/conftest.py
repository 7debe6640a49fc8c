"""Run strategies of the folder strategies/ in virtual time."""

from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

from jqtrade.runtime.strategy import Strategy
from jqtrade.testing import FakeBroker, VirtualClock, start_strategy

STRATEGIES = Path(__file__).resolve().parent.parent.parent / "strategies"

Start = Callable[..., Strategy]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """start(file, moment, broker=None, **options): a strategy of ours, on paper if no broker is given."""
    started = []

    def start(file: str, moment: datetime, broker: Optional[FakeBroker] = None, **options: Any) -> Strategy:
        options.setdefault("runtime_dir", str(tmp_path / "runtime"))  # the same for every start of a test
        if broker is None:
            options.setdefault("trade_gate", "paper")
        strategy = start_strategy(str(STRATEGIES / file), VirtualClock(moment), broker, **options)
        started.append(strategy)
        return strategy

    yield start
    for strategy in started:
        strategy.close()


@pytest.fixture
def quotes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """quotes(code=price, ...) writes the quotes file that the strategies are told of; codes without their suffix."""
    path = tmp_path / "quotes.csv"
    monkeypatch.setenv("QUOTES", str(path))

    def write(**prices: float) -> Path:
        lines = ["code,last,bid1,ask1"]
        for number, price in prices.items():
            code = number[1:] + (".XSHG" if number[1] in "56" else ".XSHE")
            lines.append(f"{code},{price},{price},{price}")
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
