"""The CSV files of a record: orders, fills, and for the end of each day the account and its positions."""

import csv
import os
from decimal import Decimal
from typing import Any, Iterable, List, Optional, Sequence

from jqtrade.account.order import format_price
from jqtrade.market.rules import to_average, to_cents
from jqtrade.report.record import DayRecord, OrderRecord, Record
from jqtrade.report.summary import returns_and_drawdowns

ORDER_COLUMNS = (
    "time,order_id,code,action,style,price,amount,status,filled_amount,canceled_amount,avg_price,value,fees,reason"
).split(",")
FILL_COLUMNS = "time,order_id,code,action,price,amount,value,fees".split(",")
EQUITY_COLUMNS = "date,cash,frozen,market_value,total,return,drawdown".split(",")
POSITION_COLUMNS = "date,code,amount,available_amount,avg_cost,last_price,value".split(",")

_TIME = "%Y-%m-%d %H:%M:%S"


def write_tables(path: str, record: Record) -> None:
    """Write the four files into the folder at `path`."""
    _write(path, "orders.csv", ORDER_COLUMNS, (_order_row(order) for order in record.orders))
    _write(
        path,
        "fills.csv",
        FILL_COLUMNS,
        (
            [
                fill.time.strftime(_TIME),
                fill.order_id,
                fill.code,
                _action(fill.is_buy),
                _plain(fill.price),
                fill.amount,
                to_cents(fill.price * fill.amount),
                to_cents(fill.fees),
            ]
            for fill in record.fills
        ),
    )
    _write(path, "equity.csv", EQUITY_COLUMNS, _equity_rows(record.days, record.cash))
    _write(
        path,
        "positions.csv",
        POSITION_COLUMNS,
        (
            [
                day.day.isoformat(),
                held.code,
                held.amount,
                held.available,
                to_average(held.average_cost),
                _plain(held.last_price),
                held.value,
            ]
            for day in record.days
            for held in day.holdings
        ),
    )


def _write(path: str, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with open(os.path.join(path, name), "w", encoding="utf-8-sig", newline="") as file:  # the mark is for Excel
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _order_row(order: OrderRecord) -> List[Any]:
    return [
        order.time.strftime(_TIME),
        order.order_id,
        order.code,
        _action(order.is_buy),
        order.style,
        "" if order.price is None else format_price(order.price),
        order.amount,
        order.status,
        order.filled,
        order.canceled,
        to_average(order.value / order.filled) if order.filled else "",
        to_cents(order.value),
        to_cents(order.fees),
        order.reason,
    ]


def _equity_rows(days: Sequence[DayRecord], cash: Decimal) -> Iterable[List[Any]]:
    for day, (gain, drawdown) in zip(days, returns_and_drawdowns(days, cash)):
        yield [day.day.isoformat(), day.cash, day.frozen, day.market_value, day.total, f"{gain:.6f}", f"{drawdown:.6f}"]


def _action(is_buy: bool) -> str:
    return "buy" if is_buy else "sell"


def _plain(number: Optional[Decimal]) -> str:
    return "" if number is None else format(number.normalize(), "f")
