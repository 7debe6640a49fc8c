"""What README.md and docs/ say of the code is what the code says."""

import re
from pathlib import Path
from typing import List

import pytest

import jqtrade.api
from jqtrade.account.order import Order, OrderStatus
from jqtrade.account.portfolio import Portfolio, Position
from jqtrade.cli.main import make_parser
from jqtrade.gates.options import strategy_options
from jqtrade.options import ALIASES
from jqtrade.runtime.context import Context

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted(ROOT.glob("README*.md")) + sorted((ROOT / "docs").glob("*.md"))
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "jqtrade").rglob("*.py")))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def plain(text: str) -> str:
    """Text as a user reads it: without what stands between two parts of a literal, and values as `…`."""
    text = re.sub(r"\"\s*\n\s*f?\"", "", text)
    return re.sub(r"\{[^{}]*\}|%[sdr]", "…", text)


def rows(name: str) -> List[str]:
    """The first cells of the rows of a page's tables, without the headings."""
    return [line.split("|")[1].strip() for line in read(name).splitlines() if line.startswith("| `")]


@pytest.mark.parametrize("name", ["docs/messages.md", "docs/messages.en.md"])
def test_every_message_of_the_messages_page_stands_in_the_code(name: str) -> None:
    source = plain(SOURCE)
    messages = [row.split("`")[1] for row in rows(name)]
    assert len(messages) > 30
    for message in messages:
        for part in message.split("…"):
            assert part.strip() in source, message


@pytest.mark.parametrize("name", ["docs/options.md", "docs/options.en.md"])
def test_every_option_is_on_the_options_page_and_no_other(name: str) -> None:
    assert sorted(row.strip("`") for row in rows(name)) == sorted(strategy_options().as_dict())
    for alias in ALIASES:
        assert f"`{alias}`" in read(name)


@pytest.mark.parametrize("name", ["docs/commands.md", "docs/commands.en.md"])
def test_every_command_and_each_of_its_options_is_on_the_commands_page(name: str) -> None:
    text = read(name)
    verbs = next(action for action in make_parser()._actions if action.dest == "verb").choices
    assert verbs is not None
    assert sorted(re.findall(r"^## (\w+)", text, re.MULTILINE)) == sorted(verbs)
    for verb, parser in dict(verbs).items():  # type: ignore[call-overload]
        part = text.split(f"\n## {verb}", 1)[1].split("\n## ", 1)[0]
        for action in parser._actions:
            for option in action.option_strings:
                assert option in ("-h", "--help") or f"`{option}" in part, (verb, option)


@pytest.mark.parametrize("page", ["messages", "options", "commands", "api"])
def test_the_english_page_has_the_rows_of_the_chinese_one(page: str) -> None:
    chinese, english = rows(f"docs/{page}.md"), rows(f"docs/{page}.en.md")
    assert [row.replace("`、`", "`, `") for row in chinese] == english


@pytest.mark.parametrize("name", ["README.md", "README.en.md"])
def test_the_readme_is_short_enough_to_be_read(name: str) -> None:
    assert len(read(name).splitlines()) <= 200


def blocks(name: str, language: str) -> List[str]:
    return re.findall(rf"```{language}\n(.*?)```", read(name), re.DOTALL)


@pytest.mark.parametrize("name", ["README.md", "README.en.md"])
def test_the_first_commands_are_the_same_in_powershell_which_knows_no_double_ampersand(name: str) -> None:
    lines = blocks(name, "powershell")[0].splitlines()
    assert " && ".join(lines) == blocks(name, "bash")[0].strip()


def test_no_command_for_powershell_has_a_double_ampersand() -> None:
    found = [block for path in DOCUMENTS for block in blocks(str(path.relative_to(ROOT)), "powershell")]
    assert len(found) >= 4
    assert not [block for block in found if "&&" in block]


def test_commands_are_written_as_every_shell_takes_them() -> None:
    """cmd.exe hands single quotes on; PowerShell 5.1 knows no `&&`, whose only lines here have another beside or below them."""
    lines = [
        line
        for path in DOCUMENTS
        for block in blocks(str(path.relative_to(ROOT)), "bash")
        for line in block.splitlines()
    ]
    assert len(lines) > 20
    assert not [line for line in lines if "'" in line or "$(" in line or line.endswith("\\")]
    assert not re.findall(r"`(?:pip|python|jqtrade) [^`]*'[^`]*`", "".join(map(read_path, DOCUMENTS)))
    assert {line.split(" && ")[1].split()[0] for line in lines if "&&" in line} == {"jqtrade", "python"}


@pytest.mark.parametrize(
    "kind, heading", [(Order, "UserOrder"), (Position, "UserPosition"), (Portfolio, "Portfolio"), (Context, "context")]
)
@pytest.mark.parametrize("page", ["docs/api.md", "docs/api.en.md"])
def test_every_attribute_is_in_the_api_reference(page: str, kind: type, heading: str) -> None:
    names = set(getattr(kind, "__dataclass_fields__", {}))
    names |= {name for name, value in vars(kind).items() if isinstance(value, property)}
    rows = [line for line in section(read(page), heading).splitlines() if line.startswith("| `")]
    documented = {name for row in rows for cell in row.split("|")[1:3] for name in re.findall(r"`(\w+)`", cell)}
    assert documented == names


@pytest.mark.parametrize("page, guide", [("docs/api.md", "docs/guide.md"), ("docs/api.en.md", "docs/guide.en.md")])
def test_every_name_of_a_strategy_is_in_the_api_reference(page: str, guide: str) -> None:
    text = read(page)
    for name in jqtrade.api.__all__:
        assert re.search(rf"^##+ {name}\b|^\| `{name}`", text, re.MULTILINE), name
    for status in OrderStatus:
        assert f".{status}`" in text and f"| `{status}` |" in read(guide)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, target


def python_blocks() -> List[str]:
    return [block for path in DOCUMENTS for block in re.findall(r"```python\n(.*?)```", read_path(path), re.DOTALL)]


def read_path(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_every_python_example_compiles() -> None:
    import textwrap

    blocks = python_blocks()
    assert len(blocks) > 20
    for block in blocks:
        compile(textwrap.dedent(block), "example", "exec")


def test_every_test_of_the_coverage_table_exists() -> None:
    tests = re.findall(r"`([\w/]+\.py)::(test_\w+)`", read("docs/coverage.md"))
    assert len(tests) > 100
    for file, name in tests:
        assert f"def {name}(" in read(f"tests/{file}"), (file, name)
