"""A strategy in somebody else's process: it leaves nothing behind, and a second one meanwhile is refused by name."""

import decimal
import faulthandler
import logging
import os
import random
import signal
import sys
import threading
import warnings
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from strategy_files import Starter, at

from jqtrade.errors import InvalidCall
from jqtrade.gates.options import strategy_options
from jqtrade.masking import Masker
from jqtrade.replay.replay import Outcome, ReplaySpec, run_replay
from jqtrade.runtime.borrowed_process import BorrowedProcess
from jqtrade.testing import VirtualClock, start_strategy

CHANGES = {
    "sys.path": "sys.path.insert(0, '/nowhere')",
    "sys.argv": "sys.argv.append('more')",
    "the environment": "os.environ['JQ_LEFT'] = '1'; os.environ.pop('PATH', None)",
    "builtins": "import builtins; builtins.left_behind = 1",
    "a module that it replaced": "sys.modules['json'] = None",
    "random": "import random; random.seed(7)",
    "warnings": "import warnings; warnings.simplefilter('error')",
    "decimal": "import decimal; decimal.getcontext().prec = 3",
    "the recursion limit": "sys.setrecursionlimit(sys.getrecursionlimit() + 50)",
    "the folder": "os.chdir('/')",
    "faulthandler": "import faulthandler; (faulthandler.disable if faulthandler.is_enabled() else faulthandler.enable)()",
    "a logger": "import logging; logging.getLogger('mine').addHandler(logging.StreamHandler())",
    "the root logger": "import logging; logging.getLogger().handlers.clear(); logging.disable(logging.ERROR)",
    "hooks": "sys.excepthook = print",
}


def state() -> Dict[str, Any]:
    """What a strategy may change of its process, by other means than the code that is tested."""
    loggers = [logging.getLogger()] + [
        logging.getLogger(name)
        for name, one in list(logging.Logger.manager.loggerDict.items())
        if isinstance(one, logging.Logger)
    ]
    return {
        "path": list(sys.path),
        "argv": list(sys.argv),
        "environment": dict(os.environ),
        "builtins": sorted(vars(sys.modules["builtins"])),
        "random": random.getstate(),
        "warnings": list(warnings.filters),
        "decimal": decimal.getcontext().prec,
        "limit": sys.getrecursionlimit(),
        "folder": os.getcwd(),
        "faulthandler": faulthandler.is_enabled(),
        "streams": [sys.stdin, sys.stdout, sys.stderr, sys.excepthook, warnings.showwarning],
        "disabled": logging.root.manager.disable,
        "loggers": [
            (one.name, one.level, list(one.handlers), one.propagate, one.disabled) for one in loggers if _used(one)
        ],
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
    }


def _used(logger: logging.Logger) -> bool:
    return bool(logger.handlers or logger.level or logger.disabled or not logger.propagate)


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_what_a_strategy_changes_is_as_before_when_it_has_ended(change: str, tmp_path: Path) -> None:
    before, json = state(), sys.modules["json"]
    with BorrowedProcess("mine").lent():
        exec(CHANGES[change], {"os": os, "sys": sys})
        is_changed = state() != before or sys.modules["json"] is not json
    assert is_changed and state() == before and sys.modules["json"] is json


@pytest.mark.parametrize("change", sorted(set(CHANGES) - {"faulthandler"}))
def test_and_is_there_again_when_it_goes_on(change: str) -> None:
    process = BorrowedProcess("mine")
    with process.lent():
        exec(CHANGES[change], {"os": os, "sys": sys})
        changed = state()
    with process.lent():
        assert state() == changed


@pytest.mark.posix
def test_signal_handlers_and_an_alarm_do_not_outlive_it() -> None:
    before = signal.getsignal(signal.SIGALRM)
    running = signal.getitimer(signal.ITIMER_REAL)[0] > 0  # of a plug-in that ends tests which hang
    with BorrowedProcess("mine").lent():
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 3600)
    assert signal.getsignal(signal.SIGALRM) is before
    assert running or signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_a_second_one_meanwhile_is_refused_by_name_and_the_first_goes_on(start: Starter) -> None:
    path = start.write("other.py", "def process_initialize(context): run_daily(print, 'open')\n")
    started = start(
        f"""
        from jqtrade.testing import VirtualClock, start_strategy

        def job(context):
            try:
                start_strategy({str(path)!r}, VirtualClock(context.current_dt))
            except InvalidCall as error:
                seen.append(str(error))

        def process_initialize(context):
            run_daily(job, "10:00")
        """
    ).run(at(11))
    assert started.seen == ["这个进程正在运行策略 test，一个进程里同时只能有一个，test 没有运行"]
    start_strategy(str(path), VirtualClock(at(9))).stop()


