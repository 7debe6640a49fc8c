"""Log lines, masking and outages; and in real processes, everything that a process says ends up in its file."""

import io
import json
import logging
import os
import re
import subprocess
import sys
import textwrap
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from jqtrade.clock import VirtualClock
from jqtrade.log import LineFormatter, MaskedStream, Outage, format_seconds, log_lines
from jqtrade.masking import Masker

ROOT = Path(__file__).resolve().parent.parent
NOW = datetime(2026, 1, 5, 9, 30, 0, 123456)

# ---------------------------------------------------------------- lines


def line(message: str, strategy_time: Optional[datetime], exception: Optional[BaseException] = None) -> str:
    info = None if exception is None else (type(exception), exception, None)
    record = logging.LogRecord("strategy", logging.WARNING, "demo.py", 3, message, (), info)  # type: ignore[arg-type]
    return LineFormatter(VirtualClock(NOW), lambda: strategy_time).format(record)


def test_a_line_carries_time_level_pid_and_logger() -> None:
    assert line("买入", None) == f"2026-01-05 09:30:00.123 WARNING {os.getpid()} strategy 买入"


def test_a_line_in_a_job_carries_the_strategy_time_too() -> None:
    text = line("买入", datetime(2026, 1, 5, 9, 29))
    assert text == f"2026-01-05 09:30:00.123 WARNING {os.getpid()} strategy [2026-01-05 09:29:00] 买入"


def test_a_traceback_follows_the_line() -> None:
    assert line("出错", None, KeyError("x")).splitlines()[1:] == ["KeyError: 'x'"]


def test_each_of_many_lines_that_are_one_record_carries_time_and_level() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(VirtualClock(NOW), lambda: datetime(2026, 1, 5, 9, 29)))
    logger = logging.Logger("many", logging.INFO)
    logger.addHandler(handler)
    log_lines(logger, ["一", "二", "三"])
    log_lines(logger, [])
    lines = stream.getvalue().splitlines()
    assert [text[-1] for text in lines] == ["一", "二", "三"]
    for text in lines:
        assert re.fullmatch(r"[-\d]+ [:\d]+\.\d{3} INFO \d+ many \[2026-01-05 09:29:00\] .", text)


# ---------------------------------------------------------------- masking


@pytest.mark.parametrize(
    "text, expected",
    [
        ("账号 1234567 登录", "账号 *****67 登录"),
        ("1234567,1234567", "*****67,*****67"),
        ("D1234567.csv", "D*****67.csv"),
        ("123456", "123456"),
        ("", ""),
    ],
)
def test_an_account_number_keeps_its_last_two_characters(text: str, expected: str) -> None:
    masker = Masker()
    masker.hide("1234567")
    assert masker(text) == expected


def test_several_numbers_are_masked_and_ones_too_short_to_tell_from_others_are_not() -> None:
    masker = Masker()
    for secret in ("1234567", "7654321", "100"):
        masker.hide(secret)
    assert masker("1234567 7654321 100") == "*****67 *****21 100"


def test_of_two_numbers_one_within_the_other_nothing_shows_but_the_last_two_characters() -> None:
    masker = Masker()
    for secret in ("1234", "12345678"):
        masker.hide(secret)
    assert masker("12345678") == "******78"


