"""The command line: verbs, their options, exit codes. Each verb's work is imported when it is called."""

# ruff: noqa: E402
import os
import sys


def _is_current(folder: str) -> bool:
    try:
        return folder in ("", os.getcwd())
    except OSError:  # it was removed, and Python has put nothing in front
        return False


if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False) and _is_current(sys.path[0]):
    # `python -m` lets a random.py or select.py of the current folder stand for Python's own; jqtrade itself may lie there.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    del sys.path[0]

import argparse
from typing import Any, Collection, Optional, Sequence

from jqtrade import __version__
from jqtrade.cli.arguments import Parser, existing_file, replay_day
from jqtrade.errors import InvalidParam, JqtradeError, TaskError
from jqtrade.home import absolute as absolute_path
from jqtrade.masking import visible
from jqtrade.streams import make_streams_safe, send_missing_to, why_output_is_lost


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="jqtrade", description="在自己的电脑上运行实盘策略")
    parser.add_argument("--version", action="version", version=f"jqtrade {__version__}", help="显示版本")
    verbs = parser.add_subparsers(
        dest="verb", metavar="{start_task,get_tasks,stop_task,halt_task,resume_task,run_now,check,replay,paper_broker}"
    )
    verbs.required = True

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

    get = verbs.add_parser("get_tasks", help="查询当前运行中的实盘任务", description="列出运行中的策略进程")
    get.add_argument("--json", action="store_true", help="以 JSON 输出, 字段稳定, 供程序读取")
    get.set_defaults(run=_get_tasks)

    stop = verbs.add_parser("stop_task", help="停止运行中的实盘任务", description="停止策略进程")
    stop.add_argument("-n", "--name", help="按实盘任务名称停止")
    stop.add_argument("-p", "--pid", type=int, help="按进程 pid 停止")
    stop.add_argument("--all", action="store_true", help="停止所有运行中的实盘任务, 忽略 -n 和 -p")
    stop.add_argument(
        "-s",
        "--signal",
        choices=["SIGTERM", "SIGKILL"],
        default="SIGTERM",
        help="SIGTERM(默认): 处理完当前事务再停止; SIGKILL: 立即结束",
    )
    stop.add_argument("--timeout", type=_seconds, default=10.0, help="最多等待的秒数, 默认 10")
    stop.set_defaults(run=_stop_task)

    halt = verbs.add_parser(
        "halt_task",
        help="暂停下单: 任务照常运行, 新的委托一律不发出",
        description="暂停下单, 直到 resume_task, 重新启动也不恢复",
    )
    _add_name_or_all(halt, "按实盘任务名称暂停, 没有在运行的从下次启动起暂停", "暂停所有运行中的实盘任务")
    halt.add_argument("--cancel-open", action="store_true", help="同时撤掉当天没有结束的订单")
    halt.add_argument(
        "--timeout", type=_seconds, default=10.0, help="有 --cancel-open 时, 最多等待任务撤单的秒数, 默认 10"
    )
    halt.set_defaults(run=_halt_task)

    resume = verbs.add_parser("resume_task", help="恢复下单", description="结束 halt_task 的暂停")
    _add_name_or_all(resume, "按实盘任务名称恢复", "恢复所有暂停的实盘任务, 包括没有在运行的")
    resume.set_defaults(run=_resume_task)

    run = verbs.add_parser(
        "run_now",
        help="让模拟交易的任务现在运行一次某个函数",
        description="让运行中的模拟交易任务在两个定时任务之间运行一次 run_daily 设置过的函数; 实盘的任务不行",
    )
    run.add_argument("-n", "--name", required=True, help="实盘任务名称")
    run.add_argument("function", metavar="FUNCTION", help="run_daily 设置过的函数的名称")
    run.add_argument("--timeout", type=_seconds, default=10.0, help="最多等待它运行完的秒数, 默认 10")
    run.set_defaults(run=_run_now)

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

    paper = verbs.add_parser(
        "paper_broker", help="模拟 One Quant 的 DMA 窗口", description="在文件单目录里扮演 One Quant 和交易所"
    )
    paper.add_argument("--order-dir", required=True, help="文件单目录")
    paper.add_argument("--account-no", required=True, help="资金账号")
    paper.add_argument("--cash", type=float, default=1000000.0, help="初始资金, 默认 1000000")
    paper.add_argument("--quotes", help="行情文件: code,last[,bid1,ask1,prev_close]; 不指定时使用虚构的行情")
    paper.add_argument("--bars", help="K 线文件或目录, 按它撮合; 不与 --quotes 同用")
    paper.add_argument("--commission", type=float, default=0.00025, help="佣金率, 默认 0.00025")
    paper.add_argument("--min-commission", type=float, default=5.0, help="每笔最低佣金, 默认 5")
    paper.add_argument("--fund-min-commission", type=float, help="基金的每笔最低佣金, 默认与 --min-commission 相同")
    paper.add_argument(
        "--max-quote-age", type=float, default=1800.0, help="多旧的价格不再成交, 交易时间的秒数, 默认 1800; 0: 不管多旧"
    )
    paper.add_argument("--volume-share", type=float, default=0.25, help="成交最多占一根 K 线成交量的几成, 默认 0.25")
    paper.add_argument("--actions", help="分红送股文件: date,code,cash_per_share,bonus_per_share")
    paper.add_argument("--encoding", default="gbk", help="输出文件的编码, 默认 gbk")
    paper.add_argument("--faults", action="store_true", help="故意制造残缺、延迟、重复、乱序的回报")
    paper.add_argument("--keep-hours", action="store_true", help="只在交易时间撮合")
    paper.add_argument("--seed", type=int, default=0, help="虚构行情和故障的随机种子")
    paper.add_argument("--truth", help="把每笔订单的真实结果写到这个 JSON 文件")
    paper.add_argument("--timezone", help="文件日期所用的时区, 与策略的选项 timezone 一致; 默认本机时区")
    paper.set_defaults(run=_paper_broker)
    _add_replay(verbs)
    return parser


