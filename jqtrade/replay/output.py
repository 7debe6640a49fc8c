"""The folder that a replay writes: CSV files, summary.json, replay.log. Nothing of others is overwritten."""

import json
import os
from datetime import datetime
from typing import Any, Dict

from jqtrade.errors import InvalidParam
from jqtrade.home import absolute as absolute_path

LOG = "replay.log"
SUMMARY = "summary.json"
REPORT = "report.html"
LATEST = "latest"
"""beside the folders of the runs: leads to that of the last one that was played to its end"""
FILES = ("orders.csv", "fills.csv", "equity.csv", "positions.csv", SUMMARY, REPORT, LOG)


def check_folder(path: str) -> str:
    """Return the absolute path of a folder that a replay may write: not there, empty, or of an earlier replay.

    Raises InvalidParam for any other; nothing is written.
    """
    absolute = absolute_path(path)
    try:
        names = os.listdir(absolute) if os.path.lexists(absolute) else []
    except OSError as error:
        raise InvalidParam(f"输出目录 {absolute} 不能使用：{error}。没有做任何操作")
    foreign = sorted(set(names) - set(FILES))
    if foreign:
        raise InvalidParam(
            f"输出目录 {absolute} 里有不是 replay 写的文件 {foreign[0]}，不覆盖，请用 --out 换一个目录。没有做任何操作"
        )
    if names and not _is_summary(os.path.join(absolute, SUMMARY)):
        raise InvalidParam(
            f"输出目录 {absolute} 不是 replay 写的（没有它的 {SUMMARY}），不覆盖，请用 --out 换一个目录。没有做任何操作"
        )
    return absolute


def _is_summary(path: str) -> bool:
    try:
        with open(path, encoding="utf-8") as file:
            return "jqtrade_replay" in json.load(file)
    except (OSError, ValueError, TypeError):
        return False


def make_folder(path: str) -> None:
    """Make the folder, or empty the one of an earlier replay of all but its summary, which says whose it is."""
    try:
        os.makedirs(path, exist_ok=True)
        for name in FILES:
            if name != SUMMARY and os.path.lexists(os.path.join(path, name)):
                os.remove(os.path.join(path, name))
        if not os.path.exists(os.path.join(path, SUMMARY)):
            write_summary(path, {})  # should this replay be killed, the next one may use the folder all the same
    except OSError as error:
        raise InvalidParam(f"无法写输出目录 {path}：{error}")


def check_runs(path: str) -> str:
    """Return the absolute path of the folder in which each run gets one of its own. Raises InvalidParam if it is none."""
    absolute = absolute_path(path)
    if os.path.lexists(absolute) and not os.path.isdir(absolute):
        raise InvalidParam(f"{absolute} 不是目录，结果没有地方写，请用 --out 换一个目录。没有做任何操作")
    return absolute


def make_run_folder(runs: str, began: datetime) -> str:
    """Make a folder in `runs` for the run that began then, and return its path; what earlier ones wrote stays."""
    name = f"{began:%Y%m%d-%H%M%S}"
    number = 1
    try:
        os.makedirs(runs, exist_ok=True)
        while True:
            path = os.path.join(runs, name if number == 1 else f"{name}-{number}")
            try:
                os.mkdir(path)
                break
            except FileExistsError:  # of another run that began in the same second
                number += 1
        write_summary(path, {})
    except OSError as error:
        raise InvalidParam(f"无法写输出目录 {runs}：{error}")
    return path


def mark_latest(folder: str) -> None:
    """Let `latest` lead to this run: a link beside its folder, or latest.txt with its name where no link may be made.

    On Windows a link takes a right that most users lack. Something else of that name is left alone. Raises OSError.
    """
    runs, name = os.path.split(folder)
    link, text = os.path.join(runs, LATEST), os.path.join(runs, LATEST + ".txt")
    spare = os.path.join(runs, f".{LATEST}-{name}")
    is_ours = os.path.islink(link) or not os.path.lexists(link)
    if is_ours and _make_link(name, spare):
        if os.name == "nt" and os.path.lexists(link):
            os.remove(link)  # Windows replaces no link to a folder
        os.replace(spare, link)
        if os.path.lexists(text):
            os.remove(text)
        return
    with open(spare, "w", encoding="utf-8", newline="\n") as file:
        file.write(name + "\n")
    os.replace(spare, text)
    if os.path.islink(link):
        os.remove(link)  # it leads to an earlier run


def _make_link(target: str, path: str) -> bool:
    try:
        os.symlink(target, path, target_is_directory=True)
    except (OSError, NotImplementedError):
        return False
    return True


def write_summary(path: str, figures: Dict[str, Any]) -> None:
    """Write summary.json; its first entry says that a replay wrote it."""
    with open(os.path.join(path, SUMMARY), "w", encoding="utf-8", newline="\n") as file:
        json.dump(dict({"jqtrade_replay": 1}, **figures), file, ensure_ascii=False, indent=2)
        file.write("\n")
