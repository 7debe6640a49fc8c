"""Where the paper exchange's prices come from: a CSV file that somebody keeps up to date, or made-up ones."""

import hashlib
import os
from abc import ABC, abstractmethod
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Callable, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Set, Tuple

from jqtrade.clock import Clock
from jqtrade.errors import InvalidParam
from jqtrade.market.boards import Board, board_of
from jqtrade.market.price_levels import level_of
from jqtrade.market.rules import HIGHEST_PRICE, normal_code

Say = Callable[[str], None]

SETTLE_TIME = timedelta(seconds=1)
"""A file that looks half-written is believed once it has not changed for so long."""
MADE_UP_STEP_SECONDS = 3
"""Made-up prices change this often, as the exchanges' snapshots do."""

_COLUMNS = ("last", "bid1", "ask1", "prev_close")


class Quote(NamedTuple):
    """Prices of one security, yuan a share, all above zero; and what its source knows of its day."""

    last: Decimal
    bid1: Optional[Decimal] = None
    ask1: Optional[Decimal] = None
    prev_close: Optional[Decimal] = None
    high_limit: Optional[Decimal] = None
    """the source's own; None: by the exchange's rules"""
    low_limit: Optional[Decimal] = None
    is_st: bool = False
    days_listed: Optional[int] = None
    """1 on the day of listing; None: not known"""
    paused: bool = False
    """suspended now"""
    volume: Optional[int] = None
    """shares traded in the bar that `last` is from; None: not known"""
    bar: int = 0
    """tells one bar from another of the same code"""
    close_day: Optional[date] = None
    """the day whose plain close `prev_close` is; None: the source gave `prev_close` for this very day"""
    is_old: bool = False
    """`last` is `prev_close`: nothing has been traded on this day yet"""
    is_fresh: bool = True
    """somebody who comes now can trade at `last`; not if that was traded earlier, or in a bar that is not over"""

    @property
    def buy_price(self) -> Decimal:
        """What a buyer pays now."""
        return self.last if self.ask1 is None else self.ask1

    @property
    def sell_price(self) -> Decimal:
        """What a seller gets now."""
        return self.last if self.bid1 is None else self.bid1


class TradedInterval(NamedTuple):
    """What was traded from `start` to `end`. Who was there from the start could trade at any of it, who came in between
    only at what it ended with."""

    start: datetime
    end: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int
    """shares traded in the whole bar that it is a part of"""
    bar: int


class Quotes(ABC):
    """Prices by code and time."""

    knows_past = False
    """Whether `get` knows the quotes of any moment of the day, not of this one alone."""
    keeps_history = False
    """Whether `traded_intervals` tells what was traded at any time; otherwise only the quote of this moment counts."""

    @abstractmethod
    def get(self, code: str, now: datetime) -> Optional[Quote]:
        """The quote of `code` ("000001.XSHE") as it is known at `now`, or None if there is no such security."""

    def known_at(self, code: str, now: datetime) -> Optional[datetime]:
        """When the price that `get` tells was last the newest one; None: it is now, or nobody knows."""
        return None

    def moment(self, now: datetime) -> object:
        """What the quotes of `now` are known by: as long as it is equal, so are they."""
        return now

    def traded_intervals(self, code: str, after: datetime, until: datetime) -> Sequence[TradedInterval]:
        """What was traded in the intervals that ended after `after`, up to `until` of the same day, oldest first."""
        return ()

    def auction(self, code: str, moment: datetime) -> Optional[Quote]:
        """The quote whose `last` is the price of the auction that ends at `moment`; None: there was no such price."""
        return self.get(code, moment)

    def is_trading_day(self, day: date) -> bool:
        """Whether the exchange opens on `day`. Without knowledge of holidays: on weekdays."""
        return day.weekday() < 5

    @property
    def last_day(self) -> Optional[date]:
        """The last day of which there are prices; None: there is no such day."""
        return None


class MadeUpQuotes(Quotes):
    """Prices that look like a market's and follow from seed, code and time alone, whoever asks how often.

    A sum of noises, each a zigzag between random values `period` apart; together they stay within 5 % of the level that
    price_levels.py has for the code.
    """

    knows_past = True

    _NOISES = ((15, 0.0008), (60, 0.0015), (600, 0.003), (3600, 0.006), (24 * 3600, 0.015), (30 * 24 * 3600, 0.015))
    """(period in seconds, largest relative move)"""
    _ORIGIN = datetime(2000, 1, 1)

    def __init__(self, seed: int, say: Say) -> None:
        self._seed = seed
        self._step = -1
        self._quotes: Dict[str, Quote] = {}
        """of that step, as far as somebody asked for them"""
        say(f"没有行情文件，模拟撮合使用随机种子 {seed} 编造的价格，盈亏没有意义")

    def moment(self, now: datetime) -> int:
        """The step of time within which a price stays the same; a day begins with one."""
        return int((now - self._ORIGIN).total_seconds()) // MADE_UP_STEP_SECONDS

    def get(self, code: str, now: datetime) -> Optional[Quote]:
        board = board_of(code)
        if board is None:
            return None
        step = self.moment(now)
        if step != self._step:
            self._step = step
            self._quotes.clear()
        if code not in self._quotes:
            prev_close = self._price(code, datetime.combine(now.date() - timedelta(days=1), time(15)), board)
            last = self._price(code, now, board)
            self._quotes[code] = Quote(last, bid1=last, ask1=last + board.tick, prev_close=prev_close)
        return self._quotes[code]

    def _price(self, code: str, moment: datetime, board: Board) -> Decimal:
        seconds = self.moment(moment) * MADE_UP_STEP_SECONDS
        move = 1.0
        for period, size in self._NOISES:
            index, rest = divmod(seconds, period)
            left, right = self._noise(code, period, index), self._noise(code, period, index + 1)
            move += size * (left + (right - left) * rest / period)
        level = level_of(code, board, (1.0 + self._noise(code, 0, 0)) / 2)
        return Decimal(level * move).quantize(board.tick, ROUND_HALF_UP)

    def _noise(self, code: str, period: int, index: int) -> float:
        """A number from -1 to 1 that looks random."""
        digest = hashlib.sha256(f"{self._seed}/{code}/{period}/{index}".encode("ascii")).digest()
        return int.from_bytes(digest[:6], "big") / float(2**47) - 1.0


