"""A gate that nobody here knows, in one new file: its option, its capability, its preflight, wherever a gate is used."""

import json
import logging
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, Dict

import pytest

from jqtrade.account import AbsTradeGate
from jqtrade.account.gate import Capabilities, GateContext
from jqtrade.clock import VirtualClock
from jqtrade.errors import InvalidParam, OrderNotSent
from jqtrade.gates.find import find_trade_gate
from jqtrade.gates.options import strategy_options
from jqtrade.gates.paper import PaperTradeGate
from jqtrade.options import SCHEDULER, Option, count
from jqtrade.testing import FakeBroker
from tests.e2e.cli import jqtrade, read, tasks, wait_for, write_strategy

GATE = """
    import logging
    from jqtrade.account.gate import AbsTradeGate, Capabilities
    from jqtrade.options import Option, count

    class NewGate(AbsTradeGate):
        OPTIONS = [Option("new_desks", 3, count, "没有设置 new_desks，用 3 张桌子")]
        CAPABILITIES = Capabilities(keeps_orders=False, is_simulated=True, declares_all_options=True)

        @classmethod
        def preflight(cls, options, clock, days):
            return [(logging.WARNING, f"{options['new_desks']} 张桌子都空着")]

        def setup(self, options):
            self.cash = 1000.0 * options["new_desks"]
            assert self.gate_context.orders is None and self.gate_context.clock is self.clock

        def order(self, order):
            assert order.order_id in self.gate_context.orders and order.order_id in self.gate_context.in_doubt

        def cancel_order(self, order_id): pass
        def sync_orders(self): return []

        def sync_balance(self):
            cash = {"total_assert": self.cash, "available_cash": self.cash, "locked_cash": 0}
            return {"cash": cash, "positions": []}
"""
STRATEGY = """
    def process_initialize(context):
        run_daily(buy, "09:30")
        log.info(f"cash {context.portfolio.cash:g}")

    def buy(context):
        log.info(f"sent {order('000001.XSHE', 100, LimitOrderStyle(10)) is not None}")
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config file that names the gate, which lies beside the strategy."""
    write_strategy(tmp_path / "new_gate.py", GATE)
    write_strategy(tmp_path / "s.py", STRATEGY)
    path = tmp_path / "config.py"
    write_strategy(path, 'ACCOUNT_TRADE_GATE = "new_gate.NewGate"\nACCOUNT_MAX_SNAPSHOT_AGE = None\n')
    return path


def test_a_task_starts_with_it_and_its_default_and_run_now_is_allowed(config: Path, tmp_path: Path) -> None:
    arguments = ("-n", "demo", "-c", str(tmp_path / "s.py"), "-o", str(tmp_path / "log"), "--config", str(config))
    result = jqtrade("start_task", *arguments)
    assert result.code == 0, result
    try:
        ran = jqtrade("run_now", "-n", "demo", "buy")
        assert ran.code == 0, ran
        log = wait_for(lambda: "sent True" in read(tmp_path / "log") and read(tmp_path / "log"), "the order")
        assert "cash 3000" in log and "没有设置 new_desks" in log
    finally:
        jqtrade("stop_task", "-n", "demo")
    assert tasks() == []


@pytest.mark.parametrize(
    "line, said",
    [
        ("ACCOUNT_NEW_DESKS = 0", "选项 new_desks=0 不正确，应为不小于 1 的整数"),
        ("ACCOUNT_NEW_DESK = 1", "没有选项 'new_desk'，最接近的是 'new_desks'"),
    ],
)
def test_its_option_is_checked_as_ours_are_and_a_misspelt_one_is_an_error(
    config: Path, tmp_path: Path, line: str, said: str
) -> None:
    with config.open("a") as file:
        file.write(line + "\n")
    result = jqtrade("check", "-c", str(tmp_path / "s.py"), "--config", str(config))
    assert result.code == 1 and said in result.out


def test_check_tells_its_preflight_and_does_not_start_it(config: Path, tmp_path: Path) -> None:
    with config.open("a") as file:
        file.write("ACCOUNT_NEW_DESKS = 5\n")
    report = json.loads(jqtrade("check", "-c", str(tmp_path / "s.py"), "--config", str(config), "--json").out)
    assert "5 张桌子都空着" in [row["text"] for row in report["warnings"]]
    assert "NewGate" not in str(report["notices"])


