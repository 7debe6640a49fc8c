import json
from datetime import datetime, timedelta
from decimal import Decimal
from typing import List, Optional, Tuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jqtrade.market.quotes import Quote
from jqtrade.paper.exchange import SHARES_PER_STEP, PaperExchange
from tests.paper.paper_helpers import BANK, MORNING, STAR, HandQuotes, make_exchange, statuses

SECOND = timedelta(seconds=1)
TOMORROW = MORNING + timedelta(days=1)


def buy(
    exchange: PaperExchange, order_id: str, amount: int, limit: Optional[str], code: str = BANK, now: datetime = MORNING
) -> None:
    assert exchange.submit(order_id, code, True, amount, None if limit is None else Decimal(limit), now) is None


def sell(
    exchange: PaperExchange, order_id: str, amount: int, limit: Optional[str], code: str = BANK, now: datetime = MORNING
) -> None:
    assert exchange.submit(order_id, code, False, amount, None if limit is None else Decimal(limit), now) is None


def test_a_buy_that_crosses_fills_at_the_ask_and_not_at_its_limit() -> None:
    quotes = HandQuotes()
    quotes.set("000001", "10.00", "9.99", "10.01")
    exchange = make_exchange(quotes)
    buy(exchange, "1", 100, "10.50")
    assert statuses(exchange, "1") == ["new", "open", "filled"]
    assert exchange.orders["1"].average_price == Decimal("10.01")
    assert exchange.ledger.cash == Decimal("1000000") - Decimal("1001") - Decimal("5.00")


def test_without_an_ask_the_last_price_counts() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 100, "10")
    assert exchange.orders["1"].average_price == 10


def test_a_sell_fills_at_the_bid() -> None:
    quotes = HandQuotes(_000001="10")
    exchange = make_exchange(quotes)
    buy(exchange, "1", 100, "10")
    quotes.set("000001", "11.00", "10.98", "11.02")
    sell(exchange, "2", 100, "10.50", now=TOMORROW)
    assert exchange.orders["2"].average_price == Decimal("10.98")


def test_an_order_that_does_not_cross_waits_until_the_quote_comes() -> None:
    quotes = HandQuotes(_000001="10")
    exchange = make_exchange(quotes)
    buy(exchange, "1", 100, "9.50")
    exchange.advance(MORNING + SECOND)
    assert statuses(exchange, "1") == ["new", "open"]
    quotes.set("000001", "9.40")
    exchange.advance(MORNING + 2 * SECOND)
    assert statuses(exchange, "1") == ["filled"]


def test_a_large_order_fills_part_by_part_one_a_second() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 2 * SHARES_PER_STEP + 100, "10")
    exchange.advance(MORNING)
    assert exchange.orders["1"].filled == SHARES_PER_STEP
    exchange.advance(MORNING + SECOND)
    exchange.advance(MORNING + 2 * SECOND)
    assert statuses(exchange, "1") == ["new", "open", "filling", "filling", "filled"]
    assert exchange.orders["1"].fees == Decimal("50.25")  # as for one part: 201000 * 0.025 %


def test_price_zero_takes_the_opposite_best_quote_once() -> None:
    quotes = HandQuotes()
    quotes.set("000001", "10.00", "9.99", "10.01")
    exchange = make_exchange(quotes)
    buy(exchange, "1", SHARES_PER_STEP + 100, "0")
    assert exchange.orders["1"].limit == Decimal("10.01")
    quotes.set("000001", "10.10", "10.09", "10.11")
    exchange.advance(MORNING + SECOND)
    assert exchange.orders["1"].filled == SHARES_PER_STEP


def test_price_zero_takes_a_quote_that_is_off_the_tick() -> None:
    exchange = make_exchange(HandQuotes(_000001="10.005"))
    buy(exchange, "1", 100, "0")
    assert exchange.orders["1"].status == "filled"


