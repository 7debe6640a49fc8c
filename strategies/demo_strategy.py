# -*- coding: utf-8 -*-
"""演示策略：启动后几秒之内，看到委托、成交、撤单、废单和账户。任何时间都能运行。

    jqtrade start_task -c strategies/demo_strategy.py -n demo --paper

不加 --paper 时它不会启动，因为没有写资金账号。它会真的下单，第一次请不要连接真实账户。
"""

from datetime import datetime, time, timedelta

FILLED = "000001.XSHE"  # 这一笔会成交
WAITING = "600000.XSHG"  # 这一笔价格太低，等不到成交，之后撤掉

# 全局变量用来在几个函数之间传递数据。进程退出后就没有了，要保留的请写到文件里（见 grid_strategy.py）
g = {}


def process_initialize(context):
    # 演示用 1 秒同步一次，默认是 5 秒
    set_options(sync_internal=1)

    # 演示任务排在启动后的第 1、2、4 秒。真正的策略写 "open"、"10:00:00"、"every_minute" 这样的时间
    start = first_second(context)
    run_daily(send_orders, at(start, 1))
    run_daily(cancel_waiting, at(start, 2))
    run_daily(show_account, at(start, 4))

    run_daily(before_open, "before_open")  # 09:00:00
    run_daily(look, "every_minute")  # 交易时间里每分钟


def first_second(context):
    """从哪一秒开始演示。"""
    # 账户在第一次用到时加载。先加载好再算时间，慢的机器上几步之间才有间隔
    sync_orders()
    start = context.current_dt.replace(microsecond=0) + timedelta(seconds=1)
    midnight = datetime.combine(start.date() + timedelta(days=1), time())
    # 订单按天列出。三步若会跨过零点，就从零点开始，让它们落在同一天
    if start + timedelta(seconds=4) >= midnight:
        return midnight
    return start


def at(start, seconds):
    """start 之后若干秒，写成 run_daily 认识的样子。"""
    return (start + timedelta(seconds=seconds)).strftime("%H:%M:%S")


def send_orders(context):
    log.info(f"第一步：下单。可用资金 {context.portfolio.available_cash:.2f} 元")
    # 先看今天有没有下过单，重启之后才不会重复下单
    if get_orders():
        log.info("今天已经下过单，不再下单。想从头再看一遍，启动时加上 --fresh")
        return
    # 价格 0 表示按对手方最优价：买入用卖一价，卖出用买一价
    g["filled"] = order(FILLED, 200, LimitOrderStyle(0))
    g["waiting"] = order(WAITING, 100, LimitOrderStyle(0.01))
    # 钱不够，券商会拒绝
    g["refused"] = order(WAITING, 1000000, LimitOrderStyle(0))


def cancel_waiting(context):
    log.info("第二步：撤掉没有成交的订单")
    for one in get_orders(code=WAITING, status="open"):
        cancel_order(one.order_id)


def show_account(context):
    log.info("第三步：查询")
    # 平时不用自己同步，jqtrade 定时在做。想马上看到最新的，可以这样
    sync_orders()
    sync_balance()
    for one in get_orders():
        log.info(
            f"订单 {one.order_id} {one.code} 委托 {one.amount} 股，{one.status}，"
            f"成交 {one.filled_amount} 股，均价 {one.avg_cost:.2f} {one.err_msg}"
        )
    portfolio = context.portfolio
    log.info(f"账户：总资产 {portfolio.total_asset:.2f}，可用资金 {portfolio.available_cash:.2f}")
    for code, position in portfolio.long_positions.items():
        log.info(
            f"持仓：{code} {position.amount} 股，可卖 {position.available_amount} 股（今天买的明天才能卖），"
            f"市值 {position.position_value:.2f}"
        )
    log.info("演示结束，任务继续运行。按 Ctrl+C 停止")


def before_open(context):
    log.info(f"开盘前：总资产 {context.portfolio.total_asset:.2f}")


def look(context):
    log.info(f"每分钟：未成交的订单 {len(get_orders(status='open'))} 笔")


def on_order_update(context, order):
    """订单有变化时 jqtrade 会调用它。可以不写。"""
    log.info(f"订单变化：{order.order_id} {order.code} {order.status} {order.err_msg}")


def process_exit(context):
    """任务正常停止时 jqtrade 会调用它。可以不写。"""
    log.info("再见")
