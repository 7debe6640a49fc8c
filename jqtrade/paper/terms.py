"""ExchangeTerms: what a paper account can set about its exchange and broker, whichever front end it comes by."""

from decimal import Decimal
from typing import Any, Mapping, NamedTuple, Optional

from jqtrade.market.dividends import Actions, open_actions
from jqtrade.market.rules import parse_cash, parse_rate, parse_share
from jqtrade.paper.fees import COMMISSION_RATE, MIN_COMMISSION, FeeRates

VOLUME_SHARE = Decimal("0.25")
"""of a bar's volume is the most that the account's orders get, by default"""


class ExchangeTerms(NamedTuple):
    """Commission, volume and what companies give."""

    rates: FeeRates = FeeRates()
    volume_share: Decimal = VOLUME_SHARE
    actions: Actions = Actions()


def make_terms(
    commission: Any = COMMISSION_RATE,
    min_commission: Any = MIN_COMMISSION,
    volume_share: Any = VOLUME_SHARE,
    actions: Optional[str] = None,
    fund_min_commission: Any = None,
    prefix: str = "",
) -> ExchangeTerms:
    """Check what a user wrote; `actions` is a path, `prefix` stands before the names in errors. Raises InvalidParam."""
    rates = FeeRates(
        parse_rate(commission, prefix + "commission"), parse_cash(min_commission, prefix + "min_commission")
    )
    if fund_min_commission is not None:
        least = parse_cash(fund_min_commission, prefix + "fund_min_commission")
        rates = rates._replace(fund_min_commission=least)
    return ExchangeTerms(rates, parse_share(volume_share, prefix + "volume_share"), open_actions(actions))


def terms_of(options: Mapping[str, Any]) -> ExchangeTerms:
    """The terms that a strategy's options `paper_*` say. Raises InvalidParam."""
    return make_terms(
        options["paper_commission"],
        options["paper_min_commission"],
        options["paper_volume_share"],
        options["paper_actions"],
        options["paper_fund_min_commission"],
        "paper_",
    )
