"""Read files of bars: CSV with the standard library alone, Parquet with pyarrow. Each bad row is named; none is guessed."""

import csv
import math
import os
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, TypeVar

from jqtrade.errors import InvalidParam
from jqtrade.market.rules import HIGHEST_PRICE
from jqtrade.market.sessions import DAY
from jqtrade.market.sources.bar_series import NO_PRICE, PAUSED, ST, BarSeries
from jqtrade.market.tables import BadRow, detect_encoding, parse_code, parse_key
from jqtrade.own_imports import own_imports

CSV = ".csv"
PARQUET = ".parquet"
PRICES = ("open", "high", "low", "close")
PRICE_DECIMALS = 6
NEEDED = ("code",) + PRICES + ("volume",)

_HIGHEST = float(HIGHEST_PRICE)
_MOST_SHARES = 1e15
_LINES = 10**10
"""more than a file has; a row's source is its file's number x _LINES + its line"""
_FLAGS = {
    text: value
    for value, texts in ((0, ("0", "0.0", "", "false", "nan", "none")), (1, ("1", "1.0", "true")))
    for text in texts
}
_NO_PRICES = frozenset(["", "nan", "none", "null", "0", "0.0"])

Value = TypeVar("Value")


class _Parsed(Dict[Any, Value]):
    """What each text means, worked out once."""

    def __init__(self, parse: Callable[[str], Value]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, field: Any) -> Value:
        value = self[field] = self._parse("" if field is None else str(field).strip())
        return value


