"""What every test gets: a JQTRADE_HOME of its own; and what its mark means."""

import os
import signal
import sys
from pathlib import Path
from typing import List

import pytest
from hypothesis import settings

# Benchmarks measure speed; a test that is slow on a machine with much to do has not failed.
settings.register_profile("jqtrade", deadline=None)
settings.load_profile("jqtrade")

SOAK = Path(__file__).parent / "soak"


@pytest.fixture(autouse=True)
def jqtrade_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for the tasks, journals and logs of this test alone; subprocesses inherit it. It need not exist."""
    home = tmp_path / "jqtrade-home"
    monkeypatch.setenv("JQTRADE_HOME", str(home))
    return home


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subprocesses of this test run without coverage, for tests of what is imported: coverage itself imports much."""
    for name in list(os.environ):
        if name.startswith("COVERAGE_"):
            monkeypatch.delenv(name)


def pytest_configure() -> None:
    """Run in the background of a shell or by nohup, our processes would ignore these signals, and so would the tasks they start.

    A signal that is caught here has its default in a program that is started.
    """
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else lambda *_: None)


@pytest.hookimpl(tryfirst=True)  # before pytest itself looks at -m
def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    """Give all of tests/soak its mark, and skip on Windows what is marked posix."""
    for item in items:
        if SOAK in Path(str(item.fspath)).parents:
            item.add_marker(pytest.mark.soak)
        if sys.platform == "win32" and item.get_closest_marker("posix"):
            item.add_marker(pytest.mark.skip(reason="not on Windows"))
