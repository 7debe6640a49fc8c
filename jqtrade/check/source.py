"""What can be told of a strategy's file without running it: syntax, undefined names, the real clock, calls that are wrong."""

import ast
import builtins
import importlib
import re
import sys
import tokenize
import warnings
from typing import Any, Collection, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Set, Tuple

from jqtrade.check.joinquant import absent_modules
from jqtrade.own_imports import own_imports

_SYNTAX = [
    (r"indent|inconsistent use of tabs", "缩进不对"),
    (
        r"invalid (non-printable )?character",
        "有中文标点或看不见的字符，代码里的括号、逗号、冒号、引号要用英文输入法的",
    ),
    (r"unterminated|EOL while scanning|EOF while scanning", "引号没有配对"),
    (r"never closed|unexpected EOF|EOF in multi-line|unmatched|does not match", "括号没有配对"),
    (r"expected ':'", "行尾缺少冒号"),
    (r"outside (function|loop)|not properly in loop", "这个词不能写在函数或循环外面"),
]

NO_PYFLAKES = "没有安装 pyflakes，所以没有检查用到的名称是否都定义过。安装：python -m pip install pyflakes"

_NOW = {
    "datetime.datetime.now": None,
    "datetime.datetime.today": None,
    "datetime.datetime.utcnow": None,
    "datetime.date.today": None,
    "pandas.Timestamp.now": None,
    "pandas.Timestamp.today": None,
    "pandas.Timestamp.utcnow": None,
    "time.time": None,
    "time.time_ns": None,
    "time.localtime": 0,
    "time.gmtime": 0,
    "time.ctime": 0,
    "time.asctime": 0,
    "time.strftime": 1,
}  # type: Dict[str, Optional[int]]
"""calls that ask for the time, the last ones only with at most so many arguments"""


_NAME_MAKERS = {"exec", "globals", "__builtins__"}
_HOLDERS_OF_NAMES = {"f_globals", "f_locals", "modules"}
"""attributes: of a frame, and sys.modules[__name__]"""

OF_ACCOUNT = {
    "order",
    "cancel_order",
    "batch_submit_orders",
    "batch_cancel_orders",
    "get_orders",
    "sync_balance",
    "sync_orders",
    "portfolio",
}
"""what only a strategy with an account can use"""


class Undefined(NamedTuple):
    """A name that is used and defined nowhere in the file."""

    name: str
    line: int
    is_local: bool = False
    is_sure: bool = True
    """not of a local variable in a loop: an earlier round may have set it; nor where Python itself tells at the start, if
    it gets there"""


class RunDaily(NamedTuple):
    """A call of run_daily as it is written."""

    first_line: int
    last_line: int
    function: str
    """"" if it is no plain name"""
    function_line: int
    time: Optional[str]
    """None if it is no literal"""
    is_guarded: bool = False
    """whether it stands in a `try` or `if`: what it raises may be meant, or may not be for this machine"""


class SetOptions(NamedTuple):
    """A call of set_options as it is written: its literals."""

    first_line: int
    last_line: int
    options: Dict[str, Any]
    others: FrozenSet[str] = frozenset()
    """the names of those that are set to something else"""
    is_open: bool = False
    """whether there may be more: **options"""
    is_guarded: bool = False
    """whether it stands in a `try` or `if`"""


