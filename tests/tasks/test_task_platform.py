"""What the operating system is asked for: appending logs, locks."""

import os
import subprocess
import sys
from pathlib import Path

from jqtrade.tasks.platform import ProcessLock, open_log


def test_a_lock_is_held_once_until_it_is_released(tmp_path: Path) -> None:
    first, second = ProcessLock(str(tmp_path / "a.lock")), ProcessLock(str(tmp_path / "a.lock"))
    assert first.try_acquire()
    assert not second.try_acquire()
    first.release()
    assert second.try_acquire()
    second.release()
    second.release()
    assert (tmp_path / "a.lock").exists()


def test_a_log_takes_the_writes_of_parent_and_child_in_turn_and_may_be_renamed(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    fd = open_log(str(log))
    try:
        # One write each, also where PYTHONUNBUFFERED makes two of a print: its text and its line end.
        code = "import os, sys; os.write(1, b'before\\n'); sys.stdin.read(); os.write(1, b'after\\n')"
        child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=fd)
        assert child.stdin is not None
        while not log.stat().st_size:
            pass
        os.write(fd, b"between\n")
        os.replace(str(log), str(tmp_path / "a.log.1"))
        child.stdin.close()
        assert child.wait() == 0
    finally:
        os.close(fd)
    assert (tmp_path / "a.log.1").read_text().split() == ["before", "between", "after"]
