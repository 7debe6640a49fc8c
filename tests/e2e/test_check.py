"""`jqtrade check`, as its user sees it."""

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, List

import pytest

from tests.e2e.cli import Result, jqtrade, write_strategy

GOOD = """
    def process_initialize(context):
        set_options(trading_days="XSHG", timezone="Asia/Shanghai")
        run_daily(after, "after_close")
        run_daily(look, "every_minute")
        run_daily(before, "09:00")

    def before(context): pass
    def look(context): pass
    def after(context): pass
"""


class Checker:
    """Writes a strategy and checks it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "s.py"

    def __call__(self, source: str, *arguments: str) -> Result:
        return jqtrade("check", "-c", write_strategy(self.path, source), *arguments)

    def json(self, source: str, *arguments: str) -> Any:
        result = self(source, "--json", *arguments)
        assert result.out, result
        report = json.loads(result.out)
        assert result.code == (0 if report["ok"] else 1)
        assert report["ok"] == (not report["errors"])
        return report


@pytest.fixture
def check(tmp_path: Path) -> Checker:
    return Checker(tmp_path)


def said(findings: List[Any]) -> str:
    return "\n".join(f"{finding['line']} {finding['text']}" for finding in findings)


def test_a_good_strategy_passes_with_the_timetable_of_the_next_trading_day(check: Checker) -> None:
    result = check(GOOD)
    assert result.code == 0, result
    assert result.err == ""
    lines = result.out.splitlines()
    title = next(number for number, line in enumerate(lines) if line.endswith("的时间表："))
    rows = [line.split() for line in lines[title + 1 : title + 5]]
    assert rows[0] == ["时间", "函数", "种类"]
    assert rows[1] == ["09:00:00", "before", "每天一次"]
    assert rows[2] == "09:30:00 到 11:30:00、13:00:00 到 15:00:00 look 每分钟，共 242 次".split()
    assert rows[3] == ["15:30:00", "after", "每天一次"]
    assert "通过：0 个错误，0 个警告" in result.out
    assert "错误  " not in result.out


def test_the_timetable_skips_closed_days(check: Checker, jqtrade_home: Path) -> None:
    jqtrade_home.mkdir()
    today = datetime.now().date()
    days = [today + timedelta(days=number) for number in range(10)]
    (jqtrade_home / "holidays.csv").write_text("".join(f"{day},0\n" for day in days))
    assert check.json(GOOD)["trading_day"] >= str(today + timedelta(days=10))


def test_every_problem_is_listed_with_its_line_not_the_first_alone(check: Checker) -> None:
    report = check.json(
        """
        import datetime

        def process_initialize(context):
            set_options(sync_order="yes", acount_no="1234567", timezone="Mars")
            run_daily(buy, "25:00")
            run_daily(missing, "10:00")
            run_daily(wrong, "10:01")
            set_options(market_period=[])
            run_daily(buy, "open")

        def buy(context):
            print(datetime.datetime.now())

        def wrong():
            pass
        """
    )
    errors = said(report["errors"])
    for part in (
        "5 选项 sync_order='yes' 不正确",
        "5 没有选项 'acount_no'，最接近的是 'account_no'",
        "5 时区 timezone='Mars' 无法识别",
        "6 定时任务的时间 '25:00' 不正确",
        "7 run_daily 用到的函数 missing 没有定义",
        "8 run_daily 的函数 wrong 应能接受一个位置参数",
        "9 选项 market_period=[] 不正确",
    ):
        assert part in errors
    assert len(report["errors"]) == 7, errors
    assert "13 datetime.now()" in said(report["warnings"])
    assert [row["function"] for row in report["timetable"]] == ["buy", "missing"]


def test_what_process_initialize_did_not_reach_is_read_at_least(check: Checker) -> None:
    report = check.json(
        """
        def process_initialize(context):
            run_daily(job, "10:00")
            1 / 0
            run_daily(job, "10:61")
            set_options(sync_orders=True, account_no=1234567)

        def job(context): pass
        """
    )
    errors = said(report["errors"])
    assert "4 process_initialize 运行出错：除数是 0（ZeroDivisionError: division by zero）" in errors
    assert "5 定时任务的时间 '10:61' 不正确" in errors
    assert "6 没有选项 'sync_orders'" in errors
    assert "6 选项 account_no 应为字符串" in errors
    assert len(report["errors"]) == 4, errors


@pytest.mark.parametrize(
    "source, line, text",
    [
        ("def process_initialize(context)\n    pass\n", 1, "语法错误"),
        ("def process_initialize(context):\n    run_daily(f，'open')\n", 2, "中文标点"),
        ("x = 1\n", None, "没有定义函数 process_initialize(context)"),
        ("def initialize(context): pass\n", None, "聚宽的 initialize 在这里叫 process_initialize"),
        ("def process_initialize(): pass\n", None, "应能接受 1 个位置参数"),
        ("process_initialize = 5\n", None, "应为函数"),
        ("async def process_initialize(context): pass\n", 1, "async"),
        ("def process_initialize(context): pass\n", None, "没有可做的事"),
        (
            "import nowhere\ndef process_initialize(context): pass\n",
            1,
            "加载策略文件 运行出错：没有模块 nowhere（ModuleNotFoundError",
        ),
        ("import sys\nsys.exit(3)\n", 2, "调用了退出"),
        (
            "run_daily(print, 'open')\ndef process_initialize(context): run_daily(print, 'open')\n",
            1,
            "run_daily 只能在",
        ),
        (
            "def on_order_update(context): pass\ndef process_initialize(context): run_daily(print, 'open')\n",
            None,
            "on_order_update 应能接受 2 个位置参数",
        ),
    ],
)
def test_a_file_of_the_wrong_form_is_told_with_its_line(check: Checker, source: str, line: int, text: str) -> None:
    report = check.json(source)
    (error,) = [error for error in report["errors"] if text in error["text"]]
    assert line is None or error["line"] == line
    result = check(source)
    assert result.code == 1
    assert text in result.out
    assert "Traceback" not in result.out + result.err


def test_what_is_meant_for_another_machine_is_only_warned_of(check: Checker) -> None:
    report = check.json(
        """
        import os

        def process_initialize(context):
            if os.name == "dos":
                set_options(file_encoding="oem437")
                run_daily(job, "25:00")
            run_daily(job, "10:00")

        def job(context): pass
        """
    )
    assert report["ok"] and "oem437" in said(report["warnings"]) and "25:00" in said(report["warnings"])


def test_a_file_that_is_no_text_is_told(check: Checker) -> None:
    check.path.write_bytes("注 = '中文'\n".encode("gbk"))
    result = jqtrade("check", "-c", str(check.path))
    assert result.code == 1
    assert "文件应为 UTF-8 编码" in result.out


def test_names_that_are_defined_nowhere_are_told_beside_ours_that_are(check: Checker) -> None:
    pytest.importorskip("pyflakes")
    (check.folder / "helper_of_check.py").write_text("from jqtrade.api import *\ndef f():\n    order, gone\n")
    report = check.json(
        """
        import helper_of_check
        globals()["dynamic"] = 5

        def process_initialize(context):
            set_options(use_account=True)
            run_daily(job, "open")

        def job(context):
            g.count = dynamic
            order("000001.XSHE", 100, LimitOrderStyle(1))
        """,
        "--paper",
    )
    assert [(error["line"], error["text"]) for error in report["errors"]] == [
        (3, "用到了 gone，但没有定义过"),
        (10, "用到了 g，但没有定义过"),
    ]


def test_without_pyflakes_it_says_how_to_install_it_and_finds_what_fails_as_it_runs(check: Checker) -> None:
    (check.folder / "lib").mkdir()
    (check.folder / "lib" / "pyflakes.py").write_text("raise ImportError('not here')\n")
    source = "def process_initialize(context): run_daily(missing, 'open')\n"
    report = check.json(source, "-e", f"PYTHONPATH={check.folder / 'lib'}")
    assert "pip install pyflakes" in said(report["notices"])
    assert "1 process_initialize 运行出错：用到了 missing，但没有定义过（NameError" in said(report["errors"])


def test_a_name_that_fails_as_it_runs_is_told_once_and_with_what_was_meant(check: Checker) -> None:
    pytest.importorskip("pyflakes")
    source = "COUNT = 5\ndef process_initialize(context):\n    print(CUONT)\n    run_daily(print, 'open')\n"
    (error,) = check.json(source)["errors"]
    assert error["line"] == 3 and error["text"].startswith("process_initialize 运行出错：用到了 CUONT，但没有定义过")
    assert "最接近的是 COUNT" in error["text"]


def test_the_account_of_a_check_is_empty_and_sends_nothing(check: Checker) -> None:
    report = check.json(
        """
        def process_initialize(context):
            set_options(use_account=True)
            sync_balance()
            sync_orders()
            assert context.portfolio.total_asset == 0 and get_orders() == []
            assert order("000001.XSHE", 100, LimitOrderStyle(10)) is None
            order("1", 100)
            assert batch_submit_orders([{"code": "000001.XSHE", "amount": 100}]) == [None]
            cancel_order("1")
            batch_cancel_orders(["1"])
            run_daily(print, "open")
        """,
        "--paper",
    )
    assert [error["line"] for error in report["errors"]] == [8]
    notices = said(report["notices"])
    assert "4 检查时没有账户" in notices
    assert "7 检查时不下单也不撤单：order" in notices
    assert "11 检查时不下单也不撤单：batch_cancel_orders" in notices


def test_orders_without_an_account_are_an_error(check: Checker) -> None:
    report = check.json(
        """
        def process_initialize(context):
            run_daily(job, "open")

        def job(context):
            order("000001.XSHE", 100)
        """
    )
    assert "6 用到了 order，但账户没有启用" in said(report["errors"])


GATE = """
    import os
    from jqtrade.account import AbsTradeGate

    class Gate(AbsTradeGate):
        OPTIONS = {"secret_token"}
        def __init__(self): os._exit(7)
        def setup(self, options): os._exit(7)
        def order(self, order): pass
        def cancel_order(self, order_id): pass
        def sync_balance(self): pass
        def sync_orders(self): pass

    def process_initialize(context):
        set_options(trade_gate=Gate, secret_token="x", sync_order=5)
        run_daily(print, "open")
