"""The heartbeat: a file that says until when each part of the bot is believed to be alive.

A bot that polls has no port to be asked at. Who runs it asks `picturebot healthcheck`, which reads
the file; a service elsewhere hears of the bot each minute, and calls somebody once it does not.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from pydantic import SecretStr

from bot.config import Settings
from bot.domain import StorageUnavailable
from bot.healthcheck import MISSED, PARTS, find_file, stalled

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger(__name__)

SIZE = 512  # bytes: written over, so that a full disk has room for it
PING_SECONDS, PING_PATIENCE = 60.0, 10.0


def heartbeat_file(settings: Settings) -> Path:
    """Name the file: beside a SQLite database, else in the pictures' folder."""
    return find_file(settings.database_url.get_secret_value(), str(settings.media_folder))


@dataclass(slots=True)
class Heartbeat:
    """Writes the file every so many seconds, and removes it at its end.

    `signs` tell of a part whether it is alive; `writer` returns once the database's has had a turn.
    """

    file: Path
    seconds: float
    signs: Mapping[str, Callable[[], bool]]
    writer: Callable[[], Awaitable[None]]
    ping_url: SecretStr | None = None
    _until: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self._until = dict.fromkeys(PARTS, self._believed_until())

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat until the block ends."""
        task = asyncio.create_task(self._run(), name="heartbeat")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._beat(), name="beat")
                group.create_task(self._ask_writer(), name="writer's sign")
                if self.ping_url:
                    group.create_task(self._ping(self.ping_url.get_secret_value()), name="ping")
        except* Exception:  # the task's edge: a healthcheck tells, too
            log.exception("the heartbeat has stopped")
        finally:
            with suppress(OSError):
                self.file.unlink()

    @property
    def stalled(self) -> list[str]:
        """Name the parts that have given no sign of life for too long."""
        return stalled(self._until)

    def _believed_until(self) -> float:
        return time() + MISSED * self.seconds

    async def _beat(self) -> None:
        failed = False
        while True:
            for part, alive in self.signs.items():
                if alive():
                    self._until[part] = self._believed_until()
            try:
                await asyncio.to_thread(_write, self.file, self._until | {"every": self.seconds})
                failed = False
            except OSError as error:
                if not failed:
                    log.warning("the heartbeat cannot be written", reason=error.strerror)
                failed = True
            await asyncio.sleep(self.seconds)

    async def _ask_writer(self) -> None:
        while True:
            with suppress(StorageUnavailable):
                await self.writer()
                self._until["writer"] = self._believed_until()
            await asyncio.sleep(self.seconds)

    async def _ping(self, url: str) -> None:
        """Call a dead man's switch each minute in which nothing has stalled."""
        import httpx  # noqa: PLC0415 - not where there is none

        failed = False
        async with httpx.AsyncClient(timeout=PING_PATIENCE) as client:
            while True:
                if not self.stalled:
                    reason = await _pinged(client, url)
                    if reason and not failed:
                        host = urlsplit(url).hostname
                        log.warning("HEARTBEAT_URL does not answer", host=host, reason=reason)
                    elif failed and not reason:
                        log.info("HEARTBEAT_URL answers again")
                    failed = bool(reason)
                await asyncio.sleep(PING_SECONDS)


async def _pinged(client: httpx.AsyncClient, url: str) -> str:
    """Ask for a URL; tells what went wrong, without the URL: its path is a secret."""
    import httpx  # noqa: PLC0415 - as above

    try:
        # In all: the client's own patience begins anew with each byte.
        async with asyncio.timeout(PING_PATIENCE), client.stream("GET", url) as answer:
            return "" if answer.is_success else f"HTTP {answer.status_code}"
    except (httpx.HTTPError, OSError) as error:
        return type(error).__name__


def _write(file: Path, written: Mapping[str, float]) -> None:
    text = json.dumps({name: round(number, 3) for name, number in written.items()})
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(descriptor, text.ljust(SIZE - 1).encode() + b"\n", 0)
    finally:
        os.close(descriptor)
