"""What can be found wrong with a strategy's file before any of it runs: `check` tells it, and it stops the start.

A start may be one at 10:00 after a power cut, with nobody there: an error here is what is wrong with the file itself, at any
time and on any machine. What may be meant, or is wrong at this moment only, is a warning.
"""

import os
import sysconfig
from importlib.util import find_spec
from typing import Any, Callable, Dict, Iterable, List, Optional

import jqtrade.api
from jqtrade.busy_files import when_free
from jqtrade.check.findings import ERROR, NOTICE, WARNING, Findings
from jqtrade.check.joinquant import joinquant_text
from jqtrade.check.source import NO_PYFLAKES, Source, Undefined, syntax_text
from jqtrade.errors import InvalidParam, StrategyError
from jqtrade.gates.find import BUILTIN
from jqtrade.options import ACCOUNT, GATE, GateOptions, Options
from jqtrade.scheduler.time_expr import trigger_of


def parsed(path: str, names: Iterable[str], findings: Findings) -> Optional[Source]:
    """The file at `path`, which knows `names` of ours; None if it cannot be read, which is told."""
    try:
        return when_free(lambda: Source(path, names))
    except SyntaxError as error:
        if error.lineno:
            findings.add(ERROR, syntax_text(error), path, error.lineno)
            return None
        reason: Exception = error  # of the coding line, or for its lack
    except (OSError, ValueError) as error:
        reason = error
    except RecursionError:  # deeper than the parser goes; Python's compiler may know better
        findings.add(WARNING, "嵌套太深，没有检查", path)
        return None
    findings.add(
        ERROR,
        f"无法读取策略文件：{reason}。文件应为 UTF-8 编码，或在第一行写明编码，例如 # -*- coding: gbk -*-",
        path,
    )
    return None


class FileCheck:
    """The check of the file at `path` before it is started with `options`, which a config file may have set."""

    def __init__(self, path: str, options: Options, paper: bool, findings: Findings) -> None:
        self._options = options
        self._paper = paper
        self._findings = findings
        self._source = parsed(path, jqtrade.api.__all__, findings)
        if self._source is not None:
            self._check(self._source)

    def _check(self, source: Source) -> None:
        self._check_joinquant(source)
        add_undefined(source, undefined_names(source, self._findings), self._findings)
        self._check_calls(source)
        if self._has_certainly_no_account(source):
            add_missing_account(source, self._options, self._findings)

    def check_account(self, wants_account: bool) -> None:
        """Now that process_initialize has run, it is certain whether there is an account."""
        if self._source is not None and not wants_account:
            add_missing_account(self._source, self._options, self._findings)

    def _check_joinquant(self, source: Source) -> None:
        errors: List[Any] = [(ImportError("", name=name), line) for name, line in source.absent_imports()]
        if not source.defines("process_initialize"):
            errors.append((StrategyError(""), None))
        for error, line in errors:
            text = joinquant_text(source.path, error)
            if text is not None:
                self._findings.add(ERROR, text, source.path, line)
                return

    def _check_calls(self, source: Source) -> None:
        settings = source.set_options()
        names = {name for setting in settings for name in [*setting.options, *setting.others]}
        is_open = any(setting.is_open for setting in settings)
        gates = [setting.options["trade_gate"] for setting in settings if "trade_gate" in setting.options]
        gates.append(self._options["trade_gate"])
        third_party = is_open or any("trade_gate" in setting.others for setting in settings)
        third_party = third_party or any(gate not in BUILTIN for gate in gates)
        for setting in settings:
            for text in wrong_options(self._options, setting.options, (), third_party):
                level = WARNING if setting.is_guarded else ERROR
                self._findings.add(level, text, source.path, setting.first_line)
        hours_may_change = is_open or "market_period" in names
        for call in source.run_dailies():
            if call.time is None or (hours_may_change and not call.time[:1].isdigit()):
                continue
            try:
                trigger_of(call.time, self._options["market_period"])
            except InvalidParam as error:
                level = WARNING if call.is_guarded else ERROR
                self._findings.add(level, str(error), source.path, call.first_line)

    def _has_certainly_no_account(self, source: Source) -> bool:
        """Whether nothing in the file, or in what it imports, can give the strategy an account."""
        options = self._options
        if self._paper or options.is_set("use_account") or options.any_set(ACCOUNT, GATE):
            return False
        if _may_get_account(source, options) or source.mentions("set_options"):
            return False
        return not any(map(_may_set_options, source.imported_roots()))


def undefined_names(source: Source, findings: Findings) -> List[Undefined]:
    """Names that are used and defined nowhere; none without pyflakes, which is told."""
    undefined = source.undefined()
    if undefined is None:
        findings.add(NOTICE, NO_PYFLAKES)
    return undefined or []


def add_undefined(
    source: Source,
    undefined: Iterable[Undefined],
    findings: Findings,
    is_known: Optional[Callable[[Undefined], bool]] = None,
) -> None:
    """Tell of names that are used and defined nowhere, each place once.

    `is_known` tells which of them the file has made as it ran; without it a file that may make names is only warned of.
    """
    scheduled = {call.function for call in source.run_dailies()}
    may_be_made = is_known is None and source.may_make_names
    told = set()
    for name in undefined:
        if (name.name, name.line) in told or (is_known is not None and is_known(name)):
            continue
        told.add((name.name, name.line))
        if name.is_local:
            text = f"局部变量 {name.name} 在赋值之前就用到了"
        elif name.name in scheduled:
            text = f"run_daily 用到的函数 {name.name} 没有定义"
        else:
            text = f"用到了 {name.name}，但没有定义过"
        findings.add(ERROR if name.is_sure and not may_be_made else WARNING, text, source.path, name.line)


def _may_get_account(source: Source, options: Options) -> bool:
    """Whether a call of set_options in the file would give the strategy an account."""
    return any(
        setting.is_open
        or any(
            name == "use_account" or options.scope(name) in (ACCOUNT, GATE)
            for name in [*setting.options, *setting.others]
        )
        for setting in source.set_options()
    )


def add_missing_account(source: Source, options: Options, findings: Findings) -> None:
    """Tell that the strategy, which has no account, uses one; it may know that, if it is the one who decides it."""
    is_switch = options.is_set("use_account") or _may_get_account(source, options)
    for name, line in source.asks_for_account()[:1]:
        findings.add(
            WARNING if is_switch else ERROR,
            f"用到了 {name}，但账户没有启用：请用 set_options(account_no='资金账号') 设置账户，或 "
            "set_options(use_account=True)；只是演练可在启动和检查时加 --paper",
            source.path,
            line,
        )


def wrong_options(options: Options, given: Dict[str, Any], gate_options: GateOptions, third_party: bool) -> List[str]:
    """What is wrong with options that are written so; the last two as for Options.check."""
    wrong = []
    for name, value in given.items():
        try:
            options.check({name: value}, gate_options, third_party)
        except InvalidParam as error:
            wrong.append(str(error))
    return wrong


def _may_set_options(root: str) -> bool:
    """Whether the module may be of the user's own: then it may do what the file does not."""
    if root in ("", "jqtrade"):
        return root == ""
    try:
        spec = find_spec(root)
    except (ImportError, ValueError):
        return True
    if spec is None or not spec.origin or spec.origin in ("built-in", "frozen"):
        return spec is None or spec.origin is None
    places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return not any(os.path.abspath(spec.origin).startswith(place + os.sep) for place in places if place)
