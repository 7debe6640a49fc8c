# -*- coding: utf-8 -*-
"""调仓策略：每天把几只股票调到目标比例。先卖后买，每只股票一天最多调一次。

演练（价格来自旁边的 quotes.csv，里面是样例）：

    jqtrade start_task -c strategies/rebalance_strategy.py -n rebalance --paper -e QUOTES_MAX_AGE=1e9

环境变量：
    QUOTES          行情文件，默认是旁边的 quotes.csv，至少有 code 和 last 两列
    QUOTES_MAX_AGE  行情文件最多几秒没有更新，默认 60。太旧的价格不能用来下单

jqtrade 不提供行情。实盘时请让你的行情程序不断更新这个文件，或者改写 read_prices。

不能用 jqtrade replay 回放：行情文件里只有现在的价格，没有过去每一天的，它的新旧看的也是电脑的时钟，所以回放时不下单
（把 QUOTES_MAX_AGE 写得很大，用的就是今天的价格，结果没有意义）。要回放，请把 read_prices 改成按 context.current_dt 取当时的价格。
"""

import csv
import os
import time

HERE = os.path.dirname(os.path.abspath(__file__))
QUOTES = os.environ.get("QUOTES") or os.path.join(HERE, "quotes.csv")
QUOTES_MAX_AGE = float(os.environ.get("QUOTES_MAX_AGE") or 60)

# 目标：每只股票占总资产的比例。写 0 表示全部卖出；没有写的股票不动
WEIGHTS = {
    "000001.XSHE": 0.30,
    "000333.XSHE": 0.30,
    "600036.XSHG": 0.30,
    "600519.XSHG": 0,
}
SLIPPAGE = 0.01  # 限价比最新价让出 1%，容易成交，又不超过交易所 2% 的限制
CASH_TO_KEEP = 0.02  # 留下 2% 的资金付手续费
LOT = 100


def process_initialize(context):
    # paper_quotes 只在 --paper 时有用：模拟交易所和策略看同一个行情文件
    # 实盘再加上 account_no、counter_type、order_dir
    set_options(use_account=True, paper_quotes=QUOTES)
    set_options(paper_max_quote_age=None)  # 样例的价格是手写的，多旧都算；行情由程序更新的，请去掉这一行
    run_daily(sell, "open+5m")
    run_daily(buy, "open+10m")  # 等卖出成交，资金回来
    run_daily(cancel_rest, "open+30m")


def sell(context):
    """卖出多出来的。"""
    orders = []
    for code, change, price in changes(context):
        if change < 0:
            # 卖价让出 1%。T+1：只能卖 available_amount
            amount = min(-change, context.portfolio.long_positions[code].available_amount)
            orders.append({"code": code, "amount": -amount, "style": limit(code, price * (1 - SLIPPAGE))})
    submit(orders)


def buy(context):
    """买入不够的，钱不够就少买。"""
    cash = context.portfolio.available_cash - context.portfolio.total_asset * CASH_TO_KEEP
    orders = []
    for code, change, price in changes(context):
        if change > 0:
            style = limit(code, price * (1 + SLIPPAGE))
            affordable = int(max(0, cash) / style.limit_price) // LOT * LOT
            amount = min(change, affordable)
            cash -= amount * style.limit_price
            orders.append({"code": code, "amount": amount, "style": style})
    submit(orders)


def submit(orders):
    """一起发出。数量算出来是 0 的去掉，order 不接受 0。"""
    orders = [one for one in orders if one["amount"] != 0]
    if not orders:
        log.info("没有要下的单")
        return
    for one, order_id in zip(orders, batch_submit_orders(orders)):
        if order_id is None:  # 这一笔没有发出，其余的不受影响；原因在日志和 get_orders() 的 err_msg 里
            log.warning(f"{one['code']} 没有发出")


def changes(context):
    """每只要调的股票：代码、差多少股（正数要买，负数要卖）、最新价。"""
    # 资金和持仓太久没有更新（比如 One Quant 没有开），不能据此下单
    portfolio = context.portfolio
    age = (context.current_dt - portfolio.updated_time).total_seconds()
    if age > 60:
        log.error(f"资金和持仓已经 {age:.0f} 秒没有更新，不调仓")
        return []
    prices = read_prices()
    result = []
    for code, weight in WEIGHTS.items():
        if code not in prices:
            log.error(f"{code} 没有可用的价格，跳过")
        elif already_ordered(code):
            log.info(f"{code} 今天已经下过单，跳过")
        else:
            held = portfolio.long_positions[code].amount  # 没有持仓时是 0
            target = int(portfolio.total_asset * weight / prices[code]) // LOT * LOT
            change = target - held
            if abs(change) >= LOT or target == 0:  # 不满一手的差别不管；清仓时零股要一次卖完
                result.append((code, change, prices[code]))
    return result


def already_ordered(code):
    """今天这只股票有没有还在路上的订单，或成交过的订单。重启之后也查得到，所以不会重复下单。"""
    return any(not one.status.is_final or one.filled_amount > 0 for one in get_orders(code=code))


def limit(code, price):
    """限价单。股票的最小价差是 0.01 元，基金是 0.001 元。"""
    return LimitOrderStyle(round(price, 3 if code[0] in "15" else 2))


def read_prices():
    """读行情文件，返回 {代码: 最新价}；文件太旧时返回空字典。"""
    age = time.time() - os.path.getmtime(QUOTES)
    if age > QUOTES_MAX_AGE:
        log.error(f"行情文件 {QUOTES} 已经 {age:.0f} 秒没有更新，不能用来下单")
        return {}
    with open(QUOTES, encoding="utf-8") as file:
        prices = {row["code"]: float(row["last"]) for row in csv.DictReader(file)}
    return {code: price for code, price in prices.items() if price > 0}


def cancel_rest(context):
    """半小时后撤掉没有成交的，只撤 WEIGHTS 里的股票。"""
    batch_cancel_orders([one.order_id for one in get_orders() if one.code in WEIGHTS and not one.status.is_final])
