"""The verbs for tasks that run: get_tasks, stop_task, halt_task, resume_task, run_now."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from jqtrade.cli.parser import Parser
from jqtrade.errors import InvalidParam, JqtradeError, TaskError
from jqtrade.home import home_dir
from jqtrade.masking import visible
from jqtrade.streams import say

if TYPE_CHECKING:
    from jqtrade.tasks.registry import TaskRegistry


def add(verbs: "argparse._SubParsersAction[Parser]") -> None:
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


def _add_name_or_all(parser: argparse.ArgumentParser, name_help: str, all_help: str) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument("-n", "--name", help=name_help)
    which.add_argument("--all", action="store_true", help=all_help)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1e9:
        raise ValueError(text)
    return seconds


def _registry() -> "TaskRegistry":
    from jqtrade.tasks.registry import TaskRegistry

    return TaskRegistry(home_dir(), say=say)


def _get_tasks(args: argparse.Namespace) -> int:
    tasks = _registry().list_tasks()
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
    from jqtrade.tasks.launcher import stop

    if not args.all and args.name is None and args.pid is None:
        raise InvalidParam("请用 -n 名称、-p 进程号 或 --all 指定要停止的任务。没有停止任何任务")
    registry = _registry()
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
            say(str(result.error))
    return 1 if failed else 0


def _halt_task(args: argparse.Namespace) -> int:
    from jqtrade.tasks.asking import await_cancels, halt

    if not args.all and args.name is None:
        raise InvalidParam("请用 -n 名称 或 --all 指定要暂停下单的任务。没有暂停任何任务")
    registry = _registry()
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
    if not args.all and args.name is None:
        raise InvalidParam("请用 -n 名称 或 --all 指定要恢复下单的任务。没有恢复任何任务")
    registry = _registry()
    names = registry.halted() if args.all else [args.name]
    if not names:
        print("没有暂停下单的实盘任务")
    failed = False
    for name in names:
        try:
            was_halted = registry.resume(name)
        except JqtradeError as error:
            failed = True
            say(f"错误：{error}")
        else:
            print(f"任务 {name} 已恢复下单" if was_halted else f"任务 {name} 没有暂停下单，不需要恢复")
    return 1 if failed else 0


def _run_now(args: argparse.Namespace) -> int:
    from jqtrade.tasks.asking import run_now

    registry = _registry()
    return 0 if _answer(run_now(registry, args.name, args.function, args.timeout)) else 1
