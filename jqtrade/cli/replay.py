"""The verb that plays past days: replay."""

import argparse
from datetime import date
from typing import Optional

from jqtrade.cli.parser import Parser

_FIRST_YEAR, _LAST_YEAR = 1990, 2100
"""of days that can be replayed: the exchange opened in 1990"""


def add(verbs: "argparse._SubParsersAction[Parser]") -> None:
    replay = verbs.add_parser(
        "replay", help="用过去的行情回放策略", description="同一个策略文件，在虚拟的时间里跑过去的交易日"
    )
    replay.add_argument("-c", "--code", required=True, help="策略代码路径")
    replay.add_argument("--start", required=True, type=replay_day, help="从哪一天开始, 例如 2026-01-05")
    replay.add_argument("--end", required=True, type=replay_day, help="到哪一天为止, 包括这一天")
    replay.add_argument("--bars", help="历史行情: CSV 或 Parquet 文件, 或装着它们的目录; 不指定时价格是编造的")
    replay.add_argument("--cash", type=_money, help="起始资金, 默认是策略的选项 paper_cash, 或 1000000")
    replay.add_argument(
        "--out", help="结果写到哪个目录, 以前的结果会被替换; 默认 replay-策略-开始-结束 里以时间命名的新目录"
    )
    replay.add_argument(
        "--speed", type=_speed, default=None, help="max(默认): 尽快; 或一个数字: 真实的 1 秒里回放多少秒"
    )
    replay.add_argument("--seed", type=int, help="订单号和编造价格的随机种子, 默认 0")
    replay.add_argument("--json", action="store_true", help="标准输出只有一个 JSON 对象, 供程序读取")
    replay.add_argument(
        "-e", "--env", action="append", default=[], help='策略的环境变量, 同 start_task, 示例: -e "A=1;B=2"'
    )
    replay.add_argument("--config", help="自定义配置文件路径")
    replay.add_argument("--debug", action="store_true", help="日志更丰富, 包含更多 jqtrade 系统日志")
    replay.add_argument("--strict", action="store_true", help="任务一出错就停止, 退出码 1; 默认与实盘一样继续")
    replay.add_argument("--through-files", action="store_true", help="经过 One Quant 的文件单, 写在临时目录里")
    replay.add_argument("--benchmark", help="报告里用来比较的代码, 例如 510300.XSHG")
    replay.set_defaults(run=_replay)


def replay_day(text: str) -> date:
    """An argument that is a day, in any of the usual spellings."""
    from jqtrade.market.calendar import parse_day

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


def _money(text: str) -> float:
    money = float(text)
    if not 0 < money < 1e15:
        raise ValueError(text)
    return money


def _speed(text: str) -> Optional[float]:
    if text == "max":
        return None
    speed = float(text)
    if not 0 < speed < 1e9:
        raise ValueError(text)
    return speed


def _replay(args: argparse.Namespace) -> int:
    from jqtrade.replay.command import replay

    return replay(args)