class Source:
    """One file, parsed."""

    def __init__(self, path: str, names: Iterable[str]) -> None:
        """`names` are known to it without being defined. Raises SyntaxError, OSError, ValueError (no text)."""
        self.path = path
        with tokenize.open(path) as file:
            text = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # whoever runs the file says them
            self._tree = ast.parse(text, path)
            compile(text, path, "exec", dont_inherit=True)  # finds what the parser lets through
        self._names = set(names)
        self._nodes = list(ast.walk(self._tree))
        self._guarded = self._in_try_or_if()
        self._optional = self._in_branches()
        self._origins = self._imports()
        self._defined = self._bound()

    def undefined(self) -> Optional[List[Undefined]]:
        """Names that are used and defined nowhere; None if pyflakes is not installed, or fails on this file."""
        try:
            with own_imports():
                checker: Any = importlib.import_module("pyflakes.checker")
            messages = checker.Checker(self._tree, filename=self.path, builtins=self._names).messages
        except Exception:  # one that is older than Python itself may raise anything
            return None
        never_read = self._annotations()
        found = []
        for message in messages:
            kind = type(message).__name__
            if kind in ("UndefinedName", "UndefinedLocal"):
                place = message.lineno, message.col
                if place in never_read:
                    continue
                is_local = kind == "UndefinedLocal"
                is_sure = not self._is_in_loop(message.lineno) if is_local else place not in self._optional
                found.append(Undefined(message.message_args[0], message.lineno, is_local, is_sure))
            elif kind == "ImportStarUsage" and not self._has_unknown(message.message_args[1].split(", ")):
                found.append(Undefined(message.message_args[0], message.lineno))
        return found

    @staticmethod
    def _has_unknown(modules: Collection[str]) -> bool:
        """Whether one of the modules may define names that we do not know."""
        return bool(set(modules) - absent_modules(modules) - {"jqtrade.api"})

    def missing_functions(self) -> List[Undefined]:
        """Functions that run_daily names and the file defines nowhere; told without pyflakes."""
        if self._has_unknown(self._star_imports()):
            return []  # nobody knows what comes from there
        defined = self._names | set(dir(builtins)) | self._defined | self._arguments()
        calls = [call for call in self.run_dailies() if call.function and call.function not in defined]
        return [Undefined(call.function, call.function_line) for call in calls]

    def unused_functions(self) -> List[Tuple[str, int]]:
        """The functions at the top of the file that nothing in it names, with their lines."""
        used = {node.id for node in self._nodes if isinstance(node, ast.Name)}
        functions = [node for node in self._tree.body if isinstance(node, ast.FunctionDef)]
        return [(node.name, node.lineno) for node in functions if node.name not in used]

    @property
    def may_make_names(self) -> bool:
        """Whether the file may define names that cannot be read there: by exec, globals(), or what it tries to import."""
        for node in self._nodes:
            if isinstance(node, ast.Name) and node.id in _NAME_MAKERS:
                return True
            if isinstance(node, ast.Attribute) and node.attr in _HOLDERS_OF_NAMES:
                return True
            if isinstance(node, ast.Call) and not node.args and getattr(node.func, "id", "") in ("vars", "locals"):
                return True
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and id(node) in self._guarded:
                return True
        return "builtins" in self._origins.values()

    def defines(self, name: str) -> bool:
        """Whether the file binds the name anywhere, or imports what may hold it."""
        return name in self._defined or self._has_unknown(self._star_imports())

    def absent_imports(self) -> List[Tuple[str, int]]:
        """Modules of 聚宽 that the file imports in any case, and that are not here, with their lines.

        An import in a function or a branch may be meant for 聚宽 alone.
        """
        found = []
        for node in self._tree.body:
            if isinstance(node, ast.Import):
                found += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.append((node.module, node.lineno))
        absent = absent_modules([name for name, _ in found])
        return [(name, line) for name, line in found if name in absent]

    def imported_roots(self) -> Set[str]:
        """The top-level modules that the file imports; "" stands for its own package."""
        roots: Set[str] = set()
        for node in self._nodes:
            if isinstance(node, ast.Import):
                roots.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                roots.add("" if node.level else (node.module or "").split(".")[0])
        return roots

    def mentions(self, name: str) -> bool:
        """Whether the file uses one of our functions otherwise than by calling it: gives it to others, renames it."""
        calls = {id(node.func) for node in self._calls(name)}
        return any(
            (isinstance(node, ast.Name) and node.id == name and id(node) not in calls)
            or (isinstance(node, ast.Attribute) and node.attr == name)
            for node in self._nodes
        )

    def imports_all_of(self, module: str) -> bool:
        """Whether the file says `from module import *`."""
        return module in self._star_imports()

    def _star_imports(self) -> List[str]:
        froms = [node for node in self._nodes if isinstance(node, ast.ImportFrom)]
        return [node.module or "" for node in froms if any(alias.name == "*" for alias in node.names)]

    def asks_for_account(self) -> List[Tuple[str, int]]:
        """Where our functions of the account are called, and `context.portfolio` is read, as far as that is certain."""
        found = []
        has_unknown = self._has_unknown(self._star_imports())  # which may have an `order` of their own
        own = self._defined | self._arguments()
        for node in self._nodes:
            if isinstance(node, ast.Attribute) and node.attr == "portfolio":
                if isinstance(node.value, ast.Name) and node.value.id == "context":
                    found.append(("portfolio", node.lineno))
            elif isinstance(node, ast.Call):
                origin = self._origin(node.func)
                if isinstance(node.func, ast.Name) and node.func.id not in own and not has_unknown:
                    origin = "jqtrade.api." + node.func.id
                name = origin.rpartition(".")[2]
                if origin == "jqtrade.api." + name and name in OF_ACCOUNT:
                    found.append((name, node.lineno))
        return sorted(found, key=lambda use: use[1])

    def real_clock(self) -> List[Tuple[str, int]]:
        """Calls that ask the machine for the time or sleep on it, with their lines."""
        found = []
        for node in self._nodes:
            if not isinstance(node, ast.Call):
                continue
            name = self._origin(node.func)
            at_most = _NOW.get(name)
            asks = name in _NOW and (at_most is None or len(node.args) + len(node.keywords) <= at_most)
            if asks or name == "time.sleep":
                found.append((name, node.lineno))
        return sorted(found, key=lambda call: call[1])

    def run_dailies(self) -> List[RunDaily]:
        """The calls of run_daily."""
        found = []
        for node in self._calls("run_daily"):
            given = dict(zip(("func", "time"), node.args))
            given.update({keyword.arg: keyword.value for keyword in node.keywords if keyword.arg})
            function, time = given.get("func"), _literal(given.get("time"))
            name = function.id if isinstance(function, ast.Name) else ""
            line = node.lineno if function is None else function.lineno
            literal = time if isinstance(time, str) else None
            found.append(RunDaily(node.lineno, _last_line(node), name, line, literal, id(node) in self._guarded))
        return found

    def set_options(self) -> List[SetOptions]:
        """The calls of set_options, with those options whose values are literals."""
        found = []
        for node in self._calls("set_options"):
            values = {keyword.arg: _literal(keyword.value) for keyword in node.keywords if keyword.arg}
            options = {name: value for name, value in values.items() if value is not _NO_LITERAL}
            others = frozenset(values) - frozenset(options)
            is_open = any(keyword.arg is None for keyword in node.keywords)
            guarded = id(node) in self._guarded
            found.append(SetOptions(node.lineno, _last_line(node), options, others, is_open, guarded))
        return found

    def _calls(self, name: str) -> List[ast.Call]:
        if name in self._defined and self._origins.get(name) != "jqtrade.api." + name:
            return []  # the file has one of its own
        return [
            node
            for node in self._nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        ]

    def _in_try_or_if(self) -> Set[int]:
        """The ids of the nodes of which somebody catches what they raise, or that are meant for some machines only."""
        found: Set[int] = set()
        for node in self._nodes:  # each after what it is in
            inner: List[Any] = []
            if id(node) in found:
                inner = list(ast.iter_child_nodes(node))
            elif isinstance(node, ast.If):
                inner = node.body + node.orelse
            elif isinstance(node, ast.Try) and node.handlers:
                inner = node.body
            found.update(map(id, inner))
        return found

    def _in_branches(self) -> Set[Tuple[int, int]]:
        """The places in branches that run as the file is loaded, if at all: what is wrong there ends the start by itself."""
        found = set()
        waiting: List[ast.AST] = [node for node in self._tree.body if isinstance(node, (ast.If, ast.Try))]
        while waiting:
            node = waiting.pop()
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
                found.add((getattr(node, "lineno", 0), getattr(node, "col_offset", 0)))
                waiting += ast.iter_child_nodes(node)
        return found

    def _is_in_loop(self, line: int) -> bool:
        loops = [node for node in self._nodes if isinstance(node, (ast.For, ast.AsyncFor, ast.While))]
        return any(loop.lineno <= line <= _last_line(loop) for loop in loops)

    def _bound(self) -> Set[str]:
        """Names that the file binds anywhere, but for arguments."""
        bound = set(self._origins)
        for node in self._nodes:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                bound.add(node.name)
            elif isinstance(node, ast.ExceptHandler) and node.name:
                bound.add(node.name)
            elif isinstance(node, ast.ImportFrom):  # _imports leaves out those of the file's own package
                bound.update(alias.asname or alias.name for alias in node.names if alias.name != "*")
            elif type(node).__name__ in ("MatchAs", "MatchStar", "MatchMapping"):  # Python 3.10
                bound.update(filter(None, (getattr(node, "name", None), getattr(node, "rest", None))))
        return bound

    def _arguments(self) -> Set[str]:
        return {node.arg for node in self._nodes if isinstance(node, ast.arg)}

    def _annotations(self) -> Set[Tuple[int, int]]:
        """Where the names of annotations stand that Python never looks up: text, also in typing.cast, and in a function."""
        never = "annotations" in [origin.rpartition(".")[2] for origin in self._origins.values()]
        texts: List[Any] = [node for node in self._nodes if isinstance(getattr(node, _TEXT, None), str)]
        places = {(node.lineno, node.col_offset) for node in texts}
        for node in self._nodes:
            roots = [getattr(node, "annotation", None), getattr(node, "returns", None)]
            for root in roots:
                for inner in ast.walk(root) if isinstance(root, ast.AST) else ():
                    if never or isinstance(node, ast.AnnAssign):
                        places.add((getattr(inner, "lineno", 0), getattr(inner, "col_offset", 0)))
        return places

    def _imports(self) -> Dict[str, str]:
        """Names that imports bind, with what they stand for: {"dt": "datetime", "sleep": "time.sleep"}."""
        origins = {}
        for node in self._nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    first = alias.name.split(".")[0]
                    origins[alias.asname or first] = alias.name if alias.asname else first
            elif isinstance(node, ast.ImportFrom) and not node.level:
                for alias in node.names:
                    if alias.name == "*":
                        inside = [name for name in list(_NOW) + ["time.sleep"] if name.startswith(f"{node.module}.")]
                        origins.update({name.split(".")[1]: ".".join(name.split(".")[:2]) for name in inside})
                    else:
                        origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return origins

    def _origin(self, node: ast.expr) -> str:
        """What `a.b.c` stands for, by the file's imports; "" if it is something else."""
        if isinstance(node, ast.Name):
            return self._origins.get(node.id, "")
        if isinstance(node, ast.Attribute):
            base = self._origin(node.value)
            return f"{base}.{node.attr}" if base else ""
        return ""


def syntax_text(error: SyntaxError) -> str:
    """Say in Chinese what is wrong, with Python's own words and the line itself."""
    said = str(error.msg)
    what = next((text for pattern, text in _SYNTAX if re.search(pattern, said)), "写法不对")
    line = (error.text or "").strip()
    return f"语法错误：{what}（{said}）" + (f"：{line[:200]}" if line else "")


_NO_LITERAL = object()
_TEXT = "s" if sys.version_info < (3, 8) else "value"
"""the attribute of a node that is a piece of text"""


def _literal(node: Optional[ast.expr]) -> Any:
    """The value that is written there, or _NO_LITERAL."""
    if node is None:
        return _NO_LITERAL
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _NO_LITERAL


def _last_line(node: ast.AST) -> int:
    """Of an expression; Python 3.6 and 3.7 only know where the parts begin."""
    lines: List[Optional[int]] = [
        getattr(part, name, None) for part in ast.walk(node) for name in ("lineno", "end_lineno")
    ]
    return max(line for line in lines if line is not None)
