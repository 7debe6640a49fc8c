"""What an error of a gate means for the order: AbsTradeGate.order says which ones leave it unknown whether it was sent."""

import sys
import traceback
from types import FrameType
from typing import List, Optional, Type

from jqtrade.errors import JqtradeError, OrderUncertain

_TIMEOUTS = (("socket", "timeout"), ("concurrent.futures", "TimeoutError"), ("asyncio", "TimeoutError"))
"""classes of their own before Python 3.10 and 3.11"""


def is_uncertain(error: BaseException) -> bool:
    """Whether nobody can tell from the error if the broker was asked."""
    lost: List[Type[BaseException]] = [OrderUncertain, TimeoutError, ConnectionError, MemoryError, RecursionError]
    for module, name in _TIMEOUTS:
        if module in sys.modules:
            lost.append(getattr(sys.modules[module], name))
    if isinstance(error, tuple(lost)):
        return not isinstance(error, ConnectionRefusedError)
    return is_of_signal_handler(error)


def came_in_the_middle(error: BaseException) -> bool:
    """Whether the error may have come between any two steps of the gate, rather than where the gate raises it."""
    return not isinstance(error, (JqtradeError, OSError)) or is_of_signal_handler(error)


def reason_of(error: BaseException) -> str:
    """What a gate's error says; the type too when it is none of ours."""
    return str(error) if isinstance(error, JqtradeError) else f"{type(error).__name__}: {error}"


def is_of_signal_handler(error: BaseException) -> bool:
    """Whether a signal handler of the strategy raised the error (as timeout_decorator does), whatever its class.

    Python hands a handler the very frame that it interrupts, the one before it in the traceback. Which handlers are
    installed now says nothing: a decorator takes its own away again before the error gets here.
    """
    interrupted: Optional[FrameType] = None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if interrupted is not None and _was_handed(frame, interrupted):
            return True
        interrupted = frame
    return False


def _was_handed(frame: FrameType, interrupted: FrameType) -> bool:
    values = list(frame.f_locals.values())
    values += [value for arguments in values if isinstance(arguments, tuple) for value in arguments]  # *args
    return any(value is interrupted for value in values)
