"""Loading a strategy's file: its names, its encoding, the modules beside it, its mistakes."""

import os
import shutil
import subprocess
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any

import pytest
from strategy_files import Starter, at

import jqtrade.api
from jqtrade.errors import InvalidCall, StrategyError
from jqtrade.runtime.loader import load_strategy, python_path
from jqtrade.testing import FakeBroker

INITIALIZE = "\ndef process_initialize(context):\n    run_daily(job, '10:00')\n"


def start_bytes(start: Starter, content: bytes) -> Any:
    path = start.folder / "demo.py"
    path.write_bytes(content)
    return start.path(path)


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("name", jqtrade.api.__all__)
def test_every_name_of_the_api_is_there_before_the_first_line_runs(start: Starter, name: str) -> None:
    started = start_bytes(
        start, f"seen = [{name}]\ndef process_initialize(context): run_daily(print, 'open')\n".encode()
    )
    assert callable(started.seen[0]) or name == "log"


def test_what_the_strategy_defines_itself_wins(start: Starter) -> None:
    started = start(
        """
        def order(code): return "mine " + code
        log = None
        from decimal import Decimal as LimitOrderStyle

        def process_initialize(context):
            seen.extend([order("x"), log, LimitOrderStyle.__name__])
            run_daily(print, "open")
        """
    )
    assert started.seen == ["mine x", None, "Decimal"]


def test_the_strategys_module_has_its_file_and_what_it_defines_can_be_pickled(start: Starter) -> None:
    started = start(
        """
        class Memory:
            value = 7

        def process_initialize(context):
            import os
            seen.append(os.path.basename(__file__))
            seen.append(__name__ == "__main__")
            run_daily(remember, "open")

        def remember(context):
            import pickle
            seen.append(pickle.loads(pickle.dumps(Memory())).value)
        """
    ).run(at(10))
    assert started.seen == ["demo.py", False, 7]


# ---------------------------------------------------------------- encoding


@pytest.mark.parametrize(
    "content",
    [
        b"# -*- coding: utf-8 -*-\n{}",
        b"\xef\xbb\xbf{}",
        b"\xef\xbb\xbf# -*- coding: utf-8 -*-\r\n{}",
        "# -*- coding: gbk -*-\n# 策略\n{}".encode("gbk"),
        "#!/usr/bin/env python\n# vim: set fileencoding=gbk :\n# 策略\n{}".encode("gbk"),
    ],
    ids=["utf-8", "BOM", "BOM and coding line, CRLF", "gbk", "gbk on the second line"],
)
def test_the_files_encoding_is_utf_8_or_what_its_coding_line_says(start: Starter, content: bytes) -> None:
    encoding = "gbk" if b"gbk" in content else "utf-8"
    code = "seen = ['平安银行']\ndef process_initialize(context): run_daily(print, 'open')\n".encode(encoding)
    assert start_bytes(start, content.replace(b"{}", code)).seen == ["平安银行"]


@pytest.mark.parametrize(
    "content",
    [
        "# 策略\nx = 1\n".encode("gbk"),
        ("x = 1\n" * 5 + "# 策略\n").encode("gbk"),
        "x = 1\n".encode("utf-16"),
        b"# -*- coding: gbkk -*-\n",
    ],
    ids=["gbk in the first line", "gbk further down", "utf-16", "unknown encoding"],
)
def test_another_encoding_is_an_error_that_says_what_to_write(start: Starter, content: bytes) -> None:
    with pytest.raises(StrategyError, match="coding: gbk") as refused:
        start_bytes(start, content)
    assert "demo.py" in str(refused.value)


# ---------------------------------------------------------------- modules beside it


def test_modules_and_packages_beside_the_strategy_can_be_imported(start: Starter) -> None:
    start.write("beside_module.py", "VALUE = 1\n")
    (start.folder / "beside_package").mkdir()
    start.write("beside_package/__init__.py", "from .inner import VALUE\n")
    start.write("beside_package/inner.py", "VALUE = 2\n")
    started = start(
        """
        import beside_module

        def job(context):
            import beside_package
            seen.append((beside_module.VALUE, beside_package.VALUE))
        """
        + INITIALIZE.replace("\n", "\n        ")
    )
    assert started.run(at(12)).seen == [(1, 2)]


def test_the_strategys_folder_comes_first_on_the_path_once(start: Starter) -> None:
    for _ in range(2):
        started = start(
            """
            import sys

            def process_initialize(context):
                seen.append(list(sys.path))
                run_daily(print, "open")
            """
        )
        (path,) = started.seen
        assert path[0] == str(start.folder)
        assert path.count(str(start.folder)) == 1
        assert str(start.folder) not in sys.path


def test_a_helper_that_cannot_be_imported_since_its_name_is_taken_is_named(start: Starter, caplog: Any) -> None:
    for name in ("json.py", "own_helper_of_this_test.py", "readme.txt"):
        start.write(name, "")
    start("import own_helper_of_this_test\ndef process_initialize(context): run_daily(print, 'open')")
    assert [record.getMessage() for record in caplog.records if "同名" in record.getMessage()] == [
        "策略旁边的 json.py 与已经导入的模块同名，策略导入时得到的不是它，请改名"
    ]