def _add_replay(verbs: Any) -> None:
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


def _add_name_or_all(parser: argparse.ArgumentParser, name_help: str, all_help: str) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("-n", "--name", help=name_help)
    which.add_argument("--all", action="store_true", help=all_help)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1e9:
        raise ValueError(text)
    return seconds


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
        task = start(spec, on_slow=_say, say=_say)
    except KeyboardInterrupt:
        _say(f"不再等待，任务 {spec.name} 仍在后台启动，用 jqtrade get_tasks 查看")
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
        _say(f"没有标准输出，任务 {name} 的日志写到 {path}")
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


def _say(text: str) -> None:
    print(visible(text), file=sys.stderr)


def _get_tasks(args: argparse.Namespace) -> int:
    from jqtrade.home import home_dir
    from jqtrade.tasks.registry import TaskRegistry

    tasks = TaskRegistry(home_dir(), say=_say).list_tasks()
    if args.json:
        import json

        print(json.dumps([task.as_dict() for task in tasks], ensure_ascii=True, indent=2))
    elif not tasks:
        print(visible(f"没有运行中的实盘任务（在 {home_dir()} 里）"))
    for task in [] if args.json else tasks:
        print(_task_text(task))
    return 0


def _task_text(task: Any) -> str:
    state = {"starting": "启动中", "running": "运行中", "stopping": "停止中"}.get(task.state, task.state)
    lines = [
        "{}  pid {}  {}  启动于 {}{}".format(
            task.name, task.pid, state, task.started, "  模拟交易" if task.paper else ""
        ),
        f"  策略  {task.code}",
        "  日志  {}".format(task.log or "当前终端"),
        f"  任务  已运行 {task.jobs_run} 次，失败 {task.jobs_failed} 次",
    ]
    if task.halted:
        lines.append(f"  暂停  新的委托一律不发出，用 jqtrade resume_task -n {task.name} 恢复")
    if task.env:
        lines.append("  环境  {}".format(";".join(f"{name}={value}" for name, value in task.env.items())))
    if task.debug:
        lines.append("  调试  已开启")
    if task.current_job:
        lines.append(f"  当前  {task.current_job}，始于 {task.current_since}")
    if task.next_job:
        lines.append(f"  下次  {task.next_job}，{task.next_time}")
    if task.calendar_ends:
        lines.append(f"  日历  交易日只知道到 {task.calendar_ends}，之后周一到周五都当作交易日")
    if task.last_refusal:
        counts = ((task.orders_unsent, "没有发出"), (task.orders_rejected, "被券商拒绝"))
        refused = "，".join(f"{count} 笔{what}" for count, what in counts if count)
        lines.append(f"  拒绝  {task.refusals_day} 的委托有 {refused}；最近的是 {task.last_refusal}")
    if task.last_error:
        lines.append(f"  最近的错误  {task.last_error}")
    return "\n".join(visible(line.replace("\n", "\\n")) for line in lines)


