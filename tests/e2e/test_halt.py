"""halt_task and resume_task, as their user sees them: real processes, real files, the paper One Quant."""

import subprocess
import time

import pytest

from tests.e2e.cli import PATIENCE, WINDOWS, command, environment, jqtrade, read, tasks, wait_for, write_strategy

# Orders for less than anybody sells, every second for minutes: they stay open.
STRATEGY = """
    from datetime import timedelta

    def process_initialize(context):
        set_options(account_no="7654321", counter_type="UM0", order_dir={order_dir!r}, sync_internal=0.2)
        for seconds in range(1, 300):
            run_daily(tick, (context.current_dt + timedelta(seconds=seconds)).strftime("%H:%M:%S"))

    def tick(context):
        order_id = order("000001.XSHE", 100, LimitOrderStyle(9.00))
        refused = [one for one in get_orders(status="rejected") if "暂停下单" in one.err_msg]
        print("TICK", "refused" if order_id is None else "sent", len(refused), flush=True)
        {job}

    def on_order_update(context, order):
        print("UPDATE", order.order_id, order.status, flush=True)
"""


class Demo:
    """A strategy named demo and the paper broker that it trades with."""

    def __init__(self, folder):
        self.folder = folder
        self.log = folder / "demo.log"

    def start(self, job="pass"):
        """Start, or start again; returns what start_task printed."""
        source = STRATEGY.replace("{job}", job).format(order_dir=str(self.folder / "orders"))
        path = write_strategy(self.folder / "s.py", source)
        result = jqtrade("start_task", "-c", path, "-n", "demo", "-o", str(self.log))
        assert result.code == 0, result
        return result.out

    def rows(self, file="algoOrder"):
        """How many rows stand in today's file."""
        return sum(len(path.read_bytes().splitlines()) - 1 for path in (self.folder / "orders").glob(file + "_*.csv"))

    def lines(self, start):
        return [line for line in read(self.log).splitlines() if line.startswith(start)]

    def wait_for_lines(self, start, count=1):
        """Wait until so many more such lines are in the log."""
        before = len(self.lines(start))
        wait_for(lambda: len(self.lines(start)) >= before + count, f"{count} more lines {start!r}: {read(self.log)}")


@pytest.fixture
def demo(tmp_path):
    (tmp_path / "orders").mkdir()
    (tmp_path / "quotes.csv").write_text("code,last,bid1,ask1,prev_close\n000001.XSHE,10.50,10.50,10.51,10.00\n")
    options = {
        "--order-dir": str(tmp_path / "orders"),
        "--account-no": "7654321",
        "--quotes": str(tmp_path / "quotes.csv"),
    }
    broker = subprocess.Popen(
        command("paper_broker", *[text for pair in options.items() for text in pair]),
        stdout=(tmp_path / "broker.log").open("wb"),
        stderr=subprocess.STDOUT,
        env=environment(),
    )
    wait_for(lambda: list((tmp_path / "orders").glob("positionInfo_*")), "the broker's first snapshot")
    yield Demo(tmp_path)
    jqtrade("stop_task", "--all", "-s", "SIGKILL")
    broker.terminate()
    assert broker.wait(PATIENCE) == 0 or WINDOWS  # where terminate() is no signal


def test_a_halted_task_runs_its_jobs_and_sends_nothing_whatever_happens_until_it_is_resumed(demo):
    demo.start()
    demo.wait_for_lines("TICK sent")
    (task,) = tasks()
    assert task["halted"] is False and "暂停" not in jqtrade("get_tasks").out

    halted = jqtrade("halt_task", "-n", "demo")
    sent = demo.rows()
    assert halted.code == 0 and halted.err == ""
    assert halted.out.startswith(f"任务 demo（pid {task['pid']}）已暂停下单")
    assert tasks()[0]["halted"] is True
    assert "\n  暂停  " in jqtrade("get_tasks").out
    demo.wait_for_lines("TICK refused", 3)
    assert demo.rows() == sent
    assert [line for line in read(demo.log).splitlines() if " ERROR " in line and "halt_task" in line]
    assert int(demo.lines("TICK refused")[-1].split()[-1]) >= 3  # listed as rejected, with the reason
    wait_for(lambda: read(demo.log).count("已暂停下单：") == 1, "the log to say so")

    assert jqtrade("stop_task", "-n", "demo", "-s", "SIGKILL").code == 0
    started = demo.start()
    assert "任务 demo 处于暂停下单状态，用 jqtrade resume_task -n demo 恢复" in started
    assert read(demo.log).count("已暂停下单：") == 2
    demo.wait_for_lines("TICK refused", 2)
    assert jqtrade("stop_task", "-n", "demo").code == 0
    assert "处于暂停下单状态" in demo.start()
    demo.wait_for_lines("TICK refused", 2)
    assert demo.rows() == sent

    resumed = jqtrade("resume_task", "-n", "demo")
    assert (resumed.code, resumed.out.strip()) == (0, "任务 demo 已恢复下单")
    demo.wait_for_lines("TICK sent", 2)
    assert demo.rows() > sent
    assert tasks()[0]["halted"] is False
    assert "已恢复下单" in read(demo.log)
    assert jqtrade("stop_task", "-n", "demo").code == 0
    assert "暂停" not in demo.start()


