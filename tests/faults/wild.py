"""A world in which more goes on than tasks that order and die: neighbours, readers, sleeps, files begun anew.

`wild.py AGENT FOLDER ORDER_FILE SEED` is one of the agents, a program of its own that runs until its standard input ends
and then prints as JSON how often it did what. The others are threads of the test, since they need to know who lives.
POSIX only.
"""

import fcntl
import glob
import json
import os
import random
import re
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from jqtrade.account.journal_reader import Cursor, JournalReader
from jqtrade.errors import JournalUnreadable
from tests.faults.ordering_task import name_of
from tests.faults.sizes import SEED
from tests.faults.world import (
    HEADER,
    NEIGHBOUR_NO,
    PATIENCE,
    REFUSAL,
    ROOT,
    ROW,
    Broker,
    OrderFile,
    Row,
    World,
    read_order_file,
)

LOCK_WAIT = 0.3
LIMIT = LOCK_WAIT + 1
"""seconds from the call of order() after which no row of it may be written"""
SLACK = 0.5
"""seconds that a loaded machine may take from the last look at the clock to the write"""
SPELLINGS = ["plain", "link", "dots", "slash", "relative"]
AGAIN_LOST = 3
"""Rows of each task that a file begun anew lacks, at least: of which its journal then surely knows one as sent. What
lacks the last row alone, and that of a task that died before it took note, nobody can tell from one that never had it."""
ANY_ROW = re.compile(rb"\d{6}\.\d{6},(\d{1,10}),")


# The agents that are programs.


def neighbour(folder: str, path: str, chance: random.Random, done: Callable[[float], bool]) -> Counter:
    """Another account's program, without our lock: the row, and a moment later its line end."""
    count: Counter = Counter()
    while not done(chance.uniform(0, 0.02)):
        try:
            fd = os.open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            continue
        if b"\n" not in os.read(fd, 2 * len(HEADER)):  # no header yet: it would have to write its own
            os.close(fd)
            continue
        moment = datetime.now().strftime("%H%M%S.%f")
        number = chance.getrandbits(32)
        os.write(fd, f"{moment},{number},UM0,{NEIGHBOUR_NO},000001.SZ,1,100,DMA,AT,0,9.50,9.50".encode())
        time.sleep(0.001)
        os.write(fd, b"\r\n")
        os.close(fd)
        count["neighbour_rows"] += 1
    return count


