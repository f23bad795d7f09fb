"""Bots as processes of their own that start at once: forks of one that has everything imported."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Forked:
    """A bot's process, as asyncio's own class shows one."""

    pid: int
    returncode: int | None
    _ended: asyncio.Task[int]

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal; one that has ended is left alone."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it as the kernel would."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end and tell the status."""
        self.returncode = await asyncio.shield(self._ended)
        return self.returncode


async def fork(
    folder: Path, words: tuple[str, ...], variables: Mapping[str, str], stdout: int, stderr: int
) -> Forked:
    """Run `python -m bot` with these words in a folder, in exactly this environment."""
    request = {"folder": str(folder), "words": words, "variables": dict(variables)}
    ended, status = os.pipe()
    try:
        pid = await asyncio.to_thread(_ask, request, [stdout, stderr, status])
    finally:
        os.close(status)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ended, "rb", 0)
    )

    async def end() -> int:
        try:
            forked.returncode = int(await reader.read())
        finally:
            transport.close()
        return forked.returncode

    forked = Forked(pid, None, asyncio.create_task(end(), name="end of a bot"))
    return forked


def _ask(request: Mapping[str, object], files: list[int]) -> int:
    server = _server()
    socket.send_fds(server, [json.dumps(request).encode()], files)
    return int(server.recv(100))


@cache
def _server() -> socket.socket:
    """Start the fork server; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-m", "tests.support.fork_server"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdin=theirs.fileno(), cwd=ROOT, env=environment)  # noqa: S603 - ours
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
