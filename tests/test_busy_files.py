"""Files that another program has open without sharing, for a moment or for good."""

import os
import sys
import threading
import time
from contextlib import contextmanager
from datetime import datetime

import pytest

from jqtrade.account.journal import Journal
from jqtrade.busy_files import PATIENCE, when_free
from jqtrade.clock import VirtualClock
from jqtrade.masking import Masker
from jqtrade.runtime.config import read_config
from jqtrade.runtime.loader import load_strategy
from jqtrade.tasks.platform import open_log
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.spec import TaskSpec, new_token
from tests.e2e.cli import jqtrade, tasks, write_strategy

on_windows = pytest.mark.skipif(sys.platform != "win32", reason="elsewhere an open file is in nobody's way")

TRADING = """
    def process_initialize(context):
        set_options(use_account=True)
        run_daily(tick, "every_minute")

    def tick(context):
        pass
"""


def is_denied(error):
    return isinstance(error, PermissionError)


class Busy:
    """An action whose file is busy for the first `seconds` of the clock."""

    def __init__(self, clock, seconds, error=PermissionError):
        self._clock, self._seconds, self._error = clock, seconds, error

    def __call__(self):
        if self._clock.monotonic() < self._seconds:
            raise self._error("busy")
        return "done"


@pytest.fixture
def clock():
    return VirtualClock(datetime(2026, 1, 5, 9, 25))


@pytest.mark.parametrize("seconds", [0, 0.5, PATIENCE - 0.1])
def test_what_is_busy_for_a_moment_is_done_then(clock, seconds):
    assert when_free(Busy(clock, seconds), clock, is_denied) == "done"
    assert seconds <= clock.monotonic() < seconds + 0.1


def test_the_wait_has_an_end_and_the_error_comes_out(clock):
    with pytest.raises(PermissionError):
        when_free(Busy(clock, 1e9), clock, is_denied)
    assert PATIENCE <= clock.monotonic() < PATIENCE + 0.1


@pytest.mark.parametrize("error", [FileNotFoundError, IsADirectoryError, ValueError])
def test_other_errors_come_out_at_once(clock, error):
    with pytest.raises(error):
        when_free(Busy(clock, 1, error), clock, is_denied)
    assert clock.monotonic() == 0


@pytest.mark.posix
def test_where_files_are_shared_a_file_that_is_not_allowed_is_told_of_at_once(clock):
    with pytest.raises(PermissionError):
        when_free(Busy(clock, 1), clock)
    assert clock.monotonic() == 0


# ---------------------------------------------------------------- on Windows, with real files


@contextmanager
def held(path, seconds):
    """Have `path` open without sharing for so long, as some scanners do, None: to the end; made if it is missing."""
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.CreateFileW.restype = ctypes.c_void_p
    path.parent.mkdir(parents=True, exist_ok=True)
    open_always = 4
    handle = kernel.CreateFileW(str(path), ctypes.c_uint(0x80000000), 0, None, open_always, 0x80, None)
    assert handle not in (None, ctypes.c_void_p(-1).value), ctypes.get_last_error()
    free = threading.Event()
    holder = threading.Thread(target=lambda: [free.wait(seconds), kernel.CloseHandle(ctypes.c_void_p(handle))])
    holder.start()
    try:
        yield
    finally:
        free.set()
        holder.join()


@pytest.fixture
def start(tmp_path):
    """Starts the task demo with a journal; ended after the test."""
    write_strategy(tmp_path / "s.py", TRADING)
    write_strategy(tmp_path / "c.py", "SCHEDULER_MISFIRE_GRACE_TIME = 60\n")
    (tmp_path / "orders").mkdir()
    write_strategy(tmp_path / "c.py", f"ACCOUNT_ORDER_DIR = {str(tmp_path / 'orders')!r}\nACCOUNT_ACCOUNT_NO = '1'\n")

    def run():
        verb = ["start_task", "-c", "s.py", "-n", "demo", "--config", "c.py", "-o", "demo.log"]
        return jqtrade(*verb, cwd=str(tmp_path))

    yield run
    jqtrade("stop_task", "--all", "-s", "SIGKILL")


def claim(home):
    said = []
    spec = TaskSpec("demo", "s.py", None, {}, None, False, True, str(home), new_token())
    TaskRegistry(str(home), say=said.append).claim(spec).release()
    assert said == []