C_SOURCE = """
#include <Python.h>
static PyObject *job(PyObject *self, PyObject *context) {
    PyObject *seen = PyObject_GetAttrString(PyImport_ImportModule("demo"), "seen");
    PyObject *due = PyObject_GetAttrString(context, "strategy_dt");
    PyList_Append(seen, due);
    Py_RETURN_NONE;
}
static PyMethodDef methods[] = {{"job", job, METH_O, "Note when."}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "compiled_beside", NULL, -1, methods};
PyMODINIT_FUNC PyInit_compiled_beside(void) { return PyModule_Create(&module); }
"""


def test_a_compiled_module_beside_the_strategy_can_be_imported_and_its_function_scheduled(
    start: Starter, tmp_path: Path
) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    include = sysconfig.get_paths()["include"]
    if sys.platform == "win32" or compiler is None or not os.path.exists(os.path.join(include, "Python.h")):
        pytest.skip("no C compiler, or no Python.h")
    source = tmp_path / "compiled_beside.c"
    source.write_text(C_SOURCE, encoding="ascii")
    target = start.folder / ("compiled_beside" + sysconfig.get_config_var("EXT_SUFFIX"))
    flags = ["-bundle", "-undefined", "dynamic_lookup"] if sys.platform == "darwin" else ["-shared", "-fPIC"]
    subprocess.check_call([compiler, str(source), "-I", include, "-o", str(target)] + flags)
    started = start(
        """
        import compiled_beside

        def process_initialize(context):
            run_daily(compiled_beside.job, "10:00")
        """
    )
    assert started.run(at(12)).seen == [at(10)]


def test_names_from_jqtrade_api_work_in_a_helper_module_while_the_strategy_runs_and_raise_outside(
    start: Starter,
) -> None:
    start.write(
        "api_helper.py",
        """
        from jqtrade.api import *

        def prepare():
            set_options(market_period=[("10:00", "10:00:30")])
            run_daily(buy, "open")

        def buy(context):
            log.info("buying")
            order("000001.XSHE", 100, style=LimitOrderStyle(10))
            import demo
            demo.seen.append([(held.code, held.status == OrderStatus.new) for held in get_orders()])
        """,
    )
    broker = FakeBroker()
    started = start(
        """
        import api_helper

        def process_initialize(context):
            api_helper.prepare()
        """,
        broker,
    ).run(at(12))
    assert started.seen == [[("000001.XSHE", True)]]
    assert [sent.code for sent in broker.orders] == ["000001.XSHE"]
    with pytest.raises(InvalidCall):
        started.module.api_helper.get_orders()


# ---------------------------------------------------------------- mistakes


def test_a_missing_file_is_an_error_naming_it(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="nowhere.py"):
        load_strategy(str(tmp_path / "nowhere.py"), {})


def test_a_folder_is_an_error_naming_it(tmp_path: Path) -> None:
    with pytest.raises(StrategyError):
        load_strategy(str(tmp_path), {})


def test_a_syntax_error_names_the_file_and_the_line(start: Starter) -> None:
    with pytest.raises(SyntaxError) as raised:
        start("x = (\n\ndef process_initialize(context) pass\n")
    assert str(raised.value.filename).endswith("demo.py")
    assert raised.value.lineno


@pytest.mark.parametrize("where", ["{}", "def process_initialize(context):\n    {}"])
def test_an_exception_while_loading_or_in_process_initialize_reaches_who_started_it_with_its_line(
    start: Starter, where: str
) -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        start(where.format("amount = 1 / 0  # 除以零"))
    last = traceback.extract_tb(raised.value.__traceback__)[-1]
    assert (os.path.basename(last.filename), last.line) == ("demo.py", "amount = 1 / 0  # 除以零")


@pytest.mark.parametrize(
    "code, said",
    [
        ("", "process_initialize"),
        ("def initialize(context): pass", "process_initialize"),
        ("process_initialize = None", "process_initialize"),
        ("process_initialize = 5", "process_initialize"),
        ("def process_initialize(): pass", "1 个位置参数"),
        ("def process_initialize(context, more): pass", "1 个位置参数"),
        ("def process_initialize(*, context): pass", "1 个位置参数"),
        ("def process_initialize(context): pass\ndef on_order_update(order): pass", "on_order_update"),
        ("def process_initialize(context): pass\ndef process_exit(): pass", "process_exit"),
        ("def process_initialize(context): pass\nprocess_exit = 1", "process_exit"),
    ],
)
def test_a_missing_or_wrong_function_of_the_strategy_fails_the_start(start: Starter, code: str, said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        start(code)


def test_entries_of_pythonpath_are_made_absolute_and_empty_ones_left_out() -> None:
    home = os.path.expanduser("~")
    assert python_path(["lib", "", "  ", "~"]) == [os.path.join(os.getcwd(), "lib"), home]
