"""What user code does to the process does not reach jqtrade's own work: in virtual time, in this process."""

import decimal
import os
import sys
from typing import Any, List

import pytest

from jqtrade.testing import FakeBroker
from tests.runtime.strategy_files import at

BUY_TWICE = """
import decimal
decimal.getcontext().prec = 3
decimal.getcontext().rounding = decimal.ROUND_UP
decimal.getcontext().traps[decimal.Inexact] = True
decimal.DefaultContext.prec = 2

def process_initialize(context):
    seen.append(decimal.getcontext().prec)
    run_daily(job, "09:31")
    run_daily(job, "09:32")

def job(context):
    seen.append((decimal.getcontext().prec, decimal.getcontext().traps[decimal.Inexact]))
    if order("600000.XSHG", 1700, LimitOrderStyle(11.13)) is None:
        raise ValueError("refused")
    sync_orders()
    sync_balance()
    seen.append(context.portfolio.available_cash)
"""


def test_decimal_is_the_users_in_their_code_and_ours_in_our_sums(start: Any) -> None:
    before, default = decimal.getcontext().copy(), decimal.DefaultContext.prec
    try:
        cash = [
            [
                each
                for each in start(code, trade_gate="paper", use_account=True).run(at(10)).seen
                if isinstance(each, float)
            ]
            for code in (BUY_TWICE, "\n".join(line for line in BUY_TWICE.splitlines() if "context()." not in line))
        ]
        assert cash[0] and cash[0] == cash[1]
        seen = start(BUY_TWICE, trade_gate="paper", use_account=True).run(at(10)).seen
        assert seen[:2] == [3, (3, True)]
        assert (decimal.getcontext().prec, decimal.getcontext().rounding) == (before.prec, before.rounding)
    finally:
        decimal.DefaultContext.prec = default


def test_sys_argv_is_the_strategys_path_in_every_call_and_ours_again_after_it(start: Any) -> None:
    ours = list(sys.argv)
    started = start(
        """
        import argparse, sys
        parser = argparse.ArgumentParser()
        parser.add_argument("--n", type=int, default=3)
        seen.append(parser.parse_args().n)
        seen.append(list(sys.argv))
        sys.argv.append("kept")

        def process_initialize(context):
            seen.append(list(sys.argv))
            run_daily(job, "09:31")

        def job(context):
            seen.append(sys.argv)
        """
    ).run(at(10))
    path = started.module.__file__
    assert started.seen == [3, [path], [path, "kept"], [path, "kept"]]
    assert sys.argv == ours


FORKING = """
import os, sys, threading, time
from multiprocessing import get_context

def child():
    if os.fork() == 0:
        {child}
    else:
        seen.append(os.WEXITSTATUS(os.wait()[1]))

def work():
    time.sleep(0.2)
    open({mark!r}, "a").write("thread ")

def process_initialize(context):
    run_daily(job, "09:31")
    run_daily(later, "09:32")
    if {where!r} == "process_initialize":
        child()

def job(context):
    order("600000.XSHG", 100, LimitOrderStyle(10))
    if {where!r} == "job":
        child()

def on_order_update(context, order):
    if {where!r} == "on_order_update":
        child()

def later(context):
    open({mark!r}, "a").write("later ")

def process_exit(context):
    open({mark!r}, "a").write("exit ")
    if {where!r} == "process_exit":
        child()
"""


@pytest.mark.posix
@pytest.mark.parametrize(
    "child, code, marks",
    [
        ("return", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(7)", 7, ""),
        ("sys.exit('no')", 1, ""),
        ("1 / 0", 1, ""),
        ("raise KeyboardInterrupt", 1, ""),
        ("os.execvp('not-installed-anywhere', ['x'])", 1, ""),
        ("threading.Thread(target=work).start()", 0, "thread "),
        ("threading.Thread(target=time.sleep, args=(60,), daemon=True).start()", 0, ""),
        ("import atexit; atexit.register(work); sys.exit(2)", 2, ""),
        ("sys.stdout = sys.stderr = None; sys.exit(3)", 3, ""),
    ],
)
@pytest.mark.parametrize("where", ["process_initialize", "job", "on_order_update", "process_exit"])
def test_a_forked_child_ends_where_its_function_ends_with_the_exit_code_of_what_it_did(
    start: Any, tmp_path: Any, where: str, child: str, code: int, marks: str
) -> None:
    mark = tmp_path / "marks"
    broker = FakeBroker()
    ours = os.getpid()
    started = start(FORKING.format(child=child, where=where, mark=str(mark)), broker)
    started.run(at(9, 31))
    assert os.getpid() == ours
    broker.report(broker.orders[0].order_id, "filled")
    started.run(at(10))
    started.strategy.stop()
    assert started.seen == [code]
    assert len(broker.orders) == 1
    assert sorted(mark.read_text().split()) == sorted((marks + "later exit").split())


@pytest.mark.posix
def test_a_child_that_a_trade_gate_forks_in_a_sync_does_not_come_back_either(start: Any) -> None:
    broker = FakeBroker()
    ours, codes = os.getpid(), []  # type: ignore[var-annotated]

    def take_reports() -> List[Any]:
        if not codes:
            if os.fork() == 0:
                raise ValueError("in the child")
            codes.append(os.WEXITSTATUS(os.wait()[1]))
        return []

    started = start("def process_initialize(context): run_daily(print, '09:31')", broker, sync_order=True)
    broker.take_reports = take_reports  # type: ignore[method-assign]
    started.run(at(10))
    assert codes == [1] and os.getpid() == ours


def test_what_had_to_be_put_back_is_told_once_with_the_name_of_the_function(tmp_path: Any, caplog: Any) -> None:
    from jqtrade.runtime.user_code import UserCode

    changed: List[str] = []

    def put_back() -> List[str]:
        found = list(changed)
        changed.clear()
        return found

    code = UserCode("s.py", put_back)
    for _ in range(2):
        with code.running("buy"):
            changed.append("信号 SIGTERM 的处理")
    changed.append("日志设置")
    with code.running("sell"):
        pass
    assert [record.getMessage().split("，")[0] for record in caplog.records] == [
        "buy 改动了信号 SIGTERM 的处理",
        "不在任务里的代码（例如策略的线程） 改动了日志设置",
    ]
