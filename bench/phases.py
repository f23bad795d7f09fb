"""Phases: for which part of a picture's way a program's CPU is used, by looking at its stacks.

A timer of used CPU interrupts the program; what each thread has used since the last look, by the
kernel's clock of the thread, counts for where its stack is now. Rough, good for shares.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

PERIOD = 0.001  # seconds of CPU; the kernel rounds up to its own tick
BOT = f"{Path(__file__).parents[1] / 'bot'}/"
SKELETON = f"{Path(__file__).parent}/durable.py"
# The first place that is found on the way outwards says it; what is not named here is used by many.
FUNCTIONS = {
    "_claim": "accept",
    "_accept": "accept",
    "_keep": "store",
    "_keep_in": "store",
    "_end": "settle",
    "_finish": "deliver",
    "_deliver": "deliver",
    "_draw": "call",
    "feed": "extract",
}
FILES = {
    "jobs/submit": "accept",
    "jobs/pending": "accept",
    "jobs/flags": "accept",
    "jobs/options": "accept",
    "jobs/preferences": "accept",
    "jobs/dispatch": "accept",
    "tg/status": "status",
    "tg/queue_status": "status",
    "gateway/image_extractor": "extract",
    "gateway/accumulator": "extract",
    "gateway/stream": "extract",
    "gateway/response": "extract",
    "gateway/receive": "extract",
    "gateway/images": "store",
    "gateway": "call",
    "jobs/calls": "call",
    "media": "store",
    "tg/delivery": "deliver",
    "tg/keyboards": "deliver",
    "jobs/messages": "deliver",
    "tg/polling": "update",
    "tg/parse": "update",
    "features": "update",
}
# What is left, where nothing around it says more.
REST = {"tg/http": "deliver", "tg/sender": "deliver", "telegram": "update"}
LIBRARIES = {"telegram": "telegram", "aiohttp": "network", "httpx": "network"}
COMMIT, NETWORK = "commit", "network"
LOOP = "loop"  # itself, and what it does without Python: sockets are read and written there


class Phases:
    """CPU seconds by phase, since `clear`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._used: dict[int, float] = {}

    def start(self) -> None:
        """Look from now on, for the life of this process; only its main thread may ask for it."""
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, PERIOD, PERIOD)

    def clear(self) -> None:
        self.seconds.clear()

    def _look(self, _: int, interrupted: FrameType | None) -> None:
        main = threading.main_thread().ident
        for thread, frame in sys._current_frames().items():  # noqa: SLF001 - documented so
            stack = interrupted if thread == main and interrupted else frame
            self.seconds[phase(stack)] += self._spent(thread)

    def _spent(self, thread: int) -> float:
        try:
            used = time.clock_gettime(time.pthread_getcpuclockid(thread))
        except OSError:  # it has ended
            return 0.0
        before, self._used[thread] = self._used.get(thread, used), used
        return used - before


def phase(frame: FrameType) -> str:
    """Tell what a stack is busy with."""
    rest = ""
    for file, function in _outwards(frame):
        if file in ("jobs/worker", "skeleton") and function in FUNCTIONS:
            return FUNCTIONS[function]
        if found := FILES.get(file) or FILES.get(file.partition("/")[0]):
            return found
        if (file, function) == ("storage/sqlite", "_write"):
            return COMMIT
        rest = rest or REST.get(file, "") or (NETWORK if file == NETWORK else "")
    return rest or LOOP


def _outwards(frame: FrameType | None) -> Iterator[tuple[str, str]]:
    """Name files and functions: the bot's below its folder, libraries' as what they are for."""
    while frame:
        name, function = frame.f_code.co_filename, frame.f_code.co_name
        if name.startswith(BOT):
            yield name.removeprefix(BOT).removesuffix(".py"), function
        elif name == SKELETON:
            yield "skeleton", function
        else:
            package = name.rpartition("site-packages/")[2].partition("/")[0]
            if package in LIBRARIES:
                yield LIBRARIES[package], function
        frame = frame.f_back
