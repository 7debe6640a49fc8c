"""OneQuantTerminal: the paper exchange behind One Quant's files. onequant.py makes a program of it."""

import os
from datetime import date, datetime, time
from decimal import Decimal
from typing import AbstractSet, Any, Dict, FrozenSet, Optional

from jqtrade.account.order import OrderStatus
from jqtrade.clock import Clock
from jqtrade.market.freshness import Freshness
from jqtrade.market.quotes import Quotes
from jqtrade.market.rules import to_average, to_cents
from jqtrade.onequant_terminal import rows
from jqtrade.onequant_terminal.files import GrowingFile, Outbox, Say
from jqtrade.onequant_terminal.restore import restore
from jqtrade.onequant_terminal.rows import Row
from jqtrade.paper.exchange import DEFAULT_TERMS, PaperExchange, PaperOrder
from jqtrade.paper.ledger import Ledger
from jqtrade.paper.terms import ExchangeTerms

_NONE: FrozenSet[str] = frozenset()
_STATUS_TEXTS = {
    OrderStatus.new: "已收到",
    OrderStatus.open: "已报",
    OrderStatus.filling: "部分成交",
    OrderStatus.filled: "全部成交",
    OrderStatus.canceling: "撤单中",
    OrderStatus.canceled: "已撤单",
    OrderStatus.partly_canceled: "部分撤单",
    OrderStatus.rejected: "废单",
}


