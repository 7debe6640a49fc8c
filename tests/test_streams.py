"""Standard streams that are missing, full, closed at the other end or short of characters, at the command line."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.e2e.cli import PATIENCE, command, environment, jqtrade, read, tasks, wait_for, write_strategy

no_faketime = pytest.mark.skipif(
    "faketime" in os.environ.get("LD_PRELOAD", ""), reason="libfaketime has a file of its own at a closed descriptor"
)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
QUIET = """
    def process_initialize(context):
        run_daily(tick, "every_minute")
        print("printed by the strategy")

    def tick(context):
        pass
"""
VERBS = {
    "get_tasks --json": ["get_tasks", "--json"],
    "halt_task": ["halt_task", "-n", "demo", "--cancel-open"],
    "resume_task": ["resume_task", "-n", "demo"],
    "check": ["check", "-c", "s.py", "--paper"],
    "check --json": ["check", "-c", "s.py", "--paper", "--json"],
    "replay": ["replay", "-c", "s.py", "--start", "2026-01-05", "--end", "2026-01-05", "--out", "replayed"],
    "replay --json": ["replay", "-c", "s.py", "--start", "2026-01-05", "--end", "2026-01-05", "--json"],
    "help": ["start_task", "--help"],
    "wrong usage": ["no_such_verb"],
    "wrong name": ["stop_task", "-n", "no_such_task"],
    "stop_task": ["stop_task", "-n", "demo"],
}
CODES = {"wrong usage": 2, "wrong name": 1}
SHELL = {
    "no stdin, no stdout": "<&- >&-",
    "no stderr": "2>&-",
    "no stream": "<&- >&- 2>&-",
    "all full": ">/dev/full 2>&1",
    "unreadable stdout": "1</dev/null",
}


@pytest.fixture
def demo(tmp_path):
    """A detached task named demo, and its strategy s.py in the current folder."""
    write_strategy(tmp_path / "s.py", QUIET)
    started = jqtrade("start_task", "-c", "s.py", "-n", "demo", "--paper", "-o", "demo.log", cwd=str(tmp_path))
    assert started.code == 0, started
    yield tmp_path
    jqtrade("stop_task", "--all", "-s", "SIGKILL")


def in_shell(verb, redirections, cwd, **variables):
    """Run a verb from a shell with `redirections`; returns its exit code and what was said where that could be."""
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirections}', "sh"] + command(*verb),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=str(cwd),
        env=dict(environment(), **variables),
        timeout=PATIENCE,
    )
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


@pytest.mark.posix
@pytest.mark.parametrize("redirections", list(SHELL.values()), ids=list(SHELL))
def test_every_verb_does_its_work_and_exits_with_the_code_of_that(demo, redirections):
    for name, verb in VERBS.items():
        code, said = in_shell(verb, redirections, demo)
        assert code == CODES.get(name, 0), (name, said)
        assert "Traceback" not in said and "Exception ignored" not in said, (name, said)
        if name == "halt_task":
            assert tasks()[0]["halted"]
    assert tasks() == []
    assert (demo / "replayed" / "summary.json").exists()


@pytest.mark.posix
def test_who_reads_no_further_costs_no_command_its_result(demo):
    for name, verb in VERBS.items():
        done = subprocess.run(
            ["bash", "-c", 'trap "" PIPE; "$@" | true; exit ${PIPESTATUS[0]}', "bash"] + command(*verb),
            stderr=subprocess.PIPE,
            cwd=str(demo),
            env=environment(),
            timeout=PATIENCE,
        )
        said = done.stderr.decode()
        assert done.returncode == CODES.get(name, 0), (name, said)
        assert "Traceback" not in said and "没有写全" not in said, (name, said)
    assert tasks() == []


@pytest.mark.posix
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_a_full_disk_did_not_take_is_told_of(tmp_path, unbuffered):
    code, said = in_shell(VERBS["get_tasks --json"], ">/dev/full", tmp_path, PYTHONUNBUFFERED=unbuffered)
    assert code == 0
    assert "标准输出没有写全" in said and "退出码 0" in said


@pytest.mark.parametrize("encoding", ["ascii:strict", "cp437"])
def test_what_an_encoding_cannot_show_is_escaped(demo, encoding):
    for name, verb in VERBS.items():
        done = subprocess.run(
            command(*verb),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=str(demo),
            env=dict(environment(), PYTHONIOENCODING=encoding),
            timeout=PATIENCE,
        )
        assert done.returncode == CODES.get(name, 0), (name, done.stdout)
        assert b"Traceback" not in done.stdout, (name, done.stdout)


@pytest.mark.posix
def test_the_locale_c_without_utf8_mode_ends_in_no_traceback(demo):
    variables = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    for name, verb in VERBS.items():
        code, said = in_shell(verb, "", demo, **variables)
        assert code == CODES.get(name, 0) and "Traceback" not in said, (name, said)


def without_stdout(cwd, *verb, redirections=">&-"):
    """Start a verb in the foreground that has no standard output: by the shell, on Windows by pythonw without a console."""
    if sys.platform == "win32":
        pythonw = os.path.join(os.path.dirname(sys.executable), "pythonw.exe")
        detached = 8
        return subprocess.Popen(
            [pythonw] + command(*verb)[1:], creationflags=detached, close_fds=True, cwd=str(cwd), env=environment()
        )
    return subprocess.Popen(
        ["sh", "-c", f'exec "$@" {redirections}', "sh"] + command(*verb),
        stderr=subprocess.PIPE,
        cwd=str(cwd),
        env=environment(),
    )


def test_a_foreground_task_without_streams_logs_to_its_file(tmp_path, jqtrade_home):
    write_strategy(tmp_path / "s.py", QUIET)
    process = without_stdout(tmp_path, "start_task", "-c", "s.py", "-n", "Fg", "--paper", redirections=">&- 2>&- <&-")
    log = jqtrade_home / "logs" / "fg.log"
    wait_for(lambda: "开始运行" in read(log), "the task")
    assert "printed by the strategy" in read(log)
    assert [task["log"] for task in tasks()] == [str(log)]
    assert jqtrade("stop_task", "-n", "Fg").code == 0
    assert process.wait(PATIENCE) == 0
    assert "已结束" in read(log)


@no_faketime
def test_why_a_task_without_streams_did_not_start_stands_in_its_log(tmp_path, jqtrade_home):
    process = without_stdout(tmp_path, "start_task", "-c", "none.py", "-n", "fg", redirections=">&- 2>&-")
    assert process.wait(PATIENCE) == 1
    assert "策略文件不存在" in read(jqtrade_home / "logs" / "fg.log")


def test_a_start_in_the_background_without_streams_exits_0_and_the_task_runs(tmp_path, jqtrade_home):
    write_strategy(tmp_path / "s.py", QUIET)
    logs = [jqtrade_home / "logs" / "one.log", tmp_path / "two.log"]
    for name, log, more in [("one", logs[0], ["--detach"]), ("two", logs[1], ["-o", "two.log"])]:
        verb = ["start_task", "-c", "s.py", "-n", name, "--paper"] + more
        assert without_stdout(tmp_path, *verb, redirections="<&- >&- 2>&-").wait(PATIENCE) == 0, read(log)
    assert sorted(task["name"] for task in tasks()) == ["one", "two"]
    assert without_stdout(tmp_path, "halt_task", "--all").wait(PATIENCE) == 0
    assert without_stdout(tmp_path, "stop_task", "--all").wait(PATIENCE) == 0
    assert tasks() == []


@pytest.mark.posix
@no_faketime
def test_with_the_standard_error_alone_it_says_where_the_log_is(tmp_path, jqtrade_home):
    write_strategy(tmp_path / "s.py", QUIET)
    process = without_stdout(tmp_path, "start_task", "-c", "s.py", "-n", "fg", "--paper")
    log = jqtrade_home / "logs" / "fg.log"
    wait_for(lambda: "开始运行" in read(log), "the task")
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 0
    assert process.stderr.read().decode().startswith(f"没有标准输出，任务 fg 的日志写到 {log}")
    process.stderr.close()


@pytest.mark.posix
def test_a_foreground_task_on_a_full_disk_runs_and_stops(tmp_path, jqtrade_home):
    write_strategy(tmp_path / "s.py", QUIET)
    process = without_stdout(
        tmp_path, "start_task", "-c", "s.py", "-n", "fg", "--paper", redirections=">/dev/full 2>&1"
    )
    wait_for(lambda: [task["state"] for task in tasks()] == ["running"], "the task")
    assert jqtrade("stop_task", "-n", "fg").code == 0
    assert process.wait(PATIENCE) == 0
    process.stderr.close()


@pytest.mark.posix
def test_paper_broker_runs_without_streams(tmp_path):
    process = without_stdout(
        tmp_path, "paper_broker", "--order-dir", ".", "--account-no", "1", redirections="<&- >&- 2>&-"
    )
    wait_for(lambda: list(tmp_path.glob("assetInfo_*.csv")), "the terminal's files")
    process.terminate()
    assert process.wait(PATIENCE) == 0
    process.stderr.close()


@pytest.mark.posix
@no_faketime
def test_descriptors_that_were_closed_are_filled_and_children_inherit_them(tmp_path):
    source = """
        import os, subprocess, sys
        from jqtrade.streams import make_streams_safe
        missing = make_streams_safe()
        lock = os.open("lock", os.O_CREAT | os.O_WRONLY)
        child = subprocess.call([sys.executable, "-c", "import os; os.write(1, b'x'); os.write(2, b'x')"])
        with open("said", "w") as file:
            print(sorted(missing), lock > 2, child, os.path.getsize("lock"), file=file)
    """
    write_strategy(tmp_path / "s.py", source)
    script = f"exec {sys.executable} s.py <&- >&- 2>&-"
    assert subprocess.call(["sh", "-c", script], cwd=str(tmp_path), env=environment(PYTHONPATH=ROOT)) == 0
    assert read(tmp_path / "said").strip() == "['stderr', 'stdin', 'stdout'] True 0 0"


@pytest.mark.posix
def test_a_pipe_that_somebody_made_non_blocking_gets_all_of_a_long_answer():
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    source = "from jqtrade.streams import make_streams_safe; make_streams_safe(); print('x' * 300000)"
    process = subprocess.Popen([sys.executable, "-c", source], stdout=writer, env=environment(PYTHONPATH=ROOT))
    os.close(writer)
    time.sleep(0.5)
    with os.fdopen(reader, "rb") as file:
        assert len(file.read()) == 300001
    assert process.wait(PATIENCE) == 0
