"""How much a run of these tests proves: short in every run of pytest, long by `JQTRADE_FAULTS=long`; and its seed."""

import os
import random
import sys
from typing import Any

LONG = os.environ.get("JQTRADE_FAULTS") == "long"
WINDOWS = sys.platform == "win32"
SEED = int(os.environ.get("JQTRADE_FAULTS_SEED") or (random.SystemRandom().randrange(10**6) if LONG else 20260105))
"""Of the long form, another one each time: what fails is printed with the command that repeats it."""
TIMEOUT = 7200 if LONG else 180


def rounds(short: int, long: int) -> int:
    """The number of rounds of this run. JQTRADE_FAULTS_ROUNDS says what part of it, 1 being all."""
    return max(1, int((long if LONG else short) * float(os.environ.get("JQTRADE_FAULTS_ROUNDS", "1"))))


def claim(what: str, **numbers: Any) -> None:
    """Print what was shown, for the record in docs/reliability.md; seen with `pytest -s`."""
    shown = ", ".join("{} {}".format(value, name.replace("_", " ")) for name, value in numbers.items())
    print(f"\nCLAIM {what}: {shown}", flush=True)


def repeat_command(test: str) -> str:
    """What to type to run one test again as it was run."""
    size = "JQTRADE_FAULTS=long " if LONG else ""
    return f"{size}JQTRADE_FAULTS_SEED={SEED} {sys.executable} -m pytest -s '{test}'"