"""


def test_a_gate_of_the_users_own_is_never_started_and_its_options_are_its_own(check: Checker) -> None:
    report = check.json(GATE)
    assert ["sync_order" in error["text"] for error in report["errors"]] == [True]
    assert "交易接口 Gate 没有启动" in said(report["notices"])


def test_a_gate_that_is_not_there_is_told_once(check: Checker) -> None:
    source = "def process_initialize(context):\n    set_options(trade_gate='no.Gate', token=1)\n    run_daily(print, 'open')\n"
    assert ["trade_gate='no.Gate'" in error["text"] for error in check.json(source)["errors"]] == [True]


ONE_QUANT = """
    def process_initialize(context):
        set_options(account_no="1234567", counter_type="UM0", order_dir={order_dir!r}, market_period={period!r})
        run_daily(print, "open")
"""
ALL_DAY = [("00:00:00", "23:59:59")]


def open_today(home: Path) -> None:
    """Make today a trading day; if the exchange is closed on it whatever a file says, there is nothing to test."""
    today = datetime.now().date()
    if today.weekday() >= 5:
        pytest.skip("a weekend")
    home.mkdir()
    (home / "holidays.csv").write_text(f"{today},1\n")


def one_quant(folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    return ONE_QUANT.format(order_dir=str(folder), period=ALL_DAY)


def assets(folder: Path, days: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    return folder / f"assetInfo_{datetime.now() + timedelta(days=days):%Y%m%d}.csv"


def test_an_order_directory_that_is_not_there_is_told(check: Checker) -> None:
    report = check.json(ONE_QUANT.format(order_dir=str(check.folder / "nowhere"), period=ALL_DAY))
    assert "文件单目录不存在" in said(report["errors"])


def test_in_trading_hours_todays_cash_must_be_there(check: Checker, jqtrade_home: Path) -> None:
    open_today(jqtrade_home)
    folder = check.folder / "orders"
    assets(folder, -1).write_text("")
    errors = said(check.json(one_quant(folder))["errors"])
    assert "没有今天的资金文件" in errors
    assert assets(folder, -1).name in errors


def test_in_trading_hours_todays_cash_must_be_fresh(check: Checker, jqtrade_home: Path) -> None:
    open_today(jqtrade_home)
    if datetime.now().time() < datetime(2026, 1, 1, 0, 20).time():
        pytest.skip("the day is too young for a file to be old")
    folder = check.folder / "orders"
    assets(folder).write_text("")
    assert check.json(one_quant(folder))["ok"]
    old = (datetime.now() - timedelta(minutes=10)).timestamp()
    os.utime(str(assets(folder)), (old, old))
    assert "没有更新，One Quant 可能停住了" in said(check.json(one_quant(folder))["errors"])


def test_on_a_closed_day_nobody_asks_for_todays_cash(check: Checker, jqtrade_home: Path) -> None:
    jqtrade_home.mkdir()
    (jqtrade_home / "holidays.csv").write_text(f"{datetime.now().date()},0\n")
    report = check.json(one_quant(check.folder / "orders"))
    assert report["ok"], report
    assert "休市，没有检查资金文件" in said(report["notices"])


def test_with_paper_neither_account_number_nor_order_directory_is_asked_for(check: Checker) -> None:
    source = ONE_QUANT.format(order_dir=str(check.folder / "nowhere"), period=ALL_DAY)
    assert check.json(source, "--paper")["ok"]


def test_nothing_is_written_and_no_name_is_taken(check: Checker, jqtrade_home: Path) -> None:
    folder = check.folder / "orders"
    source = one_quant(folder).replace("run_daily", "order('000001.XSHE', 100, LimitOrderStyle(1)); run_daily", 1)
    report = check.json(source)
    assert "order 什么都没有发出" in said(report["notices"])
    assert not jqtrade_home.exists()
    assert list(folder.iterdir()) == []


def test_config_and_environment_reach_the_strategy(check: Checker) -> None:
    (check.folder / "config.py").write_text("SCHEDULER_MARKET_PERIOD = [('10:00', '11:00')]\nACCOUNT_SYNC_ORDER = 5\n")
    source = """
        import os
        def process_initialize(context):
            run_daily(print, os.environ["WHEN"])
    """
    report = check.json(source, "--config", str(check.folder / "config.py"), "-e", "WHEN=open+1m")
    assert [row["time"] for row in report["timetable"]] == ["10:01:00"]
    assert ["sync_order=5" in error["text"] for error in report["errors"]] == [True]


def test_a_bad_file_of_holidays_is_told(check: Checker, jqtrade_home: Path) -> None:
    jqtrade_home.mkdir()
    (jqtrade_home / "holidays.csv").write_text("date,open\n2027-02-06,1\n")
    errors = said(check.json(GOOD)["errors"])
    assert "holidays.csv 第 2 行" in errors
    assert "星期六" in errors


def test_what_the_strategy_prints_and_logs_is_no_part_of_the_json(check: Checker) -> None:
    result = check(
        GOOD.replace(
            "run_daily",
            "print('PRINTED'); log.info('LOGGED'); print(__import__('os').environ['API_TOKEN'])\n        run_daily",
            1,
        ),
        "--json",
        "-e",
        "API_TOKEN=abcdefgh",
    )
    assert json.loads(result.out)["ok"]
    assert "PRINTED" in result.err
    assert "LOGGED" in result.err
    assert "abcdefgh" not in result.err


def test_a_thread_of_the_strategy_does_not_keep_the_check_from_ending(check: Checker) -> None:
    source = """
        import threading
        def process_initialize(context):
            threading.Thread(target=threading.Event().wait).start()
            run_daily(print, "open")
    """
    assert check(source).code == 0


def test_a_misspelt_function_that_jqtrade_would_call_is_warned_of(check: Checker) -> None:
    source = """
        def process_initialize(context): run_daily(process_exit_1, "open")
        def process_exit_1(context): pass
        def on_order_updated(context, order): pass
        def unlike(context): pass
    """
    report = check.json(source)
    assert said(report["warnings"]).count("没有地方调用") == 1
    assert "4 函数 on_order_updated 没有地方调用；jqtrade 会调用的叫 on_order_update" in said(report["warnings"])
    both = check.json(source + "    def on_order_update(context, order): pass\n")
    assert "没有地方调用" not in said(both["warnings"])


def test_wrong_usage_is_answered_in_chinese(check: Checker) -> None:
    assert jqtrade("check").code == 2
    missing = jqtrade("check", "-c", str(check.folder / "no.py"))
    assert missing.code == 1
    assert "策略文件不存在" in missing.err
    assert "任务" not in missing.err


def test_a_file_for_joinquant_is_told_what_is_different_and_which_names_are_missing(check: Checker) -> None:
    pytest.importorskip("pyflakes")
    report = check.json(
        """
        from jqdata import *

        def initialize(context):
            g.security = "000001.XSHE"
            run_daily(trade, time="open", reference_security="000300.XSHG")
            run_daily(missing, "10:00")

        def trade(context):
            order_value(g.security, 1000)
        """
    )
    errors = said(report["errors"])
    for part in (
        "没有模块 jqdata，请删掉它的 import",
        "聚宽的 initialize 在这里叫 process_initialize",
        "见 docs/guide.md 的“从聚宽来的人”",
        "5 用到了 g，但没有定义过",
        "7 run_daily 用到的函数 missing 没有定义",
        "10 用到了 order_value，但没有定义过",
    ):
        assert part in errors, errors
    assert "ModuleNotFoundError" not in errors


def test_a_jqdata_of_ones_own_is_a_module_like_any_other(check: Checker) -> None:
    (check.folder / "jqdata.py").write_text("g = {}\n")
    report = check.json("from jqdata import *\n\ndef process_initialize(context):\n    run_daily(g.get, '10:00')\n")
    assert report["ok"], report


def test_variables_may_be_given_one_by_one(check: Checker) -> None:
    source = """
        import os

        def process_initialize(context):
            run_daily(job, os.environ["HOUR"] + ":" + os.environ["MINUTE"])

        def job(context):
            pass
    """
    report = check.json(source, "-e", "HOUR=10", "-e", "MINUTE=31")
    assert [row["time"] for row in report["timetable"]] == ["10:31:00"]
