"""`jqtrade check`: everything about a strategy's file that can be found wrong before money is at stake.

Loads the file and calls process_initialize, to know its options and its schedule. Starts no trade gate of the user's,
sends nothing, claims no name and writes nothing.
"""

import contextlib
import json
import logging
import os
import sys
from datetime import date, datetime, timedelta
from typing import Any, List, Mapping, Optional, Tuple

import jqtrade.api
from jqtrade.check.file import add_missing_account, add_undefined, parsed, undefined_names
from jqtrade.check.findings import ERROR, NOTICE, WARNING, Findings
from jqtrade.check.report import Report, TimetableRow, as_text
from jqtrade.check.source import Source
from jqtrade.check.strategy import CheckedStrategy, stand_in
from jqtrade.clock import Clock, SystemClock
from jqtrade.errors import InvalidParam, JqtradeError
from jqtrade.gates.options import strategy_options
from jqtrade.hints import nearest
from jqtrade.log import MaskedStream
from jqtrade.market.calendar import ExchangeDays, TradingDays, load_trading_days
from jqtrade.masking import Masker, visible
from jqtrade.options import Options
from jqtrade.runtime.config import read_config
from jqtrade.runtime.foreign_time import foreign_time
from jqtrade.runtime.loader import apply_environment, put_folder_first
from jqtrade.runtime.process_end import end_command
from jqtrade.scheduler.scheduler import EVERY_MINUTE
from jqtrade.scheduler.trigger import OnDays
from jqtrade.tasks.spec import masker_for

_CALLED_BY_US = ("process_initialize", "on_order_update", "process_exit")


def run_check(
    code: str, config: Optional[str], env: Mapping[str, str], paper: bool, home: str, as_json: bool = False
) -> int:
    """Check the file at `code` and print what was found. Returns the exit code: 1 if there are errors."""
    masker = masker_for(env, code, config)
    sys.stderr = MaskedStream(sys.stderr.buffer, masker, sys.stderr.encoding or "utf-8")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the strategy prints is no part of the report
            apply_environment(env)
            report = check(code, config, paper, SystemClock(), strategy_options(home), masker)
    except KeyboardInterrupt:
        print("检查被中断", file=sys.stderr)
        return 1
    text = json.dumps(report.as_dict(), ensure_ascii=True, indent=2) if as_json else visible(as_text(report))
    print(masker(text))
    status = 1 if report.errors else 0
    end_command(status)
    return status


def check(code: str, config: Optional[str], paper: bool, clock: Clock, options: Options, masker: Masker) -> Report:
    """Look for everything that is wrong with the strategy in the file at `code`."""
    findings = Findings(masker)
    strategy = CheckedStrategy(code, clock, options, paper, masker, findings)
    listener = _Listener(findings)
    root, ours = logging.getLogger(), logging.getLogger("jqtrade")
    strategys_own = logging.StreamHandler(sys.stderr)
    strategys_own.setFormatter(logging.Formatter("策略日志 %(levelname)s %(message)s"))
    root.addHandler(strategys_own)
    root.setLevel(logging.INFO)
    ours.addHandler(listener)
    ours.propagate = False
    try:
        put_folder_first(code)
        if config is not None:
            strategy.collect(lambda: strategy.configure(read_config(config)))
        days = _days(options.home, findings)
        source = parsed(code, jqtrade.api.__all__, findings)
        if source is not None:
            if _check_strategy(strategy, source, findings) or options.is_set("account_no"):
                _check_account(strategy, source, days, clock, findings)
            if options["trading_days"] == "all":
                findings.add(
                    NOTICE,
                    "周末和节假日也运行定时任务；只在交易日运行请设置 set_options(trading_days='XSHG')",
                )
        warning = foreign_time(strategy.options, clock) if isinstance(clock, SystemClock) else None
        if warning is not None:
            findings.add(WARNING, warning)
        day, rows = timetable(strategy, days, clock.now())
        if not days.is_known(day):
            findings.add(WARNING, f"交易日历不包括 {day}，下面的日期是按周一到周五推算的")
    finally:
        root.removeHandler(strategys_own)
        ours.removeHandler(listener)
        ours.propagate = True
    return Report(code, findings.at(ERROR), findings.at(WARNING), findings.at(NOTICE), day, rows)


