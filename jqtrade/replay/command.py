"""`jqtrade replay`: from the arguments to what stands on the terminal in the end."""

import argparse
import json
import os
import sys
from typing import List, TextIO

from jqtrade.clock import SystemClock
from jqtrade.errors import InvalidParam
from jqtrade.hints import existing_file, existing_path
from jqtrade.market.rules import normal_code
from jqtrade.masking import visible
from jqtrade.replay.replay import Outcome, ReplaySpec, run_replay
from jqtrade.report.summary import percent
from jqtrade.runtime.process_end import end_command
from jqtrade.streams import open_output
from jqtrade.tasks.spec import parse_env


def replay(args: argparse.Namespace) -> int:
    """Run the verb. Returns the exit code; raises JqtradeError, with nothing written, if nothing could be played."""
    spec = ReplaySpec(
        code=existing_file(args.code, "策略文件", "没有做任何操作"),
        start=args.start,
        end=args.end,
        bars=None if args.bars is None else existing_path(args.bars, "行情", "没有做任何操作"),
        cash=args.cash,
        out=args.out,
        speed=args.speed,
        seed=args.seed,
        env=parse_env(";".join(args.env)),
        config=None if args.config is None else existing_file(args.config, "配置文件", "没有做任何操作"),
        debug=args.debug,
        strict=args.strict,
        through_files=args.through_files,
        benchmark=None if args.benchmark is None else _code(args.benchmark),
    )
    answer = _keep_stdout_clean() if args.json else sys.stdout
    try:
        outcome = run_replay(spec, SystemClock().now())
    except KeyboardInterrupt:
        print("已立即结束，结果没有写完", file=sys.stderr)
        end_command(1)
        return 1
    text = visible(_text(outcome))
    print(text, file=sys.stderr if args.json else answer, flush=True)
    if args.json:
        print(json.dumps(outcome.summary.as_dict(), ensure_ascii=True), file=answer, flush=True)
    end_command(outcome.exit_code)
    return outcome.exit_code


def _keep_stdout_clean() -> TextIO:
    """Let all that is printed from now on, by native code and children too, go to the standard error.

    Returns the standard output as it was.
    """
    sys.stdout.flush()
    answer = open_output(os.dup(1), "ascii")
    os.dup2(2, 1)
    return answer


def _code(text: str) -> str:
    code = normal_code(text)
    if code is None:
        raise InvalidParam(f"--benchmark {text!r} 不正确，应为 '510300.XSHG' 这样的代码。没有做任何操作")
    return code


def _text(outcome: Outcome) -> str:
    """The summary in Chinese."""
    figures = outcome.summary
    lines: List[str] = []
    if figures.synthetic_prices:
        lines.append("价格是编造的（没有给 --bars），盈亏没有意义")
    lines += [
        f"回放 {figures.start} 到 {figures.end}，{figures.trading_days} 个交易日",
        f"  任务  运行 {figures.jobs_run} 次，出错 {figures.jobs_failed} 次",
        f"  订单  {figures.orders} 笔，成交 {figures.fills} 笔，被拒绝 {figures.rejected} 笔",
    ]
    lines += [
        f"        {count} 笔：{reason}{'' if count == 1 else '（等）'}" for reason, count in outcome.refusals.items()
    ]
    lines += [
        f"  资产  {figures.start_value:,.2f} -> {figures.end_value:,.2f}，收益 {percent(figures.return_)}，"
        f"最大回撤 {percent(figures.max_drawdown)}，费用 {figures.fees:,.2f}",
    ]
    return "\n".join(lines + outcome.notes + [f"结果在 {outcome.folder}"])
