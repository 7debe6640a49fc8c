"""AnXinDMATradeGate: orders through the CSV files of the broker's terminal One Quant. The protocol: docs/onequant.md."""

import os
import re
from datetime import date, datetime, timedelta
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple, TypeVar

from jqtrade.account.gate import AbsTradeGate, Capabilities
from jqtrade.account.order import MarketOrderStyle, Order, OrderReport, OrderSide, OrderStatus, check_code
from jqtrade.account.portfolio import BalanceReport
from jqtrade.clock import Clock
from jqtrade.errors import FileMissing, InvalidParam, OrderNotSent, OrderUncertain, TradeGateError
from jqtrade.gates.csv_file import LockWait, Unverified, decode, is_of_system, open_to_read, read_snapshot
from jqtrade.gates.onequant import rows as anxin_csv
from jqtrade.gates.onequant.day_files import BrokenLine, DayFiles, Feed, Parse
from jqtrade.gates.onequant.options import ONEQUANT_OPTIONS
from jqtrade.gates.onequant.order_rows import OrderRows
from jqtrade.gates.onequant.snapshot_watch import SnapshotWatch, freshness
from jqtrade.log import Outage, get_log
from jqtrade.market.calendar import TradingDays

_FIELD = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_-]{0,31}", re.ASCII)
_ORDER_ID = re.compile(r"[0-9]{1,10}", re.ASCII)

POLL_INTERVAL = 1.0
"""how often, in seconds, the order file is read for the ids that other programs use"""

MOST_OTHERS = 200000
"""So many orders of others are kept in mind, so that an id of theirs is not used again; ten times an account's day."""

MTIME_GRACE = timedelta(seconds=2)
"""A file that was written so shortly ago may be written again within the grain of its time of change."""

T = TypeVar("T")

log = get_log("jqtrade.anxin")


