"""PaperTradeGate: the paper exchange inside the strategy's own process."""

import sqlite3
from datetime import datetime, time
from decimal import Decimal
from typing import Any, Dict, List, Optional, Sequence

from jqtrade.account.gate import AbsTradeGate, Capabilities
from jqtrade.account.order import Order, OrderAction, OrderSide, format_price
from jqtrade.errors import InvalidParam, OrderNotSent, OrderUncertain, TradeGateError
from jqtrade.gates.paper_options import PAPER_OPTIONS
from jqtrade.log import get_log
from jqtrade.market.freshness import Freshness, parse_age
from jqtrade.market.quotes import Quotes
from jqtrade.market.rules import parse_cash, to_cents
from jqtrade.market.sources import open_quotes
from jqtrade.paper.account_file import AccountFile, AccountGone, move_aside
from jqtrade.paper.exchange import PaperExchange, PaperOrder
from jqtrade.paper.ledger import Ledger
from jqtrade.paper.terms import terms_of

_LIMIT = "limit"
_MARKET = "market"


class PaperTradeGate(AbsTradeGate):
    """Trades on paper: no account at a broker, no network.

    The exchange moves on whenever the gate is called, at the time that `clock` says. What it refuses comes back from
    sync_orders as rejected, with the reason, as at a real broker.

    With a `gate_context.account_file`, what happens there is on the disk before anybody is told of it. Between the two the exchange in
    memory is ahead of the file; whatever cuts a call short there, the next one begins with what the file has.
    """

    OPTIONS = frozenset(option.name for option in PAPER_OPTIONS)
    CAPABILITIES = Capabilities(plays_broker=True, is_simulated=True, declares_all_options=True, setup_only_checks=True)
    exchange: PaperExchange
    """there once `setup` is done"""
    quotes: Quotes
    """as `exchange`"""

    def setup(self, options: Dict[str, Any]) -> None:
        """Take the options `paper_*`; raises InvalidParam for a file that cannot be used."""
        cash = parse_cash(options["paper_cash"], "paper_cash")
        self._log = get_log(__name__)
        terms = terms_of(options)
        self.quotes = self.open_quotes(options)
        longest = parse_age(options["paper_max_quote_age"], "paper_max_quote_age")
        freshness = None if longest is None else Freshness(longest, "选项 paper_max_quote_age", self._log.warning)

        def new_exchange() -> PaperExchange:
            ledger = Ledger(cash, terms.rates)
            return PaperExchange(ledger, self.quotes, self.clock.now(), options["paper_keep_hours"], terms, freshness)

        self._new_exchange = new_exchange
        self._file: Optional[AccountFile] = None
        self._is_ahead = False
        """whether the exchange may have what its file has not"""
        self.exchange = new_exchange()
        if self.gate_context.account_file is not None:
            self._open_account(self.gate_context.account_file, cash)

    def _open_account(self, path: str, cash: Decimal) -> None:
        file = AccountFile(path)
        if file.is_new:
            file.begin(self.exchange, cash)
            self._log.info("开了一个新的模拟账户，起始资金 %s 元，记在 %s", cash, path)
        else:
            file.resume(self.exchange)
            self.exchange.tell_again()
            self._tell_resumed(file, cash)
        self._file = file
        self._saved_changes = self.exchange.changes

    def _tell_resumed(self, file: AccountFile, cash: Decimal) -> None:
        exchange = self.exchange
        money, holdings = exchange.ledger.snapshot(), exchange.ledger.holdings.values()
        self._log.info(
            "接着用 %s 的模拟账户：可用资金 %s 元，持仓 %d 只，当天的委托 %d 笔，其中 %d 笔没有结束。从头开始请用 start_task --fresh（%s）",
            exchange.day,
            money.cash,
            sum(holding.amount > 0 for holding in holdings),
            len(exchange.orders),
            sum(not order.is_final for order in exchange.orders.values()),
            file.path,
        )
        if cash != file.cash:
            self._log.warning(
                "选项 paper_cash 是 %s，没有用：模拟账户开户时是 %s 元。要换起始资金，请用 start_task --fresh",
                cash,
                file.cash,
            )
        if exchange.day > self.clock.now().date():
            self._log.warning(
                "模拟账户记到了 %s，晚于今天：到那天为止不换日，当天买的不能卖。当时的时钟不对的话，请用 start_task --fresh",
                exchange.day,
            )

    def begin_anew(self) -> None:
        path = self.gate_context.account_file
        assert path is not None
        try:
            place = move_aside(path, self.clock.now())
        except OSError as error:
            raise InvalidParam(f"原来的模拟账户 {path} 移不走：{error}。任务没有启动") from error
        log = get_log(__name__)
        if place is None:
            log.info("--fresh：没有原来的模拟账户")
        else:
            log.warning("--fresh：模拟账户从头开始，原来的移到了 %s", place)

    def account_key(self) -> str:
        return super().account_key() if self._file is None else f"paper {self._file.account_id}"

    def _now(self) -> datetime:
        """The time; a clock that is set back over midnight stands still at the beginning of the exchange's day."""
        return max(self.clock.now(), datetime.combine(self.exchange.day, time.min))

    def _begin(self) -> None:
        """To be called before the exchange changes. Raises TradeGateError if its file cannot be read where it must be."""
        if self._file is not None:
            if self._is_ahead:
                self._take_back()
            self._is_ahead = True

    def _end(self) -> None:
        """Keep what has changed. Raises TradeGateError: then nobody may be told of it yet."""
        if self._file is None:
            return
        if self.exchange.changes != self._saved_changes:
            try:
                self._file.save(self.exchange)
            except sqlite3.Error as error:
                raise TradeGateError(f"模拟账户 {self._file.path} 写不了：{error}") from error
            self._saved_changes = self.exchange.changes
        self._is_ahead = False

    def _take_back(self) -> None:
        """Go on with what the file has."""
        assert self._file is not None
        exchange = self._new_exchange()
        try:
            self._file.load(exchange)
        except sqlite3.Error as error:
            raise TradeGateError(f"模拟账户 {self._file.path} 读不了：{error}")
        exchange.tell_again()
        self.exchange, self._saved_changes = exchange, exchange.changes
        self._is_ahead = False

    def open_quotes(self, options: Dict[str, Any]) -> Quotes:
        """Where the prices come from."""
        path, bars = options["paper_quotes"], options["paper_bars"]
        return open_quotes(path, options["paper_seed"], self._log.warning, bars, "paper_", self.clock)

    def check_order(self, order: Order) -> None:
        if order.side is not OrderSide.long:
            raise InvalidParam(f"模拟交易只支持 side='long'，收到 side='{order.side}'。没有发出")

    def order(self, order: Order) -> None:
        """Hand an order to the exchange; raises OrderNotSent if its id is used."""
        (error,) = self.batch_order([order])
        if error is not None:
            raise error

    def batch_order(self, orders: Sequence[Order]) -> List[Optional[Exception]]:
        """Hand orders to the exchange, one after the other, and keep them all at once."""
        try:
            self._begin()
        except TradeGateError as error:
            return [OrderNotSent(f"{error}。没有发出") for _ in orders]
        errors = [self._submit(order) for order in orders]
        try:
            self._end()
        except TradeGateError as error:
            return [own or self._fate(order, error) for own, order in zip(errors, orders)]
        return errors

    def _submit(self, order: Order) -> Optional[Exception]:
        try:
            self.gate_context.may_send()
        except OrderNotSent as error:
            return error
        limit = None if order.style.name == _MARKET else Decimal(format_price(order.price))
        refusal = self.exchange.submit(order.order_id, order.code, order.is_buy, order.amount, limit, self._now())
        return None if refusal is None else OrderNotSent(refusal + "。没有发出")

    def _fate(self, order: Order, error: TradeGateError) -> Optional[Exception]:
        """What became of an order that could not be kept, as it seemed."""
        was_sent = False if isinstance(error.__cause__, AccountGone) else self.was_sent(order)
        if was_sent is None:
            return OrderUncertain(str(error))
        return None if was_sent else OrderNotSent(f"{error}。没有发出")

    def cancel_order(self, order_id: str) -> None:
        """Ask the exchange to cancel; what it refuses is logged, as the order stays what it was."""
        (error,) = self.batch_cancel_order([order_id])
        if error is not None:
            raise error

    def batch_cancel_order(self, order_ids: Sequence[str]) -> List[Optional[Exception]]:
        """Cancel orders, and keep that all at once."""
        try:
            self._begin()
            for order_id in order_ids:
                refusal = self.exchange.cancel(order_id, self._now())
                if refusal is not None:
                    self._log.warning("%s", refusal)
            self._end()
        except TradeGateError as error:
            return [error for _ in order_ids]
        return [None for _ in order_ids]

    def sync_balance(self) -> Dict[str, Any]:
        """Cash and positions at the quotes of this moment."""
        self._begin()
        now = self._now()
        self.exchange.advance(now)
        self._end()
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
        self._begin()
        self.exchange.advance(self._now())
        self._end()
        newest: Dict[str, PaperOrder] = {}
        for state in self.exchange.take_states():
            if self.gate_context.orders is not None and state.created.date() < self.exchange.day:
                continue  # it ended with its day; the account has forgotten it, and would take it for another program's
            newest.pop(state.order_id, None)
            newest[state.order_id] = state
        return [_report(order) for order in newest.values()]

    def start_over(self) -> None:
        self._is_ahead = self._file is not None
        self.exchange.tell_again()

    def knows_order_id(self, order_id: str) -> bool:
        return order_id in self.exchange.orders

    def was_sent(self, order: Order) -> Optional[bool]:
        if self._is_ahead:
            try:
                self._take_back()
            except TradeGateError:
                return None
        return order.order_id in self.exchange.orders

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


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
