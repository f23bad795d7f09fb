"""Decoding: what others send is decoded by processes of their own, which can be killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from bot.domain import InputError, InputProblem

log = structlog.get_logger(__name__)

PROCESSES = 2
IDLE_SECONDS = 60.0  # until a process that has nothing to do is ended: 25 MB each
# CPU is bounded by the process itself; this is for one that waits for a disk that is gone.
LONGEST = 300.0
_DYING = 2.0  # seconds from the end of what it says to its own
_BUFFER = 1 << 20
_ROOT = Path(__file__).parents[2]
# All that it needs of the environment, which holds the bot's secrets.
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class DecodingProcesses:
    """At most two processes, started with the first picture, ended when there are no more.

    `folder` is where they note what they have begun, for the next start of the bot.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turns = asyncio.Semaphore(PROCESSES)
        self._idle: list[Process] = []
        self._ending: asyncio.TimerHandle | None = None

    async def ask(self, request: Mapping[str, object]) -> tuple[dict[str, Any], bytes]:
        """Ask a process; tells the head of its answer, and the bytes behind it.

        Raises InputError where it was ended over it. Who is cancelled ends it.
        """
        async with self._turns:
            process = await self._take()
            try:
                async with asyncio.timeout(LONGEST):
                    answer = await _ask(process, request)
            except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
                await _end(process)
                if (status := process.returncode or 0) > 0:
                    raise RuntimeError(f"the decoding process failed: status {status}") from error
                log.warning("a picture was not decoded: the process was ended", signal=-status)
                raise InputError(InputProblem.TOO_COMPLEX) from error
            except BaseException:
                await _end(process)
                raise
            self._give_back(process)
            return answer

    async def close(self) -> None:
        if self._ending:
            self._ending.cancel()
        while self._idle:
            await _end(self._idle.pop())

    async def _take(self) -> Process:
        while self._idle:
            process = self._idle.pop()
            if process.returncode is None:
                return process
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "bot.media.decoder", str(self._folder)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd="/",
            env={
                **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                "PYTHONPATH": str(_ROOT),
                "MALLOC_ARENA_MAX": "1",  # each is counted at its largest
            },
            start_new_session=True,
            limit=_BUFFER,
        )

    def _give_back(self, process: Process) -> None:
        self._idle.append(process)
        if self._ending:
            self._ending.cancel()
        loop = asyncio.get_running_loop()
        self._ending = loop.call_later(IDLE_SECONDS, self._end_idle)

    def _end_idle(self) -> None:
        for process in self._idle:
            _kill(process)
        self._idle.clear()


async def _ask(process: Process, request: Mapping[str, object]) -> tuple[dict[str, Any], bytes]:
    assert process.stdin  # noqa: S101 - both are piped
    assert process.stdout  # noqa: S101
    process.stdin.write(json.dumps(request).encode() + b"\n")
    head: dict[str, Any] = json.loads(await process.stdout.readuntil())
    return head, await process.stdout.readexactly(head["bytes"])


async def _end(process: Process) -> None:
    # To kill one that has just died takes its status from whoever waits for it: it would be 255.
    if process.stdout and process.stdout.at_eof():
        with suppress(TimeoutError):
            async with asyncio.timeout(_DYING):
                await process.wait()
    _kill(process)
    await process.wait()


def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
