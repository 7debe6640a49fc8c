"""Run one command: what it said, what it could not say, and its exit code."""

import argparse
import sys
from typing import Optional, Sequence

from jqtrade import __version__
from jqtrade.cli import check, paper_broker, replay, start_task, tasks
from jqtrade.cli.parser import Parser
from jqtrade.errors import JqtradeError
from jqtrade.streams import make_streams_safe, say, why_output_is_lost


def make_parser() -> Parser:
    """The parser of every verb. Each file of verbs adds its own, and imports what does the work when one is called."""
    parser = Parser(prog="jqtrade", description="在自己的电脑上运行实盘策略")
    parser.add_argument("--version", action="version", version=f"jqtrade {__version__}", help="显示版本")
    verbs = parser.add_subparsers(
        dest="verb", metavar="{start_task,get_tasks,stop_task,halt_task,resume_task,run_now,check,replay,paper_broker}"
    )
    verbs.required = True
    for family in (start_task, tasks, check, paper_broker, replay):
        family.add(verbs)
    return parser


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command. Returns its exit code: 0 done, 1 failed, 2 wrong usage."""
    missing = make_streams_safe()
    args = make_parser().parse_args(argv, argparse.Namespace(missing_streams=missing))
    try:
        code: int = args.run(args)
    except JqtradeError as error:
        say(f"错误：{error}")
        code = 1
    except KeyboardInterrupt:
        say("已中断，不再等待；已经做的不会撤回，用 jqtrade get_tasks 查看")
        code = 130
    sys.stdout.flush()
    lost = why_output_is_lost()
    if lost:
        say(f"标准输出没有写全：{lost}。命令本身的结果见退出码 {code}")
    return code
