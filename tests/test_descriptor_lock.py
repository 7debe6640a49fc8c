"""The lock of an open file: whom it keeps out, and when it ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import filelock
import pytest

from jqtrade.descriptor_lock import try_lock, unlock

HOLDER = """
import os, sys, time
from jqtrade.descriptor_lock import try_lock
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
print(try_lock(fd), flush=True)
time.sleep(60)
"""


def test_it_keeps_out_other_descriptors_and_filelock_until_it_is_let_go(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    ours, other = [os.open(path, os.O_RDWR | os.O_CREAT) for _ in range(2)]
    os.lseek(other, 7, os.SEEK_SET)  # wherever it stands
    theirs = filelock.FileLock(path)
    try:
        assert try_lock(ours) and not try_lock(other)
        with pytest.raises(filelock.Timeout):
            theirs.acquire(timeout=0)
        unlock(ours)
        with theirs:
            assert not try_lock(ours) and not try_lock(other)
        assert try_lock(other)
    finally:
        os.close(ours)
        os.close(other)


def test_the_death_of_its_holder_frees_it(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE)
    assert holder.stdout is not None and holder.stdout.readline().strip() == b"True"
    fd = os.open(path, os.O_RDWR)
    try:
        assert not try_lock(fd)
        holder.kill()
        holder.wait()
        give_up = time.monotonic() + 5
        while not try_lock(fd):  # Windows does not say how soon
            assert time.monotonic() < give_up
            time.sleep(0.05)
    finally:
        holder.stdout.close()
        os.close(fd)
