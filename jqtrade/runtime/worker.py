"""The strategy's process: puts the parts together, runs the strategy, and tells the registry how it goes."""

import atexit
import os
import sys
import threading
from datetime import datetime
from typing import Any, Dict, List, Optional

from jqtrade.account.request import describe
from jqtrade.clock import SystemClock
from jqtrade.errors import JqtradeError
from jqtrade.gates.options import strategy_options
from jqtrade.log import get_log, set_up_logging
from jqtrade.masking import Masker, visible
from jqtrade.runtime.check_start import start_checked
from jqtrade.runtime.config import read_config
from jqtrade.runtime.foreign_time import foreign_time
from jqtrade.runtime.halt_watch import HaltWatch
from jqtrade.runtime.loader import apply_environment, put_folder_first
from jqtrade.runtime.process_end import ProcessEnd
from jqtrade.runtime.run_now_watch import RunNowWatch
from jqtrade.runtime.start_errors import why_not_started
from jqtrade.runtime.strategy import Progress, Strategy
from jqtrade.stop_signals import StopSignals
from jqtrade.tasks.claim import Claim
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.spec import TaskSpec, masker_for

log = get_log("jqtrade")


def run_task(spec: TaskSpec) -> int:
    """Run the task of `spec` in this process until it is asked to stop. Returns the exit code, with which the process must
    end now: it does so by itself after a while, should something of the strategy's hold it.

    Raises TaskError or InvalidParam if it cannot have its name; nothing was done then.
    """
    end = ProcessEnd(spec.name)
    claims: List[Claim] = []
    # Before anything imports multiprocessing (a claim does on Python 3.6), whose function joins children: ours is called last.
    atexit.register(_free_name, claims, end)
    claim = TaskRegistry(spec.home, say=_say).claim(spec)
    claims.append(claim)  # the name is taken till the end
    code = 1
    try:
        code = _run_claimed(spec, claim, end)
    finally:
        end.begin(code)
    return code


def _free_name(claims: List[Claim], end: ProcessEnd) -> None:
    """Called by the interpreter after it has joined threads and children and called what others registered."""
    end.finish()
    if threading.active_count() == 1:  # else the end of the process frees the name: a thread may still be at work
        for claim in claims:
            claim.release()


def _say(sentence: str) -> None:
    print(visible(sentence), file=sys.stderr, flush=True)


def _run_claimed(spec: TaskSpec, claim: Claim, end: ProcessEnd) -> int:
    signals = StopSignals("正在停止：当前的工作结束后退出，再按一次 Ctrl+C 立即结束")
    signals.listen()
    clock = SystemClock()
    masker = masker_for(spec.env, spec.code, spec.config)
    halt = HaltWatch(claim, lambda: strategy.cancel_live_orders(), lambda reason: strategy.run_log.halted(reason))
    run_now = RunNowWatch(claim, clock, lambda name: strategy.run_now(name))
    sys.argv = [spec.code]  # also for threads of the strategy

    def is_wanted() -> bool:
        """Heed what other processes ask of this one; asked between jobs, several times a second."""
        halt.look()
        if signals.received or claim.stop_requested():
            return False
        run_now.look()
        return not signals.received and not claim.stop_requested()

    def look_after() -> List[str]:
        taken = [
            f"信号 {name} 的处理（停止任务要靠它；停止时要做的请写在 process_exit）" for name in signals.take_back()
        ]
        return logs.take_back() + taken

    strategy = Strategy(
        spec.name,
        spec.code,
        clock,
        strategy_options(spec.home),
        paper=spec.paper,
        fresh=spec.fresh,
        masker=masker,
        is_wanted=is_wanted,
        is_halted=claim.is_halted,
        on_progress=lambda progress: _publish(claim, progress, masker),
        look_after=look_after,
    )
    logs = set_up_logging(spec.log, spec.debug, masker, clock, strategy.job_time)
    log.info("任务 %s 启动，pid %d，策略 %s", spec.name, os.getpid(), spec.code)
    halt.announce()
    try:
        apply_environment(spec.env)
        put_folder_first(spec.code)
        if spec.config is not None:
            strategy.configure(read_config(spec.config))
        start_checked(strategy, spec, masker)
    except BaseException as error:  # asyncio's CancelledError and pyo3's PanicException are no Exception
        _report_failed_start(error, spec, claim, masker, len(strategy.live_orders()))
        strategy.close(f"启动失败：{type(error).__name__}: {error}")
        return 1
    warning = foreign_time(strategy.options, clock)
    if warning is not None:
        log.warning("%s", warning)
    claim.update(state="running", jobs=strategy.jobs_to_run_now())
    log.info("process_initialize 完成，任务 %s 开始运行", spec.name)
    for sentence in strategy.outlook:
        log.info("%s", sentence)
    try:
        strategy.run()
        claim.update(state="stopping")
        reason = _stop_reason(signals, claim)
        log.info("任务 %s 停止：%s", spec.name, reason)
        strategy.stop(reason)
        waits = end.announce()
        claim.update(next_job=None, next_time=None, current_job=waits or None, current_since=_text(clock.now()))
    except KeyboardInterrupt:
        log.warning("任务 %s 被强制停止", spec.name)
        return 1
    return strategy.exit_code


def _stop_reason(signals: StopSignals, claim: Claim) -> str:
    if signals.received:
        return "收到信号 " + signals.received
    return "收到停止请求" if claim.stop_requested() else "策略自己退出"


def _report_failed_start(error: BaseException, spec: TaskSpec, claim: Claim, masker: Masker, live_orders: int) -> None:
    """Log why the start failed, with the traceback from the user's own code on; on a terminal only if asked for."""
    reason, trace = why_not_started(error, spec.code)
    if spec.log is None and not spec.debug:
        trace = "加 --debug 可以看到完整的 traceback" if trace else ""
    log.error("启动失败：%s", f"{reason}\n{trace}".rstrip())
    if live_orders:
        log.error("启动失败之前今天已有 %d 笔没有结束的订单在柜台，它们仍然有效", live_orders)
        reason = f"今天已有 {live_orders} 笔没有结束的订单在柜台，它们仍然有效。{reason}"
    claim.update(error=masker(reason))


def _publish(claim: Claim, progress: Progress, masker: Masker) -> None:
    claim.update(
        current_job=progress.current_job,
        current_since=_text(progress.since),
        jobs_run=progress.jobs_run,
        jobs_failed=progress.jobs_failed,
        last_error=progress.last_error or None,
        next_job=progress.next_job,
        next_time=_text(progress.next_time),
        calendar_ends=None if progress.calendar_ends is None else str(progress.calendar_ends),
        **_refusals(progress, masker),
    )


def _refusals(progress: Progress, masker: Masker) -> Dict[str, Any]:
    refused = progress.refused
    if refused is None:
        return {"refusals_day": None, "orders_unsent": 0, "orders_rejected": 0, "last_refusal": None}
    last = refused.last
    return {
        "refusals_day": str(refused.day),
        "orders_unsent": refused.unsent,
        "orders_rejected": refused.by_broker,
        "last_refusal": masker(f"{last.create_time:%H:%M:%S} {describe(last)}，{last.err_msg}"),
    }


def _text(moment: Optional[datetime]) -> Optional[str]:
    return None if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S")


def main() -> int:
    """The detached process: the spec comes on standard input, which is then closed."""
    spec = TaskSpec.from_json(sys.stdin.read())
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    try:
        return run_task(spec)
    except JqtradeError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
