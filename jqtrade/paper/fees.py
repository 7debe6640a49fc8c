"""What trading costs, by date: commission, stamp duty, transfer fee."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple, Optional

from jqtrade.market.boards import FUND, Board
from jqtrade.market.rules import ALWAYS, in_force, to_cents

COMMISSION_RATE = Decimal("0.00025")
"""of the value of an order; set by the broker, usually 0.02 to 0.03 %"""
MIN_COMMISSION = Decimal("5.00")
"""yuan an order"""


class Rate(NamedTuple):
    """A part of the value traded, from a day on."""

    since: date
    rate: Decimal


STAMP_DUTY = (
    Rate(ALWAYS, Decimal("0.001")),
    Rate(date(2023, 8, 28), Decimal("0.0005")),
)
"""of a sale of shares; none on funds and bonds"""
TRANSFER_FEE = (
    Rate(ALWAYS, Decimal("0.00002")),  # ? both exchanges since 2015-08-01
    Rate(date(2022, 4, 29), Decimal("0.00001")),
)
"""of shares bought or sold in Shanghai; none on funds and bonds"""
WITHOUT_TRANSFER_FEE = "XSHE"
"""Shares in Shenzhen: brokers charge no fee of its own there (?), it is a part of the commission."""


class FeeRates(NamedTuple):
    """All that is charged on one day, as parts of the value traded; the least commissions in yuan an order."""

    commission: Decimal = COMMISSION_RATE
    min_commission: Decimal = MIN_COMMISSION
    stamp_duty: Decimal = STAMP_DUTY[-1].rate
    transfer_fee: Decimal = TRANSFER_FEE[-1].rate
    fund_min_commission: Optional[Decimal] = None
    """of funds, where the broker has another minimum for them; None: as for all"""

    def on(self, day: date) -> "FeeRates":
        """The same broker's rates on another day."""
        return self._replace(stamp_duty=in_force(STAMP_DUTY, day).rate, transfer_fee=in_force(TRANSFER_FEE, day).rate)

    def least_commission(self, board: Board) -> Decimal:
        """Yuan an order."""
        if board.kind == FUND and self.fund_min_commission is not None:
            return self.fund_min_commission
        return self.min_commission


NEWEST_RATES = FeeRates()


def fees(board: Board, is_buy: bool, value: Decimal, rates: FeeRates = NEWEST_RATES) -> Decimal:
    """What an order costs, in yuan, once `value` yuan of it are filled; it grows with `value`.

    A sale's fees are taken from its proceeds, so they are never more than these.
    """
    if value == 0:
        return Decimal(0)
    total = max(rates.least_commission(board), to_cents(value * rates.commission))
    if board.is_share:
        if board.exchange != WITHOUT_TRANSFER_FEE:
            total += to_cents(value * rates.transfer_fee)
        if not is_buy:
            total += to_cents(value * rates.stamp_duty)
    return total if is_buy else min(total, to_cents(value))