SECRETS = [
    "verysecret",
    'it\'s "quoted"',
    "it's so",
    'say "it"',
    "domain\\user",
    "line one\nline two\n",
    "windows\r\nline ends",
    "tab\tbed",
    " padded ",
    "密码很长",
    "émile\u2028xavier",
    "emoji 😀",
    "lone \udcff byte",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "show",
    [
        str,
        repr,
        ascii,
        json.dumps,
        lambda secret: json.dumps([secret], ensure_ascii=False),
        lambda secret: repr({"a": secret, "b": [secret]}),
        lambda secret: str(KeyError(secret)),
        lambda secret: repr(ValueError(f"wrong: {secret}")),
        lambda secret: repr("'\" " + secret),
        lambda secret: repr(secret.encode("utf-8", "backslashreplace")),
        lambda secret: "  | ".join(secret.splitlines(True)),
    ],
    ids="str repr ascii json json-in-Chinese dict KeyError ValueError quotes bytes indented".split(),
)
def test_nothing_of_a_secret_is_shown_however_it_is_written(secret: str, show: Callable[[str], str]) -> None:
    masker = Masker()
    masker.hide_whole(secret)
    text = masker(f"before {show(secret)} after")
    assert "***" in text
    assert [word for word in re.findall(r"\w{2,}", secret) if word in text] == []


def test_a_secret_too_short_to_tell_from_other_words_is_left_alone() -> None:
    masker = Masker()
    masker.hide_whole("100")
    masker.hide_whole("ab\ncd\nlonger")
    assert masker("100 ab cd longer") == "100 ab cd ***"


def test_a_secret_that_is_an_account_number_too_keeps_no_character() -> None:
    for first, second in (("hide", "hide_whole"), ("hide_whole", "hide")):
        masker = Masker()
        getattr(masker, first)("1234567")
        getattr(masker, second)("1234567")
        assert masker("1234567") == "***"


def test_a_masked_stream_masks_whatever_way_it_is_written_to() -> None:
    masker, buffer = Masker(), io.BytesIO()
    masker.hide("1234567")
    stream = MaskedStream(buffer, masker)
    print("print", "1234567", file=stream)
    stream.writelines(["lines 1234567\n", "x\n"])
    assert stream.write("write 1234567\n") == len("write 1234567\n")
    assert buffer.getvalue().decode("utf-8") == "print *****67\nlines *****67\nx\nwrite *****67\n"


def test_no_character_is_too_strange_for_a_masked_stream() -> None:
    buffer = io.BytesIO()
    stream = MaskedStream(buffer, Masker(), "gbk")
    print("平安 \U0001f600 \udcff", file=stream)
    assert buffer.getvalue() == "平安 \\U0001f600 \\udcff\n".encode("gbk")


# ---------------------------------------------------------------- trouble that repeats


def test_an_outage_is_one_line_when_it_begins_and_one_when_it_ends_with_how_long(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = VirtualClock(NOW)
    outage = Outage(logging.getLogger("x"), clock)
    outage.worked("恢复")
    for _ in range(720):
        outage.failed("没有文件")
        clock.sleep(5)
    outage.worked("恢复")
    outage.worked("恢复")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "没有文件（恢复之前不再重复）"),
        ("INFO", "恢复，中断了 1 小时 0 分 0 秒"),
    ]


def test_a_second_outage_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(logging.getLogger("x"), VirtualClock(NOW))
    for _ in range(2):
        outage.failed("没有文件")
        outage.worked("恢复")
    assert [record.levelname for record in caplog.records if record.levelname == "ERROR"] == ["ERROR", "ERROR"]


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0 秒"),
        (45.4, "45 秒"),
        (59.7, "1 分 0 秒"),
        (125, "2 分 5 秒"),
        (3600, "1 小时 0 分 0 秒"),
        (90000, "25 小时 0 分 0 秒"),
    ],
)
def test_a_duration_is_written_for_people(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


# ---------------------------------------------------------------- real processes

PRELUDE = """
import logging, os, sys, warnings
import jqtrade.log
from jqtrade.clock import SystemClock
from jqtrade.log import set_up_logging
from jqtrade.masking import Masker

jqtrade.log.MAX_BYTES, jqtrade.log.BACKUP_COUNT = {max_bytes}, {backups}
masker = Masker()
masker.hide("1234567")
path = {path!r}
set_up_logging(path, {debug}, masker, SystemClock(), lambda: None)
log = logging.getLogger("strategy")
os.write(2, b"")
"""


def run(
    path: Optional[Path], body: str, max_bytes: int = 10**7, backups: int = 10, debug: bool = False
) -> "subprocess.CompletedProcess[bytes]":
    """Run `body` in a process that logs to `path`."""
    prelude = PRELUDE.format(
        path=None if path is None else str(path), max_bytes=max_bytes, backups=backups, debug=debug
    )
    script = (prelude + body).encode("utf-8")
    return subprocess.run(
        [sys.executable, "-"],
        input=b"# -*- coding: utf-8 -*-\n" + script,
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, PYTHONIOENCODING="utf-8"),
        timeout=60,
    )


