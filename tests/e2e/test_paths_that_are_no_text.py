"""Paths that are not UTF-8, in any locale, may be used everywhere; at worst a sentence says that one may not be."""

import os
import shlex
import sys
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.e2e.cli import jqtrade, tasks, write_strategy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="file systems that take any bytes for a name")

NAME = b"d\xd0\xd0\xff".decode("utf-8", "surrogateescape")
QUIET = """
    def process_initialize(context):
        run_daily(lambda context: None, "03:00")
"""
ONE_QUANT = """
    def process_initialize(context):
        set_options(account_no="7654321", counter_type="UM0", order_dir={order_dir!r})
        run_daily(lambda context: None, "03:00")
"""


@pytest.fixture(params=["C", "C.UTF-8"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder: in it a folder whose name is no text, with a strategy, a config file and bars."""
    monkeypatch.setenv("LC_ALL", request.param)
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    monkeypatch.chdir(tmp_path)
    os.mkdir(NAME)
    write_strategy(tmp_path / "s.py", QUIET)
    write_strategy(tmp_path / NAME / "s.py", QUIET)
    write_strategy(tmp_path / "one_quant.py", ONE_QUANT.format(order_dir=str(tmp_path / NAME)))
    (tmp_path / NAME / "c.py").write_text("SCHEDULER_MISFIRE_GRACE_TIME = 5\n")
    (tmp_path / NAME / "b.csv").write_text(
        "date,code,open,high,low,close,volume\n2026-01-05,000001.XSHE,10,11,9,10,100\n"
    )
    yield tmp_path
    jqtrade("stop_task", "--all", "-s", "SIGKILL")


def said(words: List[str], code: int) -> str:
    """What the command says, which ends with this exit code and shows nothing of Python."""
    result = jqtrade(*words)
    assert result.code == code, result
    for mark in ("Traceback", "codec can", "UnicodeEncodeError"):
        assert mark not in result.out + result.err, result
    return result.out + result.err


@pytest.mark.parametrize(
    "command",
    [
        "start_task -n t --detach -c D/s.py",
        "start_task -n t -c s.py -o D/t.log",
        "start_task -n t --detach -c s.py --config D/c.py",
        "start_task -n t --detach -c s.py -e X=D",
        "start_task -n t --detach -c s.py -e PYTHONPATH=D",
        "start_task -n t --detach -c one_quant.py",
    ],
)
def test_a_task_may_have_them_anywhere(folder: Path, command: str) -> None:
    assert "已启动" in said([word.replace("D", NAME) for word in shlex.split(command)], 0)
    assert "t  pid" in said(["get_tasks"], 0)
    assert [task["name"] for task in tasks()] == ["t"]
    said(["halt_task", "-n", "t"], 0)
    said(["resume_task", "-n", "t"], 0)
    assert "已停止" in said(["stop_task", "-n", "t"], 0)


@pytest.mark.parametrize(
    "command, code, words",
    [
        ("check -c D/s.py", 0, "通过"),
        ("check -c one_quant.py --paper", 0, "通过"),
        ("check -c D/nowhere.py", 1, "策略文件不存在"),
        ("check -c D", 1, "是目录，不是文件"),
        ("replay -c D/s.py --start 20260105 --end 20260105 --bars D/b.csv --out D/out", 0, "结果在"),
        ("replay -c one_quant.py --start 20260105 --end 20260105", 0, "结果在"),
        ("replay -c s.py --start D --end 20260105", 2, "--start"),
        ("paper_broker --order-dir D/nowhere --account-no 7654321", 1, "不存在"),
        ("paper_broker --order-dir D --account-no D", 1, "account_no"),
        ("start_task -n D -c s.py", 1, "任务名称"),
        ("stop_task -n D", 1, "任务名称"),
        ("halt_task -n D", 1, "任务名称"),
        ("D", 2, "没有名为"),
        ("get_tasks --D", 2, "不认识的参数"),
    ],
)
def test_every_command_answers_in_sentences(folder: Path, command: str, code: int, words: str) -> None:
    assert words in said([word.replace("D", NAME) for word in shlex.split(command)], code)


def test_the_home_may_be_one_or_a_sentence_says_why_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JQTRADE_HOME", str(folder / NAME / "home"))
    assert "已启动" in said(["start_task", "-n", "t", "-c", "s.py", "--detach"], 0)
    assert "t  pid" in said(["get_tasks"], 0)
    said(["stop_task", "-n", "t"], 0)
    if sys.version_info[:2] == (3, 6):  # its sqlite3 opens no such file
        assert "UTF-8" in said(["start_task", "-n", "t", "-c", "one_quant.py", "--detach"], 1)
    else:
        assert "已启动" in said(["start_task", "-n", "t", "-c", "one_quant.py", "--detach"], 0)
