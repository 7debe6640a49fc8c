"""OneQuantTerminal: the paper exchange behind One Quant's files. program.py makes a program of it."""

import os
import sqlite3
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Dict, List, Optional

from jqtrade.account.order import OrderStatus
from jqtrade.clock import Clock
from jqtrade.market.freshness import Freshness
from jqtrade.market.quotes import Quotes
from jqtrade.market.rules import to_average, to_cents
from jqtrade.onequant_terminal import rows
from jqtrade.onequant_terminal.files import GrowingFile, Outbox, Say, to_line
from jqtrade.onequant_terminal.rows import Fields
from jqtrade.onequant_terminal.state import Line, Progress, TerminalState, check_directory
from jqtrade.paper.exchange import DEFAULT_TERMS, PaperExchange, PaperOrder
from jqtrade.paper.ledger import Ledger
from jqtrade.paper.terms import ExchangeTerms

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

    With a `state_path` it can be killed at any moment and started again: nothing is carried out twice, or told before it is
    kept there. Without one, as in a replay, everything is gone with it.

    Raises InvalidParam if the directory holds files of another terminal, OSError if it cannot be used.
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
        state_path: Optional[str] = None,
    ) -> None:
        self._dir = order_dir
        self._account_no = account_no
        self._clock = clock
        self._outbox = outbox
        self._say = say
        self._snapshot_interval = snapshot_interval
        self._snapshot_due = clock.monotonic()
        now = clock.now()
        self._trades = 0
        self._account_types: Dict[str, str] = {}
        """acctType of the orders taken today, by id"""
        self._refused: Dict[str, str] = {}
        """the orders refused in execResult: id -> reason"""
        if state_path is None or not os.path.exists(state_path) or os.path.getsize(state_path) == 0:
            check_directory(order_dir)
        self.exchange = PaperExchange(Ledger(cash, terms.rates), quotes, now, keep_hours, terms, freshness)
        self.state = None if state_path is None else TerminalState(state_path, Progress(account_no, now.date()))
        if self.state is None:
            self._begin_day(now.date())
        else:
            self._resume(self.state, cash)
        self._saved_changes = self.exchange.changes
        self._newest = dict(self.exchange.orders)
        if now.date() > self._day:  # what was asked for on that day while nobody was here is not carried out any more
            self._change_day(now)
            self._newest, self._refused = {}, {}
        if self._newest or self._trades:
            say(f"接着目录里已有的文件：今日委托 {len(self._newest)} 笔，历史成交 {self._trades} 笔")
        self.poll()

    def poll(self) -> None:
        """Read new orders and cancels, match, and write what happened."""
        now = max(self._clock.now(), datetime.combine(self._day, time.min))  # a clock set back over midnight
        if now.date() > self._day:
            self._read_requests(datetime.combine(self._day, time.max))
            self._change_day(now)
        self._read_requests(now)
        self.exchange.advance(now)
        self._write_states()
        if self._clock.monotonic() >= self._snapshot_due:
            self._snapshot_due = self._clock.monotonic() + self._snapshot_interval
            self._write_snapshots(now)
        self._write_out()

    def close(self) -> None:
        """Write all that is not written yet, and the last snapshots."""
        self._write_snapshots(self._clock.now())
        if self._write_out():
            self._outbox.drain()
        if self.state is not None:
            self.state.close()

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

    def _resume(self, state: TerminalState, cash: Decimal) -> None:
        """Begin the account, or go on with it; write the rows of its day that a kill kept from the files."""
        if state.is_new:
            state.begin(self.exchange, cash)
        else:
            state.resume(self.exchange)
        if cash != state.cash:
            self._say(f"起始资金 {cash} 元没有用：账户开户时是 {state.cash} 元。{state.fresh}")
        if state.progress.day > self._clock.now().date():
            self._say(f"账户记到了 {state.progress.day}，晚于今天：到那天为止不接受委托。{state.fresh}")
        self._trades = state.progress.trades
        self._begin_day(state.progress.day, state.progress.orders, state.progress.cancels)
        lines: Dict[str, List[str]] = {}
        for line in state.kept_lines():
            lines.setdefault(self._path(line.kind, line.day), []).append(line.text)
            fields = rows.split_row(line.text)
            if line.kind == rows.ORDER_UPDATE:
                self._account_types[fields[17]] = fields[3]
            elif line.kind == rows.EXEC_RESULT:
                self._note_refusal(fields)
        for path, texts in lines.items():
            self._outbox.complete(path, texts)

    def _write_out(self) -> bool:
        """Keep what has happened, and only then let the files tell of it. Returns whether it could be kept."""
        state = self.state
        if state is not None and (state.lines or self.exchange.changes != self._saved_changes):
            read = self._orders_file.offset, self._cancels_file.offset
            state.progress = Progress(self._account_no, self._day, *read, self._trades)
            try:
                state.save(self.exchange)
            except sqlite3.Error as error:
                self._outbox.complain(state.path, error)
                return False
            self._outbox.relent(state.path)
            self._saved_changes = self.exchange.changes
        self._outbox.pump()
        return True

    def _change_day(self, now: datetime) -> None:
        """Let what is open expire, which the files of its day still hear of."""
        self.exchange.advance(now)
        self._write_states()
        self._write_out()
        self._begin_day(now.date())

    def _begin_day(self, day: date, orders: int = 0, cancels: int = 0) -> None:
        """`orders`, `cancels`: how much of the requests has been carried out, in bytes."""
        self._day = day
        self._orders_file = GrowingFile(self._path(rows.ALGO_ORDER, day), orders)
        self._cancels_file = GrowingFile(self._path(rows.ALGO_ORDER_STOP, day), cancels)
        # Trades first: no update tells of a trade that is not written.
        self._outbox.begin(self._path(rows.TRADE_UPDATE, day), rows.TRADE_COLUMNS)
        self._outbox.begin(self._path(rows.ORDER_UPDATE, day), rows.UPDATE_COLUMNS)
        self._outbox.begin(self._path(rows.EXEC_RESULT, day), rows.RESULT_COLUMNS)
        self._say(f"交易日 {day:%Y-%m-%d}")

    def _read_requests(self, now: datetime) -> None:
        """Take the new rows of both files."""
        for line in self._orders_file.new_lines():
            row = rows.split_row(line)
            if row != rows.ORDER_COLUMNS:
                self._answer(now, rows.FOR_ORDER, row, self._take_order(row, now))
        for line in self._cancels_file.new_lines():
            row = rows.split_row(line)
            if row != rows.CANCEL_COLUMNS:
                self._answer(now, rows.FOR_CANCEL, row, self._take_cancel(row, now))

    def _take_order(self, row: Fields, now: datetime) -> Optional[str]:
        """Returns why the terminal refuses the order, or None."""
        try:
            request = rows.check_order(row, self._account_no)
        except rows.BadRequest as refusal:
            return str(refusal)
        order_id, account_type, code, is_buy, amount, limit = request
        refusal_text = self.exchange.submit(order_id, code, is_buy, amount, limit, now)
        if refusal_text is None:
            self._account_types[order_id] = account_type
        return refusal_text

    def _take_cancel(self, row: Fields, now: datetime) -> Optional[str]:
        if len(row) != len(rows.CANCEL_COLUMNS):
            return f"撤单行应有 {len(rows.CANCEL_COLUMNS)} 列，现有 {len(row)} 列"
        return self.exchange.cancel(_order_id(row), now)

    def _answer(self, now: datetime, kind: str, row: Fields, refusal: Optional[str]) -> None:
        order_id = _order_id(row)
        result = rows.result_row(now, kind, order_id, refusal)
        self._tell(rows.EXEC_RESULT, now.date(), result)
        if refusal is not None:
            self._say("{} {} 被拒：{}".format("委托" if kind == rows.FOR_ORDER else "撤单", order_id, refusal))
        self._note_refusal(result)

    def _note_refusal(self, result: Fields) -> None:
        _, kind, order_id, status, _, reason = result
        if kind == rows.FOR_ORDER and status == rows.REFUSED and order_id not in self.exchange.orders:
            self._refused[order_id] = reason

    def _write_states(self) -> None:
        for order in self.exchange.take_states():
            self._newest[order.order_id] = order
            account_type = self._account_types[order.order_id]
            day = order.created.date()
            if order.fill is not None:
                self._trades += 1
                row = rows.trade_row(order, order.fill, account_type, self._account_no, self._trades)
                self._tell(rows.TRADE_UPDATE, day, row)
            self._tell(rows.ORDER_UPDATE, day, rows.update_row(order, account_type, self._account_no))
            if order.status is not OrderStatus.new:
                self._say(_describe(order))

    def _write_snapshots(self, now: datetime) -> None:
        money = self.exchange.snapshot(now)
        holdings = list(self.exchange.ledger.holdings.values())
        assets = rows.asset_rows(money, holdings, self._account_no)
        self._outbox.rewrite(self._path(rows.ASSET_INFO, self._day), rows.ASSET_COLUMNS, assets)
        positions = rows.position_rows(holdings, self._account_no)
        self._outbox.rewrite(self._path(rows.POSITION_INFO, self._day), rows.POSITION_COLUMNS, positions)

    def _tell(self, kind: str, day: date, fields: Fields) -> None:
        append = self._outbox.append_plainly if kind == rows.TRADE_UPDATE else self._outbox.append
        append(self._path(kind, day), fields)
        if self.state is not None:
            self.state.lines.append(Line(day, kind, to_line(fields)))

    def _path(self, kind: str, day: date) -> str:
        return os.path.join(self._dir, rows.file_name(kind, day))


def _order_id(row: Fields) -> str:
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
