"""Readers with one fault each, for the test that ``bench fuzz`` sees it. In a module: a child process imports them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys


def good(path: str) -> tuple[str, str]:
    with open(path, "rb") as file:
        return "read", str(len(file.read()))


def crash(path: str) -> tuple[str, str]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return good(path)


def leave(path: str) -> tuple[str, str]:
    os._exit(0)


def hang(path: str) -> tuple[str, str]:
    while True:
        pass


def wrong(path: str) -> tuple[str, str]:
    return {}[path]


def past_exception(path: str) -> tuple[str, str]:
    raise BaseException("a panic")


def memory(path: str) -> tuple[str, str]:
    taken = bytearray(1800 << 20)
    taken[:: 4096] = b"x" * len(taken[:: 4096])
    return good(path)


def make_file(path: str) -> tuple[str, str]:
    with open(path + ".copy", "wb"):
        return good(path)


def make_folder(path: str) -> tuple[str, str]:
    os.mkdir(path + ".d")
    return good(path)


def start(path: str) -> tuple[str, str]:
    subprocess.run([sys.executable, "-c", ""], check=False)
    return good(path)


def write_behind_python(path: str) -> tuple[str, str]:
    """As a decoder in C would: the file was opened before the watch began."""
    os.write(_NUMBER, b"x")
    return good(path)


_NUMBER = os.open(os.environ["FAULTY_FILE"], os.O_WRONLY | os.O_APPEND) if "FAULTY_FILE" in os.environ else -1
