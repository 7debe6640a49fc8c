"""report.html: one page that opens offline, with everything that it shows inside."""

import html
from collections import defaultdict
from datetime import datetime, time
from decimal import Decimal
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.market.quotes import Quotes
from jqtrade.report import charts, metrics
from jqtrade.report.record import FillRecord, JobRecord, OrderRecord, Record
from jqtrade.report.summary import Summary, percent, returns_and_drawdowns

MOST_CODES = 50
"""securities whose prices are drawn: those that were traded most"""
MOST_REFUSED = 500
"""refused orders that are listed one by one"""

_CLOSE = time(15)

# Nothing but what stands in the page may be used: even a bug could not send a request.
_PAGE = """<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; \
style-src 'unsafe-inline'; img-src data: blob:; font-src data:">
<title>{title}</title>
<style>
body {{ font: 14px/1.6 "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; color: #222; margin: 0 auto;
  max-width: 1100px; padding: 16px 24px 48px; }}
h1 {{ font-size: 22px; }} h2 {{ font-size: 17px; margin: 32px 0 8px; border-bottom: 1px solid #ddd; }}
.warning {{ background: #fdf2e9; border-left: 4px solid #e67e22; padding: 8px 12px; }}
.figures {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 8px; }}
.figures div {{ background: #f5f7f9; padding: 8px 12px; }} .figures b {{ display: block; font-size: 17px; }}
table {{ border-collapse: collapse; font-size: 13px; }}
th, td {{ padding: 3px 10px; text-align: right; border-bottom: 1px solid #eee; white-space: nowrap; }}
th:first-child, td:first-child, .text {{ text-align: left; }}
td.text {{ white-space: normal; }}
.wide {{ overflow-x: auto; max-height: 480px; overflow-y: auto; }}
</style>
<script>{script}</script>
</head>
<body>
<h1>{title}</h1>
{body}
<p>每个数字的定义见 jqtrade 的 docs/replay.md。</p>
</body>
</html>
"""


class ReportData(NamedTuple):
    """What the report is made of."""

    name: str
    summary: Summary
    refusals: Dict[str, int]
    record: Record
    quotes: Quotes
    benchmark: Optional[str]
    note: Optional[str] = None
    """what there is to say of the days, in Chinese"""


def missing_library() -> Optional[str]:
    """The name of a library that the report needs and that cannot be imported, or None."""
    from importlib import import_module

    for module, name in (("plotly", "plotly"), ("empyrical", "empyrical-reloaded")):
        try:
            import_module(module)
        except ImportError:
            return name
    return None


def write_report(path: str, data: ReportData) -> None:
    """Write the page to `path`; the same replay gives the same bytes."""
    import numpy

    with numpy.errstate(all="ignore"):  # the strategy may have made errors of them
        page = _PAGE.format(title=html.escape(title(data)), script=charts.script(), body=_body(data))
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(page)


def title(data: ReportData) -> str:
    """What the page is called; it does not hide that prices are made up."""
    text = f"回放 {data.name}，{data.summary.start} 到 {data.summary.end}"
    return text + "（价格是编造的，盈亏没有意义）" if data.summary.synthetic_prices else text


def _body(data: ReportData) -> str:
    record, days = data.record, data.record.days
    parts = []
    if data.summary.synthetic_prices:
        parts.append('<p class="warning">没有给行情（--bars），价格是编造的：流程可以看，盈亏没有意义。</p>')
    if data.note is not None:
        parts.append(f'<p class="warning">{html.escape(data.note)}</p>')
    if not days:
        return "".join(parts) + "<p>第一天就停止了，没有结果。</p>"
    dates = [day.day.isoformat() for day in days]
    values = metrics.values_of(days)
    returns = metrics.daily_returns([day.day for day in days], values, float(data.record.cash))
    benchmark = _benchmark(data)
    benchmark_returns = None
    if benchmark is not None:
        benchmark_returns = metrics.daily_returns([day.day for day in days], benchmark[1], benchmark[1][0])
    drawdowns = [drawdown for _, drawdown in returns_and_drawdowns(days, data.record.cash)]
    parts += [
        _figures(data.summary, metrics.figures(returns, benchmark_returns)),
        _section(
            "净值和回撤",
            charts.html(charts.equity(dates, values, drawdowns, _scaled(benchmark, data.record.cash)), "equity"),
        ),
        _section(
            "每天的收益", charts.html(charts.daily_returns(dates, [float(value) for value in returns]), "returns")
        ),
        _section("每月的收益", _monthly(metrics.monthly_returns(returns))),
        _section("仓位", charts.html(charts.exposure(dates, _exposure(record)), "exposure")),
        _section("成交", _trades(data)),
        _section("被拒绝的订单", _refused(record.orders, data.refusals)),
        _section("定时任务", _schedule(record.jobs)),
    ]
    return "\n".join(parts)


def _section(heading: str, content: str) -> str:
    return f"<h2>{heading}</h2>\n{content}"


def _figures(summary: Summary, figures: Sequence[Tuple[str, str]]) -> str:
    shown = list(figures) + [
        ("起始资产", f"{summary.start_value:,.2f}"),
        ("结束资产", f"{summary.end_value:,.2f}"),
        ("费用", f"{summary.fees:,.2f}"),
        ("交易日", str(summary.trading_days)),
        ("订单", str(summary.orders)),
        ("成交笔数", str(summary.fills)),
        ("被拒绝", str(summary.rejected)),
        ("任务出错", f"{summary.jobs_failed} / {summary.jobs_run}"),
    ]
    cells = "".join(f"<div>{name}<b>{value}</b></div>" for name, value in shown)
    return f'<div class="figures">{cells}</div>'


