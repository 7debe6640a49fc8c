"""An exception at any one step of our code: what a signal handler of the strategy, no memory, or the end of the stack may do.

`Storm(fire_at, error)` raises `error` before the bytecode instruction number `fire_at` that is executed within the calls it
is wrapped around (Python 3.6 knows lines only), in our code as well as in the library's.
"""

import sys
from types import FrameType
from typing import Any, Callable, Optional

PER_OPCODE = sys.version_info >= (3, 7)


class Late(Exception):
    """What timeout_decorator and its like raise."""


class Storm:
    """Counts the steps of a call, and raises at one of them; `fire_at` 0 never."""

    def __init__(self, fire_at: int, error: Callable[[], BaseException] = Late) -> None:
        self.steps = 0
        self.has_fired = False
        self._fire_at = fire_at
        self._error = error

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call `function` in the storm, and return or raise what comes of it."""
        before = sys.gettrace()
        sys.settrace(self._trace)
        try:
            return function(*arguments)
        finally:
            sys.settrace(before)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Optional[Callable[..., Any]]:
        if frame.f_code.co_filename == __file__:
            return None
        if PER_OPCODE:
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        if event == ("opcode" if PER_OPCODE else "line"):
            self.steps += 1
            if self.steps == self._fire_at:
                self.has_fired = True
                raise self._error()
        return self._trace
