"""docs/reliability.md names tests and failpoints that exist."""

import re

from tests.faults.failpoints import PLACES, parse
from tests.faults.world import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


def test_every_test_of_the_page_exists() -> None:
    files = set(re.findall(r"`((?:\w+/)?test_\w+\.py)(?:`|::)", PAGE))
    names = set(re.findall(r"(?:`|::)(test_\w+)`", PAGE))
    assert len(files) >= 9 and len(names) >= 4
    assert [name for name in files if not (ROOT / "tests" / name).exists()] == []
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("**/test_*.py"))
    assert [name for name in names if f"def {name}(" not in source] == []


def test_every_failpoint_of_the_page_is_one() -> None:
    for spec in re.findall(r"JQTRADE_FAULT=(\S+)", PAGE):
        assert parse(spec)
    assert f"有 {len(PLACES)} 个有名字的地方" in PAGE
