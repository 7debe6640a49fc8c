"""The options of set_options and of a config file: name, default and check, in one table.

Here are those that belong to no gate, and what checks a value; a gate's own stand beside it (jqtrade.gates.options).
"""

import difflib
import math
import os
import re
from datetime import time
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple, Union

from jqtrade.clock import parse_timezone
from jqtrade.errors import InvalidParam
from jqtrade.home import absolute, home_dir

Period = List[Tuple[time, time]]

_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_MORNING_AND_AFTERNOON = [(time(9, 30), time(11, 30)), (time(13, 0), time(15, 0))]

SCHEDULER = "scheduler"
ACCOUNT = "account"
GATE = "gate"


CODE_PATTERN = re.compile(r"\d{6}\.(?:XSHE|XSHG)", re.ASCII)
"""how a security is named: "000001.XSHE", "600000.XSHG" """


class Option(NamedTuple):
    """One option: `Option("my_server", "localhost", text)`."""

    name: str
    default: Any
    """as the program uses it"""
    check: Callable[[str, Any], Any]
    """is given the name as it was written and the value; returns that as the program uses it, or raises InvalidParam"""
    notice: str = ""
    """said once in the log when the option counts and was not set"""
    scope: str = GATE


GateOptions = Iterable[Union[str, Option]]
"""Those of one gate; of a plain name nothing is known but that it is meant."""


def parse_time(text: str) -> time:
    """Return the time of day written "HH:MM:SS" or "HH:MM". Raises ValueError for anything else."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return time(int(match.group(1)), int(match.group(2)), int(match.group(3) or 0))


def fail(name: str, value: Any, right: str) -> InvalidParam:
    return InvalidParam(f"选项 {name}={value!r} 不正确，应为{right}")


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise fail(name, value, " True 或 False")
    return value


def text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise fail(name, value, "非空字符串")
    return value


def path(name: str, value: Any) -> str:
    return absolute(text(name, os.fspath(value) if isinstance(value, os.PathLike) else value))


def number(allows: Callable[[float], bool], right: str) -> Callable[[str, Any], float]:
    """A check of numbers; `right` is what the user reads of those that it `allows`."""

    def check(name: str, value: Any) -> float:
        if not is_number(value) or not allows(value):
            raise fail(name, value, right)
        return float(value)

    return check


money = number(lambda value: value > 0, "大于 0 的金额（元）")
not_negative = number(lambda value: value >= 0, "不小于 0 的数字")
seconds = number(lambda value: 0.001 <= value <= 1e9, "大于 0 的数字（秒，0.001 到 1000000000）")
"""a duration that timedelta can hold and that is not 0 there"""
_positive = number(lambda value: value > 0, "大于 0 的数字")
_lag = number(lambda value: 0 <= value <= 3600, " 0 到 3600 之间的秒数")


def _period(name: str, value: Any) -> Period:
    """Pairs of times of day: each start before its end, in order, none overlapping the next."""
    right = '由 ("开始", "结束") 组成的列表，例如 [("09:30:00", "11:30:00"), ("13:00:00", "15:00:00")]，开始早于结束，按先后排列且不重叠'
    try:
        period = [
            tuple(moment if isinstance(moment, time) else parse_time(moment) for moment in pair) for pair in value
        ]
        zones = [moment.tzinfo for pair in period for moment in pair]
    except (TypeError, ValueError):
        raise fail(name, value, right)
    if any(zone is not None for zone in zones):  # the option timezone says it, and the two kinds cannot be compared
        raise fail(name, value, right)
    pairs = [(pair[0], pair[1]) for pair in period if len(pair) == 2]
    moments = [moment for pair in pairs for moment in pair]
    starts_before_ends = all(start < end for start, end in pairs)
    if not pairs or len(pairs) != len(period) or not starts_before_ends or moments != sorted(moments):
        raise fail(name, value, right)
    if any(end > start for (_, end), (start, _) in zip(pairs, pairs[1:])):
        raise fail(name, value, right)
    return pairs


def _timezone(name: str, value: Any) -> Any:
    return None if value is None else parse_timezone(text(name, value))


def _trading_days(name: str, value: Any) -> str:
    if value not in ("all", "XSHG"):
        raise fail(name, value, " 'all'（每天都运行）或 'XSHG'（只在上交所的交易日运行）")
    return str(value)


def count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise fail(name, value, "不小于 1 的整数")
    return value


def _code_list(name: str, value: Any) -> FrozenSet[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise fail(name, value, "股票代码的列表，例如 ['000001.XSHE']")
    codes = list(value)
    for code in codes:
        if not isinstance(code, str) or not CODE_PATTERN.fullmatch(code):
            raise fail(name, value, f"股票代码的列表，其中 {code!r} 不是 '000001.XSHE' 这样的代码")
    return frozenset(codes)


def or_none(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda name, value: None if value is None else check(name, value)


def _anything(name: str, value: Any) -> Any:
    return value


def _own_options(home: str) -> List[Option]:
    """jqtrade's own, those of no gate."""
    return [
        Option("runtime_dir", home, path, scope=SCHEDULER),
        Option("use_account", False, flag, scope=SCHEDULER),
        Option("market_period", _MORNING_AND_AFTERNOON, _period, scope=SCHEDULER),
        Option("misfire_grace_time", 60.0, seconds, scope=SCHEDULER),
        Option("timezone", None, _timezone, scope=SCHEDULER),
        Option("trading_days", "all", _trading_days, scope=SCHEDULER),
        Option("trade_gate", "anxin", _anything, scope=ACCOUNT),
        Option("sync_balance", True, flag, scope=ACCOUNT),
        Option("sync_order", True, flag, scope=ACCOUNT),
        Option("sync_internal", 5.0, seconds, scope=ACCOUNT),
        Option("sync_period", None, or_none(_period), scope=ACCOUNT),
        Option("max_orders_per_second", 100, count, scope=ACCOUNT),
        Option("max_orders_per_day", 10000, count, scope=ACCOUNT),
        Option("max_order_value", None, or_none(money), scope=ACCOUNT),
        Option("max_order_amount", None, or_none(count), scope=ACCOUNT),
        Option("max_daily_value", None, or_none(money), scope=ACCOUNT),
        Option("price_deviation", 0.3, or_none(_positive), scope=ACCOUNT),
        Option("lot_check", True, flag, scope=ACCOUNT),
        Option("sell_check", True, flag, scope=ACCOUNT),
        Option("cash_check", False, flag, scope=ACCOUNT),
        Option("allowed_codes", None, or_none(_code_list), scope=ACCOUNT),
        Option("blocked_codes", frozenset(), _code_list, scope=ACCOUNT),
        Option("max_snapshot_age", 60.0, or_none(seconds), scope=ACCOUNT),
        Option("snapshot_lag", 6.0, _lag, scope=ACCOUNT),
        Option("wait_lock_time_out", 5.0, not_negative, scope=ACCOUNT),  # and a second: then no gate sends any more
    ]


