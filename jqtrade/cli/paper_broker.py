"""The verb that plays the broker's terminal: paper_broker."""

import argparse

from jqtrade.cli.parser import Parser


def add(verbs: "argparse._SubParsersAction[Parser]") -> None:
    paper = verbs.add_parser(
        "paper_broker", help="模拟 One Quant 的 DMA 窗口", description="在文件单目录里扮演 One Quant 和交易所"
    )
    paper.add_argument("--order-dir", required=True, help="文件单目录")
    paper.add_argument("--account-no", required=True, help="资金账号")
    paper.add_argument("--cash", type=float, default=1000000.0, help="初始资金, 默认 1000000")
    paper.add_argument("--quotes", help="行情文件: code,last[,bid1,ask1,prev_close]; 不指定时使用虚构的行情")
    paper.add_argument("--bars", help="K 线文件或目录, 按它撮合; 不与 --quotes 同用")
    paper.add_argument("--commission", type=float, default=0.00025, help="佣金率, 默认 0.00025")
    paper.add_argument("--min-commission", type=float, default=5.0, help="每笔最低佣金, 默认 5")
    paper.add_argument("--fund-min-commission", type=float, help="基金的每笔最低佣金, 默认与 --min-commission 相同")
    paper.add_argument(
        "--max-quote-age", type=float, default=1800.0, help="多旧的价格不再成交, 交易时间的秒数, 默认 1800; 0: 不管多旧"
    )
    paper.add_argument("--volume-share", type=float, default=0.25, help="成交最多占一根 K 线成交量的几成, 默认 0.25")
    paper.add_argument("--actions", help="分红送股文件: date,code,cash_per_share,bonus_per_share")
    paper.add_argument("--encoding", default="gbk", help="输出文件的编码, 默认 gbk")
    paper.add_argument("--faults", action="store_true", help="故意制造残缺、延迟、重复、乱序的回报")
    paper.add_argument("--keep-hours", action="store_true", help="只在交易时间撮合")
    paper.add_argument("--seed", type=int, default=0, help="虚构行情和故障的随机种子")
    paper.add_argument("--truth", help="把每笔订单的真实结果写到这个 JSON 文件")
    paper.add_argument("--timezone", help="文件日期所用的时区, 与策略的选项 timezone 一致; 默认本机时区")
    paper.set_defaults(run=_paper_broker)


def _paper_broker(args: argparse.Namespace) -> int:
    from jqtrade.onequant_terminal.program import run_paper_broker

    return run_paper_broker(
        order_dir=args.order_dir,
        account_no=args.account_no,
        cash=args.cash,
        quotes=args.quotes,
        encoding=args.encoding,
        faults=args.faults,
        keep_hours=args.keep_hours,
        seed=args.seed,
        truth=args.truth,
        timezone=args.timezone,
        bars=args.bars,
        commission=args.commission,
        min_commission=args.min_commission,
        volume_share=args.volume_share,
        actions=args.actions,
        fund_min_commission=args.fund_min_commission,
        max_quote_age=args.max_quote_age or None,
    )
