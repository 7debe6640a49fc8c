"""Strategy: one strategy file with its options, its account and its schedule, whatever the clock and the process."""

import logging
import os
import random
import types
from datetime import date, datetime, timedelta
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Type

import jqtrade.api
from jqtrade.account.account import Account
from jqtrade.account.gate import AbsTradeGate, GateContext
from jqtrade.account.journal import Journal
from jqtrade.account.journal_log import JobRun
from jqtrade.account.order import Order
from jqtrade.account.refusals import RefusedOrders
from jqtrade.account.risk import RiskLimits
from jqtrade.account.run_log import RunLog
from jqtrade.clock import Clock
from jqtrade.errors import InvalidCall, InvalidParam, StrategyError
from jqtrade.gates.find import find_trade_gate
from jqtrade.log import get_log
from jqtrade.market.calendar import TradingDays, load_trading_days
from jqtrade.masking import Masker
from jqtrade.options import ACCOUNT, GATE, SCHEDULER, Options, Period
from jqtrade.runtime.api import Host, Phase, StrategyApi
from jqtrade.runtime.closed_days import ClosedDays
from jqtrade.runtime.context import Context
from jqtrade.runtime.loader import accepts, defined_function, load_strategy
from jqtrade.runtime.outlook import PlannedJob, outlook
from jqtrade.runtime.user_code import UserCode, our_decimals
from jqtrade.scheduler.scheduler import DAILY, EVERY_MINUTE, SYNC, Job, Scheduler
from jqtrade.scheduler.time_expr import EVERY_MINUTE_EXPR, parse_time_expr
from jqtrade.scheduler.trigger import Interval, OnDays, TimesOfDay, Trigger, every_minute
from jqtrade.tasks.spec import file_key

log = get_log("jqtrade")

_PROCESS_EXIT = "process_exit"


class Progress(NamedTuple):
    """What a strategy is doing, for get_tasks."""

    current_job: Optional[str]
    since: Optional[datetime]
    jobs_run: int
    jobs_failed: int
    last_error: str
    next_job: Optional[str]
    next_time: Optional[datetime]
    calendar_ends: Optional[date] = None
    """the last day that the calendar of trading days knows, once that is near or past"""
    refused: Optional[RefusedOrders] = None
    """the day's orders that came to nothing"""


class RunResult(NamedTuple):
    """How a job that run_now called ended."""

    state: str
    """one of RunAnswer"""
    error: str = ""


class Daily(NamedTuple):
    """What run_daily was asked for."""

    function: Callable[[Any], Any]
    time: str

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", None) or repr(self.function)

    def trigger(self, market_period: Period) -> Trigger:
        """When it is due, on each day. Raises InvalidParam for a bad time."""
        if self.time == EVERY_MINUTE_EXPR:
            return every_minute(market_period)
        return TimesOfDay([parse_time_expr(self.time, market_period)])

    @property
    def priority(self) -> int:
        return EVERY_MINUTE if self.time == EVERY_MINUTE_EXPR else DAILY


