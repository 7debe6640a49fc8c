"""Balance: cash and positions as the broker last told them."""

from typing import Optional

from jqtrade.account.gate_calls import GateCalls
from jqtrade.account.gate_errors import reason_of
from jqtrade.account.order import OrderSide
from jqtrade.account.portfolio import BalanceReport, Portfolio, Positions
from jqtrade.account.reports import check_balance
from jqtrade.account.risk import RiskLimits
from jqtrade.account.run_log import RunLog
from jqtrade.clock import Clock
from jqtrade.log import Outage, get_log

log = get_log("jqtrade.account")


class Balance:
    """The last good snapshot, which the limits are told of."""

    def __init__(self, calls: GateCalls, limits: RiskLimits, clock: Clock, observer: RunLog) -> None:
        self.portfolio: Optional[Portfolio] = None
        self._calls = calls
        self._limits = limits
        self._clock = clock
        self._observer = observer
        self._report: Optional[BalanceReport] = None
        self._outage = Outage(log, clock)

    def forget_report(self) -> None:
        """A call was cut short: the limits may not know the last report."""
        self._report = None

    def sync(self) -> None:
        """Take over what the broker says; when it cannot say, the last good snapshot stays."""
        try:
            report = check_balance(self._calls.call(self._calls.gate.sync_balance))
        except Exception as error:  # a gate of the user's own may raise anything; said once, tried at the next sync
            if self._outage.failed(f"同步资金和持仓失败：{reason_of(error)}"):
                self._observer.sync_failed("balance", reason_of(error))
            return
        if self._outage.worked("资金和持仓恢复同步"):
            self._observer.sync_recovered("balance")
        is_known = report is self._report  # nothing was written since
        is_new = not is_known and report != self._report
        if is_known and self.portfolio is not None:
            self.portfolio = self.portfolio.with_changes(updated_time=self._clock.now())
        else:
            self.portfolio = Portfolio(
                total_assert=report.total_assert,
                available_cash=report.available_cash,
                locked_cash=report.locked_cash,
                updated_time=self._clock.now(),
                long_positions=_positions(report, OrderSide.long),
                short_positions=_positions(report, OrderSide.short),
            )
        if is_new:  # only now: the old portfolio does not know what it frees
            self._limits.take_snapshot(self.portfolio, report.written)
            self._observer.balance_changed(self.portfolio)
        self._report = report


def _positions(report: BalanceReport, side: OrderSide) -> Positions:
    return Positions(side, {position.code: position for position in report.positions if position.side is side})
