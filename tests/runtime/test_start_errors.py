"""Why a start failed is told in Chinese: the cause, the place in the user's file, what to do."""

import runpy
import textwrap
from pathlib import Path
from typing import Tuple

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.masking import Masker
from jqtrade.runtime.config import read_config
from jqtrade.runtime.loader import load_strategy
from jqtrade.runtime.start_errors import explain, why_not_started


def failure(tmp_path: Path, source: str) -> Tuple[BaseException, str]:
    """What loading this strategy raises, and the strategy's path."""
    path = tmp_path / "mine.py"
    path.write_text(textwrap.dedent(source), encoding="utf-8")
    with pytest.raises(BaseException) as caught:
        load_strategy(str(path), {"run_daily": print})
    return caught.value, str(path)


@pytest.mark.parametrize(
    "source, words",
    [
        ("import no_such_module", ["没有模块 no_such_module", "第 1 行 import no_such_module", "-m pip install"]),
        ("import os.nowhere", ["没有模块 os.nowhere", "第 1 行"]),
        ("from os import nothing_such", ["导入失败", "nothing_such", "第 1 行"]),
        ("def f(x)\n    pass", ["语法错误", "mine.py 第 1 行"]),
        ("def f(x):\npass", ["语法错误：缩进不对", "mine.py 第 2 行"]),
        ("x = 'a", ["语法错误：引号没有配对", "第 1 行"]),
        ("def idle(): pass\nrun_daily(idel)", ["用到了 idel，但没有定义过", "第 2 行", "最接近的是 idle"]),
        ("run_dialy(print)", ["最接近的是 run_daily"]),
        ("pritn(1)", ["最接近的是 print"]),
        ("def f():\n    x += 1\nf()", ["局部变量在赋值之前就用到了", "第 2 行"]),
        ("open('nowhere/x.csv')", ["没有文件或目录 nowhere/x.csv", "第 1 行", "相对路径从运行命令的目录"]),
        ("open('/nowhere/x.csv')", ["没有文件或目录 /nowhere/x.csv"]),
        ("raise PermissionError(13, 'Permission denied', 'x.csv')", ["没有权限使用 x.csv，或它正被别的程序打开"]),
        ("import os\nos.mkdir(os.getcwd())", ["已经存在", "第 2 行"]),
        ("import os\nos.environ['NOT_GIVEN']", ["没有设置环境变量 NOT_GIVEN", "第 2 行", '-e "NOT_GIVEN=值"', "分号"]),
        ("{}['x']", ["没有这个键（KeyError: 'x'）", "第 1 行"]),
        ("[][1]", ["序号超出范围"]),
        ("1 / 0", ["除数是 0", "第 1 行 1 / 0"]),
        ("int('a')", ["值不对（ValueError: invalid literal"]),
        ("1 + 'a'", ["参数或类型不对"]),
        ("None.order()", ["没有这个属性"]),
        ("b'\\xff'.decode('utf-8')", ["文件的编码不对", "encoding='gbk'"]),
        ("assert 1 == 2", ["assert 不成立（AssertionError）"]),
        ("raise ConnectionRefusedError('no')", ["连接失败", "请检查网络"]),
        ("class Mine(Exception): pass\nraise Mine('what I say')", ["出错（Mine: what I say）", "第 2 行"]),
        ("raise SystemExit(3)", ["策略自己退出了（SystemExit: 3）"]),
        ("raise KeyboardInterrupt", ["被 Ctrl+C 中断"]),
        ("def f(): f()\nf()", ["函数一直在调用自己"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_usual_errors_are_told_with_cause_and_place(tmp_path: Path, source: str, words: "list[str]") -> None:
    error, path = failure(tmp_path, source)
    said = explain(error, path)
    assert all(word in said for word in words), said
    assert "\n" not in said and "Traceback" not in said


def test_what_a_helper_beside_the_strategy_does_is_placed_in_the_helper(tmp_path: Path) -> None:
    (tmp_path / "my_helper_of_this_test.py").write_text("def divide():\n    return 1 / 0\n")
    error, path = failure(tmp_path, "import my_helper_of_this_test\nmy_helper_of_this_test.divide()")
    assert "my_helper_of_this_test.py 第 2 行 return 1 / 0" in explain(error, path)


def test_what_a_library_does_is_placed_where_the_strategy_called_it(tmp_path: Path) -> None:
    error, path = failure(tmp_path, "import json\n\njson.loads('{')")
    assert "mine.py 第 3 行 json.loads('{')" in explain(error, path)
    assert "json" in why_not_started(error, path)[1]  # the traceback goes on into the library


def test_our_own_words_are_not_translated_and_get_the_place_of_the_call(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def call():\n    fail()\n")
    names = runpy.run_path(str(path))

    def fail() -> None:
        raise InvalidParam("数量不对。没有发出")

    names["call"].__globals__["fail"] = fail
    with pytest.raises(InvalidParam) as caught:
        names["call"]()
    assert explain(caught.value, str(path)).startswith("数量不对。没有发出（mine.py 第 2 行 fail()")


def test_a_secret_of_several_lines_is_masked_in_a_message_of_one(tmp_path: Path) -> None:
    error, path = failure(tmp_path, "text = 'it is\\nvery secret'\nraise ValueError('with ' + text)")
    masker = Masker()
    masker.hide_whole("it is\nvery secret")
    said = masker(explain(error, path))
    assert said.startswith("值不对（ValueError: with ***）") and "\n" not in said


def test_a_file_for_joinquant_is_told_what_to_change(tmp_path: Path) -> None:
    error, path = failure(tmp_path, "import jqdata\ndef initialize(context): pass")
    reason, trace = why_not_started(error, path)
    assert "聚宽的 initialize 在这里叫 process_initialize" in reason and trace == ""


def test_a_config_file_is_told_about_in_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "config.py"
    for source, words in [("X = unknown", "config.py 第 1 行 X = unknown"), ("X = (", "语法错误：括号没有配对")]:
        path.write_text(source)
        with pytest.raises(InvalidParam) as caught:
            read_config(str(path))
        assert str(caught.value).startswith(f"配置文件 {path} 运行出错：") and words in str(caught.value)
