"""Boards: what holds for all securities of one kind, read from a code's first digits. Lots, ticks, the largest orders.

Source: the exchanges' notices up to 2026-07-06 (SSE 上证发〔2026〕41号, SZSE 深证上〔2026〕551号). `?` marks what is not certain
there. What changed from one day to another: price_rules.py, sessions.py, jqtrade.paper.fees. The fees here are what cash_check
sets aside for a buy, rather too much.
"""

import functools
from decimal import Decimal
from typing import NamedTuple, Optional, Tuple

from jqtrade.options import CODE_PATTERN as CODE_PATTERN

SHARE = "share"
FUND = "fund"
BOND = "bond"
REVERSE_REPOS = {"XSHG": "204", "XSHE": "1318"}
"""how their codes begin, by exchange: a sale lends money, and nothing is held before"""
MILLION = 10**6
COMMISSION = 300
"""millionths of an order's value: 0.03 %, the upper end of what brokers take (usually 0.02 to 0.03 %)"""
MIN_COMMISSION = 5 * MILLION
"""millionths of a yuan an order"""
TRANSFER_FEE = 10
"""millionths of the value of shares: 0.001 % on both sides since 2022-04-29; none on funds and bonds"""
SHARE_TICK = Decimal("0.01")
FUND_TICK = Decimal("0.001")


class Board(NamedTuple):
    """What holds for all securities of one kind. Amounts in shares (of bonds: 张)."""

    name: str
    exchange: str
    """XSHE, XSHG, or XBSE (?) for Beijing, whose shares cannot be ordered through jqtrade"""
    prefixes: Tuple[str, ...]
    min_amount: int
    """the smallest buy"""
    step: int
    """a buy is a multiple of this"""
    tick: Decimal
    """prices are multiples of this, yuan"""
    is_share: bool
    """whether stamp duty and transfer fee are due"""
    same_day_sale: bool
    """T+0: what was bought today can be sold today"""
    max_limit_amount: int
    """the largest limit order"""
    max_market_amount: int
    """the largest market order"""

    @property
    def kind(self) -> str:
        """SHARE, FUND or BOND."""
        return SHARE if self.is_share else BOND if self.same_day_sale else FUND


BOARDS = (
    Board("沪市主板", "XSHG", ("600", "601", "603", "605"), 100, 100, SHARE_TICK, True, False, 1000000, 1000000),
    Board("深市主板", "XSHE", ("000", "001", "002", "003"), 100, 100, SHARE_TICK, True, False, 1000000, 1000000),
    Board("创业板", "XSHE", ("300", "301", "302"), 100, 100, SHARE_TICK, True, False, 300000, 150000),
    Board("科创板", "XSHG", ("688", "689"), 200, 1, SHARE_TICK, True, False, 100000, 50000),
    # The largest order at the Beijing exchange: ?
    Board("北交所", "XBSE", ("920", "43", "82", "83", "87", "88"), 100, 1, SHARE_TICK, True, False, 1000000, 1000000),
    Board(
        "沪市基金", "XSHG", ("50", "51", "52", "53", "56", "58"), 100, 100, FUND_TICK, False, False, 1000000, 1000000
    ),
    Board("深市基金", "XSHE", ("15", "16", "18"), 100, 100, FUND_TICK, False, False, 1000000, 1000000),
    # The largest order of a convertible bond: ?
    Board("沪市可转债", "XSHG", ("110", "111", "113", "118"), 10, 10, FUND_TICK, False, True, 1000000, 1000000),
    Board("深市可转债", "XSHE", ("123", "127", "128"), 10, 10, FUND_TICK, False, True, 1000000, 1000000),
)


@functools.lru_cache(maxsize=None)  # some thousand codes
def board_of(code: str) -> Optional[Board]:
    """The board that `code` ("000001.XSHE") is traded on, or None if there is none."""
    number, _, exchange = code.partition(".")
    for board in BOARDS:
        if board.exchange == exchange and number.startswith(board.prefixes):
            return board
    return None


def tick_of(code: str) -> Decimal:
    """Of what prices of `code` are multiples, yuan; of an unknown board's, as shares'."""
    board = board_of(code)
    return SHARE_TICK if board is None else board.tick


def is_reverse_repo(code: str) -> bool:
    number, _, exchange = code.partition(".")
    return number.startswith(REVERSE_REPOS[exchange]) if exchange in REVERSE_REPOS else False


def purchase_fees(code: str, value: int) -> int:
    """What a buy of `value` may cost beside it, rather too much; both in millionths of a yuan.

    The broker sets the commission, and One Quant reports none. A code of an unknown board is charged as a share.
    """
    board = board_of(code)
    transfer = TRANSFER_FEE if board is None or board.is_share else 0
    return max(-(-value * COMMISSION // MILLION), MIN_COMMISSION) + -(-value * transfer // MILLION)
