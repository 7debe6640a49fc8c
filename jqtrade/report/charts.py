"""The charts of the report, drawn with plotly."""

from datetime import datetime, time
from itertools import groupby
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from jqtrade.report.record import FillRecord, JobRecord

UP, DOWN, NEUTRAL, PALE = "#c0392b", "#1e8449", "#2c5f8a", "#9aa5b1"
"""Red is up, as everywhere in China."""
MOST_JOBS = 30
MOST_POINTS_A_DAY = 12
"""A job that ran more often on a day is drawn as a line from its first run to its last."""

_WEEKENDS = [{"bounds": ["sat", "mon"]}]
_LAYOUT: Dict[str, Any] = {
    "template": "plotly_white",
    "margin": {"l": 64, "r": 24, "t": 24, "b": 40},
    "font": {"family": "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif", "size": 13},
    "hovermode": "x unified",
    "legend": {"orientation": "h", "y": 1.08, "x": 0},
}


class PriceSeries(NamedTuple):
    """The closing prices of one security."""

    code: str
    days: List[str]
    closes: List[float]


def html(figure: Any, div_id: str) -> str:
    """A figure as a part of a page that has plotly's script already; the same figure gives the same text."""
    import plotly.io

    return str(
        plotly.io.to_html(
            figure,
            include_plotlyjs=False,
            full_html=False,
            div_id=div_id,
            config={"displaylogo": False, "responsive": True, "showSendToCloud": False},
        )
    )


def script() -> str:
    """The whole of plotly's script, for a page that loads nothing."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def equity(
    days: Sequence[str],
    values: Sequence[float],
    drawdowns: Sequence[float],
    benchmark: Optional[Tuple[str, Sequence[float]]],
) -> Any:
    """What the account was worth, beside a benchmark that began with the same money, and how far below its highest."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.7, 0.3], vertical_spacing=0.05)
    figure.add_trace(go.Scatter(x=list(days), y=list(values), name="总资产", line={"color": NEUTRAL}), 1, 1)
    if benchmark is not None:
        code, line = benchmark
        figure.add_trace(go.Scatter(x=list(days), y=list(line), name=f"基准 {code}", line={"color": PALE}), 1, 1)
    figure.add_trace(
        go.Scatter(
            x=list(days),
            y=list(drawdowns),
            name="回撤",
            fill="tozeroy",
            line={"color": DOWN, "width": 1},
            hovertemplate="%{y:.2%}",
        ),
        2,
        1,
    )
    figure.update_yaxes(title_text="元", tickformat=",.0f", row=1, col=1)
    figure.update_yaxes(title_text="回撤", tickformat=".1%", row=2, col=1)
    return _finish(figure, 460)


def daily_returns(days: Sequence[str], returns: Sequence[float]) -> Any:
    """One bar a day."""
    import plotly.graph_objects as go

    colors = [UP if value >= 0 else DOWN for value in returns]
    bars = go.Bar(x=list(days), y=list(returns), marker={"color": colors}, name="日收益", hovertemplate="%{y:.2%}")
    figure = go.Figure([bars])
    figure.update_yaxes(tickformat=".1%")
    return _finish(figure, 260)


def exposure(days: Sequence[str], shares: Sequence[float]) -> Any:
    """Which part of the account was in securities."""
    import plotly.graph_objects as go

    line = go.Scatter(
        x=list(days),
        y=list(shares),
        name="仓位",
        fill="tozeroy",
        line={"color": NEUTRAL, "width": 1},
        hovertemplate="%{y:.1%}",
    )
    figure = go.Figure([line])
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return _finish(figure, 260)