STRATEGY = """
import os, signals

def process_initialize(context):
    run_daily(buy, "10:00")
    os.environ["SIGNAL"] = signals.CODE

def buy(context):
    import late
    order(signals.CODE, 100)
    assert late.CODE == os.environ["SIGNAL"] == signals.CODE
"""


def write_strategy(folder: Path, code: str) -> str:
    folder.mkdir()
    (folder / "mine.py").write_text(STRATEGY, encoding="utf-8")
    for helper in ("signals.py", "late.py"):
        (folder / helper).write_text(f"CODE = {code!r}\n", encoding="utf-8")
    return str(folder / "mine.py")


def in_a_thread(call: Callable[[], Any]) -> Any:
    """What `call` returns or raises, called outside the main thread."""
    results: List[Any] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if isinstance(results[0], BaseException):
        raise results[0]
    return results[0]


def replay(path: str, out: Path) -> Outcome:
    day = date(2026, 1, 5)
    return run_replay(ReplaySpec(code=path, start=day, end=day, out=str(out)), datetime(2026, 7, 1))


@pytest.mark.parametrize("where", [in_a_thread, lambda call: call()])
def test_two_replays_with_helpers_of_the_same_names_one_after_the_other_leave_nothing_behind(
    tmp_path: Path, where: Callable[[Callable[[], Any]], Any]
) -> None:
    paths = [write_strategy(tmp_path / folder, code) for folder, code in (("a", "000001.XSHE"), ("b", "600000.XSHG"))]
    where(lambda: replay(paths[0], tmp_path / "warm"))  # what is imported only now stays
    before, modules = state(), set(sys.modules)
    for number, path in enumerate(paths):
        outcome = where(partial(replay, path, tmp_path / f"out{number}"))
        assert (outcome.exit_code, outcome.summary.jobs_failed, outcome.summary.orders) == (0, 0, 1)
        assert state() == before
        assert set(sys.modules) == modules and not {"mine", "signals", "late"} & modules
    bought = [(tmp_path / f"out{number}" / "orders.csv").read_text(encoding="utf-8-sig") for number in range(2)]
    assert "000001.XSHE" in bought[0] and "600000.XSHG" in bought[1] and "000001" not in bought[1]


def test_a_replay_within_a_strategy_is_refused(tmp_path: Path) -> None:
    path = write_strategy(tmp_path / "a", "000001.XSHE")
    with BorrowedProcess("first").lent():
        with pytest.raises(InvalidCall, match="正在运行策略 first.*mine 没有运行"):
            replay(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_check_leaves_nothing_behind(tmp_path: Path) -> None:
    from jqtrade.check.command import check

    path = write_strategy(tmp_path / "a", "000001.XSHE")
    arguments = (None, True, VirtualClock(at(9)), strategy_options(), Masker())
    check(path, *arguments)
    before, modules = state(), set(sys.modules)
    report = check(path, *arguments)
    assert not report.errors and state() == before and set(sys.modules) == modules


def test_between_two_calls_a_tested_strategy_is_out_of_the_way_and_then_has_its_own_again(tmp_path: Path) -> None:
    paths = [write_strategy(tmp_path / folder, code) for folder, code in (("a", "000001.XSHE"), ("b", "600000.XSHG"))]
    before = state()
    both = [start_strategy(path, VirtualClock(at(9)), trade_gate="paper") for path in paths]
    assert state() == before and "signals" not in sys.modules
    for strategy in both:
        strategy.run(at(11))
        assert state() == before
    assert [[order.code for order in strategy.orders()] for strategy in both] == [["000001.XSHE"], ["600000.XSHG"]]
    for strategy in both:
        strategy.stop()
    assert state() == before
