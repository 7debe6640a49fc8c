"""Real tasks in processes of their own, all ended with the test."""

import os
from pathlib import Path
from typing import Callable, Iterator

import pytest

from jqtrade.tasks.launcher import stop
from jqtrade.tasks.registry import TaskRegistry
from jqtrade.tasks.spec import TaskSpec, new_token


@pytest.fixture
def registry(jqtrade_home: Path) -> Iterator[TaskRegistry]:
    tasks = TaskRegistry(str(jqtrade_home))
    yield tasks
    stop(tasks, [task for task in tasks.list_tasks() if task.pid != os.getpid()], force=True)


@pytest.fixture
def make_spec(jqtrade_home: Path) -> Callable[..., TaskSpec]:
    """Return a function that makes a spec; `steps` are those of the stand-in worker."""

    def make(name: str = "demo", steps: str = "claim,ready,loop", **fields: object) -> TaskSpec:
        spec = TaskSpec(
            name=name,
            code=steps,
            log=str(jqtrade_home / "logs" / (name + ".log")),
            env={},
            config=None,
            debug=False,
            paper=False,
            home=str(jqtrade_home),
            token=new_token(),
        )
        return spec._replace(**fields)

    return make
