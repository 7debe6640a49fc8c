"""Dividends and bonus shares: what the companies gave, from an optional file, by the day from which prices are without it."""

import csv
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Dict, Iterable, List, NamedTuple, Optional, Tuple

from jqtrade.errors import InvalidParam
from jqtrade.market.boards import board_of, tick_of
from jqtrade.market.quotes import Quote
from jqtrade.market.rules import HIGHEST_PRICE, normal_code, to_tick
from jqtrade.market.sessions import DAY
from jqtrade.market.tables import BadRow, detect_encoding, parse_key

COLUMNS = ("date", "code", "cash_per_share", "bonus_per_share")
_MOST_BONUS = Decimal(1000)


class Action(NamedTuple):
    """What one share gets on `day`, before it opens. Tax on dividends depends on who holds for how long: not taken."""

    day: date
    code: str
    cash: Decimal
    """yuan"""
    bonus: Decimal
    """shares; a split of 1 into 2 is 1"""

    def price_without(self, price: Decimal) -> Decimal:
        """What a price of before is worth on the day, rounded to the tick; at least one tick."""
        tick = tick_of(self.code)
        return max(to_tick((price - self.cash) / (1 + self.bonus), tick), tick)


class Actions:
    """All actions known, by code and day."""

    def __init__(self, actions: Iterable[Action] = ()) -> None:
        self._by_code: Dict[str, List[Action]] = {}
        for action in sorted(actions, key=lambda action: action.day):
            self._by_code.setdefault(action.code, []).append(action)

    def of(self, code: str, after: date, until: date) -> List[Action]:
        """The actions of `code` on the days after `after`, up to `until`, oldest first."""
        return [action for action in self._by_code.get(code, ()) if after < action.day <= until]

    def adjust(self, code: str, quote: Quote, day: date) -> Quote:
        """A quote of `day` whose previous close, and last price if that is the same, are without what was given since."""
        if code not in self._by_code or quote.close_day is None or quote.prev_close is None:
            return quote
        given = self.of(code, quote.close_day, day)
        price = quote.prev_close
        for action in given:
            price = action.price_without(price)
        return quote._replace(prev_close=price, last=price if quote.is_old else quote.last) if given else quote


def open_actions(path: Optional[str]) -> Actions:
    """Read `date,code,cash_per_share,bonus_per_share`; None: there are none.

    An empty number is 0. Raises InvalidParam, naming file, line and reason.
    """
    if path is None:
        return Actions()
    found: Dict[Tuple[date, str], Action] = {}
    line = 1
    fields: List[str] = []
    try:
        with open(path, encoding=detect_encoding(path), newline="") as file:
            reader = csv.reader(file)
            header = [name.strip().lower() for name in next(reader, [])]
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                raise BadRow("缺少列 {}".format("、".join(missing)))
            for line, fields in enumerate(reader, 2):  # noqa: B007 (the error names them)
                if not any(field.strip() for field in fields):
                    continue
                if len(fields) != len(header):
                    names = ",".join(header)
                    raise BadRow(
                        f"应有 {len(header)} 列（{names}），现有 {len(fields)} 列；没有派现或送转的留空，逗号不能少"
                    )
                action = _action(dict(zip(header, fields)))
                if (action.day, action.code) in found:
                    raise BadRow("同一个代码同一天有两行")
                found[action.day, action.code] = action
    except OSError as error:
        raise InvalidParam(f"分红送股文件 {path} 读不了：{error}") from error
    except (BadRow, csv.Error, UnicodeDecodeError) as error:
        raise InvalidParam(f"分红送股文件 {path} 第 {line} 行有误（{error}）：{','.join(fields)!r}") from None
    return Actions(found.values())


def _action(row: Dict[str, str]) -> Action:
    key = parse_key(row.get("date", "").strip(), "date")
    code = normal_code(row.get("code", ""))
    if key % DAY:
        raise BadRow("date 应只有日期")
    if code is None or board_of(code) is None:
        raise BadRow(f"代码 {row.get('code', '')!r} 应如 000001.XSHE 或 000001.SZ")
    cash = _number(row, "cash_per_share", HIGHEST_PRICE)
    bonus = _number(row, "bonus_per_share", _MOST_BONUS)
    return Action(date.fromordinal(key // DAY), code, cash, bonus)


def _number(row: Dict[str, str], name: str, highest: Decimal) -> Decimal:
    text = row.get(name, "").strip()
    try:
        number = Decimal(text or "0")
    except InvalidOperation:
        raise BadRow(f"{name} {text!r} 不是数字") from None
    if not number.is_finite() or not 0 <= number <= highest:
        raise BadRow(f"{name} {text!r} 应在 0 和 {highest} 之间")
    return number