class AnXinDMATradeGate(AbsTradeGate):
    """Orders through One Quant's DMA window: rows appended to two files of ours, four files of the terminal's read."""

    OPTIONS = frozenset(["wait_lock_time_out"] + [option.name for option in ONEQUANT_OPTIONS])
    CAPABILITIES = Capabilities(declares_all_options=True, setup_only_checks=True)

    @classmethod
    def preflight(cls, options: Dict[str, Any], clock: Clock, days: TradingDays) -> List[Tuple[int, str]]:
        rows = super().preflight(options, clock, days)
        return rows or freshness(options["order_dir"], options["market_period"], clock, days)

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
        self._account = self._account_no.encode("ascii")
        self._counter_type = options["counter_type"]
        self._algo_type = options["algo_type"]
        self._order_dir = options["order_dir"]
        self._encoding = options["file_encoding"]
        self._lock_wait = LockWait(options["wait_lock_time_out"], options["wait_lock_internal"])
        self._attempts = options["sync_retry_kwargs"]["max_attempts"]
        self._attempt_interval = options["sync_retry_kwargs"]["attempt_internal"]
        self._skips_broken = options["ignore_error_line"]
        self._reread_interval = options["reread_internal"]
        self._market_order_noted = False
        self._snapshot_watch = SnapshotWatch(self.clock, options["market_period"])
        self._results_outage = Outage(log, self.clock)
        self._polled = -POLL_INTERVAL
        self._begin_day(self.clock.now().date())

    def _begin_day(self, day: date) -> None:
        self._unproven: Dict[str, str] = {}
        """by order id, the rows of which some may stand in the order file, but not all or not for certain"""
        self._exchanged: Set[str] = set()
        """ids of orders that were written whole, and not found again: that they are not there proves nothing"""
        self._open_day(day)

    def _open_day(self, day: date) -> None:
        self._files = DayFiles(self._order_dir, day, self._lock_wait, self.clock)
        # A refused order has no updates. A refusal of an id that has some speaks of another program's order of that id.
        self._updated_ids: Set[str] = set()
        self._refusals: List[OrderReport] = []
        self._others: Set[bytes] = set()
        """ids of orders that are not ours, once the account has heard of them"""
        self._balance: Optional[BalanceReport] = None
        self._balance_files: List[Optional[Tuple[int, ...]]] = []
        """by which the two files of `_balance` are known again; None: it may have been written since"""
        self._balance_read = self._orders_read = self._balance_tried = self.clock.monotonic()
        """when they were read last, not only looked at; of the balance also without success"""
        self._balance_read_at = self.clock.now()
        self._changed_unseen: List[Optional[datetime]] = [None, None]
        """of the two files, a time after which it was written although it looked unchanged"""
        self._rows: Optional[Tuple[Tuple[int, ...], OrderRows]] = None
        """by which the order file is known again, and what stands in it"""
        self._lacking: Optional[bool] = None
        """whether `_rows` lack an order that was certainly sent; None: nobody has looked"""
        self._missing_noted = False
        self._updates = self._feed(self._files.updates, anxin_csv.UPDATE_COLUMNS, "text", self._parse_update)
        self._results = self._feed(self._files.results, anxin_csv.RESULT_COLUMNS, "errorMsg", self._parse_result)

    def _feed(self, path: str, needed: Sequence[str], message: str, parse: Parse) -> Feed:
        return Feed(path, self._encoding, needed, message, parse, self._skips_broken)

    def _day(self, day: Optional[date] = None) -> DayFiles:
        """The files of `day`, by default today's."""
        if day is None:
            day = self.clock.now().date()
        if day != self._files.day:
            self._begin_day(day)
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
        ids = [order.order_id for order in orders]
        lines = [self._row(order).encode("ascii") for order in orders]
        day = orders[0].create_time.date()

        def permit() -> None:
            self._check_day(day)
            self.gate_context.may_send()

        try:
            self._day(day).append_orders(ids, lines, permit)
        except OrderNotSent as error:
            return [error] * len(orders)
        except Unverified as error:
            self._exchanged.update(ids)
            return [self._resolve(order, error) for order in orders]
        except OSError as error:
            if not is_of_system(error):
                raise
            return [self._resolve(order, error) for order in orders]
        return [None] * len(orders)

    def _row(self, order: Order) -> str:
        return anxin_csv.order_row(order, self._account_no, self._counter_type, self._algo_type)

    def _resolve(self, order: Order, error: OSError) -> Optional[Exception]:
        """Read the order file back after a write that failed: does the row stand there?"""
        self._unproven[order.order_id] = self._row(order)
        sent = self.was_sent(order)
        if sent is None:
            return OrderUncertain(f"写文件单时出错（{error}），无法确认是否已写入")
        return None if sent else OrderNotSent(f"写文件单失败：{error}")

    def _check_day(self, day: date) -> None:
        """Asked after a wait. Raises OrderNotSent if the files of `day` are not today's any more."""
        if self.clock.now().date() != day:
            raise OrderNotSent("等待的时候过了零点，或日期变了")

    def check_order(self, order: Order) -> None:
        if not _ORDER_ID.fullmatch(order.order_id):
            raise InvalidParam(f"订单号 {order.order_id!r} 不正确，One Quant 只认 10 位以内的数字。没有发出")
        check_code(order.code)
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
        bad = "订单号 {!r} 不正确，One Quant 只认 10 位以内的数字"
        refusals = [
            None if _ORDER_ID.fullmatch(order_id) else OrderNotSent(bad.format(order_id)) for order_id in order_ids
        ]
        good = [order_id for order_id, refusal in zip(order_ids, refusals) if refusal is None]
        outcome: Optional[Exception] = None
        try:
            if good:
                rows = [anxin_csv.cancel_row(order_id, now).encode("ascii") for order_id in good]
                appender = self._day(now.date()).cancel_appender
                appender.append(rows, permit=lambda: self._check_day(now.date()))
        except TradeGateError as error:
            outcome = error
        except OSError as error:
            if not is_of_system(error):
                raise
            outcome = error
        return [outcome if refusal is None else refusal for refusal in refusals]

    def account_key(self) -> str:
        return f"anxin {self._account_no} {self._order_dir}"

    def is_same_account(self, key: str) -> Optional[bool]:
        """By the account number, and by whether the two names of the folder lead to one folder now.

        Of one that is not there, or is another one, nobody can say: folders are moved, drives have other letters.
        """
        kind, account_no, order_dir = (key.split(" ", 2) + ["", ""])[:3]
        if (kind, account_no) != ("anxin", self._account_no):
            return False
        if os.path.normcase(order_dir) == os.path.normcase(self._order_dir):
            return True
        try:
            return os.path.samefile(order_dir, self._order_dir) or None
        except (OSError, ValueError):
            return None

    def knows_order_id(self, order_id: str) -> bool:
        """By a poll of the order file that is a second old at most: it is asked again before the row is written."""
        now = self.clock.monotonic()
        if now - self._polled >= POLL_INTERVAL:
            self._polled = now
            try:
                self._day().poll()
            except OSError:
                pass
        return self._files.knows(order_id) or order_id.encode("ascii") in self._others

    def was_sent(self, order: Order) -> Optional[bool]:
        """Whether the row stands whole in the order file; None while that cannot be read, or if some of the row may stand.

        What the terminal makes of a torn row is unknown: it may refuse it, or read it once the line has got its end.
        """
        row = self._row(order)
        sent: Optional[bool] = None
        try:
            rows = self._order_rows(order.create_time.date())
            sent = rows.have(row.encode("ascii"))
            if sent is False:
                if self._lacking is None:  # the answer for one of a batch is that for all
                    self._lacking = self._lacks_orders(rows, order)
                if self._lacking or order.order_id in self._exchanged:
                    sent = None
        except FileNotFoundError:
            # If this row may have been written, or others of today were, the file was there then.
            if order.order_id not in self._unproven and not self._lacks_orders(OrderRows(b""), order):
                sent = False
        except OSError:
            pass
        if sent is None:
            self._unproven[order.order_id] = row
        else:
            self._unproven.pop(order.order_id, None)
        return sent

    def _lacks_orders(self, rows: OrderRows, asked: Order) -> bool:
        """Whether the order file lacks an order that was certainly sent: somebody emptied it, or put an older one there.

        What it does not have then proves nothing.
        """
        for order_id, order in (self.gate_context.orders or {}).items():
            refused = order.status is OrderStatus.rejected and not order.confirmed
            is_known_sent = not refused and order_id not in self.gate_context.in_doubt and order_id != asked.order_id
            if is_known_sent and not rows.know(order_id.encode("ascii")):
                if not self._missing_noted:
                    self._missing_noted = True
                    text = "文件单 %s 里没有已经发出的订单 %s：文件被清空、删除或换成了旧的。不在里面的委托是否发出过，无法从它知道"
                    log.error(text, self._files.orders, order_id)
                return True
        return False

    def _order_rows(self, day: date) -> OrderRows:
        """What stands in the order file, which only grows: read once for many questions. Raises OSError."""
        path = self._day(day).orders
        identity = _identity(os.stat(path))
        if self._rows is None or self._rows[0] != identity:
            self._rows, self._lacking = (identity, OrderRows(_read(path))), None
        return self._rows[1]

    def repair_partial_write(self) -> None:
        """Give a torn last line of ours its end, as the next order would: else the terminal never speaks of it."""
        rows = [row.encode("utf-8") for row in self._unproven.values()]
        files = self._day()

        def check_is_ours() -> None:
            if not OrderRows(_read(files.orders)).may_be_torn(rows):
                raise OrderNotSent("最后一行不是没有写完的委托")

        try:
            files.order_appender.append([], check_is_ours, timeout=0.0)
        except (TradeGateError, OSError):
            pass  # the next order tries it again

    def start_over(self) -> None:
        self._files.release()
        self._open_day(self._files.day)

    def _retry(self, read: Callable[[], T]) -> T:
        for _ in range(self._attempts - 1):
            try:
                return read()
            except (FileMissing, BrokenLine):
                raise
            except TradeGateError:  # most likely met in the middle of a write
                self.clock.sleep(self._attempt_interval)
        return read()

    def sync_balance(self) -> Any:
        """What the files say; where nobody wrote them since, what they said.

        Windows tells a file's new time only when the writer closes it: what looks unchanged is read now and then all the
        same.
        """
        files = self._day()
        stats = [_stat(path) for path in (files.assets, files.positions)]
        if stats[0] is not None:
            self._snapshot_watch.check(files.assets, stats[0], self._changed_unseen[0])
        identities = [_identity(stat) for stat in stats if stat is not None]
        if self._balance is None or identities != self._balance_files or self._is_due(self._balance_read):
            self._read_snapshots(identities, stats)
        return self._balance

    def is_snapshot_due(self) -> bool:
        """Of files that cannot be read now, not before each order: the tries of one take a third of a second."""
        return self._balance is not None and self._is_due(max(self._balance_read, self._balance_tried))

    def _is_due(self, read: float) -> bool:
        return self.clock.monotonic() - read >= float(self._reread_interval)

    def _read_snapshots(self, identities: Sequence[Tuple[int, ...]], stats: Sequence[Optional[os.stat_result]]) -> None:
        """Read the two files, that were like `identities` and `stats` before: rather too old than too new."""
        now, self._balance_tried = self.clock.now(), self.clock.monotonic()
        report, before = self._retry(self._read_balance), self._balance
        if before is not None and None not in stats:
            for index, changed in enumerate((_cash(report) != _cash(before), report.positions != before.positions)):
                if changed and self._balance_files[index] == identities[index]:
                    self._changed_unseen[index] = min(self._balance_read_at, now)
        times = [self._time_of(stat) for stat in stats if stat is not None]
        latest = [max(filter(None, pair), default=None) for pair in zip(times, self._changed_unseen)]
        self._balance = report.with_changes(written=min(filter(None, latest), default=None))
        self._balance_files = [_identity(stat) if stat and self._is_past_grace(stat) else None for stat in stats]
        self._balance_read, self._balance_read_at = self.clock.monotonic(), now

    def _is_past_grace(self, stat: os.stat_result) -> bool:
        """Whether the file would have another time of change if it were written again."""
        written = self._time_of(stat)
        return written is not None and self.clock.now() - written > MTIME_GRACE

    def _time_of(self, stat: os.stat_result) -> Optional[datetime]:
        try:
            return self.clock.at(stat.st_mtime)
        except (OSError, OverflowError, ValueError):  # a time that no clock can show
            return None

    def _read_balance(self) -> BalanceReport:
        files = self._day()
        totals = [row for row in self._read_snapshot(files.assets, anxin_csv.ASSET_COLUMNS) if row[1] == b""]
        if len(totals) != 1:
            raise TradeGateError(
                f"资金文件 {files.assets} 里账号 {self._account_no} 的汇总行应有 1 行，实有 {len(totals)} 行；"
                "account_no 与 One Quant 登录的账号可能不同"
            )
        positions = self._read_snapshot(files.positions, anxin_csv.POSITION_COLUMNS)
        try:
            return anxin_csv.balance_report(totals[0], positions)
        except ValueError as error:
            raise TradeGateError(f"资金或持仓文件里有不正确的数字：{error}")

    def _read_snapshot(self, path: str, needed: Sequence[str]) -> List[Tuple[bytes, ...]]:
        """The rows of our account; the column of accounts is the first of `needed`."""
        return [row for row in read_snapshot(path, self._encoding, needed) if row[0] == self._account]

    def sync_orders(self) -> List[Any]:
        self._rows = None
        self._files.release()  # what a call that was cut short has left: others wait for it
        return self._retry(self._read_orders)

    def _read_orders(self) -> List[Any]:
        self._day()
        if self._is_due(self._orders_read):
            self._orders_read = self.clock.monotonic()
            for feed in (self._results, self._updates):
                feed.read_anyway()
        # Refusals first: whatever was told of an order before its refusal is then read too. If updates cannot be read
        # now, refusals wait; if refusals cannot be read, updates count all the same.
        try:
            self._refusals += self._results.read()
            self._results_outage.worked("execResult 恢复读取")
        except BrokenLine:
            raise
        except TradeGateError as error:
            self._results_outage.failed(str(error))
        updates = self._updates.read()
        self.has_more = self._results.has_more or self._updates.has_more
        if self.has_more:
            return updates
        refusals, self._refusals = self._refusals, []
        return updates + [report for report in refusals if report.order_id not in self._updated_ids]

    def _parse_update(self, row: Tuple[bytes, ...]) -> Optional[Any]:
        account, order_id, symbol = row[0], row[1], row[2]
        if account != self._account or not order_id or order_id in self._others:
            return None
        code = anxin_csv.to_code(symbol)
        if code is None:
            return None
        text = order_id.decode("ascii")
        if self.gate_context.orders is not None and text not in self.gate_context.orders:
            if len(self._others) >= MOST_OTHERS:
                return None
            self._others.add(order_id)
            return {"order_id": text}  # all that the account wants to know of it, and only once
        report = anxin_csv.update_report(row, code, self._encoding)
        self._updated_ids.add(text)
        return report

    def _parse_result(self, row: Tuple[bytes, ...]) -> Optional[OrderReport]:
        kind, id_field, status, message = row
        order_id = id_field.decode("ascii")
        if self.gate_context.orders is not None and order_id not in self.gate_context.orders:
            return None
        order_line = self._unproven.get(order_id) or self._files.order_line(order_id)
        if order_line is None or status != b"1":
            return None
        reason = decode(message, self._encoding)
        if kind == b"1":
            return anxin_csv.refusal_report(order_line, self.clock.now(), reason)
        log.warning("撤单被拒绝，订单 %s 保持原状：%s", order_id, reason)
        return None


def _stat(path: str) -> Optional[os.stat_result]:
    try:
        return os.stat(path)
    except OSError:
        return None


def _cash(report: BalanceReport) -> Tuple[float, ...]:
    return report.total_assert, report.available_cash, report.locked_cash


def _identity(stat: os.stat_result) -> Tuple[int, ...]:
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino


def _read(path: str) -> bytes:
    with open_to_read(path) as file:
        return file.read()