_Signature = Tuple[int, int, int]
_NO_FILE = (0, 0, 0)


class FileQuotes(Quotes):
    """Prices from a CSV file `code,last[,bid1,ask1,prev_close]`, UTF-8 or GBK, read again when it changes.

    A row that is wrong is skipped and said once. A file that looks half-written (its last line has no end, or codes
    have gone) does not count until it has been left alone for SETTLE_TIME. An empty price means "unknown", as 0 does.
    """

    def __init__(self, path: str, say: Say, clock: Optional[Clock] = None) -> None:
        """`clock` tells when the file was written; without one its prices have no age."""
        self._path = path
        self._clock = clock
        self._say = say
        self._said: FrozenSet[str] = frozenset()
        self._missing = False
        self._refreshed: Optional[datetime] = None
        self._changed = datetime.min
        self._settled = True
        try:
            self._signature = _signature(path)
            text = _read(path)
        except OSError as error:
            raise InvalidParam(f"行情文件 {path} 读不了：{error}") from error
        quotes = self._parse(text, settled=True)
        if quotes is None:
            raise InvalidParam(f"行情文件 {path} 的第一行应为 code,last[,bid1,ask1,prev_close]，现在是 {text[:80]!r}")
        self._quotes = quotes
        self._written = None if clock is None else self._time_of(clock.now())
        self._version = 0
        """how often they were read anew"""

    def moment(self, now: datetime) -> int:
        if now != self._refreshed:
            self._refreshed = now
            self._refresh(now)
        return self._version

    def get(self, code: str, now: datetime) -> Optional[Quote]:
        self.moment(now)
        return self._quotes.get(code)

    def known_at(self, code: str, now: datetime) -> Optional[datetime]:
        self.moment(now)
        return self._written

    def _time_of(self, now: datetime) -> Optional[datetime]:
        """When the file that was read was written; one that says it was in the future was written now."""
        if self._clock is None:
            return None
        try:
            return min(self._clock.at(self._signature[0] / 10**9), now)
        except (OverflowError, ValueError, OSError):  # a time that no calendar has
            return now

    def _refresh(self, now: datetime) -> None:
        try:
            signature = _signature(self._path)
            if signature == self._signature and (self._settled or abs(now - self._changed) < SETTLE_TIME):
                return
            text = _read(self._path)
        except OSError as error:
            self._say_missing(error)
            return
        if self._missing:
            self._missing = False
            self._say(f"行情文件 {self._path} 又能读了")
        settled = signature == self._signature
        if not settled:
            self._signature, self._changed = signature, now
        quotes = self._parse(text, settled)
        looks_whole = text.endswith("\n") and quotes is not None and not self._quotes.keys() - quotes.keys()
        self._settled = settled or looks_whole
        if self._settled and quotes:
            self._quotes = quotes
            self._written = self._time_of(now)
            self._version += 1

    def _say_missing(self, error: OSError) -> None:
        self._signature = _NO_FILE
        if not self._missing:
            self._missing = True
            self._say(f"行情文件 {self._path} 读不了（{error}），沿用上一次的价格")

    def _parse(self, text: str, settled: bool) -> Optional[Dict[str, Quote]]:
        """The quotes in `text`, or None if it has no header; a last line without end may be broken until `settled`."""
        lines = text.splitlines()
        header = [name.strip().lower() for name in lines[0].split(",")] if lines else []
        if "code" not in header or "last" not in header:
            return None
        quotes: Dict[str, Quote] = {}
        broken: Set[str] = set()
        for number, line in enumerate(lines[1:], 2):
            if not line.strip(" ,\t"):
                continue
            try:
                code, quote = _parse_row(header, line)
            except (ValueError, InvalidOperation) as error:
                if number == len(lines) and not text.endswith("\n") and not settled:
                    continue
                broken.add(line)
                if line not in self._said:
                    self._say(f"行情文件 {self._path} 第 {number} 行有误（{error}），已跳过：{line!r}")
            else:
                quotes[code] = quote
        self._said = frozenset(broken)
        return quotes


def _parse_row(header: List[str], line: str) -> Tuple[str, Quote]:
    fields = dict(zip(header, (field.strip() for field in line.split(","))))
    code = normal_code(fields.get("code", ""))
    if code is None:
        raise ValueError("代码应如 000001.XSHE")
    prices = {name: _parse_price(fields.get(name, "")) for name in _COLUMNS}
    last = prices.pop("last")
    if last is None:
        raise ValueError("缺少价格 last")
    return code, Quote(last, prices["bid1"], prices["ask1"], prices["prev_close"])


def _parse_price(text: str) -> Optional[Decimal]:
    if not text:
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"价格 {text!r} 不是数字") from None
    if not price.is_finite() or not 0 <= price <= HIGHEST_PRICE:
        raise ValueError(f"价格 {text!r} 不在范围内")
    return price if price > 0 else None


def _signature(path: str) -> _Signature:
    status = os.stat(path)
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: str) -> str:
    with open(path, "rb") as file:
        content = file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030", "replace")
