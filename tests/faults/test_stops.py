"""The real start_task and stop_task: after the acknowledgement of a stop no row is written; a kill is no worse than alone."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, List

from tests.faults.sizes import SEED, WINDOWS, claim, rounds
from tests.faults.world import PATIENCE, ROOT, Broker, World

STRATEGY = str(Path(__file__).resolve().parent / "running_strategy.py")
LANES = 4


def cli(world: World, *arguments: str, **variables: str) -> str:
    env: Dict[str, str] = dict(os.environ, JQTRADE_HOME=str(world.folder / "jqhome"), PYTHONIOENCODING="utf-8")
    env.update(variables, PYTHONPATH=variables.get("PYTHONPATH", str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-m", "jqtrade"] + list(arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=str(ROOT),
        timeout=PATIENCE,
    )
    out = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, out[-3000:]
    return out


def start(world: World, name: str, **variables: str) -> None:
    given = {"root": str(ROOT), "folder": str(world.folder), "name": name, "options": world.options}
    hexed = json.dumps(given).encode().hex()
    log = str(world.folder / f"{name}.log")
    cli(world, "start_task", "-c", STRATEGY, "-n", name, "-o", log, "-e", f"JQTRADE_FAULTS_WORLD={hexed}", **variables)


def in_lanes(tmp_path: Path, count: int, one: Callable[[World, str, random.Random], None]) -> Counter:
    """Call `one` `count` times in all, in worlds of their own at the same time; returns what their checks counted."""
    lanes = min(LANES, count)
    worlds = [World(tmp_path / str(lane), wait_lock_time_out=1) for lane in range(lanes)]
    failures: List[str] = []
    brokers = [Broker(world) for world in worlds]
    for broker in brokers:
        broker.start()

    def work(lane: int) -> None:
        chance = random.Random(SEED + lane)
        name = "abcd"[lane]
        try:
            for _ in range(count // lanes + (lane < count % lanes)):
                one(worlds[lane], name, chance)
        except BaseException as error:
            failures.append(f"{name}: {type(error).__name__}: {error}")
            cli(worlds[lane], "stop_task", "-n", name, "-s", "SIGKILL")

    threads = [threading.Thread(target=work, args=(lane,)) for lane in range(lanes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    checked = zip("abcd", worlds, brokers)
    return sum((world.check([name], broker) for name, world, broker in checked), Counter())


def size(world: World) -> int:
    return world.file("algoOrder").stat().st_size


def test_after_a_stop_was_acknowledged_no_row_is_written(tmp_path: Path) -> None:
    stops = rounds(4 if not WINDOWS else 1, 100)
    late: List[Any] = []

    def stop_under_load(world: World, name: str, chance: random.Random) -> None:
        start(world, name)
        before = size(world)
        time.sleep(chance.uniform(0, 1.5))
        cli(world, "stop_task", "-n", name)
        acknowledged = size(world)
        time.sleep(0.5)
        late.append((acknowledged - before, size(world) - acknowledged))

    counts = in_lanes(tmp_path, stops, stop_under_load)
    rows_after = sum(after for _, after in late)
    claim("stop_task under load", stops=len(late), bytes_after_the_acknowledgement=rows_after, **counts)
    assert len(late) == stops and rows_after == 0
    assert sum(bool(before) for before, _ in late) >= stops * 0.9


def test_the_real_start_task_killed_at_random_loses_and_doubles_no_order(tmp_path: Path) -> None:
    kills = rounds(2 if not WINDOWS else 1, 60)
    inside = os.pathsep.join([str(Path(__file__).resolve().parent / "inside"), str(ROOT)])

    def kill(world: World, name: str, chance: random.Random) -> None:
        fault = f"mid-append:kill@{chance.randint(4, 20)}%{chance.randint(1, 99)}" if chance.random() < 0.3 else ""
        told = str(world.folder / "faults")
        start(world, name, PYTHONPATH=inside, **({"JQTRADE_FAULT": fault, "JQTRADE_FAULT_TOLD": told} if fault else {}))
        time.sleep(chance.uniform(0, 1.2))
        try:
            cli(world, "stop_task", "-n", name, "-s", "SIGKILL")
        except AssertionError:
            if not fault or not world.faults_told():  # it had died before, of its own fault
                raise

    counts = in_lanes(tmp_path, kills, kill)
    claim("SIGKILL of the real start_task", kills=kills, lost=0, doubled=0, **counts)
    assert not counts["torn_called_sent"], counts