def holder(folder: str, path: str, chance: random.Random, done: Callable[[float], bool]) -> Counter:
    """Holds the order file's lock, at times for longer than anybody waits for it."""
    count: Counter = Counter()
    while not done(chance.uniform(0.1, 1)):
        with open(path + ".lock", "a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            time.sleep(chance.choice([chance.uniform(0, 0.2), chance.uniform(0, 2 * LOCK_WAIT)]))
        count["lock_holds"] += 1
    return count


def reader(folder: str, path: str, chance: random.Random, done: Callable[[float], bool]) -> Counter:
    """Looks into the journals by our own reader, as a page that shows them does; it may keep them open."""
    count: Counter = Counter()
    day = date.today() - timedelta(days=1)  # the tasks' time zone is another one
    readers: Dict[str, JournalReader] = {}
    cursors: Dict[str, Cursor] = {}
    while not done(chance.uniform(0, 0.1)):
        paths = sorted(glob.glob(os.path.join(folder, "home", "data", "*.db")))
        if not paths:
            continue
        one = chance.choice(paths)
        journal = readers.setdefault(one, JournalReader(one, patience=0.5))
        try:
            news = journal.news(cursors.get(one, Cursor.before(day)))
            cursors[one] = news.cursor
            count["reads"] += 1
            count["rows_read"] += len(news.orders)
            if chance.random() < 0.2:
                count["rows_read"] += sum(len(journal.orders(day + timedelta(days=each))) for each in range(3))
        except JournalUnreadable as error:  # the reader's trouble, not the task's
            count["reads_failed: " + str(error).replace(one, "")] += 1
        if chance.random() < 0.3:
            journal.close()
    return count


def closer(folder: str, path: str, chance: random.Random, done: Callable[[float], bool]) -> Counter:
    """Looks into the journals as the program sqlite3 does: who closes one last puts sqlite's log away."""
    count: Counter = Counter()
    while not done(chance.uniform(0, 0.1)):
        paths = glob.glob(os.path.join(folder, "home", "data", "*.db"))
        if not paths:
            continue
        connection = None
        try:
            connection = sqlite3.connect(chance.choice(sorted(paths)), timeout=0.5)
            connection.execute("SELECT count(*) FROM orders").fetchall()
            if chance.random() < 0.2:
                time.sleep(chance.uniform(0, 0.05))
                connection.execute("SELECT max(order_id) FROM orders WHERE sent = 1").fetchall()
            count["reads_and_closes"] += 1
        except sqlite3.Error as error:
            count["reads_and_closes_failed: " + str(error)] += 1
        finally:
            if connection is not None:
                connection.close()
    return count


def watcher(folder: str, path: str, chance: random.Random, done: Callable[[float], bool]) -> Counter:
    """Notes of each line of the order file when it was last not there and first there; also of one that was put away."""
    count: Counter = Counter()
    known: Dict[int, List[Any]] = {}
    last_look = time.time()
    with open(os.path.join(folder, "watched"), "ab") as notes:
        finished = False
        while not finished:
            finished = done(0.003)
            now = time.time()
            try:
                file = open(path, "rb")
                inode = os.fstat(file.fileno()).st_ino
                if inode in known:
                    file.close()
                    known[inode][1] = now
                else:
                    known[inode] = [file, now]
            except FileNotFoundError:
                pass
            for number, (file, seen) in list(known.items()):
                _note_lines(file, last_look, notes)
                if now - seen > 5:  # nobody writes there any more; the number may come again
                    file.close()
                    del known[number]
            count["looks"] += 1
            count["longest_gap_ms"] = max(count["longest_gap_ms"], int(1000 * (now - last_look)))
            last_look = now
    return count


def _note_lines(file: Any, last_look: float, notes: Any) -> None:
    start = file.tell()
    data = file.read()
    end = data.rfind(b"\n") + 1
    file.seek(start + end)
    seen = time.time()
    for line in data[:end].split(b"\n")[:-1]:
        notes.write(b"%.6f %.6f %s\n" % (last_look, seen, line))
    if end:
        notes.flush()


AGENTS = {each.__name__: each for each in (neighbour, holder, reader, closer, watcher)}


def main(agent: str, folder: str, path: str, seed: str) -> None:
    def done(seconds: float) -> bool:
        """Wait so long, at most until the end of our standard input."""
        return bool(select.select([sys.stdin], [], [], seconds)[0])

    print("+", flush=True)
    print(json.dumps(AGENTS[agent](folder, path, random.Random(seed), done)), flush=True)


class Agents:
    """The programs that run meanwhile; `count` is what they say at the end that they did."""

    def __init__(self, world: World, names: List[str], seed: int) -> None:
        self.count: Counter = Counter()
        self._world = world
        self._seed = seed
        self._programs: List[Any] = []
        self.start(names)

    def start(self, names: List[str]) -> None:
        script, path = os.path.abspath(__file__), str(self._world.file("algoOrder"))
        first = len(self._programs)
        for number, name in enumerate(names, first):
            command = [sys.executable, script, name, str(self._world.folder), path, f"{self._seed} {name} {number}"]
            self._programs.append(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=str(ROOT))
            )
        for program in self._programs[first:]:
            assert program.stdout.readline() == b"+\n", program.args

    def finish(self) -> None:
        while self._programs:
            program = self._programs.pop(0)
            out, _ = program.communicate(timeout=PATIENCE)
            assert program.returncode == 0, program.args
            for what, number in json.loads(out.decode()).items():
                self.count[what] = max(self.count[what], number) if "longest" in what else self.count[what] + number

    def __enter__(self) -> "Agents":
        return self

    def __exit__(self, *_: Any) -> None:
        for program in self._programs:
            program.kill()
            program.communicate()


class Watched(NamedTuple):
    """A row of ours as the watcher saw it. Wall times."""

    row: Row
    asked: float
    """when order() was called, by the row"""
    not_yet: float
    """the last look at which it was not there"""
    seen: float


def watched_rows(world: World) -> List[Watched]:
    """The rows of the watcher's notes, in the order in which they were seen, each once."""
    rows: Dict[str, Watched] = {}
    for line in (world.folder / "watched").read_bytes().split(b"\n")[:-1]:
        not_yet, seen, text = line.split(b" ", 2)
        for row in read_order_file(text + b"\n").rows:
            moment = world.day + text.split(b",")[0].decode()
            asked = datetime.strptime(moment, "%Y%m%d%H%M%S.%f").replace(tzinfo=world.zone)
            rows.setdefault(row.order_id, Watched(row, asked.timestamp(), float(not_yet), float(seen)))
    return list(rows.values())


# The agents that are threads.


class Stop(NamedTuple):
    """A task that was stopped by SIGSTOP. Wall times."""

    name: str
    start: float
    end: float
    in_last_step: bool
    """between its last look at the clock and the end of the write: nothing can prevent a late row there"""


