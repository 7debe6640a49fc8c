"""Four tasks on one order file die at random, while about all goes on around them that can: nothing is lost or doubled."""

import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Dict, List

import pytest

from tests.faults.sizes import LONG, SEED, claim, rounds

if sys.platform == "win32":
    pytest.skip("SIGSTOP, flock, and files that are taken away while others have them open", allow_module_level=True)

from tests.faults.wild import SPELLINGS, Agents, Renewer, Stopper, WildBroker, WildWorld, late_rows

pytestmark = pytest.mark.posix

NAMES = ["a", "b", "c", "d"]
LIVES = 100
"""kills of one folder"""
FIRST = 4
"""orders of each task before all begins"""
AGENTS = ["watcher", "neighbour", "holder"]
READERS = ["reader", "reader", "reader", "closer"]
CERTAIN = ["journals_copied", "reads", "rows_read", "reads_and_closes", "neighbour_rows", "lock_holds", "lives_stopped"]
CERTAIN += ["files_begun_anew", "rows_watched"] + ["spelling_" + spelling for spelling in SPELLINGS]
OFTEN = ["journals_reopened", "rows_glued", "stopped_in_the_last_step", "refused_as_too_late", "refused_for_the_lock"]
OFTEN += ["files_header", "files_copy", "files_deleted", "unknown", "refused_for_the_limit", "faults"]


class Lives:
    """The lives and deaths of one task."""

    def __init__(self, world: WildWorld, name: str, seed: int, stopper: Stopper) -> None:
        self.name = name
        self.count: Counter = Counter()
        self._world = world
        self._chance = random.Random(seed)
        self._stopper = stopper
        self._limit = FIRST

    def _fault(self) -> str:
        nth, percent = self._chance.randint(1, 12), self._chance.randint(1, 99)
        faults = [
            f"mid-append:kill@{nth}%{percent}",
            f"mid-append:ENOSPC@{nth}%{percent}",
            f"mid-append:short@{nth}%{percent},before-fsync:EIO@{nth + 1}",
            f"before-flush:EIO@{nth},before-states:ENOSPC@1",
            f"before-intent:ENOSPC@{nth}",
        ]
        return self._chance.choice([""] * 6 + faults)

    def live(self, number: int) -> None:
        """One life, which ends by SIGKILL."""
        world, name, chance = self._world, self.name, self._chance
        spelling = SPELLINGS[number % len(SPELLINGS)]
        self._limit += chance.randint(1, 15)
        is_ready = chance.random() < 0.8  # the others die while they begin
        seconds = chance.choice([chance.uniform(0, 0.1), chance.uniform(0.1, 0.5), chance.uniform(0.3, 1.5)])
        options = dict(world.options, order_dir=world.spellings[spelling], max_orders_per_day=self._limit)
        process = world.start(
            name,
            self._fault(),
            options=options,
            seed=chance.random(),
            copies=chance.choice([0, 0.2]),
            pause=0.01,
            marks=True,
            ready=is_ready,
        )
        self._stopper.began(name, process)
        if is_ready:
            process.stdout.readline()  # nothing if it has died
        time.sleep(seconds)
        if chance.random() < 0.7 and self._stopper.wait_for(name):  # the others die in their sleep
            time.sleep(chance.uniform(0, 0.2))
        self._stopper.is_ending(name)
        process.kill()
        process.communicate()
        where = f"seed {SEED}, {world.folder}, {name}, life {number}"
        died_of = {-9: "kills", -7: "deaths_of_SIGBUS"}.get(process.returncode)
        assert died_of, (where, process.returncode, world.log(name)[-3000:])
        self.count[died_of] += 1
        self.count["spelling_" + spelling] += 1
        rows = world.rows_of(name)
        assert rows <= self._limit, f"{where}: {rows} rows, and max_orders_per_day was {self._limit}"


def in_threads(jobs: List[threading.Thread]) -> None:
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()


def kill_in(world: WildWorld, kills: int, seed: int) -> Counter:
    """So many kills in one folder, and the check of it. Returns what there was of each kind."""
    failures: List[str] = []

    def guarded(work, *arguments) -> threading.Thread:  # type: ignore[no-untyped-def]
        def run() -> None:
            try:
                work(*arguments)
            except BaseException as error:
                failures.append(f"{arguments}: {type(error).__name__}: {error}")

        return threading.Thread(target=run)

    def begin(name: str) -> None:
        assert world.run(name, count=FIRST, seed=1, copies=1) == 0, world.log(name)[-3000:]

    def live(lives: Lives, count: int) -> None:
        for number in range(count):
            if failures:
                break
            lives.live(number + ord(lives.name))

    broker, stopper, renewer = WildBroker(world), Stopper(world, seed), Renewer(world, NAMES, seed)
    all_lives = [Lives(world, name, seed + index, stopper) for index, name in enumerate(NAMES)]
    with Agents(world, AGENTS, seed) as agents:
        in_threads([guarded(begin, name) for name in NAMES])
        assert not failures, "\n".join(failures)
        agents.start(READERS)
        threads: List[threading.Thread] = [broker, stopper, renewer]
        for thread in threads:
            thread.start()
        shares = [kills // 4 + (index < kills % 4) for index in range(4)]
        try:
            in_threads([guarded(live, lives, share) for lives, share in zip(all_lives, shares)])
        finally:
            stopper.kill_living()
        stopper.finish()
        renewer.finish()
        agents.finish()
    assert not failures, "\n".join(failures)
    total = world.check(NAMES, broker) + agents.count + renewer.count
    total += sum((lives.count for lives in all_lives), Counter())
    logs: Dict[str, str] = {name: world.log(name) for name in NAMES}
    for name, log in logs.items():
        total["journals_copied"] += sum(line[0] == "copied" for line in world.diary(name))
        total["journals_reopened"] += log.count("已重新打开，并补记")
        total["refused_as_too_late"] += log.count("从下单到现在过了")
        total["refused_for_the_limit"] += log.count("max_orders_per_day：")
        total["refused_for_the_lock"] += log.count("等待文件锁超过")
    total["lives_stopped"] = len(stopper.stops)
    total["stopped_in_the_last_step"] = sum(stop.in_last_step for stop in stopper.stops)
    total["rows_glued"] = world.glued()
    total["faults"] = len(world.faults_told())
    return total + late_rows(world, stopper.stops)


def test_nothing_is_lost_or_doubled_or_over_a_limit_however_wild_it_gets(tmp_path: Path) -> None:
    kills = rounds(10, 1000)
    total: Counter = Counter()
    for start in range(0, kills, LIVES):
        world = WildWorld(tmp_path / str(start))
        done = kill_in(world, min(LIVES, kills - start), SEED * 1000 + start)
        for what in [what for what in done if what.startswith(("longest", "oldest"))]:
            total[what] = max(total[what], done.pop(what))
        total += done
        if LONG:
            print(f"\n{start + LIVES} kills, {time.strftime('%H:%M:%S')}, so far {dict(total)}", flush=True)
    claim("SIGKILL at random in a wild world", lost=0, doubled=0, over_a_limit=0, **total)
    assert total["kills"] + total["deaths_of_SIGBUS"] == kills
    assert not total["torn_called_sent"], total
    missing = [what for what in CERTAIN + (OFTEN if kills >= 1000 else []) if not total[what]]
    assert not missing, f"seed {SEED}: never happened: {missing}; {total}"
