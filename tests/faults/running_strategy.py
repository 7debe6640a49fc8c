"""Orders as fast as it can, half a second in each second, under the real start_task; told to the diary as in ordering_task.

JQTRADE_FAULTS_WORLD (start_task -e) holds {"root", "folder", "name", "options"} as JSON, in hexadecimal.
"""
# ruff: noqa: F821

import json
import os
import sys
import time
from datetime import timedelta

settings = json.loads(bytes.fromhex(os.environ["JQTRADE_FAULTS_WORLD"]).decode())
sys.path.insert(0, settings["root"])

from tests.faults.ordering_task import Diary, outcome_of  # noqa: E402

diary = Diary(os.path.join(settings["folder"], settings["name"] + ".told"))


def process_initialize(context):
    set_options(**settings["options"])
    for second in range(1, 600):
        run_daily(work, (context.current_dt + timedelta(seconds=second)).strftime("%H:%M:%S"))
    diary.tell("life")
    diary.tell("known", [[one.order_id, one.price, str(one.status), one.err_msg] for one in get_orders()])
    send(2)


def send(count):
    for _ in range(count):
        diary.last += 1
        diary.tell("ask", diary.last)
        diary.tell("got", diary.last, *outcome_of(order, settings["name"], diary.last, LimitOrderStyle))


def work(context):
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        send(1)
        time.sleep(0.01)


def process_exit(context):
    send(1)
