"""What to say to those whose machine does not show Beijing's time."""

from datetime import timedelta
from typing import Optional

from jqtrade.clock import SystemClock
from jqtrade.options import Options

BEIJING = timedelta(hours=8)


def foreign_time(options: Options, clock: SystemClock) -> Optional[str]:
    """A warning if the strategy goes by another time than Beijing's and no option says that this is meant."""
    if options["timezone"] is not None or clock.utc_offset() == BEIJING:
        return None
    return (
        "这台机器的时区不是 UTC+8，选项 timezone 也没有设置：定时任务和文件日期都按本机时间 "
        f"{clock.now():%Y-%m-%d %H:%M:%S}。按北京时间运行请设置 set_options(timezone='Asia/Shanghai')"
    )
