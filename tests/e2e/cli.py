"""Run jqtrade's command line as a user does: real processes, real files."""

import json
import os
import subprocess
import sys
import textwrap
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

WINDOWS = os.name == "nt"
PATIENCE = 120 if WINDOWS else 30
"""Seconds after which a test gives up; a start takes seconds under Wine."""


class Result(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def command(*arguments: str) -> List[str]:
    """The command line of a verb."""
    return [sys.executable, "-m", "jqtrade"] + list(arguments)


def environment(**variables: str) -> Dict[str, str]:
    """This process's environment, with text in UTF-8 wherever the test runs."""
    return dict(os.environ, PYTHONIOENCODING="utf-8", **variables)


def jqtrade(*arguments: str, cwd: Optional[str] = None) -> Result:
    """Run a verb to its end."""
    process = subprocess.run(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=cwd,
        timeout=PATIENCE,
    )
    return Result(process.returncode, process.stdout.decode("utf-8"), process.stderr.decode("utf-8"))


def tasks() -> List[Dict[str, Any]]:
    """What get_tasks --json prints."""
    listed: List[Dict[str, Any]] = json.loads(jqtrade("get_tasks", "--json").out)
    return listed


def write_strategy(path: Any, source: str) -> str:
    """Write a strategy file; returns its path as text."""
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    return str(path)


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Poll until `condition` is true and return it; fails after a while."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


def read(path: Any) -> str:
    """A log's text so far; "" while there is none."""
    try:
        return path.read_bytes().decode("utf-8")  # type: ignore[no-any-return]
    except FileNotFoundError:
        return ""