def trades(series: Sequence[PriceSeries], fills: Sequence[FillRecord]) -> Any:
    """The price of one security after the other, to be chosen from a list, with what was bought and sold."""
    import plotly.graph_objects as go

    figure = go.Figure()
    buttons = []
    for number, each in enumerate(series):
        mine = [fill for fill in fills if fill.code == each.code]
        moments = [f"{day} 15:00:00" for day in each.days]
        shown = number == 0
        figure.add_trace(
            go.Scatter(x=moments, y=each.closes, name=f"{each.code} 收盘价", line={"color": PALE}, visible=shown)
        )
        for is_buy, name, color, symbol in ((True, "买入", UP, "triangle-up"), (False, "卖出", DOWN, "triangle-down")):
            side = [fill for fill in mine if fill.is_buy is is_buy]
            figure.add_trace(
                go.Scatter(
                    x=[fill.time.strftime("%Y-%m-%d %H:%M:%S") for fill in side],
                    y=[float(fill.price) for fill in side],
                    text=[f"{name} {fill.amount} 股" for fill in side],
                    hovertemplate="%{text}，%{y} 元<extra></extra>",
                    mode="markers",
                    name=name,
                    marker={"color": color, "symbol": symbol, "size": 10},
                    visible=shown,
                )
            )
        visible = [index // 3 == number for index in range(3 * len(series))]
        buttons.append({"label": each.code, "method": "update", "args": [{"visible": visible}]})
    figure.update_yaxes(title_text="元")
    figure.update_layout(
        updatemenus=[{"buttons": buttons, "x": 1, "xanchor": "right", "y": 1.04, "yanchor": "bottom"}],
    )
    figure = _finish(figure, 420)
    figure.update_layout(hovermode="closest", margin={"t": 72})
    return figure


def schedule(jobs: Sequence[JobRecord]) -> Any:
    """Every job on its day, at its time."""
    import plotly.graph_objects as go

    figure = go.Figure()
    names = sorted({job.name for job in jobs}, key=lambda name: min(job.due.time() for job in jobs if job.name == name))
    for name in names[:MOST_JOBS]:
        mine = [job for job in jobs if job.name == name]
        points, lines = _runs(mine)
        if lines:
            figure.add_trace(
                go.Scatter(
                    x=[moment.date().isoformat() if moment else None for moment, _ in lines],
                    y=[_hours(moment) if moment else None for moment, _ in lines],
                    text=[text for _, text in lines],
                    hovertemplate=f"{name} %{{text}}<extra></extra>",
                    mode="lines",
                    line={"width": 3},
                    opacity=0.5,
                    name=name,
                )
            )
        if points:
            figure.add_trace(_dots(points, name, {"size": 6}))
    failed = [job for job in jobs if job.failed][:2000]
    if failed:
        figure.add_trace(_dots([job.due for job in failed], "出错", {"size": 9, "symbol": "x", "color": "#e67e22"}))
    figure.update_yaxes(title_text="几点", autorange="reversed", dtick=1, ticksuffix=":00")
    figure = _finish(figure, 420)
    figure.update_layout(hovermode="closest")
    return figure


def _dots(moments: Sequence[datetime], name: str, marker: Dict[str, Any]) -> Any:
    import plotly.graph_objects as go

    return go.Scatter(
        x=[moment.date().isoformat() for moment in moments],
        y=[_hours(moment) for moment in moments],
        text=[f"{moment:%H:%M:%S}" for moment in moments],
        hovertemplate=f"{name} %{{x}} %{{text}}<extra></extra>",
        mode="markers",
        name=name,
        marker=marker,
    )


def _runs(jobs: Sequence[JobRecord]) -> Tuple[List[datetime], List[Tuple[Optional[datetime], str]]]:
    """Single runs, and the ends of lines with an empty place after each two."""
    points: List[datetime] = []
    lines: List[Tuple[Optional[datetime], str]] = []
    for _, group in groupby(jobs, key=lambda job: job.due.date()):
        runs = [job.due for job in group]
        if len(runs) <= MOST_POINTS_A_DAY:
            points += runs
        else:
            text = f"{runs[0]:%H:%M:%S} 到 {runs[-1]:%H:%M:%S}，{len(runs)} 次"
            lines += [(runs[0], text), (runs[-1], text), (None, "")]
    return points, lines


def _hours(moment: datetime) -> float:
    midnight = datetime.combine(moment.date(), time())
    return round((moment - midnight).total_seconds() / 3600, 4)


def _finish(figure: Any, height: int) -> Any:
    figure.update_layout(height=height, **_LAYOUT)
    figure.update_xaxes(rangebreaks=_WEEKENDS, tickformat="%Y-%m-%d", hoverformat="%Y-%m-%d")
    return figure
