"""A replay ends whatever its strategy left running, and a job that waits for its own clock is told of and can be stopped."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import List

import pytest

from jqtrade.clock import VirtualClock
from jqtrade.replay.long_jobs import LOADING, LongJobs
from tests.e2e.cli import PATIENCE, command, environment, jqtrade, read, wait_for, write_strategy

DAYS = ("--start", "2026-01-05", "--end", "2026-01-06")


@pytest.mark.parametrize(
    "left",
    [
        "threading.Thread(target=time.sleep, args=(3600,)).start()",
        pytest.param(
            "multiprocessing.get_context('fork').Process(target=time.sleep, args=(3600,)).start()",
            marks=pytest.mark.posix,
        ),
        "pool.submit(time.sleep, 3600)",
    ],
)
@pytest.mark.parametrize("verb", ["replay", "check"])
def test_what_a_strategy_leaves_running_holds_no_command_whose_results_are_out(
    tmp_path: Path, verb: str, left: str
) -> None:
    path = write_strategy(
        tmp_path / "s.py",
        f"""
        import multiprocessing, threading, time
        from concurrent.futures import ThreadPoolExecutor
        pool = ThreadPoolExecutor(1)
        def process_initialize(context):
            {left}
            run_daily(print, "09:31")
        """,
    )
    more = DAYS + ("--out", str(tmp_path / "out")) if verb == "replay" else ()
    began = time.monotonic()
    ended = jqtrade(verb, "-c", path, *more)  # raises when it takes too long
    assert ended.code == 0 and time.monotonic() - began < PATIENCE
    if verb == "replay":
        assert "结果在" in ended.out and (tmp_path / "out" / "summary.json").exists()


WAITING = """
    import time
    def process_initialize(context):
        set_options(use_account=True)
        run_daily(early, "09:31")
        run_daily(buy, "09:40")
    def early(context):
        pass
    def buy(context):
        order("600000.XSHG", 100, LimitOrderStyle(10))
        open("MARK", "w").close()
        while context.current_dt.minute < 41:
            time.sleep(0.05)
            sync_orders()
    def process_exit(context):
        print("EXIT")
"""


@pytest.mark.posix
@pytest.mark.parametrize("early", [False, True])
def test_a_job_that_waits_for_a_fill_is_told_of_and_one_ctrl_c_writes_the_results(tmp_path: Path, early: bool) -> None:
    path = write_strategy(tmp_path / "s.py", WAITING.replace("MARK", str(tmp_path / "mark")))
    out, told = tmp_path / "out", tmp_path / "told"
    with open(str(told), "wb") as terminal:
        process = subprocess.Popen(
            command("replay", "-c", path, *DAYS, "--out", str(out)),
            stdout=terminal,
            stderr=subprocess.STDOUT,
            env=environment(),
        )
        try:
            if early:  # before it is known to be a long one
                wait_for((tmp_path / "mark").exists, "the job")
            else:
                wait_for(lambda: "buy 已经运行了" in read(told), "the notice")
                assert "回放里时间在一个任务之内不走" in read(told)
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 1
        finally:
            process.kill()
    text = read(told)
    assert "收到停止信号，只回放到 2026-01-05" in text and "Traceback" not in text
    assert "EXIT" in read(out / "replay.log") and "被停止信号打断" in read(out / "replay.log")
    assert "buy" in read(out / "orders.csv") and "2026-01-05" in read(out / "equity.csv")


def test_a_long_job_is_told_of_once_and_cut_only_when_a_stop_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import datetime

    clock, said, cut = VirtualClock(datetime(2026, 1, 5)), [], []  # type: ignore[var-annotated]
    monkeypatch.setattr("_thread.interrupt_main", lambda: cut.append(1))
    asked: List[bool] = []
    jobs = LongJobs(said.append, lambda: bool(asked), clock)
    for name in ("short", "long", "long"):
        jobs.note(name)
        clock.sleep(1 if name == "short" else 6)
        jobs.check()
        jobs.note(None)
        jobs.check()
    jobs.note(LOADING)
    clock.sleep(60)
    jobs.check()
    assert [text.split(" ")[0] for text in said] == ["long"] and not cut and not jobs.was_cut
    asked.append(True)
    jobs.note("short")
    assert not jobs.cut()
    jobs.check()
    assert not cut
    clock.sleep(2)
    jobs.check()
    jobs.check()
    assert cut == [1] and jobs.was_cut


def test_a_replay_whose_strategy_configures_logging_anew_loses_no_line_of_its_log(tmp_path: Path) -> None:
    path = write_strategy(
        tmp_path / "s.py",
        """
        import io, logging.config, sys
        def process_initialize(context):
            set_options(use_account=True)
            run_daily(spoil, "09:31")
            run_daily(work, "09:32")
        def spoil(context):
            logging.config.dictConfig({"version": 1})
            logging.shutdown()
            sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8")
            sys.stdout = None
        def work(context):
            log.info("works", 1)
            print("printed")
            order("600000.XSHG", 150, LimitOrderStyle(10))
            1 / 0
        """,
    )
    played = jqtrade("replay", "-c", path, *DAYS, "--out", str(tmp_path / "out"))
    text = read(tmp_path / "out" / "replay.log")
    assert played.code == 0
    assert text.count("works 1") == text.count("\nprinted\n") == text.count("work 运行出错") == 2
    assert text.count("没有发出：买入 600000.XSHG 150 股") == 2 and text.count("spoil 改动了日志设置") == 1
    assert "work 运行出错：ZeroDivisionError" in played.err
    assert sys.stdout is not None
