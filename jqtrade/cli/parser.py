"""The parser: argparse that answers in Chinese, with the word that was meant."""

import argparse
import re
import sys
from typing import Any, List, NoReturn, Sequence, Tuple

from jqtrade.hints import QUOTE_HINT, nearest

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
