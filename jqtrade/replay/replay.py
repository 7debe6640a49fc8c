"""run_replay: puts a strategy together as the worker does, with virtual time and the paper exchange, and plays the days."""

import os
import random
import tempfile
import warnings
from datetime import date, datetime, time
from typing import Dict, List, Mapping, NamedTuple, Optional

from jqtrade.errors import InvalidParam, JqtradeError, StrategyError
from jqtrade.gates.options import strategy_options
from jqtrade.log import OwnLogging, get_log
from jqtrade.market.calendar import GivenDays
from jqtrade.market.rules import parse_cash
from jqtrade.market.sources.made_up import MadeUpQuotes
from jqtrade.own_imports import own_imports, put_folder_first
from jqtrade.replay import output
from jqtrade.replay.clock import ReplayClock
from jqtrade.replay.log import LateFile, News, replay_logging
from jqtrade.replay.long_jobs import LOADING, LongJobs
from jqtrade.replay.market import Market, open_market
from jqtrade.replay.player import DAY_END, Player
from jqtrade.replay.progress import ProgressBar
from jqtrade.replay.recorder import Recorder
from jqtrade.replay.worlds import FileWorld, PaperWorld, Terms, World
from jqtrade.report.page import ReportData, missing_library, write_report
from jqtrade.report.summary import Summary, refusals, summarize
from jqtrade.runtime.config import read_config
from jqtrade.runtime.loader import apply_environment
from jqtrade.runtime.start_errors import why_not_started
from jqtrade.runtime.strategy import Progress, Strategy
from jqtrade.stop_signals import StopSignals
from jqtrade.tasks.spec import masker_for

log = get_log("jqtrade.replay")


class ReplaySpec(NamedTuple):
    """What a replay was asked for."""

    code: str
    """the strategy's file, absolute"""
    start: date
    end: date
    bars: Optional[str] = None
    """None: made-up prices"""
    cash: Optional[float] = None
    """None: as the strategy says, or the default"""
    out: Optional[str] = None
    speed: Optional[float] = None
    """virtual seconds in a real one; None: as fast as it goes"""
    seed: Optional[int] = None
    """of made-up prices and order ids"""
    env: Mapping[str, str] = {}
    config: Optional[str] = None
    debug: bool = False
    strict: bool = False
    through_files: bool = False
    benchmark: Optional[str] = None

    @property
    def name(self) -> str:
        """The strategy's name: its file's."""
        return os.path.splitext(os.path.basename(self.code))[0]


class Outcome(NamedTuple):
    """How a replay ended."""

    exit_code: int
    summary: Summary
    folder: str
    refusals: Dict[str, int]
    """how many orders were refused, by reason"""
    notes: List[str]
    """what there is to say beside the figures, in Chinese"""


def run_replay(spec: ReplaySpec, began: datetime) -> Outcome:
    """Play the days of `spec` and write the results; what happens meanwhile is told on the standard error.

    Without `out` they go to a new folder, named by `began`, beside those of earlier runs.

    Raises InvalidParam or StrategyError, with nothing written, if there is nothing to be played.
    """
    if spec.start > spec.end:
        raise InvalidParam(f"--start {spec.start} 晚于 --end {spec.end}，请对调。没有做任何操作")
    if spec.out is None:
        folder = output.check_runs(f"replay-{spec.name}-{spec.start}-{spec.end}")
    else:
        folder = output.check_folder(spec.out)
    if spec.benchmark is not None and spec.bars is None:
        raise InvalidParam(f"--benchmark {spec.benchmark} 要与 --bars 一起用，编造的价格不能拿来比较。没有做任何操作")
    market = open_market(spec.bars, spec.start, spec.end)
    if spec.benchmark is not None and market.bars is not None:
        if market.bars.get(spec.benchmark, datetime.combine(market.days[-1], DAY_END)) is None:
            raise InvalidParam(f"行情里没有 --benchmark {spec.benchmark}。没有做任何操作")
    with tempfile.TemporaryDirectory(prefix="jqtrade-replay-") as scratch:
        return _Replay(spec, market, folder, began, scratch).run()


