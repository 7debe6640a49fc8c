"""What a user writes on the command line: words, days and files; of what is wrong, in Chinese, what comes nearest."""

import argparse
import os
import re
import sys
from datetime import date
from typing import Any, Iterable, List, NoReturn, Optional, Sequence, Tuple

from jqtrade.errors import InvalidParam
from jqtrade.home import absolute as absolute_path
from jqtrade.market.calendar import parse_day

QUOTE_HINT = '环境变量的值里有分号时，整个值要用双引号括起来，例如 -e "A=1;B=2"，否则命令在分号处就断了'

_MESSAGES = [
    (re.compile(r"argument (.*?): expected one argument"), r"参数 \1 后面缺少值"),
    (re.compile(r"argument (.*?): invalid \w+ value: (.*)"), r"参数 \1 的值 \2 不正确"),
    (re.compile(r"argument (.*?): (的值 .*)"), r"参数 \1 \2"),
    (re.compile(r"argument (.*?): not allowed with argument (.*)"), r"参数 \1 不能与 \2 同时使用"),
    (re.compile(r"ambiguous option: (.*) could match (.*)"), r"参数 \1 有歧义，可能是 \2"),
]
_MISSING = re.compile(r"the following arguments are required: (.*)")
_CHOICE = re.compile(r"argument (.*?): invalid choice: (.*?) \(choose from (.*)\)")

_DASHES = "-‐‑‒–—―−－ー"
"""a Chinese keyboard or a word processor writes one of the others for the first"""
_ONE_DASH = re.compile(r"-([a-z][a-z-]+)(=.*)?", re.DOTALL)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)

_FIRST_YEAR, _LAST_YEAR = 1990, 2100
"""of days that can be replayed: the exchange opened in 1990"""
_MOST_FILES = 10


class Parser(argparse.ArgumentParser):
    """argparse with Chinese error messages, which name the word that was meant."""

    _words: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Tuple[Any, List[str]]:
        """Words that are not known are an error of the verb's own parser, which knows what comes near."""
        self._words = sys.argv[1:] if args is None else list(args)
        for word in self._words:
            match = _ONE_DASH.fullmatch(word)
            if match and f"--{match.group(1)}" in self._option_string_actions:
                # argparse would take -name for -n ame.
                self.error(f"参数 -{match.group(1)} 应写成 --{match.group(1)}")
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._unknown_text(unknown))
        return known, unknown

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"错误：{self._chinese(message)}。没有做任何操作，用 {self.prog} --help 查看用法\n")

    def _chinese(self, message: str) -> str:
        match = _CHOICE.fullmatch(message)
        if match:
            return _choice_text(*match.groups())
        match = _MISSING.fullmatch(message)
        if match:
            return self._missing_text(match.group(1))
        for pattern, translation in _MESSAGES:
            message = pattern.sub(translation, message)
        return message

    def _missing_text(self, names: str) -> str:
        if names.startswith("{"):
            parts = ["缺少命令：" + names.strip("{}").replace(",", "、")]
        else:
            parts = [f"缺少参数：{names}"]
        unknown = [word for word in self._own_words() if self._is_unknown_option(word)]
        if unknown:
            parts.append(self._unknown_text(unknown))
        end = " ".join(self._words[-2:])
        if "--env" in self._option_string_actions and re.search(r"(?:^| )(?:-e|--env[= ]) *[^- ]", end):
            parts.append(QUOTE_HINT)
        return "；".join(parts)

    def _own_words(self) -> List[str]:
        """The words that are for this parser: those before the verb, where it has verbs."""
        if self._subparsers is None:
            return list(self._words)
        first = next((at for at, word in enumerate(self._words) if word[:1] not in _DASHES), len(self._words))
        return list(self._words[:first])

    def _is_unknown_option(self, word: str) -> bool:
        if len(word) < 2 or word[0] not in _DASHES or word == "--":
            return False
        name = word.split("=", 1)[0]
        options = self._option_string_actions
        abbreviates = name.startswith("--") and any(option.startswith(name) for option in options)
        has_value = word[:2] in options and word[1] != "-"  # -ndemo
        return not (abbreviates or has_value)

    def _unknown_text(self, words: Sequence[str]) -> str:
        shown = []
        for word in words:
            if word[:1] in _DASHES:
                bare = {option.lstrip("-"): option for option in self._option_string_actions}
                near = nearest(word.split("=", 1)[0].lstrip(_DASHES), bare)
                shown.append(word if near is None else f"{word}，最接近的是 {bare[near]}")
            elif _VARIABLE.fullmatch(word) and "--env" in self._option_string_actions:
                shown.append(f'{word}（多个环境变量要写成 -e "A=1;B=2"，或写多个 -e）')
            elif "-n" in self._option_string_actions and not re.search(r"(?:^|\s)(-n|--name)", " ".join(self._words)):
                shown.append(f"{word}（名称要写在 -n 后面：-n {word}）")
            else:
                shown.append(word)
        return "不认识的参数：" + "；".join(shown)