class _Listener(logging.Handler):
    """Takes what jqtrade itself warns of while the strategy is initialized."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(logging.WARNING)
        self._findings = findings

    def emit(self, record: logging.LogRecord) -> None:
        self._findings.add(WARNING, record.getMessage())


def _days(home: str, findings: Findings) -> TradingDays:
    try:
        return load_trading_days(home)
    except InvalidParam as error:
        findings.add(ERROR, str(error))
        return ExchangeDays([], date.min, date.max)


def _check_strategy(strategy: CheckedStrategy, source: Source, findings: Findings) -> bool:
    """Run it as far as it goes, and look at what did not run. Returns whether it got to the end."""
    undefined = undefined_names(source, findings)
    scheduled = {call.function for call in source.run_dailies()}
    strategy.stand_ins = {name.name: stand_in(name.name) for name in undefined if name.name in scheduled}
    names_before = set(sys.modules)
    finished = strategy.try_start()
    add_undefined(source, undefined, findings, strategy.has_defined)
    _report_clock(source, findings)
    _report_misspelt(source, findings)
    _check_calls(strategy, source, findings)
    if not finished:
        findings.add(NOTICE, "策略没有初始化完，出错的地方之后只看了代码，没有运行")
    for path in _helpers(source.path, names_before):
        helper = _parsed_helper(path)
        if helper is not None:
            add_undefined(helper, helper.undefined() or [], findings)
            _report_clock(helper, findings)
    return finished


def _helpers(path: str, names_before: Any) -> List[str]:
    """The files beside the strategy's that it imported."""
    folder = os.path.dirname(os.path.abspath(path)) + os.sep
    files = [getattr(sys.modules[name], "__file__", None) for name in sorted(set(sys.modules) - set(names_before))]
    return sorted(
        {file for file in files if file and file.startswith(folder) and file.endswith(".py")} - {os.path.abspath(path)}
    )


def _parsed_helper(path: str) -> Optional[Source]:
    try:
        source = Source(path, [])
        return Source(path, jqtrade.api.__all__) if source.imports_all_of("jqtrade.api") else source
    except (SyntaxError, OSError, ValueError):  # it was imported, or its import was reported
        return None


def _report_clock(source: Source, findings: Findings) -> None:
    for name, line in source.real_clock():
        short = ".".join(name.split(".")[-2:])
        if name == "time.sleep":
            text = f"{short}() 让后面的任务和停止都等着，回放时真的会睡；等到某个时间请用 run_daily"
        else:
            text = f"{short}() 取的是这台电脑的时间，回放时不是策略的时间，时区也可能不同；请用 context.current_dt"
        findings.add(WARNING, text, source.path, line)


def _report_misspelt(source: Source, findings: Findings) -> None:
    """Warn of functions that nothing calls and that are named almost like one that jqtrade would call."""
    for name, line in source.unused_functions():
        meant = nearest(name, _CALLED_BY_US, 0.85)
        if meant is not None and not source.defines(meant):
            findings.add(WARNING, f"函数 {name} 没有地方调用；jqtrade 会调用的叫 {meant}", source.path, line)


def _check_calls(strategy: CheckedStrategy, source: Source, findings: Findings) -> None:
    """Check what is written in those calls that did not run."""

    def did_run(name: str, first: int, last: int) -> bool:
        return any(called == name and first <= line <= last for called, line in strategy.called_at)

    for call in source.run_dailies():
        if call.time is not None and not did_run("run_daily", call.first_line, call.last_line):
            try:
                strategy.check_time(call.time)
            except InvalidParam as error:
                findings.add(WARNING if call.is_guarded else ERROR, str(error), source.path, call.first_line)
    for setting in source.set_options():
        if not did_run("set_options", setting.first_line, setting.last_line):
            for text in strategy.wrong_options(setting.options):
                findings.add(WARNING if setting.is_guarded else ERROR, text, source.path, setting.first_line)


def _check_account(
    strategy: CheckedStrategy, source: Source, days: TradingDays, clock: Clock, findings: Findings
) -> None:
    if not strategy.wants_account():
        add_missing_account(source, strategy.options, findings)
        return
    try:
        rows = strategy.real_gate_class().preflight(strategy.options.as_dict(), clock, days)
    except JqtradeError as error:
        rows = [(logging.ERROR, str(error))]
    except Exception as error:  # a gate of the user's own may raise anything
        rows = [(logging.ERROR, f"交易接口的 preflight 出错：{type(error).__name__}: {error}")]
    for level, text in rows:
        findings.add(ERROR if level >= logging.ERROR else WARNING if level >= logging.WARNING else NOTICE, text)


def timetable(strategy: CheckedStrategy, days: TradingDays, now: datetime) -> Tuple[date, List[TimetableRow]]:
    """The day of the next job on a trading day, and what runs on it."""
    period = strategy.options["market_period"]
    midnight = datetime.min.time()
    entries = []
    day = days.first_from(now.date()) or now.date()
    dues = []
    for number, daily in enumerate(strategy.dailies):
        try:
            trigger = daily.trigger(period)
        except InvalidParam:  # by a market_period that was set later; reported
            continue
        dues.append(OnDays(trigger, days.first_from).next_after(now).date())
        first = trigger.next_after(datetime.combine(now.date(), midnight) - timedelta(microseconds=1)).time()
        if daily.priority == EVERY_MINUTE:
            times = sum(
                (datetime.combine(day, end) - datetime.combine(day, start)) // timedelta(minutes=1) + 1
                for start, end in period
            )
            text = "、".join(f"{start:%H:%M:%S} 到 {end:%H:%M:%S}" for start, end in period)
            row = TimetableRow(text, daily.name, f"每分钟，共 {times} 次")
        else:
            row = TimetableRow(f"{first:%H:%M:%S}", daily.name, "每天一次")
        entries.append((first, daily.priority, number, row))
    return min(dues, default=day), [row for _, _, _, row in sorted(entries, key=lambda entry: entry[:3])]