def test_cancel_open_cancels_what_is_open_and_the_command_waits_for_it(demo):
    demo.start()
    wait_for(lambda: len(demo.lines("UPDATE")) >= 2, "two orders to be open")
    halted = jqtrade("halt_task", "-n", "demo", "--cancel-open", "--timeout", str(PATIENCE))
    assert halted.code == 0, halted
    sent = demo.rows()
    assert f"已对 {sent} 笔没有结束的订单请求撤单" in halted.out
    assert demo.rows("algoOrderStop") == sent
    wait_for(lambda: len([line for line in demo.lines("UPDATE") if line.endswith(" canceled")]) == sent, "the cancels")

    again = jqtrade("halt_task", "-n", "demo", "--cancel-open", "--timeout", str(PATIENCE))
    assert again.code == 0 and "没有需要撤的订单" in again.out
    assert (demo.rows(), demo.rows("algoOrderStop")) == (sent, sent)


def test_a_task_that_starts_under_a_halt_cancels_what_still_lives_once(demo):
    demo.start()
    wait_for(lambda: demo.lines("UPDATE"), "an order to be open")
    assert jqtrade("stop_task", "-n", "demo", "-s", "SIGKILL").code == 0
    sent = demo.rows()
    halted = jqtrade("halt_task", "-n", "demo", "--cancel-open")
    assert halted.code == 1 and "没有在运行" in halted.err and "没有撤单：下次启动时" in halted.err
    assert demo.rows("algoOrderStop") == 0
    for _ in range(2):
        demo.start()
        demo.wait_for_lines("TICK refused", 2)
        wait_for(lambda: demo.rows("algoOrderStop") == sent, "the cancels")
        assert jqtrade("stop_task", "-n", "demo").code == 0
    assert (demo.rows(), demo.rows("algoOrderStop")) == (sent, sent)


def test_a_busy_task_refuses_orders_at_once_and_cancels_when_its_job_ends(demo):
    demo.start("import time; print('busy', flush=True); time.sleep(6); order('000001.XSHE', 100); print('idle')")
    wait_for(lambda: demo.lines("busy"), "the long job")
    sent = demo.rows()
    began = time.monotonic()
    halted = jqtrade("halt_task", "--all", "--cancel-open", "--timeout", "0.5")
    assert WINDOWS or time.monotonic() - began < 5
    assert halted.code == 1 and "已暂停下单" in halted.out
    assert "0.5 秒内还没有撤单：自 " in halted.err and "起仍在执行 tick" in halted.err
    assert "新的委托已经一律不发出，当前的工作一结束就会撤单" in halted.err
    wait_for(lambda: demo.rows("algoOrderStop") == sent, "the cancels after the job")
    assert demo.lines("idle") and demo.rows() == sent


def test_a_misspelt_name_is_no_success_and_names_the_running_tasks(demo):
    demo.start()
    (task,) = tasks()
    for verb in ("halt_task", "resume_task"):
        result = jqtrade(verb, "-n", "dmeo")
        assert result.code == 1 and f"demo（pid {task['pid']}）" in result.err and "没有做任何操作" in result.err
    assert tasks()[0]["halted"] is False


def test_all_tasks_are_halted_and_resumed_running_or_not(tmp_path):
    source = "def process_initialize(context):\n    run_daily(print, 'every_minute')\n"
    path = write_strategy(tmp_path / "s.py", source)
    for verb, words in (("halt_task", "没有运行中的实盘任务"), ("resume_task", "没有暂停下单的实盘任务")):
        nothing = jqtrade(verb, "--all")
        assert (nothing.code, nothing.err) == (0, "") and words in nothing.out
    try:
        for name in ("One", "two"):
            assert jqtrade("start_task", "-c", path, "-n", name, "-o", str(tmp_path / "x.log")).code == 0
        halted = jqtrade("halt_task", "--all", "--cancel-open", "--timeout", str(PATIENCE))
        assert halted.code == 0 and halted.out.count("已暂停下单") == 2 and halted.out.count("没有需要撤的订单") == 2
        assert [task["halted"] for task in tasks()] == [True, True]
        assert jqtrade("stop_task", "-n", "One").code == 0
        resumed = jqtrade("resume_task", "--all")
        assert (resumed.code, resumed.out.splitlines()) == (0, ["任务 One 已恢复下单", "任务 two 已恢复下单"])
        again = jqtrade("resume_task", "-n", "one")
        assert again.code == 0 and "没有暂停下单，不需要恢复" in again.out
        assert [task["halted"] for task in tasks()] == [False]
    finally:
        jqtrade("stop_task", "--all", "-s", "SIGKILL")


@pytest.mark.parametrize("verb", ["halt_task", "resume_task"])
@pytest.mark.parametrize(
    "arguments, words",
    [([], "请用 -n 名称 或 --all"), (["-n", "x", "--all"], "不能与"), (["-n", "a/b"], "任务名称"), (["-n"], "缺少值")],
)
def test_wrong_usage_is_answered_in_chinese(verb, arguments, words):
    result = jqtrade(verb, *arguments)
    assert result.code in (1, 2) and words in result.err and "Traceback" not in result.err
