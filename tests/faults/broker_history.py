"""What a terminal may write about orders of ours: rows of orderUpdate_ in the order they happen, and how they get mangled."""

import random
from typing import List, NamedTuple

from tests.faults.world import ACCOUNT_NO


class History(NamedTuple):
    """The rows about one order, the last one final; and how the order ends."""

    rows: List[bytes]
    status: str
    filled: int


def history(order_id: str, amount: int, chance: random.Random) -> History:
    """One order's life, drawn at random: open, some fills, perhaps a cancel, an end."""
    lots = amount // 100
    steps = sorted(chance.sample(range(1, lots), min(lots - 1, chance.randint(0, 3)))) if lots > 1 else []
    fills = [100 * step for step in steps]
    rows = []
    if chance.random() < 0.5:
        rows.append(_row(order_id, amount, 7, 0))
    rows.append(_row(order_id, amount, 0, 0))
    if chance.random() < 0.1:
        return History(rows + [_row(order_id, amount, 5, 0, "价格错误")], "rejected", 0)
    canceled_from = chance.randint(0, len(fills))
    rows += [_row(order_id, amount, 1, filled) for filled in fills[:canceled_from]]
    if chance.random() < 0.5:
        rows += [_row(order_id, amount, 8, ([0] + fills)[canceled_from])]
        rows += [_row(order_id, amount, 8, filled) for filled in fills[canceled_from:]]
        filled = fills[-1] if fills else 0
        if chance.random() < 0.8:
            status, code = ("partly_canceled", 3) if filled else ("canceled", 4)
            return History(rows + [_row(order_id, amount, code, filled, "撤单成功")], status, filled)
    return History(rows + [_row(order_id, amount, 2, amount)], "filled", amount)


def _row(order_id: str, amount: int, status: int, filled: int, text: str = "") -> bytes:
    average = 10 + filled / 1024 if filled else 0
    return (
        f"093103.5,20260105,093103,UM0,{ACCOUNT_NO},000001.SZ,1,{status},{amount},10.5,0,{filled},{average},"
        f"{average * filled},{amount - filled if status in (3, 4) else 0},{'' if status == 7 else 88},,{order_id},{text},"
    ).encode("gbk")


def shuffle(rows: List[bytes], chance: random.Random) -> List[bytes]:
    """The rows doubled, left out, late and replayed; the final one is always among them."""
    kept = [row for row in rows[:-1] for _ in range(chance.choice([0, 1, 1, 1, 2]))] + [rows[-1]]
    chance.shuffle(kept)
    return kept + (rows if chance.random() < 0.2 else [])


_BYTES = [
    b",",
    b'"',
    b"\r",
    b"\0",
    b"\xff",
    b"\x81",
    b"-",
    b"e",
    b"9" * 400,
    b"nan",
    b"inf",
    b" ",
    b"\xef\xbb\xbf",
    b"1e400",
]


def mutate(line: bytes, chance: random.Random) -> bytes:
    """The line with one to three changes; it stays one line."""
    for _ in range(chance.randint(1, 3)):
        kind, at = chance.randrange(7), chance.randint(0, len(line))
        if kind == 0:
            line = line[:at]
        elif kind == 1:
            line = line[:at] + chance.choice(_BYTES) + line[at:]
        elif kind == 2:
            line = line[:at] + bytes([chance.randrange(256)]) + line[at + 1 :]
        elif kind == 3:
            line = line[:at] + line[at + chance.randint(1, 8) :]
        else:
            fields = line.split(b",")
            index = chance.randrange(len(fields))
            if kind == 4:
                fields[index] = chance.choice(
                    _BYTES + [b"", b"-1", b"0", b"6", b"99999999999999999999", b"0x10", b"1_0"]
                )
            elif kind == 5:
                other = chance.randrange(len(fields))
                fields[index], fields[other] = fields[other], fields[index]
            else:
                fields.insert(index, fields[index])
            line = b",".join(fields)
    return line.replace(b"\n", b"")