class BarFiles:
    """Collects the bars of one file or of all files of a folder."""

    def __init__(self) -> None:
        self.series: Dict[str, BarSeries] = {}
        self._paths: List[str] = []
        self._keys: _Parsed[int] = _Parsed(parse_key)
        self._by_text: _Parsed[BarSeries] = _Parsed(self._series_of)
        self._flags: _Parsed[int] = _Parsed(_parse_flag)

    def read(self, path: str) -> None:
        """Raises InvalidParam, naming file, line and reason."""
        for file in _files(path):
            self._paths.append(file)
            try:
                if file.lower().endswith(PARQUET):
                    self._read_parquet(file)
                else:
                    self._read_csv(file)
            except OSError as error:
                raise InvalidParam(f"行情文件 {file} 读不了：{error}") from error
        if not self.series:
            raise InvalidParam(f"行情文件 {path} 里一行行情也没有")

    def days(self) -> List[int]:
        """The ordinals of all days that were read, oldest first."""
        return sorted({key // DAY for key in self._keys.values()})

    def place(self, source: int) -> str:
        """Where a row stands, for people."""
        number, line = divmod(source, _LINES)
        return f"行情文件 {self._paths[number]} 第 {line} 行"

    def _series_of(self, text: str) -> BarSeries:
        code = parse_code(text)
        return self.series.setdefault(code, BarSeries(code))

    def _read_csv(self, path: str) -> None:
        encoding = detect_encoding(path)
        with open(path, encoding=encoding, newline="") as file:
            reader = csv.reader(file)
            try:
                header = next(reader, [])
                self._add(path, header, reader)
            except csv.Error as error:
                raise InvalidParam(f"行情文件 {path} 第 {reader.line_num} 行有误（{error}）") from error
            except UnicodeDecodeError as error:
                raise InvalidParam(f"行情文件 {path} 第 {reader.line_num} 行附近不是 UTF-8 或 GBK 的文字") from error

    def _read_parquet(self, path: str) -> None:
        try:
            with own_imports():
                from pyarrow import ArrowException, parquet
        except ImportError:
            raise InvalidParam(f'读 Parquet 文件 {path} 需要 pyarrow，请先运行 pip install "jqtrade[data]"') from None
        try:
            table = parquet.ParquetFile(path)
            header = list(table.schema_arrow.names)
            self._add(path, header, _batches(table, header))
        except ArrowException as error:
            raise InvalidParam(f"行情文件 {path} 不是能读的 Parquet 文件：{error}") from error

    def _add(self, path: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Take all rows; `header` is line 1."""
        columns = _Columns(path, header)
        time_at, code_at, open_at, high_at, low_at, close_at, volume_at = columns.needed
        width = len(header)
        keys, by_text, flags = self._keys, self._by_text, self._flags
        base = (len(self._paths) - 1) * _LINES
        extra = columns.has_extra
        line, row = 1, header
        try:
            for line, row in enumerate(rows, 2):  # noqa: B007 (the error names them)
                if len(row) != width:
                    if not row:
                        continue
                    raise BadRow(f"应有 {width} 列，现有 {len(row)} 列")
                key = keys[row[time_at]]
                series = by_text[row[code_at]]
                flag = columns.flags(row, flags) if extra else 0
                try:
                    first, high, low = float(row[open_at]), float(row[high_at]), float(row[low_at])
                    last, volume = float(row[close_at]), float(row[volume_at])
                    is_good = 0 < low <= first <= high < _HIGHEST and low <= last <= high and 0 <= volume < _MOST_SHARES
                except (TypeError, ValueError):
                    is_good = False
                if not is_good:
                    first, high, low, last, volume = columns.second_look(row, flag)
                series.key.append(key)
                series.open.append(first)
                series.high.append(high)
                series.low.append(low)
                series.close.append(last)
                series.volume.append(volume)
                series.flags.append(flag)
                series.source.append(base + line)
                if extra:
                    columns.add_extra(row, series)
                else:
                    series.pre_close.append(NO_PRICE)
                    series.high_limit.append(NO_PRICE)
                    series.low_limit.append(NO_PRICE)
        except BadRow as error:
            shown = ",".join("" if field is None else str(field) for field in row)
            raise InvalidParam(f"行情文件 {path} 第 {line} 行有误（{error}）：{shown!r}") from None


class _Columns:
    """Which field of a row is what."""

    def __init__(self, path: str, header: Sequence[str]) -> None:
        names = [str(name).strip().lower() for name in header]
        doubled = sorted({name for name in names if name and names.count(name) > 1})
        missing = [name for name in NEEDED if name not in names]
        if "time" not in names and "date" not in names:
            missing.insert(0, "time（或 date）")
        if missing or doubled:
            text = "缺少列 {}".format("、".join(missing)) if missing else "列名重复：{}".format("、".join(doubled))
            raise InvalidParam(f"行情文件 {path} 第 1 行有误（{text}）：{','.join(map(str, header))[:200]!r}")
        self._at = {name: names.index(name) for name in names}
        self.needed = [self._at["time" if "time" in names else "date"]] + [self._at[name] for name in NEEDED]
        self._limits = [self._at.get(name) for name in ("pre_close", "high_limit", "low_limit")]
        self._paused, self._st, self._listed = [self._at.get(name) for name in ("paused", "is_st", "list_date")]
        self.has_extra = any(at is not None for at in self._limits + [self._paused, self._st, self._listed])

    def flags(self, row: Sequence[Any], parsed: Dict[Any, int]) -> int:
        flag = 0
        if self._paused is not None and parsed[row[self._paused]]:
            flag = PAUSED
        if self._st is not None and parsed[row[self._st]]:
            flag |= ST
        return flag

    def add_extra(self, row: Sequence[Any], series: BarSeries) -> None:
        pre_close, high_limit, low_limit = self._limits
        series.pre_close.append(NO_PRICE if pre_close is None else _optional_price(row[pre_close], "pre_close"))
        series.high_limit.append(NO_PRICE if high_limit is None else _optional_price(row[high_limit], "high_limit"))
        series.low_limit.append(NO_PRICE if low_limit is None else _optional_price(row[low_limit], "low_limit"))
        if self._listed is not None and series.listed is None and row[self._listed] not in ("", None):
            series.listed = parse_key(str(row[self._listed]).strip(), "list_date") // DAY

    def second_look(self, row: Sequence[Any], flag: int) -> Sequence[float]:
        """The prices and volume of a row that looked wrong: binary noise is no fault, nor are no prices when paused.

        Raises BadRow.
        """
        if flag & PAUSED and all(str(row[self._at[name]]).strip().lower() in _NO_PRICES for name in PRICES):
            return (NO_PRICE,) * len(PRICES) + (0.0,)
        objection = self._objection(row)
        if objection is not None:
            raise BadRow(objection)
        return [round(float(row[self._at[name]]), PRICE_DECIMALS) for name in PRICES] + [float(row[self._at["volume"]])]

    def _objection(self, row: Sequence[Any]) -> Optional[str]:
        """Why the prices or the volume of a row cannot be, in Chinese."""
        numbers = {}
        for name in PRICES + ("volume",):
            field = row[self._at[name]]
            try:
                numbers[name] = float(field)
            except (TypeError, ValueError):
                numbers[name] = math.nan
            if math.isnan(numbers[name]):
                return f"{name} {field!r} 不是数字；停牌的行请加一列 paused=1"
        for name in PRICES:
            if not 0 < numbers[name] < _HIGHEST:
                return f"{name} {numbers[name]:g} 应大于 0，小于 {_HIGHEST:g}"
        if not 0 <= numbers["volume"] < _MOST_SHARES:
            return f"volume {numbers['volume']:g} 应不小于 0"
        first, high, low, last = [round(numbers[name], PRICE_DECIMALS) for name in PRICES]
        return (
            None if low <= min(first, last, high) and high >= max(first, last) else "high 应是最高、low 应是最低的价格"
        )


def _parse_flag(text: str) -> int:
    value = _FLAGS.get(text.lower())
    if value is None:
        raise BadRow(f"paused 或 is_st 是 {text!r}，应为 0 或 1")
    return value


def _optional_price(field: Any, name: str) -> float:
    try:
        price = float(field)
    except (TypeError, ValueError):
        if field is not None and str(field).strip().lower() not in _NO_PRICES:
            raise BadRow(f"{name} {field!r} 不是数字") from None
        return NO_PRICE
    if price == 0 or math.isnan(price):
        return NO_PRICE
    if not 0 < price < _HIGHEST * 10:
        raise BadRow(f"{name} {price:g} 应大于 0")
    return price


def _files(path: str) -> List[str]:
    if not os.path.isdir(path):
        return [path]
    names = sorted(name for name in os.listdir(path) if name.lower().endswith((CSV, PARQUET)))
    if not names:
        raise InvalidParam(f"行情目录 {path} 里没有 .csv 或 .parquet 文件")
    return [os.path.join(path, name) for name in names]


def _batches(table: Any, header: Sequence[str]) -> Iterator[Sequence[Any]]:
    """The rows of a Parquet file; some thousands at a time are in memory."""
    for batch in table.iter_batches(columns=list(header)):
        yield from zip(*(column.to_pylist() for column in batch.columns))
