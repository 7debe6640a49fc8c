# -*- coding: utf-8 -*-
"""策略旁边的辅助模块：什么时候该卖，怎么卖。

策略文件里的 order、log 等名字是 jqtrade 放进去的，别的模块要这样导入，编辑器也会认识它们。
"""
# ruff: noqa: F403, F405

from jqtrade.api import *


def reason_to_sell(position, stop_loss, take_profit):
    """这只持仓该卖的原因，不该卖就是 None。

    stop_loss、take_profit 是比例：0.05 表示亏 5%、赚 5%。只做计算，不下单，所以容易测试。
    """
    if position.avg_cost <= 0 or position.last_price <= 0:  # 没有成本或价格，无法判断
        return None
    change = position.last_price / position.avg_cost - 1
    if change <= -stop_loss:
        return f"亏损 {-change:.1%}，止损"
    if change >= take_profit:
        return f"盈利 {change:.1%}，止盈"
    return None


def sold_today(code):
    """今天有没有卖过：还没结束的卖单，或成交过的卖单。"""
    return any(
        one.action == "close" and (not one.status.is_final or one.filled_amount > 0) for one in get_orders(code=code)
    )


def sell_all(position):
    """把能卖的都卖掉，返回订单号；没有下单时返回 None。"""
    if position.available_amount == 0:
        log.info(f"{position.code} 今天没有可卖的")
        return None
    if sold_today(position.code):
        return None
    # 比最新价低 1%，容易成交
    price = round(position.last_price * 0.99, 3 if position.code[0] in "15" else 2)
    return order(position.code, -position.available_amount, LimitOrderStyle(price))
