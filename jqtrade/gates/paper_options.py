"""The options of the paper gate; known, also to other gates, without importing the paper exchange."""

from typing import Any

from jqtrade.options import Option, fail, flag, money, not_negative, number, or_none, path, seconds


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise fail(name, value, "整数")
    return value


_share = number(lambda value: 0 < value <= 1, "大于 0、不大于 1 的比例，例如 0.25")
_rate = number(lambda value: 0 <= value <= 0.1, " 0 到 0.1 之间的比例，例如万分之二点五是 0.00025")

PAPER_OPTIONS = (
    Option("paper_cash", 1000000.0, money),
    Option("paper_quotes", None, or_none(path)),
    Option("paper_keep_hours", False, flag),
    Option("paper_seed", 0, _whole),
    Option("paper_bars", None, or_none(path)),
    Option("paper_volume_share", 0.25, _share),
    Option("paper_commission", 0.00025, _rate),
    Option("paper_min_commission", 5.0, not_negative),
    Option("paper_fund_min_commission", None, or_none(not_negative)),
    Option("paper_max_quote_age", 1800.0, or_none(seconds)),
    Option("paper_actions", None, or_none(path)),
)
