"""In a replay, too, a strategy hears of what was not sent, a few seconds later and not with its next job."""

from pathlib import Path

import pytest

from tests.replay.replays import replay

SOURCE = """
    def on_order_update(context, update):
        log.info("heard %s %s %s", context.current_dt.strftime("%H:%M:%S"), update.status, update.is_unsent)
        order("000001.XSHE", 150, LimitOrderStyle(10))

    def process_initialize(context):
        run_daily(buy, TIME)
        run_daily(later, "14:00")

    def buy(context): order("000001.XSHE", 150, LimitOrderStyle(10))
    def later(context): pass
"""


@pytest.mark.parametrize("time", ["08:00:02", "10:00:02", "15:10:02"])
@pytest.mark.parametrize("how", [[], ["--through-files"]])
def test_the_hook_hears_of_a_refusal_at_the_next_sync_and_does_not_loop(tmp_path: Path, time: str, how: str) -> None:
    result = replay(tmp_path, SOURCE.replace("TIME", repr(time)), "--json", *how, days="2026-01-05 2026-01-06")
    assert result.code == 0, result
    log = (tmp_path / "out" / "replay.log").read_text(encoding="utf-8")
    heard = [line.split("heard ")[1] for line in log.splitlines() if "heard " in line]
    assert heard == [f"{time[:6]}07 rejected True"] * 2, "once a day: the answers to it are refused too"
    assert result.figures["rejected"] == 4
