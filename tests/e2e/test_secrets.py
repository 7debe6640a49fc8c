"""No account number and no secret of -e stands whole in a log, an answer or the registry, however a start fails."""

import os
import sys
from pathlib import Path
from typing import List

import pytest

from tests.e2e.cli import jqtrade, read, tasks, write_strategy

NUMBER = "8801234567"
SECRET = "s3cr3t-Pa55w0rd"


def everything_shown(home: Path, *more: str) -> str:
    records = [read(path) for path in sorted(home.glob("tasks/*.json"))]
    return "\n".join(records + list(more))


@pytest.mark.parametrize(
    "body",
    [
        "set_options(account_no='8801234567', bogus=1)",
        "set_options(account_no=8801234567)",
        "set_options(account_no='8801234567', order_dir='/x'); 1 / 0",
        "set_options(account_no='8801234567'",
        "set_options(account_no='8801234567",
        "raise ValueError('8801234567')  # account_no='8801234567'",
        "OPTIONS = {'account_no': '8801234567'}; set_options(**OPTIONS, bogus=1)",
        "import os; os.write(2, b'native 8801234567'); account_no = '8801234567'; os._exit(3)",
    ],
)
@pytest.mark.parametrize("detached", [True, False], ids=["detached", "foreground"])
def test_a_failed_start_shows_no_account_number(tmp_path: Path, jqtrade_home: Path, body: str, detached: bool) -> None:
    if "native" in body and not detached:
        pytest.skip("what native code writes to the terminal passes nobody")
    path = write_strategy(tmp_path / "s.py", f"def process_initialize(context):\n    {body}\n")
    log = tmp_path / "s.log"
    how = ["-o", str(log)] if detached else []
    result = jqtrade("start_task", "-c", path, "-n", "s", "--no-check", *how)
    assert result.code != 0
    shown = everything_shown(jqtrade_home, result.out, result.err, "" if "native" in body else read(log))
    assert NUMBER not in shown
    assert "*67" in shown
    result = jqtrade("start_task", "-c", path, "-n", "s", *how)  # the look before the start says less
    assert result.code != 0
    assert NUMBER not in everything_shown(jqtrade_home, result.out, result.err, "" if "native" in body else read(log))


def test_an_account_number_of_the_config_file_is_hidden(tmp_path: Path, jqtrade_home: Path) -> None:
    path = write_strategy(tmp_path / "s.py", "def process_initialize(context):\n    pass\n")
    for text in (
        "ACCOUNT_ACCOUNT_NO = 8801234567\n",
        "ACCOUNT_ACCOUNT_NO = '8801234567'; 1 / 0\n",
        "ACCOUNT_NO = '88012345",
    ):
        config = write_strategy(tmp_path / "config.py", text)
        result = jqtrade("start_task", "-c", path, "-n", "s", "--config", config, "-o", str(tmp_path / "s.log"))
        assert result.code == 1
        shown = everything_shown(jqtrade_home, result.out, result.err, read(tmp_path / "s.log"))
        assert "88012345" not in shown


def test_secrets_of_the_environment_show_neither_whole_nor_in_pieces(tmp_path: Path, jqtrade_home: Path) -> None:
    path = write_strategy(
        tmp_path / "s.py",
        """
        import os, sys
        SECRET = os.environ["MY_TOKEN"]

        def process_initialize(context):
            print("SEC", SECRET, repr(SECRET), SECRET.encode())
            log.info(SECRET)
            sys.stdout.write(SECRET[:5])
            sys.stdout.write(SECRET[5:] + chr(10))
            print(*SECRET, sep="")
            print("ACC", os.environ["ACCOUNT"])
            raise ValueError("bad " + SECRET)
        """,
    )
    log = tmp_path / "s.log"
    env = f"MY_TOKEN={SECRET};ACCOUNT={NUMBER};COPY={SECRET} {NUMBER}"
    result = jqtrade("start_task", "-c", path, "-n", "s", "-o", str(log), "-e", env)
    assert result.code == 1
    shown = everything_shown(jqtrade_home, result.out, result.err, read(log))
    for word in (SECRET, SECRET[:5], SECRET[5:], NUMBER):
        assert word not in shown
    assert "ValueError: bad ***" in result.err and "ACC ********67" in read(log)


def test_a_piece_of_the_environment_that_is_no_variable_is_not_shown_if_it_may_be_a_secret() -> None:
    for env in (f"MY_TOKEN=a;{SECRET}", f"ACCOUNT_NO=1;{NUMBER}"):
        result = jqtrade("start_task", "-c", __file__, "-n", "s", "-e", env)
        assert result.code == 1 and SECRET not in result.err and NUMBER not in result.err


# ---------------------------------------------------------------- odd texts


def test_a_huge_error_message_is_cut_in_the_record_and_the_answers(tmp_path: Path, jqtrade_home: Path) -> None:
    path = write_strategy(
        tmp_path / "s.py", "def process_initialize(context):\n    raise ValueError('x' * 3000000 + '\\x1b[2J')\n"
    )
    result = jqtrade("start_task", "-c", path, "-n", "s", "-o", str(tmp_path / "s.log"))
    assert result.code == 1
    assert (jqtrade_home / "tasks" / "s.json").stat().st_size < 5000
    assert len(result.err) < 20000 and "\x1b" not in result.err


@pytest.mark.posix
@pytest.mark.skipif(sys.platform == "darwin", reason="file names are always UTF-8 there")
def test_a_path_that_is_not_utf_8_is_a_path(tmp_path: Path) -> None:
    folder = os.fsencode(str(tmp_path)) + b"/d\xff\xfe"
    os.mkdir(folder)
    options = f"account_no='{NUMBER}', counter_type='UM0', order_dir=os.fsdecode({folder!r})"
    path = write_strategy(
        tmp_path / "s.py", f"import os\ndef process_initialize(context):\n    set_options({options})\n"
    )
    result = jqtrade("start_task", "-c", path, "-n", "s", "-o", str(tmp_path / "s.log"))
    assert result.code == 0, result
    assert jqtrade("stop_task", "-n", "s").code == 0
    strategy = os.fsdecode(folder) + "/s.py"
    with open(strategy, "w") as file:
        file.write("def process_initialize(context):\n    run_daily(lambda context: None, '03:00')\n")
    arguments: List[str] = ["-c", strategy, "-n", "t", "-o", os.fsdecode(folder) + "/t.log"]
    assert jqtrade("start_task", *arguments).code == 0
    assert [task["name"] for task in tasks()] == ["t"]
    assert "t  pid" in jqtrade("get_tasks").out
    assert jqtrade("stop_task", "-n", "t").code == 0
