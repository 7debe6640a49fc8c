"""A strategy's folder in which a file is named like each module there is: what jqtrade itself imports is never one of them."""

import json
import sys

import pytest

from tests.e2e.cli import jqtrade, read, tasks, wait_for, write_strategy

# Those that jqtrade, or what it stands on, is known to import late, on some version of Python; sys.stdlib_module_names
# (3.10) has all of Python's own.
KNOWN = """
    select selectors pickle calendar locale zoneinfo tarfile bz2 lzma gzip zlib json sqlite3 subprocess multiprocessing
    queue ctypes string struct random bisect heapq decimal fractions statistics numbers html inspect dis ast token
    tokenize linecache traceback logging signal tempfile shutil glob csv copy copyreg uuid hashlib hmac secrets base64
    importlib platform sysconfig pkgutil email mimetypes http urllib ssl socket xml webbrowser concurrent asyncio
    unittest doctest pdb profile timeit textwrap pprint reprlib datetime warnings contextlib difflib
    pandas numpy scipy pyarrow plotly empyrical tqdm pyflakes dateutil psutil filelock six pytz tzdata pkg_resources
    setuptools bottleneck numexpr narwhals packaging yfinance
"""
NAMES = sorted(set(KNOWN.split()) | {name for name in getattr(sys, "stdlib_module_names", ()) if name[0] != "_"})

STRATEGY = """
    def process_initialize(context):
        set_options(use_account=True, timezone="Asia/Shanghai")
        moment = context.current_dt
        run_daily(buy, "09:31")
        run_daily(buy, "%02d:%02d:%02d" % second_after(moment))
        # LOOKS FOR PLUG-INS

    def second_after(moment):
        seconds = (moment.hour * 3600 + moment.minute * 60 + moment.second + 2) % 86400
        return seconds // 3600, seconds // 60 % 60, seconds % 60

    def buy(context):
        log.info("buys", context.portfolio.available_cash)
        order("600000.XSHG", 100, LimitOrderStyle(10))
        "中".encode("gbk").decode("gb18030")
        1 / 0
"""


@pytest.fixture
def folder(tmp_path):
    """A folder of files, each of which leaves a mark when it is imported."""
    folder = tmp_path / "strategies"
    folder.mkdir()
    for name in NAMES:
        mark = str(tmp_path / "imported")
        (folder / (name + ".py")).write_text(
            f"open({mark!r}, 'a').write('{name} ')\nraise ImportError('the user\\'s {name}')"
        )
    return folder


def imported(tmp_path):
    return read(tmp_path / "imported").split()


@pytest.mark.parametrize("from_there", [False, True])
def test_a_check(folder, tmp_path, from_there):
    if from_there and (sys.version_info < (3, 7) or sys.platform == "win32"):
        pytest.skip("python -m imports half the standard library before we are there")
    path = write_strategy(folder / "s.py", STRATEGY)
    for name in ("runpy", "pkgutil", "sitecustomize", "usercustomize"):  # python -m looks for these before we are there
        if (folder / (name + ".py")).exists():
            (folder / (name + ".py")).unlink()
    checked = jqtrade("check", "-c", path, "--paper", "--json", cwd=str(folder) if from_there else None)
    assert imported(tmp_path) == [], checked
    report = json.loads(checked.out)
    assert (checked.code, report["errors"], imported(tmp_path)) == (0, [], [])
    assert "pyflakes" not in checked.out


@pytest.mark.parametrize("more", [(), ("--through-files",)])
def test_a_replay_with_its_report(folder, tmp_path, more):
    # At a price at which it is filled at once: while an order rests, --through-files exchanges files every few seconds.
    path = write_strategy(folder / "s.py", STRATEGY.replace("LimitOrderStyle(10)", "LimitOrderStyle(11.4)"))
    days = ("--start", "2026-01-05", "--end", "2026-01-05")
    played = jqtrade("replay", "-c", path, *days, "--out", str(tmp_path / "out"), *more, cwd=str(tmp_path))
    assert (played.code, imported(tmp_path)) == (1, [])  # 1: its job fails each time
    assert "buys 1000000" in read(tmp_path / "out" / "replay.log")
    try:
        import empyrical  # noqa: F401
        import plotly  # noqa: F401
    except ImportError:
        assert "没有写 report.html：缺少" in played.out
    else:
        assert "累计收益" in read(tmp_path / "out" / "report.html")


@pytest.mark.parametrize("paper", [True, False])
def test_a_task(folder, tmp_path, paper):
    look = "try: set_options(trade_gate='no_such_module.Gate')\n        except InvalidParam: pass"
    source = STRATEGY.replace("# LOOKS FOR PLUG-INS", look)
    more = ["--paper"]
    if not paper:  # the files of One Quant
        more = []
        account = f"account_no='1234567', order_dir={str(tmp_path)!r}, "
        source = source.replace("use_account=True, ", account)
    log = tmp_path / "demo.log"
    path = write_strategy(folder / "s.py", source)
    try:
        started = jqtrade("start_task", "-c", path, "-n", "demo", "-o", str(log), *more, cwd=str(tmp_path))
        assert started.code == 0, started
        wait_for(lambda: "ZeroDivisionError" in read(log) or "buy 运行出错" in read(log), "the job")
    finally:
        jqtrade("stop_task", "--all")
    assert imported(tmp_path) == [] and tasks() == []
    assert "任务 demo 已结束" in read(log)


def test_a_report_that_cannot_be_written_is_a_sentence_and_not_a_traceback(tmp_path):
    pytest.importorskip("plotly")
    pytest.importorskip("empyrical")
    source = """
        import plotly.io
        def process_initialize(context):
            run_daily(print, "09:31")
        plotly.io.to_html = lambda *a, **k: 1 / 0
    """
    path = write_strategy(tmp_path / "s.py", source)
    days = ("--start", "2026-01-05", "--end", "2026-01-05")
    played = jqtrade("replay", "-c", path, *days, "--out", str(tmp_path / "out"))
    assert played.code == 0 and "Traceback" not in played.out + played.err
    assert "没有写 report.html：画图和计算的库出错，ZeroDivisionError: division by zero" in played.out
    assert json.loads(read(tmp_path / "out" / "summary.json"))["trading_days"] == 2


def test_settings_of_the_libraries_that_the_strategy_has_changed_do_not_change_the_report(tmp_path):
    pytest.importorskip("plotly")
    pytest.importorskip("empyrical")
    days = ("--start", "2026-01-05", "--end", "2026-01-09", "--seed", "3")
    pages = []
    settings = """
        import warnings, numpy, pandas, decimal, plotly.io
        warnings.simplefilter("error")
        numpy.seterr(all="raise")
        pandas.set_option("display.precision", 1)
        plotly.io.templates.default = "plotly_dark"
        decimal.getcontext().prec = 3
    """
    for before in (settings, ""):
        source = (
            before
            + """
        def process_initialize(context):
            set_options(use_account=True)
            run_daily(buy, "09:40")
        def buy(context):
            order("600000.XSHG", 100, MarketOrderStyle())
        """
        )
        out = tmp_path / f"out{len(pages)}"
        played = jqtrade("replay", "-c", write_strategy(tmp_path / "s.py", source), *days, "--out", str(out))
        assert played.code == 0 and "report.html" not in played.out, played
        pages.append(read(out / "report.html"))
    assert pages[0] == pages[1]
