"""One benchmark in a process of its own, so that none inherits another's garbage: `worker NAME FOLDER FORM`.

What it finds goes to FOLDER/result.json: standard output may be a task's log by then.
"""

import cProfile
import json
import os
import pstats
import sys
import traceback
from typing import Any, Dict, List

from tests.benchmarks.catalogue import BENCHMARKS
from tests.benchmarks.measure import Bench

PROFILE_LINES = 20


def top_lines(profiler: cProfile.Profile) -> List[str]:
    """Where the time went: share of the whole, calls, function; the costliest first, without what they called."""
    stats: Any = pstats.Stats(profiler)
    costliest = sorted(stats.stats.items(), key=lambda item: item[1][2], reverse=True)[:PROFILE_LINES]
    total = stats.total_tt or 1.0
    lines = []
    for (path, line, function), (_, calls, own, _, _) in costliest:
        where = function if path == "~" else f"{'/'.join(path.split(os.sep)[-2:])}:{line} {function}"
        lines.append(f"{own / total:6.1%} {calls:9d}  {where}")
    return lines


def main(name: str, folder: str, form: str) -> None:
    profiler = cProfile.Profile() if form == "profile" else None
    found: Dict[str, Any] = {"profile": []}
    try:
        result = BENCHMARKS[name](Bench(folder, form == "short", profiler))
        found["rows"] = [row._asdict() for row in result.rows]
        found["curves"] = [curve._asdict() for curve in result.curves]
        if profiler is not None:
            found["profile"] = list(result.profile) or (top_lines(profiler) if profiler.getstats() else [])
    except BaseException:
        found["error"] = traceback.format_exc()
    with open(os.path.join(folder, "result.json"), "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
