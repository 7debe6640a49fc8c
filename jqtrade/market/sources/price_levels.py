"""Near which price a security's made-up prices lie: a table of usual codes, else by board. Easy to change.

Written from memory of about 2024 and 2025, nobody's quotes: good enough that an order at a price that a user knows makes
sense. The first strategy of README buys 510300 at 4.05: at 3.87 it is filled whatever the seed.
"""

from typing import Dict, NamedTuple, Tuple

from jqtrade.market.boards import BOND, FUND, Board

LEVELS: Dict[str, float] = {
    # Shanghai
    "600000.XSHG": 10.5,  # 浦发银行
    "600009.XSHG": 33.0,  # 上海机场
    "600028.XSHG": 6.0,  # 中国石化
    "600030.XSHG": 27.0,  # 中信证券
    "600036.XSHG": 42.0,  # 招商银行
    "600048.XSHG": 8.5,  # 保利发展
    "600050.XSHG": 5.5,  # 中国联通
    "600104.XSHG": 16.0,  # 上汽集团
    "600276.XSHG": 55.0,  # 恒瑞医药
    "600309.XSHG": 62.0,  # 万华化学
    "600519.XSHG": 1480.0,  # 贵州茅台
    "600585.XSHG": 24.0,  # 海螺水泥
    "600887.XSHG": 28.0,  # 伊利股份
    "600900.XSHG": 28.5,  # 长江电力
    "601012.XSHG": 16.5,  # 隆基绿能
    "601088.XSHG": 40.0,  # 中国神华
    "601166.XSHG": 21.0,  # 兴业银行
    "601288.XSHG": 6.5,  # 农业银行
    "601318.XSHG": 55.0,  # 中国平安
    "601328.XSHG": 7.3,  # 交通银行
    "601398.XSHG": 7.3,  # 工商银行
    "601628.XSHG": 40.0,  # 中国人寿
    "601668.XSHG": 5.6,  # 中国建筑
    "601857.XSHG": 8.8,  # 中国石油
    "601888.XSHG": 65.0,  # 中国中免
    "601899.XSHG": 19.0,  # 紫金矿业
    "601939.XSHG": 9.0,  # 建设银行
    "601988.XSHG": 5.5,  # 中国银行
    "603259.XSHG": 65.0,  # 药明康德
    "603288.XSHG": 41.0,  # 海天味业
    "688041.XSHG": 150.0,  # 海光信息
    "688111.XSHG": 300.0,  # 金山办公
    "688981.XSHG": 90.0,  # 中芯国际
    # Shenzhen
    "000001.XSHE": 11.3,  # 平安银行
    "000002.XSHE": 7.0,  # 万科A
    "000063.XSHE": 35.0,  # 中兴通讯
    "000333.XSHE": 74.0,  # 美的集团
    "000651.XSHE": 43.0,  # 格力电器
    "000725.XSHE": 4.2,  # 京东方A
    "000858.XSHE": 130.0,  # 五粮液
    "002230.XSHE": 48.0,  # 科大讯飞
    "002415.XSHE": 30.0,  # 海康威视
    "002475.XSHE": 42.0,  # 立讯精密
    "002594.XSHE": 110.0,  # 比亚迪
    "300015.XSHE": 13.0,  # 爱尔眼科
    "300059.XSHE": 23.0,  # 东方财富
    "300124.XSHE": 62.0,  # 汇川技术
    "300750.XSHE": 260.0,  # 宁德时代
    "300760.XSHE": 240.0,  # 迈瑞医疗
    # Funds
    "510050.XSHG": 2.75,  # 上证50
    "510300.XSHG": 3.87,  # 沪深300
    "510500.XSHG": 5.8,  # 中证500
    "510880.XSHG": 3.1,  # 红利
    "510900.XSHG": 1.1,  # H股
    "511010.XSHG": 140.0,  # 国债
    "511880.XSHG": 100.5,  # 银华日利
    "511990.XSHG": 100.0,  # 华宝添益
    "512000.XSHG": 1.1,  # 券商
    "512010.XSHG": 0.4,  # 医药
    "512100.XSHG": 2.4,  # 中证1000
    "512480.XSHG": 1.05,  # 半导体
    "512660.XSHG": 1.15,  # 军工
    "512690.XSHG": 0.6,  # 酒
    "512880.XSHG": 1.1,  # 证券
    "513050.XSHG": 1.35,  # 中概互联
    "513100.XSHG": 1.6,  # 纳指
    "513180.XSHG": 0.7,  # 恒生科技
    "513500.XSHG": 2.1,  # 标普500
    "515790.XSHG": 0.75,  # 光伏
    "518880.XSHG": 7.0,  # 黄金
    "588000.XSHG": 1.05,  # 科创50
    "588080.XSHG": 1.05,  # 科创50
    "159901.XSHE": 3.0,  # 深证100
    "159915.XSHE": 2.1,  # 创业板
    "159919.XSHE": 3.95,  # 沪深300
    "159920.XSHE": 1.25,  # 恒生
    "159928.XSHE": 0.8,  # 消费
    "159941.XSHE": 1.15,  # 纳指
    "159949.XSHE": 1.0,  # 创业板50
    "159995.XSHE": 1.2,  # 芯片
}
"""yuan a share"""


class Span(NamedTuple):
    """From which price to which, yuan a share."""

    low: float
    high: float


_BY_BOARD: Dict[str, Span] = {"创业板": Span(10.0, 60.0), "科创板": Span(15.0, 90.0)}
_BY_KIND: Dict[str, Span] = {FUND: Span(0.8, 4.0), BOND: Span(105.0, 140.0)}
_SHARES = Span(5.0, 40.0)
_LIKE_MONEY: Tuple[str, ...] = ("511", "159001", "159003", "159005")
"""how the codes of bond and money market funds begin: they are near 100 yuan"""


def level_of(code: str, board: Board, where: float) -> float:
    """The price near which `code` lies; of one that is not in the table, `where` from 0 to 1 within what its board has."""
    if code in LEVELS:
        return LEVELS[code]
    if board.kind == FUND and code.startswith(_LIKE_MONEY):
        return 100.0
    low, high = _BY_BOARD.get(board.name) or _BY_KIND.get(board.kind, _SHARES)
    return low + (high - low) * where