class Stopper(threading.Thread):
    """Stops living tasks, as a machine that sleeps does, and lets them go on."""

    def __init__(self, world: World, seed: int) -> None:
        super().__init__(daemon=True)
        self.stops: List[Stop] = []
        self._world = world
        self._chance = random.Random(seed)
        self._living: Dict[str, Any] = {}
        self._stopped = ""
        self.error: Optional[BaseException] = None
        self._lock = threading.Lock()
        self._done = threading.Event()

    def began(self, name: str, process: Any) -> None:
        with self._lock:
            self._living[name] = process

    def is_ending(self, name: str) -> None:
        """To be called before its process is waited for: its number may be another's after that."""
        with self._lock:
            del self._living[name]

    def kill_living(self) -> None:
        """What a test that ends before its time leaves behind would order for ever."""
        with self._lock:
            for process in self._living.values():
                process.kill()

    def wait_for(self, name: str) -> bool:
        """Wait until the task is not stopped; say whether it was."""
        was_stopped = False
        while self._stopped == name:
            was_stopped = True
            time.sleep(0.01)
        return was_stopped

    def _signal(self, name: str, process: Any, number: int) -> bool:
        with self._lock:
            if self._living.get(name) is not process:
                return False
            os.kill(process.pid, number)
            return True

    def run(self) -> None:
        try:
            while not self._done.wait(self._chance.uniform(0, 0.2)):
                with self._lock:
                    living = sorted(self._living.items())
                if living:
                    self._stop_one(*self._chance.choice(living))
                    self._stopped = ""
        except BaseException as error:
            self.error = error
        finally:
            self._stopped = ""

    def _stop_one(self, name: str, process: Any) -> None:
        step = self._world.folder / (name + ".step")
        if self._chance.random() < 0.2:
            _wait_for_step(step)
        self._stopped, start = name, time.time()
        if not self._signal(name, process, signal.SIGSTOP):
            return
        if _wait_until_stopped(process.pid):
            in_last_step = _is_in_step(step)
            shortest, longest = self._chance.choice([(0, 0.2), (0, 0.2), (1.2, 2)])
            self._done.wait(self._chance.uniform(shortest, longest))
            went_on = self._signal(name, process, signal.SIGCONT)
            self.stops.append(Stop(name, start, time.time() if went_on else float("inf"), in_last_step))
        else:
            self._signal(name, process, signal.SIGCONT)  # it may yet stop: it was waiting for the disk, or is dead

    def finish(self) -> None:
        self._done.set()
        self.join()
        if self.error is not None:
            raise self.error


def _is_in_step(step: Path) -> bool:
    return step.exists() and step.read_bytes() == b"\1"


def _wait_for_step(step: Path) -> None:
    """Wait a little for the task to be in its last step, which random moments hardly meet."""
    if step.exists():
        give_up = time.monotonic() + 0.1
        with step.open("rb") as file:
            while os.pread(file.fileno(), 1, 0) != b"\1" and time.monotonic() < give_up:
                pass


def _wait_until_stopped(pid: int) -> bool:
    for _ in range(1000):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:  # it is gone, perhaps while it was read
            if os.path.isdir("/proc/self"):
                return False
            time.sleep(0.01)  # no /proc here
            return True
        if state == "T":
            return True
        if state in "ZX":
            return False
        time.sleep(0.0005)
    return False


class Renewer(threading.Thread):
    """Now and then puts another order file in the place of this one: the header alone, an older copy, or none."""

    def __init__(self, world: "WildWorld", names: List[str], seed: int) -> None:
        super().__init__(daemon=True)
        self.count: Counter = Counter()
        self._world = world
        self._names = names
        self._chance = random.Random(seed)
        self._copies: List[bytes] = []
        self._done = threading.Event()
        self.error: Optional[BaseException] = None

    def run(self) -> None:
        try:
            while True:
                self._renew()
                if self._done.wait(self._chance.uniform(0.1, 1.5)):
                    break
        except BaseException as error:
            self.error = error

    def _renew(self) -> None:
        world, path = self._world, self._world.file("algoOrder")
        try:
            now = path.read_bytes()
        except FileNotFoundError:
            return
        now = now[: now.rfind(b"\n") + 1]  # what was read in the middle of a write is no copy of a program's
        how = self._chance.choice(["header", "copy", "deleted"])
        new = b""
        if how == "header":
            new = HEADER + b"\r\n"
        elif how == "copy" and self._copies:
            new = self._chance.choice(self._copies)
        if self._chance.random() < 0.5:
            self._copies = self._copies[-5:] + [now]
        kept = {row.order_id for row in read_order_file(new).rows}
        lost = Counter(name_of(row.code) for row in read_order_file(now).rows if row.order_id not in kept)
        if any(lost[name] < AGAIN_LOST for name in self._names):
            return
        backup = world.order_dir / "old" / f"{world.begun_anew:04}.csv"
        backup.parent.mkdir(exist_ok=True)
        os.link(str(path), str(backup))
        world.begun_anew += 1
        if new:
            other = path.with_name("other.csv")
            other.write_bytes(new)
            os.replace(str(other), str(path))
        else:
            path.unlink()
        self.count["files_" + how] += 1
        self.count["files_begun_anew"] += 1

    def finish(self) -> None:
        self._done.set()
        self.join()
        if self.error is not None:
            raise self.error


