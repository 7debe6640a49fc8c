"""What is installed, and what an import costs."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Set

import pytest

import jqtrade

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "jqtrade").rglob("*.py"))
HEAVY = {"psutil", "filelock", "dateutil", "sqlite3"}


def run_python(*args: str) -> "subprocess.CompletedProcess[str]":
    """Run this interpreter in the project's folder."""
    return subprocess.run(
        [sys.executable] + list(args),
        cwd=str(ROOT),
        env=dict(os.environ, PYTHONIOENCODING="utf-8"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=60,
    )


def modules_after(code: str) -> Set[str]:
    """The names in sys.modules of a new interpreter that has run `code`."""
    done = run_python("-c", code + "\nimport sys\nprint('modules:', *sorted(sys.modules))")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.usefixtures("unmeasured")
def test_importing_jqtrade_imports_nothing_else_of_the_package() -> None:
    assert {name for name in modules_after("import jqtrade") if name.startswith("jqtrade")} == {"jqtrade"}


@pytest.mark.usefixtures("unmeasured")
def test_importing_jqtrade_imports_no_module_that_the_interpreter_had_not_imported_anyway() -> None:
    assert modules_after("import jqtrade") - modules_after("") == {"jqtrade"}


HELP = """
import runpy, sys
sys.argv = ["jqtrade", "--help"]
try:
    runpy.run_module("jqtrade", run_name="__main__", alter_sys=True)
except SystemExit as stop:
    assert not stop.code, stop.code
"""


@pytest.mark.usefixtures("unmeasured")
def test_help_imports_nothing_that_only_the_work_needs() -> None:
    assert not HEAVY & modules_after(HELP)


def test_help_runs_as_a_module() -> None:
    done = run_python("-m", "jqtrade", "--help")
    assert done.returncode == 0, done.stderr
    assert "start_task" in done.stdout


def test_setup_py_has_the_version_of_the_package() -> None:
    pytest.importorskip("setuptools")
    done = run_python("setup.py", "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == jqtrade.__version__


def test_the_changelog_names_the_version() -> None:
    headings = [line for line in read(ROOT / "CHANGELOG.md").splitlines() if line.startswith("## ")]
    assert any(re.search(rf"\b{re.escape(jqtrade.__version__)}\b", heading) for heading in headings)


def test_every_folder_of_the_package_has_an_init_file() -> None:
    assert [source for source in SOURCES if not (source.parent / "__init__.py").exists()] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_source_is_python_3_6(path: Path) -> None:
    text = read(path)
    assert "from __future__ import annotations" not in text
    if sys.version_info >= (3, 8):
        ast.parse(text, str(path), feature_version=(3, 6))
    else:
        ast.parse(text, str(path))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")
