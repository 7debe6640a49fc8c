"""Whatever stands in the terminal's files, however it got there: the same end, never a wrong one, and no crash."""

import logging
import random
import sqlite3
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Dict, Iterator, List

from hypothesis import given, settings
from hypothesis import strategies as st

from jqtrade.account.reports import check_balance, check_order
from jqtrade.clock import VirtualClock
from jqtrade.errors import InvalidReport, TradeGateError
from jqtrade.gates.csv_file import read_snapshot
from jqtrade.gates.options import strategy_options
from jqtrade.runtime.strategy import Strategy
from tests.faults.broker_history import history, mutate, shuffle
from tests.faults.ordering_task import STRATEGY
from tests.faults.sizes import SEED, WINDOWS, claim, rounds
from tests.faults.world import UPDATE_HEADER, World

RESULT_HEADER = b"updTime,resultType,custBatchNo,status,errorCode,errorMsg"


class Desk:
    """A strategy over the real gate in virtual time, its orders forgotten with it; and the files it reads."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.day = "20260105"
        self.world.write_snapshots()
        self.clock = VirtualClock(datetime(2026, 1, 5, 10, 0))
        self.strategy = Strategy("desk", STRATEGY, self.clock, strategy_options(str(folder / "home")))
        self.strategy.configure(dict(self.world.options, timezone="+08:00"))
        self.strategy.start()
        self.api: Any = self.strategy.module
        self.account = self.strategy.account()
        self.gate: Any = self.account._gate  # what it raises is hidden by the account, which goes on

    def order(self, amount: int) -> str:
        order_id = self.api.order("000001.XSHE", amount, self.api.LimitOrderStyle(10.5))
        assert order_id is not None
        return str(order_id)

    def write(self, kind: str, lines: List[bytes]) -> None:
        with self.world.file(kind).open("ab") as file:
            file.write(b"".join(line + b"\r\n" for line in lines))


@contextmanager
def desks(folder: Path) -> Iterator[Any]:
    """Return a function that opens desks, all closed at the end; what is logged is put into words, and thrown away."""
    opened: List[Desk] = []
    swallow = Swallow()
    logger = logging.getLogger("jqtrade")
    propagate, level = logger.propagate, logger.level
    logger.addHandler(swallow)
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def open_one() -> Desk:
        opened.append(Desk(folder / str(len(opened))))
        return opened[-1]

    try:
        yield open_one
    finally:
        for desk in opened:
            desk.strategy.close()
        logger.removeHandler(swallow)
        logger.propagate = propagate
        logger.setLevel(level)
    assert not swallow.unexpected, swallow.unexpected


class Swallow(logging.Handler):
    """Formats every record; keeps those that tell of an exception that is none of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.unexpected: List[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.exc_info or "Traceback" in text or ("失败：" in text and "Error: " in text):
            self.unexpected.append(text)


def outcome(order: Any) -> Any:
    """All that must not depend on how the news came; the reason of a state is that of the first row that told it."""
    return (
        order.status,
        order.filled_amount,
        order.canceled_amount,
        order.avg_cost,
        order.deal_balance,
        order.confirm_id,
    )


def test_shuffled_doubled_and_missing_updates_end_in_the_same_state(tmp_path: Path) -> None:
    wanted = rounds(400, 10000)
    each = 100
    shown = 0
    with desks(tmp_path) as open_desk:
        while shown < wanted:
            chance = random.Random(SEED * 1000 + shown)
            desk, amounts = open_desk(), [100 * chance.randint(1, 20) for _ in range(each)]
            ids = [desk.order(amount) for amount in amounts]
            truths = {order_id: history(order_id, amount, chance) for order_id, amount in zip(ids, amounts)}
            streams = {order_id: shuffle(truth.rows, chance) for order_id, truth in truths.items()}
            desk.write("orderUpdate", [UPDATE_HEADER.encode()])
            filled = dict.fromkeys(ids, 0)
            while streams:  # interleaved, each stream in its order, in syncs of any size
                rows = []
                for _ in range(chance.randint(1, 200)):
                    if streams:
                        order_id = chance.choice(list(streams))
                        rows.append(streams[order_id].pop(0))
                        if not streams[order_id]:
                            del streams[order_id]
                desk.write("orderUpdate", rows)
                desk.api.sync_orders()
                for order in desk.api.get_orders():
                    assert filled[order.order_id] <= order.filled_amount <= order.amount, (SEED, shown, order)
                    filled[order.order_id] = order.filled_amount
            ends = {order.order_id: outcome(order) for order in desk.api.get_orders()}
            for order_id, truth in truths.items():
                assert (ends[order_id][0], ends[order_id][1]) == (truth.status, truth.filled), (SEED, shown, order_id)
            assert ends == told_in_order(desk, truths), (SEED, shown)
            shown += each
    claim("shuffled update histories", histories=shown, different_ends=0)


def told_in_order(desk: Desk, truths: Dict[str, Any]) -> Dict[str, Any]:
    """How the same orders end for a task that is started anew and reads the rows as they happened."""
    rows = [row for truth in truths.values() for row in truth.rows]
    desk.world.file("orderUpdate").write_bytes(b"\r\n".join([UPDATE_HEADER.encode()] + rows) + b"\r\n")
    (path,) = (desk.world.folder / "home" / "data").glob("*.db")
    connection = sqlite3.connect(str(path))
    connection.execute(
        "UPDATE orders SET status = 'new', filled_amount = 0, canceled_amount = 0, avg_cost = 0, deal_balance = 0,"
        " err_msg = '', entrust_time = NULL, confirm_id = '', confirmed = 0"
    )
    connection.commit()
    connection.close()
    strategy = Strategy("desk", STRATEGY, desk.clock, strategy_options(str(desk.world.folder / "home")))
    strategy.configure(dict(desk.world.options, timezone="+08:00"))
    strategy.start()
    ends = {order.order_id: outcome(order) for order in strategy.account().orders()}
    strategy.close()
    return ends


@settings(max_examples=rounds(20, 1000), deadline=None, print_blob=True)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 3000), max_size=8))
def test_a_file_of_updates_that_grows_by_any_cuts_ends_the_same(
    tmp_path_factory: Any, seed: int, cuts: List[int]
) -> None:
    chance = random.Random(seed)
    with desks(Path(str(tmp_path_factory.mktemp("cuts")))) as open_desk:
        desk = open_desk()
        truths = {order_id: history(order_id, 1000, chance) for order_id in (desk.order(1000), desk.order(1000))}
        rows = [row for truth in truths.values() for row in shuffle(truth.rows, chance)]
        data = b"".join(line + b"\r\n" for line in [UPDATE_HEADER.encode()] + rows)
        edges = sorted(min(cut, len(data)) for cut in cuts)
        for start, end in zip([0] + edges, edges + [len(data)]):
            with desk.world.file("orderUpdate").open("ab") as file:
                file.write(data[start:end])
            desk.api.sync_orders()
        ends = {order.order_id: (order.status, order.filled_amount) for order in desk.api.get_orders()}
        assert ends == {order_id: (truth.status, truth.filled) for order_id, truth in truths.items()}


