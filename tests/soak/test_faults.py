"""Minutes of trading against a paper One Quant that misbehaves on purpose; `python -m pytest -m soak` runs it.

JQTRADE_SOAK_SECONDS says how long, 600 by default.
"""

import json
import os
import subprocess
from collections import Counter

from tests.e2e.cli import PATIENCE, command, environment, jqtrade, read, wait_for, write_strategy

SECONDS = int(os.environ.get("JQTRADE_SOAK_SECONDS", "600"))

STRATEGY = """
    import json
    import random
    from datetime import timedelta

    CODES = ["000001.XSHE", "600000.XSHG", "000002.XSHE", "600519.XSHG"]
    chance = random.Random(7)
    sent = []

    def process_initialize(context):
        set_options(account_no="7654321", counter_type="UM0", order_dir={order_dir!r}, sync_internal=0.5)
        set_options(sell_check=False, price_deviation=None)  # what the broker refuses is wanted here
        for second in range(2, {seconds} + 2):
            run_daily(five_orders, (context.current_dt + timedelta(seconds=second)).strftime("%H:%M:%S"))
        run_daily(finish, (context.current_dt + timedelta(seconds={seconds} + 10)).strftime("%H:%M:%S"))

    def five_orders(context):
        for index in range(5):
            style = LimitOrderStyle(chance.choice([0, 0, 0.01, 0.02, 9000]))
            sent.append(order(chance.choice(CODES), chance.choice([100, 200, 1000, 300, -100]), style))
        for one in get_orders(status="open")[:3]:
            cancel_order(one.order_id)

    def finish(context):
        batch_cancel_orders([one.order_id for one in get_orders() if one.status in ("new", "open", "filling")])
        print("FINISHED", flush=True)

    def process_exit(context):
        sync_orders()
        sync_balance()
        with open({result!r}, "w") as file:
            json.dump({{
                "sent": sent,
                "orders": {{one.order_id: [one.status, one.filled_amount] for one in get_orders()}},
                "cash": context.portfolio.cash,
            }}, file)
"""


def test_every_order_ends_as_the_broker_has_it_and_no_error_is_repeated(tmp_path):
    (tmp_path / "orders").mkdir()
    truth = tmp_path / "truth.json"
    result = tmp_path / "result.json"
    log = tmp_path / "demo.log"
    arguments = [
        "--order-dir",
        str(tmp_path / "orders"),
        "--account-no",
        "7654321",
        "--cash",
        "1e9",
        "--faults",
        "--truth",
        str(truth),
    ]
    broker = subprocess.Popen(
        command("paper_broker", *arguments),
        stdout=(tmp_path / "broker.log").open("wb"),
        stderr=subprocess.STDOUT,
        env=environment(),
    )
    try:
        wait_for(lambda: list((tmp_path / "orders").glob("positionInfo_*")), "the broker's first snapshot")
        source = STRATEGY.format(order_dir=str(tmp_path / "orders"), result=str(result), seconds=SECONDS)
        started = jqtrade("start_task", "-c", write_strategy(tmp_path / "s.py", source), "-n", "demo", "-o", str(log))
        assert started.code == 0, started
        wait_for(lambda: "FINISHED" in read(log), "the last order", SECONDS + 120)
        wait_for(lambda: _settled(truth), "the broker to settle")
        wait_for(lambda: _quiet(log), "the news to stop", 120)
        assert jqtrade("stop_task", "-n", "demo").code == 0
    finally:
        jqtrade("stop_task", "--all", "-s", "SIGKILL")
        broker.terminate()
        broker.wait(PATIENCE)
    _compare(json.loads(result.read_text()), json.loads(truth.read_text(encoding="utf-8")))
    assert _repeated_errors(log) == {}
    print(_summary(json.loads(result.read_text()), log))


def _settled(truth):
    orders = json.loads(truth.read_text(encoding="utf-8"))["orders"] if truth.exists() else {}
    return orders and all(
        order["status"] in ("filled", "partly_canceled", "canceled", "rejected") for order in orders.values()
    )


def _quiet(log):
    """Whether no order changed for 8 s; the broker's garbage goes on for ever."""
    changes = _changes(log)
    try:
        wait_for(lambda: _changes(log) != changes, "nothing", 8)
    except AssertionError:
        return True
    return False


def _changes(log):
    return read(log).count(" jqtrade.account 订单 ")


def _compare(ours, theirs):
    assert len(ours["sent"]) == 5 * SECONDS and None not in ours["sent"]
    assert set(ours["orders"]) == set(ours["sent"])
    refused = theirs["refused"]
    wrong = {}
    for order_id, (status, filled) in ours["orders"].items():
        if order_id in theirs["orders"]:
            truth = theirs["orders"][order_id]
            right = [truth["status"], truth["filled_amount"]]
        else:
            assert order_id in refused, f"the broker never heard of order {order_id}"
            right = ["rejected", 0]
        if [status, filled] != right:
            wrong[order_id] = ([status, filled], right)
    assert wrong == {}
    assert f"{ours['cash']:.2f}" == theirs["cash"]["available"]


def _repeated_errors(log):
    """Error lines that stand more than once in the log, numbers and times aside."""
    errors = [line.split(" ERROR ", 1)[1] for line in read(log).splitlines() if " ERROR " in line]
    errors = [line for line in errors if "（恢复之前不再重复）" not in line]  # one for each time that it began
    return {line: count for line, count in Counter(errors).items() if count > 1}


def _summary(ours, log):
    states = Counter(status for status, _ in ours["orders"].values())
    broken = read(log).count("有一行无法识别")
    outages = read(log).count("（恢复之前不再重复）")
    return f"{len(ours['sent'])} orders: {dict(states)}; {broken} broken lines quoted, {outages} outages told"