class Strategy(Host):
    """One running strategy.

    `start` loads the file and calls process_initialize; `run` calls its jobs; `stop` calls process_exit and lets go.
    """

    def __init__(
        self,
        name: str,
        path: str,
        clock: Clock,
        options: Options,
        paper: bool = False,
        masker: Optional[Masker] = None,
        is_wanted: Callable[[], bool] = lambda: True,
        is_halted: Callable[[], bool] = lambda: False,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        trading_days: Optional[TradingDays] = None,
        make_gate: Optional[Callable[[], AbsTradeGate]] = None,
        syncs_by_itself: bool = True,
        order_ids: Optional[random.Random] = None,
        look_after: Callable[[], List[str]] = list,
        fresh: bool = False,
    ) -> None:
        """`paper` overrides the trade gate; the callables connect the strategy to its process.

        `is_wanted` is asked between jobs, `is_halted` before each new order. `trading_days` are those that the option
        trading_days means by "XSHG"; by default the exchange's own. `make_gate` makes the way to the broker in place of
        the class that the options name. Unless it `syncs_by_itself`, whoever runs it calls `sync`. Order ids are drawn
        from `order_ids`. `look_after` is called around the strategy's code and puts back what that changed of the process
        (see UserCode). `fresh`: on paper, with a new account.
        """
        self.phase = Phase.LOADING
        self.module: Optional[types.ModuleType] = None
        self.clock = clock
        self._name = name
        self._path = path
        self._options = options
        self._paper = paper
        self._masker = masker or Masker()
        self._process_wants = is_wanted
        self._is_halted = is_halted
        self._on_progress = on_progress
        self._trading_days = trading_days
        self._make_gate = make_gate
        self._syncs_by_itself = syncs_by_itself
        self._order_ids = order_ids
        self._user_code = UserCode(path, look_after)
        self._is_fresh = fresh
        self.run_log = RunLog(clock, self._masker, is_kept=make_gate is None)  # a replay keeps none of this
        self.run_log.started(path)
        self._closed_days: Optional[ClosedDays] = None
        self._api = StrategyApi(self)
        self._context = Context(clock, self._strategy_dt, lambda: self.account().portfolio)
        self._account: Optional[Account] = None
        self._is_on_paper = False
        self._dailies: List[Daily] = []
        self._updates: List[Order] = []
        self._on_order_update: Optional[Callable[[Any, Order], Any]] = None
        self._process_exit: Optional[Callable[[Any], Any]] = None
        self._due: Optional[datetime] = None
        self._exit_request: Optional[SystemExit] = None
        self.exit_code = 0
        self._scheduler: Optional[Scheduler] = None
        self._outlook: List[str] = []
        self._progress = Progress(None, None, 0, 0, "", None, None)
        self._has_error = False
        """whether last_error is more than a warning"""

    def job_time(self) -> Optional[datetime]:
        """The time at which the running job was due; None outside jobs."""
        return self._due

    def _strategy_dt(self) -> datetime:
        return self.clock.now() if self._due is None else self._due

    def configure(self, settings: Dict[str, Any]) -> None:
        """Take options of a config file, before `start`; set_options wins over them. Raises InvalidParam."""
        self.set_options(settings)

    def start(self) -> None:
        """Load the file and call its process_initialize. Raises whatever the user's code raises, StrategyError, InvalidParam."""
        started = self.clock.monotonic()
        with jqtrade.api.running(self._api), self._user_code.no_child_returns("trade_gate"):
            with self._user_code.running("策略文件"):
                self.module = module = load_strategy(self._path, self._api.names())
            initialize = self._function(module, "process_initialize", 1)
            if initialize is None:
                hint = "；聚宽的 initialize 在这里叫 process_initialize" if hasattr(module, "initialize") else ""
                raise StrategyError(f"策略文件 {self._path} 里没有定义函数 process_initialize(context){hint}")
            self._on_order_update = self._function(module, "on_order_update", 2)
            self._process_exit = self._function(module, _PROCESS_EXIT, 1)
            self.phase = Phase.INITIALIZING
            with self._user_code.running("process_initialize"):
                initialize(self._context)
            if self.wants_account():
                self.account()
            elif self._is_fresh:
                raise InvalidParam("--fresh 只用于模拟交易：策略没有用账户。任务没有启动")
        self._scheduler = self._schedule(self.clock.now() - timedelta(seconds=self.clock.monotonic() - started))
        self.phase = Phase.RUNNING
        self._report()

    def _function(self, module: types.ModuleType, name: str, arguments: int) -> Any:
        function = defined_function(module, name)
        if function is not None and not accepts(function, *[None] * arguments):
            raise StrategyError(f"策略文件里的 {name} 应能接受 {arguments} 个位置参数")
        return function

    def set_options(self, options: Dict[str, Any]) -> None:
        """Take options of set_options. Raises InvalidParam, or InvalidCall for one that the account already uses."""
        self._masker.hide_account_no(options.get("account_no"))  # first of all: an error may show the line
        gate = options.get("trade_gate", self._options["trade_gate"])
        gate_class = find_trade_gate(gate)
        third_party = not gate_class.CAPABILITIES.declares_all_options
        checked = self._options.check(options, gate_class.OPTIONS, third_party)
        if self._account is not None:
            late = [
                name
                for name in checked
                if name in ("timezone", "runtime_dir", "use_account") or self._options.scope(name) != SCHEDULER
            ]
            if late:
                raise InvalidCall("账户已经加载，不能再设置选项 {}；请在用到账户之前设置".format("、".join(late)))
        self._options.update(checked, gate_class.OPTIONS)
        for name in sorted(name for name in checked if not self._options.is_known(name)):
            if name not in gate_class.OPTIONS:
                log.warning("jqtrade 没有选项 %r，原样交给交易接口 %s", name, gate_class.__name__)
        self.clock.use_zone(self._options["timezone"])

    @property
    def options(self) -> Options:
        """What was set so far, else the defaults."""
        return self._options

    def wants_account(self) -> bool:
        """Whether the options that are set so far ask for an account."""
        if self._options.is_set("use_account"):
            return bool(self._options["use_account"])
        return self._paper or self._make_gate is not None or self._options.any_set(ACCOUNT, GATE)

    def account(self) -> Account:
        if self._account is None:
            if not self.wants_account():
                raise InvalidCall(
                    "账户模块没有启用，请在 process_initialize 里用 set_options(account_no='资金账号') 设置账户，"
                    "或 set_options(use_account=True)；只是演练可在启动时加 --paper"
                )
            self._account = self._load_account()
        return self._account

    def _load_account(self) -> Account:
        options = self._options
        with our_decimals():
            return self._open_account(options)

    def _open_account(self, options: Options) -> Account:
        gate = (self._make_gate or self._gate_class())()
        self._is_on_paper = gate.CAPABILITIES.is_simulated
        data = self._data_path()
        file = data + ".paper" if self._make_gate is None and gate.plays_broker else None
        gate.gate_context = GateContext(self.clock, file)
        for notice in options.notices(gate.OPTIONS):
            log.warning("%s", notice)
        if self._is_fresh:
            gate.begin_anew()
            self._is_fresh = False  # it has been done
        gate.setup(options.as_dict())
        path = data + ".db" if gate.keeps_orders else None
        limits = RiskLimits(options.as_dict(), self.clock, self._is_halted)
        journal = Journal(path, gate.account_key(), gate.is_same_account)
        longest_wait = options["wait_lock_time_out"] + 1
        account = Account(gate, journal, self.clock, limits, self._order_ids, longest_wait, self.run_log)
        account.recover()
        account.sync_balance()
        self._updates.extend(account.sync_orders())
        return account

    def _data_path(self) -> str:
        """What the names of the files begin with in which the task keeps what it must not forget."""
        return os.path.join(self._options["runtime_dir"], "data", file_key(self._name))

    def _gate_class(self) -> Type[AbsTradeGate]:
        return find_trade_gate("paper" if self._paper else self._options["trade_gate"])

    def add_daily(self, function: Callable[[Any], Any], time: str) -> None:
        daily = Daily(function, time)
        daily.trigger(self._options["market_period"])  # raises for a bad time
        self._dailies.append(daily)

    def _schedule(self, started: datetime) -> Scheduler:
        """Turn what process_initialize asked for into jobs, now that every option is known.

        A job that came due while process_initialize ran is late, not missed.
        """
        options = self._options
        syncs = self._account is not None and (options["sync_balance"] or options["sync_order"])
        if not self._dailies:
            if not syncs:
                raise StrategyError("策略没有用 run_daily 设置定时任务，也不同步账户，没有可做的事")
            log.warning("策略没有用 run_daily 设置任何定时任务，只同步账户")
        first_from: Optional[Callable[[date], Optional[date]]] = None
        if options["trading_days"] != "all":
            days = self._trading_days or load_trading_days(options.home)
            self._closed_days = ClosedDays(days, options.home)
            first_from = days.first_from

        def on_days(trigger: Trigger) -> Trigger:
            return trigger if first_from is None else OnDays(trigger, first_from)

        scheduler = Scheduler(
            self.clock, options["misfire_grace_time"], self._is_wanted, self._note_trouble, self._report
        )
        if syncs and self._syncs_by_itself:
            interval = Interval(options["sync_internal"], options["sync_period"])
            scheduler.add(Job("sync", self._sync, on_days(interval), SYNC), self.clock.now())
        triggers = {daily.time: on_days(daily.trigger(options["market_period"])) for daily in self._dailies}
        for daily in self._dailies:
            scheduler.add(self._job(daily, triggers[daily.time]), started)
        planned = [PlannedJob(daily.name, triggers[daily.time], daily.priority == DAILY) for daily in self._dailies]
        self._outlook = outlook(planned, started)
        return scheduler

    @property
    def outlook(self) -> List[str]:
        """What came next when the strategy started, in sentences for the user."""
        return self._outlook

    def _job(self, daily: Daily, trigger: Trigger) -> Job:
        name, function = daily.name, daily.function
        return Job(name, lambda due: self._call(name, due, function, self._context), trigger, daily.priority)

    def next_due(self) -> Optional[datetime]:
        """When the next job of the strategy is due; None: never again."""
        upcoming = None if self._scheduler is None else self._scheduler.next_job()
        return None if upcoming is None else upcoming[0]

    @property
    def has_left(self) -> bool:
        """Whether the strategy has asked for its own end."""
        return self._exit_request is not None

    def _is_wanted(self) -> bool:
        return not self.has_left and self._process_wants() and not self.has_left  # a run_now may have asked for the end

    def run(self, until: Optional[datetime] = None) -> None:
        """Call the jobs until the process is asked to stop, or until all that are due at `until` have been called."""
        if self._scheduler is None:
            raise InvalidCall("Strategy.run 要在 start 之后调用")
        self.run_log.open(self._data_path() + ".db")
        self.run_log.flush()
        self._deliver_updates(self.clock.now())
        self._scheduler.run(until)

    def jobs_to_run_now(self) -> Optional[List[str]]:
        """The names of the jobs that `run_now` may call; None: not of a strategy at this gate."""
        return sorted(self._functions()) if self._is_on_paper else None

    def _functions(self) -> Dict[str, Callable[[Any], Any]]:
        """What run_daily was given, by name; without those of which two have the same."""
        functions = {daily.name: daily.function for daily in self._dailies}
        return {
            name: function
            for name, function in functions.items()
            if all(daily.function == function for daily in self._dailies if daily.name == name)
        }

    def run_now(self, name: str) -> RunResult:
        """Call the job of that name, between two others; on paper only."""
        function = self._functions().get(name) if self._is_on_paper else None
        if function is None:
            return RunResult("unknown", f"没有定时任务 {name}")
        error = self._call(name, self.clock.now(), function, self._context)
        if self.has_left:
            return RunResult("left")
        return RunResult("failed", error[len(name) + 1 :]) if error else RunResult("finished")

    def _call(self, name: str, due: datetime, function: Callable[..., Any], *arguments: Any) -> str:
        """Call the user's code as a job; what it raises is logged and counted, and the process goes on.

        Returns what it raised, in a line; "" if nothing.

        Raises SystemExit if it asks for that while a job runs, which shall end too.
        """
        outer_due, self._due = self._due, due
        outer = self._progress
        self._progress = outer._replace(current_job=name, since=self.clock.now())
        self._report()
        run = JobRun(name, due, self.clock.now(), function is self._on_order_update)
        self.run_log.job_started(run)
        error = ""
        exits = False
        try:
            with jqtrade.api.running(self._api), self._user_code.running(name):
                function(*arguments)
        except KeyboardInterrupt:
            raise
        except SystemExit as request:
            exits = True
            if request is not self._exit_request:  # else it came from the hook that this called
                words = f"（{request.code}）" if isinstance(request.code, str) else ""
                log.warning("%s 调用了退出%s，任务将停止", name, words)
                self.exit_code = request.code if isinstance(request.code, int) else int(request.code is not None)
                self._exit_request = request
        except BaseException as exception:  # asyncio's CancelledError and pyo3's PanicException are no Exception
            log.exception("%s 运行出错", name)
            error = f"{name} {type(exception).__name__}: {exception}"
        finally:
            self._due = outer_due
        self._has_error = self._has_error or bool(error)
        run.finish(self.clock.now(), self._masker(error))
        self.run_log.job_finished(run)
        progress = self._progress
        self._progress = progress._replace(
            current_job=outer.current_job,
            since=outer.since,
            jobs_run=progress.jobs_run + 1,
            jobs_failed=progress.jobs_failed + bool(error),
            last_error=self._masker(error) or progress.last_error,
        )
        self._report()
        if exits and self._exit_request is not None and outer.current_job not in (None, _PROCESS_EXIT):
            raise self._exit_request  # process_exit goes on: what it has to tidy up still counts
        return self._masker(error)

    def _note_trouble(self, text: str, level: int) -> None:
        """Show in get_tasks what the scheduler said in the log: a job did not run when it should, as bad as one that failed.

        One that only ran late is less than that, and takes the place of no error.
        """
        self.run_log.job_missed(text, level)
        if level < logging.ERROR and self._has_error:
            return
        self._has_error = level >= logging.ERROR
        self._progress = self._progress._replace(last_error=self._masker(text))
        self._report()

    def _report(self) -> None:
        """Tell the process what the strategy is doing."""
        upcoming = self._scheduler.next_job() if self._scheduler is not None else None
        self._progress = self._progress._replace(
            next_job=None if upcoming is None else upcoming[1].name,
            next_time=None if upcoming is None else upcoming[0],
            refused=None if self._account is None else self._account.refused(),
        )
        if self._closed_days is not None:
            self._closed_days.look(self.clock.now().date(), self._progress.next_time)
            self._progress = self._progress._replace(calendar_ends=self._closed_days.calendar_ends)
        self._on_progress(self._progress)

    def _sync(self, due: datetime) -> None:
        """The regular sync of the account."""
        with self._user_code.no_child_returns("trade_gate"):
            account = self.account()
            if self._options["sync_order"]:
                self._updates += account.sync_orders()
            if self._options["sync_balance"]:
                account.sync_balance()
        self.run_log.flush()
        if self._updates:
            self._deliver_updates(due)
            self._report()  # without a hook nothing else does, and some may be refusals

    def sync(self) -> None:
        """The regular sync now; without an account there is none."""
        if self._account is not None:
            self._sync(self.clock.now())

    def sync_orders(self) -> None:
        """The strategy's own sync: its hook hears of the changes before this returns, except in process_initialize."""
        self._updates.extend(self.account().sync_orders())
        if self.phase is Phase.RUNNING:
            self._deliver_updates(self._strategy_dt())

    def _deliver_updates(self, due: datetime) -> None:
        updates, self._updates = self._updates, []
        if self._on_order_update is not None:
            for order in updates:
                if self.has_left:
                    return
                with self.account().telling(order):
                    self._call("on_order_update", due, self._on_order_update, self._context, order)

    def orders(self) -> List[Order]:
        """Today's orders in order of creation; none without an account."""
        return [] if self._account is None else self._account.orders()

    @property
    def awaits_news(self) -> bool:
        """Whether a sync may have something to tell: of orders that may still be filled, or were not sent."""
        return bool(self.live_orders()) or self.has_untold_refusals

    @property
    def has_untold_refusals(self) -> bool:
        """Whether the next sync will tell the strategy of orders that were not sent."""
        return self._account is not None and self._account.has_untold_refusals

    def live_orders(self) -> List[Order]:
        """Today's orders that may still be filled."""
        return [order for order in self.orders() if not order.status.is_final]

    def cancel_live_orders(self) -> Tuple[int, int]:
        """Ask the broker to cancel every order that may still be filled.

        Returns how many there were, and for how many of them the cancel did not go out for certain.
        """
        live = self.live_orders()
        with self._user_code.no_child_returns("trade_gate"):
            failed = [] if self._account is None else self._account.cancel_batch([order.order_id for order in live])
        return len(live), len(failed)

    def stop(self, reason: str = "") -> None:
        """Call process_exit and let go of the account; `reason` is for the journal."""
        if self._process_exit is not None and self.phase is Phase.RUNNING:
            self._call(_PROCESS_EXIT, self.clock.now(), self._process_exit, self._context)
        self.close(reason)

    def close(self, reason: str = "") -> None:
        """Let go of the account without a word to the strategy."""
        self.run_log.stopped(reason)
        self.run_log.close()
        if self._account is not None:
            self._account.close()