def test_every_file_cut_at_every_byte_is_never_misread_by_the_account_and_right_at_the_next_sync(
    tmp_path: Path,
) -> None:
    """As tests/gates/test_anxin_cuts.py shows of the gate; here the account's orders and figures."""
    step = rounds(7, 1) if rounds(1, 2) == 1 else 1
    cuts = 0
    with desks(tmp_path) as open_desk:
        desk = open_desk()
        chance = random.Random(SEED)
        for start in range(3):
            order_id = desk.order(1000)
            truth = history(order_id, 1000, chance)
            earlier = desk.world.file("orderUpdate")
            base = earlier.read_bytes() if earlier.exists() else UPDATE_HEADER.encode() + b"\r\n"
            data = base + b"".join(row + b"\r\n" for row in truth.rows)
            reached = {("new", 0)} | {_told(row) for row in truth.rows}
            for cut in range(len(base) + start % step, len(data) + 1, step):
                earlier.write_bytes(data[:cut])
                desk.api.sync_orders()
                order = desk.api.get_orders(order_id=order_id)[0]
                assert (order.status, order.filled_amount) in reached, (cut, order)
                cuts += 1
            earlier.write_bytes(data)
            desk.api.sync_orders()
            order = desk.api.get_orders(order_id=order_id)[0]
            assert (order.status, order.filled_amount) == (truth.status, truth.filled)
        for kind in ("assetInfo", "positionInfo"):
            path = desk.world.file(kind)
            whole = path.read_bytes()
            for cut in range(len(whole) + 1):
                path.write_bytes(whole[:cut])
                desk.api.sync_balance()
                assert desk.account.portfolio.total_value == 1e9
                cuts += 1
            path.write_bytes(whole)
    claim("files cut at every byte, seen by the account", cuts=cuts)
    assert cuts > 100


