"""Every system call of a submit fails once, with each errno, and is once the last: strace does it to a real process."""

import random
import re
import shutil
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, List, NamedTuple, Optional

import pytest

from tests.faults.sizes import LONG, SEED, claim, rounds
from tests.faults.world import World

ERRNOS = ["EIO", "ENOSPC", "EACCES", "EINTR", "ENOMEM", "EMFILE"]
KILL = "KILL"
CANNOT_FAIL = {"getpid", "gettid", "getppid", "rt_sigreturn", "restart_syscall", "exit_group"}
CALL = re.compile(r"^\d+ +(\w+)\(", re.ASCII)


class Case(NamedTuple):
    """Call number `nth` of `syscall` since strace came fails; `number`: of which order, 1 being the first of the day."""

    number: int
    syscall: str
    nth: int
    error: str

    def injection(self) -> str:
        what = "signal=KILL" if self.error == KILL else "error=" + self.error
        return f"inject={self.syscall}:{what}:when={self.nth}"


def can_trace() -> bool:
    if shutil.which("strace") is None:
        return False
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return tried.returncode == 0


pytestmark = pytest.mark.skipif(not can_trace(), reason="strace is not here, or may not trace")


def send(process: Any) -> bool:
    """Let the task send one order; False if it died."""
    try:
        process.stdin.write(b"\n")
        process.stdin.flush()
    except OSError:
        return False
    return bool(process.stdout.readline())


def trace(world: World, number: int, injection: Optional[str]) -> "tuple[List[str], int]":
    """Let strace watch order `number` of a new task. Returns its lines, and how many of three later orders were sent."""
    process = world.start("a", commands=True, sync_every=1, journal_patience=0.2)
    for _ in range(number - 1):
        assert send(process)
    output = world.folder / "trace"
    command = ["strace", "-f", "-q", "-o", str(output), "-p", str(process.pid)]
    tracer = subprocess.Popen(command + (["-e", injection] if injection else []), stderr=subprocess.PIPE)
    _wait_for_tracer(process.pid)
    alive = send(process)
    if alive:
        tracer.terminate()  # lets go of the task
    tracer.communicate(timeout=60)
    for _ in range(3):
        alive = alive and send(process)
    process.stdin.close()
    process.stdin = None
    process.communicate(timeout=60)
    later = [line for line in world.diary("a") if line[0] == "got" and line[1] > number]
    lines = output.read_text(errors="replace").splitlines()
    start = next(index for index, line in enumerate(lines) if '[\\"ask\\"' in line)
    end = next((index for index, line in enumerate(lines) if '[\\"got\\"' in line), len(lines))
    return lines[: start + 1] + ["-- submit --"] + lines[start + 1 : end], sum(line[2] is not None for line in later)


def _wait_for_tracer(pid: int) -> None:
    deadline = time.monotonic() + 30
    while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(0.01)


def cases_of(world: World, number: int) -> List[Case]:
    lines, _ = trace(world, number, None)
    seen: Counter = Counter()
    cases = []
    inside = False
    for line in lines:
        inside = inside or line.startswith("-- submit")
        match = CALL.match(line)
        if match is None:
            continue
        name = match.group(1)
        seen[name] += 1
        if inside and name not in CANNOT_FAIL:
            # A lock that cannot be let go of holds up every order after it, so not with every errno.
            errors = ["EIO", KILL] if "_UNLCK" in line or "LOCK_UN" in line else ERRNOS + [KILL]
            cases += [Case(number, name, seen[name], error) for error in errors]
    return cases


def run_case(folder: Path, case: Case) -> Counter:
    world = new_world(folder)
    try:
        lines, later = trace(world, case.number, case.injection())
        inside = lines[lines.index("-- submit --") :]
        hit = any("(INJECTED)" in line or "killed by SIGKILL" in line for line in inside)
        counts = world.check(["a"])
        (told,) = [line[2:] for line in world.diary("a") if line[:2] == ["got", case.number]] or [None]
    except BaseException as error:
        return Counter({f"{case}: {type(error).__name__}: {error}": 1})
    shutil.rmtree(str(folder))
    outcome = "died" if told is None else "told_sent_or_unknown" if told[0] else "told_not_sent"
    return Counter(
        {
            "cases": 1,
            "hit": int(hit),
            "" if hit else f"missed {case.injection()}": 1,
            outcome: 1,
            "later_orders_sent": later,
            "later_orders_refused": 0 if told is None else 3 - later,
            "torn_called_sent": counts["torn_called_sent"],
        }
    )


def new_world(folder: Path) -> World:
    world = World(folder)
    world.options["wait_lock_time_out"] = 0.3
    return world


def test_whatever_call_of_a_submit_fails_the_outcome_is_never_wrong(tmp_path: Path) -> None:
    cases: List[Case] = []
    for number in (1, 2):
        cases += cases_of(new_world(tmp_path / f"list{number}"), number)
    syscalls = len({case[:3] for case in cases})
    if not LONG:
        cases = random.Random(SEED).sample(cases, rounds(10, 10))
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda item: run_case(tmp_path / str(item[0]), item[1]), enumerate(cases)))
    total: Counter = sum(results, Counter())
    del total[""]
    wrong = [name for name in total if name.startswith("Case(")]
    claim(
        "system calls of a submit that fail or are the last",
        calls=syscalls,
        wrong=len(wrong),
        **{name: count for name, count in total.items() if name not in wrong},
    )
    assert not wrong, "\n".join(wrong)
    assert total["hit"] >= 0.9 * total["cases"]
