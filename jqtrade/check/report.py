"""What `jqtrade check` found, as data, as JSON and as text for people."""

import os
import unicodedata
from datetime import date
from typing import Any, Dict, List, NamedTuple

from jqtrade.check.findings import ERROR, NOTICE, WARNING, Finding
from jqtrade.market.calendar import day_text


class TimetableRow(NamedTuple):
    """One line of the timetable."""

    time: str
    function: str
    kind: str


class Report(NamedTuple):
    """What a check found."""

    code: str
    errors: List[Finding]
    warnings: List[Finding]
    notices: List[Finding]
    day: date
    """the trading day of the timetable"""
    timetable: List[TimetableRow]

    def as_dict(self) -> Dict[str, Any]:
        def shown(findings: List[Finding]) -> List[Dict[str, Any]]:
            return [{"file": finding.file, "line": finding.line, "text": finding.text} for finding in findings]

        return {
            "code": self.code,
            "ok": not self.errors,
            "errors": shown(self.errors),
            "warnings": shown(self.warnings),
            "notices": shown(self.notices),
            "trading_day": str(self.day),
            "timetable": [row._asdict() for row in self.timetable],
        }


def as_text(report: Report) -> str:
    """The report for people."""
    lines = [f"检查 {report.code}"]
    for level, findings in ((ERROR, report.errors), (WARNING, report.warnings), (NOTICE, report.notices)):
        lines.extend(f"  {level}  {_where(report.code, finding)}{finding.text}" for finding in findings)
    lines.append("")
    if report.timetable:
        lines.append(f"下一个交易日 {day_text(report.day)}的时间表：")
        header = TimetableRow("时间", "函数", "种类")
        widths = [max(_width(row[column]) for row in [header] + report.timetable) for column in (0, 1)]
        for row in [header] + report.timetable:
            cells = [row[column] + " " * (widths[column] - _width(row[column])) for column in (0, 1)]
            lines.append("  " + "  ".join(cells + [row.kind]))
    else:
        lines.append("没有定时任务")
    lines.append("")
    counts = f"{len(report.errors)} 个错误，{len(report.warnings)} 个警告"
    lines.append(f"没有通过：{counts}" if report.errors else f"通过：{counts}")
    return "\n".join(lines)


def _where(code: str, finding: Finding) -> str:
    if finding.file is None:
        return ""
    place = "" if finding.line is None else f"第 {finding.line} 行："
    if os.path.abspath(finding.file) == os.path.abspath(code):
        return place
    return f"{finding.file} {place}"


def _width(text: str) -> int:
    """How many columns of a terminal it takes."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
