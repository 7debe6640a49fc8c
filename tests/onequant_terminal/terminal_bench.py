"""A paper terminal on real files in virtual time, with a hand that writes orders as the protocol page says."""

import random
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Optional

from jqtrade.clock import VirtualClock
from jqtrade.onequant_terminal.faults import FaultyOutbox
from jqtrade.onequant_terminal.files import Outbox
from jqtrade.onequant_terminal.terminal import OneQuantTerminal
from jqtrade.paper.exchange import SHARES_PER_STEP
from tests.paper.paper_helpers import ACCOUNT_NO, MORNING, HandQuotes, NaiveReader, read_snapshot

ORDER_HEADER = (
    "updTime,custBatchNo,acctType,acct,symbol,tradeSide,targetQty,algoId,priceType,ticks,highLimitPrice,lowLimitPrice"
)


class Bench:
    def __init__(self, order_dir: Path, encoding: str = "gbk", start: datetime = MORNING) -> None:
        self.dir = order_dir
        self.encoding = encoding
        self.clock = VirtualClock(start)
        self.quotes = HandQuotes(_000001="10.00", _600000="8.00", _688001="50.00")
        self.said: List[str] = []
        self.readers: Dict[str, NaiveReader] = {}
        self.terminal: Optional[OneQuantTerminal] = None

    @property
    def state_path(self) -> Path:
        return self.dir / "paper_broker.db"

    def start(self, faults: Optional[int] = None, cash: str = "1000000", **options: Any) -> "Bench":
        """The terminal before, if there was one, is as good as killed: it does nothing at its end."""
        self.let_go()
        plain = Outbox(self.encoding, self.clock, self.said.append)
        outbox = plain if faults is None else FaultyOutbox(self.encoding, self.clock, self.said.append, faults)
        arguments = (str(self.dir), ACCOUNT_NO, Decimal(cash), self.quotes, self.clock, outbox, self.said.append)
        self.terminal = OneQuantTerminal(*arguments, state_path=str(self.state_path), **options)
        return self

    def let_go(self) -> None:
        """Windows deletes and replaces no file that is open."""
        if self.terminal is not None and self.terminal.state is not None:
            self.terminal.state.close()

    def poll(self, times: int = 1) -> None:
        assert self.terminal is not None
        for _ in range(times):
            self.clock.sleep(0.5)
            self.terminal.poll()

    def path(self, kind: str) -> Path:
        return self.dir / f"{kind}_{self.clock.now():%Y%m%d}.csv"

    def write(self, kind: str, content: bytes) -> None:
        header = ORDER_HEADER if kind == "algoOrder" else "updTime,custBatchNo"
        if not self.path(kind).exists():
            self.path(kind).write_bytes(header.encode("ascii") + b"\r\n")
        with self.path(kind).open("ab") as file:
            file.write(content)

    def order(
        self, order_id: str, side: str, quantity: Any, price: str, symbol: str = "000001.SZ", **other: str
    ) -> None:
        """Write a row of algoOrder; `other` are columns that differ from a limit order's."""
        row = {"acctType": "UM0", "acct": ACCOUNT_NO, "algoId": "DMA", "priceType": "AT", "ticks": "0", "low": price}
        row.update(other)
        fields = ["100000.000001", order_id, row["acctType"], row["acct"], symbol, side, str(quantity)]
        fields += [row["algoId"], row["priceType"], row["ticks"], price, row["low"]]
        self.write("algoOrder", (",".join(fields) + "\n").encode(self.encoding))

    def cancel(self, order_id: str) -> None:
        self.write("algoOrderStop", f"100000.000002,{order_id}\n".encode("ascii"))

    def new_rows(self, kind: str) -> List[Dict[str, str]]:
        reader = self.readers.setdefault(str(self.path(kind)), NaiveReader(self.path(kind)))
        return reader.new_rows()

    def states(self, order_id: str) -> List[str]:
        """The states in orderUpdate since the last look."""
        return [row["status"] for row in self.new_rows("orderUpdate") if row["custBatchNo"] == order_id]

    def assets(self) -> Dict[str, str]:
        rows = read_snapshot(self.path("assetInfo"))
        assert rows is not None
        return [row for row in rows if row["exchange"] == "" and row["acct"] == ACCOUNT_NO][0]

    def positions(self) -> Dict[str, Dict[str, str]]:
        rows = read_snapshot(self.path("positionInfo"))
        assert rows is not None
        return {row["symbol"]: row for row in rows}

    def truth(self) -> Dict[str, Any]:
        assert self.terminal is not None
        return self.terminal.truth()


def trade(bench: Bench, seed: int, seconds: int) -> List[str]:
    """Five orders a second, some of them bad, some cancelled."""
    chance = random.Random(seed)
    ids: List[str] = []
    for _ in range(seconds * 2):
        for _ in range(chance.choice([2, 3])):
            ids.append(str(chance.randrange(10**9, 10**10)))
            quantity = chance.choice([100, 200, 150, SHARES_PER_STEP + 500])
            price = chance.choice(["10.00", "9.99", "10.01", "0", "9.999"])
            bench.order(ids[-1], chance.choice("1112"), quantity, price, acct=chance.choice([ACCOUNT_NO] * 9 + ["666"]))
        for order_id in chance.sample(ids, min(2, len(ids))):
            bench.cancel(order_id)
        bench.quotes.set("000001", chance.choice(["9.98", "10.00", "10.02"]))
        bench.poll()
    for order_id in ids:
        bench.cancel(order_id)
    bench.poll()
    return ids
