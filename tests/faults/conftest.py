"""What fails here says its seed and how to run it again; no process started here is measured, since most are killed."""

from typing import Any, Iterator

import pytest

from tests.faults.sizes import SEED, TIMEOUT, repeat_command


@pytest.fixture(autouse=True)
def _unmeasured(unmeasured: None) -> None:
    pass


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    outcome = yield
    report: Any = outcome.get_result()
    if report.failed:
        report.sections.append(("faults", f"seed {SEED}; repeat with:\n  {repeat_command(item.nodeid)}"))


def pytest_collection_modifyitems(items: Any) -> None:
    for item in items:
        if "tests/faults/" in item.nodeid or "faults/" in item.nodeid.split("::")[0]:
            item.add_marker(pytest.mark.timeout(TIMEOUT))
