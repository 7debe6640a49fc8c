"""Where quotes come from: a file for each kind of source. Nobody but whoever opens one knows which it is."""

from typing import Callable, Optional

from jqtrade.clock import Clock
from jqtrade.errors import InvalidParam
from jqtrade.market.quotes import Quotes
from jqtrade.market.sources.bars import open_bars
from jqtrade.market.sources.made_up import MadeUpQuotes
from jqtrade.market.sources.quotes_file import FileQuotes


def open_quotes(
    path: Optional[str],
    seed: int,
    say: Callable[[str], None],
    bars: Optional[str] = None,
    prefix: str = "",
    clock: Optional[Clock] = None,
) -> Quotes:
    """Prices from the quotes file at `path`, from the bars at `bars`, or made-up ones; `say` gets Chinese text for the user.

    `clock` tells how old a file's prices are.

    Raises InvalidParam if both are given, or one cannot be read.
    """
    if path is not None and bars is not None:
        raise InvalidParam(f"{prefix}quotes 和 {prefix}bars 只能用一个：价格要么来自行情文件，要么来自历史行情")
    if bars is not None:
        return open_bars(bars)
    return MadeUpQuotes(seed, say) if path is None else FileQuotes(path, say, clock)
