"""Output to a terminal or pipe that pauses: the writer of a foreground task, and in real processes what becomes of their jobs."""

import io
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any, List, Optional

import pytest

from jqtrade.console import ConsoleWriter, QueuedOutput
from tests.e2e.cli import command, environment, jqtrade, tasks, wait_for, write_strategy

ROOT = Path(__file__).resolve().parent.parent


class Terminal(io.RawIOBase):
    """Takes what is written, some bytes at a time, while it is not paused."""

    def __init__(self, at_once: int = 1 << 30) -> None:
        super().__init__()
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.taken = b""
        self._at_once = at_once

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> Optional[int]:
        self.goes_on.wait()
        piece = bytes(data[: self._at_once])
        self.taken += piece
        return len(piece)


def test_while_the_terminal_keeps_up_a_write_is_done_when_it_returns() -> None:
    terminal = Terminal(at_once=3)
    output = QueuedOutput(ConsoleWriter("utf-8"), terminal)
    for number in range(300):
        output.write(b"line %d\n" % number)
        assert terminal.taken.endswith(b"line %d\n" % number)


def test_a_paused_terminal_delays_nobody_and_gets_all_in_order_later() -> None:
    terminal, writer = Terminal(), ConsoleWriter("utf-8")
    output = QueuedOutput(writer, terminal)
    terminal.goes_on.clear()
    began = time.monotonic()
    for number in range(5000):
        output.write(b"%d\n" % number)
    assert time.monotonic() - began < 5
    terminal.goes_on.set()
    writer.drain()
    assert terminal.taken.split() == [b"%d" % number for number in range(5000)]


@pytest.mark.parametrize("line", [b"x\n", b"y" * 100000 + b"\n"], ids=["many", "long"])
def test_what_is_too_much_is_dropped_and_counted(line: bytes) -> None:
    terminal, writer = Terminal(), ConsoleWriter("utf-8")
    output = QueuedOutput(writer, terminal)
    terminal.goes_on.clear()
    for _ in range(20000):
        output.write(line)
    terminal.goes_on.set()
    writer.drain()
    output.write(b"after\n")
    writer.drain()
    lines = terminal.taken.decode().splitlines()
    (notice,) = [text for text in lines if "丢弃了" in text]
    dropped = int(re.findall(r"丢弃了 (\d+) 行", notice)[0])
    assert dropped + lines.count(line.decode().strip()) == 20000
    assert lines[-2:] == [notice, "after"]
    assert len(terminal.taken) < 9 * 1024 * 1024


def test_the_end_waits_for_a_paused_terminal_for_two_seconds_only() -> None:
    terminal, writer = Terminal(), ConsoleWriter("utf-8")
    terminal.goes_on.clear()
    QueuedOutput(writer, terminal).write(b"x\n")
    began = time.monotonic()
    writer.drain()
    assert 1.5 < time.monotonic() - began < 10
    terminal.goes_on.set()


def test_a_terminal_that_is_gone_raises_nothing() -> None:
    closed = Terminal()
    closed.write = None  # type: ignore[assignment]

    def gone(data: Any) -> int:
        raise BrokenPipeError()

    closed.write = gone  # type: ignore[method-assign]
    writer = ConsoleWriter("utf-8")
    for _ in range(10):
        QueuedOutput(writer, closed).write(b"x\n")
    writer.drain()


def test_several_threads_lose_nothing() -> None:
    terminal, writer = Terminal(), ConsoleWriter("utf-8")
    output = QueuedOutput(writer, terminal)

    def talk(name: str) -> None:
        for number in range(300):
            output.write(f"{name} {number}\n".encode())

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.drain()
    lines = terminal.taken.decode().splitlines()
    for name in "abcd":
        assert [line for line in lines if line[0] == name] == [f"{name} {number}" for number in range(300)]


# ---------------------------------------------------------------- in processes

SET_UP = """
import logging, os, signal, subprocess, sys, threading, time
sys.path.insert(0, {root!r})
from jqtrade.clock import SystemClock
from jqtrade.log import Masker, set_up_logging
set_up_logging(None, False, Masker(), SystemClock(), lambda: None)
"""


def run(code: str, **more: Any) -> "subprocess.CompletedProcess[bytes]":
    source = SET_UP.format(root=str(ROOT)) + textwrap.dedent(code)
    return subprocess.run([sys.executable, "-c", source], env=environment(), stdout=subprocess.PIPE, timeout=60, **more)


