"""Reads a file again and again, holding it open: `holder.py FILE shared|denying`, until its standard input ends.

Prints "reading", and at the end how often it looked and how often what had stood there was changed. "denying": as a
Windows program may, it lets nobody else write, and every other time nobody else open the file, while it reads.
"""

import os
import sys
import threading
import time
from typing import Optional

FIRST_LINE = b"name,number,text\r\n"


def read_shared(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            time.sleep(0.005)
            return file.read()
    except OSError:
        return None


def read_denying(path: str, share: int) -> Optional[bytes]:
    import ctypes
    import msvcrt  # type: ignore[import-not-found,unused-ignore]
    from ctypes import wintypes

    windll = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    create = windll.CreateFileW
    create.restype = wintypes.HANDLE
    create.argtypes = [wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID] + [wintypes.DWORD] * 2
    create.argtypes += [wintypes.HANDLE]
    handle = create(path, 0x80000000, share, None, 3, 0, None)  # GENERIC_READ, OPEN_EXISTING
    if handle is None or handle == wintypes.HANDLE(-1).value:
        return None
    with os.fdopen(msvcrt.open_osfhandle(handle, os.O_RDONLY), "rb") as file:  # type: ignore[attr-defined,unused-ignore]
        time.sleep(0.005)
        return file.read()


def main(path: str, how: str) -> None:
    done = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
    print("reading", flush=True)
    looks = changed = 0
    before = b""
    while not done.is_set():
        data = read_shared(path) if how == "shared" else read_denying(path, looks % 2)
        looks += 1
        if data is not None:
            changed += not data.startswith(before)
            before = data
        time.sleep(0.005)
    print(looks, changed, flush=True)


main(*sys.argv[1:])
