"""The disk is full while a task runs: no order without its intent, no order misjudged, and it goes on when there is room."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from tests.faults.sizes import SEED, claim, rounds
from tests.faults.world import Broker, World


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    path = tmp_path / "disk"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(path)]
    if not sys.platform.startswith("linux") or os.getuid() != 0 or subprocess.call(mount, stderr=subprocess.DEVNULL):
        pytest.skip("no small disk can be mounted here")
    yield path
    subprocess.check_call(["umount", "-l", str(path)])


def fill(disk: Path, leave: int) -> Path:
    """Fill the disk but for about `leave` bytes. Returns the file that does."""
    filler = disk / "filler"
    with filler.open("ab", 0) as file:
        for size in (65536, 4096):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass
        file.truncate(max(0, file.tell() - leave))
    return filler


def command(process: Any) -> List[Any]:
    process.stdin.write(b"\n")
    process.stdin.flush()
    line = process.stdout.readline()
    assert line, "the task died"
    answer: List[Any] = json.loads(line.decode())
    return answer


@pytest.mark.parametrize("full", ["orders", "journal", "both"])
def test_a_full_disk_costs_orders_that_are_told_as_not_sent_and_nothing_else(
    small_disk: Path, tmp_path: Path, full: str
) -> None:
    total: Counter = Counter()
    chance = random.Random(SEED)
    for number in range(rounds(2, 30)):
        folder = small_disk if full != "orders" else tmp_path / str(number)
        order_dir = small_disk / f"orders{number}" if full != "journal" else tmp_path / f"orders{number}"
        world = World(tmp_path / f"world{number}", order_dir)
        world.options["runtime_dir"] = str(folder / f"home{number}")
        broker = Broker(world)
        process: Any = world.start("a", commands=True, sync_every=1)
        sent_before = [command(process) for _ in range(chance.randint(1, 4))]
        filler = fill(small_disk, chance.choice([0, 0, 4096]))
        while_full = [command(process) for _ in range(150)]
        filler.unlink()
        after = []
        for _ in range(12):
            after.append(command(process))
            broker.work()
        process.stdin.close()
        process.stdin = None
        process.communicate(timeout=60)
        assert process.returncode == 0, world.log("a")[-3000:]
        assert all(answer[1] for answer in sent_before), sent_before
        # one code may be held back, since nobody knows yet whether an order of it was sent
        assert sum(bool(answer[1]) for answer in after[1:]) >= 9, (after, world.log("a")[-3000:])
        errors = [line.split(" ERROR ", 1)[1] for line in world.log("a").splitlines() if " ERROR " in line]
        repeated = {line: count for line, count in Counter(errors).items() if count > 1}
        assert not repeated, repeated
        (world.folder / "home").exists() or (world.folder / "home").symlink_to(folder / f"home{number}")
        counts = world.check(["a"], broker)
        total += counts
        assert counts["sent"] < len(sent_before + while_full), "the disk was not full"
        total["refused_while_full"] += sum(not answer[1] for answer in while_full)
        total["outages_told"] += sum("恢复之前不再重复" in line for line in errors)
        for path in (order_dir, folder / f"home{number}"):
            subprocess.check_call(["rm", "-rf", str(path)])
    claim(f"full disk under the {full}", without_intent=0, **total)


@pytest.mark.parametrize("piece", ["before its id", "after its id"])
def test_a_piece_of_a_row_holds_back_orders_of_its_code_only_until_there_is_room_again(
    tmp_path: Path, piece: str
) -> None:
    world = World(tmp_path)
    broker = Broker(world)
    assert world.run("a", count=1, codes=1) == 0
    percent = 20 if piece == "before its id" else 50
    for fault in (f"mid-append:short@1%{percent},before-append:ENOSPC@2", "", "", ""):
        assert world.run("a", fault, count=1, codes=1) == 0
        broker.work()  # which refuses a torn line as soon as that has got its end
    told = [line[2] for line in world.diary("a") if line[0] == "got"]
    assert told[-1], (told, world.file("algoOrder").read_bytes()[-100:], world.log("a")[-2000:])
