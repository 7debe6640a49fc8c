# -*- coding: utf-8 -*-
"""演示策略：启动后马上下单、撤单、查询，任何时间都能看到完整的过程。

先用模拟交易运行：jqtrade start_task -c strategies/demo_strategy.py -n demo --paper
"""

from datetime import timedelta

BOUGHT = "000001.XSHE"
PATIENT = "600000.XSHG"

# 自己的全局变量。进程退出后就没有了，需要保留的请自己写到文件里
g = {}


def process_initialize(context):
    # 用模拟交易（--paper）时不需要资金账号；实盘时取消下面的注释，写上自己的账号和柜台类型
    # set_options(account_no="你的资金账号", counter_type="UM0")
    set_options(use_account=True, sync_internal=1)

    # 为了马上能看到结果，演示任务安排在启动后的几秒；真正的策略写 "open"、"10:00:00"、"every_minute"
    for seconds, job in ((2, buy), (4, cancel_patient_order), (6, show_result)):
        moment = context.current_dt + timedelta(seconds=seconds)
        run_daily(job, moment.strftime("%H:%M:%S"))
    run_daily(before_open, "before_open")
    run_daily(check, "every_minute")


def buy(context):
    log.info(f"可用资金 {context.portfolio.available_cash:.2f}，持仓 {list(context.portfolio.positions)}")
    # LimitOrderStyle(0) 表示按对手方最优价
    g["bought"] = order(BOUGHT, 200, LimitOrderStyle(0))
    # 价格低得不会成交，等着被撤
    g["patient"] = order(PATIENT, 100, LimitOrderStyle(0.01))


def cancel_patient_order(context):
    cancel_order(g["patient"])


def show_result(context):
    sync_orders()
    sync_balance()
    for one in get_orders():
        log.info(f"订单 {one.order_id} {one.code} {one.status} 成交 {one.filled_amount} 股，均价 {one.avg_cost} {one.err_msg}")
    portfolio = context.portfolio
    log.info(f"总资产 {portfolio.total_assert:.2f}，可用 {portfolio.available_cash:.2f}，冻结 {portfolio.locked_cash:.2f}")
    for code, position in portfolio.long_positions.items():
        log.info(f"持仓 {code} {position.amount} 股，可卖 {position.available_amount} 股，市值 {position.position_value:.2f}")


def before_open(context):
    log.info(f"开盘前：总资产 {context.portfolio.total_assert:.2f}")


def check(context):
    log.info(f"每分钟检查，未完成的订单 {len(get_orders(status='open'))} 笔")


def on_order_update(context, order):
    log.info(f"订单变化 {order.order_id} {order.code} {order.status} {order.filled_amount}/{order.amount}")