def _choice_text(argument: str, value: str, choices: str) -> str:
    known = [choice.strip("'\"") for choice in choices.split(", ")]
    near = nearest(value.strip("'\""), known)
    found = "" if near is None else f"，最接近的是 {near}"
    listed = "、".join(known)
    if argument.startswith("-"):
        return f"参数 {argument} 的值 {value} 不正确{found}，可选：{listed}"
    return f"没有名为 {value} 的命令{found}，可选：{listed}"


def nearest(word: str, known: Iterable[str], similarity: float = 0.5) -> Optional[str]:
    """The one of `known` that was most likely meant by `word`; None if none is as similar as that (0 to 1)."""
    import difflib

    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower().replace("-", "_"), by_lower, 1, similarity)
    near = near or difflib.get_close_matches(word.lower(), by_lower, 1, similarity)
    return by_lower[near[0]] if near else None


def replay_day(text: str) -> date:
    """An argument that is a day, in any of the usual spellings."""
    try:
        parsed = parse_day(text)
    except ValueError:
        parsed = None
    if parsed is None or not _FIRST_YEAR <= parsed.year <= _LAST_YEAR:
        raise argparse.ArgumentTypeError(
            f"的值 {text!r} 不正确，应为 {_FIRST_YEAR} 年到 {_LAST_YEAR} 年之间的日期，"
            "例如 2026-01-05，也可以写 2026/01/05 或 20260105"
        )
    return parsed


def existing_file(path: str, what: str, outcome: str) -> str:
    """Return the absolute path of the file that the user named.

    Raises InvalidParam if it is a folder, saying which Python files lie in it, or if it is not there, naming the file
    that was likely meant; `outcome` is what has been done so far.
    """
    absolute = existing_path(path, what, outcome)
    if os.path.isdir(absolute):
        names = [name for name in _names_in(absolute) if name.endswith(".py")]
        listed = "、".join(names[:_MOST_FILES]) + ("…" if len(names) > _MOST_FILES else "")
        inside = f"里面有 {listed}，请写出是哪一个" if names else "里面没有 .py 文件"
        raise InvalidParam(f"{what} {absolute} 是目录，不是文件：{inside}。{outcome}")
    if not os.path.isfile(absolute):
        raise InvalidParam(f"{what} {absolute} 不是文件。{outcome}")
    return absolute


def existing_path(path: str, what: str, outcome: str) -> str:
    """Return the absolute path of the file or folder that the user named. Raises InvalidParam as existing_file."""
    absolute = absolute_path(path)
    if not os.path.exists(absolute):
        folder, name = os.path.split(absolute)
        near = nearest(name, _names_in(folder))
        if near is not None:
            found = f"，同一个目录里最接近的是 {near}"
        elif not os.path.isabs(path) and not path.startswith("~"):
            found = f"，路径从终端现在的目录 {os.getcwd()} 算起"
        else:
            found = ""
        raise InvalidParam(f"{what}不存在：{absolute}{found}。{outcome}")
    return absolute


def _names_in(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # then there is nothing to name
        return []
