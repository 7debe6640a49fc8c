"""Strategy: one strategy file with its options, its account and its schedule, whatever the clock and the process."""

import types
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Type

import jqtrade.api
from jqtrade.account.account import Account
from jqtrade.account.gate import AbsTradeGate
from jqtrade.account.journal import JobRun
from jqtrade.account.observer import Observers, Plan
from jqtrade.account.order import Order
from jqtrade.errors import InvalidCall, InvalidParam
from jqtrade.gates.find import find_trade_gate
from jqtrade.log import get_log
from jqtrade.masking import Masker
from jqtrade.options import ACCOUNT, GATE, SCHEDULER, Options
from jqtrade.runtime.closed_days import ClosedDays
from jqtrade.runtime.dialect import PROCESS_EXIT, Dialect, EntryPoints
from jqtrade.runtime.job_log import JobLog
from jqtrade.runtime.job_request import JobRequest
from jqtrade.runtime.loader import load_strategy
from jqtrade.runtime.ports import Ports, StrategySpec
from jqtrade.runtime.strategy_api import Host, Phase
from jqtrade.runtime.user_code import UserCode, our_decimals
from jqtrade.scheduler.scheduler import Scheduler

log = get_log("jqtrade")


class RunResult(NamedTuple):
    """How a job that run_now called ended."""

    state: str
    """one of RunAnswer"""
    error: str = ""


class Schedule(NamedTuple):
    """When a strategy's jobs run."""

    scheduler: Scheduler
    closed_days: Optional[ClosedDays]
    """None: it runs every day"""
    outlook: List[str]
    """what comes next, in sentences for the user"""


class Parts(ABC):
    """What a strategy has put together once its options are known; see assemble.py."""

    @abstractmethod
    def open_account(self, gate_class: Type[AbsTradeGate]) -> Tuple[Account, List[Order]]:
        """The account, and its orders that the strategy's hook is to hear of."""

    @abstractmethod
    def open_job_log(self) -> Optional[JobLog]:
        """What keeps the runs of the jobs, unless the account's journal does."""

    @abstractmethod
    def make_schedule(self, strategy: "Strategy", syncs: bool, started: datetime) -> Schedule:
        """The schedule of all that the strategy has asked for."""


