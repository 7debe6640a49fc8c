"""Many processes append to one file while others read it, on Windows also by denying us to write for a moment."""

import subprocess
import sys
from pathlib import Path
from typing import Any, List

import pytest

from tests.faults.sizes import WINDOWS, claim, rounds
from tests.faults.world import PATIENCE

APPENDER = [sys.executable, str(Path(__file__).resolve().parent.parent / "gates" / "appender.py")]
HOLDER = [sys.executable, str(Path(__file__).resolve().parent / "holder.py")]


@pytest.mark.parametrize("holding", ["shared", "denying"])
def test_eight_processes_append_whole_lines_though_a_reader_holds_the_file(tmp_path: Path, holding: str) -> None:
    if holding == "denying" and not WINDOWS:
        pytest.skip("only Windows lets a reader deny others to write")
    count = rounds(40 if not WINDOWS else 10, 1000)
    path = tmp_path / "file.csv"
    reader: Any = subprocess.Popen(HOLDER + [str(path), holding], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert reader.stdout.readline().strip() == b"reading"
    processes = [subprocess.Popen(APPENDER + [str(path), "append", name, str(count)]) for name in "abcdefgh"]
    codes = [process.wait(PATIENCE * 10) for process in processes]
    reader.stdin.close()
    looks, torn = (int(word) for word in reader.stdout.read().split())
    reader.wait(PATIENCE)
    assert codes == [0] * 8
    lines: List[bytes] = path.read_bytes().split(b"\r\n")
    assert lines.pop() == b"" and lines.pop(0) == b"name,number,text"
    expected = [
        f"{name},{number:03},{name * (number * 7 % 90)}".encode() for name in "abcdefgh" for number in range(count)
    ]
    claim(
        f"8 processes append, {holding} reader",
        rows=len(lines),
        whole=len(set(lines) & set(expected)),
        looks_of_the_reader=looks,
        changes_of_what_had_stood=torn,
    )
    assert sorted(lines) == sorted(expected) and looks > 10 and torn == 0
    for name in "abcdefgh":  # and each in its own order
        assert [line for line in lines if line[:1] == name.encode()] == [
            line for line in expected if line[:1] == name.encode()
        ]
