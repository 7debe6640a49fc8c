"""The verb that starts a strategy: start_task, in this process or in one of its own."""

import argparse
import os
from typing import Collection, Optional

from jqtrade.cli.parser import Parser
from jqtrade.errors import InvalidParam, TaskError
from jqtrade.hints import existing_file
from jqtrade.home import absolute as absolute_path
from jqtrade.masking import visible
from jqtrade.streams import say, send_missing_to


def add(verbs: "argparse._SubParsersAction[Parser]") -> None:
    start = verbs.add_parser("start_task", help="创建新的实盘任务", description="启动策略进程")
    start.add_argument("-n", "--name", required=True, help="实盘任务名称, 唯一标识该实盘任务, 不能重复")
    start.add_argument("-c", "--code", required=True, help="策略代码路径")
    start.add_argument(
        "-o", "--out", help="日志路径, 指定后任务在后台运行; 不指定时在当前终端运行, 打印到标准输出/错误"
    )
    start.add_argument(
        "-e",
        "--env",
        action="append",
        default=[],
        help='策略进程的环境变量, 用分号分隔, 整个值用双引号括起来, 也可以写多个 -e, 示例: -e "A=1;B=2"',
    )
    start.add_argument("--config", help="自定义配置文件路径")
    start.add_argument("--debug", action="store_true", help="日志更丰富, 包含更多 jqtrade 系统日志")
    start.add_argument(
        "--detach", action="store_true", help="在后台运行; 没有 -o 时日志写到 $JQTRADE_HOME/logs/名称.log"
    )
    start.add_argument("--paper", action="store_true", help="用内置的模拟交易所演练, 不碰券商的文件单")
    start.add_argument("--fresh", action="store_true", help="模拟账户从头开始; 原来的移到旁边, 日志里说移到了哪里")
    start.add_argument("--no-check", action="store_true", help="策略文件里找到错误也启动")
    start.set_defaults(run=_start_task)


def _start_task(args: argparse.Namespace) -> int:
    from jqtrade.home import home_dir
    from jqtrade.tasks.spec import TaskSpec, check_name, new_token, parse_env

    name, home = check_name(args.name), home_dir()
    log = None if args.out is None else _log_path(args.out)
    in_foreground = log is None and not args.detach
    if "stdout" in args.missing_streams:
        log = _log_instead_of_streams(name, home, log, args.missing_streams, in_foreground)
    spec = TaskSpec(
        name=name,
        code=existing_file(args.code, "策略文件", "任务没有启动"),
        log=log,
        env=parse_env(";".join(args.env)),
        config=None if args.config is None else existing_file(args.config, "配置文件", "任务没有启动"),
        debug=args.debug,
        paper=args.paper,
        home=home,
        token=new_token(),
        fresh=args.fresh,
        check=not args.no_check,
    )
    if in_foreground:
        from jqtrade.runtime.worker import run_task

        _say_if_halted(spec.name, spec.home)
        return run_task(spec)
    from jqtrade.tasks.launcher import start

    try:
        task = start(spec, on_slow=say, say=say)
    except KeyboardInterrupt:
        say(f"不再等待，任务 {spec.name} 仍在后台启动，用 jqtrade get_tasks 查看")
        return 1
    print(visible(f"任务 {task.name} 已启动，pid {task.pid}，日志 {task.log}"))
    _say_if_halted(task.name, spec.home)
    return 0


def _log_instead_of_streams(
    name: str, home: str, log: Optional[str], missing: Collection[str], in_foreground: bool
) -> str:
    """Let the log of the task, `log` or that of its name, take what the missing streams cannot. Returns its path.

    Under pythonw, from the Task Scheduler, this is the only trace of a start that fails.
    """
    from jqtrade.tasks.launcher import default_log
    from jqtrade.tasks.platform import open_log

    path = default_log(home, name) if log is None else log
    if in_foreground and "stderr" not in missing:
        say(f"没有标准输出，任务 {name} 的日志写到 {path}")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        fd = open_log(path)
    except OSError as error:
        raise TaskError(f"任务 {name} 没有启动：{error}（日志路径 {path}）") from error
    send_missing_to(fd, missing)
    os.close(fd)
    return path


def _say_if_halted(name: str, home: str) -> None:
    from jqtrade.tasks.registry import TaskRegistry

    if TaskRegistry(home).is_halted(name):
        print(f"任务 {name} 处于暂停下单状态，用 jqtrade resume_task -n {name} 恢复", flush=True)


def _log_path(path: str) -> str:
    absolute = absolute_path(path)
    if os.path.isdir(absolute):
        raise InvalidParam(f"日志路径是一个目录：{absolute}，请写成文件，例如 demo.log。任务没有启动")
    return absolute
