"""What all tables have in common that users bring: encodings, codes, days and minutes; and how one says what is wrong."""

import re
from datetime import date

from jqtrade.market.rules import normal_code
from jqtrade.market.sessions import CLOSE_MINUTE, DAY, NOON_MINUTE, OPEN_MINUTE, RETURN_MINUTE

_TIME = re.compile(
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|(\d{2})(\d{2}))(?:[ T](\d{1,2}):([0-5]\d)(?::00(?:\.0+)?)?)?",
    re.ASCII,
)


class BadRow(ValueError):
    """A row that cannot be used; the text says why, in Chinese."""


def parse_code(text: str) -> str:
    """ "000001.XSHE" for that or "000001.SZ"; raises BadRow."""
    code = normal_code(text)
    if code is None:
        raise BadRow(f"代码 {text!r} 应如 000001.XSHE 或 000001.SZ")
    return code


def parse_key(text: str, name: str = "time") -> int:
    """The key of a bar at "2026-01-05", "2026-01-05 09:31" or "2026-01-05 09:31:00"; raises BadRow."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise BadRow(f"{name} {text!r} 应如 2026-01-05 或 2026-01-05 09:31:00")
    year, *parts, hour, minute = match.groups()
    month, day = [part for part in parts if part is not None]
    try:
        ordinal = date(int(year), int(month), int(day)).toordinal()
    except ValueError:
        raise BadRow(f"{name} {text!r} 没有这一天") from None
    moment = int(hour or 0) * 60 + int(minute or 0)
    if moment == 0 or OPEN_MINUTE < moment <= NOON_MINUTE or RETURN_MINUTE < moment <= CLOSE_MINUTE:
        return ordinal * DAY + moment
    raise BadRow(f"{name} {text!r} 不对：分钟线写的是这一分钟结束的时间，应在 09:31 到 11:30、13:01 到 15:00 之间")


def detect_encoding(path: str) -> str:
    """The encoding of a text file whose first lines tell: names of securities may stand there in Chinese."""
    with open(path, "rb") as file:
        start = file.read(1 << 16)
    try:
        start[: start.rfind(b"\n") + 1].decode("utf-8-sig")
    except UnicodeDecodeError:
        return "gb18030"
    return "utf-8-sig"
