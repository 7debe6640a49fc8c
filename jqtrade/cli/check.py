"""The verb that looks at a strategy before it is started: check."""

import argparse

from jqtrade.cli.parser import Parser
from jqtrade.hints import existing_file


def add(verbs: "argparse._SubParsersAction[Parser]") -> None:
    check = verbs.add_parser(
        "check",
        help="启动之前检查策略文件",
        description="检查策略文件, 列出所有问题和下一个交易日的时间表; 会运行 process_initialize, 不下单",
    )
    check.add_argument("-c", "--code", required=True, help="策略代码路径")
    check.add_argument(
        "-e", "--env", action="append", default=[], help='策略进程的环境变量, 同 start_task, 示例: -e "A=1;B=2"'
    )
    check.add_argument("--config", help="自定义配置文件路径")
    check.add_argument("--paper", action="store_true", help="按 start_task --paper 检查, 不看资金账号和文件单目录")
    check.add_argument("--json", action="store_true", help="以 JSON 输出, 字段稳定, 供程序读取")
    check.set_defaults(run=_check)


def _check(args: argparse.Namespace) -> int:
    from jqtrade.check.command import run_check
    from jqtrade.home import home_dir
    from jqtrade.tasks.spec import parse_env

    return run_check(
        code=existing_file(args.code, "策略文件", "没有检查"),
        config=None if args.config is None else existing_file(args.config, "配置文件", "没有检查"),
        env=parse_env(";".join(args.env)),
        paper=args.paper,
        home=home_dir(),
        as_json=args.json,
    )