class Strategy(Host):
    """One running strategy.

    `start` loads the file and calls process_initialize; `run` calls its jobs; `stop` calls process_exit and lets go.
    """

    phase = Phase.LOADING

    def __init__(self, spec: StrategySpec, ports: Ports, dialect: Dialect, observers: Observers, parts: Parts) -> None:
        """Called by assemble() alone."""
        self.module: Optional[types.ModuleType] = None
        self.clock = ports.clock
        self.observers = observers
        self.job_requests: List[JobRequest] = []
        """what run_daily was asked for"""
        self.exit_code = 0
        self._spec = spec
        self._ports = ports
        self._dialect = dialect
        self._parts = parts
        self._options = spec.options
        self._masker = spec.masker or Masker()
        self._user_code = UserCode(spec.path, ports.put_back)
        self._api = dialect.api(self)
        self._context = dialect.context(self.clock, self._strategy_dt, lambda: self.account().portfolio)
        self._account: Optional[Account] = None
        self._job_log: Optional[JobLog] = None
        self._updates: List[Order] = []
        self._entry_points: Optional[EntryPoints] = None
        self._run: Optional[JobRun] = None
        """the innermost call of the strategy's functions that is at work"""
        self._due: Optional[datetime] = None
        self._exit_request: Optional[SystemExit] = None
        self._schedule: Optional[Schedule] = None

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
        with self._ports.lend():
            self._start()

    def _start(self) -> None:
        started = self.clock.monotonic()
        with jqtrade.api.running(self._api), self._user_code.no_child_returns("trade_gate"):
            with self._user_code.running("策略文件"):
                self.module = load_strategy(self._spec.path, self._api.names())
            entry_points = self._entry_points = self._dialect.entry_points(self.module)
            self.phase = Phase.INITIALIZING
            with self._user_code.running("process_initialize"):
                entry_points.initialize(self._context)
            if self.wants_account():
                self.account()
            elif self._spec.fresh:
                raise InvalidParam("--fresh 只用于模拟交易：策略没有用账户。任务没有启动")
        options = self._options
        syncs = self._account is not None and bool(options["sync_balance"] or options["sync_order"])
        # A job that came due while process_initialize ran is late, not missed.
        since = self.clock.now() - timedelta(seconds=self.clock.monotonic() - started)
        self._schedule = self._parts.make_schedule(self, syncs, since)
        self.phase = Phase.RUNNING
        self.tell_plan()

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
        return self._spec.paper or self._options.any_set(ACCOUNT, GATE)

    def account(self) -> Account:
        if self._account is None:
            if not self.wants_account():
                raise InvalidCall(
                    "账户模块没有启用，请在 process_initialize 里用 set_options(account_no='资金账号') 设置账户，"
                    "或 set_options(use_account=True)；只是演练可在启动时加 --paper"
                )
            with our_decimals():
                self._account, self._updates = self._parts.open_account(self.gate_class())
        return self._account

    def gate_class(self) -> Type[AbsTradeGate]:
        """The class of the way to the broker that the options name. Raises InvalidParam if there is none."""
        return find_trade_gate("paper" if self._spec.paper else self._options["trade_gate"])

    def add_job(self, request: JobRequest) -> None:
        request.trigger(self._options["market_period"])  # raises for a bad time
        self.job_requests.append(request)

    @property
    def outlook(self) -> List[str]:
        """What came next when the strategy started, in sentences for the user."""
        return [] if self._schedule is None else self._schedule.outlook

    def next_due(self) -> Optional[datetime]:
        """When the next job of the strategy is due; None: never again."""
        upcoming = None if self._schedule is None else self._schedule.scheduler.next_job()
        return None if upcoming is None else upcoming[0]

    @property
    def has_left(self) -> bool:
        """Whether the strategy has asked for its own end."""
        return self._exit_request is not None

    def should_run(self) -> bool:
        """Whether there shall be another job."""
        return not self.has_left and self._ports.should_run()

    def poll(self) -> None:
        """Do what others ask of the strategy; it may end by that."""
        if not self.has_left:
            self._ports.poll()

    def run(self, until: Optional[datetime] = None) -> None:
        """Call the jobs until the process is asked to stop, or until all that are due at `until` have been called."""
        if self._schedule is None:
            raise InvalidCall("Strategy.run 要在 start 之后调用")
        with self._ports.lend():
            if self._job_log is None:
                self._job_log = self._parts.open_job_log()
            self._deliver_updates(self.clock.now())
            self._schedule.scheduler.run(until)

    def jobs_to_run_now(self) -> Optional[List[str]]:
        """The names of the jobs that `run_now` may call; None: not of a strategy at this gate."""
        return sorted(self._functions()) if self._is_on_paper else None

    @property
    def _is_on_paper(self) -> bool:
        return self._account is not None and self.gate_class().CAPABILITIES.is_simulated

    def _functions(self) -> Dict[str, Callable[[Any], Any]]:
        """What run_daily was given, by name; without those of which two have the same."""
        functions = {request.name: request.function for request in self.job_requests}
        return {
            name: function
            for name, function in functions.items()
            if all(request.function == function for request in self.job_requests if request.name == name)
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

    def caller(self, request: JobRequest) -> Callable[[datetime], str]:
        """What calls the function of `request`, given the time at which that was due."""
        return lambda due: self._call(request.name, due, request.function, self._context)

    def _call(self, name: str, due: datetime, function: Callable[..., Any], *arguments: Any) -> str:
        """Call the user's code as a job; what it raises is logged and counted, and the process goes on.

        Returns what it raised, in a line; "" if nothing.

        Raises SystemExit if it asks for that while a job runs, which shall end too.
        """
        outer_due, self._due = self._due, due
        outer = self._run
        is_hook = self._entry_points is not None and function is self._entry_points.on_order_update
        run = self._run = JobRun(name, due, self.clock.now(), outer, is_hook)
        self.observers.job_started(run)
        self.tell_plan()
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
            error = self._masker(f"{name} {type(exception).__name__}: {exception}")
        finally:
            self._due, self._run = outer_due, outer
        run.finish(self.clock.now(), error)
        self.observers.job_finished(run)
        self.tell_plan()
        if exits and self._exit_request is not None and outer is not None and outer.name != PROCESS_EXIT:
            raise self._exit_request  # process_exit goes on: what it has to tidy up still counts
        return error

    def note_trouble(self, text: str, level: int) -> None:
        """A job did not run when it should, as the scheduler said in the log."""
        self.observers.job_missed(self._masker(text), level)
        self.tell_plan()

    def tell_plan(self) -> None:
        """Tell what comes next."""
        upcoming, closed = None, None
        if self._schedule is not None:
            upcoming, closed = self._schedule.scheduler.next_job(), self._schedule.closed_days
        name, due = (None, None) if upcoming is None else (upcoming[1].name, upcoming[0])
        if closed is not None:
            closed.check(self.clock.now().date(), due)
        refused = None if self._account is None else self._account.refused()
        self.observers.planned(Plan(name, due, None if closed is None else closed.calendar_ends, refused))

    def sync_due(self, due: datetime) -> None:
        """The regular sync of the account."""
        with self._user_code.no_child_returns("trade_gate"):
            account = self.account()
            if self._options["sync_order"]:
                self._updates += account.sync_orders()
            if self._options["sync_balance"]:
                account.sync_balance()
        if self._updates:
            self._deliver_updates(due)
            self.tell_plan()  # without a hook nothing else does, and some may be refusals

    def sync(self) -> None:
        """The regular sync now; without an account there is none."""
        if self._account is not None:
            self.sync_due(self.clock.now())

    def sync_orders(self) -> None:
        """The strategy's own sync: its hook hears of the changes before this returns, except in process_initialize."""
        self._updates.extend(self.account().sync_orders())
        if self.phase is Phase.RUNNING:
            self._deliver_updates(self._strategy_dt())

    def _deliver_updates(self, due: datetime) -> None:
        updates, self._updates = self._updates, []
        hook = None if self._entry_points is None else self._entry_points.on_order_update
        if hook is not None:
            for order in updates:
                if self.has_left:
                    return
                with self.account().telling(order):
                    self._call("on_order_update", due, hook, self._context, order)

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
        """Call process_exit and let go of the account. `reason`: why, in Chinese, for the observers."""
        process_exit = None if self._entry_points is None else self._entry_points.process_exit
        if process_exit is not None and self.phase is Phase.RUNNING:
            with self._ports.lend():
                self._call(PROCESS_EXIT, self.clock.now(), process_exit, self._context)
        self.observers.stopped(reason)
        self.close()

    def close(self) -> None:
        """Let go of the account without a word to the strategy."""
        if self._account is not None:
            self._account.close()
        if self._job_log is not None:
            self._job_log.close()
