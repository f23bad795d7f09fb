"""The command line as a process of its own: started, listened to, and ended."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio import StreamReader
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.forks import fork
from tests.support.waiting import patient, within

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "bot")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended and what it said."""

    code: int
    stdout: str
    stderr: str


@dataclass
class Command:
    """A running command; `said` is all that it has written, line by line."""

    process: Process
    said: list[str] = field(default_factory=list)
    heard: asyncio.Condition = field(default_factory=asyncio.Condition)
    silent: bool = False

    async def listen(self, stream: StreamReader) -> None:
        """Hear everything until the process ends: a full pipe would stop it."""
        while not self.silent:
            line = await stream.readline()
            async with self.heard:
                self.silent = not line
                self.said += [line.decode().rstrip("\n")] if line else []
                self.heard.notify_all()

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait for a line, even one that has been said already."""

        def found() -> re.Match[str] | None:
            return next(filter(None, (re.search(pattern, line) for line in self.said)), None)

        with suppress(TimeoutError):
            async with patient(), self.heard:
                await self.heard.wait_for(lambda: self.silent or found())
        match = found()
        assert match, f"waited for {pattern!r}, heard {self.said}"
        return match

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the exit code."""
        self.process.send_signal(number)
        return await within(self.process.wait())


async def ended(folder: Path, *words: str, **variables: str) -> Ended:
    """Run a command to its end, forked: with nothing in its environment but these variables."""
    (stdout, told), (stderr, warned) = os.pipe(), os.pipe()
    try:
        process = await fork(folder, words, _path() | variables, told, warned)
    finally:
        os.close(told)
        os.close(warned)
    out, err = asyncio.to_thread(_read, stdout), asyncio.to_thread(_read, stderr)
    try:
        return Ended(*await within(asyncio.gather(process.wait(), out, err)))
    finally:
        process.kill()


def _read(file: int) -> str:
    with os.fdopen(file, encoding="utf-8") as stream:
        return stream.read()


def _path() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}


@asynccontextmanager
async def running(
    folder: Path, *words: str, program: Sequence[str] = PROGRAM, **variables: str
) -> AsyncIterator[Command]:
    """Run a program as long as the block lasts; it may be ended within."""
    process = await asyncio.create_subprocess_exec(
        *program,
        *words,
        cwd=folder,
        env=_path() | {"PYTHONPATH": str(ROOT)} | variables,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    command = Command(process)
    assert process.stdout
    listening = asyncio.create_task(command.listen(process.stdout))
    try:
        yield command
    finally:
        await _killed(process)
        await listening


async def _killed(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
