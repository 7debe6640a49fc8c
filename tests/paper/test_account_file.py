"""The paper account on the disk: whatever stops the process, the next one has the same cash, positions and orders."""

import os
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest

from jqtrade.account.gate import GateContext
from jqtrade.account.order import LimitOrderStyle, Order, OrderAction
from jqtrade.clock import VirtualClock
from jqtrade.errors import InvalidParam, OrderNotSent, TradeGateError
from jqtrade.gates.options import strategy_options
from jqtrade.gates.paper import PaperTradeGate
from jqtrade.paper.account_file import VERSION
from tests.paper.paper_helpers import BANK, DAY_HEADER, MORNING, at, write_bars

DEFAULTS = {name: value for name, value in strategy_options().as_dict().items() if name.startswith("paper_")}
DAY = timedelta(days=1)
FUND = "510300.XSHG"


class Lives:
    """The same paper account in one life after the other."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "data" / "demo.paper"
        self.quotes = folder / "quotes.csv"
        self.options: Dict[str, Any] = {"paper_quotes": str(self.quotes), "paper_max_quote_age": None}
        self.clock = VirtualClock(MORNING)
        self.gates: List[PaperTradeGate] = []
        self.set_price("10.00")

    def set_price(self, price: str) -> None:
        self.quotes.write_text(f"code,last\n{BANK},{price}\n{FUND},{price}\n", encoding="utf-8")
        os.utime(str(self.quotes), (self.clock.now().timestamp() + len(self.gates), 1e9 + float(price)))

    def start(self, fresh: bool = False, **options: Any) -> PaperTradeGate:
        """Another life; the one before is as good as killed: it did nothing at its end."""
        gate = PaperTradeGate()
        gate.gate_context = GateContext(self.clock, str(self.path))
        if fresh:
            gate.begin_anew()
        self.gates.append(gate)
        gate.setup(dict(DEFAULTS, **dict(self.options, **options)))
        return gate

    def order(self, gate: PaperTradeGate, order_id: str, amount: int, price: float = 0, code: str = BANK) -> None:
        gate.order(self.make_order(order_id, amount, price, code))

    def make_order(self, order_id: str, amount: int, price: float = 0, code: str = BANK) -> Order:
        action = OrderAction.open if amount > 0 else OrderAction.close
        return Order(order_id, code, abs(amount), action, LimitOrderStyle(price), self.clock.now())

    def rows(self) -> List[Any]:
        connection = sqlite3.connect(str(self.path))
        rows = connection.execute("SELECT writes FROM account").fetchall()
        connection.close()
        return rows


@pytest.fixture
def lives(tmp_path: Path) -> Any:
    lives = Lives(tmp_path)
    yield lives
    for gate in lives.gates:
        if hasattr(gate, "exchange"):
            gate.close()


def reports(gate: PaperTradeGate) -> Dict[str, Any]:
    return {report["order_id"]: (str(report["status"]), report["filled_amount"]) for report in gate.sync_orders()}


def test_cash_positions_t_plus_1_and_a_resting_order_are_there_again(lives: Lives) -> None:
    first = lives.start()
    lives.order(first, "1", 200)
    lives.order(first, "2", 300, 9.5)
    lives.order(first, "3", 100, 0.01)
    first.cancel_order("3")
    balance = first.sync_balance()
    second = lives.start()
    assert second.sync_balance() == balance
    assert balance["positions"][0]["available_amount"] == 0 and balance["cash"]["locked_cash"] == 2855.0
    assert reports(second) == {"1": ("filled", 200), "2": ("open", 0), "3": ("canceled", 0)}
    lives.set_price("9.40")
    lives.clock.sleep(5)
    assert reports(second) == {"2": ("filled", 300)}


def test_the_next_day_what_was_bought_can_be_sold_and_what_rested_is_gone(lives: Lives) -> None:
    first = lives.start()
    lives.order(first, "1", 200)
    lives.order(first, "2", 100, 9)
    lives.clock.sleep(3 * 24 * 3600)  # the task was off meanwhile
    second = lives.start()
    balance = second.sync_balance()
    assert balance["cash"]["locked_cash"] == 0 and balance["positions"][0]["available_amount"] == 200
    second.gate_context = second.gate_context._replace(orders={})
    assert second.sync_orders() == [], "orders of an earlier day are nobody's now"
    lives.order(second, "1", -200)
    assert reports(second) == {"1": ("filled", 200)}
    assert lives.start().sync_balance()["positions"] == []


def test_dividends_of_days_on_which_the_task_was_off_are_given_once(lives: Lives, tmp_path: Path) -> None:
    header = "date,code,cash_per_share,bonus_per_share"
    rows = ["2026-07-07,000001.SZ,1,0", "2026-07-08,000001.SZ,0,0.5", "2026-07-20,000001.SZ,1,0"]
    lives.options["paper_actions"] = write_bars(tmp_path / "a.csv", *rows, header=header)
    first = lives.start()
    lives.order(first, "1", 200)
    cash = first.sync_balance()["cash"]["available_cash"]
    lives.clock.sleep(4 * 24 * 3600)
    for _ in range(3):
        balance = lives.start().sync_balance()
        assert balance["cash"]["available_cash"] == cash + 200
        assert balance["positions"][0]["available_amount"] == 300


def test_what_was_traded_while_the_task_was_off_is_made_up_for_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    minutes = [f"2026-07-06 10:{minute:02d}:00,000001.SZ,10,10,{10 - minute / 100},10,4000" for minute in range(1, 31)]
    path = write_bars(tmp_path / "bars.csv", *minutes, header=DAY_HEADER)
    options: Dict[str, Any] = {"paper_quotes": None, "paper_bars": path, "paper_keep_hours": True}

    def play(folder: Path, restarts: List[datetime]) -> Any:
        folder.mkdir()
        lives = Lives(folder)
        gate = lives.start(**options)
        lives.order(gate, "1", 5000, 9.9)
        for moment in restarts + [at("10:30:30")]:
            if moment in restarts:
                gate = lives.start(**options)
            lives.clock.sleep((moment - lives.clock.now()).total_seconds())
            gate.sync_orders()
        balance = gate.sync_balance()
        for one in lives.gates:
            one.close()
        return balance, gate.exchange.orders

    assert play(tmp_path / "a", []) == play(tmp_path / "b", [at(f"10:{minute}:10") for minute in range(5, 30, 3)])


def test_an_idle_account_is_not_written(lives: Lives) -> None:
    gate = lives.start()
    lives.order(gate, "1", 100, 9)
    before = lives.rows()
    for _ in range(20):
        lives.clock.sleep(5)
        gate.sync_orders()
        gate.sync_balance()
    assert lives.rows() == before


def test_a_batch_is_one_write(lives: Lives) -> None:
    gate = lives.start()
    ((before,),) = lives.rows()
    assert gate.batch_order([lives.make_order(str(number), 100, 9) for number in range(1, 50)]) == [None] * 49
    assert lives.rows() == [(before + 1,)]
    assert len(reports(lives.start())) == 49


def test_a_changed_commission_counts_from_the_next_order_on(lives: Lives) -> None:
    lives.order(lives.start(), "1", 20000)
    lives.clock.sleep(5)
    second = lives.start(paper_commission=0.01)
    second.sync_orders()
    assert str(second.exchange.orders["1"].fees) == "50.00"  # of both parts, as it was agreed
    lives.order(second, "2", 1000)
    assert str(second.exchange.orders["2"].fees) == "100.00"


def test_another_starting_cash_is_not_taken_and_that_is_said(lives: Lives, caplog: Any) -> None:
    lives.start()
    assert lives.start(paper_cash=5000.0).sync_balance()["cash"]["available_cash"] == 1000000
    assert caplog.text.count("没有用") == 1 and "5000.00" in caplog.text and "--fresh" in caplog.text


def test_fresh_begins_anew_and_says_where_the_old_account_is(lives: Lives, caplog: Any) -> None:
    first = lives.start()
    lives.order(first, "1", 200)
    key = first.account_key()
    first.close()
    second = lives.start(fresh=True)
    assert second.sync_balance()["positions"] == [] and second.sync_orders() == [] and second.account_key() != key
    (old,) = lives.path.parent.glob("demo.paper.old-*")
    assert str(old) in caplog.text
    second.close()
    lives.start(fresh=True).close()
    assert len(list(lives.path.parent.glob("demo.paper.old-*-2"))) == 1, "an older one is never written over"
    old.replace(lives.path)
    third = lives.start()
    assert third.account_key() == key and reports(third) == {"1": ("filled", 200)}


def test_fresh_without_an_account_is_a_start_like_any_other(lives: Lives) -> None:
    assert lives.start(fresh=True).sync_balance()["cash"]["available_cash"] == 1000000


def damage(path: Path, how: str) -> None:
    if how == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    elif how == "junk":
        path.write_bytes(b"junk" * 3000)
    elif how == "other database":
        path.unlink()
        connection = sqlite3.connect(str(path))
        connection.execute("CREATE TABLE photos (name TEXT)")
        connection.close()
    else:
        connection = sqlite3.connect(str(path))
        connection.execute(how)
        connection.commit()
        connection.close()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("cut", "无法使用"),
        ("junk", "无法使用"),
        ("other database", "版本"),
        (f"PRAGMA user_version = {VERSION + 1}", f"版本是 {VERSION + 1}"),
        ("DELETE FROM account", "没有账户"),
        ("UPDATE account SET state = '{}'", "内容不完整"),
        ("UPDATE account SET state = 'x'", "内容不完整"),
        ("UPDATE orders SET state = '[1]'", "内容不完整"),
    ],
)
def test_a_file_that_cannot_be_used_stops_the_start_and_stays_as_it_is(lives: Lives, how: str, words: str) -> None:
    gate = lives.start()
    lives.order(gate, "1", 100)
    gate.close()
    damage(lives.path, how)
    content = lives.path.read_bytes()
    with pytest.raises(InvalidParam, match=words) as caught:
        lives.start()
    assert str(lives.path) in str(caught.value) and "--fresh" in str(caught.value)
    assert lives.path.read_bytes() == content
    assert lives.start(fresh=True).sync_balance()["positions"] == []


def test_an_empty_file_that_a_kill_left_is_a_new_account(lives: Lives) -> None:
    lives.path.parent.mkdir()
    lives.path.touch(mode=0o600)
    assert lives.start().sync_balance()["cash"]["available_cash"] == 1000000


@pytest.mark.posix
def test_a_link_in_its_place_is_refused(lives: Lives, tmp_path: Path) -> None:
    lives.path.parent.mkdir()
    lives.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidParam, match="符号链接"):
        lives.start()


@pytest.mark.posix
def test_nobody_else_can_read_it(lives: Lives) -> None:
    lives.start()
    assert os.stat(str(lives.path)).st_mode & 0o77 == 0


def limit_pages(gate: PaperTradeGate, pages: Optional[int]) -> None:
    """Let the file have no more pages, as on a full disk; None: as many as it likes."""
    assert gate._file is not None
    number = 1 if pages is not None else 10**6
    gate._file._connection.execute(f"PRAGMA max_page_count = {number}")


def test_on_a_full_disk_an_order_is_certainly_not_sent_and_nothing_is_told_that_would_be_forgotten(
    lives: Lives,
) -> None:
    gate = lives.start()
    lives.order(gate, "1", 100, 9)
    gate.sync_orders()
    limit_pages(gate, 1)
    orders = [lives.make_order(str(number), 100, 9) for number in range(2, 300)]
    errors = gate.batch_order(orders)
    assert {type(error) for error in errors} == {OrderNotSent} and "full" in str(errors[0])
    assert not any(gate.was_sent(order) for order in orders) and gate.exchange.orders.keys() == {"1"}
    assert reports(gate) == {"1": ("open", 0)}
    limit_pages(gate, None)
    assert gate.batch_order(orders) == [None] * len(orders)
    assert len(lives.start().sync_orders()) == 299


def test_a_fill_that_cannot_be_kept_is_not_told_and_comes_when_it_can_be(lives: Lives) -> None:
    gate = lives.start()
    lives.order(gate, "1", 100, 9)
    gate.sync_orders()
    other = sqlite3.connect(str(lives.path), timeout=0)
    assert gate._file is not None
    gate._file._connection.execute("PRAGMA busy_timeout = 0")
    other.execute("BEGIN EXCLUSIVE")
    lives.set_price("8.90")
    lives.clock.sleep(5)
    for question in (gate.sync_orders, gate.sync_balance):
        with pytest.raises(TradeGateError, match="locked"):
            question()
    assert gate.was_sent(lives.make_order("9", 100)) is None
    other.execute("ROLLBACK")
    other.close()
    assert reports(gate) == {"1": ("filled", 100)}
    assert gate.sync_balance()["positions"][0]["amount"] == 100


def test_what_is_raised_in_the_middle_of_a_call_leaves_no_half_of_an_order(lives: Lives) -> None:
    gate = lives.start()

    def interrupt(state: Any) -> None:
        raise KeyboardInterrupt

    gate.exchange.on_state = interrupt
    with pytest.raises(KeyboardInterrupt):
        lives.order(gate, "1", 100)
    gate.start_over()
    assert gate.sync_orders() == [] and gate.sync_balance()["cash"]["available_cash"] == 1000000
    lives.order(gate, "1", 100)
    assert reports(lives.start()) == {"1": ("filled", 100)}


@pytest.mark.posix  # on Windows nobody can delete it
def test_a_file_that_is_deleted_meanwhile_takes_no_orders_any_more(lives: Lives) -> None:
    gate = lives.start()
    lives.path.unlink()
    with pytest.raises(OrderNotSent, match="删除、移走"):
        lives.order(gate, "1", 100)
    lives.path.touch(mode=0o600)
    with pytest.raises(OrderNotSent, match="没有发出"):
        lives.order(gate, "1", 100)


def test_who_opens_the_account_later_has_it_and_the_other_is_told(lives: Lives) -> None:
    first, second = lives.start(), lives.start()
    with pytest.raises(OrderNotSent, match="另一个进程"):
        lives.order(first, "1", 100)
    lives.order(second, "1", 100)
    with pytest.raises(TradeGateError, match="另一个进程"):
        first.sync_orders()
    assert reports(lives.start()) == {"1": ("filled", 100)}


@pytest.mark.posix
def test_a_backup_that_is_copied_over_it_is_noticed(lives: Lives) -> None:
    gate = lives.start()
    backup = lives.path.read_bytes()
    lives.order(gate, "1", 100)
    lives.path.write_bytes(backup)
    with pytest.raises(OrderNotSent, match="备份"):
        lives.order(gate, "2", 100)


def test_a_clock_that_is_set_back_over_midnight_stands_still_at_the_accounts_day(lives: Lives, caplog: Any) -> None:
    first = lives.start()
    lives.order(first, "1", 100)
    lives.clock.jump(-DAY.total_seconds())
    second = lives.start()
    assert "2026-07-06，晚于今天" in caplog.text
    assert second.sync_balance()["positions"][0]["available_amount"] == 0
    lives.order(second, "2", 100)
    assert reports(second)["2"] == ("filled", 100)
