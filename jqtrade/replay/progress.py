"""How far a replay has come, on a terminal that has tqdm."""

import sys
from typing import Any


class ProgressBar:
    """One step a trading day, with rate and time left; silent without a terminal or without tqdm."""

    def __init__(self, days: int) -> None:
        self._bar: Any = None
        self._stream = sys.stderr
        if not self._stream.isatty():
            return
        try:
            from tqdm import tqdm
        except ImportError:
            return
        self._bar = tqdm(total=days, unit="天", file=self._stream, dynamic_ncols=True, leave=False)

    def step(self, text: str) -> None:
        """A day is over; `text` says where we are."""
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update()

    def say(self, text: str) -> None:
        """Show a line without breaking the bar."""
        if self._bar is None:
            print(text, file=self._stream, flush=True)
        else:
            self._bar.write(text, file=self._stream)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
