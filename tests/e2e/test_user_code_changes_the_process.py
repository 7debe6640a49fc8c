"""Real tasks whose strategy changes its process: what jqtrade needs stays, and the process ends when it is told to."""

import json
import os
import signal
import subprocess
import time

import pytest

from tests.e2e.cli import PATIENCE, WINDOWS, command, environment, jqtrade, read, tasks, wait_for, write_strategy

HOSTILE = """
    import decimal, gc, io, locale, logging, logging.config, os, random, signal, socket, sys, threading, time, warnings
    import datetime as datetimes
    from datetime import timedelta

    logging.config.dictConfig({"version": 1, "root": {"level": "CRITICAL"}})

    def process_initialize(context):
        set_options(use_account=True, timezone="Asia/Shanghai")
        moment = context.current_dt + timedelta(seconds=1)
        run_daily(spoil, moment.strftime("%H:%M:%S"))
        for seconds in (2, 3):
            run_daily(work, (moment + timedelta(seconds=seconds)).strftime("%H:%M:%S"))

    def spoil(context):
        logging.disable(logging.CRITICAL)
        logging.shutdown()
        warnings.simplefilter("error")
        sys.stdout = io.StringIO()
        sys.stderr = None
        sys.stdin = None
        sys.excepthook = threading.excepthook = lambda *arguments: os._exit(9)
        for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *arguments: None)
        decimal.getcontext().prec = 2
        random.seed(1)
        gc.disable()
        socket.setdefaulttimeout(0.001)
        sys.setswitchinterval(1)
        os.chdir("/")
        os.umask(0o777)
        for name in ("HOME", "USERPROFILE", "JQTRADE_HOME", "PATH"):
            os.environ.pop(name, None)
        os.environ["TZ"] = "America/New_York"
        if hasattr(time, "tzset"):
            time.tzset()
        time.sleep = time.time = time.monotonic = lambda *arguments: 0.0
        for name in ("time", "random", "json", "sqlite3"):
            sys.modules.pop(name, None)
        sys.argv[:] = []
        sys.path[:] = []

    def work(context):
        log.info("work runs at %s", context.current_dt)
        order("600000.XSHG", 150, LimitOrderStyle(10))
        order("600000.XSHG", 100, LimitOrderStyle(10))
        1 / 0
"""


@pytest.fixture
def demo(tmp_path):
    """A detached task named demo, ended after the test; its log."""
    log = tmp_path / "demo.log"

    def start(source, *more):
        path = write_strategy(tmp_path / "s.py", source)
        result = jqtrade("start_task", "-c", path, "-n", "demo", "--paper", "-o", str(log), *more)
        assert result.code == 0, result
        return tasks()[0]["pid"]

    start.log = log
    yield start
    jqtrade("stop_task", "--all", "-s", "SIGKILL")


def is_gone(pid):
    """Whether process `pid` has ended; a zombie has, though nobody may have asked for its exit code."""
    if WINDOWS:
        return True
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_after_a_strategy_has_changed_all_it_can_its_jobs_refusals_and_errors_are_logged_and_it_stops(demo):
    demo(HOSTILE)
    wait_for(lambda: read(demo.log).count("work 运行出错") == 2, "both jobs")
    text = read(demo.log)
    assert text.count("work runs at") == 2 and text.count("没有发出：买入 600000.XSHG 150 股") == 2
    assert text.count("ZeroDivisionError: division by zero") == 2
    assert text.count("策略文件 改动了日志设置") == 1
    assert "spoil 改动了sys.stderr" in text and "spoil 改动了信号 SIGTERM 的处理" in text
    assert "\ufffd" not in text and "spoil 运行出错" not in text
    if not WINDOWS:
        assert oct(demo.log.stat().st_mode & 0o777) == "0o600"
    (task,) = tasks()
    assert (task["jobs_run"], task["jobs_failed"]) == (3, 2)
    if WINDOWS:
        assert jqtrade("stop_task", "-n", "demo").code == 0
    else:
        os.kill(task["pid"], signal.SIGTERM)
    wait_for(lambda: tasks() == [], "the end")
    assert read(demo.log).splitlines()[-1].endswith("任务 demo 已结束")


THREAD = """
    import threading, time
    def process_initialize(context):
        threading.Thread(target=time.sleep, args=(3600,), name="行情").start()
        run_daily(print, "09:31")
"""
CHILD = """
    import multiprocessing, time
    def process_initialize(context):
        multiprocessing.get_context("fork").Process(target=time.sleep, args=(3600,)).start()
        run_daily(print, "09:31")
"""
ATEXIT = """
    import atexit, time
    def process_initialize(context):
        atexit.register(time.sleep, 3600)
        run_daily(print, "09:31")
"""
POOL = """
    from concurrent.futures import ThreadPoolExecutor
    pool = ThreadPoolExecutor(2)
    def process_initialize(context):
        pool.submit(time.sleep, 3600)
        run_daily(print, "09:31")
    import time
"""


BY_ATEXIT = "用 atexit 登记的函数"


