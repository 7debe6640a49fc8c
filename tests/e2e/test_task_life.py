"""A task from its start to its end, as its user sees it at the command line."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.e2e.cli import PATIENCE, WINDOWS, command, environment, jqtrade, read, tasks, wait_for, write_strategy

TICKING = """
    from datetime import timedelta

    def process_initialize(context):
        moment = context.current_dt + timedelta(seconds=1)
        run_daily(tick, moment.strftime("%H:%M:%S"))
        run_daily(later, "every_minute")

    def tick(context):
        log.info("tick ran")

    def later(context):
        pass

    def process_exit(context):
        print("process_exit ran")
"""


@pytest.fixture
def demo(tmp_path):
    """A detached task named demo, ended after the test; its log."""
    log = tmp_path / "demo.log"

    def start(source=TICKING, *more):
        result = jqtrade(
            "start_task", "-c", write_strategy(tmp_path / "s.py", source), "-n", "demo", "-o", str(log), *more
        )
        assert result.code == 0, result
        return result

    start.log = log
    yield start
    jqtrade("stop_task", "--all", "-s", "SIGKILL")


def test_a_detached_task_runs_its_jobs_and_stops_gracefully(demo):
    started = demo()
    (task,) = tasks()
    assert started.out.strip() == f"任务 demo 已启动，pid {task['pid']}，日志 {demo.log}"
    assert task["state"] == "running"
    wait_for(lambda: "tick ran" in read(demo.log), "the first job")
    wait_for(lambda: tasks()[0]["jobs_run"] == 1, "the count of jobs")
    stopped = jqtrade("stop_task", "-n", "demo")
    assert (stopped.code, stopped.out.strip()) == (0, f"任务 demo（pid {task['pid']}）已停止")
    assert [line.split(" ")[-1] for line in read(demo.log).splitlines()[-2:]] == ["ran", "已结束"]
    assert tasks() == []


def test_a_start_that_fails_shows_the_traceback_and_returns_1(tmp_path):
    path = write_strategy(tmp_path / "bad.py", "def process_initialize(context):\n    run_daily(no_such, 'open')\n")
    result = jqtrade("start_task", "-c", path, "-n", "bad", "-o", str(tmp_path / "bad.log"))
    assert result.code == 1
    assert "NameError: name 'no_such' is not defined" in result.err
    assert 'bad.py", line 2, in process_initialize' in result.err
    assert tasks() == []


def test_a_second_start_of_a_name_names_the_running_process(demo, tmp_path):
    demo()
    (task,) = tasks()
    result = jqtrade("start_task", "-c", str(tmp_path / "s.py"), "-n", "demo", "-o", str(tmp_path / "other.log"))
    assert result.code == 1
    assert f"pid {task['pid']}" in result.err
    assert [one["pid"] for one in tasks()] == [task["pid"]]


def test_a_stop_during_a_long_job_says_with_which_it_is_busy(demo):
    demo(
        TICKING.replace('log.info("tick ran")', "print('begun', flush=True); import time; time.sleep(4); print('done')")
    )
    wait_for(lambda: "begun" in read(demo.log), "the long job")
    result = jqtrade("stop_task", "-n", "demo", "--timeout", "0.5")
    assert result.code == 1
    assert "tick" in result.err
    wait_for(lambda: not tasks(), "the end of the job")
    assert "done" in read(demo.log)


def test_an_exception_in_a_job_is_counted_and_shown(demo):
    demo(TICKING.replace('log.info("tick ran")', "1 / 0"))
    task = wait_for(lambda: next((task for task in tasks() if task["jobs_failed"]), None), "the failure")
    assert (task["jobs_run"], task["jobs_failed"]) == (1, 1)
    assert "ZeroDivisionError" in task["last_error"]
    assert "Traceback" in read(demo.log)


def test_environment_variables_and_python_path_reach_the_strategy(demo, tmp_path):
    for name, value in (("first", 1), ("second", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "both.py").write_text(f"value = {value}\n")
    source = """
        import os
        import both

        def process_initialize(context):
            print("value", both.value, os.environ["USERNAME_OF_MINE"], os.environ["A"], flush=True)
            run_daily(print, "open")
    """
    path = os.pathsep.join([str(tmp_path / "first"), str(tmp_path / "second")])
    demo(source, "-e", f"PYTHONPATH={path};USERNAME_OF_MINE=test=1;A=")
    wait_for(lambda: "value 1 test=1" in read(demo.log), "the print")


def test_secrets_and_account_numbers_are_not_shown(demo):
    source = """
        def process_initialize(context):
            set_options(account_no="7654321", use_account=False)
            print("my account is 7654321")
            log.info("my account is %s", "7654321")
            run_daily(fail, "every_minute")

        def fail(context):
            pass
    """
    demo(source, "-e", "MY_TOKEN=verysecret")
    assert "verysecret" not in jqtrade("get_tasks").out
    text = read(demo.log)
    assert "7654321" not in text and text.count("*****21") == 2


SHOWING = """
    import os
    import sys
    import warnings

    def process_initialize(context):
        secret = os.environ["MY_TOKEN"]
        print("print", secret)
        print("stderr", secret, file=sys.stderr)
        log.info("log %s", secret)
        warnings.warn("warning " + secret)
        log.info("many %r", [secret, {"x": os.environ["DB_PWD"]}])
        try:
            {}[secret]
        except KeyError:
            log.exception("caught")
        os.write(2, ("native " + secret + "\\n").encode("utf-8"))
        raise RuntimeError("failed with " + secret + " and " + os.environ["DB_PWD"])
