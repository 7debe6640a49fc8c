"""What is refused before it is sent: each rule alone, then the counts through the account, its restarts and its failures."""

import logging
import sqlite3
from datetime import datetime, time, timedelta
from typing import Any, Callable, Dict, List, Optional

import pytest
from broker_files import make_order

from jqtrade.account.account import Account
from jqtrade.account.journal import Journal
from jqtrade.account.order import (
    LimitOrderStyle,
    MarketOrderStyle,
    Order,
    OrderAction,
    OrderSide,
    OrderStatus,
    OrderStyle,
)
from jqtrade.account.portfolio import BalanceReport, Portfolio, Position, Positions
from jqtrade.account.reports import check_balance
from jqtrade.account.request import check_request
from jqtrade.account.risk import RiskLimits
from jqtrade.errors import InvalidOrder, InvalidParam, OrderNotSent, OrderUncertain, TradeGateError
from jqtrade.gates.options import strategy_options
from jqtrade.testing import FakeBroker, VirtualClock

NOW = datetime(2026, 1, 5, 10, 0)
BANK = "600000.XSHG"
BUY, SELL = OrderAction.open, OrderAction.close


def portfolio(
    cash: float = 1e9, last: float = 10.0, available: int = 10**6, updated: datetime = NOW, **held: int
) -> Portfolio:
    position = Position(BANK, amount=available, available_amount=available, last_price=last)
    return Portfolio(
        total_assert=cash,
        available_cash=cash,
        locked_cash=0.0,
        updated_time=updated,
        long_positions=Positions(OrderSide.long, {BANK: position}),
    )


def limits(clock: Optional[VirtualClock] = None, **options: Any) -> RiskLimits:
    every = strategy_options()
    every.update(every.check(options))
    return RiskLimits(every.as_dict(), VirtualClock(NOW) if clock is None else clock)


def an_order(
    amount: int = 100, price: float = 10.0, code: str = BANK, action: OrderAction = BUY, **fields: Any
) -> Order:
    style: OrderStyle = LimitOrderStyle(price)
    fields.setdefault("style", style)
    return make_order(code=code, amount=amount, action=action, create_time=NOW, **fields)


def refusal(order: Order, held: Optional[Portfolio] = None, now: datetime = NOW, **options: Any) -> str:
    """Why the order is refused; "" if it is not."""
    try:
        limits(**options).check(order, portfolio() if held is None else held, now)
    except InvalidOrder as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "code, amount, price, said",
    [
        ("600000.XSHG", 100, 10.01, ""),
        ("600000.XSHG", 150, 10.0, "沪市主板每笔至少 100 股，且为 100 的整数倍"),
        ("000001.XSHE", 50, 10.0, "买入 50 股，深市主板每笔至少 100 股"),
        ("300750.XSHE", 300, 200.0, ""),
        ("300750.XSHE", 301, 200.0, "创业板"),
        ("688981.XSHG", 199, 50.0, "科创板每笔至少 200 股"),
        ("688981.XSHG", 201, 50.0, ""),
        ("510300.XSHG", 100, 4.001, ""),
        ("510300.XSHG", 10, 4.0, "沪市基金"),
        ("113050.XSHG", 10, 120.125, ""),
        ("123001.XSHE", 15, 120.0, "深市可转债每笔至少 10 股，且为 10 的整数倍"),
        ("600000.XSHG", 100, 10.001, "限价 10.001 不是 沪市主板最小价位 0.01 的整数倍"),
        ("510300.XSHG", 100, 4.0005, "最小价位 0.001"),
        ("600000.XSHG", 100, 0, ""),  # the opposite side's best price
        ("900901.XSHG", 7, 1.2345, ""),  # a board that we know nothing of
    ],
)
def test_lot_check_knows_each_boards_lots_and_ticks(code: str, amount: int, price: float, said: str) -> None:
    found = refusal(an_order(amount, price, code))
    assert ("lot_check" in found and said in found) if said else found == ""
    assert refusal(an_order(amount, price, code), lot_check=False) == ""


def test_a_sale_may_be_a_remainder_but_its_price_is_a_tick() -> None:
    assert refusal(an_order(37, action=SELL)) == ""
    assert "lot_check" in refusal(an_order(37, 10.005, action=SELL))


@pytest.mark.parametrize(
    "code, style, largest",
    [
        (BANK, LimitOrderStyle(10), 1000000),
        ("300750.XSHE", LimitOrderStyle(10), 300000),
        ("300750.XSHE", MarketOrderStyle(), 150000),
        ("688981.XSHG", LimitOrderStyle(10), 100000),
        ("688981.XSHG", MarketOrderStyle(), 50000),
        ("113050.XSHG", LimitOrderStyle(10), 1000000),
    ],
)
def test_max_order_amount_is_the_exchanges_unless_it_is_set(code: str, style: OrderStyle, largest: int) -> None:
    assert refusal(an_order(largest, code=code, style=style)) == ""
    assert f"max_order_amount：委托数量 {largest + 200} 超过 {largest}" in refusal(
        an_order(largest + 200, code=code, style=style)
    )
    assert "超过 500" in refusal(an_order(600, code=code, style=style), max_order_amount=500)
    assert refusal(an_order(largest + 200, code=code, style=style), max_order_amount=10**7) == ""