class WildBroker(Broker):
    """Reads all of the files that there were, and refuses the pieces in the middle of a line too."""

    def work(self) -> None:
        file = self._world.order_file()
        whole = {row.order_id for row in file.rows}
        lines = []
        for line in file.closed:
            for order_id in ANY_ROW.findall(line):
                text = order_id.decode()
                if text not in self.refused and text not in whole:
                    self.refused.add(text)
                    lines.append(f"100001,1,{text},1,-1,{REFUSAL}\r\n")
        self._append_results(lines)
        super().work()

    def _append_results(self, lines: List[str]) -> None:
        from tests.faults.world import RESULT_HEADER

        self._append("execResult", RESULT_HEADER, "".join(lines))


class _Reading:
    """What was read of one file so far, which only grows."""

    def __init__(self) -> None:
        self.offset = 0
        self.rows: List[Row] = []
        self.closed: List[bytes] = []
        self.last: List[bytes] = []

    def read(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self.offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        whole, rest = read_order_file(data[:end]), read_order_file(data[end:])
        self.offset += end
        self.rows += whole.rows
        self.closed += whole.closed
        self.last = rest.torn


class WildWorld(World):
    """Its order file is all that ever stood at that name: what somebody took away stands in old/."""

    own_codes = 60

    def __init__(self, folder: Path, **options: Any) -> None:
        options.setdefault("wait_lock_time_out", LOCK_WAIT)
        super().__init__(folder, **options)
        self._readings: Dict[int, _Reading] = {}
        self._lock = threading.Lock()
        (folder / "link").symlink_to(self.order_dir, target_is_directory=True)
        real = os.path.realpath(str(self.order_dir))
        self.spellings = {
            "plain": real,
            "link": str(folder / "link"),
            "dots": os.path.join(real, "..", self.order_dir.name),
            "slash": real + os.sep,
            "relative": os.path.relpath(real, str(ROOT)),
        }

    def order_file(self) -> OrderFile:
        """The union of the files. A row that stands in several of them is one; twice in one, or in two ways, it is two."""
        with self._lock:
            self._read(self.file("algoOrder"))  # first: it is linked into old/ before another one comes in its place
            for path in sorted((self.order_dir / "old").glob("*.csv")):
                self._read(path)
            readings = list(self._readings.values())
            rows: List[Row] = []
            known: Dict[str, Row] = {}
            for reading in readings:
                here: Set[str] = set()
                for row in reading.rows:
                    if row.order_id in here or known.get(row.order_id, row) != row:
                        rows.append(row)
                    elif row.order_id not in known:
                        known[row.order_id] = row
                        rows.append(row)
                    here.add(row.order_id)
            closed = list(dict.fromkeys(line for reading in readings for line in reading.closed))
            last = [line for reading in readings for line in reading.last]
        return OrderFile(rows, closed + last, closed)

    def _read(self, path: Path) -> None:
        try:
            self._readings.setdefault(path.stat().st_ino, _Reading()).read(path)
        except FileNotFoundError:
            pass

    def is_piece_of(self, line: bytes, order_id: str) -> bool:
        """It may have been glued to another's row, before it or behind."""
        return order_id.encode() in line

    def rows_of(self, name: str) -> int:
        """How many orders of the task stand in the files, by the files alone."""
        return len({row.order_id for row in self.order_file().rows if name_of(row.code) == name})

    def glued(self) -> int:
        """How many lines hold a whole row of ours that somebody's row stands right before."""
        return sum(any(match.start() > 0 for match in ROW.finditer(line)) for line in self.order_file().torn)


def late_rows(world: WildWorld, stops: List[Stop]) -> Counter:
    """Raises AssertionError for a row that was written too late, but in a last step in which its task was stopped."""
    count: Counter = Counter()
    for watched in watched_rows(world):
        count["rows_watched"] += 1
        late = watched.not_yet - watched.asked  # it was written after that
        count["oldest_row_ms"] = max(count["oldest_row_ms"], int(1000 * late))
        if late <= LIMIT + SLACK:
            continue
        name = name_of(watched.row.code)
        excuses = [
            stop
            for stop in stops
            if stop.name == name and stop.in_last_step and watched.asked < stop.start < watched.seen
        ]
        assert excuses, f"seed {SEED}: a row written {late:.3f} s after order(): {watched}, {stops}"
        count["rows_late_in_the_last_step"] += 1
    return count


if __name__ == "__main__":
    main(*sys.argv[1:])
