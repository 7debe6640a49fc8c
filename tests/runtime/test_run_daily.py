"""run_daily: what it takes, when it may be called, and when the function is then called."""

from datetime import datetime
from typing import List

import pytest
from strategy_files import Starter, at

from jqtrade.errors import InvalidCall, InvalidParam, StrategyError
from jqtrade.testing import FakeBroker

NOTE = """
def note(context):
    seen.append(context.strategy_dt)
"""


def dues(start: Starter, expr: str, set_options: str = "", day: int = 5) -> List[datetime]:
    started = start(
        NOTE + f"\ndef process_initialize(context):\n    run_daily(note, {expr!r})\n    set_options({set_options})\n"
    )
    return started.run(at(23, 59, 59, day)).seen


@pytest.mark.parametrize(
    "expr, expected",
    [
        ("09:30:30", at(9, 30, 30)),
        ("14:57", at(14, 57)),
        ("open", at(9, 30)),
        ("close", at(15)),
        ("open-30m", at(9, 0)),
        ("open+1h30m", at(11)),
        ("close+30m", at(15, 30)),
        ("before_open", at(9, 0)),
        ("after_close", at(15, 30)),
    ],
)
def test_a_function_is_called_every_day_at_its_time(start: Starter, expr: str, expected: datetime) -> None:
    two_days = [expected, expected.replace(day=6)]
    assert dues(start, expr, day=6) == [moment for moment in two_days if moment > at(9)]


def test_every_minute_is_called_242_times_a_day(start: Starter) -> None:
    seen = dues(start, "every_minute")
    assert len(seen) == len(set(seen)) == 242
    assert [seen[0], seen[120], seen[121], seen[-1]] == [at(9, 30), at(11, 30), at(13), at(15)]


@pytest.mark.parametrize(
    "expr, expected",
    [
        ("open", [at(21)]),
        ("close", [at(21, 3)]),
        ("close+1m", [at(21, 4)]),
        ("before_open", [at(20, 30)]),
        ("every_minute", [at(21), at(21, 1), at(21, 2), at(21, 3)]),
        ("10:00", [at(10)]),
    ],
)
def test_a_market_period_that_is_set_after_run_daily_counts(
    start: Starter, expr: str, expected: List[datetime]
) -> None:
    assert dues(start, expr, "market_period=[('21:00:00', '21:03:00')]") == expected


@pytest.mark.parametrize("expr", ["25:00", "open+", "open+20h", " 09:30", "０９:３０", "", None, 930])
def test_a_bad_time_raises_at_the_call(start: Starter, expr: object) -> None:
    started = start(
        f"""
        def process_initialize(context):
            try:
                run_daily(print, {expr!r})
            except InvalidParam as error:
                seen.append(str(error))
            run_daily(print, "open")
        """
    )
    assert repr(expr) in started.seen[0]


@pytest.mark.parametrize(
    "function",
    [
        "lambda: None",
        "lambda context, more: None",
        "lambda *, context: None",
        "Thing().without",
        "functools.partial(two, 1, 2)",
        "'note'",
        "None",
        "two(1, 2)",
        "NotCallable()",
    ],
)
def test_what_cannot_be_called_with_one_positional_argument_raises_at_the_call(start: Starter, function: str) -> None:
    with pytest.raises(InvalidParam, match="run_daily"):
        start(
            f"""
            import functools

            class Thing:
                def without(self): pass

            class NotCallable: pass

            def two(context, more): pass

            def process_initialize(context):
                run_daily({function}, "open")
            """
        )


@pytest.mark.parametrize(
    "function",
    [
        "helper.job",
        "lambda context: seen.append(context.strategy_dt)",
        "lambda *args: seen.append(args[0].strategy_dt)",
        "lambda context, extra=1: seen.append(context.strategy_dt)",
        "Thing().method",
        "Thing()",
        "Thing.from_class",
        "Thing.static",
        "functools.partial(two, 'x')",
        "functools.partial(keyword, more='x')",
        "decorated",
    ],
)
def test_any_callable_of_one_positional_argument_is_called(start: Starter, function: str) -> None:
    start.write("helper.py", "import demo\ndef job(context): demo.seen.append(context.strategy_dt)\n")
    started = start(
        f"""
        import functools
        import helper

        def two(more, context): seen.append(context.strategy_dt)
        def keyword(context, more): seen.append(context.strategy_dt)

        class Thing:
            def method(self, context): seen.append(context.strategy_dt)
            def __call__(self, context): seen.append(context.strategy_dt)
            @classmethod
            def from_class(cls, context): seen.append(context.strategy_dt)
            @staticmethod
            def static(context): seen.append(context.strategy_dt)

        def wrap(function):
            @functools.wraps(function)
            def inner(*args, **kwargs): return function(*args, **kwargs)
            return inner

        @wrap
        def decorated(context): seen.append(context.strategy_dt)

        def process_initialize(context):
            run_daily({function}, "10:00")
        """
    )
    assert started.run(at(12)).seen == [at(10)]


def test_the_same_function_may_be_given_twice_even_for_the_same_time(start: Starter) -> None:
    started = start(
        NOTE
        + """
def process_initialize(context):
    run_daily(note, "10:00")
    run_daily(note, "11:00")
    run_daily(note, "11:00")
"""
    )
    assert started.run(at(12)).seen == [at(10), at(11), at(11)]


def test_arguments_may_be_named(start: Starter) -> None:
    started = start(NOTE + "\ndef process_initialize(context):\n    run_daily(func=note, time='open')\n")
    assert started.run(at(10)).seen == [at(9, 30)]


def test_while_the_file_is_loaded_run_daily_raises_invalid_call(start: Starter) -> None:
    with pytest.raises(InvalidCall, match="run_daily.*process_initialize"):
        start(NOTE + "\nrun_daily(note, 'open')\ndef process_initialize(context): pass\n")


def test_in_a_job_run_daily_raises_invalid_call_and_adds_nothing(start: Starter) -> None:
    started = start(
        """
        def job(context):
            try:
                run_daily(job, "11:00")
            except InvalidCall as error:
                seen.append(str(error))

        def process_initialize(context):
            run_daily(job, "10:00")
        """
    )
    (text,) = started.run(at(12)).seen
    assert "run_daily" in text
    assert "process_initialize" in text


def test_a_strategy_without_jobs_that_keeps_an_account_is_warned(
    start: Starter, caplog: pytest.LogCaptureFixture
) -> None:
    start("def process_initialize(context): pass", FakeBroker()).run(at(10))
    assert "run_daily" in caplog.text


def test_a_strategy_without_jobs_and_without_an_account_does_not_start(start: Starter) -> None:
    with pytest.raises(StrategyError, match="run_daily"):
        start("def process_initialize(context): pass")