ALIASES = {"sync_interval": "sync_internal"}


def _unknown(name: str, table: Iterable[str]) -> str:
    known = list(table) + list(ALIASES)
    near = difflib.get_close_matches(name.lower(), known, 1, 0.0)
    return f"没有选项 {name!r}，最接近的是 {near[0]!r}。自己的交易接口的选项，要在 trade_gate 之后设置"


class Options:
    """The options of one strategy: what was set, else the defaults."""

    def __init__(self, home: Optional[str] = None, gate_options: Iterable[Option] = ()) -> None:
        """`home` is where the task lives, by default as the environment says; `gate_options` are known with every gate."""
        self.home = home or home_dir()
        self._always = {option.name: option for option in [*_own_options(self.home), *gate_options]}
        self._table = self._always
        self._set: Dict[str, Any] = {}

    def check(
        self, options: Dict[str, Any], gate_options: GateOptions = (), third_party: bool = False
    ) -> Dict[str, Any]:
        """Return `options` checked, by their own names; nothing is set.

        `gate_options` are those of the gate in use. `third_party`: that gate may have more; unknown options are let through
        as they are. Raises InvalidParam.
        """
        table = self._with(gate_options)
        checked = {}
        for given, value in options.items():
            name = ALIASES.get(given, given)
            if name in table:
                checked[name] = table[name].check(given, value)
            elif third_party or name in gate_options:
                checked[name] = value
            else:
                raise InvalidParam(_unknown(given, table))
        return checked

    def _with(self, gate_options: GateOptions) -> Dict[str, Option]:
        """The table for a gate with these; they may replace another gate's. Raises InvalidParam for a name of jqtrade's."""
        own = {option.name: option for option in gate_options if isinstance(option, Option)}
        taken = [name for name in own if name in self._always and self._always[name].scope != GATE]
        if taken:
            raise InvalidParam(f"交易接口自己的选项 {taken[0]} 与 jqtrade 的选项同名，请改名")
        return dict(self._always, **own)

    def update(self, checked: Dict[str, Any], gate_options: GateOptions = ()) -> None:
        """Set options that `check` returned, with a gate that has `gate_options` in use; later ones win."""
        self._table = self._with(gate_options)
        self._set.update(checked)

    def scope(self, name: str) -> str:
        """Whose option it is: SCHEDULER, ACCOUNT or GATE (also every unknown one)."""
        return self._table[name].scope if name in self._table else GATE

    def is_known(self, name: str) -> bool:
        return name in self._table

    def is_set(self, name: str) -> bool:
        return name in self._set

    def any_set(self, *scopes: str) -> bool:
        """Whether an option of one of the scopes was set."""
        return any(self.scope(name) in scopes for name in self._set)

    def __getitem__(self, name: str) -> Any:
        return self._set[name] if name in self._set else self._table[name].default

    def as_dict(self) -> Dict[str, Any]:
        """Every option by name, unknown ones that were set included."""
        values = {name: option.default for name, option in self._table.items()}
        values.update(self._set)
        return values

    def notices(self, gate_options: GateOptions) -> List[str]:
        """What to say of those of `gate_options` that were not set."""
        names = [option.name if isinstance(option, Option) else option for option in gate_options]
        options = [self._table[name] for name in names if name in self._table]
        return [option.notice for option in options if option.notice and not self.is_set(option.name)]