def test_money_is_compared_exactly() -> None:
    for price in (1.09, 1.1, 0.57, 2.03, 8.29, 4.35):
        value = round(price * 100, 2)
        for option in ("max_order_value", "max_daily_value"):
            options = {option: value, "price_deviation": None}
            assert refusal(an_order(100, price), **options) == ""
            assert f"{option}：" in refusal(an_order(100, round(price + 0.01, 2)), **options)
    checked = limits(max_daily_value=330.0, price_deviation=None)
    for number in range(3):
        checked.check(an_order(100, 1.1), portfolio(), NOW)
        checked.count_order(an_order(100, 1.1, order_id=str(number)), portfolio())
    assert "将达 331.00 元，超过 330.00 元" in _said(lambda: checked.check(an_order(100, 0.01), portfolio(), NOW))
    assert "委托金额 109.0001 元超过 109.00 元" in refusal(
        an_order(100, 1.090001), lot_check=False, max_order_value=109.0, price_deviation=None
    )


def test_cash_of_a_gate_that_adds_up_floats_is_rounded_to_a_millionth() -> None:
    order = an_order(100, 9.95)
    assert refusal(order, portfolio(cash=1000.00995), cash_check=True) == ""
    assert refusal(order, portfolio(cash=1000.0099499999), cash_check=True) == ""
    assert "cash_check" in refusal(order, portfolio(cash=1000.009949), cash_check=True)


def test_max_order_value_takes_the_limit_price_or_the_last_known_one() -> None:
    assert refusal(an_order(1000, 10.0), max_order_value=10000) == ""
    assert "max_order_value：委托金额 10010.00 元超过 10000.00 元" in refusal(
        an_order(1000, 10.01), max_order_value=10000
    )
    for style in (LimitOrderStyle(0), MarketOrderStyle()):
        assert "12000.00 元" in refusal(an_order(1000, style=style), portfolio(last=12.0), max_order_value=10000)
        assert "不知道 000001.XSHE 最近的价格" in refusal(
            an_order(100, code="000001.XSHE", style=style), max_order_value=10000
        )


@pytest.mark.parametrize("price, said", [(13.0, ""), (7.0, ""), (13.01, "30.1%"), (6.99, "30.1%"), (0, "")])
def test_price_deviation_compares_with_the_last_known_price(price: float, said: str) -> None:
    for action in OrderAction:
        found = refusal(an_order(price=price, action=action))
        assert f"达 {said}，超过 30.0%" in found if said else found == ""
    assert refusal(an_order(price=price), price_deviation=None) == ""
    assert refusal(an_order(price=price, code="000001.XSHE")) == ""  # no price is known


def test_the_lists_of_codes() -> None:
    assert refusal(an_order(), allowed_codes=[BANK]) == ""
    assert "allowed_codes 里没有 600000.XSHG" in refusal(an_order(), allowed_codes=["000001.XSHE"])
    assert "blocked_codes" in refusal(an_order(action=SELL), blocked_codes=[BANK, "000001.XSHE"])
    for wrong in (BANK, ["600000"], [1], 5):
        with pytest.raises(InvalidParam, match="股票代码的列表"):
            limits(allowed_codes=wrong)


def test_sell_check_leaves_out_what_was_sold_since_the_snapshot() -> None:
    checked = limits()
    first, second = an_order(300, action=SELL, order_id="1"), an_order(500, action=SELL, order_id="2")
    bought = an_order(400, order_id="3")
    cover = an_order(400, action=SELL, order_id="4").with_changes(side=OrderSide.short)
    checked.start_day({"1": first, "2": second, "3": bought, "4": cover})
    held = portfolio(available=500)
    checked.check(an_order(500, action=SELL), held, NOW)
    checked.count_order(first, held)
    with pytest.raises(InvalidOrder, match="卖出 300 股，超过可卖的 200 股（同步到 500 股，之后已委托 300 股）"):
        checked.check(an_order(300, action=SELL), held, NOW)
    checked.count_order(bought, held)
    checked.count_order(cover, held)
    checked.forget_sums()  # so that they are added up again
    checked.check(an_order(200, action=SELL), held, NOW)
    checked.uncount_orders([first])  # was not sent after all
    checked.check(an_order(500, action=SELL), held, NOW)
    checked.count_order(second, held)
    checked.take_snapshot(held)  # from now on the broker's figure leaves it out
    checked.check(an_order(500, action=SELL), held, NOW)
    checked.count_order(first, held)
    assert "之后已委托 300 股" in _said(lambda: checked.check(an_order(300, action=SELL), held, NOW))
    checked.start_day({})
    checked.check(an_order(500, action=SELL), held, NOW)
    assert "不知道可卖数量" in _said(lambda: limits(max_snapshot_age=None).check(an_order(action=SELL), None, NOW))
    assert refusal(an_order(action=SELL, code="000001.XSHE"), sell_check=False) == ""