def _benchmark(data: ReportData) -> Optional[Tuple[str, List[float]]]:
    """The benchmark's price at the end of each day; None if there is none."""
    if data.benchmark is None:
        return None
    closes = [_close(data.quotes, data.benchmark, day.day.isoformat()) for day in data.record.days]
    known = next((close for close in closes if close is not None), None)
    if known is None:
        return None
    filled: List[float] = []
    for close in closes:
        known = known if close is None else close
        filled.append(known)
    return data.benchmark, filled


def _scaled(benchmark: Optional[Tuple[str, List[float]]], cash: Decimal) -> Optional[Tuple[str, List[float]]]:
    """As if the whole account had been in the benchmark since the end of the first day."""
    if benchmark is None:
        return None
    code, closes = benchmark
    return code, [round(float(cash) * close / closes[0], 2) for close in closes]


def _close(quotes: Quotes, code: str, day: str) -> Optional[float]:
    quote = quotes.get(code, datetime.combine(datetime.strptime(day, "%Y-%m-%d").date(), _CLOSE))
    return None if quote is None else float(quote.last)


def _exposure(record: Record) -> List[float]:
    return [round(float(day.market_value / day.total), 6) if day.total else 0.0 for day in record.days]


def _monthly(months: Sequence[metrics.MonthlyReturn]) -> str:
    cells: Dict[int, Dict[int, float]] = defaultdict(dict)
    for each in months:
        cells[each.year][each.month] = each.value
    head = "".join(f"<th>{month} 月</th>" for month in range(1, 13))
    rows = []
    for year in sorted(cells):
        row = "".join(_monthly_cell(cells[year].get(month)) for month in range(1, 13))
        rows.append(f"<tr><td>{year}</td>{row}</tr>")
    return f'<div class="wide"><table id="monthly"><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'


def _monthly_cell(value: Optional[float]) -> str:
    if value is None:
        return "<td></td>"
    red_green_blue = "192,57,43" if value >= 0 else "30,132,73"
    strength = min(abs(value) / 0.1, 1.0) * 0.5
    return f'<td style="background:rgba({red_green_blue},{strength:.2f})">{percent(value)}</td>'


def _trades(data: ReportData) -> str:
    fills = data.record.fills
    if not fills:
        return "<p>没有成交。</p>"
    codes = _most_traded(fills)
    series = []
    for code in codes[:MOST_CODES]:
        closes = [(day.day.isoformat(), _close(data.quotes, code, day.day.isoformat())) for day in data.record.days]
        known = [(day, close) for day, close in closes if close is not None]
        series.append(charts.PriceSeries(code, [day for day, _ in known], [close for _, close in known]))
    note = ""
    if len(codes) > MOST_CODES:
        note = f"<p>成交了 {len(codes)} 只，这里是成交金额最大的 {MOST_CODES} 只；全部见 fills.csv。</p>"
    return note + charts.html(charts.trades(series, fills), "trades")


def _most_traded(fills: Sequence[FillRecord]) -> List[str]:
    values: Dict[str, Decimal] = defaultdict(Decimal)
    for fill in fills:
        values[fill.code] += fill.price * fill.amount
    return sorted(values, key=lambda code: (-values[code], code))


def _refused(orders: Sequence[OrderRecord], refusals: Dict[str, int]) -> str:
    refused = [order for order in orders if order.is_refused]
    if not refused:
        return "<p>没有。</p>"
    kinds = "".join(f"<tr><td>{html.escape(kind)}</td><td>{count}</td></tr>" for kind, count in refusals.items())
    rows = "".join(
        "<tr><td>{:%Y-%m-%d %H:%M:%S}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class='text'>{}</td></tr>".format(
            order.time,
            html.escape(order.code),
            "买入" if order.is_buy else "卖出",
            order.amount,
            order.price or "",
            html.escape(order.reason),
        )
        for order in refused[:MOST_REFUSED]
    )
    note = f"<p>以下是前 {MOST_REFUSED} 笔，全部见 orders.csv。</p>" if len(refused) > MOST_REFUSED else ""
    return (
        f'<table id="refusals"><tr><th>原因（同类的第一笔）</th><th>笔数</th></tr>{kinds}</table>{note}'
        '<div class="wide"><table id="refused"><tr><th>时间</th><th>代码</th><th>方向</th><th>数量</th><th>限价</th>'
        f"<th class='text'>原因</th></tr>{rows}</table></div>"
    )


def _schedule(jobs: Sequence[JobRecord]) -> str:
    if not jobs:
        return "<p>没有运行过任务。</p>"
    by_name: Dict[str, List[JobRecord]] = defaultdict(list)
    for job in jobs:
        by_name[job.name].append(job)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{len(runs)}</td><td>{sum(run.failed for run in runs)}</td>"
        f"<td>{min(run.due.time() for run in runs):%H:%M:%S}</td><td>{max(run.due.time() for run in runs):%H:%M:%S}</td></tr>"
        for name, runs in by_name.items()
    )
    head = "<tr><th>任务</th><th>次数</th><th>出错</th><th>最早</th><th>最晚</th></tr>"
    return f'<table id="jobs">{head}{rows}</table>' + charts.html(charts.schedule(jobs), "schedule")
