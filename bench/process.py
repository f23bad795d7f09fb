"""A process under measurement: what it has used, by the kernel's count."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_STOP_SECONDS = 30


class Process:
    """A running Python program; what it says goes to the file `log`."""

    def __init__(self, child: asyncio.subprocess.Process, log: Path) -> None:
        self._child = child
        self._log = log
        self._proc = Path("/proc") / str(child.pid)

    async def unless_ended(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work beside it; raises RuntimeError with its last words if it ends first."""
        doing, ending = asyncio.ensure_future(work), asyncio.ensure_future(self._child.wait())
        try:
            await asyncio.wait({doing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise RuntimeError(f"it ended by itself: {self._log.read_text()[-2000:]}")
            return doing.result()
        finally:
            doing.cancel()
            ending.cancel()

    def send(self, signal: int) -> None:
        self._child.send_signal(signal)

    def cpu(self) -> float:
        """Tell the seconds of CPU that it and its living children have used, to the nanosecond."""
        return cpu_of(self._child.pid)

    def descriptors(self) -> int:
        """Tell how many files and connections it has open."""
        return sum(1 for _ in (self._proc / "fd").iterdir())

    def megabytes(self, of: str) -> float:
        """Tell its memory: `VmRSS` is what it holds now, `VmHWM` the most that it ever held."""
        for line in (self._proc / "status").read_text().splitlines():
            if line.startswith(f"{of}:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"this kernel does not tell {of}")


def cpu_of(pid: int) -> float:
    """Tell the seconds of CPU that a process and its living children have used, to the nanosecond.

    The number of another process's CPU clock is Linux' (clock_getcpuclockid, and
    MAKE_PROCESS_CPUCLOCK with CPUCLOCK_SCHED in its posix-timers.h): what /proc tells is
    rounded to 10 ms.
    """
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    pids = (pid, *map(int, children.split()))
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


@contextlib.asynccontextmanager
async def running(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> AsyncIterator[Process]:
    """Run a Python program until the block ends; what it says goes to a file."""
    with log.open("ab") as file:
        child = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env={**os.environ, **environment}, stdout=file, stderr=file
        )
    try:
        yield Process(child, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
