"""A command imports what it needs and no more: each is a start of Python, and get_tasks may be called every second."""

import subprocess
import sys

import pytest

ROOMS = (
    "account",
    "check",
    "gates",
    "market",
    "onequant_terminal",
    "paper",
    "replay",
    "report",
    "runtime",
    "scheduler",
)


@pytest.mark.parametrize(
    "words, needed", [("['get_tasks']", {"tasks"}), ("['halt_task', '-n', 'x']", {"tasks"}), ("['--version']", set())]
)
def test_a_verb_imports_only_what_does_its_work(words: str, needed: "set[str]") -> None:
    code = (
        "import sys\nfrom jqtrade.__main__ import main\n"
        f"try: main({words})\nexcept SystemExit: pass\n"
        "print(sorted({name.split('.')[1] for name in sys.modules if name.startswith('jqtrade.')}))"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
    loaded = set(eval(done.stdout.decode("utf-8").splitlines()[-1]))
    assert loaded & {*ROOMS, "tasks"} == needed
