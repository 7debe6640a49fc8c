"""Findings: what is wrong with a strategy, told once each."""

from typing import List, NamedTuple, Optional

from jqtrade.masking import Masker

ERROR, WARNING, NOTICE = "错误", "警告", "提示"


class Finding(NamedTuple):
    """Something to tell the user."""

    level: str
    text: str
    file: Optional[str] = None
    line: Optional[int] = None


def _says(told: Finding, finding: Finding) -> bool:
    """Whether `told` says it already: of the same place, as bad, the same and perhaps more."""
    return told[2:] == finding[2:] and told.level in (finding.level, ERROR) and finding.text in told.text


class Findings:
    """What was found so far, each thing once."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._found: List[Finding] = []

    def add(self, level: str, text: str, file: Optional[str] = None, line: Optional[int] = None) -> None:
        finding = Finding(level, self._masker(text), file, line)
        if not any(_says(told, finding) for told in self._found):
            self._found.append(finding)

    def at(self, level: str) -> List[Finding]:
        """Those of one level, by file and line; those without a line first."""
        found = [finding for finding in self._found if finding.level == level]
        return sorted(found, key=lambda finding: (finding.file or "", finding.line or 0))
