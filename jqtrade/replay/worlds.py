"""What is outside the strategy in a replay: the paper exchange, in the same process or behind One Quant's files."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, Dict, NamedTuple, Optional

from jqtrade.account.gate import AbsTradeGate
from jqtrade.errors import InvalidParam
from jqtrade.gates.onequant.gate import AnXinDMATradeGate
from jqtrade.gates.paper import PaperTradeGate
from jqtrade.log import get_log
from jqtrade.market.quotes import Quotes
from jqtrade.market.rules import parse_cash
from jqtrade.market.sources.made_up import MadeUpQuotes
from jqtrade.onequant_terminal.files import Outbox
from jqtrade.onequant_terminal.terminal import OneQuantTerminal
from jqtrade.paper.exchange import PaperExchange
from jqtrade.paper.terms import terms_of
from jqtrade.replay.clock import ReplayClock
from jqtrade.replay.recorder import Recorder

ACCOUNT_NO = "replay"
"""of a strategy that has none"""

LONG_WAIT = 10.0
"""Seconds; a longer wait is for the next job, and no order is under way."""

log = get_log("jqtrade.replay")


class Terms(NamedTuple):
    """What counts in a replay whatever the strategy sets."""

    bars: Optional[Quotes]
    cash: Optional[float]
    """None: as the option paper_cash says"""
    seed: Optional[int]
    """None: as the option paper_seed says"""

    def apply(self, options: Dict[str, Any]) -> Dict[str, Any]:
        """The options of a strategy with these terms instead of its own. Raises InvalidParam if they cannot be meant."""
        if self.bars is None and options["paper_bars"] is not None:
            raise InvalidParam("策略设置了 paper_bars={}，回放时请用 --bars 指定行情".format(options["paper_bars"]))
        changed = dict(options, paper_keep_hours=True, paper_quotes=None, paper_bars=None, paper_max_quote_age=None)
        if self.cash is not None:
            changed["paper_cash"] = self.cash
        if self.seed is not None:
            changed["paper_seed"] = self.seed
        return changed

    def quotes(self, options: Dict[str, Any]) -> Quotes:
        """The bars, or made-up prices."""
        return MadeUpQuotes(options["paper_seed"], log.warning) if self.bars is None else self.bars


class World(ABC):
    """The exchange, and how the strategy reaches it."""

    def __init__(self, clock: ReplayClock, terms: Terms, recorder: Recorder) -> None:
        self.exchange: Optional[PaperExchange] = None
        """there once the strategy has loaded its account"""
        self.quotes: Optional[Quotes] = None
        """as `exchange`"""
        self._clock = clock
        self._terms = terms
        self._recorder = recorder

    @abstractmethod
    def make_gate(self) -> AbsTradeGate:
        """A trade gate to the exchange, for the strategy that is about to load its account."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Let time pass."""

    @abstractmethod
    def look(self, now: datetime) -> bool:
        """Let the exchange move on to `now`. Returns whether the broker may have something new to tell."""

    def _begin(self, exchange: PaperExchange, quotes: Quotes) -> None:
        self.exchange = exchange
        self.quotes = quotes
        exchange.on_state = self._recorder.take_state
        self._recorder.begin(exchange.snapshot(self._clock.now()).total)


class PaperWorld(World):
    """As `--paper`: the exchange in the strategy's own process."""

    def make_gate(self) -> AbsTradeGate:
        world = self

        class ReplayPaperGate(PaperTradeGate):
            keeps_orders = False

            def setup(self, options: Dict[str, Any]) -> None:
                super().setup(world._terms.apply(options))
                world._begin(self.exchange, self.quotes)

            def open_quotes(self, options: Dict[str, Any]) -> Quotes:
                return world._terms.quotes(options)

        return ReplayPaperGate()

    def wait(self, seconds: float) -> None:
        self._clock.sleep(seconds)

    def look(self, now: datetime) -> bool:
        if self.exchange is None:
            return False
        self.exchange.advance(now)
        return self.exchange.has_news


class FileWorld(World):
    """As `paper_broker`: One Quant's DMA window on files of its own, which looks at them as time passes."""

    POLL_SECONDS = 0.5

    def __init__(self, clock: ReplayClock, terms: Terms, recorder: Recorder, order_dir: str) -> None:
        super().__init__(clock, terms, recorder)
        self._order_dir = order_dir
        self._terminal: Optional[OneQuantTerminal] = None

    def make_gate(self) -> AbsTradeGate:
        world = self

        class ReplayFileGate(AnXinDMATradeGate):
            keeps_orders = False

            def setup(self, options: Dict[str, Any]) -> None:
                account_no = options["account_no"] or ACCOUNT_NO
                options = dict(options, order_dir=world._order_dir, account_no=account_no)
                super().setup(options)
                world._open(world._terms.apply(options))

        return ReplayFileGate()

    def _open(self, options: Dict[str, Any]) -> None:
        quotes = self._terms.quotes(options)
        cash = parse_cash(options["paper_cash"], "paper_cash")
        outbox = Outbox(options["file_encoding"], self._clock, _say)
        self._terminal = OneQuantTerminal(
            self._order_dir,
            options["account_no"],
            cash,
            quotes,
            self._clock,
            outbox,
            _say,
            keep_hours=True,
            terms=terms_of(options),
        )
        self._begin(self._terminal.exchange, quotes)
        self._clock.on_sleep = self._terminal.poll

    def wait(self, seconds: float) -> None:
        """In steps as short as the terminal's own, but not through hours in which nobody waits for it."""
        while 0 < seconds <= LONG_WAIT:
            step = min(seconds, self.POLL_SECONDS)
            self._clock.sleep(step)
            seconds -= step
        if seconds > 0:
            self._clock.sleep(seconds)

    def look(self, now: datetime) -> bool:
        return self._terminal is not None


def _say(text: str) -> None:
    log.debug("柜台：%s", text)
