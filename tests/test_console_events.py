"""What Windows says to a console program before it ends it: a closed window, the end of the session.

Windows' own routine for such an event is called as Windows does, in a thread of the task's process; that Windows ends the
process when its handlers have returned, which Wine does not do, is done by that thread.
"""

import subprocess
import sys

import pytest

from tests.e2e.cli import PATIENCE, command, environment, read, wait_for, write_strategy

pytestmark = pytest.mark.skipif(sys.platform != "win32", reason="Windows alone has console events")

WINDOWS = """
import _thread, ctypes, os, time
from datetime import timedelta

def end_by(event):
    # What starts in a process group of its own does not heed Ctrl+C; Wine extends that to every event.
    ctypes.windll.kernel32.SetConsoleCtrlHandler(None, 0)
    ctypes.WinDLL("kernelbase").CtrlRoutine(event)
    os._exit(99)
"""
STRATEGY = (
    WINDOWS
    + """
def process_initialize(context):
    run_daily(slow, (context.current_dt + timedelta(seconds=3)).strftime("%H:%M:%S"))

def slow(context):
    _thread.start_new_thread(end_by, ({event},))
    for step in range(6):
        time.sleep(0.2)
        print("step", step)

def process_exit(context):
    print("process_exit")
"""
)


@pytest.mark.parametrize("event, name", [(2, "CTRL_CLOSE_EVENT"), (5, "CTRL_LOGOFF_EVENT"), (6, "CTRL_SHUTDOWN_EVENT")])
def test_the_function_finishes_and_process_exit_runs_before_the_process_ends(tmp_path, event, name):
    code = write_strategy(tmp_path / "slow.py", STRATEGY.format(event=event))
    done = subprocess.run(
        command("start_task", "-c", code, "-n", "slow"), stdout=subprocess.PIPE, env=environment(), timeout=PATIENCE
    )
    lines = [line.split("jqtrade ")[-1].strip() for line in done.stdout.decode().splitlines()]
    at = lines.index("step 0")
    assert lines[at : at + 6] == [f"step {step}" for step in range(6)]
    assert [f"任务 slow 停止：收到信号 {name}", "process_exit", "任务 slow 已结束"] == lines[-3:]
    assert done.returncode == 0


def test_paper_broker_writes_its_last_files_before_it_ends(tmp_path):
    source = f"""
        {WINDOWS.strip().splitlines()[0]}
        import threading
        from jqtrade.onequant_terminal.program import run_paper_broker
        def end():
            while not os.path.exists("truth.json"):
                time.sleep(0.1)
            os.remove("truth.json")
            ctypes.WinDLL("kernelbase").CtrlRoutine(2)
            os._exit(99)
        _thread.start_new_thread(end, ())
        raise SystemExit(run_paper_broker(".", "1", truth="truth.json", snapshot_interval=1e6))
    """
    path = write_strategy(tmp_path / "broker.py", source)
    done = subprocess.run(
        [sys.executable, path], stdout=subprocess.PIPE, cwd=str(tmp_path), env=environment(), timeout=PATIENCE
    )
    assert "模拟柜台已停止" in done.stdout.decode() and done.returncode == 0
    assert (tmp_path / "truth.json").exists()


def test_a_detached_task_heeds_the_end_of_the_session_too(tmp_path):
    code = write_strategy(tmp_path / "slow.py", STRATEGY.format(event=5))
    log = tmp_path / "slow.log"
    subprocess.check_call(
        command("start_task", "-c", code, "-n", "slow", "-o", str(log)), env=environment(), timeout=PATIENCE
    )
    wait_for(lambda: "任务 slow 已结束" in read(log), "the end")
    assert "process_exit" in read(log)
