"""What must not be shown: account numbers and secrets, replaced in whatever is written; control characters, made visible."""

import json
import re
from typing import Any, Dict, Optional, Set

SHORTEST_SECRET = 4
_MOST_SOURCE = 4 * 1024 * 1024

_ACCOUNT_NO = re.compile(
    r"""account_?no\w*["'\])]*  \s* (?: :\s*str\s*= | ==? | : | , | \() \s*  # account_no=, "account_no": , .get("account_no",
        (?: str\s*\(\s* )?
        (?: [a-z]{0,2} ["']{1,3} ([^"'\n,)]{4,64})  |  ([0-9][0-9_]{3,63}) )""",
    re.IGNORECASE | re.VERBOSE,
)
_ACCOUNT_TEXT = re.compile(
    r"""acc(?:oun)?t\w*["'\]]*\s*[=:,]\s*[a-z]{0,2}["']{1,3}([^"'\n,)]*[0-9]{6}[^"'\n,)]*)""", re.IGNORECASE
)
"""a variable of a similar name, only if a text: a number may be an amount of money"""
_DIGITS = re.compile("[0-9]{4}")
_RUN = re.compile("[0-9A-Za-z]{4,64}")

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""what could move the cursor, begin a line, turn the writing round or not be written at all; a tab and a line feed may stay"""


class Masker:
    """Replaces secrets in text: account numbers keep their last two characters, others nothing."""

    def __init__(self) -> None:
        self._replacements: Dict[str, str] = {}

    def hide(self, secret: str) -> None:
        """Show no more than the last two characters of an account number again; left alone if too short, as `hide_whole`."""
        if len(secret) >= SHORTEST_SECRET and secret not in self._replacements:
            self._add({secret: "*" * (len(secret) - 2) + secret[-2:]})

    def hide_account_no(self, value: Any) -> None:
        """Hide what somebody gave as an account number, also if it is none: an int, a list, a number with a blank."""
        if isinstance(value, str):
            self.hide(value)
        for run in _RUN.findall("" if value is None else repr(value)[:1000]):
            if _DIGITS.search(run):
                self.hide(run)

    def hide_account_nos_in(self, path: Optional[str]) -> None:
        """Hide the account numbers that the Python file at `path` names, before an error shows a line of it.

        Found are texts and numbers given to `account_no` or a name with that in it, and texts of six digits and more
        given to a name like `ACCOUNT` or `acct`.
        """
        if path is None:
            return
        try:
            with open(path, "rb") as file:
                source = file.read(_MOST_SOURCE).decode(
                    "latin-1"
                )  # any encoding of ours has digits where ASCII has them
        except OSError:  # whoever needs the file will tell
            return
        for text, number in _ACCOUNT_NO.findall(source):
            if _DIGITS.search(text):
                self.hide(text.strip())
            if number:
                self.hide(number)
                self.hide(number.replace("_", ""))
        for text in _ACCOUNT_TEXT.findall(source):
            self.hide(text.strip())

    def hide_whole(self, secret: str) -> None:
        """Show `***` in place of a password or the like, and of each of its lines, also where repr or JSON write it.

        What is shorter than four characters would hit innocent words and digits, and is left alone.
        """
        self._add({text: "***" for text in _spellings(secret) if len(text) >= SHORTEST_SECRET})

    def _add(self, replacements: Dict[str, str]) -> None:
        """In a new dict, since another thread may be printing; the longest first, since one may be a part of another."""
        every = dict(self._replacements, **replacements)
        self._replacements = dict(sorted(every.items(), key=lambda item: -len(item[0])))

    def __call__(self, text: str) -> str:
        for secret, replacement in self._replacements.items():
            text = text.replace(secret, replacement)
        return text


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


def visible(text: str) -> str:
    """Return `text` with its control characters written out, such as \\x1b: what a broker says moves no cursor."""
    if not _CONTROL.search(text):
        return text
    return _CONTROL.sub(lambda match: ascii(match.group())[1:-1], text)