def texts(folder: Path) -> Dict[str, str]:
    """The log files of a folder, without the time and the pid of each line."""
    return {path.name: path.read_bytes().decode("utf-8") for path in folder.glob("demo.log*")}


def numbers(folder: Path, word: str) -> List[int]:
    """The numbers behind `word` in all log files, the oldest first."""
    files = texts(folder)
    order = sorted(files, key=lambda name: -int(name.rpartition(".")[2]) if name != "demo.log" else 0)
    return [int(number) for name in order for number in re.findall(word + r" (\d+)\b", files[name])]


def test_the_sizes_are_10_mb_and_10_old_files() -> None:
    import jqtrade.log

    assert (jqtrade.log.MAX_BYTES, jqtrade.log.BACKUP_COUNT) == (10 * 1024 * 1024, 9)


def test_log_lines_prints_warnings_and_output_of_native_code_are_appended_to_the_file_in_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "demo.log"
    path.write_bytes("昨天的\n".encode())
    done = run(
        path,
        """
log.info("日志")
log.debug("strategy debug")
logging.getLogger("jqtrade.x").debug("jqtrade debug")
logging.getLogger("other.library").debug("library debug")
print("打印", "两个词")
print("到标准错误", file=sys.stderr)
warnings.warn("小心")
os.write(2, "原生 2\\n".encode("utf-8"))
os.write(1, "原生 1\\n".encode("utf-8"))
raise KeyError("没人接住")
""",
    )
    text = texts(tmp_path)["demo.log"]
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 1)
    assert text.startswith("昨天的\n")
    for part in (
        "INFO",
        "日志\n",
        "strategy debug\n",
        "\n打印 两个词\n",
        "\n到标准错误\n",
        "小心",
        "\n原生 2\n",
        "\n原生 1\n",
    ):
        assert part in text
    assert "KeyError: '没人接住'" in text
    assert "jqtrade debug" not in text
    assert "library debug" not in text
    assert "\r" not in text
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO \d+ strategy 日志$", text, re.MULTILINE)


def test_with_debug_jqtrades_own_debug_lines_are_there_too(tmp_path: Path) -> None:
    run(tmp_path / "demo.log", "logging.getLogger('jqtrade.x').debug('jqtrade debug')", debug=True)
    assert "DEBUG" in texts(tmp_path)["demo.log"]


def test_account_numbers_are_masked_in_log_lines_prints_and_tracebacks(tmp_path: Path) -> None:
    run(
        tmp_path / "demo.log",
        """
log.info("account %s", "1234567")
print("account", "1234567")
warnings.warn("account 1234567")
try: raise ValueError("1234567")
except ValueError: log.exception("caught")
raise KeyError("1234567")
""",
    )
    text = texts(tmp_path)["demo.log"]
    assert "1234567" not in text
    assert text.count("*****67") >= 5


def test_without_a_file_everything_goes_to_the_terminal_masked() -> None:
    done = run(None, "log.info('日志 1234567')\nprint('打印 1234567')\nprint('错误 1234567', file=sys.stderr)\n")
    assert done.returncode == 0
    assert "日志 *****67" in done.stdout.decode("utf-8")
    assert "打印 *****67" in done.stdout.decode("utf-8")
    assert "错误 *****67" in done.stderr.decode("utf-8")


