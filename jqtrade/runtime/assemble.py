"""assemble: the only place where the parts of a strategy are put together: live, on paper, in a replay, a check, a test."""

import os
from datetime import date, datetime
from typing import Callable, List, Optional, Tuple, Type

from jqtrade.account.account import Account
from jqtrade.account.gate import AbsTradeGate, GateContext
from jqtrade.account.journal import Journal
from jqtrade.account.observer import Observers
from jqtrade.account.order import Order
from jqtrade.account.risk import RiskLimits
from jqtrade.errors import StrategyError
from jqtrade.log import get_log
from jqtrade.market.calendar import load_trading_days
from jqtrade.runtime.closed_days import ClosedDays
from jqtrade.runtime.dialect import Dialect
from jqtrade.runtime.job_log import JobLog, JobNotes
from jqtrade.runtime.outlook import PlannedJob, outlook
from jqtrade.runtime.ports import Ports, StrategySpec
from jqtrade.runtime.strategy import Parts, Schedule, Strategy
from jqtrade.scheduler.scheduler import DAILY, SYNC, Job, Scheduler
from jqtrade.scheduler.trigger import Interval, OnDays, Trigger
from jqtrade.tasks.spec import file_key

log = get_log("jqtrade")


def assemble(spec: StrategySpec, ports: Ports, dialect: Optional[Dialect] = None) -> Strategy:
    """The strategy of `spec`, connected by `ports`, its file read as `dialect` says; by default jqtrade's own.

    `start` loads the file and calls its process_initialize; `run` calls its jobs; `stop` calls process_exit and lets go.
    """
    observers = Observers(ports.observers)
    return Strategy(spec, ports, dialect or Dialect(), observers, _Assembly(spec, ports, observers))


class _Assembly(Parts):
    """What can only be put together when process_initialize has set the options."""

    def __init__(self, spec: StrategySpec, ports: Ports, observers: Observers) -> None:
        self._ports = ports
        self._options = spec.options
        self._name = spec.name
        self._observers = observers
        self._is_fresh = spec.fresh
        self._has_journal = False

    def open_account(self, gate_class: Type[AbsTradeGate]) -> Tuple[Account, List[Order]]:
        options, ports, observers = self._options, self._ports, self._observers
        gate = ports.make_gate(gate_class)
        data = self._data_path()
        gate.gate_context = GateContext(
            ports.clock, data + ".paper" if ports.keeps_records and gate.plays_broker else None
        )
        for notice in options.notices(gate.OPTIONS):
            log.warning("%s", notice)
        if self._is_fresh:
            gate.begin_anew()
            self._is_fresh = False  # it has been done
        gate.setup(options.as_dict())
        path = data + ".db" if ports.keeps_records and gate.keeps_orders else None
        limits = RiskLimits(options.as_dict(), ports.clock, ports.is_halted)
        journal = Journal(path, gate.account_key(), gate.is_same_account)
        longest_wait = options["wait_lock_time_out"] + 1
        account = Account(gate, journal, ports.clock, limits, ports.order_ids, longest_wait, observers)
        account.recover()
        if path is not None:
            self._has_journal = True
            observers.add(JobNotes(account.note_job))
        account.sync_balance()
        return account, account.sync_orders()

    def open_job_log(self) -> Optional[JobLog]:
        if self._has_journal or not self._ports.keeps_records:
            return None
        job_log = JobLog(self._data_path() + ".db", self._ports.clock)
        self._observers.add(JobNotes(job_log.note_job))
        return job_log

    def _data_path(self) -> str:
        """What the names of the files begin with in which the task keeps what it must not forget."""
        return os.path.join(self._options["runtime_dir"], "data", file_key(self._name))

    def make_schedule(self, strategy: Strategy, syncs: bool, started: datetime) -> Schedule:
        options, clock, requests = self._options, self._ports.clock, strategy.job_requests
        if not requests:
            if not syncs:
                raise StrategyError("策略没有用 run_daily 设置定时任务，也不同步账户，没有可做的事")
            log.warning("策略没有用 run_daily 设置任何定时任务，只同步账户")
        closed_days: Optional[ClosedDays] = None
        first_from: Optional[Callable[[date], Optional[date]]] = None
        if options["trading_days"] != "all":
            days = self._ports.trading_days or load_trading_days(options.home)
            closed_days, first_from = ClosedDays(days, options.home), days.first_from

        def on_days(trigger: Trigger) -> Trigger:
            return trigger if first_from is None else OnDays(trigger, first_from)

        grace = options["misfire_grace_time"]
        scheduler = Scheduler(
            clock, grace, strategy.should_run, strategy.note_trouble, strategy.tell_plan, strategy.poll
        )
        if syncs and self._ports.syncs_by_itself:
            interval = Interval(options["sync_internal"], options["sync_period"])
            scheduler.add(Job("sync", strategy.sync_due, on_days(interval), SYNC), clock.now())
        triggers = {request.time: on_days(request.trigger(options["market_period"])) for request in requests}
        for request in requests:
            job = Job(request.name, strategy.caller(request), triggers[request.time], request.priority)
            scheduler.add(job, started)
        planned = [PlannedJob(each.name, triggers[each.time], each.priority == DAILY) for each in requests]
        return Schedule(scheduler, closed_days, outlook(planned, started))
