"""Album timers: when to close an album, in this process; what closing means is the service's rule."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from bot.domain import StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.features.albums.service import AlbumService, ClosedAlbum

log = structlog.get_logger(__name__)

STORAGE_PAUSE = 5.0  # seconds
SHORTEST = 0.05


@dataclass(slots=True)
class AlbumTimers:
    """Closes each album once it has been quiet for the settle window, and tells `on_closed`."""

    albums: AlbumService
    on_closed: Callable[[ClosedAlbum], None]
    _timers: dict[tuple[int, str], asyncio.TimerHandle] = field(default_factory=dict)
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    async def resume(self) -> None:
        """Wind the timers of the albums that a restart fell into: anew, for more may have come."""
        for chat_id, group_id in await self.albums.open():
            if (chat_id, group_id) not in self._timers:
                self.wind(chat_id, group_id)

    def wind(self, chat_id: int, group_id: str, seconds: float | None = None) -> None:
        """Have an album closed in so many seconds, or a settle window, from now."""
        key = (chat_id, group_id)
        if earlier := self._timers.pop(key, None):
            earlier.cancel()
        if seconds is None:
            seconds = self.albums.settle.total_seconds()
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(seconds, self._due, chat_id, group_id)

    async def stop(self) -> None:
        """Stop all timers; open albums are closed after the next start."""
        for timer in self._timers.values():
            timer.cancel()
        if self._closing:
            await asyncio.wait(self._closing, timeout=STORAGE_PAUSE)

    def _due(self, chat_id: int, group_id: str) -> None:
        self._timers.pop((chat_id, group_id), None)
        task = asyncio.create_task(self._close(chat_id, group_id))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, chat_id: int, group_id: str) -> None:
        try:
            closed = await self.albums.close(chat_id, group_id)
            left = None if closed else await self.albums.left(chat_id, group_id)
        except StorageUnavailable:
            self.wind(chat_id, group_id, STORAGE_PAUSE)
            return
        except Exception:  # the task's edge
            log.exception("album not closed", chat=chat_id)
            return
        if left is not None:  # a timer or a clock ran ahead of the other
            self.wind(chat_id, group_id, max(SHORTEST, left))
        if closed:
            self.on_closed(closed)
