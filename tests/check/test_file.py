"""What is told of a strategy's file before it runs, and what is not: a start at 10:00 after a power cut must come back."""

import sys
import time
import tokenize
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any, List

import pytest

from jqtrade.check import source as check_source
from jqtrade.check.file import FileCheck
from jqtrade.check.findings import ERROR, NOTICE, WARNING, Findings
from jqtrade.gates.options import strategy_options
from jqtrade.masking import Masker
from jqtrade.runtime.foreign_time import foreign_time
from jqtrade.testing import VirtualClock


class Look:
    """Writes a file and looks at it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.findings = Findings(Masker())
        self.check: Any = None

    def __call__(self, text: str, paper: bool = False, **settings: Any) -> List[str]:
        """The errors, each as "LINE TEXT"."""
        self.path.write_text(dedent(text), encoding="utf-8")
        options = strategy_options()
        options.update(options.check(settings, third_party=True))
        self.findings = Findings(Masker())
        self.check = FileCheck(str(self.path), options, paper, self.findings)
        return self.at(ERROR)

    def at(self, level: str) -> List[str]:
        return [f"{finding.line} {finding.text}" for finding in self.findings.at(level)]


@pytest.fixture
def look(tmp_path: Path) -> Look:
    return Look(tmp_path / "s.py")


START = "def process_initialize(context):\n    set_options(use_account=True)\n    run_daily(job, 'open')\n\n"


@pytest.mark.parametrize(
    "text, told",
    [
        ("def job(context):\n    print(x\n", "语法错误"),
        ("def job(context):\n    return gone\n", "6 用到了 gone，但没有定义过"),
        ("def job(context):\n    gone.count += 1\n", "6 用到了 gone"),
        ("def job(context):\n    try:\n        gone()\n    except Exception:\n        pass\n", "7 用到了 gone"),
        ("count = 0\ndef job(context):\n    count += 1\n", "7 局部变量 count 在赋值之前就用到了"),
        ("def job(context):\n    order = order('1', 1)\n", "6 局部变量 order 在赋值之前就用到了"),
        ("def jobs(context):\n    pass\n", "3 run_daily 用到的函数 job 没有定义"),
        ("def job(context):\n    run_daily(job, '9:70')\n", "6 定时任务的时间 '9:70' 不正确"),
        ("def job(context):\n    run_daily(job, 'open-20h')\n", "6 定时任务的时间 'open-20h' 超出了当天"),
        ("def job(context):\n    set_options(sync_order='yes')\n", "6 选项 sync_order='yes' 不正确"),
        ("def job(context):\n    set_options(acount_no='1234567')\n", "6 没有选项 'acount_no'"),
        ("def job(context):\n    set_options(timezone='Mars')\n", "6 时区 timezone='Mars' 无法识别"),
    ],
)
def test_what_is_wrong_at_any_time_is_an_error(look: Look, text: str, told: str) -> None:
    pytest.importorskip("pyflakes")
    errors = look(START + text)
    assert len(errors) == 1 and told in errors[0], errors


@pytest.mark.parametrize(
    "text",
    [
        "def job(context: 'Context') -> 'DataFrame': pass\n",
        "def job(context):\n    frame: Frame = 1\n    return frame\n",
        "def job(context):\n    try:\n        gone()\n    except NameError:\n        pass\n",
        "def job(context):\n    global count\n    count = 1\n\ndef later(context): return count\n",
        "from helper import *\ndef job(context): gone()\n",
        "def job(context): print(__file__, __name__, log, LimitOrderStyle, UserOrder)\n",
        "job = lambda context: [one for one in get_orders() if (price := one.price)]\n"
        if sys.version_info >= (3, 8)
        else "job = print\n",
        "class job:\n    def __init__(self, context): self.c = __class__\n",
        "TIME = 'never'\ndef job(context): run_daily(job, TIME)\n",
        "def set_options(**options): pass\ndef job(context): set_options(anything=1)\n",
        "def run_daily(function, time): pass\ndef job(context): run_daily(job, 'whenever')\n",
        "from typing import cast, TypeVar\nT = TypeVar('T', bound='Gone')\ndef job(context): cast('Gone', context)\n",
        "match {}:\n    case {'job': job, **later}:\n        run_daily(later, 'open')\n    case [*job]: pass\n"
        if sys.version_info >= (3, 10)
        else "job = print\n",
        "import os\nif 'AT_JOINQUANT' in os.environ:\n    from jqdata import *\ndef job(context): pass\n",
        "def job(context): pass\ndef at_joinquant():\n    import jqdata\n    return jqdata\n",
    ],
)
def test_what_is_right_is_no_error(look: Look, text: str) -> None:
    assert look(START + text) == []
    assert look.at(WARNING) == []


@pytest.mark.parametrize(
    "text, told",
    [
        ("globals().update(job=print)\n", "run_daily 用到的函数 job 没有定义"),
        ("exec('job = print')\n", "run_daily 用到的函数 job 没有定义"),
        ("vars().update(job=print)\n", "run_daily 用到的函数 job 没有定义"),
        ("import sys\nsetattr(sys.modules[__name__], 'job', print)\n", "run_daily 用到的函数 job 没有定义"),
        ("import sys\nsys._getframe().f_globals['job'] = print\n", "run_daily 用到的函数 job 没有定义"),
        ("try:\n    get_ipython()\nexcept Exception:\n    pass\ndef job(context): pass\n", "get_ipython"),
        ("import sys\nif sys.version_info < (3,):\n    str = unicode\ndef job(context): pass\n", "unicode"),
        ("try:\n    from jqdata import *\nexcept ImportError:\n    pass\ndef job(context): get_price()\n", "get_price"),
        (
            "try:\n    set_options(new_option=1)\nexcept Exception:\n    pass\ndef job(context): pass\n",
            "没有选项 'new_option'",
        ),
        (
            "import os\nif os.name == 'dos':\n    set_options(file_encoding='oem437')\ndef job(context): pass\n",
            "file_encoding='oem437'",
        ),
        ("HERE = None\nif HERE:\n    run_daily(job, '9:70')\ndef job(context): pass\n", "'9:70'"),
        (
            "def job(context):\n    for i in range(2):\n        if i:\n            print(last)\n        last = i\nlast = 0\n",
            "局部变量 last",
        ),
    ],
)
def test_what_may_be_meant_is_a_warning(look: Look, text: str, told: str) -> None:
    pytest.importorskip("pyflakes")
    assert look(START + text) == []
    assert told in "\n".join(look.at(WARNING))


@pytest.mark.parametrize(
    "settings, text",
    [
        ({"trade_gate": "own.Gate"}, "set_options(secret=1)"),
        ({}, "set_options(trade_gate='own.Gate', secret=1)"),
        ({}, "set_options(trade_gate=GATE)\n    set_options(secret=1)"),
        ({}, "set_options(**OTHERS)\n    set_options(secret=1)"),
        ({}, "set_options(market_period=HOURS)\n    run_daily(job, 'open-20h')"),
    ],
)
def test_what_depends_on_what_only_the_run_can_tell_is_left_to_it(look: Look, settings: Any, text: str) -> None:
    names = "GATE = OTHERS = HOURS = None\n"
    assert look(START + names + f"def job(context):\n    {text}\n", **settings) == []


def test_without_an_account_no_orders(look: Look) -> None:
    text = "def process_initialize(context):\n    run_daily(job, 'open')\n\ndef job(context):\n    {}\n"
    for use in ("order('000001.XSHE', 100)", "context.portfolio", "get_orders()", "cancel_order('1')"):
        assert "5 用到了" in look(text.format(use))[0]
        assert look(text.format(use), paper=True) == []
        assert look(text.format(use), account_no="1234567") == []
        assert look(text.format(use), sync_order=False) == [], "any option of the account asks for one"
    assert look(text.format("set_options(account_no=NO)\n    order('1', 1)\nNO = 1")) == []


@pytest.mark.parametrize(
    "text",
    [
        "import helper\ndef job(context): order('000001.XSHE', 100)\n",
        "from . import helper\ndef job(context): order('000001.XSHE', 100)\n",
        "import gone_module\ndef job(context): order('000001.XSHE', 100)\n",
        "def job(context): order('000001.XSHE', 100)\n(lambda setter: setter(account_no='1'))(set_options)\n",
        "import jqtrade.api\njqtrade.api.set_options(account_no='1')\ndef job(context): order('000001.XSHE', 100)\n",
    ],
)
def test_what_may_get_its_account_elsewhere_is_only_told_once_it_has_none(
    look: Look, text: str, monkeypatch: Any
) -> None:
    (look.path.parent / "helper.py").write_text("")
    monkeypatch.syspath_prepend(str(look.path.parent))
    assert look("def process_initialize(context):\n    run_daily(job, 'open')\n" + text) == []
    look.check.check_account(wants_account=True)
    assert look.at(ERROR) == []
    look.check.check_account(wants_account=False)
    assert len(look.at(ERROR)) == 1


@pytest.mark.parametrize(
    "use", ["desk.order('1', 1)", "frame.portfolio", "order('1', 1)\n\ndef order(code, amount): pass"]
)
def test_names_of_the_users_own_are_no_orders(look: Look, use: str) -> None:
    text = f"desk = frame = None\ndef process_initialize(context):\n    run_daily(job, 'open')\n\ndef job(context):\n    {use}\n"
    assert look(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "from helper import *\ndef job(context): order('1', 1)\n",
        "def job(context): each(print)\n\ndef each(order): order('1')\n",
        "def job(context): (lambda order: order('1'))(print)\n",
    ],
)
def test_what_may_be_an_order_of_the_users_own_is_none_of_ours(look: Look, text: str) -> None:
    assert look("def process_initialize(context):\n    run_daily(job, 'open')\n" + text) == []
    look.check.check_account(wants_account=False)
    assert look.at(ERROR) == []


@pytest.mark.parametrize(
    "switch", ["if LIVE:\n        set_options(account_no='1234567')", "set_options(use_account=LIVE)"]
)
def test_a_file_that_decides_about_its_account_itself_is_only_warned(look: Look, switch: str) -> None:
    text = f"LIVE = False\ndef process_initialize(context):\n    {switch}\n    run_daily(job, 'open')\n"
    assert look(text + "def job(context):\n    if LIVE:\n        order('000001.XSHE', 100)\n") == []
    look.check.check_account(wants_account=False)
    assert look.at(ERROR) == [] and "用到了 order，但账户没有启用" in look.at(WARNING)[0]


def test_the_look_says_nothing_that_python_says_when_it_runs_the_file(look: Look) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert look(START + "def job(context): return 1 is 1, '\\d'\n") == []


def test_a_file_that_a_scanner_holds_for_a_moment_is_waited_for(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    real, tries = tokenize.open, []

    def held(path: str) -> Any:
        tries.append(path)
        if len(tries) < 3:
            raise PermissionError(13, "held", path)
        return real(path)

    monkeypatch.setattr(tokenize, "open", held)
    monkeypatch.setattr("jqtrade.busy_files.sys", SimpleNamespace(platform="win32"))
    assert look(START + "def job(context): pass\n") == [] and len(tries) == 3


def test_a_file_for_joinquant_is_told_so_before_it_runs(look: Look) -> None:
    errors = look("from jqdata import *\ndef initialize(context): pass\n")
    assert len(errors) == 1 and "聚宽的写法" in errors[0] and "没有模块 jqdata" in errors[0]


def test_without_pyflakes_the_look_is_smaller_and_says_so(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(check_source.importlib, "import_module", gone)
    assert look(START + "def jobs(context): gone()\n") == []
    assert "没有安装 pyflakes" in look.at(NOTICE)[0]
    assert "语法错误" in look(START + "def job(context)\n    pass\n")[0]
    text = "def process_initialize(context):\n    run_daily(job, '9:70')\n    set_options(misfire_grace_time='x')\n\n"
    errors = look(text + "def job(context):\n    order('000001.XSHE', 100)\n")
    assert [error[0] for error in errors] == ["2", "3", "6"]
    for told, error in zip(("'9:70'", "misfire_grace_time='x'", "用到了 order，但账户没有启用"), errors):
        assert told in error


def test_a_pyflakes_that_fails_stops_nothing(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    checker = pytest.importorskip("pyflakes.checker")
    monkeypatch.setattr(checker, "Checker", None)
    assert look(START + "def job(context): gone()\n") == []


def test_the_look_at_600_lines_takes_less_than_a_third_of_a_second_of_the_machine(look: Look) -> None:
    lines = "".join(f"def f{number}(context):\n    log.info({number}, context.current_dt)\n" for number in range(300))
    looks = []
    for _ in range(3):
        begun = time.process_time()
        assert look(START + "def job(context): pass\n" + lines) == []
        looks.append(time.process_time() - begun)
    assert min(looks) < 0.3


def test_foreign_time_is_told_unless_an_option_says_that_it_is_meant() -> None:
    class Elsewhere(VirtualClock):
        offset = timedelta(hours=-5)

        def utc_offset(self) -> timedelta:
            return self.offset

    clock: Any = Elsewhere(datetime(2026, 1, 5, 9, 30))
    options = strategy_options()
    said = foreign_time(options, clock)
    assert said is not None and "2026-01-05 09:30:00" in said and "Asia/Shanghai" in said
    options.update(options.check({"timezone": "America/New_York"}))
    assert foreign_time(options, clock) is None
    clock.offset = timedelta(hours=8)
    assert foreign_time(strategy_options(), clock) is None
