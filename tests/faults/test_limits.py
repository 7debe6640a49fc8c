"""A limit on the orders of a day holds over any number of deaths."""

import random
from pathlib import Path

import pytest

from jqtrade.options import option_table
from tests.faults.sizes import SEED, WINDOWS, claim, rounds
from tests.faults.world import World

pytestmark = pytest.mark.skipif("max_orders_per_day" not in option_table(), reason="there are no limits yet")


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
