"""Output to a terminal or pipe that pauses: the writer of a foreground task, and in real processes what becomes of their jobs."""

import io
import os
import re
import select
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
        self._taken = bytearray()
        self._at_once = at_once

    @property
    def taken(self) -> bytes:
        return bytes(self._taken)

    def ends_with(self, line: bytes) -> bool:
        return self._taken.endswith(line)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> Optional[int]:
        self.goes_on.wait()
        piece = bytes(data[: self._at_once])
        self._taken += piece
        return len(piece)


def test_while_the_terminal_keeps_up_a_write_is_done_when_it_returns() -> None:
    terminal = Terminal(at_once=3)
    output = QueuedOutput(ConsoleWriter("utf-8"), terminal)
    for number in range(300):
        output.write(b"line %d\n" % number)
        # On a machine that is too busy for the writer the next line goes on without it: then it comes a moment later.
        wait_for(lambda number=number: terminal.ends_with(b"line %d\n" % number), "the line")


def wait_until_written(writer: ConsoleWriter) -> None:
    """With more patience than the end of a process has: the machine may be busy."""
    wait_for(writer.is_done, "what was to be written")


def test_a_paused_terminal_delays_nobody_and_gets_all_in_order_later() -> None:
    terminal, writer = Terminal(), ConsoleWriter("utf-8")
    output = QueuedOutput(writer, terminal)
    terminal.goes_on.clear()
    began = time.monotonic()
    for number in range(5000):
        output.write(b"%d\n" % number)
    assert time.monotonic() - began < 20
    terminal.goes_on.set()
    wait_until_written(writer)
    assert terminal.taken.split() == [b"%d" % number for number in range(5000)]


@pytest.mark.parametrize("line", [b"x\n", b"y" * 100000 + b"\n"], ids=["many", "long"])
def test_what_is_too_much_is_dropped_and_counted(line: bytes) -> None:
    terminal, writer = Terminal(), ConsoleWriter("utf-8")
    output = QueuedOutput(writer, terminal)
    terminal.goes_on.clear()
    for _ in range(20000):
        output.write(line)
    terminal.goes_on.set()
    wait_until_written(writer)
    output.write(b"after\n")
    wait_until_written(writer)
    lines = terminal.taken.decode().splitlines()
    (notice,) = [text for text in lines if "丢弃了" in text]
    dropped = int(re.findall(r"丢弃了 (\d+) 行", notice)[0])
    assert dropped + lines.count(line.decode().strip()) == 20000
    assert lines[-2:] == [notice, "after"]
    assert len(terminal.taken) < 9 * 1024 * 1024


@pytest.mark.parametrize("is_terminal, least, most", [(True, 1.5, 9.0), (False, 9.5, 60.0)])
def test_the_end_waits_for_a_paused_pipe_longer_than_for_a_terminal(
    is_terminal: bool, least: float, most: float
) -> None:
    terminal, writer = Terminal(), ConsoleWriter("utf-8")
    terminal.isatty = lambda: is_terminal  # type: ignore[method-assign]
    terminal.goes_on.clear()
    QueuedOutput(writer, terminal).write(b"x\n")
    began = time.monotonic()
    writer.drain()
    assert least < time.monotonic() - began < most
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
    wait_until_written(writer)