@pytest.mark.parametrize(
    ("code", "amount", "limit", "reason"),
    [
        (BANK, 100, None, "价格错误"),
        ("000002.XSHE", 100, "10", "证券代码"),
        ("999999.XSHE", 100, "10", "证券代码"),
        (BANK, 150, "10", "委托数量"),
        (BANK, 10**11, "10", "委托数量"),
        (BANK, 100, "10.001", "最小变动单位"),
        (BANK, 100, "100000000", "委托价格"),
        (BANK, 1000000, "10", "资金不足"),
        (STAR, 199, "10", "委托数量"),
    ],
)
def test_a_bad_buy_is_rejected_with_its_reason(code: str, amount: int, limit: Optional[str], reason: str) -> None:
    exchange = make_exchange(HandQuotes(_000001="10", _688001="10", _999999="10"))
    buy(exchange, "1", amount, limit, code)
    assert statuses(exchange, "1") == ["new", "rejected"]
    assert reason in exchange.orders["1"].text
    assert (exchange.ledger.cash, exchange.ledger.frozen) == (1000000, 0)


def test_a_star_share_is_bought_from_200_on_by_single_shares() -> None:
    exchange = make_exchange(HandQuotes(_688001="10"))
    buy(exchange, "1", 201, "10", STAR)
    assert exchange.orders["1"].status == "filled"


def test_shares_bought_today_are_sold_tomorrow() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 100, "10")
    sell(exchange, "2", 100, "10")
    assert exchange.orders["2"].status == "rejected" and "T+1" in exchange.orders["2"].text
    sell(exchange, "3", 100, "10", now=TOMORROW)
    assert exchange.orders["3"].status == "filled"


def test_a_convertible_bond_is_sold_the_same_day() -> None:
    exchange = make_exchange(HandQuotes(_113001="110.5"))
    buy(exchange, "1", 10, "110.5", "113001.XSHG")
    sell(exchange, "2", 10, "110.5", "113001.XSHG")
    assert exchange.orders["2"].status == "filled"


def test_shares_in_an_open_sell_order_cannot_be_sold_again() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 200, "10")
    sell(exchange, "2", 200, "11", now=TOMORROW)
    sell(exchange, "3", 100, "11", now=TOMORROW)
    assert "可用股份不足" in exchange.orders["3"].text
    assert exchange.cancel("2", TOMORROW) is None
    sell(exchange, "4", 100, "11", now=TOMORROW)
    assert exchange.orders["4"].status == "open"


@pytest.mark.parametrize(
    ("amount", "status"),
    [(250, "filled"), (150, "filled"), (50, "filled"), (100, "filled"), (30, "rejected"), (130, "rejected")],
)
def test_an_odd_remainder_is_sold_in_one_order(amount: int, status: str) -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 300, "10")
    exchange.advance(TOMORROW)
    exchange.ledger.holdings[BANK].amount = 250  # a bonus issue leaves such holdings
    sell(exchange, "2", amount, "10", now=TOMORROW)
    assert exchange.orders["2"].status == status


def test_a_sale_pays_for_a_purchase_of_the_same_day() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"), cash=1010)
    buy(exchange, "1", 100, "10")
    sell(exchange, "2", 100, "10", now=TOMORROW)
    buy(exchange, "3", 100, "9.80", now=TOMORROW)
    assert exchange.orders["3"].status == "open"


def test_cash_freezes_at_the_worst_cost_and_comes_back_with_a_cancel() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 1000, "9")
    assert (exchange.ledger.frozen, exchange.ledger.cash) == (Decimal("9005.00"), Decimal("990995.00"))
    assert exchange.cancel("1", MORNING) is None
    assert statuses(exchange, "1") == ["new", "open", "canceling", "canceled"]
    assert (exchange.ledger.frozen, exchange.ledger.cash) == (0, 1000000)


def test_a_partly_filled_order_is_partly_canceled() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", SHARES_PER_STEP + 500, "10")
    assert exchange.cancel("1", MORNING) is None
    assert statuses(exchange, "1") == ["new", "open", "filling", "canceling", "partly_canceled"]
    assert (exchange.orders["1"].filled, exchange.orders["1"].canceled) == (SHARES_PER_STEP, 500)


def test_an_unknown_order_cannot_be_cancelled() -> None:
    assert "没有编号" in str(make_exchange(HandQuotes()).cancel("9", MORNING))


def test_a_finished_order_cannot_be_cancelled() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 100, "10")
    assert "已经结束" in str(exchange.cancel("1", MORNING))
    assert exchange.orders["1"].status == "filled"


