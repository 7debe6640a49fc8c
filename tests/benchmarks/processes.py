"""How long whole commands take, against an interpreter that does nothing."""

import os
import resource
import subprocess
import sys
import time
from typing import Any, Dict, List

from tests.benchmarks.measure import Bench, Result, Row, compared, pair
from tests.benchmarks.tasks import Home
from tests.e2e.cli import command

NOTHING = "`python -c pass`"

IMPORTS = 20

STARTED = """\
import time; FIRST_LINE = time.time()
import json

def process_initialize(context):
    set_options(**OPTIONS)
    with open(TOLD, "w") as file:
        json.dump(FIRST_LINE, file)
    run_daily(print, "every_minute")
"""


def _run(arguments: List[str], **options: Any) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    code = subprocess.call(
        arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options
    )
    assert code == 0, arguments
    return time.perf_counter() - began


def _do_nothing() -> float:
    return _run([sys.executable, "-c", "pass"])


def _import_times(text: str) -> List[str]:
    """The costliest lines of what `-X importtime` printed, without what they imported themselves: microseconds, module."""
    found = []
    for line in text.split("\n"):
        own, _, rest = line.partition("|")
        if line.startswith("import time:") and own[12:].strip().isdigit():
            found.append((int(own[12:]), rest.partition("|")[2].strip()))
    lines = [f"{own:8d}  {module}" for own, module in sorted(found, reverse=True)[:IMPORTS]]
    return [f"{sum(own for own, _ in found):8d}  合计，{len(found)} 个模块"] + lines


def commands(bench: Bench) -> Result:
    """--help and get_tasks with nothing running."""
    env = dict(os.environ, JQTRADE_HOME=os.path.join(bench.folder, "home"))
    if bench.profiles:
        timed = [sys.executable, "-X", "importtime"] + command("get_tasks")[1:]
        _run(command("get_tasks"), env=env)
        shown = subprocess.run(timed, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=env)
        return Result([], profile=_import_times(shown.stderr.decode("utf-8")))
    values: Dict[str, List[float]] = {"--help": [], "get_tasks": []}
    nothing: List[float] = []
    for verb in values:
        _run(command(verb), env=env)  # the first time compiles it
    for _ in range(bench.pick(40, 8)):
        for verb, taken in values.items():
            taken.append(_run(command(verb), env=env))
        nothing.append(_do_nothing())
    rows = [compared(f"`jqtrade {verb}`，没有任务", NOTHING, pair(taken, nothing), 3) for verb, taken in values.items()]
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    note = f"这些进程的内存峰值至多 {used.ru_maxrss / 1024:.0f} MB"
    return Result([rows[0], rows[1]._replace(note=note)])


def start_task(bench: Bench) -> Result:
    """From start_task to the strategy's first line, and until the command returns with the account loaded."""
    first_line: List[float] = []
    whole: List[float] = []
    nothing: List[float] = []
    with Home(bench.folder) as home:
        path = home.strategy("one", STARTED)
        if bench.profiles:
            home.start("one", path)  # the first time compiles it
            home.stop(force=True)
            home.environment["PYTHONPROFILEIMPORTTIME"] = "1"
            home.start("one", path)
            del home.environment["PYTHONPROFILEIMPORTTIME"]
            return Result([], profile=_import_times(home.log("one")))
        for turn in range(bench.pick(20, 4) + 1):
            before = _do_nothing()
            began, clock = time.time(), time.perf_counter()
            home.start("one", path)
            returned = time.perf_counter() - clock
            reached = home.told("one") - began
            home.stop(force=True)
            if turn:  # the first one fills the caches
                nothing.append(before)
                whole.append(returned)
                first_line.append(reached)
    rows: List[Row] = [
        compared("`start_task` 到策略的第一行", NOTHING, pair(first_line, nothing), 10),
        compared("`start_task` 返回（账户已加载，process_initialize 已完成）", NOTHING, pair(whole, nothing), 15),
    ]
    return Result(rows)