"""


@pytest.mark.parametrize("options", [[], ["-o", "x.log"]], ids=["foreground", "detached"])
def test_the_secrets_of_environment_variables_are_shown_nowhere(tmp_path, options):
    path = write_strategy(tmp_path / "s.py", SHOWING)
    options = [str(tmp_path / option) if option == "x.log" else option for option in options]
    variables = "MY_TOKEN=it's\nverysecret;DB_PWD=pass\\\\wort密码"
    result = jqtrade("start_task", "-c", path, "-n", "shows", "-e", variables, *options)
    assert result.code == 1
    log = read(tmp_path / "x.log") if options else result.out + result.err
    logged = "\n".join(line for line in log.splitlines() if not line.startswith(("native", "verysecret")))
    for text in (logged, result.err if options else ""):  # on the terminal native code writes as it likes
        assert "verysecret" not in text and "wort" not in text and "密码" not in text, text
    for what in ("print ***", "stderr ***", "log ***", "warning ***", "KeyError: ", "failed with *** and ***"):
        assert what in logged, logged


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x" * 65, "a b", "CON"])
def test_a_bad_name_is_refused_before_anything_is_done(tmp_path, name):
    path = write_strategy(tmp_path / "s.py", TICKING)
    result = jqtrade("start_task", "-c", path, "-n", name, "-o", str(tmp_path / "x.log"))
    assert result.code == 1 and "任务名称" in result.err and "Traceback" not in result.err
    assert not (tmp_path / "x.log").exists()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "缺少参数"),
        (["start_task"], "缺少参数"),
        (["start_task", "-n", "x", "-c", "no_such.py"], "策略文件不存在"),
        (["stop_task"], "请用 -n 名称"),
        (["stop_task", "-n", "nobody"], "没有名为 nobody"),
        (["stop_task", "-p", "1"], "不是 jqtrade 的实盘任务"),
        (["stop_task", "-p", "x"], "参数 -p/--pid 的值 'x' 不正确"),
        (["stop_task", "-n", "x", "-s", "SIGHUP"], "可选"),
        (["stop_task", "-n", "x", "--timeout", "-1"], "--timeout"),
        (["dance"], "dance"),
        (["start_task", "-n", "x", "-c", __file__, "-e", "novalue"], "novalue"),
    ],
)
def test_wrong_usage_is_answered_in_chinese_without_a_traceback(arguments, words):
    result = jqtrade(*arguments)
    assert result.code in (1, 2)
    assert words in result.err and "Traceback" not in result.err


def test_get_tasks_without_tasks_says_so():
    assert jqtrade("get_tasks").out.startswith("没有运行中的实盘任务（在 ")
    assert tasks() == []


def test_detach_without_a_log_path_logs_below_the_home(tmp_path):
    path = write_strategy(tmp_path / "s.py", TICKING)
    try:
        result = jqtrade("start_task", "-c", path, "-n", "quiet", "--detach")
        assert result.code == 0
        log = os.path.join(os.environ["JQTRADE_HOME"], "logs", "quiet.log")
        assert result.out.strip().endswith(log) and os.path.getsize(log) > 0
    finally:
        jqtrade("stop_task", "--all", "-s", "SIGKILL")


def _start_foreground(tmp_path, source):
    return subprocess.Popen(
        command("start_task", "-c", write_strategy(tmp_path / "s.py", source), "-n", "front"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(PYTHONUNBUFFERED="1"),
    )


def _foreground(tmp_path, source=TICKING):
    process = _start_foreground(tmp_path, source)
    wait_for(lambda: [task for task in tasks() if task["state"] == "running"], "the foreground task")
    return process


def _ended_gracefully(process):
    output = process.communicate(timeout=PATIENCE)[0].decode("utf-8")
    assert process.returncode == 0, output
    assert "process_exit ran" in output
    assert tasks() == []


@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_foreground_task_stops_gracefully_on_a_signal(tmp_path, name):
    process = _foreground(tmp_path)
    process.send_signal(getattr(signal, name))
    _ended_gracefully(process)


def test_a_foreground_task_stops_gracefully_when_its_console_is_closed(tmp_path):
    # Windows tells a process of a closed console by SIGBREAK; only processes with a console could be sent it from outside.
    name = "SIGBREAK" if WINDOWS else "SIGHUP"
    source = TICKING.replace('log.info("tick ran")', f"import os, signal; os.kill(os.getpid(), signal.{name})")
    source = source.replace("os.kill(os.getpid(), signal.SIGBREAK)", "signal.raise_signal(signal.SIGBREAK)")
    _ended_gracefully(_foreground(tmp_path, source.replace("seconds=1", "seconds=4")))


def test_a_foreground_task_stops_on_stop_task(tmp_path):
    process = _foreground(tmp_path)
    began = time.monotonic()
    assert jqtrade("stop_task", "-n", "front").code == 0
    assert "process_exit ran" in process.communicate(timeout=PATIENCE)[0].decode("utf-8")
    assert WINDOWS or time.monotonic() - began < 3


def test_all_tasks_are_stopped_at_once_and_one_by_its_pid(tmp_path):
    path = write_strategy(tmp_path / "s.py", TICKING)
    names = ["one", "two", "three"]
    try:
        for name in names:
            assert jqtrade("start_task", "-c", path, "-n", name, "-o", str(tmp_path / (name + ".log"))).code == 0
        pid = next(task["pid"] for task in tasks() if task["name"] == "two")
        assert jqtrade("stop_task", "-p", str(pid)).out.strip() == f"任务 two（pid {pid}）已停止"
        assert sorted(task["name"] for task in tasks()) == ["one", "three"]
        stopped = jqtrade("stop_task", "--all", "-n", "nobody")
        assert stopped.code == 0 and "任务 one" in stopped.out and "任务 three" in stopped.out
        assert tasks() == []
    finally:
        jqtrade("stop_task", "--all", "-s", "SIGKILL")


def test_a_strategy_that_exits_ends_the_task_with_its_exit_code(tmp_path):
    source = TICKING.replace('log.info("tick ran")', "raise SystemExit(3)").replace("seconds=1", "seconds=3")
    process = _start_foreground(tmp_path, source)  # it may be over before anybody has seen it
    output = process.communicate(timeout=PATIENCE)[0].decode("utf-8")
    assert process.returncode == 3 and "process_exit ran" in output


def test_a_task_has_one_journal_however_its_name_is_written(tmp_path):
    source = """
        def process_initialize(context):
            set_options(use_account=True, trade_gate="keeping.KeepingGate")
            run_daily(print, "open")
            print("orders today", len(get_orders()), flush=True)
            order("000001.XSHE", 100, LimitOrderStyle(1))
    """
    gate = """
        from jqtrade.testing import FakeBroker

        KeepingGate = FakeBroker(keeps_orders=True).gate_class
    """
    write_strategy(tmp_path / "keeping.py", gate)
    path = write_strategy(tmp_path / "s.py", source)
    log = tmp_path / "s.log"
    for name in ("Demo", "demo"):
        started = jqtrade("start_task", "-c", path, "-n", name, "-o", str(log))
        assert started.code == 0, started
        assert jqtrade("stop_task", "-n", name).code == 0
    assert [line for line in read(log).splitlines() if line.startswith("orders")] == [
        "orders today 0",
        "orders today 1",
    ]


def test_files_of_the_current_folder_do_not_stand_for_pythons_own(demo, tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise RuntimeError('not this one')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    source = [sys.executable, "-c", "import sys; sys.path.pop(0); from jqtrade.__main__ import main; sys.exit(main())"]
    (tmp_path / "strategies").mkdir()
    path = write_strategy(tmp_path / "strategies" / "s.py", TICKING)
    arguments = ["start_task", "-c", path, "-n", "demo", "-o", str(demo.log)]
    assert subprocess.call(source + arguments, env=environment(), timeout=PATIENCE) == 0


@pytest.mark.posix
def test_a_reader_that_goes_away_is_no_traceback():
    shell = f"{sys.executable} -m jqtrade get_tasks | true"
    result = subprocess.run(["sh", "-c", shell], stderr=subprocess.PIPE, env=environment(), timeout=PATIENCE)
    assert b"Traceback" not in result.stderr and b"Exception" not in result.stderr