def test_each_of_many_sales_of_one_code_is_added_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    added: List[str] = []

    def live_amount(order: Order) -> int:
        added.append(order.order_id)
        return order.amount

    monkeypatch.setattr("jqtrade.account.in_flight._live_amount", live_amount)
    checked = limits()
    held = portfolio(available=5000)
    sales = {str(number): an_order(100, action=SELL, order_id=str(number)) for number in range(50)}
    checked.start_day(sales)
    for sale in sales.values():
        checked.check(sale, held, NOW)
        checked.count_order(sale, held)
    assert len(added) <= len(sales)
    assert "可卖的 0 股" in _said(lambda: checked.check(an_order(100, action=SELL), held, NOW))


def _said(call: Callable[[], None]) -> str:
    with pytest.raises(InvalidOrder) as error:
        call()
    return str(error.value)


def test_cash_check_is_off_and_leaves_out_what_was_bought_since_the_snapshot() -> None:
    assert refusal(an_order(1000), portfolio(cash=1.0)) == ""
    checked = limits(cash_check=True)
    held = portfolio(cash=10010.16)
    checked.check(an_order(1000), held, NOW)
    bought = an_order(600, order_id="1")
    checked.start_day({"1": bought})
    checked.count_order(bought, held)
    assert "需要 10005.10 元（含估计的费用），超过可用的 4005.10 元" in _said(
        lambda: checked.check(an_order(1000), held, NOW)
    )
    checked.check(an_order(400), held, NOW)
    checked.check(an_order(1000, action=SELL), held, NOW)
    checked.take_snapshot(held)
    checked.check(an_order(1000), held, NOW)


@pytest.mark.parametrize(
    "moment, age, stale",
    [
        (time(10, 0), 60, False),
        (time(10, 0), 60.1, True),
        (time(10, 0), -1, True),  # the clock was set back: nobody knows how old it is
        (time(9, 29, 59), 3600, False),
        (time(12, 0), 3600, False),
        (time(15, 0), 61, True),
        (time(15, 0, 1), 61, False),
    ],
)
def test_max_snapshot_age_counts_in_trading_hours(moment: time, age: float, stale: bool) -> None:
    now = datetime.combine(NOW.date(), moment)
    held = portfolio(updated=now - timedelta(seconds=age))
    assert bool(refusal(an_order(), held, now)) is stale
    assert refusal(an_order(), held, now, max_snapshot_age=None) == ""


def test_orders_and_cancels_of_any_one_second_are_counted() -> None:
    clock = VirtualClock(NOW)
    checked = limits(clock, max_orders_per_second=3)
    for number in range(2):
        checked.check(an_order(), portfolio(), NOW)
        checked.count_order(an_order(order_id=str(number)), portfolio())
        checked.restamp([str(number)])
    checked.restamp(checked.count_cancels(1))
    assert "max_orders_per_second：最近 1 秒已有 3 笔委托和撤单，上限 3 笔" in _said(
        lambda: checked.check(an_order(), portfolio(), NOW)
    )
    checked.restamp(checked.count_cancels(1))  # cancels are never blocked
    clock.sleep(0.999)
    _said(lambda: checked.check(an_order(), portfolio(), NOW))
    clock.sleep(0.001)
    checked.check(an_order(), portfolio(), NOW)


def test_max_daily_value_adds_up_what_was_sent() -> None:
    checked = limits(max_daily_value=10000)
    checked.count_order(an_order(900, order_id="1"), portfolio())
    checked.check(an_order(100), portfolio(), NOW)
    assert "今天的委托金额将达 11000.00 元" in _said(lambda: checked.check(an_order(200), portfolio(), NOW))
    checked.uncount_orders([an_order(900, order_id="1")])
    checked.uncount_orders([an_order(900, order_id="1")])  # once is enough
    checked.check(an_order(1000), portfolio(), NOW)


@pytest.mark.parametrize(
    "option, value",
    [
        ("max_orders_per_second", 0),
        ("max_orders_per_day", 1.5),
        ("max_orders_per_day", True),
        ("max_order_value", -1),
        ("max_order_amount", "many"),
        ("max_daily_value", float("nan")),
        ("price_deviation", 0),
        ("lot_check", 1),
        ("max_snapshot_age", 0),
        ("blocked_codes", None),
    ],
)
def test_a_limit_that_is_none_is_refused(option: str, value: Any) -> None:
    with pytest.raises(InvalidParam, match=option):
        limits(**{option: value})


# ---------------------------------------------------------------- through the account


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


HOLDING = {"code": BANK, "amount": 10**6, "available_amount": 10**6, "avg_cost": 9.0, "last_price": 10.0}


class Desk:
    """An account whose process can be ended and started again."""

    def __init__(self, path: str, clock: VirtualClock) -> None:
        self.path = path
        self.clock = clock
        self.broker = FakeBroker(cash=1e9, positions=[HOLDING])
        self.halted = False

    def open(self, sync: bool = True, methods: Optional[Dict[str, Any]] = None, **options: Any) -> Account:
        every = strategy_options()
        every.update(every.check(options))
        gate = type("Gate", (self.broker.gate_class,), methods or {})()
        gate.clock = self.clock
        gate.setup({})
        checked = RiskLimits(every.as_dict(), self.clock, lambda: self.halted)
        account = Account(gate, Journal(self.path), self.clock, checked)
        account.recover()
        if sync:
            account.sync_balance()
        return account


@pytest.fixture
def desk(journal_path: str) -> Desk:
    return Desk(journal_path, VirtualClock(NOW))


