"""What a journal's file says."""

from datetime import date
from typing import List, Tuple

from jqtrade.account.journal import Journal
from jqtrade.account.order import Order


def recorded(path: str, day: date) -> List[Tuple[Order, bool]]:
    """Each order of `day`, and whether it is known to have been sent."""
    return [(record.order, record.sent) for record in Journal(path).load(day)]
