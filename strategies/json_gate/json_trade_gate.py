# -*- coding: utf-8 -*-
"""一个完整的小交易接口：订单写成 JSON 文件，由另一个程序交给券商。说明见 docs/trade_gate.md。

选项 json_dir 指定文件夹。每天一个子文件夹，例如 20260105/：

    orders/订单号.json     我们写：一笔委托
    cancels/订单号.json    我们写：一笔撤单
    reports/订单号.json    对方写：这笔订单现在怎样
    balance.json           对方写：资金和持仓
"""

import json
import os
from datetime import datetime

from jqtrade.account import AbsTradeGate
from jqtrade.errors import InvalidParam, OrderNotSent, OrderUncertain, TradeGateError

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


class JsonTradeGate(AbsTradeGate):
    """经过一个文件夹的交易接口。"""

    # 自己的选项。写在这里，set_options(json_dir=...) 才不会有警告
    OPTIONS = ["json_dir"]

    def setup(self, options):
        """收下选项，检查能不能用。不能用就报错，任务不会启动。"""
        self._root = options.get("json_dir")
        if not self._root or not os.path.isdir(self._root):
            raise InvalidParam(f"json_dir={self._root!r} 不是文件夹")

    def check_order(self, order):
        """记录和发出之前先问一句：这种订单我能不能送。"""
        if order.style.name != "limit":
            raise InvalidParam("这个交易接口只支持限价单。没有发出")

    def order(self, order):
        """发出一笔委托。正常返回表示已经发出。"""
        content = {
            "order_id": order.order_id,
            "code": order.code,
            "action": str(order.action),
            "amount": order.amount,
            "price": order.price,
            "create_time": order.create_time.strftime(TIME_FORMAT),
        }
        path = self._path(order.create_time, "orders", order.order_id)
        try:
            write_json(path, content)
        except OSError as error:
            # 出错时要分清：确实没有发出，还是说不准。说不准的订单保持 new，等对方的消息
            if self.was_sent(order) is False:
                raise OrderNotSent(f"写文件失败：{error}") from error
            raise OrderUncertain(f"写文件时出错：{error}") from error

    def cancel_order(self, order_id):
        """请求撤单。抛出错误表示没有发出请求。"""
        write_json(self._path(self.clock.now(), "cancels", order_id), {"order_id": order_id})

    def sync_orders(self):
        """今天的订单现在怎样。每个文件是一笔订单的最新状态。"""
        folder = os.path.join(self._day(self.clock.now()), "reports")
        if not os.path.isdir(folder):
            return []
        return [
            read_report(os.path.join(folder, name)) for name in sorted(os.listdir(folder)) if name.endswith(".json")
        ]

    def sync_balance(self):
        """资金和持仓。文件里的内容就是 AbsTradeGate 规定的样子，jqtrade 会检查每个字段。"""
        return read_json(os.path.join(self._day(self.clock.now()), "balance.json"))

    def was_sent(self, order):
        """上次运行中断之后，jqtrade 用它来问：这笔发出了吗？说不准就返回 None。"""
        return self._exists(self._path(order.create_time, "orders", order.order_id))

    def knows_order_id(self, order_id):
        """今天已经有人用过的订单号，jqtrade 不会再用。"""
        return self._exists(self._path(self.clock.now(), "orders", order_id)) is True

    def _exists(self, path):
        try:
            os.stat(path)
        except FileNotFoundError:
            return False
        except OSError:
            return None
        return True

    def _day(self, moment):
        # 时间用 self.clock 的，不要用 datetime.now()：测试和回放时时间是假的，时区也可能不同
        return os.path.join(self._root, moment.strftime("%Y%m%d"))

    def _path(self, moment, kind, order_id):
        return os.path.join(self._day(moment), kind, order_id + ".json")


def write_json(path, content):
    """写一个文件，别的程序看到的不是没有，就是完整的。"""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".part", "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".part", path)


def read_report(path):
    """读一笔回报。内容有错也原样返回：jqtrade 会在日志里指出哪个字段不对，其余的订单照常。"""
    report = read_json(path)
    try:
        report["create_time"] = datetime.strptime(report["create_time"], TIME_FORMAT)
    except (KeyError, TypeError, ValueError):
        pass
    return report


def read_json(path):
    """读一个文件；没有或不完整时抛出 TradeGateError，jqtrade 会保留上一次的数据，过一会儿再试。"""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError) as error:
        raise TradeGateError(f"读不了 {path}：{error}") from error
