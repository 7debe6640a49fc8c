"""The limits on orders of a day, of a second and in yuan hold over any number of deaths."""

import random
from pathlib import Path
from typing import List

import pytest

from tests.faults.failpoints import PLACES
from tests.faults.sizes import SEED, WINDOWS, claim, rounds
from tests.faults.world import PATIENCE, Broker, World


def test_the_limit_of_a_day_is_never_exceeded_by_one_however_often_the_task_dies(tmp_path: Path) -> None:
    """Each round allows a few orders more, dies on the way there or past it, and then tries for all that it can get."""
    kills = rounds(6 if not WINDOWS else 2, 100)
    chance = random.Random(SEED)
    world = World(tmp_path)
    limit = 0
    for number in range(kills):
        limit += chance.randint(1, 4)
        world.options["max_orders_per_day"] = limit
        room = limit - len(world.order_file().rows)
        place = chance.choice(["after-intent", "after-append", "before-sent", "after-sent", "before-append"])
        if chance.random() < 0.8:
            assert world.run("a", f"{place}:kill@{chance.randint(1, room)}", count=room) != 0, (SEED, number)
        else:
            world.kill_after("a", chance.uniform(0, 0.1))
        assert world.run("a", count=room + 2) == 0
        assert len(world.order_file().rows) <= limit, (SEED, number)
    counts = world.check(["a"])
    claim("kills against max_orders_per_day", kills=kills, limit=limit, **counts)
    assert counts["rows"] == limit


STEPS = [place for place in PLACES if not place.endswith("-states")]
"""those of each order; news of the broker are another matter"""


@pytest.mark.posix
def test_in_no_second_more_orders_go_out_than_allowed_though_the_task_dies_and_is_back_at_once(tmp_path: Path) -> None:
    """Judged by the order file alone, in which somebody looks every few ms: the rows of a second surely came in one when
    the first was not there yet at its begin, and the last was there at its end."""
    from tests.faults.wild import Agents, watched_rows

    kills = rounds(4, 200)
    chance = random.Random(SEED)
    most = 3
    world = World(tmp_path, max_orders_per_second=most, wait_lock_time_out=0.3)
    lives_with_orders = 0
    with Agents(world, ["watcher", "holder"], SEED) as agents:
        for number in range(kills):
            place = STEPS[(number + SEED) % len(STEPS)]
            before = len(world.order_file().rows)
            # tries on until it may order again; where somebody else has the lock it is refused, and may die a little later
            fault = f"{place}:kill@{chance.randint(1, most)}"
            following = world.start("a", count=chance.choice([most + 1, 20]), pause=0.02, waits=True)
            assert world.run("a", fault, count=400, pause=0.02) != 0, (SEED, number, place)
            following.communicate(b"\n", timeout=PATIENCE)
            assert following.returncode == 0, world.log("a")[-3000:]
            lives_with_orders += len(world.order_file().rows) > before
        agents.finish()
    rows = sorted(watched_rows(world), key=lambda row: row.seen)
    assert {row.row.order_id for row in rows} == {row.order_id for row in world.order_file().rows}
    fullest = most_in_a_second([row.not_yet for row in rows], [row.seen for row in rows])
    counts = world.check(["a"])
    claim(
        "kills against max_orders_per_second",
        kills=kills,
        limit=most,
        most_in_a_second=fullest,
        **counts + agents.count,
    )
    assert fullest <= most, f"seed {SEED}: {fullest} orders in one second, {most} are allowed"
    assert lives_with_orders and fullest == most, "it never came near the limit"


def most_in_a_second(not_yet: List[float], seen: List[float]) -> int:
    """How many rows surely came within one second at most, of those first seen in this order."""
    return max(sum(start <= each and end <= start + 1 for each, end in zip(not_yet, seen)) for start in not_yet)


def test_a_limit_in_yuan_is_never_exceeded_however_often_the_task_dies(tmp_path: Path) -> None:
    """Each round allows a few yuan more and dies at one of the steps; meanwhile somebody else has the lock at times."""
    kills = rounds(4 if not WINDOWS else 2, 200)
    chance = random.Random(SEED)
    world = World(tmp_path, wait_lock_time_out=0.3)
    broker = Broker(world)
    agents = None
    limit = 0.0
    reached = 0
    if not WINDOWS:
        from tests.faults.wild import Agents

        agents = Agents(world, ["holder"], SEED)
    try:
        for number in range(kills):
            limit = round(limit + chance.uniform(100, 5000), 2)
            world.options["max_daily_value"] = limit
            place = STEPS[(number + SEED) % len(STEPS)]
            fault = f"{place}:kill@{chance.randint(1, 4)}" + (
                f"%{chance.randint(1, 99)}" if place == "mid-append" else ""
            )
            world.run("a", fault, count=12)
            assert sent_value(world) <= limit, (SEED, number, place)
            broker.work()  # refuses what is torn, which then counts no more
            world.run("a", count=12)
            assert sent_value(world) <= limit, (SEED, number, place)
            reached += sent_value(world) > limit - 2000
        if agents is not None:
            agents.finish()
    finally:
        if agents is not None:
            agents.__exit__()
    counts = world.check(["a"], broker)
    value = sent_value(world)
    claim("kills against max_daily_value", kills=kills, limit=limit, value=value, rounds_to_the_limit=reached, **counts)
    assert reached, "it never came near the limit"


def sent_value(world: World) -> float:
    """What the rows of the order file are worth, in yuan."""
    return round(sum(row.amount * float(row.price) for row in world.order_file().rows), 2)