def test_a_preflight_that_raises_is_an_error_that_names_it(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "new_gate.py"
    path.write_text(path.read_text(encoding="utf-8").replace("return [(logging.WARNING", "return [(1 / 0"), "utf-8")
    result = jqtrade("check", "-c", str(tmp_path / "s.py"), "--config", str(config))
    assert result.code == 1 and "交易接口的 preflight 出错：ZeroDivisionError" in result.out


def test_the_same_file_and_config_replay_on_paper(config: Path, tmp_path: Path) -> None:
    days = ("--start", "2026-01-05", "--end", "2026-01-06")
    arguments = ("-c", str(tmp_path / "s.py"), "--config", str(config), *days, "--out", str(tmp_path / "out"), "--json")
    result = jqtrade("replay", *arguments, cwd=str(tmp_path))
    assert result.code == 0, result
    assert json.loads(result.out)["jobs_run"] == 2


class Shadowing(AbsTradeGate):
    """As a user may have written it, with places for what was set on each gate."""

    clock = None  # type: ignore[assignment]
    account_orders = None
    account_check = None  # type: ignore[assignment]
    keeps_orders = False
    mended = 0

    def mend(self) -> None:
        self.mended += 1

    def setup(self, options: Dict[str, Any]) -> None:
        self.account_doubts = {"of my own"}
        self.keeps_orders = options["keeps"]

    order = cancel_order = sync_balance = sync_orders = setup


def test_an_old_gate_reads_its_attributes_whatever_it_has_put_in_their_place() -> None:
    def closed() -> None:
        raise OrderNotSent("closed")

    gate, clock = Shadowing(), VirtualClock(datetime(2026, 1, 5))
    gate.gate_context = GateContext(clock)
    gate.setup({"keeps": True})
    gate.gate_context = gate.gate_context._replace(orders={}, in_doubt={"1"}, may_send=closed)
    assert (gate.clock, gate.account_orders, gate.account_doubts) == (clock, {}, {"1"})
    with pytest.raises(OrderNotSent, match="closed"):
        gate.account_check()
    assert gate.keeps_orders and not Shadowing.keeps_orders
    gate.repair_partial_write()
    assert gate.mended == 1


def test_a_bare_gate_takes_its_clock_as_the_guide_shows() -> None:
    gate, clock = FakeBroker().gate_class(), VirtualClock(datetime(2026, 1, 5))
    gate.clock = clock
    assert gate.gate_context.clock is clock
    assert FakeBroker().gate_class().clock is not clock


def test_the_new_name_of_mend_reaches_those_who_call_the_old_one() -> None:
    class Repairs(FakeBroker().gate_class):  # type: ignore[misc]
        def repair_partial_write(self) -> None:
            self.repaired = True

    class RepairsMore(Repairs):
        def mend(self) -> None:
            super().mend()
            self.more = True

    gate = RepairsMore()
    gate.repair_partial_write()
    assert gate.repaired and gate.more


@pytest.mark.parametrize("name", ["anxin", "paper"])
def test_a_subclass_of_ours_declares_nothing_that_only_ours_may_say(name: str) -> None:
    ours = find_trade_gate(name)
    theirs = type("Theirs", (ours,), {"keeps_orders": False})
    assert ours.CAPABILITIES.declares_all_options and ours.CAPABILITIES.setup_only_checks
    assert theirs.CAPABILITIES == Capabilities(keeps_orders=False, plays_broker=name == "paper")
    rows = theirs.preflight({}, VirtualClock(datetime(2026, 1, 5)), None)  # type: ignore[arg-type]
    assert rows == [(logging.INFO, "交易接口 Theirs 没有启动，它自己的选项没有检查")]


def test_what_a_gate_declares_is_what_the_old_attributes_say() -> None:
    class Forgets(FakeBroker().gate_class):  # type: ignore[misc]
        CAPABILITIES = Capabilities(keeps_orders=False)

    assert not Forgets.keeps_orders and PaperTradeGate.plays_broker and PaperTradeGate.keeps_orders


def test_a_gate_may_mean_another_gates_option_in_its_own_way_but_none_of_jqtrade() -> None:
    options = strategy_options()
    own = [Option("account_no", 7, count)]
    options.update(options.check({"account_no": 8}, own), own)
    assert options["account_no"] == 8 and options.as_dict()["order_dir"]
    options.update({})
    with pytest.raises(InvalidParam, match="account_no"):
        options.check({"account_no": 8})
    with pytest.raises(InvalidParam, match="sync_order.*同名"):
        options.check({}, [Option("sync_order", True, count, scope=SCHEDULER)])


def test_the_paper_exchange_is_not_imported_to_know_the_names_of_its_options(unmeasured: None) -> None:
    code = "import sys, jqtrade.runtime.worker; sys.exit('jqtrade.paper.exchange' in sys.modules)"
    assert subprocess.call([sys.executable, "-c", code]) == 0