def test_after_lines_were_dropped_by_many_threads_all_is_told_and_the_writer_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A line dropped while the number was being told was never told of, and the end waited for it in vain."""
    monkeypatch.setattr("jqtrade.console._MOST_WRITES", 3)
    monkeypatch.setattr("jqtrade.console._PATIENCE", 0.0001)
    terminal, writer = Terminal(), ConsoleWriter("utf-8")
    output = QueuedOutput(writer, terminal)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(50):
            threads = [threading.Thread(target=lambda: [output.write(b"line\n") for _ in range(60)]) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            wait_until_written(writer)
    finally:
        sys.setswitchinterval(interval)
    assert "丢弃了" in terminal.taken.decode()


def test_an_exception_out_of_a_signal_in_the_middle_of_a_write_costs_no_output() -> None:
    terminal, writer = Terminal(), ConsoleWriter("utf-8")
    assert writer._writing.acquire(False)  # taken by a write that was cut short before it could let go
    output = QueuedOutput(writer, terminal)
    for _ in range(3):
        output.write(b"x\n")
    wait_until_written(writer)
    assert terminal.taken == b"x\n" * 3


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
    wait_until_written(writer)
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


@pytest.mark.posix
def test_a_reader_that_begins_late_gets_all_of_it() -> None:
    source = SET_UP.format(root=str(ROOT)) + "for number in range(4000): print('line', number, 'x' * 60)\n"
    process = subprocess.Popen([sys.executable, "-c", source], env=environment(), stdout=subprocess.PIPE)
    time.sleep(4)
    assert process.stdout is not None
    lines = process.stdout.read().decode().splitlines()
    assert process.wait() == 0 and len(lines) == 4000
    process.stdout.close()


@pytest.mark.posix
def test_a_terminal_that_nobody_reads_delays_no_print() -> None:
    """Not paused by Ctrl+S: it is full, at some byte in the middle of a line."""
    import pty

    master, slave = pty.openpty()
    source = """
        began = time.monotonic()
        for number in range(5000): print("line", number, "x" * 60)
        os.write(2, b"%d" % (time.monotonic() - began))
        os._exit(0)
    """
    source = SET_UP.format(root=str(ROOT)) + textwrap.dedent(source)
    done = subprocess.run(
        [sys.executable, "-c", source], env=environment(), stdout=slave, stderr=subprocess.PIPE, timeout=60
    )
    assert int(done.stderr) < 20
    os.close(slave)
    os.close(master)


@pytest.mark.posix
def test_a_file_put_in_the_place_of_the_pipe_gets_what_follows(tmp_path: Path) -> None:
    done = run(
        f"""
        print("before")
        os.dup2(os.open({str(tmp_path / "file")!r}, os.O_WRONLY | os.O_CREAT), 1)
        print("after")
        """
    )
    assert (done.stdout, (tmp_path / "file").read_bytes()) == (b"before\n", b"after\n")


# ---------------------------------------------------------------- tasks

CHATTY = """
    import time
    from datetime import timedelta

    def process_initialize(context):
        for seconds, job in ((1, noise), (3, stop_loss)):
            run_daily(job, (context.current_dt + timedelta(seconds=seconds)).strftime("%H:%M:%S"))

    def noise(context):
        for number in range(5000):
            print("line", number, "x" * 60)

    def stop_loss(context):
        open({ran!r}, "w").close()
        while {goes_on}:
            time.sleep(0.01)
"""


def start_foreground(tmp_path: Path, stdout: int, goes_on: bool = False) -> "subprocess.Popen[bytes]":
    source = CHATTY.format(ran=str(tmp_path / "ran"), goes_on=goes_on)
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
    process = start_foreground(tmp_path, slave, goes_on=times == 2)
    try:
        wait_for((tmp_path / "ran").exists, "the job after the noise")
        assert [task["name"] for task in tasks()] == ["chatty"]
        process.send_signal(signal.SIGINT)
        if times == 2:  # the job goes on, and what was answered is read when the terminal does
            termios.tcflow(slave, termios.TCOON)
            shown = bytearray()
            wait_for(lambda: "正在停止" in read_more(master, shown), "the answer to Ctrl+C")
            termios.tcflow(slave, termios.TCOOFF)
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == code
    finally:
        process.kill()
        process.wait()
        termios.tcflow(slave, termios.TCOON)
        os.close(slave)
        os.close(master)


def read_more(fd: int, shown: bytearray) -> str:
    while select.select([fd], [], [], 0)[0]:
        shown += os.read(fd, 65536)
    return shown.decode("utf-8", "replace")
