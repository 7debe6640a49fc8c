"""A task that orders: `ordering_task.py NAME FOLDER JSON`, over the real gate, journal and strategy, until it is killed.

What its author was told stands in FOLDER/NAME.told, one JSON list a line, written before and after each call:
["life"], ["known", [[id, price, status, err_msg], ..]], ["ask", n], ["got", n, id or null, error or null].
SIGKILL takes nothing from a file that was written; so these lines are not synced to the disk.

Order number n buys at 1 + n/100 yuan: a row, an order of the journal and a line here are the same by their price.
JSON: {"options": {..}, "count": orders or null, "sync_every": n, "codes": 1 to 6, "journal_patience": s,
"commands": true: one order for each line of stdin}.
"""

import functools
import json
import os
import sqlite3
import sys
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


def code_of(name: str, number: int) -> str:
    """One after the other, since an order of which nobody knows whether it was sent holds back those of its code."""
    return CODES[(ord(name[0]) + number) % len(CODES)]


def outcome_of(order: Any, name: str, number: int, style: Any) -> Tuple[Any, Any]:
    """The id that order() returned, and what it raised."""
    try:
        return order(code_of(name, number), amount_of(number), style(price_of(number))), None
    except Exception as error:  # whatever it is, the strategy goes on
        return None, f"{type(error).__name__}: {error}"


def main(name: str, folder: str, settings: Dict[str, Any]) -> None:
    from tests.faults import failpoints

    failpoints.install_from_environment()
    from jqtrade.clock import SystemClock
    from jqtrade.log import Masker, set_up_logging
    from jqtrade.options import Options
    from jqtrade.runtime.strategy import Strategy

    if "journal_patience" in settings:  # how long a locked journal is waited for, which is 5 s by default
        sqlite3.connect = functools.partial(sqlite3.connect, timeout=settings["journal_patience"])
    del CODES[settings.get("codes", len(CODES)) :]
    diary = Diary(os.path.join(folder, name + ".told"))
    clock = SystemClock()
    out = os.dup(1)
    if settings.get("log", True):
        set_up_logging(os.path.join(folder, name + ".log"), False, Masker(), clock, lambda: None)
    strategy = Strategy(name, STRATEGY, clock, Options(os.path.join(folder, "home")))
    strategy.configure(settings["options"])
    diary.tell("life")
    os.write(out, b"+\n")  # from now on it may be killed
    strategy.start()
    module: Any = strategy.module
    known = [[one.order_id, one.price, str(one.status), one.err_msg] for one in module.get_orders()]
    diary.tell("known", known)
    if settings.get("commands"):
        os.write(out, b"ready\n")
    count = settings.get("count")
    sync_every = settings.get("sync_every", 7)
    number = diary.last
    while count is None or number < diary.last + count:
        if settings.get("commands") and not sys.stdin.readline():
            break
        number += 1
        diary.tell("ask", number)
        order_id, error = outcome_of(module.order, name, number, module.LimitOrderStyle)
        diary.tell("got", number, order_id, error)
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
