"""report.html: one file, offline, with every chart, made by the libraries of the extra `report`."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Set, Tuple

import pytest

from tests.replay.replays import CODE, OTHER, replay, rows, text, write_bars

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
CHARTS = ["equity", "returns", "exposure", "trades", "schedule"]
STRATEGY = """
    def process_initialize(context):
        set_options(use_account=True)
        run_daily(buy, "10:00")
        run_daily(sell, "14:00")
        run_daily(look, "every_minute")

    def buy(context):
        order("000001.XSHE", 2000, LimitOrderStyle(0))
        order("600000.XSHG", 150, LimitOrderStyle(5))

    def sell(context):
        amount = context.portfolio.long_positions["000001.XSHE"].available_amount
        if amount:
            order("000001.XSHE", -amount, LimitOrderStyle(0))
        if context.strategy_dt.day == 7:
            raise ValueError("<b>seven</b>")

    def look(context):
        pass
"""
PRICES = {
    CODE: [10, 10.4, 10.9, 10.2, 10.5, 11, 11.5, 11.9, 11.2],
    OTHER: [5.0, 5.1, 5.2, 5.1, 5.0, 5.1, 5.3, 5.2, 5.1],
}
DAYS = "2026-01-05 2026-01-15"


def make(folder: Path, *arguments: str) -> str:
    bars = write_bars(folder / "bars.csv", PRICES)
    result = replay(folder, STRATEGY, "--bars", bars, *arguments, days=DAYS)
    assert result.code == 0, result.err
    return result.out


def test_without_the_extra_all_is_written_but_the_report_and_one_line_says_how(tmp_path: Path) -> None:
    for name in ("plotly", "empyrical", "tqdm"):
        (tmp_path / f"{name}.py").write_text("raise ImportError")  # found first, since it lies beside the strategy
    out = make(tmp_path)
    names = sorted(os.listdir(str(tmp_path / "out")))
    assert names == ["equity.csv", "fills.csv", "orders.csv", "positions.csv", "replay.log", "summary.json"]
    (line,) = [line for line in out.splitlines() if "report.html" in line]
    assert "python -m pip install plotly empyrical-reloaded tqdm" in line


def test_the_report_is_one_page_that_can_load_nothing(tmp_path: Path) -> None:
    pytest.importorskip("plotly"), pytest.importorskip("empyrical")
    make(tmp_path, "--benchmark", OTHER)
    page = text(tmp_path, "report.html")
    assert "default-src 'none'" in page
    outside = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href)\s*=", outside)
    for chart in CHARTS:
        assert f'id="{chart}"' in page
    title = re.search("<title>(.*)</title>", page)
    assert title is not None and title.group(1) == "回放 mine，2026-01-05 到 2026-01-15"
    assert "lot_check：买入 150 股" in page and "<b>seven</b>" not in page


def test_days_past_the_calendar_stand_at_the_beginning(tmp_path: Path) -> None:
    pytest.importorskip("plotly"), pytest.importorskip("empyrical")
    assert replay(tmp_path, STRATEGY, days="2026-12-31 2027-01-04").code == 0
    beginning = text(tmp_path, "report.html").split("<h1>", 1)[1].split("<h2>", 1)[0]
    assert "2027-01-01 到 2027-01-04 的 2 天是按周一到周五推算的" in beginning


def test_made_up_prices_stand_in_the_title(tmp_path: Path) -> None:
    pytest.importorskip("plotly"), pytest.importorskip("empyrical")
    assert replay(tmp_path, STRATEGY, days=DAYS).code == 0
    assert "<title>回放 mine，2026-01-05 到 2026-01-15（价格是编造的，盈亏没有意义）</title>" in text(
        tmp_path, "report.html"
    )


def test_return_and_drawdown_are_what_the_library_says(tmp_path: Path) -> None:
    empyrical, pandas = pytest.importorskip("empyrical"), pytest.importorskip("pandas")
    make(tmp_path)
    summary = json.loads(text(tmp_path, "summary.json"))
    totals = [summary["start_value"]] + [float(row["total"]) for row in rows(tmp_path, "equity.csv")]
    returns = pandas.Series(totals).pct_change().dropna()
    assert summary["return"] == pytest.approx(empyrical.cum_returns_final(returns), abs=1e-6)
    assert summary["max_drawdown"] == pytest.approx(empyrical.max_drawdown(returns), abs=1e-6)
    assert summary["max_drawdown"] < 0


def test_a_replay_of_one_day_and_one_without_any_order_have_a_report(tmp_path: Path) -> None:
    pytest.importorskip("plotly"), pytest.importorskip("empyrical")
    bars = write_bars(tmp_path / "bars.csv", PRICES)
    source = "def process_initialize(context):\n    run_daily(print, '10:00')\n"
    assert replay(tmp_path, source, "--bars", bars, days="2026-01-05 2026-01-05").code == 0
    page = text(tmp_path, "report.html")
    assert "没有成交" in page and 'id="equity"' in page


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_every_chart_is_drawn_in_a_browser_without_any_request(tmp_path: Path) -> None:
    """A browser opens the page with the network on; its own log tells of every request."""
    pytest.importorskip("plotly"), pytest.importorskip("empyrical")
    make(tmp_path, "--benchmark", OTHER)
    page, shot = tmp_path / "out" / "report.html", tmp_path / "report.png"
    drawn, said, requested = browse(tmp_path, page, "--dump-dom")
    for chart in CHARTS:  # plotly draws each into SVG of its own
        assert re.search(rf'id="{chart}"[^>]*class="[^"]*js-plotly-plot', drawn), chart
    assert drawn.count("main-svg") >= 2 * len(CHARTS)
    assert "CONSOLE" not in said  # no error, nothing that the policy had to refuse
    assert not requested
    browse(tmp_path, page, f"--screenshot={shot}")
    assert shot.stat().st_size > 50000

    leaky = tmp_path / "leaky.html"  # the log would have told
    leaky.write_text('<img src="http://leaky.invalid/x.png">')
    assert browse(tmp_path, leaky, "--dump-dom")[2] == {"http://leaky.invalid/x.png"}


def browse(folder: Path, page: Path, *arguments: str) -> Tuple[str, str, Set[str]]:
    """Open a page; returns the standard output, what the browser logged, and what was asked of the network for it."""
    log = folder / "net.json"
    options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    options += ["--disable-component-update", f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=10000"]
    options += ["--enable-logging=stderr", "--window-size=1180,4000", f"--log-net-log={log}"]
    process = subprocess.run(
        [str(CHROMIUM)] + options + list(arguments) + [page.as_uri()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=120,
    )
    own = re.compile(r"(file|data|blob|chrome[\w-]*):|https?://([\w.-]+\.)?(google|googleapis|gvt1)\.com/")
    urls = set(re.findall(r'"url":"(\w+://[^"]+)"', log.read_text(encoding="utf-8")))
    requested = {url for url in urls if not own.match(url)}  # but those of the browser's own
    return process.stdout.decode("utf-8"), process.stderr.decode("utf-8", "replace"), requested
