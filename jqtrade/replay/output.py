"""The folder that a replay writes: CSV files, summary.json, replay.log. Nothing of others is overwritten."""

import csv
import json
import os
from datetime import datetime
from decimal import Decimal
from typing import Any, Dict, Iterable, List, Optional, Sequence

from jqtrade.account.order import MarketOrderStyle, format_price
from jqtrade.errors import InvalidParam
from jqtrade.home import absolute as absolute_path
from jqtrade.market.rules import to_average, to_cents
from jqtrade.replay.recorder import DayRecord, OrderRecord, Recorder
from jqtrade.report.summary import returns_and_drawdowns

LOG = "replay.log"
SUMMARY = "summary.json"
REPORT = "report.html"
LATEST = "latest"
"""beside the folders of the runs: leads to that of the last one that was played to its end"""
FILES = ("orders.csv", "fills.csv", "equity.csv", "positions.csv", SUMMARY, REPORT, LOG)

ORDER_COLUMNS = (
    "time,order_id,code,action,style,price,amount,status,filled_amount,canceled_amount,avg_price,value,fees,reason"
).split(",")
FILL_COLUMNS = "time,order_id,code,action,price,amount,value,fees".split(",")
EQUITY_COLUMNS = "date,cash,frozen,market_value,total,return,drawdown".split(",")
POSITION_COLUMNS = "date,code,amount,available_amount,avg_cost,last_price,value".split(",")

_TIME = "%Y-%m-%d %H:%M:%S"


def check_folder(path: str) -> str:
    """Return the absolute path of a folder that a replay may write: not there, empty, or of an earlier replay.

    Raises InvalidParam for any other; nothing is written.
    """
    absolute = absolute_path(path)
    try:
        names = os.listdir(absolute) if os.path.lexists(absolute) else []
    except OSError as error:
        raise InvalidParam(f"输出目录 {absolute} 不能使用：{error}。没有做任何操作")
    foreign = sorted(set(names) - set(FILES))
    if foreign:
        raise InvalidParam(
            f"输出目录 {absolute} 里有不是 replay 写的文件 {foreign[0]}，不覆盖，请用 --out 换一个目录。没有做任何操作"
        )
    if names and not _is_summary(os.path.join(absolute, SUMMARY)):
        raise InvalidParam(
            f"输出目录 {absolute} 不是 replay 写的（没有它的 {SUMMARY}），不覆盖，请用 --out 换一个目录。没有做任何操作"
        )
    return absolute


def _is_summary(path: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:
            return "jqtrade_replay" in json.load(file)
    except (OSError, ValueError, TypeError):
        return False


def make_folder(path: str) -> None:
    """Make the folder, or empty the one of an earlier replay of all but its summary, which says whose it is."""
    try:
        os.makedirs(path, exist_ok=True)
        for name in FILES:
            if name != SUMMARY and os.path.lexists(os.path.join(path, name)):
                os.remove(os.path.join(path, name))
        if not os.path.exists(os.path.join(path, SUMMARY)):
            write_summary(path, {})  # should this replay be killed, the next one may use the folder all the same
    except OSError as error:
        raise InvalidParam(f"无法写输出目录 {path}：{error}")


def check_runs(path: str) -> str:
    """Return the absolute path of the folder in which each run gets one of its own. Raises InvalidParam if it is none."""
    absolute = absolute_path(path)
    if os.path.lexists(absolute) and not os.path.isdir(absolute):
        raise InvalidParam(f"{absolute} 不是目录，结果没有地方写，请用 --out 换一个目录。没有做任何操作")
    return absolute


def make_run_folder(runs: str, began: datetime) -> str:
    """Make a folder in `runs` for the run that began then, and return its path; what earlier ones wrote stays."""
    name = f"{began:%Y%m%d-%H%M%S}"
    number = 1
    try:
        os.makedirs(runs, exist_ok=True)
        while True:
            path = os.path.join(runs, name if number == 1 else f"{name}-{number}")
            try:
                os.mkdir(path)
                break
            except FileExistsError:  # of another run that began in the same second
                number += 1
        write_summary(path, {})
    except OSError as error:
        raise InvalidParam(f"无法写输出目录 {runs}：{error}")
    return path


def mark_latest(folder: str) -> None:
    """Let `latest` lead to this run: a link beside its folder, or latest.txt with its name where no link may be made.

    On Windows a link takes a right that most users lack. Something else of that name is left alone. Raises OSError.
    """
    runs, name = os.path.split(folder)
    link, text = os.path.join(runs, LATEST), os.path.join(runs, LATEST + ".txt")
    spare = os.path.join(runs, f".{LATEST}-{name}")
    is_ours = os.path.islink(link) or not os.path.lexists(link)
    if is_ours and _make_link(name, spare):
        if os.name == "nt" and os.path.lexists(link):
            os.remove(link)  # Windows replaces no link to a folder
        os.replace(spare, link)
        if os.path.lexists(text):
            os.remove(text)
        return
    with open(spare, "w", encoding="utf-8", newline="\n") as file:
        file.write(name + "\n")
    os.replace(spare, text)
    if os.path.islink(link):
        os.remove(link)  # it leads to an earlier run


def _make_link(target: str, path: str) -> bool:
    try:
        os.symlink(target, path, target_is_directory=True)
    except (OSError, NotImplementedError):
        return False
    return True


def write_tables(path: str, recorder: Recorder) -> None:
    """Write the four CSV files."""
    _write(path, "orders.csv", ORDER_COLUMNS, (_order_row(order) for order in recorder.orders))
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
            for fill in recorder.fills
        ),
    )
    _write(path, "equity.csv", EQUITY_COLUMNS, _equity_rows(recorder.days, recorder.cash))
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
            for day in recorder.days
            for held in day.holdings
        ),
    )


def write_summary(path: str, figures: Dict[str, Any]) -> None:
    """Write summary.json; its first entry says that a replay wrote it."""
    with open(os.path.join(path, SUMMARY), "w", encoding="utf-8", newline="\n") as file:
        json.dump(dict({"jqtrade_replay": 1}, **figures), file, ensure_ascii=False, indent=2)
        file.write("\n")


def _write(path: str, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with open(os.path.join(path, name), "w", encoding="utf-8-sig", newline="") as file:  # the mark is for Excel
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _order_row(order: OrderRecord) -> List[Any]:
    asked, known = order.asked, order.at_exchange
    is_market = isinstance(asked.style, MarketOrderStyle)
    value = fees = average = Decimal(0)
    filled = canceled = 0
    if known is not None:
        filled, canceled = known.filled, known.canceled
        value, fees, average = to_cents(known.value), to_cents(known.fees), to_average(known.average_price)
    return [
        asked.create_time.strftime(_TIME),
        asked.order_id,
        asked.code,
        _action(asked.is_buy),
        asked.style.name,
        "" if is_market else format_price(asked.price),
        asked.amount,
        order.status,
        filled,
        canceled,
        average if filled else "",
        value,
        fees,
        order.reason,
    ]


def _equity_rows(days: Sequence[DayRecord], cash: Decimal) -> Iterable[List[Any]]:
    for day, (gain, drawdown) in zip(days, returns_and_drawdowns(days, cash)):
        yield [day.day.isoformat(), day.cash, day.frozen, day.market_value, day.total, f"{gain:.6f}", f"{drawdown:.6f}"]


def _action(is_buy: bool) -> str:
    return "buy" if is_buy else "sell"


def _plain(number: Optional[Decimal]) -> str:
    return "" if number is None else format(number.normalize(), "f")
