"""In real processes: whatever user code does to logging, to the standard streams and to their files, our lines arrive."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Optional

import pytest

ROOT = Path(__file__).resolve().parent.parent

PRELUDE = """
import codecs, io, logging, logging.config, os, sys
import jqtrade.log
from jqtrade.api import log
from jqtrade.clock import SystemClock
from jqtrade.log import get_log, set_up_logging
from jqtrade.masking import Masker

path = {path!r}
own = set_up_logging(path, False, Masker(), SystemClock(), lambda: None)
ours, library = get_log("jqtrade.account"), logging.getLogger("requests")
"""


def run(path: Optional[Path], body: str) -> str:
    """Run `body` in a process that logs to `path`; return the log, or what came to the terminal."""
    source = PRELUDE.format(path=None if path is None else str(path)) + textwrap.dedent(body)
    done = subprocess.run(
        [sys.executable, "-c", source],
        cwd=str(ROOT),
        env=dict(os.environ, PYTHONIOENCODING="utf-8"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    text = (done.stdout if path is None else path.read_bytes()).decode("utf-8")
    assert done.returncode == 0, text
    return text


CHANGES = {
    "dictConfig": 'logging.config.dictConfig({"version": 1, "root": {"level": "ERROR"}})',
    "dictConfig with handlers": """logging.config.dictConfig({"version": 1, "root": {"handlers": ["h"], "level": "INFO"},
        "handlers": {"h": {"class": "logging.StreamHandler", "stream": open(os.devnull, "w")}}})""",
    "fileConfig": """open(path_of_config, "w").write("[loggers]\\nkeys=root\\n[handlers]\\nkeys=\\n[formatters]\\nkeys=\\n"
        "[logger_root]\\nlevel=ERROR\\nhandlers=\\n"); logging.config.fileConfig(path_of_config)""",
    "basicConfig": """for handler in logging.getLogger().handlers[:]: logging.getLogger().removeHandler(handler); handler.close()
logging.basicConfig(stream=open(os.devnull, "w"), level="ERROR")""",
    "handlers cleared": "logging.getLogger().handlers.clear()",
    "shutdown": "logging.shutdown()",
    "disable": "logging.disable(logging.CRITICAL)",
    "disabled loggers": """for name in ("jqtrade", "jqtrade.account", "strategy"): logging.getLogger(name).disabled = True""",
    "levels": """for name in ("", "jqtrade", "jqtrade.account"): logging.getLogger(name).setLevel(logging.CRITICAL)""",
    "handlers' levels and formats": """for handler in logging.getLogger().handlers:
    handler.setLevel(logging.CRITICAL); handler.setFormatter(logging.Formatter("gone %(name)s"))""",
    "propagate": """for name in ("jqtrade", "jqtrade.account", "strategy"): logging.getLogger(name).propagate = False""",
    "a filter": """logging.getLogger("jqtrade").addFilter(lambda record: False)
logging.getLogger("jqtrade.account").addFilter(lambda record: False)""",
    "stdout wrapped twice": """for _ in range(2):
    sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
    sys.stderr = io.TextIOWrapper(sys.stderr.buffer, encoding="utf-8")
sys.stderr = codecs.getwriter("utf-8")(sys.stderr.buffer)
sys.stdout = sys.stderr = io.StringIO()""",
    "stdout detached": """sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding="utf-8")
sys.stdout = sys.stderr = open(os.devnull, "w")""",
    "stdout closed": "sys.stdout.close(); sys.stderr.close(); sys.stdout.buffer.close()",
    "stdout None": "sys.stdout = sys.stderr = None",
}


@pytest.mark.parametrize("where", ["file", "terminal"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_whatever_is_done_to_logging_and_streams_the_very_next_lines_arrive_once(
    tmp_path: Path, where: str, change: str
) -> None:
    text = run(
        tmp_path / "demo.log" if where == "file" else None,
        f"path_of_config = {str(tmp_path / 'config')!r}\n{change}\n"
        + """
ours.info("订单 %s 没有发出", "A1")
log.info("从策略里")
try:
    1 / 0
except ZeroDivisionError:
    ours.exception("job 运行出错")
