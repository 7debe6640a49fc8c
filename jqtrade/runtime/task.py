"""The program of a task in the background. It is run by its path, so that lists of processes show the task's name.

Not by -m or -c, which would let a random.py or json.py of the current folder stand for Python's own.
"""

import sys


def show_name(name: str) -> None:
    """Let ps, top and pgrep show the process by this name, of which Linux keeps 15 bytes; others show its command line."""
    if sys.platform != "linux":
        return
    shown = f"jq {name}".encode()[:15].decode("utf-8", "ignore")
    try:
        with open("/proc/self/comm", "w", encoding="utf-8") as file:
            file.write(shown)
    except OSError:  # no /proc: the command line has the name too
        pass


if __name__ == "__main__":  # and not in the children of multiprocessing, which load this file again
    import os

    if not getattr(sys.flags, "safe_path", False):  # PYTHONSAFEPATH, where this folder is not in front
        del sys.path[0]  # the modules beside this file are no modules of the strategy's
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    show_name(sys.argv[1])
    from jqtrade.runtime.worker import main

    sys.exit(main())
