"""What is wrong on the command line is said in Chinese, with the word, the day or the file that was meant."""

import os
from datetime import date
from pathlib import Path
from typing import List

import pytest

from jqtrade.__main__ import main
from jqtrade.cli.replay import replay_day
from jqtrade.errors import InvalidParam
from jqtrade.hints import QUOTE_HINT, existing_file, nearest


def refusal(capsys: "pytest.CaptureFixture[str]", words: List[str]) -> str:
    """What the command line says of `words`, which argparse refuses."""
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    return printed.err.splitlines()[-1]


@pytest.mark.parametrize(
    "words, near",
    [
        (["strat_task"], "start_task"),
        (["start-task"], "start_task"),
        (["START_TASK"], "start_task"),
        (["stop"], "stop_task"),
        (["tasks"], "get_tasks"),
        (["paper"], "paper_broker"),
        (["--verison"], "--version"),
        (["start_task", "-n", "x", "-c", "x.py", "--detatch"], "--detach"),
        (["start_task", "--nmae", "x", "-c", "x.py"], "--name"),  # else only that -n is missing
        (["start_task", "--nmae=x", "-c", "x.py"], "--name"),
        (["start_task", "—n", "x", "-c", "x.py"], "-n"),  # a dash of a Chinese keyboard
        (["stop_task", "-all"], "--all"),
        (["stop_task", "-n", "x", "-s", "SIGTREM"], "SIGTERM"),
        (["get_tasks", "--jsno"], "--json"),
    ],
    ids=" ".join,
)
def test_a_misspelt_word_is_answered_with_the_one_that_comes_nearest(
    capsys: "pytest.CaptureFixture[str]", words: List[str], near: str
) -> None:
    said = refusal(capsys, words)
    assert f"最接近的是 {near}" in said or f"应写成 {near}" in said
    assert "没有做任何操作" in said


def test_a_word_that_is_near_to_none_gets_the_list_and_no_guess(capsys: "pytest.CaptureFixture[str]") -> None:
    said = refusal(capsys, ["xyzzy"])
    assert "最接近" not in said and "可选：start_task、get_tasks、" in said


def test_the_usage_of_the_verb_is_shown_not_that_of_all(capsys: "pytest.CaptureFixture[str]") -> None:
    assert "jqtrade get_tasks --help" in refusal(capsys, ["get_tasks", "--verbose"])


@pytest.mark.parametrize("words", [["-name", "demo"], ["-name=demo"]], ids=" ".join)
def test_one_dash_too_few_is_no_short_option_with_its_value(
    capsys: "pytest.CaptureFixture[str]", words: List[str]
) -> None:
    """argparse would stop the task "ame"."""
    assert "-name 应写成 --name" in refusal(capsys, ["stop_task"] + words)


def test_a_short_option_may_stand_beside_its_value(capsys: "pytest.CaptureFixture[str]") -> None:
    assert main(["stop_task", "-ndemo"]) == 1
    assert "demo" in capsys.readouterr().err


def test_a_name_without_its_option_is_told_where_it_belongs(capsys: "pytest.CaptureFixture[str]") -> None:
    assert "不认识的参数：demo（名称要写在 -n 后面：-n demo）" in refusal(capsys, ["halt_task", "demo"])


@pytest.mark.parametrize(
    "words",
    [
        ["start_task", "-c", "x.py", "-e", "A=1"],  # -e A=1;B=2 -n x
        ["start_task", "-c", "x.py", "--env=A=1"],
        ["replay", "-c", "x.py", "-eA=1"],
        ["check", "--env", "A=1"],
    ],
    ids=" ".join,
)
def test_where_the_shell_may_have_cut_the_command_at_a_semicolon_quotes_are_advised(
    capsys: "pytest.CaptureFixture[str]", words: List[str]
) -> None:
    assert QUOTE_HINT in refusal(capsys, words)


def test_quotes_are_not_advised_where_nothing_hints_at_a_cut(capsys: "pytest.CaptureFixture[str]") -> None:
    assert "分号" not in refusal(capsys, ["start_task", "-e", "A=1", "-c", "x.py"])