LINES = """
for number in range(300):
    log.info("logged %d", number)
    print("printed", number)
    os.write(2, b"native %d\\n" % number)
"""


def test_files_are_rotated_by_size_and_no_line_is_lost(tmp_path: Path) -> None:
    done = run(tmp_path / "demo.log", LINES, max_bytes=5000, backups=30)
    files = texts(tmp_path)
    assert done.stderr == b""
    assert 4 < len(files) < 30
    assert set(files) == {"demo.log"} | {f"demo.log.{number}" for number in range(1, len(files))}
    assert max(map(len, files.values())) < 5300
    for word in ("logged", "printed", "native"):
        assert numbers(tmp_path, word) == list(range(300))


def test_no_more_than_the_newest_old_files_are_kept(tmp_path: Path) -> None:
    run(tmp_path / "demo.log", LINES, max_bytes=2000, backups=3)
    assert set(texts(tmp_path)) == {"demo.log", "demo.log.1", "demo.log.2", "demo.log.3"}
    kept = numbers(tmp_path, "logged")
    assert kept == list(range(kept[0], 300))


def test_a_process_that_only_prints_has_its_file_rotated_too(tmp_path: Path) -> None:
    run(tmp_path / "demo.log", "for number in range(300): print('printed', number)", max_bytes=1000, backups=10)
    assert len(texts(tmp_path)) > 3
    assert numbers(tmp_path, "printed") == list(range(300))


def test_a_restarted_process_appends_and_rotates_what_was_there(tmp_path: Path) -> None:
    for first in (0, 100):
        body = f"for number in range({first}, {first + 100}): log.info('logged %d', number)"
        run(tmp_path / "demo.log", body, max_bytes=3000, backups=30)
    assert numbers(tmp_path, "logged") == list(range(200))


@pytest.mark.posix
@pytest.mark.parametrize("say", ["log.info('logged %d', number)", "print('logged', number)"])
def test_a_file_removed_while_it_is_written_is_begun_anew_and_the_older_ones_stay(tmp_path: Path, say: str) -> None:
    body = f"""
open(path + ".1", "w").write("older")
removed = open(path, "rb")
os.remove(path)
for number in range(100): {say}
open(path + ".99", "wb").write(removed.read())
"""
    run(tmp_path / "demo.log", body)
    files = texts(tmp_path)
    assert set(files) == {"demo.log", "demo.log.1", "demo.log.99"} and files["demo.log.1"] == "older"
    assert files["demo.log.99"] == "" and numbers(tmp_path, "logged") == list(range(100))


@pytest.mark.posix
def test_a_file_put_in_place_of_the_log_is_written_on_and_no_older_one_is_lost(tmp_path: Path) -> None:
    body = """
for number in range(1, 10): open(path + f".{number}", "w").write(f"old {number}")
for number in range(20):
    os.remove(path)
    open(path, "w").write("mine\\n")
    log.info("logged %d", number)
"""
    assert run(tmp_path / "demo.log", body, backups=9).stderr == b""
    files = texts(tmp_path)
    assert [files.pop(f"demo.log.{number}") for number in range(1, 10)] == [f"old {number}" for number in range(1, 10)]
    assert re.findall("mine|logged 19", files["demo.log"]) == ["mine", "logged 19"]


