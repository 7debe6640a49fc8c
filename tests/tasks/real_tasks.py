"""What tests of real processes share."""

import sys
import time
from pathlib import Path
from typing import Callable, List

ROOT = Path(__file__).resolve().parent.parent.parent
WORKER = [sys.executable, str(Path(__file__).resolve().parent / "stand_in_worker.py")]


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def modes(paths: List[Path]) -> List[str]:
    return [oct(path.stat().st_mode & 0o777) for path in paths]
