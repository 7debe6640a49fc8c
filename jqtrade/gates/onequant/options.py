"""The options of One Quant's gate."""

import sys
from typing import Any, Dict

from jqtrade.errors import InvalidParam
from jqtrade.options import Option, fail, flag, is_number, path, seconds, text


def _encoding(name: str, value: Any) -> str:
    try:
        "".encode(text(name, value))
    except (LookupError, ValueError):
        raise fail(name, value, "Python 认识的编码名，例如 'gbk' 或 'utf-8'")
    return str(value)


def _account_no(name: str, value: Any) -> str:
    if isinstance(value, int):
        raise InvalidParam(f"选项 {name} 应为字符串，请给账号加上引号，例如 account_no='1234567'")
    return text(name, value)


def _retry(name: str, value: Any) -> Dict[str, Any]:
    right = "字典，可含 max_attempts（不小于 1 的整数）和 attempt_internal（不小于 0 的秒数）"
    if not isinstance(value, dict) or set(value) - {"max_attempts", "attempt_internal"}:
        raise fail(name, value, right)
    retry = {"max_attempts": 3, "attempt_internal": 0.15}
    retry.update(value)
    attempts, interval = retry["max_attempts"], retry["attempt_internal"]
    if (
        not isinstance(attempts, int)
        or isinstance(attempts, bool)
        or attempts < 1
        or not is_number(interval)
        or interval < 0
    ):
        raise fail(name, value, right)
    return retry


ONEQUANT_OPTIONS = (
    Option("account_no", None, _account_no),
    Option("order_dir", r"C:\Ax\安信OneQuant\AxOneQuant\csvTemplate\DMA算法", path),
    Option("account_type", "STOCK", text),
    Option(
        "counter_type",
        "UF0",
        text,
        "柜台类型 counter_type 没有设置，使用 UF0（金证极速）；普通股票账户是 UM0，请用 set_options(counter_type='UM0') 设置",
    ),
    Option("algo_type", "DMA", text),
    Option("wait_lock_internal", 0.05, seconds),
    Option("file_encoding", sys.getfilesystemencoding(), _encoding),
    Option("sync_retry_kwargs", {"max_attempts": 3, "attempt_internal": 0.15}, _retry),
    Option("ignore_error_line", True, flag),
    Option("reread_internal", 30.0, seconds),
)
