"""Ports: what differs between a strategy that runs live, on paper, in a replay, in a check and in a test."""

import random
from contextlib import ExitStack
from typing import Any, Callable, ContextManager, List, NamedTuple, Optional, Sequence, Type

from jqtrade.account.gate import AbsTradeGate
from jqtrade.account.observer import Observer
from jqtrade.clock import Clock
from jqtrade.market.calendar import TradingDays
from jqtrade.masking import Masker
from jqtrade.options import Options


class StrategySpec(NamedTuple):
    """Which strategy, and what its user asked for."""

    name: str
    path: str
    """of its file"""
    options: Options
    """as far as they are set already"""
    paper: bool = False
    """on paper, whatever trade gate its options name"""
    fresh: bool = False
    """on paper, with a new account"""
    masker: Optional[Masker] = None
    """what hides the numbers of accounts; it learns them from the options"""


class Ports(NamedTuple):
    """How a strategy is connected to the world. What is not given is as it is live."""

    clock: Clock
    trading_days: Optional[TradingDays] = None
    """the days that the option trading_days means by "XSHG"; None: the exchange's own"""
    make_gate: Callable[[Type[AbsTradeGate]], AbsTradeGate] = lambda gate_class: gate_class()
    """makes the way to the broker, given the class that the options name"""
    observers: Sequence[Observer] = ()
    should_run: Callable[[], bool] = lambda: True
    """asked between jobs, several times a second; without side effects"""
    poll: Callable[[], None] = lambda: None
    """called before that: what others ask of the strategy is done here"""
    is_halted: Callable[[], bool] = lambda: False
    """asked before each new order"""
    put_back: Callable[[], List[str]] = list
    """called around the strategy's code: puts back what that changed of the process (see UserCode)"""
    lend: Callable[[], ContextManager[Any]] = ExitStack
    """the process is the strategy's within it; entered for each start, run and stop (see BorrowedProcess)"""
    order_ids: Optional[random.Random] = None
    """what order ids are drawn from; None: what nobody can foresee or repeat"""
    syncs_by_itself: bool = True
    """False: whoever runs the strategy calls `sync`"""
    keeps_records: bool = True
    """False: no journal and no account file; when the strategy ends, all is forgotten"""
