"""A task that orders: `ordering_task.py NAME FOLDER JSON`, over the real gate, journal and strategy, until it is killed.

What its author was told stands in FOLDER/NAME.told, one JSON list a line, written before and after each call:
["life"], ["known", [[id, price, status, err_msg], ..]], ["ask", n], ["got", n, id or null, error or null].
SIGKILL takes nothing from a file that was written; so these lines are not synced to the disk.

Order number n buys at 1 + n/100 yuan: a row, an order of the journal and a line here are the same by their price.
JSON: {"options": {..}, "count": orders or null, "sync_every": n, "codes": 1 to 6, "journal_patience": s,
"commands": true: one order for each line of stdin, "waits": true: for a line before it opens its account,
"ready": true: it prints "ready" when that is open,
"own_codes": n codes that no other task orders, "pause": s after each order that was refused,
"copies": how likely it is that it copies its own journal after an order (["copied"] in the diary), "seed": of that,
"marks": true: FOLDER/NAME.step is 1 from the gate's last question whether it may send until the row is written}.
"""

import functools
import glob
import json
import mmap
import os
import random
import sqlite3
import sys
import time
from typing import Any, Dict, List, Tuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

CODES = ["000001.XSHE", "600000.XSHG", "000002.XSHE", "600519.XSHG", "000004.XSHE", "600004.XSHG"]
STRATEGY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "empty_strategy.py")


def price_of(number: int) -> float:
    return round(1 + number / 100, 2)


def amount_of(number: int) -> int:
    return 100 * (1 + number % 9)


class Diary:
    """What the strategy was told."""

    def __init__(self, path: str) -> None:
        self.last = max([line[1] for line in read_diary(path) if line[0] == "ask"] or [0])
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)

    def tell(self, *what: Any) -> None:
        os.write(self._fd, ("\n" + json.dumps(what) + "\n").encode())


def read_diary(path: str) -> List[List[Any]]:
    diary = []
    try:
        with open(path, "rb") as file:
            for line in filter(bytes.strip, file):
                try:
                    diary.append(json.loads(line.decode()))
                except (
                    ValueError
                ):  # a kill may leave the first pages of a write of several, which only that of ["known"] is
                    assert line.startswith(b'["known"'), line
    except FileNotFoundError:
        pass
    return diary


def code_of(name: str, number: int, own_codes: int = 0) -> str:
    """One after the other, since an order of which nobody knows whether it was sent holds back those of its code.

    With `own_codes`, so many, the code says which task has ordered it: see `name_of`.
    """
    if own_codes:
        return f"{600000 + 1000 * (ord(name[0]) - ord('a')) + number % own_codes}.XSHG"
    return CODES[(ord(name[0]) + number) % len(CODES)]


def name_of(code: str) -> str:
    """The task that has ordered one of its own codes."""
    return chr(ord("a") + (int(code[:6]) - 600000) // 1000)


def copy_journal(folder: str, name: str, suffixes: Tuple[str, ...]) -> bool:
    """Copy the task's journal as a careless backup does: when such a copy is closed, POSIX drops sqlite's locks.

    Without the lock of the -shm the next program that looks into the journal cuts that file off, and whoever has it in
    memory, this process, may get SIGBUS: it dies there as by SIGKILL.
    """
    found = False
    for path in glob.glob(os.path.join(folder, "home", "data", name + "*.db")):
        for suffix in suffixes:
            try:
                with open(path + suffix, "rb") as file:
                    file.read()
            except FileNotFoundError:  # taken away by the next program that looked into it
                continue
            found = True
    return found


def mark_steps(path: str) -> None:
    """Have the first byte of the file be 1 from the look at the clock before a row is written until it is written."""
    from jqtrade.account.sender import Sender
    from jqtrade.gates import csv_file

    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    os.ftruncate(fd, 1)
    step = mmap.mmap(fd, 1)
    step[0] = 0
    sender, module = Sender, csv_file  # type: Any, Any
    check, write = sender.check_may_send, module._write_all

    def checked(self: Any) -> None:
        step[0] = 1
        try:
            check(self)
        except BaseException:
            step[0] = 0
            raise

    def written(fd: int, data: bytes) -> None:
        try:
            write(fd, data)
        finally:
            step[0] = 0

    sender.check_may_send, module._write_all = checked, written


def outcome_of(order: Any, name: str, number: int, style: Any, own_codes: int = 0) -> Tuple[Any, Any]:
    """The id that order() returned, and what it raised."""
    try:
        return order(code_of(name, number, own_codes), amount_of(number), style(price_of(number))), None
    except Exception as error:  # whatever it is, the strategy goes on
        return None, f"{type(error).__name__}: {error}"


def main(name: str, folder: str, settings: Dict[str, Any]) -> None:
    from tests.faults import failpoints

    failpoints.install_from_environment()
    from jqtrade.clock import SystemClock
    from jqtrade.gates.options import strategy_options
    from jqtrade.log import set_up_logging
    from jqtrade.masking import Masker
    from jqtrade.runtime.strategy import Strategy

    if "journal_patience" in settings:  # how long a locked journal is waited for, which is 5 s by default
        sqlite3.connect = functools.partial(sqlite3.connect, timeout=settings["journal_patience"])
    if settings.get("marks"):
        mark_steps(os.path.join(folder, name + ".step"))
    del CODES[settings.get("codes", len(CODES)) :]
    own_codes, pause = settings.get("own_codes", 0), settings.get("pause", 0)
    copies, chance = settings.get("copies", 0), random.Random(settings.get("seed"))
    diary_path = os.path.join(folder, name + ".told")
    diary = Diary(diary_path)
    clock = SystemClock()
    out = os.dup(1)
    if settings.get("log", True):
        set_up_logging(os.path.join(folder, name + ".log"), False, Masker(), clock, lambda: None)
    strategy = Strategy(name, STRATEGY, clock, strategy_options(os.path.join(folder, "home")))
    strategy.configure(settings["options"])
    diary.tell("life")
    os.write(out, b"+\n")  # from now on it may be killed
    if settings.get("waits"):
        sys.stdin.readline()
        diary = Diary(diary_path)  # another life of the task may have gone on with it until now
    strategy.start()
    module: Any = strategy.module
    known = [[one.order_id, one.price, str(one.status), one.err_msg] for one in module.get_orders()]
    diary.tell("known", known)
    if settings.get("commands") or settings.get("ready"):
        os.write(out, b"ready\n")
    count = settings.get("count")
    sync_every = settings.get("sync_every", 7)
    number = diary.last
    while count is None or number < diary.last + count:
        if settings.get("commands") and not sys.stdin.readline():
            break
        number += 1
        diary.tell("ask", number)
        order_id, error = outcome_of(module.order, name, number, module.LimitOrderStyle, own_codes)
        diary.tell("got", number, order_id, error)
        if copies and chance.random() < copies:
            suffixes = chance.choice([("", "-wal")] * 4 + [("", "-wal", "-shm")])
            if copy_journal(folder, name, suffixes):
                diary.tell("copied", suffixes)
        if pause and order_id is None:
            time.sleep(pause)
        if settings.get("commands"):
            os.write(out, (json.dumps([number, order_id, error]) + "\n").encode())
        if number % sync_every == 0:
            module.sync_orders()
    if count == 0:
        diary.tell(
            "end", [[one.order_id, one.price, str(one.status), one.filled_amount] for one in module.get_orders()]
        )
    strategy.stop()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
