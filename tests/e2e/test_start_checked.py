"""start_task looks at the file before it runs it: what is wrong with it is told at once, and not at 14:50."""

from pathlib import Path
from typing import Any, List

import pytest

from tests.e2e.cli import Result, jqtrade, read, tasks, write_strategy

WRONG = """
    def process_initialize(context):
        open(__file__ + ".ran", "a").write("x")
        run_daily(trade, "14:50")

    def trade(context):
        order("000001.XSHE", 100, LimitOrderStyle(prise))
"""

RIGHT = """
    def process_initialize(context):
        open(__file__ + ".ran", "a").write("x")
        set_options(account_no="7654321", order_dir={folder!r}, timezone="Asia/Shanghai")
        run_daily(trade, "14:50")

    def trade(context):
        order("000001.XSHE", 100)
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    return tmp_path / "s.py"


def ran(code: Path) -> str:
    """A letter for each time that process_initialize ran."""
    return read(code.parent / "s.py.ran")


def start(code: Path, source: str, *arguments: str) -> Result:
    return jqtrade("start_task", "-n", "demo", "-c", write_strategy(code, source), *arguments)


@pytest.fixture(params=[["--detach"], []], ids=["detached", "foreground"])
def how(request: Any) -> List[str]:
    arguments: List[str] = request.param
    return arguments


def test_a_file_that_is_wrong_is_not_started_and_every_error_is_told(code: Path, how: List[str]) -> None:
    result = start(code, WRONG, *how)
    assert result.code == 1 and tasks() == []
    told = result.out + result.err
    assert "第 7 行：用到了 prise，但没有定义过" in told
    assert "第 7 行：用到了 order，但账户没有启用" in told
    assert "--no-check" in told and "Traceback" not in told
    assert told.count("prise") == 1
    assert ran(code) == ""


def test_with_no_check_it_starts_all_the_same(code: Path) -> None:
    result = start(code, WRONG, "--detach", "--no-check")
    assert result.code == 0, result
    assert jqtrade("stop_task", "-n", "demo").code == 0
    assert ran(code) == "x"


def test_that_the_terminal_does_not_run_is_a_warning_and_process_initialize_runs_once(code: Path) -> None:
    folder = code.parent / "DMA"
    folder.mkdir()
    result = start(code, RIGHT.format(folder=str(folder)), "--detach", "-o", str(code.parent / "log"))
    assert result.code == 0, result
    assert jqtrade("stop_task", "-n", "demo").code == 0
    assert "资金" in read(code.parent / "log"), "said as what it is, in the log"
    assert ran(code) == "x"


def test_a_helper_that_sets_no_account_is_told_when_process_initialize_has_run(code: Path) -> None:
    (code.parent / "helper.py").write_text(
        "from jqtrade.api import *\ndef set_up(): set_options(misfire_grace_time=5)\n"
    )
    source = WRONG.replace("prise", "1").replace(
        "        run_daily", "        import helper; helper.set_up()\n        run_daily"
    )
    result = start(code, source, "--detach")
    assert result.code == 1 and "用到了 order，但账户没有启用" in result.err
    assert "只运行了 process_initialize" in result.err and ran(code) == "x"
    assert tasks() == []


def test_with_paper_there_is_an_account(code: Path) -> None:
    assert start(code, WRONG.replace("prise", "10"), "--detach", "--paper").code == 0
    assert jqtrade("stop_task", "-n", "demo").code == 0


@pytest.mark.parametrize("verb", [["check"], ["replay", "--start", "2026-01-05", "--end", "2026-01-05"]])
def test_a_bad_variable_is_told_without_a_word_of_tasks_by_commands_that_start_none(
    code: Path, verb: List[str]
) -> None:
    result = jqtrade(*verb, "-c", write_strategy(code, WRONG), "-e", "BAD")
    assert result.code == 1 and "环境变量 'BAD' 无法识别，没有做任何操作" in result.err
    assert "任务" not in result.err


def test_what_is_no_exception_of_the_usual_kind_ends_a_start_like_any_other(code: Path, how: List[str]) -> None:
    source = """
        class Panic(BaseException):
            pass

        def process_initialize(context):
            raise Panic("as pyo3 does")
    """
    result = start(code, source, *how)
    told = result.out + result.err
    assert result.code == 1 and "启动失败" in told and "s.py 第 6 行" in told and "Traceback" not in told, told
    played = jqtrade("replay", "-c", str(code), "--start", "2026-01-05", "--end", "2026-01-05")
    assert played.code == 1 and "启动失败" in played.err and "Traceback" not in played.err, played
