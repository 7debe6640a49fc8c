# -*- coding: utf-8 -*-
"""止损止盈：每分钟看一遍持仓，亏 5% 或赚 20% 就卖出。判断和下单写在旁边的 signals.py 里。

    jqtrade start_task -c strategies/helper_strategy/strategy.py -n stop_loss --paper

它只卖不买：持仓由你自己或别的策略买入。刚开始的模拟账户没有持仓，所以演练时什么也不会卖。
"""

import signals

STOP_LOSS = 0.05
TAKE_PROFIT = 0.20
EXCEPT = []  # 不管的股票，例如 ["600519.XSHG"]


def process_initialize(context):
    # 实盘再加上 account_no、counter_type、order_dir
    set_options(use_account=True)
    run_daily(watch, "every_minute")


def watch(context):
    age = (context.current_dt - context.portfolio.updated_time).total_seconds()
    if age > 60:
        log.error(f"持仓已经 {age:.0f} 秒没有更新，价格也是旧的，这一分钟不动")
        return
    for code, position in context.portfolio.long_positions.items():
        if code in EXCEPT:
            continue
        reason = signals.reason_to_sell(position, STOP_LOSS, TAKE_PROFIT)
        if reason:
            order_id = signals.sell_all(position)
            if order_id:
                log.warning(f"卖出 {code}：{reason}，订单 {order_id}")