def _stop_task(args: argparse.Namespace) -> int:
    from jqtrade.home import home_dir
    from jqtrade.tasks.launcher import stop
    from jqtrade.tasks.registry import TaskRegistry

    if not args.all and args.name is None and args.pid is None:
        raise InvalidParam("请用 -n 名称、-p 进程号 或 --all 指定要停止的任务。没有停止任何任务")
    registry = TaskRegistry(home_dir(), say=_say)
    if args.all:
        tasks = registry.list_tasks()
    else:
        tasks = [registry.find(name=args.name)] if args.name is not None else [registry.find(pid=args.pid)]
        if args.name is not None and args.pid is not None and tasks[0].pid != args.pid:
            raise InvalidParam(f"任务 {args.name} 的 pid 是 {tasks[0].pid}，不是 {args.pid}。没有停止任何任务")
    if not tasks:
        print("没有运行中的实盘任务")
    failed = False
    for result in stop(registry, tasks, force=args.signal == "SIGKILL", timeout=args.timeout):
        if result.error is None:
            print(f"任务 {result.task.name}（pid {result.task.pid}）已停止")
        else:
            failed = True
            _say(str(result.error))
    return 1 if failed else 0


def _halt_task(args: argparse.Namespace) -> int:
    from jqtrade.home import home_dir
    from jqtrade.tasks.halting import await_cancels, halt
    from jqtrade.tasks.registry import TaskRegistry

    if not args.all and args.name is None:
        raise InvalidParam("请用 -n 名称 或 --all 指定要暂停下单的任务。没有暂停任何任务")
    registry = TaskRegistry(home_dir(), say=_say)
    try:
        names = registry.running() if args.all else [args.name]
    except TaskError as error:
        raise TaskError(f"{error}。没有暂停任何任务，请用 -n 名称 一个个暂停") from error
    if not names:
        print("没有运行中的实盘任务，没有暂停任何任务")
    halts, answers = halt(registry, names, args.cancel_open)
    failed = False
    for answer in answers + [one.answer for one in halts]:
        failed = not _answer(answer) or failed
    for answer in await_cancels(registry, halts, args.timeout):
        failed = not _answer(answer) or failed
    return 1 if failed else 0


def _answer(answer: Any) -> bool:
    """Print an Answer where it belongs and say whether all that was asked for has been done."""
    print(visible(answer.text), file=sys.stdout if answer.done else sys.stderr, flush=True)
    return bool(answer.done)


def _resume_task(args: argparse.Namespace) -> int:
    from jqtrade.home import home_dir
    from jqtrade.tasks.registry import TaskRegistry

    if not args.all and args.name is None:
        raise InvalidParam("请用 -n 名称 或 --all 指定要恢复下单的任务。没有恢复任何任务")
    registry = TaskRegistry(home_dir(), say=_say)
    names = registry.halted() if args.all else [args.name]
    if not names:
        print("没有暂停下单的实盘任务")
    failed = False
    for name in names:
        try:
            was_halted = registry.resume(name)
        except JqtradeError as error:
            failed = True
            _say(f"错误：{error}")
        else:
            print(f"任务 {name} 已恢复下单" if was_halted else f"任务 {name} 没有暂停下单，不需要恢复")
    return 1 if failed else 0


def _run_now(args: argparse.Namespace) -> int:
    from jqtrade.home import home_dir
    from jqtrade.tasks.registry import TaskRegistry
    from jqtrade.tasks.running_now import run_now

    registry = TaskRegistry(home_dir(), say=_say)
    return 0 if _answer(run_now(registry, args.name, args.function, args.timeout)) else 1


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


def _paper_broker(args: argparse.Namespace) -> int:
    from jqtrade.onequant_terminal.program import run_paper_broker

    return run_paper_broker(
        order_dir=args.order_dir,
        account_no=args.account_no,
        cash=args.cash,
        quotes=args.quotes,
        encoding=args.encoding,
        faults=args.faults,
        keep_hours=args.keep_hours,
        seed=args.seed,
        truth=args.truth,
        timezone=args.timezone,
        bars=args.bars,
        commission=args.commission,
        min_commission=args.min_commission,
        volume_share=args.volume_share,
        actions=args.actions,
        fund_min_commission=args.fund_min_commission,
        max_quote_age=args.max_quote_age or None,
    )


def _replay(args: argparse.Namespace) -> int:
    from jqtrade.replay.command import replay

    return replay(args)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command. Returns its exit code: 0 done, 1 failed, 2 wrong usage."""
    missing = make_streams_safe()
    args = _parser().parse_args(argv, argparse.Namespace(missing_streams=missing))
    try:
        code: int = args.run(args)
    except JqtradeError as error:
        _say(f"错误：{error}")
        code = 1
    except KeyboardInterrupt:
        _say("已中断，不再等待；已经做的不会撤回，用 jqtrade get_tasks 查看")
        code = 130
    sys.stdout.flush()
    lost = why_output_is_lost()
    if lost:
        _say(f"标准输出没有写全：{lost}。命令本身的结果见退出码 {code}")
    return code


if __name__ == "__main__":
    sys.exit(main())
