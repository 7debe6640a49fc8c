"""Run a strategy's file in a namespace that already holds our names."""

import inspect
import os
import sys
import tokenize
import types
from typing import Any, Callable, Dict, List, Mapping

from jqtrade.busy_files import when_free
from jqtrade.errors import StrategyError
from jqtrade.home import absolute
from jqtrade.log import get_log
from jqtrade.own_imports import put_folder_first as put_folder_first

log = get_log("jqtrade")


class StrategyModule(types.ModuleType):
    """The module made of a strategy's file."""


def load_strategy(path: str, names: Dict[str, Any]) -> types.ModuleType:
    """Return the module made of the file at `path`, with `names` in it before its first line runs.

    The file's folder comes first on sys.path, so that modules beside it can be imported; the module is known to
    sys.modules by the file's name, so that a helper module that imports it gets this one, and what it defines can be
    pickled. Where that name is another module's (calendar.py), that one keeps it.

    Raises StrategyError if the file cannot be read, SyntaxError and whatever the file's own code raises otherwise.
    """
    try:
        with when_free(lambda: tokenize.open(path)) as file:
            source = file.read()
    except (OSError, UnicodeDecodeError, SyntaxError) as error:  # SyntaxError: of the coding line, or for its lack
        raise StrategyError(
            f"无法读取策略文件 {path}：{error}。文件应为 UTF-8 编码，或在第一行写明编码，例如 # -*- coding: gbk -*-"
        )
    put_folder_first(path)
    name = os.path.splitext(os.path.basename(path))[0]
    if not isinstance(sys.modules.get(name), (StrategyModule, type(None))):
        name = "jqtrade strategy " + name
    _warn_of_hidden_helpers(path)
    module = StrategyModule(name)
    module.__file__ = path
    module.__dict__.update(names)
    sys.modules[name] = module
    exec(compile(source, path, "exec"), module.__dict__)
    return module


def _warn_of_hidden_helpers(path: str) -> None:
    """Say which modules beside the strategy cannot be imported, since another one of that name is loaded already."""
    folder, own = os.path.split(os.path.abspath(path))
    try:
        names = sorted(os.path.splitext(name)[0] for name in os.listdir(folder) if name.endswith(".py") and name != own)
    except OSError:  # nothing in it can be imported
        return
    loaded = [(name, getattr(sys.modules.get(name), "__file__", "")) for name in names if name in sys.modules]
    hidden = [name + ".py" for name, file in loaded if not file or os.path.dirname(os.path.abspath(file)) != folder]
    if hidden:
        more = f" 等 {len(hidden)} 个文件" if len(hidden) > 5 else ""
        log.warning("策略旁边的 %s%s 与已经导入的模块同名，策略导入时得到的不是它，请改名", "、".join(hidden[:5]), more)


def defined_function(module: types.ModuleType, name: str) -> Any:
    """The function `name` of a strategy, or None. Raises StrategyError if it is something that cannot be called."""
    function = module.__dict__.get(name)
    if function is not None and not callable(function):
        raise StrategyError(f"策略文件里的 {name} 应为函数，实际是 {function!r}")
    return function


def python_path(entries: List[str]) -> List[str]:
    """Entries of PYTHONPATH as sys.path wants them: absolute, empty ones left out."""
    return [absolute(entry) for entry in entries if entry.strip()]


def apply_environment(env: Mapping[str, str]) -> None:
    """Set the variables of -e; entries of PYTHONPATH go to the front of sys.path, in their order."""
    variables = dict(env)
    if "PYTHONPATH" in variables:
        entries = python_path(variables["PYTHONPATH"].split(os.pathsep))
        sys.path[:0] = entries
        inherited = os.environ.get("PYTHONPATH")
        variables["PYTHONPATH"] = os.pathsep.join(entries + ([inherited] if inherited else []))
    os.environ.update(variables)


def accepts(function: Callable[..., Any], *arguments: Any) -> bool:
    """Whether `function` can be called with these positional arguments, as far as can be told."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # compiled code may not tell
        return True
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True
