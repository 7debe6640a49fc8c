"""The paper account over the lives of a real task: killed, stopped, begun anew."""

import json
import sqlite3
from pathlib import Path
from typing import Any, Dict

from tests.e2e.cli import jqtrade, wait_for, write_strategy

STRATEGY = """
    import json, os

    def process_initialize(context):
        set_options(sync_internal=0.5, paper_max_quote_age=None, paper_quotes=os.environ["QUOTES"])
        sync_orders()
        if not get_orders():
            order("000001.XSHE", 200, LimitOrderStyle(0))
            order("000001.XSHE", 300, LimitOrderStyle(9))
        run_daily(work, "every_minute")
        tell(context)

    def on_order_update(context, one):
        sync_balance()
        tell(context)

    def tell(context):
        portfolio = context.portfolio
        told = dict(
            cash=[portfolio.available_cash, portfolio.locked_cash],
            held={code: [one.amount, one.available_amount] for code, one in portfolio.long_positions.items()},
            orders=sorted([one.amount, str(one.status)] for one in get_orders()),
        )
        with open(os.environ["TOLD"], "w") as file:
            file.write(json.dumps(told))

    def work(context):
        pass
"""


def test_a_killed_and_a_stopped_task_go_on_with_their_account_and_fresh_begins_anew(
    tmp_path: Path, jqtrade_home: Path
) -> None:
    quotes, told = tmp_path / "quotes.csv", tmp_path / "told"
    quotes.write_text("code,last\n000001.XSHE,10\n", encoding="utf-8")
    path = write_strategy(tmp_path / "s.py", STRATEGY)
    log = tmp_path / "demo.log"
    env = f"QUOTES={quotes};TOLD={told}"
    start = ["start_task", "-n", "demo", "-c", path, "-o", str(log), "--paper", "-e", env]

    def seen() -> Dict[str, Any]:
        try:
            found: Dict[str, Any] = json.loads(told.read_text())
        except ValueError:
            return {}
        return found

    def wait_until(cash: Any, held: Any, orders: Any) -> None:
        expected = {"cash": cash, "held": held, "orders": orders}
        wait_for(lambda: seen() == expected, f"the account to be as it was: {expected}")

    as_it_was = ([995290.0, 2705.0], {"000001.XSHE": [200, 0]}, [[200, "filled"], [300, "open"]])
    assert jqtrade(*start).code == 0
    wait_until(*as_it_was)
    for stop in (["-s", "SIGKILL"], []):
        assert jqtrade("stop_task", "-n", "demo", *stop).code == 0
        told.write_text("")
        assert jqtrade(*start).code == 0
        wait_until(*as_it_was)
    quotes.write_text("code,last\n000001.XSHE,8.9\n", encoding="utf-8")
    after_the_fill = ([995320.0, 0.0], {"000001.XSHE": [500, 0]}, [[200, "filled"], [300, "filled"]])
    wait_until(*after_the_fill)
    assert jqtrade("stop_task", "-n", "demo", "-s", "SIGKILL").code == 0
    told.write_text("")
    assert jqtrade(*start).code == 0
    wait_until(*after_the_fill)
    assert jqtrade("stop_task", "-n", "demo").code == 0
    quotes.write_text("code,last\n000001.XSHE,10\n", encoding="utf-8")

    assert jqtrade(*start, "--fresh").code == 0
    wait_until(*as_it_was)
    assert jqtrade("stop_task", "-n", "demo").code == 0
    (old,) = (jqtrade_home / "data").glob("demo.paper.old-*")
    assert f"原来的移到了 {old}" in log.read_text(encoding="utf-8")
    connection = sqlite3.connect(str(jqtrade_home / "data" / "demo.db"))
    owners = connection.execute("SELECT owner, count(*) FROM orders GROUP BY 1").fetchall()
    assert sorted(count for _, count in owners) == [2, 2]
    connection.close()