def read_secrets(path):
    masker = Masker()
    masker.hide_account_nos_in(str(path))
    assert "12345678" not in masker("12345678")


OPENED = {
    "guard": ("tasks/.guard.lock", lambda home, path: claim(home)),
    "lock": ("tasks/demo.lock", lambda home, path: claim(home)),
    "record": ("tasks/demo.json", lambda home, path: claim(home)),
    "journal": ("data/demo.db", lambda home, path: Journal(str(path)).close()),
    "detached log": ("logs/demo.log", lambda home, path: os.close(open_log(str(path)))),
    "strategy": ("s.py", lambda home, path: load_strategy(str(path), {})),
    "configuration": ("c.py", lambda home, path: read_config(str(path))),
    "secrets": ("s.py", lambda home, path: read_secrets(path)),
    "request to cancel": ("tasks/demo.halt", lambda home, path: TaskRegistry(str(home)).halt("demo", True)),
    "end of the halt": ("tasks/demo.halt", lambda home, path: TaskRegistry(str(home)).resume("demo")),
}


@on_windows
@pytest.mark.parametrize("what", list(OPENED))
def test_what_is_open_elsewhere_for_a_second_is_waited_for(tmp_path, what):
    name, use = OPENED[what]
    path = tmp_path / name
    claim(tmp_path)
    (tmp_path / "s.py").write_text("ACCOUNT = '12345678'\n")
    Journal(str(tmp_path / "data" / "demo.db")).close()
    with held(path, 1):
        began = time.monotonic()
        use(tmp_path, path)
        assert time.monotonic() - began > 0.8


@on_windows
def test_a_start_waits_for_its_log(tmp_path, start):
    with held(tmp_path / "demo.log", 3):
        started = start()
    assert started.code == 0, started
    assert [task["name"] for task in tasks()] == ["demo"]


@on_windows
@pytest.mark.parametrize(
    "verb, said",
    [(["stop_task", "-n", "demo"], "已停止"), (["halt_task", "-n", "demo"], "已暂停下单"), (["get_tasks"], "运行中")],
    ids=["stop", "halt", "get"],
)
def test_commands_wait_for_the_guard(jqtrade_home, start, verb, said):
    assert start().code == 0
    with held(jqtrade_home / "tasks" / ".guard.lock", 2):
        done = jqtrade(*verb)
    assert (done.code, said in done.out, done.err) == (0, True, ""), done


@on_windows
@pytest.mark.parametrize("which", [["-n", "demo"], ["--all"]], ids=["name", "all"])
def test_a_guard_that_stays_busy_keeps_no_halt_from_being_told(jqtrade_home, start, which):
    assert start().code == 0
    with held(jqtrade_home / "tasks" / ".guard.lock", None):
        done = jqtrade("halt_task", *which)
        assert (jqtrade_home / "tasks" / "demo.halt").exists()
    assert done.code == 0 and "已暂停下单" in done.out, done


@on_windows
def test_a_lock_that_is_open_elsewhere_is_no_running_task(jqtrade_home, start):
    assert start().code == 0
    assert jqtrade("stop_task", "-n", "demo").code == 0
    with held(jqtrade_home / "tasks" / "demo.lock", 2):
        assert tasks() == []


@on_windows
def test_a_request_to_cancel_waits_for_a_halt_file_that_is_open_elsewhere(jqtrade_home, start):
    assert start().code == 0
    with held(jqtrade_home / "tasks" / "demo.halt", 2):
        done = jqtrade("halt_task", "-n", "demo", "--cancel-open")
    assert done.code == 0 and "没有需要撤的订单" in done.out, done
    with held(jqtrade_home / "tasks" / "demo.halt", 2):
        assert jqtrade("resume_task", "-n", "demo").code == 0
    assert not (jqtrade_home / "tasks" / "demo.halt").exists()


@on_windows
def test_a_journal_that_stays_busy_stops_the_start_and_nobody_is_told_to_move_it(jqtrade_home, tmp_path, start):
    assert start().code == 0
    assert jqtrade("stop_task", "-n", "demo").code == 0
    with held(jqtrade_home / "data" / "demo.db", None):
        started = start()
    assert started.code == 1
    assert "不要删除或移走它" in started.err and "可以把它移走" not in started.err