@pytest.mark.posix
def test_no_line_and_no_print_raises_while_the_file_cannot_be_opened_again(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    body = """
import shutil
log.info("logged 0")
shutil.rmtree(os.path.dirname(path))
for number in range(1, 100): log.info("logged %d", number); print("printed", number)
os.makedirs(os.path.dirname(path))
for number in range(100, 200): log.info("logged %d", number); print("printed", number)
"""
    assert run(folder / "demo.log", body, max_bytes=1000, backups=30).returncode == 0
    assert numbers(folder, "logged")[-1] == 199


def test_a_full_log_that_another_program_holds_is_tried_again_once_a_second_and_not_with_each_line(
    tmp_path: Path,
) -> None:
    body = """
import time
tries, now, replace = [], [100.0], os.replace
def held(*names):
    tries.append(now[0])
    raise PermissionError(13, "held by a viewer")
os.replace = held
time.monotonic = lambda: now[0]
for number in range(300):
    log.info("logged %d", number)
    now[0] += 0.01
assert 2 <= len(tries) <= 3, tries
os.replace = replace
now[0] += 1
log.info("logged 300")
"""
    done = run(tmp_path / "demo.log", body, max_bytes=5000)
    assert done.returncode == 0, texts(tmp_path)
    assert numbers(tmp_path, "logged") == list(range(301)) and set(texts(tmp_path)) == {"demo.log", "demo.log.1"}


def test_a_secret_that_becomes_known_while_another_thread_prints_stops_nobody() -> None:
    masker = Masker()
    errors: List[BaseException] = []
    done = threading.Event()

    def print_all_the_time() -> None:
        try:
            while not done.is_set():
                masker("1000001 1000002")
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=print_all_the_time)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        thread.start()
        for number in range(300):
            masker.hide(str(1000000 + number))
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert errors == [] and masker("1000299") == "*****99"


@pytest.mark.parametrize("held", ["demo.log", "demo.log.1"])
def test_while_another_program_holds_a_file_open_no_line_and_no_older_file_is_lost(tmp_path: Path, held: str) -> None:
    path = tmp_path / "demo.log"
    path.write_bytes(b"logged 9000\n")
    for number in (1, 2, 3):
        (tmp_path / f"demo.log.{number}").write_bytes(b"logged %d\n" % (9000 - number))
    with open(str(tmp_path / held), "rb") as reader:
        done = run(path, LINES, max_bytes=2000, backups=60)
        assert reader.read(6) == b"logged"
    assert done.stderr == b""
    kept = numbers(tmp_path, "logged")
    assert sorted(kept) == list(range(300)) + [8997, 8998, 8999, 9000]
    if sys.platform == "win32" and held == "demo.log":
        assert kept == [8997, 8998, 8999, 9000] + list(range(300))
        assert path.stat().st_size > 2000
    run(path, "log.info('logged 300')", max_bytes=2000, backups=60)
    assert path.stat().st_size < 2000
    assert sorted(numbers(tmp_path, "logged")) == list(range(301)) + [8997, 8998, 8999, 9000]


class FullDisk(io.RawIOBase):
    """A file to which nothing can be written while it is `full`."""

    full = True
    refused = 0
    written = ""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.full:
            self.refused += 1
            raise OSError(28, "No space left on device")
        self.written += bytes(data).decode()
        return len(data)


def test_a_print_never_raises_in_the_middle_of_a_job() -> None:
    disk = FullDisk()
    stream = MaskedStream(io.BufferedWriter(disk), Masker())
    for _ in range(3):
        print("between two orders", file=stream, flush=True)
    assert disk.refused >= 3
    disk.full = False
    stream.end()
    assert disk.written.count("between two orders") == 3


PRINTS_WHILE_IT_PRINTS = """
import signal, time
rings = []  # it may ring in the middle of a ring
def ring(*_):
    rings.append("")
    print("ring", len(rings))
    log.info("rang")
signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
end, number = time.monotonic() + 1, 0
while time.monotonic() < end:
    number += 1
    print("line", number, "x" * 200)
signal.setitimer(signal.ITIMER_REAL, 0)
print("\\ndone", number, len(rings))
"""


@pytest.mark.posix
def test_a_signal_handler_that_prints_in_the_middle_of_a_print_into_the_file_raises_nothing_and_loses_nothing(
    tmp_path: Path,
) -> None:
    assert run(tmp_path / "demo.log", PRINTS_WHILE_IT_PRINTS).returncode == 0
    text = texts(tmp_path)["demo.log"]
    (done,) = re.findall(r"^done (\d+) (\d+)$", text, re.MULTILINE)
    assert [text.count(word) for word in ("line", "ring", "rang")] == [int(done[0]), int(done[1]), int(done[1])]
    assert int(done[1]) > 10


