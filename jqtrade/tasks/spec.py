"""What start_task was asked for, checked: the name, the environment, and the whole as JSON for the task's process."""

import json
import os
import re
from typing import Dict, Mapping, NamedTuple, Optional

from jqtrade.account_numbers import looks_like_an_account
from jqtrade.errors import InvalidParam
from jqtrade.masking import Masker

# Han of the basic plane only: rarer characters take four bytes each, and 64 of them are longer than a file name may be;
# compatibility ideographs are left out because macOS turns them into others.
_NAME = re.compile("[A-Za-z0-9_.\u3007\u3400-\u4dbf\u4e00-\u9fff-]{1,64}")
_RESERVED_ON_WINDOWS = re.compile(r"(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\..*)?", re.IGNORECASE)
_VARIABLE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_SECRET = re.compile(
    "TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|_PWD|KEY|CREDENTIAL|COOKIE|WEBHOOK|AUTH(?!OR)", re.IGNORECASE
)
_PASSWORD_IN_URL = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")
_ACCOUNT = re.compile("ACCOUNT|ACCT|ACC_?NO", re.IGNORECASE)
_DIGIT = re.compile("[0-9]")


class TaskSpec(NamedTuple):
    """One start of one task. Paths are absolute; `token` is this start's alone."""

    name: str
    code: str
    log: Optional[str]
    env: Dict[str, str]
    config: Optional[str]
    debug: bool
    paper: bool
    home: str
    token: str
    fresh: bool = False
    """on paper, with a new account"""
    check: bool = True
    """whether a file in which something is wrong shall not be started"""

    def to_json(self) -> str:
        """Return the spec as one line of ASCII, which no code page can break."""
        return json.dumps(self._asdict())

    @classmethod
    def from_json(cls, text: str) -> "TaskSpec":
        """Return the spec that `to_json` wrote."""
        return cls(**json.loads(text))


def new_token() -> str:
    """Return a random text that no other start has."""
    return os.urandom(16).hex()


def check_name(name: str) -> str:
    """Return `name` if a task may be called so.

    1 to 64 letters, digits, `_ - .` and Chinese characters, no dot at either end, no name that Windows keeps for
    devices; the same on every system, so that what works here works on the user's other machine.

    Raises InvalidParam otherwise.
    """
    problem = _problem(name)
    if problem:
        raise InvalidParam(f"任务名称 {name!r} 不可用：{problem}，没有做任何操作")
    return name


def _problem(name: str) -> str:
    if not _NAME.fullmatch(name):
        return "名称只能由 1 到 64 个字母、数字、中文和 _ - . 组成"
    if name.startswith(".") or name.endswith("."):
        return "名称不能以点号开头或结尾"
    if _RESERVED_ON_WINDOWS.fullmatch(name):
        return "名称不能是 Windows 的设备名（CON、NUL、COM1 等）"
    return ""


def file_key(name: str) -> str:
    """Return what the files of task `name` begin with: names that differ in case only are one name.

    On Windows and macOS DEMO and demo would share their files anyway; the rule is the same everywhere.
    """
    return check_name(name).lower()


def is_file_key(text: str) -> bool:
    """Say whether `text` is what the files of some task begin with."""
    return not _problem(text) and text == text.lower()


def parse_env(text: str, pathsep: str = os.pathsep) -> Dict[str, str]:
    """Return the variables of `NAME=value;NAME=value`, in their order; the last of equal names wins.

    Where `;` also separates the directories of a path (Windows), what follows PYTHONPATH and is no `NAME=value` is part
    of it.

    Raises InvalidParam for a piece that is no variable.
    """
    variables: Dict[str, str] = {}
    last = ""
    for piece in text.split(";"):
        match = _VARIABLE.fullmatch(piece)
        if match:
            last = match.group(1)
            variables[last] = match.group(2)
        elif not piece.strip():
            continue
        elif pathsep == ";" and last == "PYTHONPATH":
            variables[last] += ";" + piece
        else:
            # It may be the rest of a secret that has a semicolon.
            hidden = _SECRET.search(last + piece) or _ACCOUNT.search(last + piece)
            shown = "***" if hidden else repr(piece)
            quotes = "；单引号在 cmd.exe 里不起作用，请用双引号" if piece.lstrip().startswith("'") else ""
            raise InvalidParam(
                f"环境变量 {shown} 无法识别，没有做任何操作：应写成 NAME=value，多个变量用分号分隔，整个值用双引号括起来，"
                f'例如 -e "PYTHONPATH=./package;USER=test"{quotes}'
            )
    return variables


def mask_env(env: Mapping[str, str]) -> Dict[str, str]:
    """Return `env` as it may be shown: what looks like a secret by its name is `***`, also within other values."""
    masker = masker_for(env)
    return {name: "***" if _SECRET.search(name) else masker(value) for name, value in env.items()}


def masker_for(env: Mapping[str, str], *files: Optional[str]) -> Masker:
    """Return a masker that hides the secrets of `env`, and the account numbers that it and the Python `files` name.

    To be made before any of `files` is loaded: the traceback of a line that is wrong shows that line.
    """
    masker = Masker()
    for name, value in env.items():
        if _SECRET.search(name):
            masker.hide_whole(value)
        elif (
            looks_like_an_account(name) and len(_DIGIT.findall(value)) >= 6
        ):  # ACCOUNT_CASH is none, nor is ACCOUNT=main
            masker.hide_account_no(value)
        for password in _PASSWORD_IN_URL.findall(value):
            masker.hide_whole(password)
    for path in files:
        masker.hide_account_nos_in(path)
    return masker
