"""`jqtrade replay`, the real command line: what is played, what is written, what is said."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from datetime import date
from pathlib import Path

import pytest

from tests.replay.replays import CODE, KEYS, OTHER, PATIENCE, Result, environment, replay, rows, run, text, write_bars

TRADER = """
    def process_initialize(context):
        set_options(account_no="12345678", order_dir="/nowhere", counter_type="UM0")
        run_daily(buy, "10:00")
        run_daily(sell, "14:00")

    def buy(context):
        order("000001.XSHE", 200, LimitOrderStyle(0))

    def sell(context):
        amount = context.portfolio.long_positions["000001.XSHE"].available_amount
        if amount:
            order("000001.XSHE", -amount, LimitOrderStyle(0))
"""
IDLE = """
    def process_initialize(context):
        run_daily(idle, "10:00")

    def idle(context):
        pass
"""
FROM_JOINQUANT = """
def initialize(context):
    run_daily(idle, time="open")

def idle(context):
    pass
"""
STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"
PRICES = {CODE: [10.0, 11.0, 12.0, 11.0, 10.5], OTHER: [5.0, 5.1, 5.2, 5.1, 5.0]}


@pytest.fixture
def bars(tmp_path: Path) -> str:
    return write_bars(tmp_path / "bars.csv", PRICES)


def test_a_strategy_made_for_live_trades_past_days_unchanged(tmp_path: Path, bars: str) -> None:
    result = replay(tmp_path, TRADER, "--bars", bars)
    assert result.code == 0, result.err
    assert "5 个交易日" in result.out and "订单  9 笔，成交 9 笔，被拒绝 0 笔" in result.out
    fills = [(row["time"], row["action"], row["price"], row["amount"]) for row in rows(tmp_path, "fills.csv")]
    assert fills[:3] == [
        ("2026-01-05 10:00:00", "buy", "10", "200"),
        ("2026-01-06 10:00:00", "buy", "11", "200"),
        ("2026-01-06 14:00:00", "sell", "11", "200"),  # T+1: what was bought the day before, no more
    ]
    equity = rows(tmp_path, "equity.csv")
    assert [row["date"] for row in equity] == [f"2026-01-0{day}" for day in (5, 6, 7, 8, 9)]
    assert float(equity[0]["total"]) == pytest.approx(1000000 - 5.02)
    assert [row["status"] for row in rows(tmp_path, "orders.csv")] == ["filled"] * 9
    assert rows(tmp_path, "positions.csv")[0]["available_amount"] == "0"
    assert "[2026-01-05 10:00:00] 已发出订单" in text(tmp_path, "replay.log")


def test_json_is_one_object_with_its_fields_and_nothing_else_is_printed(tmp_path: Path, bars: str) -> None:
    noisy = TRADER + "\n    import os\n    print('loud')\n    os.system('echo louder')\n"
    result = replay(tmp_path, noisy, "--bars", bars, "--json", "--cash", "50000")
    assert result.out.count("\n") == 1
    figures = result.figures
    assert list(figures) == KEYS
    assert figures["start"] == "2026-01-05" and figures["end"] == "2026-01-09"
    assert figures["trading_days"] == 5 and figures["jobs_run"] == 10 and figures["jobs_failed"] == 0
    assert figures["orders"] == figures["fills"] == 9 and figures["rejected"] == 0
    assert figures["start_value"] == 50000 and figures["synthetic_prices"] is False
    assert figures["end_value"] == pytest.approx(50000 * (1 + figures["return"]), abs=0.05)
    assert figures["fees"] == pytest.approx(sum(float(row["fees"]) for row in rows(tmp_path, "fills.csv")))
    summary = json.loads(text(tmp_path, "summary.json"))
    assert {key: summary[key] for key in KEYS} == figures
    assert "loud" in text(tmp_path, "replay.log") and "louder" in result.err


def test_the_same_inputs_and_seed_give_the_same_bytes(tmp_path: Path, bars: str) -> None:
    source = TRADER + "\n    import random\n    lots = random.randint(1, 10)\n    print('lots', lots)\n"
    contents = []
    for hash_seed in ("1", "2"):
        folder = tmp_path / hash_seed
        folder.mkdir()
        result = replay(folder, source, "--bars", bars, "--seed", "7", "--json", env={"PYTHONHASHSEED": hash_seed})
        assert result.code == 0, result.err
        names = sorted(path.name for path in (folder / "out").iterdir())
        contents.append([result.out] + [(name, (folder / "out" / name).read_bytes()) for name in names])
    assert contents[0] == contents[1]


def test_another_seed_gives_other_order_ids(tmp_path: Path, bars: str) -> None:
    ids = []
    for seed in ("1", "2"):
        assert replay(tmp_path, TRADER, "--bars", bars, "--seed", seed).code == 0
        ids.append({row["order_id"] for row in rows(tmp_path, "orders.csv")})
    assert len(ids[0]) == 9 and not ids[0] & ids[1]


@pytest.mark.parametrize("mode", [(), ("--through-files",)], ids=["paper", "files"])
def test_each_refused_order_is_named_with_its_reason(tmp_path: Path, bars: str, mode: "tuple[str, ...]") -> None:
    source = """
        def process_initialize(context):
            set_options(use_account=True, price_deviation=None)
            run_daily(trade, "10:00")
            run_daily(sell, "10:05")

        def trade(context):
            order("000001.XSHE", 200, LimitOrderStyle(0))
            order("000001.XSHE", 150, LimitOrderStyle(10))
            order("600000.XSHG", 100, LimitOrderStyle(9.9))

        def sell(context):
            order("000001.XSHE", -200, LimitOrderStyle(0))
    """
    result = replay(tmp_path, source, "--bars", bars, *mode, days="2026-01-05 2026-01-05")
    assert result.code == 0, result.err
    reasons = [row["reason"] for row in rows(tmp_path, "orders.csv") if row["status"] == "rejected"]
    assert len(reasons) == 3
    assert "lot_check：买入 150 股" in reasons[0]
    assert "价格笼子" in reasons[1] or "涨停价" in reasons[1]
    assert "下一交易日才能卖的（T+1）" in reasons[2]
    for reason in reasons:  # on the terminal too, when it happens and in the end
        words = reason.replace("没有发出：", "")
        assert words in result.err and words in result.out


def test_a_job_that_raises_is_shown_with_its_time_and_the_replay_goes_on(tmp_path: Path, bars: str) -> None:
    source = """
        def process_initialize(context):
            run_daily(bad, "10:00")
            run_daily(good, "10:01")

        def good(context):
            pass

        def bad(context):
            missing_function()
    """
    result = replay(tmp_path, source, "--bars", bars, "--json")
    assert result.code == 0
    assert (result.figures["jobs_run"], result.figures["jobs_failed"]) == (10, 5)
    shown = [line for line in result.err.splitlines() if "NameError" in line]
    assert len(shown) == 1  # the same one five times
    assert shown[0].startswith("[2026-01-05 10:00:00] bad 运行出错：NameError") and "（mine.py 第 10 行）" in shown[0]
    assert "每次都出错的任务：bad，见 replay.log" in result.err
    assert "还有 4 条同类的警告和错误没有显示" in result.err
    assert text(tmp_path, "replay.log").count("Traceback") == 5


@pytest.mark.parametrize("hook", ["", "\n    def process_exit(context):\n        pass\n"], ids=["alone", "with a hook"])
def test_a_replay_in_which_every_job_failed_says_so_and_is_no_success(tmp_path: Path, bars: str, hook: str) -> None:
    result = replay(tmp_path, IDLE.replace("pass", "1 / 0") + hook, "--bars", bars)
    assert result.code == 1
    assert "所有任务每次都出错，没有一次成功，退出码不是 0：idle" in result.out
    assert len(rows(tmp_path, "equity.csv")) == 5  # it went on to the end, as a live task does


def test_a_job_that_failed_but_once_is_not_called_failing(tmp_path: Path, bars: str) -> None:
    result = replay(tmp_path, IDLE.replace("pass", "1 / (context.strategy_dt.day - 7)"), "--bars", bars)
    assert result.code == 0 and "每次都出错" not in result.out


def test_a_strategy_that_only_ends_itself_has_not_failed(tmp_path: Path, bars: str) -> None:
    assert replay(tmp_path, IDLE.replace("pass", "raise SystemExit(0)"), "--bars", bars).code == 0


def test_strict_stops_at_the_first_job_that_raises(tmp_path: Path, bars: str) -> None:
    source = IDLE.replace("pass", "1 / (context.strategy_dt.day - 7)")
    result = replay(tmp_path, source, "--bars", bars, "--strict", "--json")
    assert result.code == 1
    assert (result.figures["end"], result.figures["jobs_run"], result.figures["jobs_failed"]) == ("2026-01-07", 3, 1)
    assert "只回放到 2026-01-07" in result.err


def test_a_strategy_that_cannot_start_is_named_and_nothing_is_written(tmp_path: Path, bars: str) -> None:
    for source, words in [
        (IDLE.replace("10:00", "25:00"), "25:00"),
        (IDLE.replace("idle, ", "idel, "), "name 'idel' is not defined"),
        (IDLE.replace("process_initialize", "initialize"), "process_initialize"),
        ("def process_initialize(context)\n", "语法错误"),
    ]:
        result = replay(tmp_path, source, "--bars", bars)
        assert result.code == 1
        assert "启动失败" in result.err and words in result.err and "没有写任何文件" in result.err
        assert 'File "' not in result.err
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["--start", "2026-01-09", "--end", "2026-01-05"], 1, "--start 2026-01-09 晚于 --end 2026-01-05"),
        (["--start", "2026-13-09"], 2, "--start 的值 '2026-13-09' 不正确"),
        (["--end", "9999-12-31"], 2, "--end 的值 '9999-12-31' 不正确，应为 1990 年到 2100 年之间的日期"),
        (["--start", "1989-12-31"], 2, "--start 的值 '1989-12-31' 不正确"),
        (["-c", "nowhere.py"], 1, "策略文件不存在"),
        (["-c", "."], 1, "不是文件"),
        (["--bars", "nowhere.csv"], 1, "行情不存在"),
        (["--start", "2024-01-09", "--end", "2024-01-12"], 1, "它的行情从 2026-01-05 到 2026-01-09"),
        (["--speed", "fast"], 2, "--speed 的值 'fast' 不正确"),
        (["--speed", "0"], 2, "--speed 的值 '0' 不正确"),
        (["--cash", "-1"], 2, "--cash 的值 '-1' 不正确"),
        (["--benchmark", "300"], 1, "--benchmark '300' 不正确"),
        (["--benchmark", "510300.XSHG"], 1, "行情里没有 --benchmark 510300.XSHG"),
        (["--config", "nowhere"], 1, "配置文件不存在"),
        (["-e", "no-equals-sign"], 1, "no-equals-sign"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_clear_line_and_nothing_is_written(
    tmp_path: Path, bars: str, arguments: "list[str]", code: int, words: str
) -> None:
    (tmp_path / "mine.py").write_text("def process_initialize(context): pass\n")
    good = ["-c", "mine.py", "--start", "2026-01-05", "--end", "2026-01-09", "--bars", bars]
    result = run(tmp_path, *good, *arguments)
    assert result.code == code and not result.out
    assert words in result.err and "Traceback" not in result.err
    assert sorted(os.listdir(str(tmp_path))) == ["bars.csv", "mine.py"]


def test_a_bad_row_of_the_bars_is_named_with_file_and_line(tmp_path: Path, bars: str) -> None:
    with open(bars, "a", encoding="utf-8") as file:
        file.write("2026-01-12,000001.XSHE,ten,11,9,10,100\n")
    result = replay(tmp_path, IDLE, "--bars", bars)
    assert result.code == 1 and "bars.csv" in result.err and "12 行" in result.err and not (tmp_path / "out").exists()


def test_a_folder_of_others_is_not_overwritten(tmp_path: Path, bars: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    result = replay(tmp_path, IDLE, "--bars", bars)
    assert result.code == 1 and "thesis.txt" in result.err and "不覆盖" in result.err
    (out / "thesis.txt").unlink()
    (out / "orders.csv").write_text("mine")
    assert replay(tmp_path, IDLE, "--bars", bars).code == 1
    assert (out / "orders.csv").read_text() == "mine"


def test_the_results_of_an_earlier_replay_are_replaced(tmp_path: Path, bars: str) -> None:
    assert replay(tmp_path, TRADER, "--bars", bars).code == 0
    assert replay(tmp_path, IDLE, "--bars", bars).code == 0
    assert rows(tmp_path, "orders.csv") == []


def play_without_out(folder: Path, bars: str, source: str) -> Result:
    (folder / "mine.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return run(folder, "-c", "mine.py", "--start", "2026/01/05", "--end", "20260106", "--bars", bars)


def latest(runs: Path) -> str:
    """The name of the run that `latest` leads to."""
    if (runs / "latest.txt").exists():  # Windows
        return (runs / "latest.txt").read_text().strip()
    return os.readlink(str(runs / "latest"))


def test_without_out_each_run_has_a_folder_of_its_own_and_latest_leads_to_the_last(tmp_path: Path, bars: str) -> None:
    runs = tmp_path / "replay-mine-2026-01-05-2026-01-06"
    names = []
    for source in (TRADER, IDLE):
        result = play_without_out(tmp_path, bars, source)
        assert result.code == 0, result.err
        names.append(latest(runs))
        assert f"结果在 {runs / names[-1]}" in result.out.splitlines()
    orders = [len((runs / name / "orders.csv").read_bytes().splitlines()) for name in names]
    assert orders == [4, 1]  # the second run left the first one's results alone
    assert sorted(path.name for path in runs.iterdir() if path.name[0] == "2") == sorted(names)


def test_a_strict_replay_that_stops_early_is_not_the_latest(tmp_path: Path, bars: str) -> None:
    runs = tmp_path / "replay-mine-2026-01-05-2026-01-06"
    assert play_without_out(tmp_path, bars, IDLE).code == 0
    (tmp_path / "mine.py").write_text(textwrap.dedent(IDLE.replace("pass", "1 / 0")))
    result = run(tmp_path, *"-c mine.py --start 2026-01-05 --end 2026-01-06 --strict --bars".split(), bars)
    assert result.code == 1 and "latest 不指向这一次" in result.out
    newest = max(path.name for path in runs.iterdir() if path.name[0] == "2")
    assert latest(runs) < newest and (runs / newest / "orders.csv").exists()


def test_a_file_where_the_runs_should_lie_is_left_alone(tmp_path: Path, bars: str) -> None:
    path = tmp_path / "replay-mine-2026-01-05-2026-01-06"
    path.write_text("mine")
    result = play_without_out(tmp_path, bars, IDLE)
    assert result.code == 1 and "不是目录" in result.err and path.read_text() == "mine"


def test_made_up_prices_are_called_so(tmp_path: Path) -> None:
    result = replay(tmp_path, TRADER, days="2026-02-11 2026-02-25")
    assert result.code == 0
    assert result.out.startswith("价格是编造的")
    days = [row["date"] for row in rows(tmp_path, "equity.csv")]
    assert days == [
        "2026-02-11",
        "2026-02-12",
        "2026-02-13",
        "2026-02-24",
        "2026-02-25",
    ]  # the spring festival is left out
    assert json.loads(text(tmp_path, "summary.json"))["synthetic_prices"] is True


def test_made_up_prices_are_no_benchmark(tmp_path: Path) -> None:
    result = replay(tmp_path, IDLE, "--benchmark", "510300.XSHG")
    assert result.code == 1 and "--benchmark 510300.XSHG 要与 --bars 一起用" in result.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "days, guessed",
    [
        ("2026-12-31 2027-01-05", "：2027-01-01 到 2027-01-05 的 3 天是"),
        ("2004-12-30 2005-01-04", "：2004-12-30 到 2004-12-31 的 2 天是"),
    ],
)
def test_days_that_the_calendar_does_not_know_are_named(tmp_path: Path, days: str, guessed: str) -> None:
    result = replay(tmp_path, IDLE, days=days)
    assert result.code == 0, result.err
    assert "交易日历只有 2005-01-03 到 2026-12-31" in result.out
    assert guessed in result.out and guessed in text(tmp_path, "replay.log")


def test_days_of_bars_and_known_days_need_no_calendar(tmp_path: Path) -> None:
    bars = write_bars(tmp_path / "bars.csv", {CODE: [10.0, 10.0]}, date(2027, 1, 4))
    for result in (
        replay(tmp_path, IDLE, "--bars", bars, days="2027-01-01 2027-01-05"),
        replay(tmp_path, IDLE, days="2026-12-28 2026-12-31"),
    ):
        assert result.code == 0 and "日历" not in result.out + result.err


@pytest.mark.parametrize("mode", [(), ("--through-files",)], ids=["paper", "files"])
def test_orders_of_days_on_which_the_exchange_is_shut_are_kept(tmp_path: Path, mode: "tuple[str, ...]") -> None:
    source = """
        def process_initialize(context):
            set_options(use_account=True, trading_days="all")
            run_daily(buy, "10:00")

        def buy(context):
            order("000001.XSHE", 100, LimitOrderStyle(10))
            order("000001.XSHE", 150, LimitOrderStyle(10))

        def process_exit(context):
            order("000001.XSHE", 160, LimitOrderStyle(10))
    """
    bars = write_bars(tmp_path / "bars.csv", {CODE: [10.0] * 2}, date(2026, 1, 9))
    result = replay(tmp_path, source, "--bars", bars, "--json", *mode, days="2026-01-09 2026-01-12")
    assert result.code == 0, result.err
    orders = [(row["time"][8:13], row["amount"], row["status"]) for row in rows(tmp_path, "orders.csv")]
    assert orders == [
        ("09 10", "100", "filled"),
        ("09 10", "150", "rejected"),
        ("10 10", "100", "rejected"),
        ("10 10", "150", "rejected"),
        ("11 10", "100", "rejected"),
        ("11 10", "150", "rejected"),
        ("12 10", "100", "filled"),
        ("12 10", "150", "rejected"),
        ("12 23", "160", "rejected"),
    ]
    assert (result.figures["orders"], result.figures["rejected"], result.figures["trading_days"]) == (9, 7, 2)


@pytest.mark.parametrize(
    "source, words",
    [
        (
            "from jqdata import *\n" + FROM_JOINQUANT,
            ["没有模块 jqdata", "聚宽的 initialize 在这里叫 process_initialize"],
        ),
        ("import jqlib.technical_analysis as ta\n" + IDLE.replace("\n    ", "\n"), ["没有模块 jqlib"]),
        (FROM_JOINQUANT, ["聚宽的 initialize 在这里叫 process_initialize"]),
    ],
    ids=["jqdata", "jqlib", "initialize"],
)
def test_a_file_for_joinquant_gets_one_sentence_and_no_traceback(
    tmp_path: Path, source: str, words: "list[str]"
) -> None:
    result = replay(tmp_path, source)
    assert result.code == 1
    (line,) = result.err.splitlines()
    assert all(word in line for word in words) and "从聚宽来的人" in line
    assert not (tmp_path / "out").exists()


def test_any_other_module_that_is_missing_is_told_with_its_place(tmp_path: Path) -> None:
    result = replay(tmp_path, "import no_such_module\n")
    assert result.code == 1 and "没有模块 no_such_module" in result.err and "mine.py 第 1 行" in result.err
    assert "聚宽" not in result.err


@pytest.mark.parametrize(
    "name, orders, fills",
    [
        ("grid_strategy.py", True, True),
        ("json_gate/strategy.py", True, True),
        ("helper_strategy/strategy.py", False, False),
        ("demo_strategy.py", True, False),
        ("rebalance_strategy.py", False, False),
    ],
)
def test_the_samples_replay_as_the_documents_say(tmp_path: Path, name: str, orders: bool, fills: bool) -> None:
    quotes = tmp_path / "quotes.csv"
    shutil.copy(str(STRATEGIES / "quotes.csv"), str(quotes))
    os.utime(str(quotes), (0, 0))
    arguments = "--start 2026-01-05 --end 2026-01-16 --out out --json".split()
    for variable in ("GRID_STATE=grid.json", "JSON_DIR=json", f"QUOTES={quotes}"):
        arguments += ["-e", variable]
    result = run(tmp_path, "-c", str(STRATEGIES / name), "--bars", str(STRATEGIES / "data"), *arguments)
    assert result.code == 0, result.err
    assert (result.figures["orders"] > 0, result.figures["fills"] > 0) == (orders, fills)
    assert ("不能用来下单" in result.err) == (name == "rebalance_strategy.py")


def test_through_files_the_same_orders_fill_at_the_same_prices(tmp_path: Path, bars: str) -> None:
    found = []
    for name, arguments in (("paper", []), ("files", ["--through-files", "--debug"])):
        folder = tmp_path / name
        folder.mkdir()
        result = replay(folder, TRADER, "--bars", bars, "--json", *arguments)
        assert result.code == 0, result.err
        found.append(
            [result.figures, rows(folder, "fills.csv"), rows(folder, "equity.csv"), rows(folder, "positions.csv")]
        )
    assert found[0] == found[1]
    assert "柜台：" in text(tmp_path / "files", "replay.log")
    assert "jqtrade-replay-" not in text(tmp_path / "files", "replay.log")


def test_environment_and_config_are_as_for_start_task(tmp_path: Path, bars: str) -> None:
    source = """
        import os

        def process_initialize(context):
            log.info("lots %s, secret %s", os.environ["LOTS"], os.environ["API_TOKEN"])
            run_daily(lambda context: order("000001.XSHE", 300, LimitOrderStyle(0)), "open")
    """
    (tmp_path / "config.py").write_text("ACCOUNT_MAX_ORDER_AMOUNT = 200\n")
    result = replay(
        *(tmp_path, source, "--bars", bars, "--json", "--config", "config.py"),
        *("-e", "LOTS=2;API_TOKEN=xyzzy12345", "-e", "LOTS=3"),
    )
    assert result.code == 0 and result.figures["rejected"] == 5
    assert "lots 3, secret ***" in text(tmp_path, "replay.log")
    assert "max_order_amount" in rows(tmp_path, "orders.csv")[0]["reason"]


def test_the_command_line_decides_cash_seed_and_prices_before_the_strategy(tmp_path: Path, bars: str) -> None:
    source = TRADER.replace("account_no=", "paper_cash=777, paper_quotes='/nowhere.csv', account_no=")
    assert replay(tmp_path, source, "--bars", bars, "--json").figures["start_value"] == 777
    result = replay(tmp_path, source, "--bars", bars, "--json", "--cash", "90000")
    assert result.figures["start_value"] == 90000 and result.figures["fills"] == 9


def test_bars_of_the_strategys_own_are_asked_for_by_the_command_line(tmp_path: Path, bars: str) -> None:
    result = replay(tmp_path, TRADER.replace("account_no=", f"paper_bars={bars!r}, account_no="))
    assert result.code == 1 and "--bars" in result.err


def test_a_strategy_without_an_account_keeps_its_cash(tmp_path: Path, bars: str) -> None:
    result = replay(
        tmp_path, IDLE.replace("run_daily", "set_options(use_account=False); run_daily"), "--bars", bars, "--json"
    )
    assert result.code == 0
    assert result.figures["end_value"] == 1000000 and result.figures["trading_days"] == 5


def test_a_strategy_may_end_its_own_replay(tmp_path: Path, bars: str) -> None:
    source = IDLE.replace("pass", "\n            if context.strategy_dt.day == 7: raise SystemExit(3)")
    result = replay(tmp_path, source, "--bars", bars, "--json")
    assert result.code == 3 and result.figures["end"] == "2026-01-07" and "策略自己退出" in result.err


def test_the_hook_hears_of_a_fill_seconds_after_the_order_and_process_exit_is_called(tmp_path: Path, bars: str) -> None:
    source = (
        TRADER
        + """
    def on_order_update(context, order):
        log.info("heard %s at %s", order.status, context.current_dt.time())

    def process_exit(context):
        log.info("bye")
    """
    )
    assert replay(tmp_path, source, "--bars", bars).code == 0
    log = text(tmp_path, "replay.log")
    assert "heard filled at 10:00:05" in log
    assert "bye" in log.splitlines()[-1]


def test_orders_that_wait_fill_when_the_price_comes_and_the_rest_expires(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(
        "time,code,open,high,low,close,volume\n"
        "2026-01-05 09:31:00,000001.XSHE,10,10,10,10,1000000\n"
        "2026-01-05 09:32:00,000001.XSHE,10,10.1,10,10.1,1000000\n"
        "2026-01-05 13:20:00,000001.XSHE,10,10,9.9,9.9,1000000\n"
    )
    source = """
        def process_initialize(context):
            set_options(use_account=True)
            run_daily(buy, "09:32")

        def buy(context):
            order("000001.XSHE", 100, LimitOrderStyle(9.95))
            order("000001.XSHE", 100, LimitOrderStyle(9.5))

        def on_order_update(context, order):
            log.info("heard %s at %s", order.status, context.current_dt.time())
    """
    result = replay(tmp_path, source, "--bars", str(path), days="2026-01-05 2026-01-05")
    assert result.code == 0, result.err
    first, second = rows(tmp_path, "orders.csv")
    assert (first["status"], second["status"]) == ("filled", "canceled")
    assert "收盘" in second["reason"]
    (fill,) = rows(tmp_path, "fills.csv")
    assert fill["time"] == "2026-01-05 13:20:00"
    assert "heard filled at 13:20:00" in text(tmp_path, "replay.log")


@pytest.mark.posix
def test_ctrl_c_ends_it_with_the_results_so_far(tmp_path: Path, bars: str) -> None:
    (tmp_path / "mine.py").write_text(
        "def process_initialize(context):\n    run_daily(lambda context: print('ran', flush=True), 'every_minute')\n"
    )
    arguments = "-c mine.py --start 2026-01-05 --end 2026-01-09 --out out --speed 120 --json --bars".split() + [bars]
    process = subprocess.Popen(
        [sys.executable, "-m", "jqtrade", "replay"] + arguments,
        cwd=str(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    log = tmp_path / "out" / "replay.log"
    deadline = time.monotonic() + PATIENCE
    while not (log.exists() and "ran" in log.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    figures = json.loads(out.decode("utf-8"))
    assert figures["end"] == "2026-01-05" and 1 <= figures["jobs_run"] < 242
    assert "收到停止信号" in err.decode("utf-8")
    assert json.loads(text(tmp_path, "summary.json"))["end"] == "2026-01-05"


@pytest.mark.posix
def test_a_replay_ended_by_ctrl_c_replaces_no_whole_one(tmp_path: Path, bars: str) -> None:
    runs = tmp_path / "replay-mine-2026-01-05-2026-01-09"
    source = (
        "def process_initialize(context):\n    run_daily(lambda context: print('ran', flush=True), 'every_minute')\n"
    )
    (tmp_path / "mine.py").write_text(source)
    arguments = "-c mine.py --start 2026-01-05 --end 2026-01-09 --bars".split() + [bars]
    assert run(tmp_path, *arguments).code == 0
    whole = latest(runs)
    process = subprocess.Popen(
        [sys.executable, "-m", "jqtrade", "replay", "--speed", "120"] + arguments,
        cwd=str(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    deadline = time.monotonic() + PATIENCE
    while not any(
        "ran" in path.read_text(encoding="utf-8") for path in runs.glob("2*/replay.log") if path.parent.name != whole
    ):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and "latest 不指向这一次" in out.decode("utf-8")
    assert latest(runs) == whole
    assert json.loads((runs / whole / "summary.json").read_text(encoding="utf-8"))["end"] == "2026-01-09"
    assert len(list(runs.glob("2*"))) == 2
