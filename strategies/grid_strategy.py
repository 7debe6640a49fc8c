# -*- coding: utf-8 -*-
"""网格策略：一只基金，跌一格买一份，涨一格卖一份。进度写在 JSON 文件里，重启后接着做。

演练（改 quotes.csv 里 510300 的价格，看它买卖）：

    jqtrade start_task -c strategies/grid_strategy.py -n grid --paper -e GRID_STATE=grid_paper.json

实盘的进度文件要和演练的分开，用环境变量 GRID_STATE 指定；默认是旁边的 grid_state.json。

做法：任何时候最多挂两笔限价单，下一格的买单和上一格的卖单。不需要行情，挂着等成交。
"""

import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
STATE = os.environ.get("GRID_STATE") or os.path.join(HERE, "grid_state.json")

CODE = "510300.XSHG"
CENTER = 4.000  # 中心价。实盘请改成合适的价格
STEP = 0.01  # 一格 1%
SHARES = 1000  # 一格买卖多少股，100 的倍数
MAX_LEVELS = 10  # 最多买几格，之后只等着卖
TICK_DECIMALS = 3  # 基金的价格有 3 位小数，股票 2 位
MAX_REJECTED = 3  # 一个方向一天被拒绝几次就不再试


def process_initialize(context):
    # 实盘再加上 account_no、counter_type、order_dir
    set_options(use_account=True, paper_quotes=os.environ.get("QUOTES") or os.path.join(HERE, "quotes.csv"))
    set_options(paper_max_quote_age=None)  # 演练的价格是手写的，多旧都算；行情由程序更新的，请去掉这一行
    run_daily(check, "every_minute")
    if SHARES % 100 != 0:
        raise ValueError("SHARES 应为 100 的倍数")
    read_state()  # 进度文件有问题就不启动
    log.info(f"网格的进度写在 {STATE}")


def price_of(level):
    """第几格的价格；0 是中心，正数在下面。"""
    return round(CENTER * (1 - STEP) ** level, TICK_DECIMALS)


def check(context):
    """每分钟：把新的成交记下来，再让挂着的单子和进度一致。"""
    portfolio = context.portfolio
    age = (context.current_dt - portfolio.updated_time).total_seconds()
    if age > 60:
        log.error(f"持仓已经 {age:.0f} 秒没有更新，这一分钟不动")
        return
    state = load_state(context)
    count_fills(state, get_orders(code=CODE))
    save_state(state)

    net = state["net"]  # 网格自己手里的股数
    level = net // SHARES
    buy_amount = (level + 1) * SHARES - net if level < MAX_LEVELS else 0
    keep_order("open", price_of(level + 1), buy_amount)
    if net % SHARES:  # 这一格只买到一部分，先把这部分挂在上一格卖
        sell_price, sell_amount = price_of(level), net % SHARES
    else:
        sell_price, sell_amount = price_of(level - 1), min(SHARES, net)
    keep_order("close", sell_price, min(sell_amount, sellable(portfolio)))


def sellable(portfolio):
    """今天还能卖多少股：可用的，加上已经挂在自己卖单里的。"""
    waiting = sum(one.amount - one.filled_amount for one in unfinished("close"))
    return portfolio.long_positions[CODE].available_amount + waiting


def unfinished(action):
    """这个方向还没有结束的订单。action：open 买入，close 卖出。"""
    return [one for one in get_orders(code=CODE) if one.action == action and not one.status.is_final]


def keep_order(action, price, amount):
    """让这个方向刚好挂着一笔 amount 股、价格 price 的单子。"""
    amount = amount // 100 * 100
    waiting = unfinished(action)
    for one in waiting:
        # 不对的撤掉，撤完之前不再下单，下一分钟再看
        if (one.price != price or one.amount - one.filled_amount > amount) and one.status != "canceling":
            cancel_order(one.order_id)
    if waiting or amount == 0:
        return
    rejected = [one for one in get_orders(code=CODE, status="rejected") if one.action == action]
    if len(rejected) >= MAX_REJECTED:
        log.error(f"{CODE} 今天已被拒绝 {len(rejected)} 次，不再下单：{rejected[-1].err_msg}")
        return
    order(CODE, amount if action == "open" else -amount, LimitOrderStyle(price))


def count_fills(state, orders):
    """把新的成交加到 net 里。每笔订单算到第几股也记着，所以一股成交不会算两次。"""
    for one in orders:
        new = one.filled_amount - state["counted"].get(one.order_id, 0)
        if new:
            state["net"] += new if one.is_buy else -new
            state["counted"][one.order_id] = one.filled_amount
            log.info(f"网格成交 {'买入' if one.is_buy else '卖出'} {new} 股，手里 {state['net']} 股")


def load_state(context):
    """读进度；今天还没有下过单时，用账户的持仓核对。"""
    today = context.current_dt.strftime("%Y-%m-%d")
    held = context.portfolio.long_positions[CODE].amount
    state = read_state()
    if state is None:
        # 第一次运行：账户里原来就有的不归网格管
        state = {"code": CODE, "center": CENTER, "base": held, "net": 0, "day": today, "counted": {}}
    if state["day"] != today:
        state["day"], state["counted"] = today, {}
    if not get_orders(code=CODE) and held - state["base"] != state["net"]:
        # 上次停下之后还有成交，或者手工买卖过
        log.warning(f"持仓 {held} 股与进度不符，网格手里的股数从 {state['net']} 改为 {max(0, held - state['base'])}")
        state["net"] = max(0, held - state["base"])
        state["base"] = held - state["net"]
    return state


def read_state():
    """进度文件的内容，没有文件时是 None。"""
    try:
        with open(STATE, encoding="utf-8") as file:
            state = json.load(file)
    except FileNotFoundError:
        return None
    if (state["code"], state["center"]) != (CODE, CENTER):
        raise ValueError(f"{STATE} 是另一个网格的进度（{state['code']}，中心价 {state['center']}），请换一个文件")
    return state


def save_state(state):
    """先写到别的文件再换名：什么时候断电，进度文件都是完整的。"""
    part = STATE + ".part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(state, file, ensure_ascii=False, indent=2)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, STATE)


def process_exit(context):
    count = len(unfinished("open") + unfinished("close"))
    if count:
        log.info(f"还挂着 {count} 笔订单，它们仍然有效。今天重新启动（用同一个名称）会接着管")
