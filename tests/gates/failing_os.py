"""The module os with a fault in one call, for the module that writes the order files."""

import os
from typing import Any, List


class FailingOs:
    """Stands in for `os`; call number `nth` of the function `name` fails with `number`.

    `moment`: "before" anything is done; "after" all is done; "half": of a write, half stands then; "short": half
    stands and is returned as a short write, and the next call fails.
    """

    def __init__(self, name: str = "", moment: str = "before", number: int = 0, nth: int = 1) -> None:
        self.calls: List[str] = []
        self._name = name
        self._moment = moment
        self._number = number
        self._nth = nth

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in ("open", "write", "fsync", "lseek", "read", "close"):
            return real

        def call(*args: Any) -> Any:
            self.calls.append(name)
            if name != self._name or self.calls.count(name) != self._nth:
                return real(*args)
            if self._moment == "short":
                self._moment, self._nth = "before", self._nth + 1
                return real(args[0], args[1][: len(args[1]) // 2])
            if self._moment == "half":
                real(args[0], args[1][: len(args[1]) // 2])
            elif self._moment == "after":
                real(*args)
            elif name == "close":
                real(*args)  # Linux closes the descriptor also when it reports an error
            raise OSError(self._number, os.strerror(self._number))

        return call
