"""Every option of set_options and of a config file: its name, default and check, in one table."""

import difflib
import math
import os
import re
import sys
from datetime import time
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

from jqtrade.clock import parse_timezone
from jqtrade.errors import InvalidParam
from jqtrade.home import absolute, home_dir
from jqtrade.market.boards import CODE_PATTERN

Period = List[Tuple[time, time]]

_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", re.ASCII)
_MORNING_AND_AFTERNOON = [(time(9, 30), time(11, 30)), (time(13, 0), time(15, 0))]

SCHEDULER = "scheduler"
ACCOUNT = "account"
GATE = "gate"


class Option(NamedTuple):
    """One option. `check` returns the value as the program uses it, or raises InvalidParam."""

    name: str
    scope: str
    default: Any
    check: Callable[[str, Any], Any]
    notice: str = ""
    """said once in the log when the option counts and was not set"""


def parse_time(text: str) -> time:
    """Return the time of day written "HH:MM:SS" or "HH:MM". Raises ValueError for anything else."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return time(int(match.group(1)), int(match.group(2)), int(match.group(3) or 0))


def _fail(name: str, value: Any, right: str) -> InvalidParam:
    return InvalidParam(f"选项 {name}={value!r} 不正确，应为{right}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _fail(name, value, " True 或 False")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _fail(name, value, "非空字符串")
    return value


def _path(name: str, value: Any) -> str:
    return absolute(_text(name, os.fspath(value) if isinstance(value, os.PathLike) else value))


def _money(name: str, value: Any) -> float:
    if not _is_number(value) or value <= 0:
        raise _fail(name, value, "大于 0 的金额（元）")
    return float(value)


def _positive(name: str, value: Any) -> float:
    if not _is_number(value) or value <= 0:
        raise _fail(name, value, "大于 0 的数字")
    return float(value)


def _seconds(name: str, value: Any) -> float:
    """A duration that timedelta can hold and that is not 0 there."""
    if not _is_number(value) or not 0.001 <= value <= 1e9:
        raise _fail(name, value, "大于 0 的数字（秒，0.001 到 1000000000）")
    return float(value)


def _not_negative(name: str, value: Any) -> float:
    if not _is_number(value) or value < 0:
        raise _fail(name, value, "不小于 0 的数字")
    return float(value)


def _lag(name: str, value: Any) -> float:
    if not _is_number(value) or not 0 <= value <= 3600:
        raise _fail(name, value, " 0 到 3600 之间的秒数")
    return float(value)


def _share(name: str, value: Any) -> float:
    if not _is_number(value) or not 0 < value <= 1:
        raise _fail(name, value, "大于 0、不大于 1 的比例，例如 0.25")
    return float(value)


def _rate(name: str, value: Any) -> float:
    if not _is_number(value) or not 0 <= value <= 0.1:
        raise _fail(name, value, " 0 到 0.1 之间的比例，例如万分之二点五是 0.00025")
    return float(value)


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _fail(name, value, "整数")
    return value


def _period(name: str, value: Any) -> Period:
    """Pairs of times of day: each start before its end, in order, none overlapping the next."""
    right = '由 ("开始", "结束") 组成的列表，例如 [("09:30:00", "11:30:00"), ("13:00:00", "15:00:00")]，开始早于结束，按先后排列且不重叠'
    try:
        period = [
            tuple(moment if isinstance(moment, time) else parse_time(moment) for moment in pair) for pair in value
        ]
        zones = [moment.tzinfo for pair in period for moment in pair]
    except (TypeError, ValueError):
        raise _fail(name, value, right)
    if any(zone is not None for zone in zones):  # the option timezone says it, and the two kinds cannot be compared
        raise _fail(name, value, right)
    pairs = [(pair[0], pair[1]) for pair in period if len(pair) == 2]
    moments = [moment for pair in pairs for moment in pair]
    starts_before_ends = all(start < end for start, end in pairs)
    if not pairs or len(pairs) != len(period) or not starts_before_ends or moments != sorted(moments):
        raise _fail(name, value, right)
    if any(end > start for (_, end), (start, _) in zip(pairs, pairs[1:])):
        raise _fail(name, value, right)
    return pairs


def _timezone(name: str, value: Any) -> Any:
    return None if value is None else parse_timezone(_text(name, value))


def _trading_days(name: str, value: Any) -> str:
    if value not in ("all", "XSHG"):
        raise _fail(name, value, " 'all'（每天都运行）或 'XSHG'（只在上交所的交易日运行）")
    return str(value)


def _encoding(name: str, value: Any) -> str:
    try:
        "".encode(_text(name, value))
    except (LookupError, ValueError):
        raise _fail(name, value, "Python 认识的编码名，例如 'gbk' 或 'utf-8'")
    return str(value)


def _account_no(name: str, value: Any) -> str:
    if isinstance(value, int):
        raise InvalidParam(f"选项 {name} 应为字符串，请给账号加上引号，例如 account_no='1234567'")
    return _text(name, value)


def _retry(name: str, value: Any) -> Dict[str, Any]:
    right = "字典，可含 max_attempts（不小于 1 的整数）和 attempt_internal（不小于 0 的秒数）"
    if not isinstance(value, dict) or set(value) - {"max_attempts", "attempt_internal"}:
        raise _fail(name, value, right)
    retry = {"max_attempts": 3, "attempt_internal": 0.15}
    retry.update(value)
    attempts, interval = retry["max_attempts"], retry["attempt_internal"]
    if (
        not isinstance(attempts, int)
        or isinstance(attempts, bool)
        or attempts < 1
        or not _is_number(interval)
        or interval < 0
    ):
        raise _fail(name, value, right)
    return retry


def _count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _fail(name, value, "不小于 1 的整数")
    return value


def _code_list(name: str, value: Any) -> FrozenSet[str]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise _fail(name, value, "股票代码的列表，例如 ['000001.XSHE']")
    codes = list(value)
    for code in codes:
        if not isinstance(code, str) or not CODE_PATTERN.fullmatch(code):
            raise _fail(name, value, f"股票代码的列表，其中 {code!r} 不是 '000001.XSHE' 这样的代码")
    return frozenset(codes)


def _or_none(check: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda name, value: None if value is None else check(name, value)


def _anything(name: str, value: Any) -> Any:
    return value


def option_table(home: Optional[str] = None) -> Dict[str, Option]:
    """Every option by name; `home` is where the task lives, by default as the environment says."""
    options = [
        Option("runtime_dir", SCHEDULER, home or home_dir(), _path),
        Option("use_account", SCHEDULER, False, _flag),
        Option("market_period", SCHEDULER, _MORNING_AND_AFTERNOON, _period),
        Option("misfire_grace_time", SCHEDULER, 60.0, _seconds),
        Option("timezone", SCHEDULER, None, _timezone),
        Option("trading_days", SCHEDULER, "all", _trading_days),
        Option("trade_gate", ACCOUNT, "anxin", _anything),
        Option("sync_balance", ACCOUNT, True, _flag),
        Option("sync_order", ACCOUNT, True, _flag),
        Option("sync_internal", ACCOUNT, 5.0, _seconds),
        Option("sync_period", ACCOUNT, None, _or_none(_period)),
        Option("max_orders_per_second", ACCOUNT, 100, _count),
        Option("max_orders_per_day", ACCOUNT, 10000, _count),
        Option("max_order_value", ACCOUNT, None, _or_none(_money)),
        Option("max_order_amount", ACCOUNT, None, _or_none(_count)),
        Option("max_daily_value", ACCOUNT, None, _or_none(_money)),
        Option("price_deviation", ACCOUNT, 0.3, _or_none(_positive)),
        Option("lot_check", ACCOUNT, True, _flag),
        Option("sell_check", ACCOUNT, True, _flag),
        Option("cash_check", ACCOUNT, False, _flag),
        Option("allowed_codes", ACCOUNT, None, _or_none(_code_list)),
        Option("blocked_codes", ACCOUNT, frozenset(), _code_list),
        Option("max_snapshot_age", ACCOUNT, 60.0, _or_none(_seconds)),
        Option("snapshot_lag", ACCOUNT, 6.0, _lag),
        Option("account_no", GATE, None, _account_no),
        Option("order_dir", GATE, r"C:\Ax\安信OneQuant\AxOneQuant\csvTemplate\DMA算法", _path),
        Option("account_type", GATE, "STOCK", _text),
        Option(
            "counter_type",
            GATE,
            "UF0",
            _text,
            "柜台类型 counter_type 没有设置，使用 UF0（金证极速）；普通股票账户是 UM0，请用 set_options(counter_type='UM0') 设置",
        ),
        Option("algo_type", GATE, "DMA", _text),
        Option("wait_lock_internal", GATE, 0.05, _seconds),
        Option("wait_lock_time_out", GATE, 5.0, _not_negative),
        Option("file_encoding", GATE, sys.getfilesystemencoding(), _encoding),
        Option("sync_retry_kwargs", GATE, {"max_attempts": 3, "attempt_internal": 0.15}, _retry),
        Option("ignore_error_line", GATE, True, _flag),
        Option("reread_internal", GATE, 30.0, _seconds),
        Option("paper_cash", GATE, 1000000.0, _money),
        Option("paper_quotes", GATE, None, _or_none(_path)),
        Option("paper_keep_hours", GATE, False, _flag),
        Option("paper_seed", GATE, 0, _whole),
        Option("paper_bars", GATE, None, _or_none(_path)),
        Option("paper_volume_share", GATE, 0.25, _share),
        Option("paper_commission", GATE, 0.00025, _rate),
        Option("paper_min_commission", GATE, 5.0, _not_negative),
        Option("paper_fund_min_commission", GATE, None, _or_none(_not_negative)),
        Option("paper_max_quote_age", GATE, 1800.0, _or_none(_seconds)),
        Option("paper_actions", GATE, None, _or_none(_path)),
    ]
    return {option.name: option for option in options}


ALIASES = {"sync_interval": "sync_internal"}


class Options:
    """The options of one strategy: what was set, else the defaults."""

    def __init__(self, home: Optional[str] = None) -> None:
        self.home = home or home_dir()
        self._table = option_table(self.home)
        self._set: Dict[str, Any] = {}

    def check(self, options: Dict[str, Any], foreign: bool = False) -> Dict[str, Any]:
        """Return `options` checked, by their own names; nothing is set.

        `foreign`: unknown options are let through as they are, for a gate of the user's own. Raises InvalidParam.
        """
        checked = {}
        for given, value in options.items():
            name = ALIASES.get(given, given)
            if name in self._table:
                checked[name] = self._table[name].check(given, value)
            elif foreign:
                checked[name] = value
            else:
                raise InvalidParam(self._unknown(given))
        return checked

    def _unknown(self, name: str) -> str:
        known = list(self._table) + list(ALIASES)
        near = difflib.get_close_matches(name.lower(), known, 1, 0.0)
        return f"没有选项 {name!r}，最接近的是 {near[0]!r}。自己的交易接口的选项，要在 trade_gate 之后设置"

    def update(self, checked: Dict[str, Any]) -> None:
        """Set options that `check` returned; later ones win."""
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

    def notices(self, names: Iterable[str]) -> List[str]:
        """What to say of those of `names` that were not set."""
        options = [self._table[name] for name in names if name in self._table]
        return [option.notice for option in options if option.notice and not self.is_set(option.name)]