def order_id_of(report: Any) -> str:
    return str(report["order_id"] if isinstance(report, dict) else report.order_id)


def _told(row: bytes) -> Any:
    fields = row.split(b",")
    names = {b"0": "open", b"1": "filling", b"2": "filled", b"3": "partly_canceled", b"4": "canceled", b"5": "rejected"}
    names.update({b"7": "new", b"8": "canceling"})
    return names[fields[7]], int(fields[11])


def test_fuzzed_lines_raise_nothing_and_hide_no_line_after_them(tmp_path: Path) -> None:
    wanted = rounds(8000 if not WINDOWS else 2000, 1000000)
    chunk = 1000
    lines = read = understood = 0
    with desks(tmp_path) as open_desk:
        while lines < wanted:
            chance = random.Random(SEED * 1000 + lines)
            if lines % 50000 == 0:
                desk = open_desk()
                ids = [desk.order(1000) for _ in range(20)]
                good = desk.order(100)
                desk.write("orderUpdate", [UPDATE_HEADER.encode()])
                desk.write("execResult", [RESULT_HEADER])
                real = [row for order_id in ids for row in history(order_id, 1000, chance).rows]
                real += [b"093102.6,1,%s,1,-61,\xd7\xca\xbd\xf0,10.00" % order_id.encode() for order_id in ids]
                truth = history(good, 100, chance).rows[0]
            for kind in ("orderUpdate", "execResult"):
                desk.write(kind, [mutate(chance.choice(real), chance) for _ in range(chunk // 2)])
            desk.write("orderUpdate", [truth])
            lines += chunk
            where = f"seed {SEED}, lines up to {lines}"
            if chance.random() < 0.5:
                reports = _sync(desk.gate, where)
                assert any(order_id_of(report) == good for report in reports), where
                read += chunk // 2 + 1  # of the updates; the results make no reports
                understood += len(reports)
            else:
                desk.account.sync_orders()
            for order in desk.account.orders():
                assert 0 <= order.filled_amount <= order.amount, where
    claim("fuzzed lines of orderUpdate and execResult", lines=lines, read=read, understood=understood)
    assert 0.02 * read < understood < 0.98 * read, "the mutations were all lost on it, or all harmless"


def _sync(gate: Any, where: str) -> List[Any]:
    reports: List[Any] = gate.sync_orders()
    for report in reports:
        try:
            check_order(report)
        except InvalidReport:
            pass
    return reports


def test_fuzzed_snapshots_are_whole_or_a_trade_gate_error(tmp_path: Path) -> None:
    wanted = rounds(500, 20000)
    chance = random.Random(SEED)
    taken = 0
    with desks(tmp_path) as open_desk:
        desk = open_desk()
        asset, position = desk.world.file("assetInfo"), desk.world.file("positionInfo")
        account = desk.world.options["account_no"].encode()
        whole = {
            asset: asset.read_bytes().split(b"\r\n"),
            position: [
                b"acct,symbol,currentQty,enabledQty,costPrice,lastPrice,mktValue",
                account + b",000001.SZ,300,200,9.5,10,3000",
                account + b",600000.SH,0,0,9.5,10,0",
                b",,,,,,",
                b"",
            ],
        }
        for _ in range(wanted):
            for path in whole if chance.random() < 0.3 else [chance.choice(list(whole))]:
                changed = list(whole[path])
                index = chance.randrange(len(changed))
                changed[index] = mutate(changed[index], chance)
                path.write_bytes(b"\r\n".join(changed))
                try:
                    read_snapshot(str(path), "gbk", ["acct"])
                except TradeGateError:
                    pass
            try:
                check_balance(desk.gate._read_balance())
                taken += 1
            except (TradeGateError, InvalidReport):
                pass
    claim("fuzzed snapshots", snapshots=wanted, taken=taken)
    assert 0.02 * wanted < taken < 0.98 * wanted, "the mutations were all refused, or all harmless"
