"""What comes from outside is data: nothing of it is run or unpickled, and nothing goes over a network."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, List, Set, Tuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jqtrade"

RUNS_CODE = {"eval", "exec", "compile", "__import__", "system", "popen", "run_path", "run_module"}
USERS_OWN_CODE = {
    ("runtime/loader.py", "exec"),
    ("runtime/loader.py", "compile"),
    ("check/source.py", "compile"),
    ("runtime/config.py", "run_path"),
}
"""the strategy and its --config file, which are Python and the user's own"""
UNPICKLES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "yaml", "code"}
TALKS = set(
    "socket _socket ssl http urllib ftplib smtplib poplib imaplib nntplib telnetlib xmlrpc socketserver asyncio wsgiref"
    " webbrowser requests aiohttp httpx multiprocessing.connection multiprocessing.managers logging.handlers.SocketHandler".split()
)


def trees() -> Iterator[Tuple[str, ast.AST]]:
    """Every file of the package, parsed, under its path within the package."""
    paths = sorted(PACKAGE.rglob("*.py"))
    assert len(paths) > 40
    for path in paths:
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> Set[str]:
    """Every module that is imported, and every name that is imported from one, with the packages above them."""
    names: List[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {".".join(name.split(".")[:length]) for name in names for length in range(1, name.count(".") + 2)}


def calls(tree: ast.AST) -> Iterator[Tuple[str, bool]]:
    """Every function that is called by its name, and whether in a shell."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            shell = any(keyword.arg == "shell" for keyword in node.keywords)
            if isinstance(node.func, ast.Name):
                yield node.func.id, shell
            elif isinstance(node.func, ast.Attribute):
                of = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                yield ("re.compile" if (of, node.func.attr) == ("re", "compile") else node.func.attr), shell


def test_nothing_but_the_users_own_code_is_run() -> None:
    found = {(file, name) for file, tree in trees() for name, _ in calls(tree) if name in RUNS_CODE}
    assert found == USERS_OWN_CODE


def test_nothing_is_run_in_a_shell() -> None:
    assert [(file, name) for file, tree in trees() for name, shell in calls(tree) if shell] == []


@pytest.mark.parametrize("modules", [UNPICKLES, TALKS], ids=["unpickles", "talks over a network"])
def test_no_module_is_imported_that(modules: Set[str]) -> None:
    assert {(file, name) for file, tree in trees() for name in imports(tree) & modules} == set()


STRATEGY = """
from datetime import timedelta

def process_initialize(context):
    set_options(account_no="7654321", counter_type="UM0", order_dir={order_dir!r}, sync_internal=0.2, max_snapshot_age=None)
    run_daily(trade, (context.current_dt + timedelta(seconds=1)).strftime("%H:%M:%S"))
    run_daily(leave, (context.current_dt + timedelta(seconds=2)).strftime("%H:%M:%S"))

def trade(context):
    order("000001.XSHE", 100, LimitOrderStyle(10))
    cancel_order(get_orders()[0].order_id)
    sync_balance()

def leave(context):
    print("leaving")
    import os, signal
    os.kill(os.getpid(), signal.SIGTERM)
"""


def can_trace() -> bool:
    strace = shutil.which("strace")
    return strace is not None and subprocess.call([strace, "-o", os.devnull, "true"], stderr=subprocess.DEVNULL) == 0


@pytest.mark.posix
@pytest.mark.skipif(sys.platform != "linux" or not can_trace(), reason="needs strace")
@pytest.mark.parametrize("options", [[], ["-o", "run.log"]], ids=["foreground", "detached"])
def test_a_task_that_trades_and_whoever_starts_it_open_no_socket_of_any_kind(
    tmp_path: Path, unmeasured: None, options: List[str]
) -> None:
    orders = tmp_path / "orders"
    orders.mkdir()
    (tmp_path / "s.py").write_text(STRATEGY.format(order_dir=str(orders)), encoding="utf-8")
    command = [sys.executable, "-m", "jqtrade", "start_task", "-c", str(tmp_path / "s.py"), "-n", "traced"] + options
    environment = dict(os.environ, PYTHONPATH=str(ROOT), PYTHONIOENCODING="utf-8")
    traced = subprocess.run(  # strace ends when the last process does, the detached one too
        ["strace", "-f", "-qq", "-e", "trace=network", "-e", "signal=none", "-o", "trace"] + command,
        cwd=str(tmp_path),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    assert traced.returncode == 0, traced.stdout.decode("utf-8")
    said = (tmp_path / "run.log").read_bytes() if options else traced.stdout
    assert b"leaving" in said
    assert len(list(orders.glob("algoOrder*.csv"))) == 2
    trace = (tmp_path / "trace").read_text()
    assert re.findall(r".*\w\(.*", trace) == []
