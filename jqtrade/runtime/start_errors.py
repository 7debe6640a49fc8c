"""Why a strategy did not start, in Chinese: the cause, the place in the user's own file, and what to do."""

import builtins
import os
import re
import sys
import traceback
from typing import List, Optional, Tuple

from jqtrade.check.joinquant import joinquant_text
from jqtrade.check.source import syntax_text
from jqtrade.errors import JqtradeError
from jqtrade.hints import QUOTE_HINT, nearest

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

_ADVICE: List[Tuple[type, str, str]] = [
    (RecursionError, "函数一直在调用自己", ""),
    (MemoryError, "内存不够", ""),
    (ZeroDivisionError, "除数是 0", ""),
    (IndexError, "序号超出范围", ""),
    (KeyError, "没有这个键", ""),
    (AttributeError, "没有这个属性", ""),
    (UnicodeDecodeError, "文件的编码不对", "打开文件时写明编码，例如 open(path, encoding='utf-8') 或 encoding='gbk'"),
    (ImportError, "导入失败", ""),
    (TypeError, "参数或类型不对", ""),
    (ValueError, "值不对", ""),
    (AssertionError, "assert 不成立", ""),
    (ConnectionError, "连接失败", "请检查网络和地址"),
    (TimeoutError, "等待超时", "请检查网络和地址"),
    (OSError, "文件或网络操作失败", ""),
]
"""of each kind of error the cause and what to do, the special ones first"""


def why_not_started(error: BaseException, code: str) -> Tuple[str, str]:
    """What ended the start of the strategy in the file `code`, and the traceback from the user's own code on."""
    foreign = joinquant_text(code, error)
    if foreign is not None:
        return foreign, ""
    frames = _users_frames(error)
    lines = traceback.format_list(frames)
    if not isinstance(error, JqtradeError):  # whose words are told already
        lines += traceback.format_exception_only(type(error), error)
    return explain(error, code), "".join(lines).rstrip()


def explain(error: BaseException, code: Optional[str]) -> str:
    """Say in a line what went wrong where, in the file `code` or what it called, and what to do; without one, not where."""
    place = "" if code is None else _place(error, code)
    if isinstance(error, JqtradeError):
        return f"{error}（{place}）" if place else str(error)
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return f"路径或文字 {error.object!r} 里有不是 UTF-8 的字节，无法使用，请改名"
    if isinstance(error, KeyboardInterrupt):
        return "被 Ctrl+C 中断"
    what, advice = _cause(error)
    said = "" if isinstance(error, SyntaxError) else f"（{_python_words(error)}）"
    return f"{what}{said}" + (f"：{place}" if place else "") + (f"。{advice}" if advice else "")


def _cause(error: BaseException) -> Tuple[str, str]:
    if isinstance(error, SyntaxError):
        return syntax_text(error), ""
    if isinstance(error, SystemExit):
        return "策略自己退出了", ""
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"没有模块 {error.name}", (
            f"别人的库请安装到运行 jqtrade 的 Python 里：{sys.executable} -m pip install 库的名称；"
            '自己的模块请放在策略文件的目录里，或用 -e "PYTHONPATH=目录" 指明在哪里'
        )
    if isinstance(error, UnboundLocalError):
        return "局部变量在赋值之前就用到了", ""
    if isinstance(error, NameError):
        return _unknown_name(error)
    if isinstance(error, KeyError) and _is_of_environ(error):
        return f"没有设置环境变量 {error.args[0]}", f'请用 -e "{error.args[0]}=值" 设置。{QUOTE_HINT}'
    if isinstance(error, OSError) and error.filename is not None:
        return _unusable_file(error)
    for kind, what, advice in _ADVICE:
        if isinstance(error, kind):
            return what, advice
    return "出错", ""


def _unknown_name(error: NameError) -> Tuple[str, str]:
    match = re.search(r"name '(\w+)'", str(error))
    if match is None:
        return "用到了没有定义过的名称", ""
    frame = [frame for frame, _ in traceback.walk_tb(error.__traceback__)][-1]
    known = [name for name in (*vars(builtins), *frame.f_globals, *frame.f_locals) if not name.startswith("_")]
    near = nearest(match.group(1), known, 0.7)
    return f"用到了 {match.group(1)}，但没有定义过", "" if near is None else f"最接近的是 {near}"


def _unusable_file(error: OSError) -> Tuple[str, str]:
    path = error.filename
    name = path if isinstance(path, str) else repr(path)
    relative = isinstance(path, str) and not os.path.isabs(path)
    advice = f"相对路径从运行命令的目录 {_absolute('') or '（已被删除）'} 算起" if relative else ""
    if isinstance(error, FileNotFoundError):
        return f"没有文件或目录 {name}", advice
    if isinstance(error, PermissionError):
        return f"没有权限使用 {name}，或它正被别的程序打开", advice
    if isinstance(error, FileExistsError):
        return f"{name} 已经存在", advice
    if isinstance(error, IsADirectoryError):
        return f"{name} 是目录，不是文件", advice
    return f"{name} 无法使用", advice


def _is_of_environ(error: KeyError) -> bool:
    """Whether it was os.environ that has no such key."""
    innermost = traceback.extract_tb(error.__traceback__)[-1:]
    return bool(innermost) and innermost[0].filename == os.environ.__class__.__getitem__.__code__.co_filename


def _python_words(error: BaseException) -> str:
    said = str(error).replace(
        "\n", "\\n"
    )  # whole, and as repr writes it: of a part, a masker would not know the secret
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def failed_at(error: BaseException, code: str) -> Tuple[Optional[str], Optional[int], str]:
    """File, line and source at which the user's own code failed: the innermost in the folder of `code`, else anywhere."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return error.filename, error.lineno, ""  # the source is told already
    frames = [frame for frame in _users_frames(error) if frame.filename[:1] != "<"]  # <frozen os>, <string>
    own = [frame for frame in frames if _absolute(frame.filename).startswith(_folder(code))] or frames
    return (own[-1].filename, own[-1].lineno, own[-1].line or "") if own else (None, None, "")


def _place(error: BaseException, code: str) -> str:
    file, line, source = failed_at(error, code)
    if file is None:
        return ""
    path, folder = _absolute(file), _folder(code)
    short = path[len(folder) :] if path.startswith(folder) else path
    return f"{short} 第 {line} 行" + (f" {source}" if source else "")


def _folder(code: str) -> str:
    return os.path.dirname(_absolute(code)) + os.sep


def _users_frames(error: BaseException) -> List[traceback.FrameSummary]:
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if not _absolute(frame.filename).startswith(_PACKAGE)]


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except FileNotFoundError:  # the current folder was removed
        return path