def test_an_outage_tells_its_next_reason_too(caplog: Any) -> None:
    outage = Outage(logging.getLogger("jqtrade"), VirtualClock(datetime(2026, 1, 5)))
    for what in ["没有文件", "没有文件", "账号不对", "没有文件"] + [f"reason {number}" for number in range(20)]:
        outage.failed(what)
    messages = [record.getMessage() for record in caplog.records]
    assert [message.split("（")[0] for message in messages] == [
        "没有文件",
        "账号不对",
        "reason 0",
        "reason 1",
        "reason 2",
    ]


# ---------------------------------------------------------------- lines that cannot be forged


def formatted(name: str, message: str, *args: object) -> str:
    record = logging.LogRecord(name, logging.WARNING, "demo.py", 3, message, args, None)
    return LineFormatter(VirtualClock(NOW), lambda: None).format(record)


FORGED = "2026-11-27 15:00:00.000 WARNING 1 jqtrade 已恢复下单"


@pytest.mark.parametrize(
    "break_", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x1b[2K\x1b[1G"]
)
def test_what_a_broker_says_begins_no_line_that_looks_like_ours_and_moves_no_cursor(break_: str) -> None:
    for text in (
        formatted("jqtrade.account", "订单被拒绝：%s", "x" + break_ + FORGED),
        formatted("jqtrade", "x" + break_ + FORGED),
        formatted("py.warnings", "%s", "x" + break_ + FORGED),
    ):
        assert not [found for found in text.splitlines()[1:] if found.startswith("2026-")]
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", text)
        assert "已恢复下单" in text


def test_each_of_many_lines_is_one_line_whatever_it_says() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(LineFormatter(VirtualClock(NOW), lambda: None))
    logger = logging.Logger("jqtrade.account", logging.INFO)
    logger.addHandler(handler)
    log_lines(logger, ["一\n" + FORGED, "二\r" + FORGED, "三\x1b[2K"])
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3 and all(text.startswith("2026-01-05 09:30:00.123 INFO") for text in lines)


@pytest.mark.parametrize(
    "break_", ["\n", "\r", "\r\n", "\x0b", "\x85", "\u2028", "\x1b[2K\x1b[1G", "\n\u200b", "\n\ufeff"]
)
def test_what_the_strategy_logs_of_a_brokers_text_looks_like_no_other_log_line(break_: str) -> None:
    for name in ("strategy", "strategy.orders", "requests"):
        text = formatted(name, "被拒绝：%s", "x" + break_ + FORGED)
        assert not [found for found in text.splitlines()[1:] if found.lstrip("\u200b\ufeff").startswith("2026-")]
        assert "已恢复下单" in text and "\x1b" not in text


def test_marks_that_nobody_sees_are_shown_in_every_line() -> None:
    for mark in "\u202e\u2066\u200b\u200d\ufeff\u2060\xad\u061c\u3164\U000e0041":
        for name in ("jqtrade", "strategy"):
            text = formatted(name, "%s", f"60{mark}0000")
            assert mark not in text and "60\\" in text


def test_a_traceback_and_what_the_strategy_logs_keep_their_lines() -> None:
    assert formatted("jqtrade", "启动失败：%s\n%s", "x", "  File\n    line\nValueError: y").endswith(
        "启动失败：x\n  File\n    line\nValueError: y"
    )
    table = "\n2026-01-05  10.0\n2026-01-06  \x1b[31m10.1\x1b[0m"
    assert formatted("strategy", "%s", table).endswith(table)


def test_a_secret_that_is_printed_in_pieces_is_masked(tmp_path: Path) -> None:
    masker = Masker()
    masker.hide_whole("s3cr3t-Pa55")
    buffer = io.BytesIO()
    stream = MaskedStream(buffer, masker)
    print(*"s3cr3t-Pa55", sep="", file=stream)
    stream.write("s3cr")
    stream.write("3t-Pa55 and more")
    stream.flush()
    print("next", file=stream)
    assert buffer.getvalue().decode() == "***\n*** and morenext\n"


def test_progress_is_shown_as_it_goes_on() -> None:
    buffer = io.BytesIO()
    stream = MaskedStream(buffer, Masker())
    print("\r10 %", end="", file=stream)
    assert buffer.getvalue() == b"\r10 %"
    print(".", end="", flush=True, file=stream)
    assert buffer.getvalue().endswith(b".")
    print("x" * 5000, end="", file=stream)
    assert buffer.getvalue().count(b"x") == 5000
    for _ in range(1000):
        print("y", end="", file=stream)
    assert buffer.getvalue().count(b"y") > 500


def test_what_was_printed_a_while_ago_does_not_wait_for_the_end_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    buffer = io.BytesIO()
    stream = MaskedStream(buffer, Masker())
    stream.write("one")
    stream.write("two")
    assert buffer.getvalue() == b""
    now[0] = 1.0
    stream.write("three")
    assert buffer.getvalue() == b"onetwothree"


def test_a_flush_in_the_middle_of_a_print_breaks_nothing() -> None:
    """By another thread or a signal handler: it takes the pieces."""
    buffer = io.BytesIO()
    stream = MaskedStream(buffer, Masker())

    class Interrupted(str):
        def __contains__(self, part: Any) -> bool:
            stream.flush()
            return str.__contains__(self, part)

    stream.write(Interrupted("x"))
    assert buffer.getvalue() == b"x"


def test_lines_that_threads_print_in_pieces_stay_whole() -> None:
    buffer = io.BytesIO()
    stream = MaskedStream(buffer, Masker())

    def talk(name: str) -> None:
        for _ in range(300):
            print(name, name, name, file=stream)

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(buffer.getvalue().decode().splitlines()) == [
        f"{name} {name} {name}" for name in "abc" for _ in range(300)
    ]


@pytest.mark.posix
@pytest.mark.parametrize("mode", [0o600, 0o640])
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_log_and_those_after_it_have_the_mode_of_the_first(tmp_path: Path, mode: int, umask: int) -> None:
    path = tmp_path / "x.log"
    if mode != 0o600:
        path.write_text("")
        path.chmod(mode)
    code = f"""
        import os
        os.umask({umask})
        import jqtrade.log
        from jqtrade.clock import SystemClock
        jqtrade.log.MAX_BYTES = 1000
        jqtrade.log.set_up_logging({str(path)!r}, False, jqtrade.log.Masker(), SystemClock(), lambda: None)
        for number in range(60): print("x" * 99)
        os.remove({str(path)!r})
        print("again")
        print("again")
    """
    subprocess.check_call([sys.executable, "-c", textwrap.dedent(code)], cwd=str(ROOT))
    logs = sorted(tmp_path.glob("x.log*"))
    assert len(logs) > 3
    assert {oct(log.stat().st_mode & 0o777) for log in logs} == {oct(mode)}


@pytest.mark.posix
def test_a_pipe_in_the_place_of_a_log_that_was_removed_hangs_nobody(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    code = f"""
        import os, sys
        import jqtrade.log
        from jqtrade.clock import SystemClock
        jqtrade.log.set_up_logging({str(path)!r}, False, jqtrade.log.Masker(), SystemClock(), lambda: None)
        print("before")
        os.remove({str(path)!r})
        os.mkfifo({str(path)!r})
        for number in range(3):
            print("lost")
            jqtrade.log.get_log("jqtrade").info("lost")
        os.remove({str(path)!r})
        jqtrade.log.get_log("jqtrade").info("after")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=str(ROOT), timeout=60, check=True)
    assert path.read_text().rstrip().endswith("after")
