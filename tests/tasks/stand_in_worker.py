"""A strategy process without a strategy: claims its name and does what the spec's `code` says, in words.

Steps are separated by commas: "noise:LINES", "die:CODE", "claim", "fail", "ready", "touch:FILE", "await:FILE",
"sleep:SECONDS", "job:NAME", "fork:FILE", "loop", "trade:FILE": a loop that adds a line to the file for each order that
is not refused, and answers requests to cancel. Files are in the spec's home.
"""

import multiprocessing
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from jqtrade.errors import TaskExists  # noqa: E402
from jqtrade.tasks.registry import TaskRegistry  # noqa: E402
from jqtrade.tasks.spec import TaskSpec  # noqa: E402


def touch(path: str, text: str = "") -> None:
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


def run(spec: TaskSpec) -> int:
    claim = None
    for step in spec.code.split(","):
        verb, _, value = step.partition(":")
        path = os.path.join(spec.home, value)
        if verb == "noise":
            print("\n".join(f"第 {number} 行" for number in range(int(value))), flush=True)
        elif verb == "die":
            return int(value)
        elif verb == "claim":
            try:
                claim = TaskRegistry(spec.home).claim(spec)
            except TaskExists as error:
                print(error, flush=True)
                return 1
        elif verb == "touch":
            touch(path + "." + str(os.getpid()))
        elif verb == "await":
            while not os.path.exists(path):
                time.sleep(0.01)
        elif verb == "sleep":
            time.sleep(float(value))
        elif verb == "fork":
            child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
            child.start()
            touch(path, str(child.pid))
        elif claim is None:
            raise ValueError(step)
        elif verb == "fail":
            claim.update(error="process_initialize 抛出 ValueError")
        elif verb == "ready":
            claim.update(state="running", next_job="market_open", next_time="2025-01-02T09:30:00")
        elif verb == "job":
            claim.update(current_job=value, current_since="2025-01-02T09:30:00")
        elif verb == "loop":
            while not claim.stop_requested():
                time.sleep(0.01)
            claim.update(state="stopping")
            claim.release()
        elif verb == "trade":
            while not claim.stop_requested():
                request = claim.cancel_request()
                if request != claim.info.cancels_for:
                    claim.update(cancels_for=request, cancels=3)
                if not claim.is_halted():
                    with open(path, "a") as file:
                        file.write("order\n")
                time.sleep(0.01)
            claim.release()
    return 0


if __name__ == "__main__":
    sys.exit(run(TaskSpec.from_json(sys.stdin.read())))
