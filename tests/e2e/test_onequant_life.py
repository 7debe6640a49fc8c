"""The main job over real files: a detached strategy and the paper One Quant, two processes that share a directory."""

import json
import subprocess

import pytest

from tests.e2e.cli import PATIENCE, WINDOWS, command, environment, jqtrade, read, tasks, wait_for, write_strategy

STRATEGY = """
    import json
    from datetime import timedelta

    def process_initialize(context):
        set_options(account_no="7654321", counter_type="UM0", order_dir={order_dir!r}, sync_internal=0.2)
        for seconds, job in ((2, send), (4, cancel)):
            run_daily(job, (context.current_dt + timedelta(seconds=seconds)).strftime("%H:%M:%S"))
        tell("start", context.portfolio.cash)

    def tell(what, value):
        print("TELL", json.dumps([what, value], ensure_ascii=False), flush=True)

    def send(context):
        if get_orders():
            tell("known", [[one.code, one.status] for one in get_orders()])
            return
        tell("ids", [
            order("000001.XSHE", 1000, LimitOrderStyle(10.00)),
            order("600000.XSHG", 100, LimitOrderStyle(0.1 + 0.2)),
            order("000002.XSHE", 100000, LimitOrderStyle(500)),
        ])

    def cancel(context):
        cancel_order(get_orders(code="600000.XSHG")[0].order_id)

    def on_order_update(context, order):
        tell(order.code, [order.status, order.filled_amount, order.err_msg])

    def process_exit(context):
        sync_orders()
        sync_balance()
        portfolio = context.portfolio
        position = portfolio.positions["000001.XSHE"]
        tell("end", [portfolio.total_value, portfolio.cash, portfolio.locked_cash, position.amount,
                     position.available_amount, position.avg_cost])
"""


def quotes(price):
    lines = ["code,last,bid1,ask1,prev_close", f"000001.XSHE,{price},{price},{price},10.00"]
    return "\n".join(lines + ["600000.XSHG,0.31,0.30,0.31,0.31", "000002.XSHE,500,500,500,500", ""])


@pytest.fixture
def broker(tmp_path):
    """The paper One Quant as a process of its own; its order directory, quotes file and truth file."""
    (tmp_path / "orders").mkdir()
    (tmp_path / "quotes.csv").write_text(quotes("10.50"))
    arguments = [
        "--order-dir",
        str(tmp_path / "orders"),
        "--account-no",
        "7654321",
        "--quotes",
        str(tmp_path / "quotes.csv"),
    ]
    process = subprocess.Popen(
        command("paper_broker", *(arguments + ["--truth", str(tmp_path / "truth.json")])),
        stdout=(tmp_path / "broker.log").open("wb"),
        stderr=subprocess.STDOUT,
        env=environment(),
    )
    wait_for(lambda: list((tmp_path / "orders").glob("positionInfo_*")), "the broker's first snapshot")
    yield tmp_path
    jqtrade("stop_task", "--all", "-s", "SIGKILL")
    process.terminate()
    assert process.wait(PATIENCE) == 0 or WINDOWS  # where terminate() is no signal


def told(log, what):
    lines = [json.loads(line[5:]) for line in read(log).splitlines() if line.startswith("TELL ")]
    return [value for name, value in lines if name == what]


def test_orders_are_filled_cancelled_and_refused_and_the_portfolio_is_right_to_the_cent(broker):
    log = broker / "demo.log"
    path = write_strategy(broker / "s.py", STRATEGY.format(order_dir=str(broker / "orders")))
    started = jqtrade("start_task", "-c", path, "-n", "demo", "-o", str(log))
    assert started.code == 0, started
    assert told(log, "start") == [1000000.0]
    wait_for(lambda: ["open", 0, ""] in told(log, "000001.XSHE"), "the order to be open")
    (broker / "quotes.csv").write_text(quotes("10.00"))
    wait_for(lambda: ["filled", 1000, ""] in told(log, "000001.XSHE"), "the order to be filled")
    wait_for(lambda: ["canceled", 0, ""] in told(log, "600000.XSHG"), "the order to be cancelled")
    ((status, filled, reason),) = wait_for(lambda: told(log, "000002.XSHE"), "the order to be refused")
    assert (status, filled) == ("rejected", 0) and "资金" in reason
    (results,) = (broker / "orders").glob("execResult_*")
    (updates,) = (broker / "orders").glob("orderUpdate_*")
    assert reason.encode("gbk") in results.read_bytes() + updates.read_bytes()
    (assets,) = (broker / "orders").glob("assetInfo_*")
    wait_for(
        lambda: b"999995.00,989995.00,989995.00" in assets.read_bytes(), "the broker's next snapshot, at most every 5 s"
    )
    (task,) = tasks()
    stopped = jqtrade("stop_task", "-n", "demo")
    assert (stopped.code, stopped.out.strip()) == (0, f"任务 demo（pid {task['pid']}）已停止")
    # bought 1000 at 10.00: commission 5.00 (at least)
    ((total, cash, locked, amount, available, cost),) = told(log, "end")
    assert (total, cash, locked) == (999995.00, 989995.00, 0.0)
    assert (amount, available) == (1000, 0)
    assert cost == pytest.approx(10.00, abs=0.006)
    assert len(told(log, "ids")[0]) == 3
    (orders,) = (broker / "orders").glob("algoOrder_*.csv")
    assert b",UM0,7654321,600000.SH,1,100,DMA,AT,0,0.3,0.3\r\n" in orders.read_bytes()
    assert "7654321" not in read(log)


def test_a_killed_task_knows_its_orders_when_it_is_started_again(broker):
    log = broker / "demo.log"
    path = write_strategy(broker / "s.py", STRATEGY.format(order_dir=str(broker / "orders")))
    start = ["start_task", "-c", path, "-n", "demo", "-o", str(log)]
    assert jqtrade(*start).code == 0
    wait_for(lambda: ["open", 0, ""] in told(log, "000001.XSHE"), "the order to be open")
    assert jqtrade("stop_task", "-n", "demo", "-s", "SIGKILL").code == 0
    (broker / "quotes.csv").write_text(quotes("10.00"))
    assert jqtrade(*start).code == 0
    (known,) = wait_for(lambda: told(log, "known"), "the orders of the first run")
    assert [code for code, _ in known] == ["000001.XSHE", "600000.XSHG", "000002.XSHE"]
    wait_for(lambda: ["filled", 1000, ""] in told(log, "000001.XSHE"), "the order to be filled")
    (orders,) = (broker / "orders").glob("algoOrder_*.csv")
    assert len(orders.read_bytes().splitlines()) == 1 + 3
