"""FileQuotes: the prices of this moment, from a CSV file that somebody keeps up to date."""

import os
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Callable, Dict, FrozenSet, List, Optional, Set, Tuple

from jqtrade.clock import Clock
from jqtrade.errors import InvalidParam
from jqtrade.market.quotes import Quote, Quotes
from jqtrade.market.rules import HIGHEST_PRICE, normal_code

MTIME_GRACE = timedelta(seconds=1)
"""A file that looks half-written is believed once it has not changed for so long."""

_COLUMNS = ("last", "bid1", "ask1", "prev_close")
_Signature = Tuple[int, int, int]
_NO_FILE = (0, 0, 0)


class FileQuotes(Quotes):
    """Prices from a CSV file `code,last[,bid1,ask1,prev_close]`, UTF-8 or GBK, read again when it changes.

    A row that is wrong is skipped and said once. A file that looks half-written (its last line has no end, or codes
    have gone) does not count until it has been left alone for MTIME_GRACE. An empty price means "unknown", as 0 does.
    """

    def __init__(self, path: str, say: Callable[[str], None], clock: Optional[Clock] = None) -> None:
        """`clock` tells when the file was written; without one its prices have no age."""
        self._path = path
        self._clock = clock
        self._say = say
        self._said: FrozenSet[str] = frozenset()
        self._missing = False
        self._refreshed: Optional[datetime] = None
        self._changed = datetime.min
        self._accepted = True
        try:
            self._signature = _signature(path)
            text = _read(path)
        except OSError as error:
            raise InvalidParam(f"行情文件 {path} 读不了：{error}") from error
        quotes = self._parse(text, stable=True)
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
            if signature == self._signature and (self._accepted or abs(now - self._changed) < MTIME_GRACE):
                return
            text = _read(self._path)
        except OSError as error:
            self._say_missing(error)
            return
        if self._missing:
            self._missing = False
            self._say(f"行情文件 {self._path} 又能读了")
        stable = signature == self._signature
        if not stable:
            self._signature, self._changed = signature, now
        quotes = self._parse(text, stable)
        looks_whole = text.endswith("\n") and quotes is not None and not self._quotes.keys() - quotes.keys()
        self._accepted = stable or looks_whole
        if self._accepted and quotes:
            self._quotes = quotes
            self._written = self._time_of(now)
            self._version += 1

    def _say_missing(self, error: OSError) -> None:
        self._signature = _NO_FILE
        if not self._missing:
            self._missing = True
            self._say(f"行情文件 {self._path} 读不了（{error}），沿用上一次的价格")

    def _parse(self, text: str, stable: bool) -> Optional[Dict[str, Quote]]:
        """The quotes in `text`, or None if it has no header; a last line without end may be broken until `stable`."""
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
                if number == len(lines) and not text.endswith("\n") and not stable:
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
