"""start_checked: a strategy whose file is wrong is not started."""

from jqtrade.check.file import FileCheck
from jqtrade.check.findings import ERROR, NOTICE, WARNING, Finding, Findings
from jqtrade.errors import StrategyError
from jqtrade.log import get_log
from jqtrade.masking import Masker
from jqtrade.runtime.strategy import Strategy
from jqtrade.tasks.spec import TaskSpec

log = get_log("jqtrade")


def start_checked(strategy: Strategy, spec: TaskSpec, masker: Masker) -> None:
    """Start the strategy that `spec` asks for; with `spec.check` check its file before.

    Raises StrategyError, with each error, if something is wrong with the file; else whatever Strategy.start raises.
    """
    if not spec.check:
        log.warning("启动时有 --no-check，没有检查策略文件")
        strategy.start()
        return
    findings = Findings(masker)
    check = FileCheck(spec.code, strategy.options, spec.paper, findings)
    _refuse(findings, "没有运行它")
    for finding in findings.at(WARNING):
        log.warning("策略文件 %s", _text(finding))
    for finding in findings.at(NOTICE):
        log.info("%s", finding.text)
    strategy.start()
    check.check_account(strategy.wants_account())
    _refuse(findings, "只运行了 process_initialize")


def _refuse(findings: Findings, ran: str) -> None:
    """Raise StrategyError if there are errors; `ran`: what has run meanwhile."""
    errors = findings.at(ERROR)
    if errors:
        listed = "".join("\n  " + _text(finding) for finding in errors)
        raise StrategyError(f"有 {len(errors)} 个错误，{ran}。改好再启动；仍要启动请加 --no-check。策略文件：{listed}")


def _text(finding: Finding) -> str:
    return ("" if finding.line is None else f"第 {finding.line} 行：") + finding.text
