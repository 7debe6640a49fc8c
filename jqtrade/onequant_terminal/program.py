"""`jqtrade paper_broker`: the paper exchange behind One Quant's files, a program that runs until it is stopped."""

import codecs
import json
import os
import re
from typing import Any, Dict, Optional

from filelock import FileLock, Timeout

from jqtrade.clock import SystemClock, parse_timezone
from jqtrade.errors import InvalidParam
from jqtrade.market.freshness import MAX_QUOTE_AGE, Freshness, parse_age
from jqtrade.market.rules import parse_cash
from jqtrade.market.sources import open_quotes
from jqtrade.onequant_terminal.faults import FaultyOutbox
from jqtrade.onequant_terminal.files import Outbox
from jqtrade.onequant_terminal.state import FILE_NAME
from jqtrade.onequant_terminal.terminal import OneQuantTerminal
from jqtrade.paper.fees import COMMISSION_RATE, MIN_COMMISSION
from jqtrade.paper.terms import VOLUME_SHARE, make_terms
from jqtrade.stop_signals import StopSignals

__all__ = ["OneQuantTerminal", "run_paper_broker"]

_ACCOUNT_NO = re.compile(r"[0-9A-Za-z_-]+")


def run_paper_broker(
    order_dir: str,
    account_no: str,
    cash: Any = 1000000,
    quotes: Optional[str] = None,
    encoding: str = "gbk",
    faults: bool = False,
    keep_hours: bool = False,
    seed: int = 0,
    truth: Optional[str] = None,
    timezone: Optional[str] = None,
    interval: float = 0.5,
    snapshot_interval: float = 5.0,
    bars: Optional[str] = None,
    commission: Any = COMMISSION_RATE,
    min_commission: Any = MIN_COMMISSION,
    volume_share: Any = VOLUME_SHARE,
    actions: Optional[str] = None,
    fund_min_commission: Any = None,
    max_quote_age: Any = MAX_QUOTE_AGE,
) -> int:
    """Run the paper terminal until SIGINT, SIGTERM, SIGHUP or (Windows) SIGBREAK; returns the exit code 0.

    `truth` names a file that gets OneQuantTerminal.truth() as JSON, every `snapshot_interval` seconds and at the end.
    `bars`, a path for open_bars, may stand in place of `quotes`. `commission`: of an order's value; `min_commission`: yuan
    an order, `fund_min_commission` one of funds; `volume_share`: of a bar's volume; `actions`: path of the dividends;
    `max_quote_age`: seconds of trading after which a price fills no order any more, None: never. `timezone`: whose date the files carry,
    by default the machine's. Raises InvalidParam if an argument cannot be used.
    """
    clock = SystemClock()
    if timezone is not None:
        clock.use_zone(parse_timezone(timezone))

    def say(text: str) -> None:
        print(f"{clock.now():%H:%M:%S} {text}", flush=True)

    check_encoding(encoding)
    if not _ACCOUNT_NO.fullmatch(account_no):
        raise InvalidParam(f"资金账号 account_no={account_no!r} 不正确，只能用字母、数字、下划线和连字符")
    if not os.path.isdir(order_dir):
        raise InvalidParam(f"目录 order_dir={order_dir} 不存在，请先建立它")
    if truth is not None and not os.path.isdir(os.path.dirname(truth) or "."):
        raise InvalidParam(f"truth={truth} 所在的目录不存在，请先建立它")
    start_cash = parse_cash(cash, "cash")
    terms = make_terms(commission, min_commission, volume_share, actions, fund_min_commission)
    prices = open_quotes(quotes, seed, say, bars, clock=clock)
    freshness = Freshness(parse_age(max_quote_age, "max_quote_age"), "--max-quote-age", say)
    outbox = FaultyOutbox(encoding, clock, say, seed) if faults else Outbox(encoding, clock, say)
    say(f"模拟柜台启动：目录 {order_dir}，资金账号 {mask(account_no)}，起始资金 {start_cash} 元，编码 {encoding}")
    if faults:
        say(f"故障演练已开启，随机种子 {seed}")
    lock = FileLock(os.path.join(order_dir, "paper_broker.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InvalidParam(f"目录 order_dir={order_dir} 已有一个模拟柜台在运行，没有再启动一个")
    stop = StopSignals("正在停止")
    stop.listen()
    try:
        try:
            terminal = OneQuantTerminal(
                order_dir,
                account_no,
                start_cash,
                prices,
                clock,
                outbox,
                say,
                keep_hours,
                snapshot_interval,
                terms,
                freshness,
                os.path.join(order_dir, FILE_NAME),
            )
        except OSError as error:
            raise InvalidParam(f"目录 order_dir={order_dir} 读不了：{error}") from error
        truth_due = clock.monotonic()
        while not stop.received:
            if truth is not None and clock.monotonic() >= truth_due:
                truth_due = clock.monotonic() + snapshot_interval
                _dump(truth, terminal.truth())
            clock.sleep(interval)
            terminal.poll()
        terminal.close()
        if truth is not None and not _dump(truth, terminal.truth()):
            say(f"文件 {truth} 写不了")
    finally:
        stop.restore()
        lock.release()
    say("模拟柜台已停止")
    return 0


def check_encoding(encoding: str) -> None:
    """Raises InvalidParam unless `encoding` has Chinese and leaves ASCII as it is."""
    try:
        usable = "1,废单\r\n".encode(encoding).replace(codecs.BOM_UTF8, b"")
        good = usable.startswith(b"1,") and usable.endswith(b"\r\n")
    except (LookupError, UnicodeError):
        good = False
    if not good:
        raise InvalidParam(f"文件编码 encoding={encoding!r} 不能使用，请用 gbk、gb18030、utf-8 或 utf-8-sig")


def mask(account_no: str) -> str:
    """An account number to be shown: all but the last two characters hidden."""
    return "*" * max(0, len(account_no) - 2) + account_no[-2:]


def _dump(path: str, truth: Dict[str, Any]) -> bool:
    """Replace the file at `path` at once, so that a reader never sees half of it; whether that could be done now."""
    try:
        with open(path + ".part", "w", encoding="utf-8") as file:
            json.dump(truth, file, ensure_ascii=False, indent=1)
        os.replace(path + ".part", path)
    except OSError:  # on Windows, a reader that has it open
        return False
    return True
