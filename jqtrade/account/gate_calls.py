"""GateCalls: the calls of a gate. Each of them may be cut short; then the gate starts over before the next one."""

from typing import Any, Callable

from jqtrade.account.gate import AbsTradeGate
from jqtrade.account.gate_errors import came_in_the_middle, reason_of
from jqtrade.account.watch import BrokerWatch


class GateCalls:
    """One account's way to its gate."""

    def __init__(self, gate: AbsTradeGate, watch: BrokerWatch) -> None:
        self.gate = gate
        self.may_be_cut_short = False
        """whether an exception may have come between any two steps of the gate"""
        self.watch = watch

    def call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """What the gate answers or raises; errors that are none of ours may have come in the middle of anything."""
        self.may_be_cut_short = True
        try:
            answer = method(*arguments)
        except Exception as error:
            self.may_be_cut_short = came_in_the_middle(error)
            raise
        self.may_be_cut_short = False
        return answer

    def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """What the gate answers; None if it fails: a gate of the user's own may raise anything."""
        try:
            return self.call(question, *arguments)
        except Exception as error:
            self.watch.say_once(f"交易接口 {question.__name__} 出错：{reason_of(error)}")
            return None

    def put_right(self) -> None:
        """Have the gate start over if a call of it may have been cut short."""
        if self.may_be_cut_short:
            try:
                self.gate.start_over()
            except Exception as error:  # a gate of the user's own may raise anything
                self.watch.say_once(f"交易接口 start_over 出错：{reason_of(error)}")
            self.may_be_cut_short = False
