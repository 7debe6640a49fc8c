"""Files that another program has open without sharing: on Windows virus scanners and backups do so, for moments."""

import sys
from typing import Callable, Optional, TypeVar

from jqtrade.clock import Clock, SystemClock

T = TypeVar("T")

PATIENCE = 5.0
"""seconds, as long as the order files are waited for; a scanner is done in less than one as a rule"""

_INTERVAL = 0.05


def is_busy(error: Exception) -> bool:
    """Whether the file may be open elsewhere. On Windows nobody can tell that from a file that is not allowed to us."""
    return sys.platform == "win32" and isinstance(error, PermissionError)


def when_free(
    action: Callable[[], T],
    clock: Optional[Clock] = None,
    is_busy: Callable[[Exception], bool] = is_busy,
    patience: float = PATIENCE,
) -> T:
    """Return what `action` returns, called again while that fails because its file is busy, for `patience` at most.

    For the start and for commands: what a running task can do later it does later, and keeps no job waiting.
    """
    clock = SystemClock() if clock is None else clock
    give_up = clock.monotonic() + patience
    while True:
        try:
            return action()
        except Exception as error:
            if not is_busy(error) or clock.monotonic() >= give_up:
                raise
        clock.sleep(_INTERVAL)
