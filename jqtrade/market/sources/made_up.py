"""MadeUpQuotes: prices that look like a market's, to try a strategy out without data."""

import hashlib
from datetime import datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Callable, Dict, Optional

from jqtrade.market.boards import Board, board_of
from jqtrade.market.quotes import Quote, Quotes
from jqtrade.market.sources.price_levels import level_of

MADE_UP_STEP_SECONDS = 3
"""Made-up prices change this often, as the exchanges' snapshots do."""


class MadeUpQuotes(Quotes):
    """Prices that look like a market's and follow from seed, code and time alone, whoever asks how often.

    A sum of noises, each a zigzag between random values `period` apart; together they stay within 5 % of the level that
    price_levels.py has for the code.
    """

    knows_past = True

    _NOISES = ((15, 0.0008), (60, 0.0015), (600, 0.003), (3600, 0.006), (24 * 3600, 0.015), (30 * 24 * 3600, 0.015))
    """(period in seconds, largest relative move)"""
    _ORIGIN = datetime(2000, 1, 1)

    def __init__(self, seed: int, say: Callable[[str], None]) -> None:
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
