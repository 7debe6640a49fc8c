"""Why the exchange refuses an order: one function for each kind of reason. Each returns it in Chinese, or None."""

from datetime import date
from decimal import Decimal
from typing import Optional

from jqtrade.market.boards import Board
from jqtrade.market.price_rules import cage_range, limit_range
from jqtrade.market.quotes import Quote
from jqtrade.market.rules import HIGHEST_AMOUNT, HIGHEST_PRICE
from jqtrade.market.sessions import CONTINUOUS, FIXED_PRICE, HOLIDAY, Session
from jqtrade.paper.ledger import Holding, Ledger, worst_cost
from jqtrade.paper.paper_order import PaperOrder

_ZERO = Decimal(0)
BEIJING = "XBSE"


def security_objection(code: str, board: Optional[Board], quote: Optional[Quote]) -> Optional[str]:
    """Nobody trades it, or not today, or not from here."""
    if board is None or quote is None:
        return f"证券代码 {code} 不存在或没有行情"
    if board.exchange == BEIJING:
        return f"证券代码 {code}：北交所的证券不能通过这个柜台交易"
    if quote.paused:
        return f"证券 {code} 停牌，不能委托"
    return None


def order_objection(
    order: PaperOrder, limit: Decimal, board: Board, quote: Quote, session: Session, ledger: Ledger, keeps_hours: bool
) -> Optional[str]:
    """Why an order at `limit` of a security that is traded is refused now; price limits and cage only with hours."""
    moment, is_buy = order.created, order.is_buy
    reason = form_objection(order.amount, limit, board)
    if reason is None and session.kind == HOLIDAY:
        reason = f"{moment:%Y-%m-%d} 不是交易日，不允许委托"
    if reason is None and not session.submit:
        reason = f"当前时间 {moment:%H:%M:%S} 不允许委托"
    if reason is None and limit != 0 and keeps_hours:
        limit = limit.quantize(board.tick)  # only its looks change: 20 becomes 20.00
        reason = limit_objection(limit, board, order.code, moment.date(), quote)
        if reason is None and session.kind == CONTINUOUS:
            reason = cage_objection(is_buy, limit, board, moment.date(), quote)
        reason = reason or fixed_price_objection(session, is_buy, limit, quote)
    if reason is not None:
        return reason
    if is_buy:
        return buy_objection(order.amount, limit or quote.buy_price, board, ledger)
    return sell_objection(order.code, order.amount, board, ledger)


def form_objection(amount: int, limit: Decimal, board: Board) -> Optional[str]:
    """It is wrong at any time and price."""
    if not 0 < amount <= HIGHEST_AMOUNT:
        return f"委托数量 {amount} 超出范围"
    if amount > board.max_limit_amount:
        return f"委托数量 {amount} 超过{board.name}限价委托单笔上限 {board.max_limit_amount}"
    if not 0 <= limit <= HIGHEST_PRICE:
        return f"委托价格 {limit} 超出范围"
    if limit % board.tick != 0:
        return f"委托价格 {limit} 不是最小变动单位 {board.tick} 的整数倍"
    return None


def limit_objection(limit: Decimal, board: Board, code: str, day: date, quote: Quote) -> Optional[str]:
    """Its price is outside the day's limits."""
    low, high = limit_range(board, code, day, quote)
    if high is not None and limit > high:
        return f"委托价格 {limit} 高于涨停价 {high}"
    if low is not None and limit < low:
        return f"委托价格 {limit} 低于跌停价 {low}"
    return None


def cage_objection(is_buy: bool, limit: Decimal, board: Board, day: date, quote: Quote) -> Optional[str]:
    """Its price is worse than continuous trading allows."""
    low, high = cage_range(board, day, quote)
    if is_buy and high is not None and limit > high:
        return f"委托价格 {limit} 超出有效申报价格范围（价格笼子）：买入不得高于 {high}"
    if not is_buy and low is not None and limit < low:
        return f"委托价格 {limit} 超出有效申报价格范围（价格笼子）：卖出不得低于 {low}"
    return None


def fixed_price_objection(session: Session, is_buy: bool, limit: Decimal, quote: Quote) -> Optional[str]:
    """It cannot be filled at the close, the one price of the session after it."""
    if session.kind == FIXED_PRICE and (limit < quote.last if is_buy else limit > quote.last):
        side = "买入限价低于" if is_buy else "卖出限价高于"
        return f"委托价格 {limit} 错误：盘后固定价格交易按收盘价 {quote.last} 成交，{side}收盘价"
    return None


def buy_objection(amount: int, limit: Decimal, board: Board, ledger: Ledger) -> Optional[str]:
    """It is no lot, or costs more than there is."""
    if amount < board.min_amount or amount % board.step:
        return _lot_text("买入", amount, board)
    cost = worst_cost(board, limit, amount, rates=ledger.rates)
    if cost > ledger.cash:
        return f"可用资金不足：需要 {cost:.2f} 元，可用 {ledger.cash:.2f} 元"
    return None


def sell_objection(code: str, amount: int, board: Board, ledger: Ledger) -> Optional[str]:
    """There are not so many shares to sell today, or it would split an odd lot."""
    holding = ledger.holdings.get(code) or Holding(code, _ZERO)
    available = holding.available
    if amount > available:
        text = f"可用股份不足：委托卖出 {amount} 股，可用 {available} 股"
        if holding.bought_today:
            text += f"，当日买入的 {holding.bought_today} 股下一交易日才能卖出（T+1）"
        return text
    if amount == available or amount % board.step == 0 and amount >= board.min_amount:
        return None
    if board.step > 1 and amount % board.step == available % board.step:
        return None
    return _lot_text("卖出", amount, board) + "；不足一手的零股须一次性卖出"


def _lot_text(verb: str, amount: int, board: Board) -> str:
    rule = f"应为 {board.step} 的整数倍" if board.step > 1 else f"应不少于 {board.min_amount} 股"
    return f"委托数量错误：{board.name}{verb} {amount} 股，{rule}"
