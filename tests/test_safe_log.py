"""No log call of jqtrade raises, whatever the user's handlers, filters and signal handlers do."""

import io
import logging
import os
import signal
import sys
import threading
import time
from typing import Any, Callable, List, Type

import pytest

import jqtrade.safe_log
from jqtrade.log import SafeLog, log_lines


class Failing(logging.Handler):
    """A chat robot whose network is down."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self.error


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: List[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture(autouse=True)
def nothing_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jqtrade.safe_log, "_said", set())


@pytest.fixture
def parent() -> logging.Logger:
    return logging.Logger("parent", logging.DEBUG)


@pytest.fixture
def log(parent: logging.Logger) -> SafeLog:
    logger = logging.Logger("child", logging.DEBUG)
    logger.parent = parent
    return SafeLog(logger)


class Strange(BaseException):
    """Such as pyo3's PanicException or asyncio's CancelledError."""


ERRORS = [
    ConnectionError("no network"),
    RecursionError("deep"),
    MemoryError(),
    SystemExit(3),
    GeneratorExit(),
    Strange("strange"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_handler_that_raises_keeps_no_line_from_the_others_and_is_told_of_once(
    error: BaseException, log: SafeLog, parent: logging.Logger, capsys: "pytest.CaptureFixture[str]"
) -> None:
    ours = Lines()
    log.logger.addHandler(Failing(error))
    parent.addHandler(Failing(error))
    parent.addHandler(ours)
    calls: List[Callable[..., None]] = [log.debug, log.info, log.warning, log.error, log.exception]
    for call in calls:
        call("订单 %s", "A1")
    log.log(logging.INFO, "订单 %s", "A1")
    log_lines(log, ["一", "二"])
    assert ours.lines == ["订单 A1"] * 6 + ["一\n二"]
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"Failing 没有记下日志：{type(error).__name__}" in told


def test_a_second_ctrl_c_comes_out_after_every_handler_had_the_line(log: SafeLog) -> None:
    ours = Lines()
    log.logger.addHandler(Failing(KeyboardInterrupt()))
    log.logger.addHandler(ours)
    with pytest.raises(KeyboardInterrupt):
        log.info("已发出")
    assert ours.lines == ["已发出"]


def refuse(*args: Any, **kwargs: Any) -> Any:
    raise ValueError("no")


def by_filter_of_the_logger(log: SafeLog, handler: logging.Handler) -> None:
    log.logger.addFilter(refuse)


def by_filter_of_a_handler(log: SafeLog, handler: logging.Handler) -> None:
    other = Lines()
    other.addFilter(refuse)
    log.logger.handlers.insert(0, other)


def by_record_factory(log: SafeLog, handler: logging.Handler) -> None:
    log.logger.makeRecord = refuse  # type: ignore


def by_formatter(log: SafeLog, handler: logging.Handler) -> None:
    other = logging.StreamHandler(io.StringIO())
    other.format = refuse  # type: ignore
    log.logger.handlers.insert(0, other)


def by_closed_stream(log: SafeLog, handler: logging.Handler) -> None:
    """Its handleError prints to the standard error, which may be closed too."""
    closed = io.StringIO()
    closed.close()
    log.logger.handlers.insert(0, logging.StreamHandler(closed))
    sys.stderr = closed


def by_level_that_is_none(log: SafeLog, handler: logging.Handler) -> None:
    other = Lines()
    other.level = "INFO"  # type: ignore[assignment]
    log.logger.handlers.insert(0, other)


@pytest.mark.parametrize(
    "spoil",
    [
        by_filter_of_the_logger,
        by_filter_of_a_handler,
        by_record_factory,
        by_formatter,
        by_closed_stream,
        by_level_that_is_none,
    ],
)
def test_whatever_of_logging_the_user_spoils_our_handler_gets_the_line(
    spoil: Callable[[SafeLog, logging.Handler], None], log: SafeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    ours = Lines()
    log.logger.addHandler(ours)
    spoil(log, ours)
    log.info("已发出 %s", "A1")
    log.info("已发出 %s", "A2")
    assert ours.lines == ["已发出 A1", "已发出 A2"]


def test_an_argument_that_cannot_be_shown_raises_nothing(log: SafeLog) -> None:
    class Rude:
        def __str__(self) -> str:
            raise SystemExit("rude")

    ours = Lines()
    log.logger.addHandler(logging.StreamHandler(io.StringIO()))
    log.logger.addHandler(ours)
    log.info("%s", Rude())
    log.info("%d", "text")
    log.info("已发出")
    assert ours.lines[-1] == "已发出"


def test_no_standard_error_at_all_is_no_trouble(log: SafeLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    ours = Lines()
    log.logger.addHandler(Failing(ConnectionError()))
    log.logger.addHandler(ours)
    log.info("已发出")
    assert ours.lines == ["已发出"]


def test_at_the_end_of_the_stack_a_line_is_lost_and_nothing_raised(log: SafeLog) -> None:
    log.logger.addHandler(logging.StreamHandler(io.StringIO()))
    raised: List[Type[BaseException]] = []
    reached: List[int] = []

    def down(depth: int) -> None:
        if depth:
            return down(depth - 1)
        try:
            reached.append(spare)
            log.info("deep")
        except RecursionError as error:
            if error.__traceback__ is not None and error.__traceback__.tb_next is not None:
                deeper = error.__traceback__.tb_next.tb_next
                if deeper is not None:  # not the call of info() itself, which nobody can help
                    raised.append(type(error))

    for spare in range(1, 60):
        limit = sys.getrecursionlimit()
        here = 0
        frame = sys._getframe()
        while frame is not None:
            here += 1
            frame = frame.f_back  # type: ignore[assignment]
        try:
            down(limit - here - spare)
        except RecursionError:
            pass
    assert not raised
    assert len(reached) > 30  # of so many depths most leave room to begin


@pytest.mark.posix
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers")
def test_the_alarm_of_a_time_limit_that_rings_in_a_log_call_stays_inside(log: SafeLog) -> None:
    class Late(Exception):
        pass

    def ring(*_: Any) -> None:
        raise Late()

    class Slow(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            time.sleep(0.2)

    ours = Lines()
    log.logger.addHandler(Slow())
    log.logger.addHandler(ours)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        log.info("已发出")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert ours.lines == ["已发出"]


def test_a_line_names_its_caller_and_its_exception(log: SafeLog) -> None:
    records: List[logging.LogRecord] = []
    handler = Lines()
    handler.emit = records.append  # type: ignore
    log.logger.addHandler(handler)
    log.info("one")
    try:
        raise KeyError("x")
    except KeyError as error:
        log.exception("two")
        log.error("three", exc_info=error)
        log.error("four", exc_info=True)
    assert [os.path.basename(record.pathname) for record in records] == ["test_safe_log.py"] * 4
    assert records[0].exc_info is None
    assert all(record.exc_info is not None and record.exc_info[0] is KeyError for record in records[1:])


def test_levels_disabled_loggers_and_filters_count_as_ever(log: SafeLog, parent: logging.Logger) -> None:
    ours = Lines()
    parent.addHandler(ours)
    log.logger.setLevel(logging.WARNING)
    log.info("below")
    log.logger.addFilter(lambda record: "secret" not in record.getMessage())  # type: ignore[arg-type, unused-ignore]
    log.warning("secret")
    ours.setLevel(logging.ERROR)
    log.warning("below the handler")
    log.logger.propagate = False
    log.logger.addHandler(logging.NullHandler())
    log.error("not for the parent")
    log.logger.disabled = True
    log.error("disabled")
    assert ours.lines == []


def test_many_threads_lose_no_line(log: SafeLog) -> None:
    ours = Lines()
    log.logger.addHandler(Failing(ConnectionError()))
    log.logger.addHandler(ours)

    def talk() -> None:
        for _ in range(200):
            log.info("x")

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ours.lines) == 800
