"""Phases: for which part of a picture's way a program's CPU is used, measured and not sampled.

Each step of a task is timed by its thread's CPU clock, and counts for the place at which the task
waits next: what it did led there. So are transactions and what is done in threads. What is left
of the process's CPU is the event loop's, with the sockets that it reads and writes, and what it
calls outside of tasks.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial, wraps
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, TypeVar

import pybase64
import uvloop
from aiohttp.client_proto import ResponseHandler

from bot.gateway.receive import ResponseReader
from bot.storage.engine import Store
from bot.storage.sqlite import ConnectionThread

T = TypeVar("T")

ROOT = f"{Path(__file__).parents[1]}/"
# Of functions, any part of whose name is this; the innermost that is known says it.
FUNCTIONS = {
    "_claim": "accept",
    "_accept": "accept",
    "status_placed": "status",
    "_keep": "store",
    "_keep_in": "store",
    "_end": "settle",
    "_finish": "deliver",
    "_deliver": "deliver",
    "_draw": "call",
    "pread": "deliver",
    "Decoder": "extract",
    "get_updates": "update",
    "write_bytes": "network",  # aiohttp's task that sends a body
}
# Of files and folders; what is not named here is used by many.
FILES = {
    "bot/jobs/submit": "accept",
    "bot/jobs/pending": "accept",
    "bot/jobs/flags": "accept",
    "bot/jobs/options": "accept",
    "bot/jobs/preferences": "accept",
    "bot/jobs/dispatch": "accept",
    "bot/jobs/calls": "call",
    "bot/jobs/call_recorder": "call",
    "bot/jobs/messages": "deliver",
    "bot/tg/status": "status",
    "bot/tg/queue_status": "status",
    "bot/tg/delivery": "deliver",
    "bot/tg/polling": "update",
    "bot/tg/parse": "update",
    "bot/gateway/receive": "extract",
    "bot/gateway/image_extractor": "extract",
    "bot/gateway/response": "extract",
    "bot/gateway/stream": "extract",
    "bot/gateway/images": "store",
    "bot/gateway": "call",
    "bot/media": "store",
    "bot/features": "update",
}
COMMIT, LOOP, OTHER, WATCHING = "commit", "loop", "other", "watching"
# What does not wait, and is no task of its own.
TIMED: tuple[tuple[Any, str, str], ...] = (
    (ResponseHandler, "data_received", "network"),
    (ResponseReader, "feed", "extract"),
    (pybase64, "b64decode", "extract"),
)


class Phases:
    """CPU seconds by phase, since `clear`."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)
        self._inside = threading.local()
        self._known: dict[CodeType, str] = {}
        self._began = 0.0

    def install(self) -> None:
        """Measure from now on, for the life of this process."""
        _around(uvloop.Loop, "create_task", lambda work: Steps(work, self))
        _around(Store, "write", lambda work: self._timed(work, _of_function(work) or OTHER))
        _around(ConnectionThread, "submit", lambda work: self._timed(work, COMMIT))
        _around(ThreadPoolExecutor, "submit", self._in_thread)
        for owner, name, phase in TIMED:
            setattr(owner, name, self._timed(getattr(owner, name), phase))

    def clear(self) -> None:
        self._seconds.clear()
        self._began = time.process_time()

    def seconds(self) -> dict[str, float]:
        """Tell the CPU by phase; what it took to find out is left out."""
        found = dict(self._seconds)
        rest = time.process_time() - self._began - sum(found.values())
        found.pop(WATCHING, None)
        return found | {LOOP: rest}

    def run(self, call: Callable[..., T], given: tuple[Any, ...], phase: Callable[[], str]) -> T:
        """Make a call and count it for a phase, which is asked for after it; parts by themselves."""
        inside, before = self._inside, time.thread_time()
        around, inside.seconds = getattr(inside, "seconds", 0.0), 0.0
        try:
            return call(*given)
        finally:
            after = time.thread_time()
            self._seconds[phase() or OTHER] += after - before - inside.seconds
            ended = time.thread_time()
            self._seconds[WATCHING] += ended - after
            inside.seconds = around + ended - before

    def of_coroutine(self, work: object) -> str:
        """Tell the phase of the place at which a coroutine waits."""
        found = [self._of_code(code) for code in _awaited(work)]
        return next((phase for phase in reversed(found) if phase), "")

    def _of_code(self, code: CodeType) -> str:
        if code not in self._known:
            file = code.co_filename.removeprefix(ROOT).removesuffix(".py")
            self._known[code] = _phase(file, code.co_qualname)
        return self._known[code]

    def _in_thread(self, work: Callable[..., Any]) -> Callable[..., Any]:
        if isinstance(work, partial):  # what asyncio.to_thread hands over: `Context.run` of it
            return self._timed(work, _of_function(work.args[0]) or OTHER)
        return self._timed(work, _of_function(work) or OTHER)

    def _timed(self, work: Callable[..., Any], phase: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the work takes
            return self.run(partial(work, **kwargs) if kwargs else work, args, lambda: phase)

        return wraps(work)(timed) if hasattr(work, "__qualname__") else timed


class Steps(Coroutine[Any, Any, Any]):
    """A task's coroutine, each step of which is timed."""

    def __init__(self, work: Coroutine[Any, Any, Any], phases: Phases) -> None:
        self._work, self._phases = work, phases
        self._phase = phases.of_coroutine(work)

    def send(self, value: Any) -> Any:  # noqa: ANN401 - asyncio's
        return self._step(self._work.send, value)

    def throw(
        self,
        kind: Any,  # noqa: ANN401 - asyncio's
        value: BaseException | object | None = None,
        trace: TracebackType | None = None,
    ) -> Any:  # noqa: ANN401 - asyncio's
        given = [one for one in (kind, value, trace) if one is not None]
        return self._step(self._work.throw, *given)

    def close(self) -> None:
        self._work.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._work.__await__()

    def _step(self, step: Callable[..., Any], *given: Any) -> Any:  # noqa: ANN401 - asyncio's
        return self._phases.run(step, given, self._place)

    def _place(self) -> str:
        self._phase = self._phases.of_coroutine(self._work) or self._phase
        return self._phase


def _awaited(work: Any) -> Iterator[CodeType]:  # noqa: ANN401 - coroutines and generators of all kinds
    """List what a coroutine is in, the outermost first, as far as Python tells."""
    while work is not None:
        for kind, inner in (("cr", "cr_await"), ("gi", "gi_yieldfrom"), ("ag", "ag_await")):
            if code := getattr(work, f"{kind}_code", None):
                yield code
                work = getattr(work, inner, None)
                break
        else:
            return


def _of_function(work: Any) -> str:  # noqa: ANN401 - anything that can be called
    file = str(getattr(work, "__module__", "")).replace(".", "/")
    return _phase(file, getattr(work, "__qualname__", ""))


def _phase(file: str, name: str) -> str:
    for part in reversed(name.split(".")):
        if part in FUNCTIONS:
            return FUNCTIONS[part]
    folder = file.rpartition("/")[0]
    return FILES.get(file) or FILES.get(folder) or FILES.get(folder.rpartition("/")[0]) or ""


def _around(owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
    """Have the first argument of a method wrapped."""
    method = getattr(owner, name)

    @wraps(method)
    def wrapped(self: object, work: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        return method(self, wrap(work), *args, **kwargs)

    setattr(owner, name, wrapped)
