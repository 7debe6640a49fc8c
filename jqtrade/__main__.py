"""`jqtrade` and `python -m jqtrade`: starts the command line (cli/)."""

# ruff: noqa: E402
import os
import sys


def _is_current(folder: str) -> bool:
    try:
        return folder in ("", os.getcwd())
    except OSError:  # it was removed, and Python has put nothing in front
        return False


if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False) and _is_current(sys.path[0]):
    # `python -m` lets a random.py or select.py of the current folder stand for Python's own; jqtrade itself may lie there.
    sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    del sys.path[0]

from jqtrade.cli.main import main as main

if __name__ == "__main__":
    sys.exit(main())
