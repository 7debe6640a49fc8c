"""AnXinDMATradeGate: orders through the CSV files of the broker's terminal One Quant. The protocol: docs/onequant.md."""

import logging
import os
import re
from datetime import date
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, TypeVar

from jqtrade.account.order import MarketOrderStyle, Order, OrderSide
from jqtrade.account.trade_gate import anxin_csv
from jqtrade.account.trade_gate.anxin_day import DayFiles, Feed
from jqtrade.account.trade_gate.base import AbsTradeGate
from jqtrade.account.trade_gate.csv_file import LockWait, append_lines, read_snapshot
from jqtrade.errors import FileMissing, InvalidParam, OrderNotSent, OrderUncertain, TradeGateError
from jqtrade.log import Outage

_FIELD = re.compile(r"[0-9A-Za-z_-]{1,32}", re.ASCII)

T = TypeVar("T")

log = logging.getLogger("jqtrade.anxin")


class AnXinDMATradeGate(AbsTradeGate):
    """Orders through One Quant's DMA window: rows appended to two files of ours, four files of the terminal's read."""

    OPTIONS = frozenset(
        "account_no order_dir account_type counter_type algo_type wait_lock_internal wait_lock_time_out file_encoding"
        " sync_retry_kwargs".split()
    )

    def setup(self, options: Dict[str, Any]) -> None:
        if not options["account_no"]:
            raise InvalidParam("缺少资金账号，请在 process_initialize 里写 set_options(account_no='你的资金账号')")
        for name in ("account_no", "counter_type", "algo_type"):
            if not _FIELD.fullmatch(options[name]):
                raise InvalidParam(f"{name}={options[name]!r} 不正确，只能用字母、数字、下划线和连字符")
        if options["algo_type"] != "DMA":
            raise InvalidParam("algo_type={!r} 不支持，目前只支持 'DMA'".format(options["algo_type"]))
        if not os.path.isdir(options["order_dir"]):
            raise InvalidParam(
                "文件单目录不存在：{}。请在 One Quant 的 DMA 算法窗口查看导出目录，用 set_options(order_dir=...) 写成同一个目录".format(
                    options["order_dir"]
                )
            )
        self._account_no = options["account_no"]
        self._counter_type = options["counter_type"]
        self._algo_type = options["algo_type"]
        self._order_dir = options["order_dir"]
        self._encoding = options["file_encoding"]
        self._lock_wait = LockWait(options["wait_lock_time_out"], options["wait_lock_internal"])
        self._attempts = options["sync_retry_kwargs"]["max_attempts"]
        self._attempt_interval = options["sync_retry_kwargs"]["attempt_internal"]
        self._market_order_noted = False
        self._results_outage = Outage(log, self.clock)
        self._open_day(self.clock.now().date())

    def _open_day(self, day: date) -> None:
        self._files = DayFiles(self._order_dir, day)
        # A refused order has no updates. A refusal of an id that has some speaks of another program's order of that id.
        self._updated_ids: Set[str] = set()
        self._refusals: List[Dict[str, Any]] = []
        self._updates = Feed(self._files.updates, self._encoding, anxin_csv.UPDATE_COLUMNS, "text", self._parse_update)
        self._results = Feed(
            self._files.results, self._encoding, anxin_csv.RESULT_COLUMNS, "errorMsg", self._parse_result
        )

    def _day(self, day: Optional[date] = None) -> DayFiles:
        """The files of `day`, by default today's."""
        if day is None:
            day = self.clock.now().date()
        if day != self._files.day:
            self._open_day(day)
        return self._files

    def order(self, order: Order) -> None:
        (error,) = self.batch_order([order])
        if error is not None:
            raise error

    def batch_order(self, orders: Sequence[Order]) -> List[Optional[Exception]]:
        """Append the rows of all orders, of one day, at once; they reach the file together or not at all."""
        for order in orders:
            self.check_order(order)
        self._note_market_orders(orders)
        files = self._day(orders[0].create_time.date())
        rows = [anxin_csv.order_row(order, self._account_no, self._counter_type, self._algo_type) for order in orders]

        def check_ids() -> None:
            taken = [order.order_id for order in orders if files.order_line(order.order_id) is not None]
            if taken:
                raise OrderNotSent("订单号 {} 已被别的程序用过".format("、".join(taken)))

        try:
            self._append(files.orders, anxin_csv.ORDER_HEADER, rows, check_ids)
        except OrderNotSent as error:
            return [error] * len(orders)
        except OSError as error:
            return [_settle(files.orders, order, error) for order in orders]
        return [None] * len(orders)

    def check_order(self, order: Order) -> None:
        if order.side is not OrderSide.long:
            raise InvalidParam(f"One Quant 只支持 side='long'，收到 side='{order.side}'。没有发出")

    def _note_market_orders(self, orders: Sequence[Order]) -> None:
        if not self._market_order_noted and any(isinstance(order.style, MarketOrderStyle) for order in orders):
            self._market_order_noted = True
            log.warning("券商目前会以价格错误拒绝市价单；想按对手方最优价成交，请用 LimitOrderStyle(0)")

    def cancel_order(self, order_id: str) -> None:
        (error,) = self.batch_cancel_order([order_id])
        if error is not None:
            raise error

    def batch_cancel_order(self, order_ids: Sequence[str]) -> List[Optional[Exception]]:
        """Append the rows of all cancels at once."""
        now = self.clock.now()
        rows = [anxin_csv.cancel_row(order_id, now) for order_id in order_ids]
        try:
            self._append(self._day(now.date()).cancels, anxin_csv.CANCEL_HEADER, rows)
        except (TradeGateError, OSError) as error:
            return [error] * len(order_ids)
        return [None] * len(order_ids)

    def _append(self, path: str, header: str, rows: List[str], check: Callable[[], None] = lambda: None) -> None:
        append_lines(
            path, header.encode("ascii"), [row.encode("ascii") for row in rows], self._lock_wait, self.clock, check
        )

    def account_key(self) -> str:
        return f"anxin {self._account_no} {self._order_dir}"

    def knows_order_id(self, order_id: str) -> bool:
        try:
            return self._day().order_line(order_id) is not None
        except OSError:
            return False  # asked again under the lock, before the row is written

    def was_sent(self, order_id: str) -> Optional[bool]:
        """Whether the row stands in today's order file; None while the file cannot be read, or its last line is torn."""
        return _row_stands(self._day().orders, order_id)

    def _retry(self, read: Callable[[], T]) -> T:
        for _ in range(self._attempts - 1):
            try:
                return read()
            except FileMissing:
                raise
            except TradeGateError:  # most likely met in the middle of a write
                self.clock.sleep(self._attempt_interval)
        return read()

    def sync_balance(self) -> Dict[str, Any]:
        return self._retry(self._read_balance)

    def _read_balance(self) -> Dict[str, Any]:
        files = self._day()
        totals = [row for row in self._read_snapshot(files.assets, anxin_csv.ASSET_COLUMNS) if row["exchange"] == ""]
        if len(totals) != 1:
            raise TradeGateError(
                f"资金文件 {files.assets} 里账号 {self._account_no} 的汇总行应有 1 行，实有 {len(totals)} 行；"
                "account_no 与 One Quant 登录的账号可能不同"
            )
        positions = self._read_snapshot(files.positions, anxin_csv.POSITION_COLUMNS)
        try:
            return {
                "cash": anxin_csv.cash_report(totals[0]),
                "positions": [report for report in map(anxin_csv.position_report, positions) if report is not None],
            }
        except ValueError as error:
            raise TradeGateError(f"资金或持仓文件里有不正确的数字：{error}")

    def _read_snapshot(self, path: str, needed: Sequence[str]) -> List[Dict[str, str]]:
        return [row for row in read_snapshot(path, self._encoding, needed) if row["acct"] == self._account_no]

    def sync_orders(self) -> List[Dict[str, Any]]:
        return self._retry(self._read_orders)

    def _read_orders(self) -> List[Dict[str, Any]]:
        self._day()
        # Refusals first: whatever was told of an order before its refusal is then read too. If updates cannot be read
        # now, refusals wait; if refusals cannot be read, updates count all the same.
        try:
            self._refusals += self._results.read()
            self._results_outage.worked("execResult 恢复读取")
        except TradeGateError as error:
            self._results_outage.failed(str(error))
        updates = self._updates.read()
        self._updated_ids.update(report["order_id"] for report in updates)
        refusals, self._refusals = self._refusals, []
        return updates + [report for report in refusals if report["order_id"] not in self._updated_ids]

    def _parse_update(self, row: Dict[str, str]) -> Optional[Dict[str, Any]]:
        code = anxin_csv.to_code(row["symbol"])
        if row["acct"] != self._account_no or not row["custBatchNo"] or code is None:
            return None
        return anxin_csv.update_report(row, code)

    def _parse_result(self, row: Dict[str, str]) -> Optional[Dict[str, Any]]:
        order_line = self._files.order_line(row["custBatchNo"])
        if order_line is None or row["status"] != "1":
            return None
        if row["resultType"] == "1":
            return anxin_csv.refusal_report(order_line, self.clock.now(), row.get("errorMsg", ""))
        log.warning("撤单被拒绝，订单 %s 保持原状：%s", row["custBatchNo"], row.get("errorMsg", ""))
        return None


def _settle(path: str, order: Order, error: OSError) -> Optional[Exception]:
    """Read the order file back after a write that failed: does the row stand there?"""
    sent = _row_stands(path, order.order_id) if os.path.exists(path) else None  # it was there a moment ago
    if sent is None:
        return OrderUncertain(f"写文件单时出错（{error}），无法确认是否已写入")
    return None if sent else OrderNotSent(f"写文件单失败：{error}")


def _row_stands(path: str, order_id: str) -> Optional[bool]:
    try:
        with open(path, "rb") as file:
            whole, _, torn = file.read().rpartition(b"\n")
    except FileNotFoundError:
        return False
    except OSError:
        return None
    wanted = [order_id.encode("ascii")]
    if any(line.split(b",", 2)[1:2] == wanted for line in whole.split(b"\n")):
        return True
    return None if torn else False