class OneQuantTerminal:
    """Behaves as One Quant's DMA window on the files of `order_dir`; `poll` is one look at them.

    What it has answered before on the same day, it knows from its own files: an order is never carried out twice.

    Raises InvalidParam if the directory holds files of a real terminal, OSError if it cannot be used.
    """

    def __init__(
        self,
        order_dir: str,
        account_no: str,
        cash: Decimal,
        quotes: Quotes,
        clock: Clock,
        outbox: Outbox,
        say: Say,
        keep_hours: bool = False,
        snapshot_interval: float = 5.0,
        terms: ExchangeTerms = DEFAULT_TERMS,
        freshness: Optional[Freshness] = None,
    ) -> None:
        self._dir = order_dir
        self._account_no = account_no
        self._clock = clock
        self._outbox = outbox
        self._say = say
        self._snapshot_interval = snapshot_interval
        self._snapshot_due = clock.monotonic()
        now = clock.now()
        self.exchange = PaperExchange(Ledger(cash, terms.rates), quotes, now, keep_hours, terms, freshness)
        answered = restore(order_dir, account_no, self.exchange, now)
        self._account_types = answered.account_types
        self._trades = answered.trades
        self._refused = answered.refused
        self._newest = dict(self.exchange.orders)
        if self._newest or self._trades:
            say(f"接着目录里已有的文件：今日委托 {len(self._newest)} 笔，历史成交 {self._trades} 笔")
        self._begin_day(now.date())
        over = {order_id for order_id in answered.accepted_cancels if not self._is_open(order_id)}
        self._read_requests(now, set(self._newest) | set(self._refused), answered.refused_cancels | over)
        self.poll()

    def poll(self) -> None:
        """Read new orders and cancels, match, and write what happened."""
        now = max(self._clock.now(), datetime.combine(self._day, time.min))  # a clock set back over midnight
        if now.date() > self._day:
            self._read_requests(datetime.combine(self._day, time.max))
            self.exchange.advance(now)
            self._write_states()
            self._begin_day(now.date())
        self._read_requests(now)
        self.exchange.advance(now)
        self._write_states()
        if self._clock.monotonic() >= self._snapshot_due:
            self._snapshot_due = self._clock.monotonic() + self._snapshot_interval
            self._write_snapshots(now)
        self._outbox.pump()

    def close(self) -> None:
        """Write all that is not written yet, and the last snapshots."""
        self._write_snapshots(self._clock.now())
        self._outbox.drain()

    def truth(self) -> Dict[str, Any]:
        """What really became of every order, and what the account owns; money as decimal strings, in yuan."""
        money = self.exchange.snapshot(self._clock.now())
        return {
            "orders": {order_id: _order_truth(order) for order_id, order in self._newest.items()},
            "refused": self._refused,
            "cash": {"total": str(money.total), "available": str(money.cash), "locked": str(money.frozen)},
            "positions": {
                holding.code: {
                    "amount": holding.amount,
                    "available_amount": holding.available,
                    "avg_cost": str(to_average(holding.average_cost)),
                    "last_price": str(holding.last_price),
                    "value": str(holding.market_value),
                }
                for holding in self.exchange.ledger.holdings.values()
                if holding.amount
            },
        }

    def _begin_day(self, day: date) -> None:
        self._day = day
        self._orders_file = GrowingFile(self._path(rows.ALGO_ORDER, day))
        self._cancels_file = GrowingFile(self._path(rows.ALGO_ORDER_STOP, day))
        # Trades first: what they say is enough to go on from if the terminal is killed before the rest is written.
        self._outbox.begin(self._path(rows.TRADE_UPDATE, day), rows.TRADE_COLUMNS)
        self._outbox.begin(self._path(rows.ORDER_UPDATE, day), rows.UPDATE_COLUMNS)
        self._outbox.begin(self._path(rows.EXEC_RESULT, day), rows.RESULT_COLUMNS)
        self._say(f"交易日 {day:%Y-%m-%d}")

    def _read_requests(
        self, now: datetime, answered: AbstractSet[str] = _NONE, answered_cancels: AbstractSet[str] = _NONE
    ) -> None:
        """Take the new rows of both files, but those that were `answered` before the terminal was started again."""
        for line in self._orders_file.new_lines():
            row = rows.split_row(line)
            if row != rows.ORDER_COLUMNS and _order_id(row) not in answered:
                self._answer(now, rows.FOR_ORDER, row, self._take_order(row, now))
        for line in self._cancels_file.new_lines():
            row = rows.split_row(line)
            if row != rows.CANCEL_COLUMNS and _order_id(row) not in answered_cancels:
                self._answer(now, rows.FOR_CANCEL, row, self._take_cancel(row, now))

    def _take_order(self, row: Row, now: datetime) -> Optional[str]:
        """Returns why the terminal refuses the order, or None."""
        try:
            request = rows.check_order(row, self._account_no)
        except rows.BadRow as refusal:
            return str(refusal)
        order_id, account_type, code, is_buy, amount, limit = request
        refusal_text = self.exchange.submit(order_id, code, is_buy, amount, limit, now)
        if refusal_text is None:
            self._account_types[order_id] = account_type
        return refusal_text

    def _take_cancel(self, row: Row, now: datetime) -> Optional[str]:
        if len(row) != len(rows.CANCEL_COLUMNS):
            return f"撤单行应有 {len(rows.CANCEL_COLUMNS)} 列，现有 {len(row)} 列"
        return self.exchange.cancel(_order_id(row), now)

    def _answer(self, now: datetime, kind: str, row: Row, refusal: Optional[str]) -> None:
        order_id = _order_id(row)
        self._outbox.append(self._path(rows.EXEC_RESULT, now.date()), rows.result_row(now, kind, order_id, refusal))
        if refusal is not None:
            self._say("{} {} 被拒：{}".format("委托" if kind == rows.FOR_ORDER else "撤单", order_id, refusal))
            if kind == rows.FOR_ORDER and order_id not in self.exchange.orders:
                self._refused[order_id] = refusal

    def _write_states(self) -> None:
        for order in self.exchange.take_states():
            self._newest[order.order_id] = order
            account_type = self._account_types[order.order_id]
            day = order.created.date()
            update_row = rows.update_row(order, account_type, self._account_no)
            if order.fill is not None:
                self._trades += 1
                row = rows.trade_row(order, order.fill, account_type, self._account_no, self._trades)
                self._outbox.append_plainly(self._path(rows.TRADE_UPDATE, day), row)
            self._outbox.append(self._path(rows.ORDER_UPDATE, day), update_row)
            if order.status is not OrderStatus.new:
                self._say(_describe(order))

    def _write_snapshots(self, now: datetime) -> None:
        money = self.exchange.snapshot(now)
        holdings = list(self.exchange.ledger.holdings.values())
        assets = rows.asset_rows(money, holdings, self._account_no)
        self._outbox.rewrite(self._path(rows.ASSET_INFO, self._day), rows.ASSET_COLUMNS, assets)
        positions = rows.position_rows(holdings, self._account_no)
        self._outbox.rewrite(self._path(rows.POSITION_INFO, self._day), rows.POSITION_COLUMNS, positions)

    def _is_open(self, order_id: str) -> bool:
        return order_id in self.exchange.orders and not self.exchange.orders[order_id].is_final

    def _path(self, kind: str, day: date) -> str:
        return os.path.join(self._dir, rows.file_name(kind, day))


def _order_id(row: Row) -> str:
    return row[1] if len(row) > 1 else ""


def _order_truth(order: PaperOrder) -> Dict[str, Any]:
    return {
        "code": order.code,
        "action": "buy" if order.is_buy else "sell",
        "amount": order.amount,
        "status": str(order.status),
        "filled_amount": order.filled,
        "canceled_amount": order.canceled,
        "avg_price": str(to_average(order.average_price)),
        "deal_balance": str(to_cents(order.value)),
        "fees": str(to_cents(order.fees)),
        "text": order.text,
    }


def _describe(order: PaperOrder) -> str:
    words = [
        "委托",
        order.order_id,
        "买入" if order.is_buy else "卖出",
        rows.to_symbol(order.code),
        f"{order.amount} 股",
        "市价" if order.limit is None else f"{order.limit} 元",
        _STATUS_TEXTS[order.status],
    ]
    if order.filled:
        words.append(f"累计成交 {order.filled} 股，均价 {order.average_price:.4f} 元")
    if order.text:
        words.append(f"（{order.text}）")
    return " ".join(words)