def test_a_second_order_with_the_same_id_is_refused_and_the_first_one_stays() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 100, "9")
    assert "重复" in str(exchange.submit("1", BANK, True, 200, Decimal(9), MORNING))
    assert statuses(exchange, "1") == ["new", "open"]
    assert exchange.orders["1"].amount == 100


def test_open_orders_expire_at_the_day_change() -> None:
    quotes = HandQuotes(_000001="10")
    exchange = make_exchange(quotes)
    buy(exchange, "1", 100, "9")
    buy(exchange, "2", SHARES_PER_STEP + 100, "10")
    quotes.set("000001", "8")
    exchange.advance(TOMORROW)
    ends = {state.order_id: (str(state.status), state.text) for state in exchange.take_states()}
    assert ends["1"] == ("canceled", "收盘后未成交的委托自动撤销")
    assert ends["2"][0] == "partly_canceled"
    assert exchange.ledger.frozen == 0 and exchange.orders == {}


def test_an_id_can_be_used_again_the_next_day() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 100, "10")
    buy(exchange, "1", 100, "10", now=TOMORROW)
    assert exchange.orders["1"].status == "filled"


def test_the_market_is_always_open_unless_it_keeps_hours() -> None:
    sunday = datetime(2026, 7, 12, 3, 0)
    exchange = make_exchange(HandQuotes(_000001="10"))
    buy(exchange, "1", 100, "10", now=sunday)
    assert exchange.orders["1"].status == "filled"
    exchange = make_exchange(HandQuotes(_000001="10"), keep_hours=True)
    buy(exchange, "1", 100, "10", now=sunday)
    assert exchange.orders["1"].status == "rejected" and "不允许委托" in exchange.orders["1"].text


def test_a_market_that_keeps_hours_matches_what_came_before_the_open_at_the_open() -> None:
    exchange = make_exchange(HandQuotes(_000001="10"), keep_hours=True)
    early = TOMORROW.replace(hour=9, minute=26)
    buy(exchange, "1", 100, "10", now=early)
    exchange.advance(early + SECOND)
    assert exchange.orders["1"].status == "open"
    assert "不允许撤单" in str(exchange.cancel("1", early))
    exchange.advance(early.replace(minute=30))
    assert exchange.orders["1"].status == "filled"


def test_a_code_that_loses_its_quote_keeps_its_last_price() -> None:
    quotes = HandQuotes(_000001="10")
    exchange = make_exchange(quotes)
    buy(exchange, "1", 100, "10")
    quotes._quotes.clear()
    assert exchange.snapshot(MORNING).total == Decimal("999995.00")


def test_an_order_that_cannot_be_checked_leaves_no_trace() -> None:
    class Broken(HandQuotes):
        is_broken = True

        def get(self, code: str, now: datetime) -> Optional[Quote]:
            if self.is_broken:
                raise ValueError("no quote")
            return super().get(code, now)

    quotes = Broken(_000001="10")
    exchange = make_exchange(quotes)
    with pytest.raises(ValueError, match="no quote"):
        exchange.submit("1", BANK, True, 100, Decimal(10), MORNING)
    assert exchange.orders == {} and not exchange.has_news and exchange.ledger.frozen == 0
    quotes.is_broken = False
    buy(exchange, "1", 100, "10")
    assert statuses(exchange, "1") == ["new", "open", "filled"]


class SteadyQuotes(HandQuotes):
    """Prices that stand until they are set, and say so if `known`; counts how often they were asked for."""

    def __init__(self, known: bool) -> None:
        super().__init__(_000001="10", _688001="10")
        self.known = known
        self.asked = self.version = 0

    def moment(self, now: datetime) -> object:
        return self.version if self.known else object()

    def get(self, code: str, now: datetime) -> Optional[Quote]:
        self.asked += 1
        return super().get(code, now)


