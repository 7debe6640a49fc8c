"""What is told of a strategy's file without running it."""

from pathlib import Path
from textwrap import dedent
from typing import List, Tuple

import pytest

import jqtrade.api
from jqtrade.check.source import Source, syntax_text


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.py"


def source(path: Path, text: str) -> Source:
    path.write_bytes(dedent(text).encode("utf-8"))
    return Source(str(path), jqtrade.api.__all__)


def undefined(parsed: Source) -> List[Tuple[str, int, bool]]:
    pytest.importorskip("pyflakes")
    found = parsed.undefined()
    assert found is not None
    return [(name.name, name.line, name.is_local) for name in found]


@pytest.mark.parametrize(
    "imports, call, told",
    [
        ("import datetime", "datetime.datetime.now()", ["datetime.datetime.now"]),
        ("import datetime as dt", "dt.date.today()", ["datetime.date.today"]),
        ("from datetime import datetime", "datetime.now(None)", ["datetime.datetime.now"]),
        ("from datetime import datetime as D, date", "D.utcnow()", ["datetime.datetime.utcnow"]),
        ("from datetime import *", "datetime.now()", ["datetime.datetime.now"]),
        ("import time", "time.time(), time.sleep(1)", ["time.time", "time.sleep"]),
        ("from time import sleep as rest", "rest(1)", ["time.sleep"]),
        ("from time import *", "sleep(time())", ["time.sleep", "time.time"]),
        ("import time", "time.strftime('%H')", ["time.strftime"]),
        ("import time", "time.strftime('%H', moment)", []),
        ("import time", "time.localtime(0), time.monotonic(), time.perf_counter()", []),
        ("import pandas as pd", "pd.Timestamp.now()", ["pandas.Timestamp.now"]),
        ("", "context.current_dt.date().today, now(), datetime.now()", []),
        ("from datetime import datetime", "datetime.strptime('1', '%d')", []),
    ],
)
def test_calls_of_the_real_clock_are_found_however_they_were_imported(
    path: Path, imports: str, call: str, told: List[str]
) -> None:
    found = source(path, f"{imports}\ndef job(context):\n    {call}\n").real_clock()
    assert [name for name, _ in found] == told
    assert {line for _, line in found} <= {3}


@pytest.mark.parametrize(
    "text, line, chinese",
    [
        ("def f(context):\n    run_daily(f，'open')\n", 2, "中文标点"),
        ("def f(context):\n    x = (1\n", None, "括号"),
        ("def f(context):\nx = 1\n", 2, "缩进"),
        ("def f(context):\n    x = 1\n  y = 2\n", 3, "缩进"),
        ("x = 'abc\n", 1, "引号"),
        ("x = 1\nreturn 5\n", 2, "函数"),
        ("x = = 1\n", 1, "语法错误"),
    ],
)
def test_a_syntax_error_has_its_line_and_chinese_words(path: Path, text: str, line: int, chinese: str) -> None:
    with pytest.raises(SyntaxError) as raised:
        source(path, text)
    assert line is None or raised.value.lineno == line
    assert chinese in syntax_text(raised.value)


def test_functions_that_run_daily_names_and_nobody_defines_are_found(path: Path) -> None:
    text = """
    from helper import imported
    made = lambda context: None
    def process_initialize(context, argument=None):
        def inner(context): pass
        run_daily(imported, "open")
        run_daily(made, "open")
        run_daily(inner, "open")
        run_daily(argument, "open")
        run_daily(print, "open")
        run_daily(context.method, "open")
        run_daily(
            missing, "open"
        )
        run_daily(func=gone, time="open")
    """
    assert undefined(source(path, text)) == [("missing", 13, False), ("gone", 15, False)]


def test_after_an_import_of_everything_no_function_is_called_missing(path: Path) -> None:
    assert undefined(source(path, "from helper import *\nrun_daily(missing, 'open')\n")) == []
    assert len(undefined(source(path, "from jqtrade.api import *\nrun_daily(missing, 'open')\n"))) == 1


def test_undefined_names_are_found_and_ours_are_known(path: Path) -> None:
    text = """
    from jqtrade.api import *
    def job(context):
        order("000001.XSHE", 100, LimitOrderStyle(1))
        log.info(g.count, UserOrder)
        later()
        print(x)
        x = 1
    x = 0
    def later(): pass
    """
    assert undefined(source(path, text)) == [("g", 5, False), ("x", 7, True)]


def test_calls_are_read_with_their_literals(path: Path) -> None:
    text = """
    def process_initialize(context):
        run_daily(f, TIME)
        run_daily(time="10:00", func=f)
        set_options(
            account_no=ACCOUNT,
            sync_period=[("09:30", "11:30")],
        )
    """
    parsed = source(path, text)
    assert [(call.function, call.time) for call in parsed.run_dailies()] == [("f", None), ("f", "10:00")]
    (setting,) = parsed.set_options()
    assert setting.options == {"sync_period": [("09:30", "11:30")]}
    assert setting.first_line == 5
    assert setting.last_line >= 7
