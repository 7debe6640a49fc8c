"""Read a --config file: a Python file whose names SCHEDULER_X and ACCOUNT_X are defaults for option x."""

import runpy
import types
from typing import Any, Dict

from jqtrade.busy_files import when_free
from jqtrade.errors import InvalidParam
from jqtrade.gates.options import strategy_options
from jqtrade.options import ALIASES, SCHEDULER
from jqtrade.runtime.start_errors import explain


def read_config(path: str) -> Dict[str, Any]:
    """Return the options that the file at `path` sets, by option name, unchecked.

    Names that begin with an underscore or hold lower-case letters, and imported modules, are the file's own business.
    Raises InvalidParam for any other name that is not SCHEDULER_X or ACCOUNT_X, or for an option under the wrong one.
    """
    try:
        when_free(lambda: open(path, "rb")).close()  # not around what comes: the user's code runs once
        names = runpy.run_path(path)
    except OSError as error:
        raise InvalidParam(f"无法读取配置文件 {path}：{error}")
    except Exception as error:  # the file is the user's code and may raise anything
        raise InvalidParam(f"配置文件 {path} 运行出错：{explain(error, path)}") from None
    options = strategy_options()
    settings = {}
    for name, value in names.items():
        if name.startswith("_") or name != name.upper() or isinstance(value, types.ModuleType):
            continue
        prefix, _, option = name.partition("_")
        option = option.lower()
        if prefix not in ("SCHEDULER", "ACCOUNT") or not option:
            raise InvalidParam(f"配置文件 {path} 里的 {name} 无法识别，应为 SCHEDULER_选项名 或 ACCOUNT_选项名")
        known = ALIASES.get(option, option)
        if options.is_known(known):
            right = "SCHEDULER_" if options.scope(known) == SCHEDULER else "ACCOUNT_"
            if prefix + "_" != right:
                raise InvalidParam(f"配置文件 {path} 里的 {name} 应写成 {right}{option.upper()}")
        elif prefix == "SCHEDULER":  # what ACCOUNT_ is unknown to us may be known to a gate of the user's own
            options.check({option: value})
        settings[option] = value
    return settings