def test_a_second_variable_without_its_option_is_told_how_to_write_both(capsys: "pytest.CaptureFixture[str]") -> None:
    said = refusal(capsys, ["start_task", "-n", "x", "-c", "x.py", "-e", "A=1", "B=2"])
    assert 'B=2（多个环境变量要写成 -e "A=1;B=2"，或写多个 -e）' in said


@pytest.mark.parametrize("verb", ["start_task", "check", "replay"])
def test_help_shows_an_example_that_every_shell_understands(capsys: "pytest.CaptureFixture[str]", verb: str) -> None:
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    assert '-e "A=1;B=2"' in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("text", ["2026-01-05", "2026/01/05", "20260105", "2026-1-5", "2026/1/5", " 2026-01-05 "])
def test_a_day_may_be_written_in_any_usual_way(text: str) -> None:
    assert replay_day(text) == date(2026, 1, 5)


@pytest.mark.parametrize(
    "text", ["2026-01/05", "202615", "2026105", "20260230", "2026-02-30", "", "01/05/2026", "１２"]
)
def test_what_is_no_day_is_refused_with_examples(capsys: "pytest.CaptureFixture[str]", text: str) -> None:
    said = refusal(capsys, ["replay", "-c", "x.py", "--start", text, "--end", "2026-01-05"])
    assert f"--start 的值 {text!r} 不正确" in said and "也可以写 2026/01/05 或 20260105" in said


@pytest.mark.parametrize(
    "words",
    [
        ["start_task", "-n", "x", "-c"],
        ["check", "-c"],
        ["replay", "--start", "20260105", "--end", "20260105", "-c"],
    ],
    ids=lambda words: str(words[0]),
)
def test_a_folder_in_place_of_the_strategy_names_the_python_files_in_it(
    capsys: "pytest.CaptureFixture[str]", tmp_path: Path, words: List[str]
) -> None:
    for name in ("grid.py", "demo.py", "notes.txt"):
        (tmp_path / name).write_text("")
    assert main(words + [str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert f"策略文件 {tmp_path} 是目录，不是文件：里面有 demo.py、grid.py，请写出是哪一个。" in said


def test_a_folder_without_python_files_says_so_and_one_with_many_names_ten(tmp_path: Path) -> None:
    with pytest.raises(InvalidParam, match="里面没有 .py 文件。没有检查"):
        existing_file(str(tmp_path), "策略文件", "没有检查")
    for number in range(11):
        (tmp_path / f"s{number:02}.py").write_text("")
    with pytest.raises(InvalidParam, match="s09.py…，请"):
        existing_file(str(tmp_path), "策略文件", "没有检查")


@pytest.mark.parametrize("wrong", ["demo", "demo.p", "Dmeo.py", "demo.py.txt"])
def test_a_file_that_is_not_there_is_answered_with_its_neighbour(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "demo.py").write_text("")
    (tmp_path / "other_thing.csv").write_text("")
    if os.path.exists(str(tmp_path / wrong)):
        pytest.skip("a file system that does not tell letters apart")
    with pytest.raises(InvalidParam, match="同一个目录里最接近的是 demo.py。"):
        existing_file(str(tmp_path / wrong), "策略文件", "没有检查")


def test_a_relative_path_from_the_wrong_folder_is_answered_with_the_folder_it_starts_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidParam) as caught:
        existing_file("strategies/demo.py", "策略文件", "没有检查")
    assert f"，路径从终端现在的目录 {os.getcwd()} 算起。没有检查" in str(caught.value)
    with pytest.raises(InvalidParam) as caught:
        existing_file(str(tmp_path / "strategies" / "demo.py"), "策略文件", "没有检查")
    assert "算起" not in str(caught.value)


def test_what_is_near_depends_neither_on_case_nor_on_dashes() -> None:
    assert nearest("Resume-Task", ["halt_task", "resume_task"]) == "resume_task"
    assert nearest("zzz", ["halt_task"]) is None
