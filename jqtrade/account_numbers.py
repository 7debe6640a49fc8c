"""Find the account numbers that a strategy's source gives away.

By tokens rather than by a syntax tree: a file with an error in it, whose very line is about to be shown, is read as well,
and so is what a comment says.
"""

import re
from typing import Iterator, List, NamedTuple, Set

LONG_RUN = re.compile("[0-9]{6}")
_DIGITS = re.compile("[0-9]{4}")
_LIKELY = re.compile("acc|账", re.IGNORECASE)

_ACCOUNT_NO = re.compile("account_?no(s|_.*|[0-9]*)?$|资金账号|资金账户", re.IGNORECASE)
_ACCOUNT = re.compile(r"(acc(oun)?t(s|_?(no|num|number|id|[0-9]+|[a-z]))?|acc_?no|账号|账户)$", re.IGNORECASE)
"""a variable of a similar name, only if a text: a number may be an amount of money"""

_STOCK_OR_DATE = re.compile(
    r"""(?:s[hz]|bj)?\.?\d{6}\.?(?:XSHG|XSHE|SH|SZ|SS|BJ)  |  s[hz]\d{6}
        |  (?:19|20)\d\d([-/.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])""",
    re.IGNORECASE | re.VERBOSE,
)
_LIKE_A_NUMBER = re.compile(r"[\w.-]{6,64}")

_TOKEN = re.compile(
    r'''
    (?P<skipped> \\[ \t\r]*\n | [ \t\r\f]+ )
  | (?P<newline> \n )
  | (?P<text> [A-Za-z]{0,2} (?:  # runs, not single characters: each step of a repetition takes memory
        """(?P<a>[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*)"""  |  \'\'\'(?P<b>[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*)\'\'\'
      | "(?P<c>[^"\\\n]*(?:\\.[^"\\\n]*)*)"           |  '(?P<d>[^'\\\n]*(?:\\.[^'\\\n]*)*)'
      | ["'](?P<unclosed>[^\n,]*) ) )
  | (?P<number> [0-9][0-9_]*(?:\.[0-9]*)? )
  | (?P<name> \w+ )
  | (?P<mark> [=!<>:]= | . )
    ''',
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    """text, number, name, newline or mark"""
    value: str
    """of a text what is between its quotes"""
    start: int
    end: int


def looks_like_an_account(name: str) -> bool:
    """Say whether a variable of this name holds an account number, as far as a name can tell."""
    return bool(_ACCOUNT_NO.search(name) or _ACCOUNT.search(name))


def is_stock_or_date(text: str) -> bool:
    """Say whether `text` is a stock code with its market, or a date: these stand in many lines and are no secret."""
    return bool(_STOCK_OR_DATE.fullmatch(text.strip()))


def find_account_nos(source: str) -> Set[str]:
    """Return the texts and numbers that `source` gives to `account_no` or the like, as they are written there.

    Texts with four digits in a row for `account_no`, texts that look like a number for names like `ACCOUNT` or `acct`, also
    by way of another variable.
    """
    if not _LIKELY.search(source):
        return set()
    tokens = list(_tokens(source))
    found: Set[str] = set()
    others: Set[str] = set()
    for index, token in enumerate(tokens):
        if token.kind in ("name", "text") and looks_like_an_account(token.value):
            values = _given(tokens, index)
            found |= _account_nos(values, source, sure=bool(_ACCOUNT_NO.search(token.value)))
            others |= {value.value for value in values if value.kind == "name" and len(values) == 1}
    for index, token in enumerate(tokens):
        if token.kind == "name" and token.value in others:
            found |= _account_nos(_given(tokens, index), source, sure=False)
    return found


def _tokens(source: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(source):
        kind = match.lastgroup or ""
        if kind in ("a", "b", "c", "d", "unclosed"):
            kind = "text"
        if match.group("text") is not None:
            inner = [match.group(name) for name in ("a", "b", "c", "d", "unclosed")]
            value = next(text for text in inner if text is not None)
            yield _Token("text", value, match.start(), match.end())
        elif kind != "skipped":
            yield _Token(kind, match.group(), match.start(), match.end())


def _given(tokens: List[_Token], index: int) -> List[_Token]:
    """Return the literals and names that the token at `index` is given, or compared with."""
    is_text = tokens[index].kind == "text"
    index += 1
    while index < len(tokens) and tokens[index].value in ("]", ")") and tokens[index].kind == "mark":
        index += 1
    if index == len(tokens):
        return []
    sign = tokens[index].value
    # After a comma only for setdefault("account_no", …): order(account, "600519.XSHG") says nothing of an account number.
    if sign not in ("=", "==", "!=", ":=", ":", "(", "in") and not (sign == "," and is_text):
        return []
    return list(_values(tokens, index + 1, may_wrap=sign in ("=", "(")))


def _values(tokens: List[_Token], index: int, may_wrap: bool) -> Iterator[_Token]:
    """Yield literals and names from `index` to the end of the expression; not what other functions are called with."""
    depth = skipped_from = 0
    has_value = False
    before = _Token("mark", "", 0, 0)
    for token in tokens[index : index + 200]:
        if token.kind == "newline":
            if depth == 0 and (has_value or not may_wrap):
                return
            continue
        if token.kind == "mark":
            if token.value in ("(", "[", "{"):
                depth += 1
                if before.kind == "name" and before.value not in ("str", "int", "in") and not skipped_from:
                    skipped_from = depth
            elif token.value in (")", "]", "}"):
                if depth == 0:
                    return
                skipped_from = 0 if depth == skipped_from else skipped_from
                depth -= 1
            elif depth == 0 and token.value in (",", ";", "#"):
                return
        elif not skipped_from and token.value not in ("str", "int"):
            has_value = True
            yield token
        before = token


def _account_nos(values: List[_Token], source: str, sure: bool) -> Set[str]:
    found: Set[str] = set()
    texts = [value for value in values if value.kind == "text"]
    pieces: Set[_Token] = set()
    for first, second in zip(texts, texts[1:]):
        if not source[first.end : second.start].strip("\\ \t\r\n"):  # Python puts them together
            pieces |= {first, second}
            found |= {first.value + second.value}
    for value in texts:
        text = value.value.strip()
        if value in pieces:
            found.add(source[value.start : value.end])  # with its quotes: so short a piece may stand anywhere
        elif is_stock_or_date(text):
            continue
        elif _DIGITS.search(text) if sure else _LIKE_A_NUMBER.fullmatch(text) and has_long_run(text):
            found.add(text)
    for value in values if sure else ():
        if value.kind == "number" and LONG_RUN.search(value.value.replace("_", "")):
            found |= {value.value, value.value.replace("_", "")}
    return found


def has_long_run(text: str) -> bool:
    """Say whether `text` has six digits in a row that are no date and no stock code."""
    return any(not is_stock_or_date(run) for run in re.findall("[0-9]{6,}", text))
