"""ReportApplier: applies the broker's reports of one sync to our orders, one after the other."""

from typing import Any, Dict, List, Mapping, Optional, Sequence

from jqtrade.account.order import Order, OrderReport, OrderStatus
from jqtrade.account.reports import check_order, report_id
from jqtrade.account.watch import BrokerWatch
from jqtrade.errors import InvalidReport
from jqtrade.log import get_log, log_lines

log = get_log("jqtrade.account")


class ReportApplier:
    """The steps that orders take in one sync."""

    def __init__(self, orders: Mapping[str, Order], watch: BrokerWatch) -> None:
        """`orders`: ours by id, as they stand before."""
        self.steps: List[Order] = []
        """orders as they stood after each report that changed them, in the order of the reports"""
        self._orders = orders
        self._watch = watch
        self._changed: Dict[str, Order] = {}
        """those that changed, by id, as they stand now"""

    def take(self, reports: Sequence[Any]) -> None:
        """Take over what a gate reported. What is wrong is logged and left out, as is what is not ours."""
        orders, changed, steps = self._orders, self._changed, self.steps
        for report in reports:
            checked = report if isinstance(report, OrderReport) else self._checked(report)
            order = orders.get(checked.order_id) if checked is not None else None
            if checked is None or order is None:
                continue
            before = changed.get(checked.order_id)
            if before is None:
                before = order
                self._watch.heard(checked.order_id)
            if checked.code != order.code or checked.action is not order.action or checked.amount != order.amount:
                self._watch.say_once(f"柜台回报的订单 {order.order_id} 与本任务的同号订单不是同一笔，已忽略")
                continue
            after = before.after(checked)
            if checked.status is OrderStatus.filled and after.status is not OrderStatus.filled:
                self._watch.say_once(
                    f"柜台说订单 {order.order_id} 已全部成交，成交数量却只有 {after.filled_amount}/{order.amount}，"
                    f"以数量为准，状态记为 {after.status}"
                )
            if after is not before:
                if before.status is OrderStatus.rejected and after.status is not OrderStatus.rejected:
                    log.error("订单 %s 曾认定没有发出，柜台回报却是 %s，以柜台为准", order.order_id, after.status)
                changed[order.order_id] = after
                steps.append(after)

    def _checked(self, report: Any) -> Optional[OrderReport]:
        """What a gate says of an order of ours; None if it is another one's, or wrong."""
        try:
            order_id = report_id(report)
            if order_id in self._orders:
                self._watch.heard(order_id)
                return check_order(report)
            self._watch.heard_of_other(order_id)
        except InvalidReport as error:
            self._watch.say_once(str(error))
        return None

    def changed(self) -> List[Order]:
        """Log how the orders that changed stand now, and return them so. Thousands that go well are one record of the log."""
        lines: List[str] = []
        for order in self._changed.values():
            text = (
                f"订单 {order.order_id} 状态 {order.status}，成交 {order.filled_amount}/{order.amount} {order.err_msg}"
            )
            if order.status is OrderStatus.rejected:
                log.warning("%s", text)
            else:
                lines.append(text)
        log_lines(log, lines)
        return list(self._changed.values())