own.take_back()
log.info("恢复以后")
""",
    )
    for line in ("订单 A1 没有发出", "从策略里", "job 运行出错", "恢复以后"):
        assert len(re.findall(rf"(?m)^[-\d]+ [:.\d]+ [A-Z]+ \d+ [a-z.]+ {line}$", text)) == 1, text
    assert text.count("ZeroDivisionError: division by zero") == 1
    assert "Logging error" not in text


@pytest.mark.parametrize(
    "change, said",
    [
        (CHANGES["dictConfig"], "日志设置"),
        (CHANGES["handlers cleared"], "日志设置"),
        (CHANGES["disabled loggers"], "日志设置"),
        (CHANGES["stdout None"], "sys.stdout"),
        ("sys.stderr = open(os.devnull); sys.stderr.close()", "sys.stderr"),
        (
            "log.setLevel('ERROR'); logging.getLogger('requests').setLevel('ERROR'); logging.getLogger().addHandler(logging.NullHandler())",
            "",
        ),
        ("sys.stdout = io.StringIO()", ""),
    ],
)
def test_what_is_put_back_is_told_and_what_is_the_users_to_decide_is_left(
    tmp_path: Path, change: str, said: str
) -> None:
    text = run(
        tmp_path / "demo.log",
        f"""
{change}
told = own.take_back()
print("TOLD", len(told), told, file=sys.__stderr__, flush=True)
assert bool(told) == bool({said!r}) and {said!r} in "".join(told), told
assert own.take_back() == []
print("again printed", file=sys.stderr)
logging.getLogger().setLevel("INFO")
logging.getLogger("later").error("a library's line")
""",
    )
    assert text.count("a library's line") == 1 and "again printed" in text


@pytest.mark.posix
def test_when_the_strategy_closes_all_files_the_next_line_opens_the_log_again_and_no_other_file_gets_it(
    tmp_path: Path,
) -> None:
    others = tmp_path / "orders.csv"
    text = run(
        tmp_path / "demo.log",
        f"""
log.info("before")
os.closerange(0, 64)
files = [open({str(others)!r}, "w") for _ in range(12)]
log.info("after")
own.take_back()
print("printed after")
""",
    )
    assert others.read_text() == ""
    assert all(line in text for line in ("before", "after\n", "printed after"))


@pytest.mark.posix
def test_a_forked_child_writes_into_the_log_and_rotates_nothing(tmp_path: Path) -> None:
    run(
        tmp_path / "demo.log",
        """
jqtrade.log.MAX_BYTES = 2000
if os.fork() == 0:
    for number in range(60): log.info("child %d", number)
    os._exit(0)
os.wait()
for number in range(5): log.info("parent %d", number)
""",
    )
    texts = [path.read_text("utf-8") for path in sorted(tmp_path.glob("demo.log*"), reverse=True)]
    assert len(texts) == 2
    assert len(re.findall(r"child \d+", texts[0])) == 60 and "parent 4" in texts[1]


@pytest.mark.parametrize(
    "call, said",
    [
        ('log.info("a", 1)', "a 1"),
        ('log.info("a", 1, [2], None)', "a 1 [2] None"),
        ('log.info("持仓", {"600000.XSHG": 100})', "持仓 {'600000.XSHG': 100}"),
        ('log.info(3, "只")', "3 只"),
        ('log.info("涨了 5%", 7)', "涨了 5% 7"),
        ('log.info("%d 只", "many")', "%d 只 many"),
        ('log.info("%s 和 %s", 1)', "%s 和 %s 1"),
        ('log.info("%s 只 %d", "A", 3)', "A 只 3"),
        ('log.info("%(a)s", {"a": 5})', "5"),
        ('log.warning("x", Rude())', "x <Rude：RuntimeError>"),
        ('library.error("a", 1)', "a 1"),
        ('logging.error("a", 1)', "a 1"),
    ],
)
def test_log_info_may_be_called_like_print(tmp_path: Path, call: str, said: str) -> None:
    text = run(
        tmp_path / "demo.log",
        f"""
class Rude:
    def __str__(self): raise RuntimeError("rude")
{call}
""",
    )
    assert text.count("\n") == 1 and text.endswith(f" {said}\n"), text
