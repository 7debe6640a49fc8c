"""Find the trade gate that a strategy names: "anxin", "paper", "package.module.Class", a class, or an installed plug-in."""

import difflib
import importlib
from typing import Any, Dict, Type

from jqtrade.account.gate import AbsTradeGate
from jqtrade.errors import InvalidParam
from jqtrade.own_imports import own_imports

ENTRY_POINT_GROUP = "jqtrade.trade_gates"

BUILTIN = {
    "anxin": "jqtrade.gates.onequant.gate.AnXinDMATradeGate",
    "paper": "jqtrade.gates.paper.PaperTradeGate",
}


def find_trade_gate(value: Any) -> Type[AbsTradeGate]:
    """Return the class that the option trade_gate names. Raises InvalidParam if there is none, or if it is no trade gate."""
    if isinstance(value, str) and value in BUILTIN:
        module_name, _, class_name = BUILTIN[value].rpartition(".")
        with own_imports():
            value = getattr(importlib.import_module(module_name), class_name)
    found = _named(value) if isinstance(value, str) else value
    if not isinstance(found, type) or not issubclass(found, AbsTradeGate):
        raise InvalidParam(f"trade_gate={value!r} 不是 jqtrade.account.AbsTradeGate 的子类")
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise InvalidParam("交易接口 {} 还没有实现：{}".format(found.__name__, "、".join(missing)))
    return found


def _named(name: str) -> Any:
    with own_imports():
        plug_ins = _entry_points()
    if name in plug_ins:
        try:
            return plug_ins[name].load()
        except (ImportError, AttributeError) as error:
            raise InvalidParam(f"无法导入已安装的交易接口 trade_gate={name!r}：{error}")
    module_name, _, class_name = name.rpartition(".")
    if not module_name:
        known = [*BUILTIN, *sorted(plug_ins)]
        near = difflib.get_close_matches(name, known, 1, 0.0)
        raise InvalidParam(f"没有交易接口 {name!r}，最接近的是 {near[0]!r}；自己的类请写成 '模块.类名'")
    try:
        return getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, TypeError) as error:  # TypeError: a name that begins with a dot
        raise InvalidParam(f"无法导入交易接口 trade_gate={name!r}：{error}")


def _entry_points() -> Dict[str, Any]:
    """Installed plug-ins by name."""
    try:
        from importlib import metadata
    except ImportError:  # Python 3.6 and 3.7
        try:
            import pkg_resources
        except ImportError:  # without setuptools there are no plug-ins to be found
            return {}
        return {point.name: point for point in pkg_resources.iter_entry_points(ENTRY_POINT_GROUP)}
    points: Any = metadata.entry_points()
    if hasattr(points, "select"):
        return {point.name: point for point in points.select(group=ENTRY_POINT_GROUP)}
    return {point.name: point for point in points.get(ENTRY_POINT_GROUP, ())}  # Python 3.8 and 3.9
