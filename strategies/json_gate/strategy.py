# -*- coding: utf-8 -*-
"""用自己的交易接口：旁边的 json_trade_gate.py。说明见 docs/trade_gate.md。

jqtrade start_task -c strategies/json_gate/strategy.py -n json_demo -e JSON_DIR=/path/to/folder
"""

import os

from json_trade_gate import JsonTradeGate


def process_initialize(context):
    # trade_gate 可以是类，也可以是字符串 "json_trade_gate.JsonTradeGate"
    set_options(trade_gate=JsonTradeGate, json_dir=os.environ["JSON_DIR"])
    run_daily(buy_once, "open+1m")


def buy_once(context):
    if not get_orders(code="510300.XSHG"):
        order("510300.XSHG", 100, LimitOrderStyle(4))


def on_order_update(context, order):
    log.info(f"订单 {order.order_id} {order.status}，成交 {order.filled_amount} 股 {order.err_msg}")
