"""A stop asked for by a signal, seen from a process of its own."""

import subprocess
import sys
import textwrap

import pytest

from jqtrade.stop_signals import StopSignals

pytestmark = pytest.mark.posix

PRELUDE = """
import multiprocessing, os, signal, sys, time
from jqtrade.stop_signals import StopSignals
"""


def run(code: str) -> str:
    source = PRELUDE + textwrap.dedent(code)
    return subprocess.check_output([sys.executable, "-c", source], stderr=subprocess.STDOUT, timeout=60).decode()


def test_the_work_at_hand_goes_on_and_a_second_ctrl_c_interrupts_it() -> None:
    code = """
        stop = StopSignals("stopping after this")
        stop.listen()
        os.kill(os.getpid(), signal.SIGINT)
        print(stop.received, flush=True)
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)
        except KeyboardInterrupt:
            print("interrupted")
    """
    assert run(code).split("\n") == ["stopping after this", "SIGINT", "interrupted", ""]


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
@pytest.mark.parametrize("safe", ["", "make_streams_safe()"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_the_answer_is_in_the_encoding_of_what_the_program_prints(
    monkeypatch: pytest.MonkeyPatch, encoding: str, safe: str, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    code = f"""
        from jqtrade.streams import make_streams_safe
        {safe}
        print("开始", file=sys.stderr, flush=True)
        StopSignals("正在停止").listen()
        os.kill(os.getpid(), signal.SIGINT)
    """
    source = PRELUDE + textwrap.dedent(code)
    said = subprocess.check_output([sys.executable, "-c", source], stderr=subprocess.STDOUT, timeout=60)
    assert said.decode(encoding).split() == ["开始", "正在停止"]


def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    code = """
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        stop = StopSignals("")
        stop.listen()
        os.kill(os.getpid(), signal.SIGHUP)
        print([stop.received])
    """
    assert run(code).strip() == "['']"


def test_forked_children_end_on_a_signal_as_if_we_were_not_there() -> None:
    code = """
        stop = StopSignals("")
        stop.listen()
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
        if sys.version_info < (3, 7):  # without hooks around a fork Python forgets a signal that comes at once
            time.sleep(0.5)
        child.terminate()
        child.join(10)
        print(child.exitcode == -signal.SIGTERM, [stop.received])
        for _ in range(30 if sys.version_info >= (3, 7) else 0):
            with multiprocessing.get_context("fork").Pool(2) as pool:
                pool.map(abs, range(4))
        print("pools ended")
    """
    assert run(code).split("\n") == ["True ['']", "pools ended", ""]


def test_console_events_that_are_signals_too_are_left_to_those() -> None:
    stop = StopSignals("")
    assert [stop.take_console_event(event) for event in (0, 1)] == [False, False]
    assert stop.received == ""