def step_through(known: bool, steps: List[Tuple[str, int, int, float]]) -> List[object]:
    """All states that come of `steps`, with the time of the look that found them."""
    quotes = SteadyQuotes(known)
    exchange = make_exchange(quotes, cash=10**7)
    now, seen = MORNING, []
    for number, (kind, amount, cents, seconds) in enumerate(steps):
        now += timedelta(seconds=seconds)
        code = (BANK, STAR)[cents % 2]
        if kind == "buy":
            exchange.submit(str(number), code, True, amount, Decimal(cents) / 100, now)
        elif kind == "cancel":
            exchange.cancel(str(amount // 100), now)
        elif kind == "price":
            quotes.version += 1
            quotes.set(code[:6], cents / 100, volume=amount if amount % 300 == 0 else None, bar=number)
        elif kind == "restart":
            old, exchange = exchange, make_exchange(quotes, cash=10**7)
            exchange.load(json.loads(json.dumps(old.dump())), list(old.orders.values()))
        else:
            exchange.advance(now)
        seen.append((now, exchange.take_states(), exchange.ledger.cash, exchange.ledger.frozen))
    for _ in range(8):
        now += SECOND
        exchange.advance(now)
        seen.append((now, exchange.take_states(), exchange.ledger.cash, exchange.ledger.frozen))
    return seen


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["buy", "buy", "buy", "cancel", "price", "restart", "look"]),
            st.sampled_from([100, 200, 300, 900, 1200, SHARES_PER_STEP + 100, 3 * SHARES_PER_STEP]),
            st.sampled_from([998, 999, 1000, 1001, 1002, 1003]),
            st.sampled_from([0, 0.4, 1, 2.5]),
        ),
        max_size=25,
    )
)
@example([("buy", 10100, 998, 0), ("buy", 30000, 1002, 0), ("price", 100, 998, 0)])  # who comes first stays first
def test_orders_that_have_met_a_quote_meet_it_again_only_where_that_can_fill_them(
    steps: List[Tuple[str, int, int, float]],
) -> None:
    assert step_through(True, steps) == step_through(False, steps)


def test_orders_that_rest_cost_nothing_while_the_quotes_stand() -> None:
    asked = []
    for count in (50, 100):
        quotes = SteadyQuotes(known=True)
        exchange = make_exchange(quotes, cash=10**7)
        for number in range(count):
            buy(exchange, str(number), 100, "9")
        exchange.advance(MORNING)
        asked.append(quotes.asked)
        exchange.advance(MORNING + SECOND)
        assert quotes.asked == asked[-1]
    assert asked == [51, 101]  # each when it comes, and once that of a look


def test_a_part_filled_order_of_an_earlier_process_is_filled_on_at_a_price_that_stands() -> None:
    quotes = SteadyQuotes(known=True)
    before = make_exchange(quotes)
    buy(before, "1", SHARES_PER_STEP + 100, "10")
    exchange = make_exchange(quotes)
    exchange.load(before.dump(), list(before.orders.values()))
    exchange.advance(MORNING)  # the next part comes a second after the one before
    assert exchange.orders["1"].filled == SHARES_PER_STEP
    exchange.advance(MORNING + SECOND)
    assert exchange.orders["1"].status == "filled"


def test_an_order_of_the_noon_break_meets_the_price_that_still_stands_when_trading_goes_on() -> None:
    exchange = make_exchange(SteadyQuotes(known=True), keep_hours=True)
    noon = MORNING.replace(hour=12)
    buy(exchange, "1", 100, "10", now=noon)
    exchange.advance(noon + SECOND)
    assert exchange.orders["1"].status == "open"
    exchange.advance(noon.replace(hour=13))
    assert exchange.orders["1"].status == "filled"


def test_an_order_meets_a_quote_once_more_if_a_look_at_the_quotes_failed_halfway() -> None:
    class FailsOnce(SteadyQuotes):
        fails = False

        def get(self, code: str, now: datetime) -> Optional[Quote]:
            if self.fails:
                self.fails = False
                raise ValueError("no quote")
            return super().get(code, now)

    quotes = FailsOnce(known=True)
    exchange = make_exchange(quotes)
    buy(exchange, "1", 100, "9")
    quotes.set("000001", "8")
    quotes.version, quotes.fails = 1, True
    with pytest.raises(ValueError, match="no quote"):
        exchange.advance(MORNING + SECOND)
    exchange.advance(MORNING + 2 * SECOND)
    assert exchange.orders["1"].status == "filled"
