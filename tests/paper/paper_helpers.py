"""What the tests of the paper broker share: quotes set by hand, and a plain reader of One Quant's files."""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Dict, List, Optional

from jqtrade.market.quotes import Quote, Quotes
from jqtrade.paper.exchange import PaperExchange
from jqtrade.paper.ledger import Ledger

MORNING = datetime(2026, 7, 6, 10, 0, 0)
"""A Monday."""
BANK = "000001.XSHE"
STAR = "688001.XSHG"
ACCOUNT_NO = "1234567"


def quiet(text: str) -> None:
    """Takes what would be said to the user."""


class HandQuotes(Quotes):
    """Quotes that a test sets: code -> last price, or (last, bid1, ask1)."""

    def __init__(self, **prices: Any) -> None:
        self._quotes: Dict[str, Quote] = {}
        for number, price in prices.items():
            self.set(number[1:], price)

    def set(
        self, code: str, last: Any, bid1: Any = None, ask1: Any = None, prev_close: Any = None, **more: Any
    ) -> None:
        exchange = ".XSHG" if code[0] in "56" or code.startswith("11") else ".XSHE"
        prices = [None if price is None else Decimal(str(price)) for price in (last, bid1, ask1, prev_close)]
        assert prices[0] is not None
        quote = Quote(prices[0], prices[1], prices[2], prices[3], **more)
        self._quotes[code + exchange if "." not in code else code] = quote

    def get(self, code: str, now: datetime) -> Optional[Quote]:
        return self._quotes.get(code)


def make_exchange(quotes: Quotes, cash: Any = 1000000, **options: Any) -> PaperExchange:
    return PaperExchange(Ledger(Decimal(str(cash))), quotes, MORNING, **options)


def statuses(exchange: PaperExchange, order_id: str) -> List[str]:
    """The states that an order went through since the last look."""
    return [str(state.status) for state in exchange.take_states() if state.order_id == order_id]


class NaiveReader:
    """Follows one file of the terminal by whole lines, as simply as can be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.header: List[str] = []

    def new_rows(self) -> List[Dict[str, str]]:
        if not self.path.exists():
            return []
        content = self.path.read_bytes()[self.offset :]
        whole = content[: content.rfind(b"\n") + 1]
        self.offset += len(whole)
        rows = []
        for line in whole.split(b"\n")[:-1]:
            try:
                text = line.decode("utf-8-sig")
            except UnicodeDecodeError:
                text = line.decode("gb18030", "replace")
            fields = text.rstrip("\r").split(",")
            if not self.header:
                self.header = fields
            elif len(fields) == len(self.header):
                rows.append(dict(zip(self.header, fields)))
        return rows


def read_snapshot(path: Path) -> Optional[List[Dict[str, str]]]:
    """The rows of a snapshot file, or None while it has no empty last row."""
    lines = path.read_bytes().decode("gb18030").split("\r\n")
    if len(lines) < 3 or lines[-1] != "" or lines[-2].strip(",") != "":
        return None
    header = lines[0].split(",")
    if len(lines[-2].split(",")) != len(header):
        return None
    return [dict(zip(header, line.split(","))) for line in lines[1:-2]]


DAY_HEADER = "time,code,open,high,low,close,volume"


def write_bars(path: Path, *rows: str, header: str = DAY_HEADER) -> str:
    """A CSV file of bars; returns its path."""
    path.write_text("\n".join((header,) + rows) + "\n", encoding="utf-8")
    return str(path)


def at(clock: str, day: str = "2026-07-06") -> datetime:
    """ "09:30" or "09:30:05" of a day, by default the Monday of the new rules."""
    return datetime.strptime(f"{day} {clock if clock.count(':') == 2 else clock + ':00'}", "%Y-%m-%d %H:%M:%S")


def strict_exchange(quotes: Quotes, now: datetime, cash: Any = 10000000, **options: Any) -> PaperExchange:
    """An exchange that keeps hours and rules."""
    return PaperExchange(Ledger(Decimal(str(cash))), quotes, now, True, **options)


def fate(exchange: PaperExchange, order_id: str = "1") -> str:
    """How an order stands, and why it was refused."""
    order = exchange.orders[order_id]
    return f"{order.status} {order.text}".strip()