def test_prints_log_lines_errors_and_what_child_processes_write_stay_in_order() -> None:
    done = run(
        """
        for number in range(20):
            print("print", number)
            logging.getLogger("strategy").info("log %d", number)
            print("error", number, file=sys.stderr)
            sys.stdout.buffer.write(b"bytes %d\\n" % number)
            if number % 5 == 0:
                subprocess.check_call([sys.executable, "-c", "print('child %d')" % number])
        sys.exit(7)
        """,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 7
    lines = [re.sub(r".* strategy ", "", line) for line in done.stdout.decode().splitlines()]
    expected: List[str] = []
    for number in range(20):
        expected += [f"print {number}", f"log {number}", f"error {number}", f"bytes {number}"]
        expected += [f"child {number}"] if number % 5 == 0 else []
    assert lines == expected


def test_nothing_that_was_said_is_lost_when_the_process_crashes() -> None:
    done = run("print('last words')\nos._exit(3)")
    assert (done.returncode, done.stdout.decode().strip()) == (3, "last words")


@pytest.mark.posix
def test_a_forked_child_prints_for_itself() -> None:
    done = run(
        """
        import multiprocessing
        def work(number):
            print("child", number)
            logging.getLogger("strategy").info("child logs %d", number)
        print("before")
        for number in range(3):
            child = multiprocessing.get_context("fork").Process(target=work, args=(number,))
            child.start()
            child.join()
        pid = os.fork()
        if pid == 0:
            print("plain fork")
            sys.exit(0)
        os.waitpid(pid, 0)
        print("after")
        """
    )
    lines = [re.sub(r".* strategy ", "", line) for line in done.stdout.decode().splitlines()]
    children = [text for number in range(3) for text in (f"child {number}", f"child logs {number}")]
    assert lines == ["before"] + children + ["plain fork", "after"]


@pytest.mark.posix
def test_a_child_forked_while_the_pipe_is_full_does_not_say_what_its_parent_said() -> None:
    source = """
        for number in range(3000): print("parent", number, "x" * 50)
        pid = os.fork()
        if pid == 0:
            os.dup2(2, 1)
            print("child")
            os._exit(0)
        os.waitpid(pid, 0)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    reader, writer = os.pipe()
    done = subprocess.run(
        [sys.executable, "-c", SET_UP.format(root=str(ROOT)) + textwrap.dedent(source)],
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(writer)
    os.close(reader)
    assert done.stderr == b"child\n"


@pytest.mark.posix
def test_a_print_in_a_signal_handler_in_the_middle_of_prints_never_hangs() -> None:
    done = run(
        """
        def ring(*_): print("ring")
        signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for number in range(3000): os.write is None or print("line", number)
        signal.setitimer(signal.ITIMER_REAL, 0)
        print("done")
        """
    )
    text = done.stdout.decode()
    assert done.returncode == 0 and text.rstrip().endswith("done") and "ring" in text
    assert [line for line in text.splitlines() if line == "line 2999"]


# ---------------------------------------------------------------- tasks

CHATTY = """
    import os
    from datetime import timedelta

    def process_initialize(context):
        for seconds, job in ((1, noise), (3, stop_loss)):
            run_daily(job, (context.current_dt + timedelta(seconds=seconds)).strftime("%H:%M:%S"))

    def noise(context):
        for number in range(5000):
            print("line", number, "x" * 60)

    def stop_loss(context):
        open({ran!r}, "w").close()
"""


def start_foreground(tmp_path: Path, stdout: int) -> "subprocess.Popen[bytes]":
    source = CHATTY.format(ran=str(tmp_path / "ran"))
    path = write_strategy(tmp_path / "s.py", source)
    return subprocess.Popen(
        command("start_task", "-c", path, "-n", "chatty"), env=environment(), stdout=stdout, stderr=subprocess.STDOUT
    )


def test_jobs_go_on_and_a_stop_is_heard_while_nobody_reads_the_pipe(tmp_path: Path) -> None:
    process = start_foreground(tmp_path, subprocess.PIPE)
    wait_for((tmp_path / "ran").exists, "the job after the noise")
    stopped = jqtrade("stop_task", "-n", "chatty")
    assert stopped.code == 0, stopped
    assert process.wait(20) == 0
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.posix
@pytest.mark.parametrize("times, code", [(1, 0), (2, 1)])
def test_ctrl_c_is_heard_by_a_task_whose_terminal_has_paused(tmp_path: Path, times: int, code: int) -> None:
    import pty
    import termios

    master, slave = pty.openpty()
    termios.tcflow(slave, termios.TCOOFF)  # Ctrl+S
    try:
        process = start_foreground(tmp_path, slave)
        wait_for((tmp_path / "ran").exists, "the job after the noise")
        assert [task["name"] for task in tasks()] == ["chatty"]
        for _ in range(times):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1 if times > 1 else 0)
        assert process.wait(20) in (0, code)
    finally:
        termios.tcflow(slave, termios.TCOON)
        os.close(slave)
        os.close(master)
