"""Tell the results: a table for the terminal, docs/performance.md, and the figures beside it."""

import os
import platform
import unicodedata
from datetime import date
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

import psutil
import pyperf

from tests.benchmarks.measure import Curve, Row

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "performance.md"
FIGURES = DOCS / "performance"
HEADINGS = ["项目", "参照", "中位数", "p99", "参照的中位数", "比值", "目标", "达到"]
BUSY = 0.5
"""load of each core before a run from which on its figures are called provisional"""
NOT_FLAT = 1.5
"""times the least ratio at fewer: from there on a curve is said not to be flat"""

TITLES = {
    "orders": ("当天订单数", "与参照的比值"),
    "tasks": ("任务数", "与一个任务的比值，每个任务"),
    "jobs": ("every_minute 任务数", "与参照的比值，每次调用"),
}

INTRO = """\
# 性能

每个数字旁边都有一个参照，在同一次运行里与它交替测量：测几次这个，测几次那个，反复进行。
公用机器上的绝对时间没有意义，**看比值**。
不写盘、不等待的几项（定时器、`get_orders`、没有新内容的同步、`sync_balance`、订单数的增长图）用 CPU 时间，别的程序不影响它。

本页由 `python -m tests.benchmarks` 生成，请不要手改。先安装 `pip install -e ".[bench]"`。
代码在 `tests/benchmarks/`，每一项在自己的进程里测。

- `--short`：小的规模，90 秒以内，CI 里用。只有说“是不是平的”的几行（标 ◆）没有达到时才失败，
  失败之前再测两次；不写本页
- `--only 名称…`：只测几项；`--no-write`：只打印，不写本页；`--profile`：只看时间花在哪里
"""


class Profile(NamedTuple):
    """Where the time of a benchmark goes."""

    name: str
    lines: List[str]


def _value(value: Optional[float], unit: str) -> str:
    """A figure for people."""
    if value is None:
        return "—"
    if unit == "B":
        return f"{value / 2**20:.1f} MB"
    if unit == "%":
        return f"{value:.3%}"
    for factor, name in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= factor:
            return f"{value / factor:.3g} {name}" if value < 1000 else f"{value:.0f} s"
    return f"{value * 1e9:.3g} ns"


def _ratio(ratio: Optional[float]) -> str:
    if ratio is None:
        return "—"
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def cells(row: Row) -> List[str]:
    """A row of the table as text."""
    values = [_value(value, row.unit) for value in (row.median, row.p99, row.reference_median)]
    reached = {True: "是", False: "**否**", None: "—"}[row.reached]
    what = row.what + (" ◆" if row.is_flatness else "")
    return [what, row.reference] + values + [_ratio(row.ratio), row.target, reached]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def print_table(rows: Sequence[Row]) -> None:
    """The table, its columns under one another, for a terminal."""
    lines = [HEADINGS] + [cells(row) for row in rows]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(HEADINGS))]
    for line in lines:
        print("  ".join(text + " " * (width - _width(text)) for text, width in zip(line, widths)).rstrip())
    for row in rows:
        if row.note:
            print(f"{row.what}：{row.note}")


def machine(folder: str) -> List[str]:
    """What the figures were measured on."""
    metadata: Dict[str, Any] = pyperf.Run([1.0], metadata={"name": "machine"}).get_metadata()
    memory = psutil.virtual_memory().total / 2**30
    disks = [each for each in psutil.disk_partitions(all=True) if folder.startswith(each.mountpoint)]
    disk = max(disks, key=lambda each: len(each.mountpoint)).fstype if disks else "?"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    busy = "。机器当时在忙别的事，这些数字是暂时的" if load > BUSY * (psutil.cpu_count() or 1) else ""
    return [
        f"日期：{date.today().isoformat()}",
        f"处理器：{metadata.get('cpu_model_name', platform.processor())}，{psutil.cpu_count()} 个核；内存 {memory:.0f} GB",
        f"系统：{metadata['platform']}；临时目录的文件系统 {disk}",
        f"Python：{metadata['python_implementation']} {metadata['python_version']}",
        f"开始时的负载（一分钟平均）：{load:.2f}{busy}",
    ]


def flat_until(curve: Curve) -> str:
    """In a sentence, where a curve stops being flat, and why."""
    name = f"`{curve.label}`（参照：{curve.reference}）"
    for index in range(1, len(curve.sizes)):
        if curve.ratios[index] > NOT_FLAT * min(curve.ratios[:index]):
            growth = curve.ratios[-1] / min(curve.ratios)
            size = curve.sizes[index]
            return f"{name}：从 {size:,.0f} 起不再是平的，最后是最低时的 {growth:.1f} 倍。{curve.why}。"
    return f"{name}：到 {curve.sizes[-1]:,.0f} 为止是平的。{curve.why}。"


def write_page(rows: Sequence[Row], curves: Sequence[Curve], profiles: Sequence[Profile], about: Sequence[str]) -> None:
    """docs/performance.md and its figures."""
    lines = [INTRO, "## 机器\n"] + [f"- {line}" for line in about]
    lines += ["\n## 结果\n", "| {} |".format(" | ".join(HEADINGS)), "|" + "---|" * len(HEADINGS)]
    lines += ["| {} |".format(" | ".join(cells(row))) for row in rows]
    lines += [""] + [f"- {row.what}：{row.note}。" for row in rows if row.note]
    missed = [row for row in rows if row.reached is False]
    lines += ["\n## 没有达到的\n"]
    if not missed:
        lines += ["没有。"]
    lines += [f"- {row.what}：目标 {row.target}，实际 {_ratio(row.ratio)}" for row in missed]
    for profile in profiles:
        lines += [f"\n`{profile.name}` 的时间花在哪里（自身时间的份额、次数、函数；导入则是微秒）：\n", "```text"]
        lines += profile.lines + ["```"]
    lines += ["\n## 随工作量增长\n"]
    lines += [f"“平的”是说：与规模更小时的最低比值相比，不超过 {NOT_FLAT:g} 倍。两个轴都是对数。"]
    for figure, (size, _) in TITLES.items():
        ours = [curve for curve in curves if curve.figure == figure]
        if ours:
            draw(figure, ours)
            lines += [f"\n### {size}\n", f"![{size}](performance/{figure}.svg)\n"]
            lines += [f"- {flat_until(curve)}" for curve in ours]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def draw(figure: str, curves: Sequence[Curve]) -> None:
    """One figure as SVG; the reader's own fonts show the text, since Chinese ones may be missing here."""
    import logging
    import warnings

    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message="Glyph")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": figure, "font.family": "sans-serif"})
    picture, axes = pyplot.subplots(figsize=(7, 4))
    for curve in curves:
        axes.plot(curve.sizes, curve.ratios, marker="o", label=curve.label)
    axes.set(xscale="log", yscale="log", xlabel=TITLES[figure][0], ylabel=TITLES[figure][1])
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1))
    picture.tight_layout()
    FIGURES.mkdir(exist_ok=True)
    picture.savefig(FIGURES / f"{figure}.svg", metadata={"Date": None})
    pyplot.close(picture)
