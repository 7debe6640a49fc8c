"""PaperTradeGate: the paper exchange inside the strategy's own process."""

from decimal import Decimal
from typing import Any, Dict, List

from jqtrade.account.order import Order, OrderAction, OrderSide, format_price
from jqtrade.account.trade_gate.base import AbsTradeGate
from jqtrade.errors import InvalidParam, OrderNotSent
from jqtrade.log import get_log
from jqtrade.paper.exchange import PaperExchange, PaperOrder
from jqtrade.paper.freshness import Freshness, parse_age
from jqtrade.paper.ledger import Ledger
from jqtrade.paper.quotes import Quotes
from jqtrade.paper.rules import parse_cash, to_cents
from jqtrade.paper.terms import open_quotes, terms_of

_LIMIT = "limit"
_MARKET = "market"


class PaperTradeGate(AbsTradeGate):
    """Trades on paper: no account, no files, no network.

    The exchange moves on whenever the gate is called, at the time that `clock` says. What it refuses comes back from
    sync_orders as rejected, with the reason, as at a real broker.
    """

    OPTIONS = frozenset(
        [
            "paper_cash",
            "paper_quotes",
            "paper_bars",
            "paper_volume_share",
            "paper_keep_hours",
            "paper_seed",
            "paper_commission",
            "paper_min_commission",
            "paper_fund_min_commission",
            "paper_actions",
            "paper_max_quote_age",
        ]
    )
    keeps_orders = False
    exchange: PaperExchange
    """there once `setup` is done"""
    quotes: Quotes
    """as `exchange`"""

    def setup(self, options: Dict[str, Any]) -> None:
        """Take the options `paper_*`; raises InvalidParam for a value that cannot be used."""
        cash = parse_cash(options["paper_cash"], "paper_cash")
        seed = options["paper_seed"]
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise InvalidParam(f"paper_seed={seed!r} 不正确，应为整数")
        keep_hours = options["paper_keep_hours"]
        if not isinstance(keep_hours, bool):
            raise InvalidParam(f"paper_keep_hours={keep_hours!r} 不正确，应为 True 或 False")
        for name in ("paper_quotes", "paper_bars", "paper_actions"):
            if options[name] is not None and not isinstance(options[name], str):
                raise InvalidParam(f"{name}={options[name]!r} 不正确，应为文件的路径或 None")
        self._log = get_log(__name__)
        terms = terms_of(options)
        self.quotes = self.open_quotes(options)
        longest = parse_age(options["paper_max_quote_age"], "paper_max_quote_age")
        freshness = None if longest is None else Freshness(longest, "选项 paper_max_quote_age", self._log.warning)
        ledger = Ledger(cash, terms.rates)
        self.exchange = PaperExchange(ledger, self.quotes, self.clock.now(), keep_hours, terms, freshness)

    def open_quotes(self, options: Dict[str, Any]) -> Quotes:
        """Where the prices come from."""
        path, bars = options["paper_quotes"], options["paper_bars"]
        return open_quotes(path, options["paper_seed"], self._log.warning, bars, "paper_", self.clock)

    def check_order(self, order: Order) -> None:
        if order.side is not OrderSide.long:
            raise InvalidParam(f"模拟交易只支持 side='long'，收到 side='{order.side}'。没有发出")

    def order(self, order: Order) -> None:
        """Hand an order to the exchange; raises OrderNotSent if its id is used."""
        limit = None if order.style.name == _MARKET else Decimal(format_price(order.price))
        refusal = self.exchange.submit(order.order_id, order.code, order.is_buy, order.amount, limit, self.clock.now())
        if refusal is not None:
            raise OrderNotSent(refusal + "。没有发出")

    def cancel_order(self, order_id: str) -> None:
        """Ask the exchange to cancel; what it refuses is logged, as the order stays what it was."""
        refusal = self.exchange.cancel(order_id, self.clock.now())
        if refusal is not None:
            self._log.warning("%s", refusal)

    def sync_balance(self) -> Dict[str, Any]:
        """Cash and positions at the quotes of this moment."""
        now = self.clock.now()
        self.exchange.advance(now)
        money = self.exchange.snapshot(now)
        return {
            "cash": {
                "total_assert": float(money.total),
                "available_cash": float(money.cash),
                "locked_cash": float(money.frozen),
            },
            "positions": [
                {
                    "code": holding.code,
                    "amount": holding.amount,
                    "available_amount": holding.available,
                    "avg_cost": float(holding.average_cost),
                    "side": "long",
                    "last_price": float(holding.last_price),
                    "position_value": float(holding.market_value),
                }
                for holding in self.exchange.ledger.holdings.values()
                if holding.amount
            ],
        }

    def sync_orders(self) -> List[Dict[str, Any]]:
        """The orders that changed since the last call, in the order of their last change."""
        self.exchange.advance(self.clock.now())
        newest: Dict[str, PaperOrder] = {}
        for state in self.exchange.take_states():
            newest.pop(state.order_id, None)
            newest[state.order_id] = state
        return [_report(order) for order in newest.values()]

    def start_over(self) -> None:
        self.exchange.tell_again()

    def knows_order_id(self, order_id: str) -> bool:
        return order_id in self.exchange.orders

    def was_sent(self, order: Order) -> bool:
        return order.order_id in self.exchange.orders


def _report(order: PaperOrder) -> Dict[str, Any]:
    return {
        "order_id": order.order_id,
        "code": order.code,
        "price": 0.0 if order.limit is None else float(order.limit),
        "amount": order.amount,
        "action": OrderAction.open if order.is_buy else OrderAction.close,
        "status": order.status,
        "style": _MARKET if order.limit is None else _LIMIT,
        "create_time": order.created,
        "entrust_time": order.opened,
        "confirm_id": order.number,
        "filled_amount": order.filled,
        "canceled_amount": order.canceled,
        "deal_balance": float(to_cents(order.value)),
        "avg_cost": float(round(order.average_price, 6)),
        "commission": float(order.fees),
        "err_msg": order.text,
    }
