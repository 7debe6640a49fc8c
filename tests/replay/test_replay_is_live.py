"""What a strategy does in a replay is what `start_task --paper` does on the same prices."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Sequence

import pytest

from tests.replay.replays import CODE, OTHER, PATIENCE, environment, run, write_bars

HERE = Path(__file__).resolve().parent

# Writes down what it sees of the account at each job and at each news of an order; the ids alone are left out.
STRATEGY = """
import json, os

SEEN = open(os.environ["SEEN"], "w")
LAST = os.environ["LAST"]


def write(what, context):
    portfolio = context.portfolio
    orders = [
        [o.code, o.action, o.amount, o.price, o.status, o.filled_amount, o.avg_cost, o.commission, o.err_msg, str(o.create_time)]
        for o in get_orders()
    ]
    positions = {
        p.code: [p.amount, p.available_amount, p.avg_cost, p.last_price, p.position_value]
        for p in portfolio.long_positions.values()
    }
    cash = [portfolio.total_assert, portfolio.available_cash, portfolio.locked_cash]
    SEEN.write(json.dumps([what, str(context.strategy_dt), cash, positions, orders]) + "\\n")
    SEEN.flush()


def process_initialize(context):
    set_options(account_no="12345678", counter_type="UM0", paper_bars=os.environ["BARS"], paper_keep_hours=True,
                paper_cash=100000, trading_days="XSHG", price_deviation=None, timezone=os.environ.get("ZONE"))
    run_daily(lambda context: write("morning", context), "before_open")
    run_daily(auction, "09:20")
    run_daily(buy, "09:35")
    run_daily(look, "every_minute")
    run_daily(sell, "14:30")
    run_daily(leave, "15:40")


def auction(context):
    order("600000.XSHG", 300, LimitOrderStyle(5.5))


def buy(context):
    write("buy", context)
    order("000001.XSHE", 200, LimitOrderStyle(0))
    order("000001.XSHE", 300, LimitOrderStyle(9.8))      # waits
    order("000001.XSHE", 150, LimitOrderStyle(10))       # no lot
    order("600000.XSHG", 100, LimitOrderStyle(99))       # past the limit
    order("600000.XSHG", 100000, LimitOrderStyle(5.3))   # too dear


def look(context):
    if context.strategy_dt.minute == 0:
        write("look", context)


def sell(context):
    for one in get_orders(status="open"):
        cancel_order(one.order_id)
    order("000001.XSHE", -200, LimitOrderStyle(0))       # T+1 on the first day


def on_order_update(context, order):
    write("update " + order.status, context)


def leave(context):
    write("leave", context)
    if str(context.strategy_dt.date()) == LAST:
        raise SystemExit(0)
"""


def seen(path: Path) -> List[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def variables(folder: Path, name: str, bars: str, last: str) -> Dict[str, str]:
    return {"SEEN": str(folder / name), "BARS": bars, "LAST": last}


def live(command: Sequence[str], folder: Path, env: Dict[str, str]) -> str:
    """Run a command line that starts the task, to its end; returns its log."""
    process = subprocess.run(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=str(folder),
        env=environment(**env),
        timeout=PATIENCE,
    )
    log = process.stdout.decode("utf-8")
    assert process.returncode == 0, log
    return log


@pytest.mark.parametrize(
    "mode",
    [pytest.param((), id="paper"), pytest.param(("--through-files",), id="files")],
)
@pytest.mark.slow
@pytest.mark.posix  # minutes under Wine, whose files are slow
def test_the_worker_and_a_replay_give_the_same_orders_fills_and_portfolio(tmp_path: Path, mode: Sequence[str]) -> None:
    days = {CODE: [10.0, 9.7, 10.2, 10.4], OTHER: [5.2, 5.4, 5.3, 5.6]}
    bars = write_bars(tmp_path / "bars.csv", days)
    (tmp_path / "mine.py").write_text(STRATEGY, encoding="utf-8")
    env = variables(tmp_path, "live", bars, "2026-01-08")
    start = [sys.executable, str(HERE / "live_worker.py"), "2026-01-05T00:00:00"]
    live(start + ["start_task", "-n", "mine", "-c", "mine.py", "--paper"], tmp_path, env)

    env = variables(tmp_path, "replay", bars, "2026-01-08")
    span = ["--start", "2026-01-05", "--end", "2026-01-08"]
    result = run(tmp_path, "-c", "mine.py", *span, "--bars", bars, "--out", "out", *mode, env=env)
    assert result.code == 0, result.err
    there, here = seen(tmp_path / "live"), seen(tmp_path / "replay")
    assert len(there) > 60
    if mode:  # One Quant's terminal takes a moment to answer; what came of it is the same
        there, here = ([one for one in each if one[0] in ("morning", "look", "leave")] for each in (there, here))
        for one in there + here:
            one[4] = sorted(line[:6] for line in one[4])  # its files know less of an order
            one[3] = {code: fields[:2] for code, fields in one[3].items()}
    assert here == there


@pytest.mark.posix
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("faketime") is None, reason="faketime is not installed")
def test_the_real_command_under_a_shifted_system_clock_agrees_with_a_replay(tmp_path: Path) -> None:
    rows = ["time,code,open,high,low,close,volume"]
    for minute in range(31, 60):
        for code, price in ((CODE, 10.0 + minute % 5 / 10), (OTHER, 5.0)):
            rows.append(f"2026-01-05 09:{minute}:00,{code},{price},{price},{price},{price},1000000")
    bars = tmp_path / "bars.csv"
    bars.write_text("\n".join(rows) + "\n")
    source = STRATEGY.replace('"15:40"', '"09:38"').replace('"14:30"', '"09:37"')
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    env = dict(variables(tmp_path, "live", str(bars), "2026-01-05"), TZ="Asia/Shanghai", ZONE="Asia/Shanghai")
    command = ["faketime", "-f", "@2026-01-05 09:34:40 x20", sys.executable, "-m", "jqtrade", "start_task"]
    live(command + ["-n", "mine", "-c", "mine.py", "--paper"], tmp_path, env)

    env = dict(variables(tmp_path, "replay", str(bars), "2026-01-05"), ZONE="Asia/Shanghai")
    span = ["--start", "2026-01-05", "--end", "2026-01-05"]
    result = run(tmp_path, "-c", "mine.py", *span, "--bars", str(bars), "--out", "out", env=env)
    assert result.code == 0, result.err

    def outcome(name: str) -> List[Any]:
        """The end of the day: what was sent at 09:35 and later, without the instants of a real clock."""
        last = seen(tmp_path / name)[-1]
        orders = [line[:-1] for line in last[4] if line[-1] >= "2026-01-05 09:35"]
        return [last[0], last[2], last[3], orders]

    found, expected = outcome("replay"), outcome("live")
    assert len(expected[3]) == 6
    assert found[3] == expected[3]