class _Replay:
    """One replay: the parts that run_task puts together, with another clock, another gate and other trading days."""

    def __init__(self, spec: ReplaySpec, market: Market, folder: str, began: datetime, scratch: str) -> None:
        self._spec = spec
        self._market = market
        self._folder = folder
        self._began = began
        self._bar = ProgressBar(len(market.days))
        self._long_jobs = LongJobs(self._bar.say, lambda: bool(self._signals.received))
        self._signals = StopSignals(
            "正在停止：写出到这里为止的结果，再按一次 Ctrl+C 立即结束", cuts=self._long_jobs.cut
        )
        self._logs: Optional[OwnLogging] = None
        self._clock = ReplayClock(datetime.combine(market.days[0], time.min), spec.speed)
        self._recorder = Recorder()
        self._masker = masker_for(spec.env, spec.code, spec.config)
        self._masker.hide_whole(scratch)  # its name is another one each time
        self._options = strategy_options()
        self._options.update(self._options.check({"trading_days": "XSHG"}))  # unless the strategy says otherwise
        self._world = self._make_world(scratch)
        self._strategy = Strategy(
            spec.name,
            spec.code,
            self._clock,
            self._options,
            masker=self._masker,
            is_wanted=self._is_wanted,
            on_progress=self._take_progress,
            trading_days=GivenDays(market.days),
            make_gate=self._world.make_gate,
            syncs_by_itself=False,
            order_ids=random.Random(spec.seed or 0),
            look_after=self._look_after,
        )
        self._recorder.strategy_time = self._strategy.job_time
        self._clock.is_wanted = self._is_wanted

    def _make_world(self, scratch: str) -> World:
        terms = Terms(self._market.bars, self._spec.cash, self._spec.seed)
        if self._spec.through_files:
            return FileWorld(self._clock, terms, self._recorder, scratch)
        return PaperWorld(self._clock, terms, self._recorder)

    def _take_progress(self, progress: Progress) -> None:
        self._long_jobs.note(progress.current_job)
        self._recorder.take_progress(progress)

    def _look_after(self) -> List[str]:
        taken = [f"信号 {name} 的处理（停止回放要靠它）" for name in self._signals.take_back()]
        return taken if self._logs is None else self._logs.take_back() + taken

    def _is_wanted(self) -> bool:
        is_stopped = self._spec.strict and self._recorder.jobs_failed > 0
        return not is_stopped and not self._signals.received and not self._strategy.has_left

    def run(self) -> Outcome:
        """Play and write; the handlers of signals and log lines are as before when this returns."""
        file, bar = LateFile(), self._bar
        news = News(bar.say, self._clock.now, self._masker, self._spec.code)
        self._signals.listen()
        # Of the thread that looks for long jobs, in a strategy that forks.
        warnings.filterwarnings("ignore", ".* is multi-threaded, use of fork", DeprecationWarning)
        self._long_jobs.begin()
        try:
            with replay_logging(
                file, news, self._spec.debug, self._masker, self._clock, self._strategy.job_time
            ) as logs:
                self._logs = logs
                self._start()
                if self._spec.out is None:
                    self._folder = output.make_run_folder(self._folder, self._began)
                else:
                    output.make_folder(self._folder)
                file.begin(os.path.join(self._folder, output.LOG))
                self._play(bar)
                self._strategy.stop()
                self._take_orders()  # of process_exit
        finally:
            self._long_jobs.end()
            bar.close()
            file.end()
            self._strategy.close()
            self._signals.restore()
        try:
            return self._write(news.hidden)
        except OSError as error:
            raise JqtradeError(f"写结果到 {self._folder} 时出错：{error}。结果不完整") from error

    def _start(self) -> None:
        random.seed(self._spec.seed or 0)  # a strategy that draws lots does so repeatably
        try:
            apply_environment(self._spec.env)
            put_folder_first(self._spec.code)
            if self._spec.config is not None:
                self._strategy.configure(read_config(self._spec.config))
            self._long_jobs.note(LOADING)
            self._strategy.start()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # as in a task
            reason, trace = why_not_started(error, self._spec.code)
            if trace and not self._spec.debug:
                trace = "加 --debug 可以看到完整的 traceback"
            raise StrategyError(self._masker(f"启动失败：{reason}。没有写任何文件\n{trace}".rstrip())) from error

    def _play(self, bar: ProgressBar) -> None:
        spec, recorder, strategy = self._spec, self._recorder, self._strategy
        log.info("回放策略 %s，%s 到 %s", spec.name, self._market.days[0], self._market.days[-1])
        if self._market.note is not None:
            log.warning("%s", self._market.note)
        interval = self._options["sync_internal"]
        player = Player(strategy, self._clock, self._world, interval, self._is_wanted, self._take_orders)
        if self._world.exchange is None:  # no account: whatever there is, stays
            cash = self._options["paper_cash"] if spec.cash is None else spec.cash
            recorder.begin(parse_cash(cash, "paper_cash"))
        for day in self._market.days:
            try:
                is_whole = player.play(day)
            except KeyboardInterrupt:
                if not self._long_jobs.was_cut:  # the second Ctrl+C
                    raise
                is_whole = False
                log.warning("任务还没有运行完，被停止信号打断")
            if is_whole or self._clock.now().date() == day:
                recorder.end_day(day, self._clock.now(), self._world.exchange)
            if not is_whole:
                self._take_orders()
                return
            bar.step(f"{day}，任务 {recorder.jobs_run} 次")

    def _take_orders(self) -> None:
        self._recorder.take_orders(self._strategy.orders())

    def _write(self, hidden: int) -> Outcome:
        spec, recorder, days = self._spec, self._recorder, self._market.days
        summary = summarize(recorder, days[0].isoformat(), self._market.is_synthetic)
        refused = refusals(recorder.orders)
        output.write_tables(self._folder, recorder)
        notes = self._notes(summary, hidden)
        quotes = self._world.quotes or self._market.bars or MadeUpQuotes(spec.seed or 0, lambda text: None)
        data = ReportData(spec.name, summary, refused, recorder, quotes, spec.benchmark, self._market.note)
        notes += self._write_report(data)
        figures = dict(summary.as_dict(), strategy=spec.name, refusals=refused)
        output.write_summary(self._folder, figures)
        if spec.out is None:
            notes += self._mark_latest()
        return Outcome(self._exit_code(), summary, self._folder, refused, notes)

    def _write_report(self, data: ReportData) -> List[str]:
        """Returns why there is none, if there is none: the strategy may have left its libraries in any state."""
        try:
            with own_imports():
                missing = missing_library()
                if missing is None:
                    write_report(os.path.join(self._folder, output.REPORT), data)
                    return []
            reason = f"缺少 {missing}，安装用 python -m pip install plotly empyrical-reloaded tqdm"
        except OSError:
            raise
        except Exception as error:
            reason = f"画图和计算的库出错，{type(error).__name__}: {error}。其他结果都写完了"
        return [f"没有写 {output.REPORT}：{reason}"]

    def _notes(self, summary: Summary, hidden: int) -> List[str]:
        notes = [] if self._market.note is None else [self._market.note]
        if self._signals.received:
            notes.append(f"收到停止信号，只回放到 {summary.end}")
        elif self._strategy.has_left:
            notes.append(f"策略自己退出，只回放到 {summary.end}")
        elif self._is_cut_short:
            notes.append(f"--strict：任务出错，只回放到 {summary.end}")
        failing = self._recorder.always_failed()
        if self._recorder.all_failed():
            notes.append(f"所有任务每次都出错，没有一次成功，退出码不是 0：{'、'.join(failing)}，见 {output.LOG}")
        elif failing:
            notes.append(f"每次都出错的任务：{'、'.join(failing)}，见 {output.LOG}")
        if hidden:
            notes.append(f"还有 {hidden} 条同类的警告和错误没有显示，见 {output.LOG}")
        return notes

    @property
    def _is_cut_short(self) -> bool:
        """Whether somebody else than the strategy ended it before its last day."""
        return bool(self._signals.received) or (self._spec.strict and self._recorder.jobs_failed > 0)

    def _mark_latest(self) -> List[str]:
        if self._is_cut_short:
            return [f"没有回放完，{output.LATEST} 不指向这一次"]
        try:
            output.mark_latest(self._folder)
        except OSError as error:
            return [f"结果已写完，但 {output.LATEST} 没有更新：{error}"]
        return []

    def _exit_code(self) -> int:
        if self._is_cut_short:
            return 1
        return self._strategy.exit_code or int(self._recorder.all_failed())