def buy(account: Account, amount: int = 100, price: float = 10.0, code: str = BANK) -> Optional[str]:
    return account.submit_batch([check_request(code, amount, LimitOrderStyle(price))])[0]


def test_a_refused_order_is_recorded_said_and_not_sent(desk: Desk, caplog: Any) -> None:
    account = desk.open()
    assert buy(account, 150) is None
    (order,) = account.orders()
    assert order.status == "rejected" and order.err_msg.startswith("没有发出：lot_check：买入 150 股")
    assert desk.broker.orders == []
    (line,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert line.getMessage().startswith(
        f"InvalidOrder：订单 {order.order_id} 没有发出：买入 600000.XSHG 150 股 限价 10，lot_check"
    )
    assert desk.open().orders() == [order]


def test_in_a_batch_each_order_is_checked_after_those_before_it(desk: Desk) -> None:
    account = desk.open(max_orders_per_day=3)
    wanted = [check_request(BANK, amount, LimitOrderStyle(10)) for amount in (100, 150, -1000000, -100, 200, 300)]
    ids = account.submit_batch(wanted)
    assert [order_id is not None for order_id in ids] == [True, False, True, False, True, False]
    assert [order.amount for order in desk.broker.orders] == [100, 1000000, 200]
    rules = [order.err_msg.split("：")[1] for order in account.orders(status="rejected")]
    assert rules == ["lot_check", "sell_check", "max_orders_per_day"]


def test_restarts_do_not_reset_the_counts_of_the_day(desk: Desk) -> None:
    sent: List[str] = []
    for _ in range(4):
        account = desk.open(max_orders_per_day=5)
        order_id = buy(account)
        if order_id is not None:
            sent.append(order_id)
            account.cancel_batch([order_id])
        buy(account, 150)  # refused: does not count
    assert len(sent) == 3 and len(desk.broker.cancels) == 3  # 3 orders, 2 cancels, and the last cancel is never blocked
    desk.clock.jump(86400)
    assert buy(desk.open(max_orders_per_day=5)) is not None


def test_restarts_within_a_second_do_not_reset_its_count(desk: Desk) -> None:
    assert [buy(desk.open(max_orders_per_second=2)) is not None for _ in range(4)] == [True, True, False, False]
    desk.clock.sleep(6.999)  # when they reached the order file is not known: it may be locked for 5 s
    account = desk.open(max_orders_per_second=2)
    assert buy(account) is None
    desk.clock.sleep(1)
    assert buy(account) is not None


def test_restarts_do_not_reset_the_value_of_the_day_whatever_the_price_is_then(desk: Desk) -> None:
    assert buy(desk.open(max_daily_value=2500), 200, 0) is not None  # 200 at the last known price of 10
    desk.broker.positions = [dict(HOLDING, last_price=1.0)]
    assert buy(desk.open(max_daily_value=2500), 100, 10.0) is None
    assert buy(desk.open(max_daily_value=2500, price_deviation=None), 100, 5.0) is not None


def test_orders_proven_not_sent_do_not_count_and_uncertain_ones_do(desk: Desk) -> None:
    account = desk.open(max_orders_per_day=2)
    for error in (OrderNotSent("锁"), OrderNotSent("锁"), OrderNotSent("锁")):
        desk.broker.error = error
        assert buy(account) is None
    desk.broker.error = OrderUncertain("断线")
    assert buy(account) is not None
    desk.broker.error = None
    assert buy(account, code="000001.XSHE") is not None
    assert buy(account, code="000002.XSHE") is None
    account = desk.open(max_orders_per_day=3)
    assert buy(account, code="000002.XSHE") is not None
    assert buy(account, code="000002.XSHE") is None


def test_orders_that_could_not_be_recorded_do_not_count(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    account = desk.open(max_orders_per_day=1)

    def fail(*args: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_write", fail)
        assert [buy(account) for _ in range(3)] == [None] * 3
        assert desk.broker.orders == []
    assert buy(account) is not None


def test_a_cancel_goes_out_when_it_cannot_be_recorded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    account = desk.open(max_orders_per_day=1)
    order_id = str(buy(account))

    def fail(*args: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Journal, "_write", fail)
    account.cancel_batch([order_id])
    assert desk.broker.cancels == [order_id]


def test_a_new_day_begins_with_nothing_counted(desk: Desk) -> None:
    account = desk.open(max_orders_per_day=1)
    assert [buy(account) is not None for _ in range(2)] == [True, False]
    desk.clock.jump(86400)
    assert buy(account) is not None


def test_while_an_order_is_uncertain_no_other_of_the_same_code_and_side_is_sent(desk: Desk) -> None:
    answers: List[Optional[bool]] = [None]
    account = desk.open(methods={"was_sent": lambda self, order: answers[-1]})
    desk.broker.error = OrderUncertain("磁盘错误")
    uncertain = str(buy(account))
    desk.broker.error = None
    assert buy(account) is None
    assert f"订单 {uncertain} 是否发出" in account.orders()[-1].err_msg
    assert account.submit_batch([check_request(BANK, -100, LimitOrderStyle(10))])[0] is not None  # the other side
    assert buy(account, code="000001.XSHE") is not None
    answers.append(False)
    assert buy(account) is None  # nobody has told the strategy yet
    account.sync_orders()
    assert buy(account) is not None
    assert account.orders(uncertain)[0].status == "rejected"


def test_the_brokers_word_ends_the_uncertainty(desk: Desk) -> None:
    account = desk.open()
    desk.broker.error = OrderUncertain("磁盘错误")
    uncertain = str(buy(account))
    desk.broker.error = None
    desk.broker.orders.append(account.orders(uncertain)[0])
    desk.broker.report(uncertain, "open")
    account.sync_orders()
    assert buy(account) is not None


def test_a_restart_keeps_the_uncertainty(desk: Desk) -> None:
    desk.broker.error = OrderUncertain("磁盘错误")
    uncertain = str(buy(desk.open(sync=False, max_snapshot_age=None)))
    desk.broker.error = None
    account = desk.open()
    assert buy(account) is None and account.orders(uncertain)[0].status == "new"


def test_an_old_snapshot_is_read_again_before_an_order_is_refused(desk: Desk, caplog: Any) -> None:
    account = desk.open()
    desk.clock.sleep(61)
    assert buy(account) is not None
    assert account.portfolio.updated_time == desk.clock.now()
    desk.clock.sleep(61)
    account._gate.sync_balance = lambda: (_ for _ in ()).throw(TradeGateError("没有文件"))  # type: ignore[method-assign]
    assert buy(account) is None
    assert "max_snapshot_age：资金和持仓最近一次读全是 10:01:01，已超过 1 分 0 秒" in account.orders()[-1].err_msg


def test_a_halted_task_orders_nothing_and_may_cancel(desk: Desk) -> None:
    account = desk.open()
    order_id = str(buy(account))
    desk.halted = True
    assert buy(account) is None and "halt_task 暂停下单" in account.orders()[-1].err_msg
    account.cancel_batch([order_id])
    assert desk.broker.cancels == [order_id]
    desk.halted = False
    assert buy(account) is not None


def test_orders_of_others_are_counted_once_a_day(desk: Desk, caplog: Any) -> None:
    account = desk.open()
    report = {"order_id": "7", "code": BANK, "amount": 100, "status": "open"}
    for _ in range(3):
        desk.broker.report_raw(report)
        desk.broker.report_raw(dict(report, order_id="8"))
        account.sync_orders()
    lines = [record.getMessage() for record in caplog.records if "不是本任务发出" in record.getMessage()]
    assert lines == ["柜台里今天还有 2 笔委托不是本任务发出的（人工、别的任务或别的程序），本任务不处理"]


def sell(account: Account, amount: int) -> Optional[str]:
    return account.submit_batch([check_request(BANK, -amount, LimitOrderStyle(10.0))])[0]


def test_what_a_finished_sale_did_not_fill_can_be_sold_again(desk: Desk) -> None:
    desk.broker.positions = [dict(HOLDING, amount=1000, available_amount=1000)]
    account = desk.open()
    first = str(sell(account, 1000))
    assert sell(account, 1000) is None
    desk.broker.report(first, "partly_canceled", filled_amount=300)
    account.sync_orders()
    assert sell(account, 800) is None
    assert sell(account, 700) is not None


def test_a_halt_that_comes_while_an_old_snapshot_is_read_again_is_heard(desk: Desk) -> None:
    read = desk.broker.gate_class.sync_balance

    def sync_balance(gate: Any) -> Any:
        desk.halted = desk.clock.now() > NOW
        return read(gate)

    account = desk.open(max_snapshot_age=30, methods={"sync_balance": sync_balance})
    assert buy(account) is not None
    desk.clock.sleep(60)
    assert buy(account) is None and len(desk.broker.orders) == 1
    assert "halt_task" in account.orders()[-1].err_msg


def test_orders_that_are_learned_again_are_freed_by_a_snapshot_that_was_written_later(desk: Desk) -> None:
    read, told = desk.broker.gate_class.sync_balance, [NOW]

    def sync_balance(gate: Any) -> Any:
        return check_balance(read(gate)).with_changes(written=told[-1])

    desk.broker.positions = [dict(HOLDING, amount=1000, available_amount=700)]  # it leaves out the 300
    account = desk.open(max_snapshot_age=None, methods={"sync_balance": sync_balance})
    first = str(sell(account, 300))
    desk.broker.report(first, "open")
    account.sync_orders()
    account.recover()  # as after the clock was set to another day and back
    desk.clock.sleep(6.5)
    account.sync_balance()
    assert sell(account, 500) is None
    told.append(NOW + timedelta(seconds=6))
    account.sync_balance()
    assert sell(account, 700) is not None


def test_cash_that_a_finished_purchase_did_not_use_can_be_used_again(desk: Desk) -> None:
    desk.broker.cash = dict(desk.broker.cash, available_cash=10020.0)
    account = desk.open(cash_check=True)
    first = str(buy(account, 600))
    assert buy(account, 500) is None and buy(account, 400) is not None and buy(account, 100) is None
    desk.broker.report(first, "partly_canceled", filled_amount=200)
    account.sync_orders()
    assert buy(account, 500) is None and buy(account, 400) is not None and buy(account, 100) is None


def test_in_a_batch_cash_goes_to_the_first_and_comes_back_from_what_was_not_sent(desk: Desk) -> None:
    desk.broker.cash = dict(desk.broker.cash, available_cash=10020.0)
    account = desk.open(cash_check=True)
    desk.broker.error = OrderNotSent("锁")
    requests = [check_request(BANK, amount, LimitOrderStyle(10)) for amount in (600, 500, 400)]
    assert account.submit_batch(requests) == [None] * 3 and desk.broker.orders == []
    desk.broker.error = None
    assert [order_id is not None for order_id in account.submit_batch(requests)] == [True, False, True]


def test_the_same_snapshot_read_again_frees_nothing(desk: Desk) -> None:
    desk.broker.positions = [dict(HOLDING, amount=1000, available_amount=1000)]
    account = desk.open()
    assert sell(account, 1000) is not None
    account.sync_balance()
    assert sell(account, 1000) is None
    desk.broker.positions = [dict(HOLDING, amount=2000, available_amount=1000)]
    account.sync_balance()
    assert sell(account, 1000) is not None


def test_an_old_snapshot_is_enough_when_reading_it_again_takes_time(desk: Desk) -> None:
    """The clock goes on between the reading and the check, as real ones do."""
    desk.clock.now = lambda: (desk.clock.sleep(0.001), VirtualClock.now(desk.clock))[1]  # type: ignore[method-assign]
    account = desk.open()
    for _ in range(3):
        desk.clock.sleep(61)
        assert buy(account) is not None


def test_orders_that_waited_for_the_lock_count_when_they_reach_the_broker(desk: Desk) -> None:
    def order(self: Any, order: Order) -> None:
        self.clock.sleep(4.9)
        desk.broker.orders.append(order)

    account = desk.open(methods={"order": order}, max_orders_per_second=1)
    assert buy(account) is not None
    assert buy(account) is None


def test_an_old_order_proven_not_sent_frees_no_place_in_this_second(desk: Desk) -> None:
    answers: List[Optional[bool]] = [None]
    account = desk.open(methods={"was_sent": lambda self, order: answers[-1]}, max_orders_per_second=2)
    desk.broker.error = OrderUncertain("磁盘错误")
    assert buy(account, code="000001.XSHE") is not None
    desk.broker.error = None
    desk.clock.sleep(30)
    assert [buy(account), buy(account)].count(None) == 0
    answers.append(False)
    assert buy(account) is None


def test_a_clock_set_forward_and_back_forgets_neither_doubts_nor_counts(desk: Desk) -> None:
    account = desk.open(max_orders_per_day=3)
    desk.broker.error = OrderUncertain("磁盘错误")
    assert buy(account) is not None
    desk.broker.error = None
    desk.clock.jump(86400)
    account.orders()
    desk.clock.jump(-86400)
    assert buy(account) is None
    assert [buy(account, code=code) is not None for code in ("000001.XSHE", "000002.XSHE", "000004.XSHE")] == [
        True,
        True,
        False,
    ]


def test_while_the_journal_cannot_be_read_nothing_is_sent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    account = desk.open(max_orders_per_day=1)
    assert buy(account) is not None
    load = Journal.load
    desk.clock.jump(86400)

    def fail(*args: Any) -> Any:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Journal, "load", fail)
    assert buy(account) is None and "读不出今天的记录" in account.orders()[-1].err_msg
    monkeypatch.setattr(Journal, "load", load)
    assert buy(account) is not None


def test_orders_refused_while_the_journal_is_full_are_recorded_when_it_is_not(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = desk.open()
    execute = Journal._write

    def fail(*args: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Journal, "_write", fail)
    assert [buy(account), buy(account, 150)] == [None, None]
    monkeypatch.setattr(Journal, "_write", execute)
    assert buy(account) is not None
    statuses = [str(order.status) for order in desk.open().orders()]
    assert sorted(statuses) == ["new", "rejected", "rejected"]


def test_a_halt_that_comes_while_the_gate_waits_is_heard(desk: Desk) -> None:
    def order(self: Any, order: Order) -> None:
        desk.halted = True
        self.account_check()
        raise AssertionError("sent")

    account = desk.open(methods={"order": order})
    assert buy(account) is None and "halt_task" in account.orders()[-1].err_msg


def test_a_halt_in_the_middle_of_a_batch_stops_the_rest_of_it_at_a_gate_that_sends_one_by_one(desk: Desk) -> None:
    def order(self: Any, order: Order) -> None:
        desk.broker.orders.append(order)
        desk.halted = len(desk.broker.orders) == 2

    account = desk.open(methods={"order": order})
    ids = account.submit_batch([check_request(BANK, 100, LimitOrderStyle(10.0))] * 4)
    assert [order_id is None for order_id in ids] == [False, False, True, True]
    assert [order.order_id for order in desk.broker.orders] == ids[:2]
    assert all("halt_task" in order.err_msg for order in account.orders()[2:])


def test_a_halted_task_mends_nothing(desk: Desk) -> None:
    mended: List[bool] = []
    account = desk.open(methods={"mend": lambda self: mended.append(True)})
    desk.broker.error = OrderUncertain("磁盘错误")
    buy(account)
    desk.broker.error = None
    desk.halted = True
    assert buy(account, code="000001.XSHE") is None and mended == []
    desk.halted = False
    assert buy(account, code="000001.XSHE") is not None and mended == [True]


def test_a_journal_that_cannot_be_read_at_midnight_stops_no_sync(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def sync_balance(self: Any) -> BalanceReport:
        position = Position(BANK, 1000, 1000, last_price=10.0)
        return BalanceReport(1e9, 1e9, 0.0, [position], written=desk.clock.now())

    account = desk.open(methods={"sync_balance": sync_balance})
    assert buy(account) is not None
    load = Journal.load

    def fail(*args: Any) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Journal, "load", fail)
    desk.clock.jump(86400)
    account.sync_orders()
    account.sync_balance()
    assert account.orders() == [] and buy(account) is None
    monkeypatch.setattr(Journal, "load", load)
    assert buy(account) is not None


def test_an_order_that_turned_out_not_to_be_sent_is_told_with_the_next_sync(desk: Desk) -> None:
    answers: List[Optional[bool]] = [None]
    account = desk.open(methods={"was_sent": lambda self, order: answers[-1]})
    desk.broker.error = OrderUncertain("磁盘错误")
    uncertain = buy(account)
    desk.broker.error = None
    answers.append(False)
    assert [(order.order_id, order.status) for order in account.sync_orders()] == [(uncertain, "rejected")]
    assert account.sync_orders() == []


def test_while_syncs_fail_nobody_asks_for_uncertain_orders_and_nobody_waits_for_answers(
    desk: Desk, caplog: Any
) -> None:
    asked: List[Order] = []
    account = desk.open(methods={"was_sent": lambda self, order: asked.append(order)})
    assert buy(account) is not None
    desk.broker.error = OrderUncertain("磁盘错误")
    assert buy(account, code="000001.XSHE") is not None
    for _ in range(20):
        account.sync_orders()
        desk.clock.sleep(5)
    assert asked == [] and "柜台还没有任何回报" not in caplog.text
    desk.broker.error = None
    account.sync_orders()
    assert len(asked) == 1 and "柜台还没有任何回报" in caplog.text


def test_a_wrong_report_of_an_order_is_an_answer_too(desk: Desk, caplog: Any) -> None:
    account = desk.open()
    order_id = str(buy(account))
    desk.broker.report(order_id, "no status")
    for _ in range(20):
        account.sync_orders()
        desk.clock.sleep(5)
    assert "柜台还没有任何回报" not in caplog.text


@pytest.mark.parametrize("code, right", [("600000.XSHE", "600000.XSHG"), ("300750.XSHG", "300750.XSHE")])
def test_a_code_with_the_other_exchanges_suffix_is_refused(code: str, right: str) -> None:
    assert f"应写 {right}" in refusal(an_order(code=code))


def test_an_unknown_board_has_a_largest_order_too() -> None:
    assert refusal(an_order(1000000, 1.0, "900901.XSHG")) == ""
    assert "不认识这个板块" in refusal(an_order(1000001, 1.0, "900901.XSHG"))


def test_a_gate_may_have_orders_of_its_own(desk: Desk) -> None:
    account = desk.open()
    order_id = str(buy(account))
    known: Any = account._gate.account_orders
    assert set(known) == {order_id}
    with pytest.raises(TypeError):
        known["1"] = 2


def test_a_snapshot_frees_only_what_was_confirmed_before_it_was_written() -> None:
    clock = VirtualClock(NOW)
    early, late = an_order(300, action=SELL, order_id="1"), an_order(200, action=SELL, order_id="2")
    orders = {"1": early, "2": late}
    checked = limits(clock)
    held = portfolio(available=500)
    checked.start_day(orders)
    for order in (early, late):
        checked.count_order(order, None)
    clock.sleep(5)
    orders["1"] = hear(checked, early)
    clock.sleep(6)
    checked.take_snapshot(held, NOW + timedelta(seconds=10.9))
    assert "之后已委托 500 股" in _said(lambda: checked.check(an_order(100, action=SELL), held, NOW))
    checked.take_snapshot(held, NOW + timedelta(seconds=11))
    assert "之后已委托 200 股" in _said(lambda: checked.check(an_order(400, action=SELL), held, NOW))
    orders["2"] = hear(checked, late)
    clock.sleep(6)
    checked.take_snapshot(held, NOW + timedelta(seconds=17))
    checked.check(an_order(500, action=SELL), held, NOW)


def hear(checked: RiskLimits, order: Order, status: OrderStatus = OrderStatus.open, filled: int = 0) -> Order:
    """Tell the limits that the broker says so of the order; returns it as it stands then."""
    order = order.with_changes(status=status, filled_amount=filled, confirmed=True)
    checked.heard([order])
    return order


def test_a_reverse_repo_is_sold_without_a_holding() -> None:
    for code in ("204001.XSHG", "131810.XSHE"):
        assert refusal(an_order(1000, 1.5, code, SELL)) == ""
    for code in ("204001.XSHE", "131810.XSHG"):
        assert "的后缀不对" in refusal(an_order(1000, 1.5, code, SELL))
        assert "sell_check" in refusal(an_order(1000, 1.5, code, SELL), lot_check=False)


def test_a_gate_that_cannot_even_answer_stops_nothing(desk: Desk, caplog: Any) -> None:
    def fail(self: Any, *args: Any) -> Any:
        raise RuntimeError("坏了")

    account = desk.open(methods={"was_sent": fail, "mend": fail, "knows_order_id": fail})
    desk.broker.error = OrderUncertain("断线")
    uncertain = str(buy(account))
    desk.broker.error = None
    account.sync_orders()
    assert buy(account, code="000001.XSHE") is not None
    assert account.orders(uncertain)[0].status == "new"
    account = desk.open(methods={"was_sent": fail, "mend": fail, "knows_order_id": fail})
    assert buy(account) is None and len(desk.broker.orders) == 1


def test_a_check_that_fails_leaves_no_order_behind(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    account = desk.open(max_orders_per_day=1)

    def fail(*args: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(RiskLimits, "check", fail)
        with pytest.raises(ZeroDivisionError):
            buy(account)
    assert account.orders() == [] and buy(account) is not None


def test_a_price_beyond_all_prices_is_refused() -> None:
    for price in (1e9 + 1, 1e27):
        with pytest.raises(InvalidParam, match="委托价格"):
            LimitOrderStyle(price)


def test_cancels_while_the_journal_is_full_are_counted_after_a_restart(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = desk.open(max_orders_per_day=3)
    order_id = str(buy(account))
    write = Journal._write

    def fail(*args: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Journal, "_write", fail)
    account.cancel_batch([order_id])
    monkeypatch.setattr(Journal, "_write", write)
    account.cancel_batch([order_id])
    account.close()
    assert buy(desk.open(max_orders_per_day=3), code="000001.XSHE") is None


def test_cancels_that_waited_for_the_lock_count_when_they_reach_the_broker(desk: Desk) -> None:
    def cancel(self: Any, order_id: str) -> None:
        self.clock.sleep(3.0)

    account = desk.open(methods={"cancel_order": cancel}, max_orders_per_second=1)
    order_id = str(buy(account))
    desk.clock.sleep(1)
    account.cancel_batch([order_id])
    assert buy(account, code="000001.XSHE") is None


def test_what_the_broker_says_waits_until_the_orders_of_the_day_are_known(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = desk.open()
    order_id = str(buy(account))
    load = Journal.load

    def fail(*args: Any) -> Any:
        raise sqlite3.OperationalError("database is locked")

    desk.clock.jump(86400)
    account.orders()
    desk.clock.jump(-86400)
    monkeypatch.setattr(Journal, "load", fail)
    desk.broker.report(order_id, "filled")
    assert account.sync_orders() == []
    monkeypatch.setattr(Journal, "load", load)
    assert [order.status for order in account.sync_orders()] == ["filled"]


def test_what_could_not_be_recorded_is_recorded_at_a_graceful_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    account = desk.open()
    desk.broker.error = OrderNotSent("锁")
    record = Journal.record_states

    def fail(*args: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Journal, "record_states", fail)
    assert buy(account) is None
    monkeypatch.setattr(Journal, "record_states", record)
    desk.broker.error = None
    account.close()
    assert [order.status for order in desk.open().orders()] == ["rejected"]


def test_an_order_confirmed_after_the_snapshot_was_written_counts_until_the_next_one(desk: Desk) -> None:
    written = [NOW]

    def sync_balance(gate: Any) -> BalanceReport:
        return BalanceReport(1e9, 1e9, 0.0, [Position(BANK, 1000, 700, last_price=10.0)], written=written[-1])

    account = desk.open(methods={"sync_balance": sync_balance})
    first = str(sell(account, 300))
    desk.clock.sleep(1)
    desk.broker.report(first, "open")
    account.sync_orders()
    for seconds in (2, 6):
        written.append(NOW + timedelta(seconds=seconds))
        desk.clock.sleep(10)
        account.sync_balance()
        assert sell(account, 500) is None
    written.append(NOW + timedelta(seconds=7))
    account.sync_balance()
    assert sell(account, 700) is not None


def test_the_age_of_the_snapshot_is_looked_at_again_after_the_gate_has_waited(desk: Desk) -> None:
    def order(self: Any, order: Order) -> None:
        self.clock.sleep(4)
        self.account_check()
        desk.broker.orders.append(order)

    account = desk.open(methods={"order": order}, max_snapshot_age=10)
    assert [buy(account) is not None for _ in range(2)] == [True, True]
    assert buy(account) is None and "max_snapshot_age" in account.orders()[-1].err_msg
    assert len(desk.broker.orders) == 2


def test_an_order_that_we_called_rejected_counts_once_the_broker_has_it(desk: Desk) -> None:
    desk.broker.positions = [dict(HOLDING, amount=1000, available_amount=1000)]
    account = desk.open(max_orders_per_day=2)
    desk.broker.error = OrderNotSent("锁")
    assert sell(account, 1000) is None
    desk.broker.error = None
    (order,) = account.orders()
    desk.broker.orders.append(order)
    desk.broker.report(order.order_id, "open")
    account.sync_orders()
    assert sell(account, 100) is None and "sell_check" in account.orders()[-1].err_msg
    assert buy(account) is not None
    assert buy(account) is None and "max_orders_per_day" in account.orders()[-1].err_msg
