"""Tasks that share an order file are killed at any moment: no order is lost, none is sent twice, none is misjudged."""

import random
import threading
from collections import Counter
from pathlib import Path
from typing import List

import pytest

from tests.faults.failpoints import PLACES
from tests.faults.sizes import LONG, SEED, WINDOWS, claim, rounds
from tests.faults.world import Broker, World

NAMES = ["a", "b", "c", "d"]
LIVES = 100
"""kills of one folder; then a new one, since every life reads all of the day"""


def lives_of(world: World, name: str, seed: int, count: int, failures: List[str]) -> None:
    chance = random.Random(seed)
    slow = 6 if WINDOWS else 1
    try:
        for _ in range(count):
            # a few in the middle of recovery, most while ordering; some with a torn row, a full disk, a failing journal
            seconds = slow * (chance.uniform(0, 0.04) if chance.random() < 0.3 else chance.uniform(0.04, 0.2))
            nth = chance.randint(1, 12)
            fault = chance.choice(
                [""] * 6
                + [
                    f"mid-append:kill@{nth}%{chance.randint(1, 99)}",
                    f"mid-append:ENOSPC@{nth}%{chance.randint(1, 99)}",
                    f"mid-append:short@{nth}%{chance.randint(1, 99)},before-fsync:EIO@{nth + 1}",
                    f"before-flush:EIO@{nth},before-states:ENOSPC@1",
                    f"before-intent:ENOSPC@{nth}",
                ]
            )
            world.kill_after(name, seconds, fault)
    except BaseException as error:
        failures.append(f"{name}: {type(error).__name__}: {error}")


def test_four_tasks_killed_at_random_lose_and_double_no_order(tmp_path: Path) -> None:
    kills = rounds(40 if not WINDOWS else 8, 1000)
    total: Counter = Counter()
    for start in range(0, kills, LIVES):
        lives = min(LIVES, kills - start)
        world = World(tmp_path / str(start))
        broker = Broker(world)
        broker.start()
        failures: List[str] = []
        shares = [lives // 4 + (index < lives % 4) for index in range(4)]
        threads = [
            threading.Thread(target=lives_of, args=(world, name, SEED * 1000 + start + index, share, failures))
            for index, (name, share) in enumerate(zip(NAMES, shares))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures
        names = [name for name, share in zip(NAMES, shares) if share]
        total += world.check(names, broker)
        total["faults"] += len(world.faults_told())
    claim("SIGKILL at random, 4 tasks on one order file", kills=kills, lost=0, doubled=0, **total)
    assert not total["torn_called_sent"], total
    assert total["sent"], "no life was long enough to send an order"


def test_a_run_without_faults_passes_every_failpoint(tmp_path: Path) -> None:
    world = World(tmp_path)
    broker = Broker(world)
    assert world.run("a", "count", count=3) == 0
    broker.work()
    assert world.run("a", "count", count=3) == 0
    passed = Counter()  # type: Counter
    for line in world.faults_told():
        place, count = line.split()
        passed[place] += int(count)
    assert [place for place in PLACES if not passed[place]] == []
    assert world.check(["a"], broker)["sent"] == 6


SHOWN = PLACES if not WINDOWS else ["after-intent", "before-append", "mid-append", "after-append", "after-sent"]


@pytest.mark.parametrize("place", SHOWN)
def test_a_kill_at_a_failpoint_is_found_out_at_the_next_start(tmp_path: Path, place: str) -> None:
    kills = rounds(1, 20)
    chance = random.Random(f"{SEED} {place}")
    world = World(tmp_path)
    broker = Broker(world)
    died = 0
    for _ in range(kills):
        nth = chance.randint(1, 4)
        fault = f"{place}:kill@{nth}" + (f"%{chance.randint(1, 99)}" if place == "mid-append" else "")
        if place.endswith("-states"):  # passed when the broker's news are synced
            world.run("a", count=2)
            fault = f"{place}:kill@1"
        broker.work()
        process = world.start("a", fault, count=40, sync_every=2)
        process.communicate(timeout=120)
        died += process.returncode not in (0, None)
        assert process.returncode != 0, (fault, world.log("a")[-3000:])
    told = [line for line in world.faults_told() if line.startswith(place + ":kill")]
    assert died == len(told) == kills
    counts = world.check(["a"], broker)
    claim(f"SIGKILL at {place}", kills=kills, lost=0, doubled=0, **counts)
    assert not counts["torn_called_sent"], counts


def test_restarts_agree_with_the_file_for_every_cut_of_a_row(tmp_path: Path) -> None:
    """A row torn after any of its bytes, then closed by the next order of another task."""
    world = World(tmp_path)
    percents = list(range(1, 100)) if LONG else [22, 90] if WINDOWS else [10, 22, 35, 90, 99]
    names = [f"a{percent:03}" for percent in percents]
    for name, percent in zip(names, percents):
        assert world.run(name, f"mid-append:kill@1%{percent}", count=1) != 0
        assert world.run("b", count=1) == 0
    counts = world.check(names + ["b"])
    claim("rows torn at every hundredth, then closed by another task", rows_torn=len(percents), **counts)
    assert counts["sent"] == counts["rows"] >= len(percents) and not counts["torn_called_sent"], counts


def test_a_refusal_that_the_journal_could_not_take_is_learned_again_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path)
    broker = Broker(world)
    assert world.run("a", "mid-append:kill@1%80", count=1) != 0
    assert world.run("b", count=1) == 0  # closes the torn line
    broker.work()  # and refuses it
    for fault in ("before-states:EIO@1", ""):
        assert world.run("a", fault, count=0) == 0
        (end,) = [line[1] for line in world.diary("a") if line[0] == "end"][-1:]
        assert [order[2] for order in end] == ["rejected"], (fault, end)
