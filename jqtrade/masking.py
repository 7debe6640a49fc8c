"""What must not be shown: account numbers and secrets, replaced in whatever is written; control characters, made visible."""

import json
import re
from typing import Any, Dict, Optional, Set

from jqtrade.account_numbers import find_account_nos, has_long_run, is_stock_or_date
from jqtrade.busy_files import when_free

_SHORTEST_ACCOUNT_NO = 4
_SHORTEST_SECRET = 6
"""bytes: a Chinese character has three"""
_MOST_SOURCE = 4 * 1024 * 1024

_RUN = re.compile(r"[0-9A-Za-z]{6,64}(?:\.(?:XSHG|XSHE)\b)?")

_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff"
)
"""what could move the cursor, begin a line, turn the writing round or not be seen at all; a tab and a line feed may stay"""
_CONTROL = re.compile(f"[{_UNSEEN}]")
_CONTROL_BUT_COLOURS = re.compile(f"\x1b(?!\\[[0-9;]*m)|(?!\x1b)[{_UNSEEN}]")


class Masker:
    """Replaces secrets in text: account numbers keep their last two characters, others nothing."""

    def __init__(self) -> None:
        self._replacements: Dict[str, str] = {}

    def hide(self, secret: str) -> None:
        """Show no more than the last two characters of an account number again; left alone if too short, as `hide_whole`."""
        if len(secret) >= _SHORTEST_ACCOUNT_NO and secret not in self._replacements:
            self._add({secret: "*" * (len(secret) - 2) + secret[-2:]})

    def hide_account_no(self, value: Any) -> None:
        """Hide what somebody gave as an account number, also if it is none: an int, a list, a number with a blank.

        A part of it only if it has six digits in a row: fewer stand in every date and every amount.
        """
        if isinstance(value, str):
            self.hide(value)
        for run in _RUN.findall("" if value is None else repr(value)[:1000]):
            if has_long_run(run) and not is_stock_or_date(run):
                self.hide(run)

    def hide_account_nos_in(self, path: Optional[str]) -> None:
        """Hide the account numbers that the Python file at `path` names, before an error shows a line of it.

        Only guessed, so that what is no account number may stay readable: see `find_account_nos`.
        """
        if path is None:
            return
        try:
            with when_free(lambda: open(path, "rb")) as file:
                content = file.read(_MOST_SOURCE)
        except OSError:  # whoever needs the file will tell
            return
        try:
            source = content.decode("utf-8")
        except UnicodeDecodeError:  # any encoding of ours has digits where ASCII has them
            source = content.decode("latin-1")
        for text in find_account_nos(source):
            self.hide_account_no(text)

    def hide_whole(self, secret: str) -> None:
        """Show `***` in place of a password or the like, and of each of its lines, also where repr or JSON write it.

        What is shorter than six letters (True, None, 1000) or four Chinese characters would hit innocent words and digits,
        and is left alone.
        """
        self._add({text: "***" for text in _spellings(secret) if _is_long(text)})

    def _add(self, replacements: Dict[str, str]) -> None:
        """In a new dict, since another thread may be printing; the longest first, since one may be a part of another."""
        every = dict(self._replacements, **replacements)
        self._replacements = dict(sorted(every.items(), key=lambda item: -len(item[0])))

    def __call__(self, text: str) -> str:
        for secret, replacement in self._replacements.items():
            text = text.replace(secret, replacement)
        return text


def _is_long(secret: str) -> bool:
    return len(secret) >= 4 and len(secret.encode("utf-8", "replace")) >= _SHORTEST_SECRET


def _spellings(secret: str) -> Set[str]:
    """How `secret` may stand in a log: as it is, line by line, and escaped by repr or JSON, in either kind of quotes."""
    lines = [secret] + [line.strip() for line in secret.splitlines()]
    whole = lines + [spelling for line in lines for spelling in (line.upper(), line.lower())]
    escaped = [
        spelling
        for text in whole
        for spelling in (
            repr(text)[1:-1],
            repr(text + "'\"")[1:-4],  # within a longer text that needs both kinds
            ascii(text)[1:-1],
            repr(text.encode("utf-8", "backslashreplace"))[2:-1],
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
        )
    ]
    return set(whole + escaped)


def visible(text: str, colours: bool = False) -> str:
    """Return `text` with its control characters written out, such as \\x1b: what a broker says moves no cursor.

    With `colours`, escape sequences that do no more than colour the text may stay.
    """
    pattern = _CONTROL_BUT_COLOURS if colours else _CONTROL
    if not pattern.search(text):
        return text
    return pattern.sub(lambda match: ascii(match.group())[1:-1], text)
