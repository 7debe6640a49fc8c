"""What is read in a strategy's file without running it: its calls of our functions, of the real clock, its imports.

Which names are defined is for pyflakes to say, where it is installed; here stands which of its findings are certain.
"""

import ast
import importlib
import re
import tokenize
import warnings
from typing import Any, Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Set, Tuple

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


_NAME_MAKERS = {"exec", "globals", "vars", "locals", "__builtins__", "builtins", "f_globals", "f_locals", "modules"}
"""by which a file may define names that cannot be read there; the last one of sys"""

_API = "jqtrade.api."
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_BRANCHES = (ast.If, ast.Try)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)

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
    time: Optional[str]
    """None if it is no literal"""
    is_guarded: bool
    """whether it stands in a `try` or `if`: what it raises may be meant, or may not be for this machine"""


class SetOptions(NamedTuple):
    """A call of set_options as it is written: its literals."""

    first_line: int
    last_line: int
    options: Dict[str, Any]
    others: FrozenSet[str]
    """the names of those that are set to something else"""
    is_open: bool
    """whether there may be more: **options"""
    is_guarded: bool
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
        self._parents = {id(child): node for node in self._nodes for child in ast.iter_child_nodes(node)}
        self._imports = self._read_imports()
        self._stars = {module for module, alias, _ in self._imports if alias.name == "*"}
        self._imports_unknown = bool(self._stars - absent_modules(self._stars) - {"jqtrade.api"})
        """whether everything is imported from a module that may define names that we do not know"""
        self._origins = self._read_origins()
        self._bound = self._bound_names()

    def undefined(self) -> Optional[List[Undefined]]:
        """Names that are used and defined nowhere; None if pyflakes is not installed, or fails on this file."""
        try:
            with own_imports():
                checker: Any = importlib.import_module("pyflakes.checker")
            messages = checker.Checker(self._tree, filename=self.path, builtins=self._names).messages
        except Exception:  # one that is older than Python itself may raise anything
            return None
        kinds = {"UndefinedName", "UndefinedLocal"} | (set() if self._imports_unknown else {"ImportStarUsage"})
        places = {(node.lineno, node.col_offset, node.id): node for node in self._nodes if isinstance(node, ast.Name)}
        found = []
        for message in messages:
            kind, arguments = type(message).__name__, message.message_args
            name = arguments if isinstance(arguments, str) else arguments[0] if arguments else ""
            node = places.get((message.lineno, message.col, name))
            # What stands in a text is no Name; of the annotations, Python looks up some, as it loads the file.
            if kind not in kinds or node is None or self._is_annotation(node):
                continue
            if kind == "UndefinedLocal":
                found.append(Undefined(name, node.lineno, True, not self._is_in(node, _LOOPS)))
            else:
                is_sure = self._is_in(node, _FUNCTIONS) or not self._is_in(node, _BRANCHES)
                found.append(Undefined(name, node.lineno, False, is_sure))
        return found

    def unused_functions(self) -> List[Tuple[str, int]]:
        """The functions at the top of the file that nothing in it names, with their lines."""
        used = {node.id for node in self._nodes if isinstance(node, ast.Name)}
        functions = [node for node in self._tree.body if isinstance(node, ast.FunctionDef)]
        return [(node.name, node.lineno) for node in functions if node.name not in used]

    @property
    def may_make_names(self) -> bool:
        """Whether the file may define names that cannot be read there: by exec, globals(), or what it tries to import."""
        words = {getattr(node, field, None) for node in self._nodes for field in ("id", "attr", "name")}
        tried = [node for _, alias, node in self._imports if alias.name == "*" and self._is_in(node, _BRANCHES)]
        return bool(tried or words & _NAME_MAKERS)

    def defines(self, name: str) -> bool:
        """Whether the file binds the name anywhere, or imports what may hold it."""
        return name in self._bound or self._imports_unknown

    def absent_imports(self) -> List[Tuple[str, int]]:
        """Modules of 聚宽 that the file imports in any case, and that are not here, with their lines.

        An import in a function or a branch may be meant for 聚宽 alone.
        """
        imports = [(module, node.lineno) for module, _, node in self._imports if node in self._tree.body]
        absent = absent_modules([module for module, _ in imports])
        return [(module, line) for module, line in imports if module in absent]

    def imported_roots(self) -> Set[str]:
        """The top-level modules that the file imports; "" stands for its own package."""
        return {module.split(".")[0] for module, _, _ in self._imports}

    def imports_all_of(self, module: str) -> bool:
        """Whether the file says `from module import *`."""
        return module in self._stars

    def mentions(self, name: str) -> bool:
        """Whether the file uses one of our functions otherwise than by calling it: gives it to others, renames it."""
        called = {id(node.func) for node in self._calls(name)}
        return any(
            getattr(node, "attr", None) == name or (getattr(node, "id", None) == name and id(node) not in called)
            for node in self._nodes
        )

    def asks_for_account(self) -> List[Tuple[str, int]]:
        """Where our functions of the account are called, and `context.portfolio` is read, as far as that is certain."""
        found = []
        for node in self._nodes:
            if isinstance(node, ast.Attribute) and node.attr == "portfolio":
                if isinstance(node.value, ast.Name) and node.value.id == "context":
                    found.append(("portfolio", node.lineno))
            elif isinstance(node, ast.Call):
                origin = self._origin(node.func)
                if isinstance(node.func, ast.Name) and node.func.id not in self._bound and not self._imports_unknown:
                    origin = _API + node.func.id
                if origin.startswith(_API) and origin[len(_API) :] in OF_ACCOUNT:
                    found.append((origin[len(_API) :], node.lineno))
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
            function, time = getattr(given.get("func"), "id", ""), _literal(given.get("time"))
            literal = time if isinstance(time, str) else None
            found.append(RunDaily(node.lineno, _last_line(node), function, literal, self._is_in(node, _BRANCHES)))
        return found

    def set_options(self) -> List[SetOptions]:
        """The calls of set_options, with those options whose values are literals."""
        found = []
        for node in self._calls("set_options"):
            values = {keyword.arg: _literal(keyword.value) for keyword in node.keywords if keyword.arg}
            options = {name: value for name, value in values.items() if value is not _NO_LITERAL}
            others = frozenset(values) - frozenset(options)
            is_open = any(keyword.arg is None for keyword in node.keywords)
            is_guarded = self._is_in(node, _BRANCHES)
            found.append(SetOptions(node.lineno, _last_line(node), options, others, is_open, is_guarded))
        return found

    def _calls(self, name: str) -> List[ast.Call]:
        if name in self._bound and self._origins.get(name) != _API + name:
            return []  # the file has one of its own
        return [
            node
            for node in self._nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        ]

    def _is_in(self, node: ast.AST, kinds: Tuple[type, ...]) -> bool:
        """Whether the node is part of one of these kinds."""
        while id(node) in self._parents:
            node = self._parents[id(node)]
            if isinstance(node, kinds):
                return True
        return False

    def _is_annotation(self, node: ast.AST) -> bool:
        """Whether the node is part of an annotation."""
        while id(node) in self._parents:
            inner, node = node, self._parents[id(node)]
            if inner in (getattr(node, "annotation", None), getattr(node, "returns", None)):
                return True
        return False

    def _bound_names(self) -> Set[str]:
        """Names that the file binds anywhere."""
        bound: Set[str] = set()
        for node in self._nodes:
            if isinstance(node, ast.Name):
                bound.update([] if isinstance(node.ctx, ast.Load) else [node.id])
            elif isinstance(node, ast.arg):
                bound.add(node.arg)
            elif isinstance(node, ast.alias):
                bound.add(node.asname or node.name.split(".")[0])
            else:  # functions, classes, caught errors, and what a `match` captures
                bound.update(filter(None, (getattr(node, "name", None), getattr(node, "rest", None))))
        return bound

    def _read_imports(self) -> List[Tuple[str, ast.alias, ast.stmt]]:
        """Each import: the module, "" for one of the file's own package, what is imported, and the statement."""
        found: List[Tuple[str, ast.alias, ast.stmt]] = []
        for node in self._nodes:
            if isinstance(node, ast.Import):
                found += [(alias.name, alias, node) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                found += [("" if node.level else node.module or "", alias, node) for alias in node.names]
        return found

    def _read_origins(self) -> Dict[str, str]:
        """Names that imports bind, with what they stand for: {"dt": "datetime", "sleep": "time.sleep"}."""
        origins = {}
        for module, alias, node in self._imports:
            root = module.split(".")[0]
            if isinstance(node, ast.Import):
                origins[alias.asname or root] = module if alias.asname else root
            elif alias.name == "*":
                names = [name.split(".") for name in (*_NOW, "time.sleep")]
                origins.update({first: f"{module}.{first}" for of, first, *_ in names if of == module})
            else:
                origins[alias.asname or alias.name] = f"{module}.{alias.name}"
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
