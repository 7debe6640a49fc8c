# 生成本目录的示例行情 daily.csv 和 minute.csv：价格是编造的，形状、列名与聚宽 get_price(..., panel=False) 导出的一样。
# 用法：python make_bars.py [目录]。种子固定，每次生成的文件一字不差。
"""Write the sample bars: daily ones of half a year, and minute ones of two codes for the week after."""

import os
import random
import sys
from datetime import date, timedelta
from typing import Dict, Iterator, List, Tuple

SEED = 20260105
FIRST_DAY = date(2026, 1, 5)
LAST_DAY = date(2026, 7, 3)
MINUTE_DAYS = [date(2026, 7, day) for day in range(6, 11)]
HOLIDAYS = (
    [date(2026, 2, day) for day in (16, 17, 18, 19, 20, 23)]
    + [date(2026, 4, 6)]
    + [date(2026, 5, day) for day in (1, 4, 5)]
    + [date(2026, 6, 19)]
)
# 代码：第一天之前的收盘价（单位：最小价位）、最小价位的小数位数、涨跌停比例、日成交量
CODES = {
    "000001.XSHE": (1115, 2, 0.10, 90000000),
    "000333.XSHE": (7480, 2, 0.10, 30000000),
    "300750.XSHE": (36000, 2, 0.20, 20000000),
    "600000.XSHG": (1195, 2, 0.10, 60000000),
    "600036.XSHG": (4205, 2, 0.10, 50000000),
    "600519.XSHG": (147600, 2, 0.10, 2500000),
    "688981.XSHG": (12000, 2, 0.20, 40000000),
    "510300.XSHG": (3990, 3, 0.10, 700000000),
    "159915.XSHE": (3150, 3, 0.20, 900000000),
    "511880.XSHG": (100450, 3, 0.10, 15000000),
}
QUIET = "511880.XSHG"
"""货币基金，几乎不动"""
MINUTE_CODES = ("000001.XSHE", "510300.XSHG")
SUSPENDED = {("600000.XSHG", date(2026, 3, day)) for day in (10, 11, 12)}
MINUTES = list(range(571, 691)) + list(range(781, 901))
DAILY_COLUMNS = "time,code,open,close,high,low,volume,money,pre_close,high_limit,low_limit,paused"
MINUTE_COLUMNS = "time,code,open,close,high,low,volume,money"


def trading_days() -> List[date]:
    days = [FIRST_DAY + timedelta(days=number) for number in range((LAST_DAY - FIRST_DAY).days + 1)]
    return [day for day in days if day.weekday() < 5 and day not in HOLIDAYS]


def shown(ticks: int, decimals: int) -> str:
    return f"{ticks / 10**decimals:.{decimals}f}"


def limits(close: int, rate: float) -> Tuple[int, int]:
    """Half up to the tick, in whole numbers."""
    percent = round(rate * 100)
    return (close * (100 - percent) * 2 + 100) // 200, (close * (100 + percent) * 2 + 100) // 200


def daily_rows(chance: random.Random, closes: Dict[str, int]) -> Iterator[str]:
    for day in trading_days():
        for code, (_, decimals, rate, usual) in CODES.items():
            close = closes[code]
            low_limit, high_limit = limits(close, rate)
            wide = 0.0001 if code == QUIET else rate / 10
            opened = round(close * (1 + chance.gauss(0, wide / 3)))
            ended = round(opened * (1 + chance.gauss(0.0004, wide)))
            opened, ended = [min(max(price, low_limit), high_limit) for price in (opened, ended)]
            high = min(high_limit, round(max(opened, ended) * (1 + abs(chance.gauss(0, wide / 2)))))
            low = max(low_limit, round(min(opened, ended) * (1 - abs(chance.gauss(0, wide / 2)))))
            volume = round(usual * chance.uniform(0.5, 1.6) / 100) * 100
            paused = (code, day) in SUSPENDED
            if paused:
                opened = ended = high = low = close
                volume = 0
            prices = [shown(price, decimals) for price in (opened, ended, high, low)]
            money = volume * (opened + ended) / 2 / 10**decimals
            bounds = [shown(price, decimals) for price in (close, high_limit, low_limit)]
            fields = [str(day), code] + prices + [f"{volume}.0", f"{money:.1f}"] + bounds + [f"{int(paused)}.0"]
            yield ",".join(fields)
            closes[code] = ended


def minute_rows(chance: random.Random, closes: Dict[str, int]) -> Iterator[str]:
    for day in MINUTE_DAYS:
        for code in MINUTE_CODES:
            _, decimals, _, usual = CODES[code]
            price = round(closes[code] * (1 + chance.gauss(0, 0.003)))
            for minute in MINUTES:
                in_auction = minute in (898, 899)  # 14:57 之后集合竞价，到 15:00 才有成交
                opened = price if minute in (571, 781) or in_auction else price + chance.choice([-1, 0, 0, 1])
                ended = opened if in_auction else opened + chance.choice([-2, -1, -1, 0, 0, 1, 1, 2])
                high = max(opened, ended) + (0 if in_auction else chance.choice([0, 0, 1]))
                low = min(opened, ended) - (0 if in_auction else chance.choice([0, 0, 1]))
                share = {571: 0.03, 900: 0.015}.get(minute, 0.004)
                volume = 0 if in_auction else round(usual * share * chance.uniform(0.3, 1.7) / 100) * 100
                prices = [shown(ticks, decimals) for ticks in (opened, ended, high, low)]
                money = volume * (opened + ended) / 2 / 10**decimals
                clock = f"{minute // 60:02d}:{minute % 60:02d}:00"
                yield ",".join([f"{day} {clock}", code] + prices + [f"{volume}.0", f"{money:.1f}"])
                price = ended
            closes[code] = price


def main(folder: str) -> None:
    chance = random.Random(SEED)
    closes = {code: facts[0] for code, facts in CODES.items()}
    files = (("daily.csv", DAILY_COLUMNS, daily_rows), ("minute.csv", MINUTE_COLUMNS, minute_rows))
    for name, columns, rows in files:
        with open(os.path.join(folder, name), "w", encoding="ascii", newline="\n") as file:
            file.write("\n".join([columns] + list(rows(chance, closes))) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
