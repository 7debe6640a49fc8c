"""The options of a strategy: jqtrade's own, and those of the built-in gates, so that one file runs live and with --paper."""

from typing import Optional

from jqtrade.gates.onequant.options import ONEQUANT_OPTIONS
from jqtrade.gates.paper_options import PAPER_OPTIONS
from jqtrade.options import Options


def strategy_options(home: Optional[str] = None) -> Options:
    """Every option at its default; `home` is where the task lives, by default as the environment says."""
    return Options(home, ONEQUANT_OPTIONS + PAPER_OPTIONS)
