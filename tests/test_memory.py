"""The bot's memory: its threads share one heap, and what it does not use is not loaded."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

HEAPS = """
import ctypes, threading
from bot import memory
{economize}
def work():
    hash(bytes(100_000) * 2)
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def heaps(economize: str) -> int:
    """Count the heaps of a program with eight threads, by glibc's own count."""
    command = [sys.executable, "-c", HEAPS.format(economize=economize)]
    ran = subprocess.run(command, capture_output=True, check=True)  # noqa: S603 - our own words
    return ran.stdout.count(b"<heap nr=")


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="not glibc's heap")
def test_threads_share_one_heap() -> None:
    assert heaps("") > 1
    assert heaps("memory.economize()") == 1


@pytest.fixture(scope="module")
def loaded() -> list[bytes]:
    """What is so in a process that has loaded the bot, a line each."""
    code = """
import gc, sys, bot.__main__
print(sorted({'click', 'pygments', 'rich'} & {*sys.modules}))
print(gc.isenabled(), gc.get_stats()[2]['collections'] == 0)
import rich.console, click
"""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, check=True).stdout.splitlines()  # noqa: S603 - our own words


def test_a_bot_that_runs_loads_nothing_that_draws_on_a_terminal(loaded: list[bytes]) -> None:
    assert loaded[0] == b"[]"


def test_garbage_is_looked_for_once_all_is_loaded_and_never_in_all_of_that(
    loaded: list[bytes],
) -> None:
    assert loaded[1] == b"True True"
