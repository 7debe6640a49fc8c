"""Where $JQTRADE_HOME is, and what `~` stands for when nobody says."""

import os
import subprocess
import sys

import pytest

from jqtrade.errors import InvalidParam
from jqtrade.gates.options import strategy_options
from jqtrade.home import absolute, home_dir
from tests.e2e.cli import command

PROFILE = ("HOME", "USERPROFILE", "HOMEDRIVE", "HOMEPATH")


@pytest.fixture
def without_profile(monkeypatch, tmp_path):
    """An environment of a service: no variable says where the user's home is, and no list of users does."""
    monkeypatch.chdir(tmp_path)
    for name in PROFILE + ("JQTRADE_HOME",):
        monkeypatch.delenv(name, raising=False)
    if sys.platform != "win32":
        monkeypatch.setattr("pwd.getpwuid", unknown_user)


def unknown_user(uid):
    raise KeyError("getpwuid(): uid not found")


def test_the_home_is_what_jqtrade_home_says_and_else_below_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("JQTRADE_HOME", str(tmp_path / "x"))
    assert home_dir() == str(tmp_path / "x")
    for empty in ("", None):
        monkeypatch.delenv("JQTRADE_HOME") if empty is None else monkeypatch.setenv("JQTRADE_HOME", empty)
        monkeypatch.setenv("USERPROFILE" if os.name == "nt" else "HOME", str(tmp_path))
        assert home_dir() == str(tmp_path / "jqtrade")


def test_a_home_that_nobody_knows_is_refused_and_no_folder_called_so_is_made(without_profile, tmp_path):
    with pytest.raises(InvalidParam, match="JQTRADE_HOME"):
        home_dir()
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("path", ["~", "~/jqtrade", os.path.join("~", "a", "b"), "~no_such_user/jqtrade"])
def test_no_path_with_an_unknown_home_becomes_a_folder_of_the_current_one(without_profile, path):
    with pytest.raises(InvalidParam, match="没有做任何操作"):
        absolute(path)
    with pytest.raises(InvalidParam):
        strategy_options("home").check({"order_dir": path})


def test_an_empty_variable_is_none(without_profile, monkeypatch):
    for name in PROFILE:
        monkeypatch.setenv(name, "")
    with pytest.raises(InvalidParam):
        home_dir()


def test_a_file_whose_name_begins_with_a_tilde_is_a_file(without_profile, tmp_path):
    if os.name != "nt":  # there it is some user's folder
        assert absolute("~no_such_user.py") == str(tmp_path / "~no_such_user.py")
    assert absolute("x~.py") == str(tmp_path / "x~.py")


@pytest.mark.parametrize(
    "verb",
    [
        ["get_tasks"],
        ["start_task", "-c", "s.py", "-n", "a", "--paper", "--detach"],
        ["halt_task", "--all"],
        ["stop_task", "--all"],
        ["resume_task", "--all"],
        ["check", "-c", "s.py", "--paper"],
        ["replay", "-c", "~/s.py", "--start", "2026-01-05", "--end", "2026-01-05"],
    ],
    ids=lambda verb: verb[0],
)
def test_every_verb_asks_for_jqtrade_home(tmp_path, verb):
    (tmp_path / "s.py").write_text("def process_initialize(context): pass\n")
    environment = {name: value for name, value in os.environ.items() if name not in PROFILE + ("JQTRADE_HOME",)}
    environment["PYTHONIOENCODING"] = "utf-8"
    words = command(*verb)
    if sys.platform != "win32":
        lost = "import pwd, sys; pwd.getpwuid = {}.__getitem__; from jqtrade.__main__ import main; sys.exit(main())"
        words = [sys.executable, "-c", lost] + verb
    done = subprocess.run(
        words, cwd=str(tmp_path), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120
    )
    said = done.stdout.decode("utf-8")
    assert done.returncode == 1 and "JQTRADE_HOME" in said and "Traceback" not in said, said
    assert os.listdir(str(tmp_path)) == ["s.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no folder that somebody is in")
@pytest.mark.parametrize(
    "words, code, told",
    [
        (["get_tasks"], 0, "没有运行中的实盘任务"),
        (["halt_task", "--all"], 0, "没有运行中的实盘任务"),
        (["check", "-c", "{}/good.py", "--paper"], 0, "通过"),
        (["start_task", "-c", "s.py", "-n", "a", "--detach"], 1, "当前目录已经被删除"),
        (["start_task", "-c", "{}/bad.py", "-n", "a", "--detach"], 1, "bad.py 第 1 行"),
        (["replay", "-c", "{}/good.py", "--start", "2026-01-05", "--end", "2026-01-05"], 1, "当前目录已经被删除"),
    ],
)
def test_a_current_folder_that_was_removed_is_in_no_commands_way(tmp_path, monkeypatch, words, code, told):
    monkeypatch.setenv("JQTRADE_HOME", str(tmp_path / "home"))
    good = "def process_initialize(context): run_daily(job, 'open')\n\ndef job(context): pass\n"
    (tmp_path / "good.py").write_text(good)
    (tmp_path / "bad.py").write_text("open('gone.txt')\n" + good)
    gone = tmp_path / "gone"
    gone.mkdir()
    inside = "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, [sys.executable, '-m', 'jqtrade'] + sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", inside] + [word.format(tmp_path) for word in words],
        cwd=str(gone),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
    )
    said = done.stdout.decode("utf-8")
    assert done.returncode == code and told in said and "Traceback" not in said, said