@pytest.mark.parametrize(
    "source, what",
    [
        pytest.param(THREAD, "线程 行情", id="thread"),
        pytest.param(POOL, "线程 ThreadPoolExecutor", id="pool"),
        pytest.param(CHILD, "子进程 ", id="child", marks=pytest.mark.posix),
        pytest.param(ATEXIT, BY_ATEXIT, id="atexit"),
    ],
)
def test_a_stopped_task_waits_a_while_for_what_its_strategy_left_and_says_so_and_is_gone_when_that_is_said(
    demo, source, what
):
    pid = demo(source)
    early = jqtrade("stop_task", "-n", "demo", "--timeout", "1")
    assert early.code == 1 and (what == BY_ATEXIT or f"等待策略的{what}" in early.err)
    assert WINDOWS or not is_gone(pid)
    stopped = jqtrade("stop_task", "-n", "demo")
    assert stopped.code == 0 or "没有名为 demo" in stopped.err  # a slow machine: it is gone by then
    assert is_gone(pid)
    text = read(demo.log)
    assert f"策略的{what}" in text and "过了 5 秒仍没有结束，不再等待，直接结束进程" in text
    assert text.count("任务 demo 已结束") == 1
    if source is CHILD:
        child = int(text.partition("子进程 ")[2].split()[0])
        wait_for(lambda: is_gone(child), "the end of the child")


SHORT = """
    import atexit, threading, time
    is_over = threading.Event()
    def process_initialize(context):
        threading.Thread(target=finish).start()
        atexit.register(print, "BYE")
        run_daily(print, "09:31")
    def process_exit(context):
        is_over.set()
    def finish():
        is_over.wait()
        time.sleep(1.5)
        print("FINISHED")
"""


def test_what_ends_in_time_is_waited_for_and_functions_of_atexit_are_called(demo):
    demo(SHORT)
    stopped = jqtrade("stop_task", "-n", "demo")
    lines = read(demo.log).splitlines()
    assert stopped.code == 0
    assert [line for line in lines if line in ("FINISHED", "BYE")] == ["FINISHED", "BYE"]
    assert lines[-1].endswith("任务 demo 已结束") and "不再等待" not in read(demo.log)


@pytest.mark.posix
def test_ctrl_c_ends_a_foreground_task_with_a_thread_too(tmp_path):
    path = write_strategy(tmp_path / "s.py", THREAD)
    process = subprocess.Popen(
        command("start_task", "-c", path, "-n", "fg", "--paper"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(),
    )
    try:
        wait_for(lambda: [task for task in tasks() if task["state"] == "running"], "the start")
        process.send_signal(signal.SIGINT)
        out = process.communicate(timeout=PATIENCE)[0].decode()
    finally:
        process.kill()
    assert process.returncode == 0
    assert "等待策略的线程 行情 结束，最多 5 秒" in out and out.rstrip().endswith("任务 fg 已结束")


CLONES = """
    import os, sys
    from datetime import timedelta
    def process_initialize(context):
        moment = context.current_dt
        for seconds in (1, 2):
            run_daily(fork, (moment + timedelta(seconds=seconds)).strftime("%H:%M:%S"))
        run_daily(work, (moment + timedelta(seconds=3)).strftime("%H:%M:%S"))
    def fork(context):
        if os.fork() == 0:
            if context.current_dt.second % 2:
                sys.exit(3)
            os.execvp("not-installed-anywhere", ["x"])
    def work(context):
        print("WORK in", os.getpid())
    def process_exit(context):
        print("EXIT in", os.getpid())
"""


@pytest.mark.posix
def test_a_forked_child_becomes_no_second_task_and_calls_no_process_exit(demo):
    pid = demo(CLONES)
    wait_for(lambda: "WORK in" in read(demo.log), "the job")
    time.sleep(0.5)
    assert jqtrade("stop_task", "-n", "demo").code == 0
    text = read(demo.log)
    assert [line for line in text.splitlines() if line.startswith(("WORK", "EXIT"))] == [
        f"WORK in {pid}",
        f"EXIT in {pid}",
    ]
    assert text.count("已结束") == 1 and text.count("fork 派生的子进程运行出错") == 1


ARGV = """
    import argparse, sys
    parser = argparse.ArgumentParser()
    parser.add_argument("--n", type=int, default=3)
    N = parser.parse_args().n
    print("ARGV", sys.argv)
    def process_initialize(context):
        set_options(use_account=True)
        run_daily(print, "09:31")
"""


def test_a_strategy_that_reads_its_arguments_sees_its_own_path_in_every_mode(demo, tmp_path):
    demo(ARGV)
    path = str(tmp_path / "s.py")
    said = f"ARGV {[path]}"
    assert said in read(demo.log)
    checked = jqtrade("check", "-c", path, "--paper", "--json")
    assert said in checked.err and json.loads(checked.out)["errors"] == []
    days = ("--start", "2026-01-05", "--end", "2026-01-05")
    replayed = jqtrade("replay", "-c", path, *days, "--out", str(tmp_path / "out"))
    assert replayed.code == 0 and said in read(tmp_path / "out" / "replay.log")
