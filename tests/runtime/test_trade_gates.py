"""The option trade_gate: every way to name a gate, and what is refused."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, List

import pytest
from strategy_files import GATES, Starter

from jqtrade.account import AbsTradeGate, AnXinDMATradeGate
from jqtrade.errors import InvalidParam
from jqtrade.gates.find import find_trade_gate
from jqtrade.gates.options import strategy_options
from jqtrade.gates.paper import PaperTradeGate
from jqtrade.runtime.strategy import Strategy
from jqtrade.testing import FakeBroker, VirtualClock

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    "name, expected",
    [
        ("anxin", AnXinDMATradeGate),
        ("paper", PaperTradeGate),
        ("jqtrade.account.AnXinDMATradeGate", AnXinDMATradeGate),
        ("jqtrade.account.trade_gate.AnXinDMATradeGate", AnXinDMATradeGate),
        (AnXinDMATradeGate, AnXinDMATradeGate),
        (PaperTradeGate, PaperTradeGate),
    ],
)
def test_our_own_gates_have_names(name: Any, expected: type) -> None:
    assert find_trade_gate(name) is expected


def test_a_gate_is_named_by_its_class_or_by_module_and_class(gate_calls: List[Any]) -> None:
    import sample_gates

    assert find_trade_gate("sample_gates.RecordingGate") is sample_gates.RecordingGate
    assert find_trade_gate(sample_gates.RecordingGate) is sample_gates.RecordingGate


def test_the_gates_base_class_is_importable_from_both_documented_places() -> None:
    import jqtrade.account
    import jqtrade.account.trade_gate

    assert jqtrade.account.AbsTradeGate is jqtrade.account.trade_gate.AbsTradeGate is AbsTradeGate
    assert jqtrade.account.AnXinDMATradeGate is jqtrade.account.trade_gate.AnXinDMATradeGate


@pytest.mark.parametrize(
    "value, said",
    [
        ("sample_gates.NoGate", "AbsTradeGate"),
        ("sample_gates.make_gate", "AbsTradeGate"),
        ("sample_gates.MOMENT", "AbsTradeGate"),
        ("sample_gates.UnfinishedGate", "cancel_order、sync_orders"),
        ("sample_gates.Missing", "Missing"),
        ("no_such_package.Gate", "no_such_package"),
        (".sample_gates.RecordingGate", "无法导入"),
        ("papr", "'paper'"),
        ("anxing", "'anxin'"),
        ("", "模块.类名"),
        (None, "AbsTradeGate"),
        (5, "AbsTradeGate"),
        (object, "AbsTradeGate"),
        (FakeBroker().gate_class(), "AbsTradeGate"),
        (AbsTradeGate, "setup"),
    ],
)
def test_what_is_no_gate_is_refused_with_the_reason(gate_calls: List[Any], value: Any, said: str) -> None:
    with pytest.raises(InvalidParam) as refused:
        find_trade_gate(value)
    assert said in str(refused.value)


def test_set_options_refuses_a_bad_gate_at_the_call(start: Starter) -> None:
    started = start(
        """
        def process_initialize(context):
            run_daily(print, "open")
            try:
                set_options(trade_gate="papr", account_no="1234567")
            except InvalidParam as error:
                seen.append(str(error))
        """
    )
    assert "'paper'" in started.seen[0]


def test_a_gate_defined_in_the_strategys_own_file_is_used(start: Starter) -> None:
    started = start(
        """
        from jqtrade.account import AbsTradeGate

        class MyGate(AbsTradeGate):
            def setup(self, options): seen.append(options["server"])
            def order(self, order): pass
            def cancel_order(self, order_id): pass
            def sync_balance(self):
                return {"cash": {"total_assert": 3, "available_cash": 2, "locked_cash": 1}, "positions": []}
            def sync_orders(self): return []

        def process_initialize(context):
            set_options(trade_gate=MyGate, server="x")
            seen.append(context.portfolio.total_value)
        """
    )
    assert started.seen == ["x", 3.0]


def test_a_gate_in_a_module_beside_the_strategy_is_used(start: Starter) -> None:
    start.write("my_gate.py", (GATES / "sample_gates" / "__init__.py").read_text(encoding="utf-8"))
    started = start(
        """
        def process_initialize(context):
            set_options(trade_gate="my_gate.RecordingGate")
            seen.append(context.portfolio.cash)
        """
    )
    assert started.seen == [900.0]


@pytest.fixture
def plug_in(tmp_path: Path) -> Path:
    """A folder for sys.path in which a distribution with three entry points is installed."""
    folder = tmp_path / "site"
    info = folder / "my_gates-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-gates\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[jqtrade.trade_gates]\nmine = sample_gates:RecordingGate\nbroken = no_such_package:Gate\n"
        "wrong = sample_gates:NoGate\n\n[console_scripts]\nother = sample_gates:make_gate\n",
        encoding="utf-8",
    )
    return folder


def find_in_new_process(value: str, *folders: Path) -> str:
    """What a process with `folders` on sys.path finds: the class's name, or the text of the InvalidParam."""
    code = (
        f"import sys; sys.path[:0] = {[str(folder) for folder in folders]!r}\n"
        "from jqtrade.errors import InvalidParam\n"
        "from jqtrade.gates.find import find_trade_gate\n"
        f"try: found = find_trade_gate({value!r}).__name__\n"
        "except InvalidParam as error: found = str(error)\n"
        "sys.stdout.buffer.write(found.encode('utf-8'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=str(ROOT),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout.decode("utf-8")


@pytest.mark.parametrize(
    "value, found",
    [
        ("mine", "RecordingGate"),
        ("minee", "最接近的是 'mine'"),
        ("other", "没有交易接口 'other'"),
        ("broken", "no_such_package"),
        ("wrong", "AbsTradeGate"),
    ],
)
def test_an_installed_plug_in_is_found_by_the_name_of_its_entry_point(plug_in: Path, value: str, found: str) -> None:
    assert found in find_in_new_process(value, plug_in, GATES)


FRESH = """
def process_initialize(context):
    set_options(**{options})
    run_daily(work, "09:30")

def work(context):
    pass
"""


@pytest.mark.parametrize("options", ["dict(use_account=False)", "dict(account_no='12345678', order_dir='/nowhere')"])
def test_fresh_is_for_paper_and_refused_before_anything_is_done_elsewhere(tmp_path: Path, options: str) -> None:
    path = tmp_path / "s.py"
    path.write_text(FRESH.format(options=options), encoding="utf-8")
    strategy = Strategy(
        "demo", str(path), VirtualClock(datetime(2026, 1, 5)), strategy_options(str(tmp_path)), fresh=True
    )
    with pytest.raises(InvalidParam, match="--fresh 只用于模拟交易.*任务没有启动"):
        strategy.start()
    strategy.close()
    assert not (tmp_path / "data").exists()


def test_a_gate_of_the_user_s_own_keeps_what_it_calls_account_file(start: Starter) -> None:
    code = """
    from jqtrade.testing import FakeBroker

    class Mine(FakeBroker().gate_class):
        account_file = "mine.json"

        def setup(self, options):
            seen.append(self.account_file)

    def process_initialize(context):
        set_options(trade_gate=Mine)
        run_daily(work, "09:30")

    def work(context):
        pass
    """
    assert start(code).seen == ["mine.json"]
