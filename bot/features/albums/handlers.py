"""Album timers: when to close an album, in this process; what closing means is a rule's business."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from bot.domain import LimitReached, StorageUnavailable
from bot.tg import privacy_mode
from bot.tg.sender import reply
from bot.tg.submit_replies import limit_text, respond

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.features.albums.service import AlbumService, ClosedAlbum
    from bot.features.desk import Desk
    from bot.tg.parse import ParsedMessage


log = structlog.get_logger(__name__)

STORAGE_PAUSE = 5.0
SHORTEST = 0.05


class AlbumTimers:
    """Closes each album once it has been quiet for the settle window."""

    def __init__(self, albums: AlbumService, clock: Callable[[], datetime]) -> None:
        self._albums = albums
        self._clock = clock
        self._timers: dict[tuple[int, str], asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._respond: Callable[[ClosedAlbum], None] | None = None
        self._late: Callable[[ParsedMessage], None] | None = None

    def start(
        self, respond: Callable[[ClosedAlbum], None], late: Callable[[ParsedMessage], None]
    ) -> None:
        """Name who tells what became of an album, and who answers a picture that missed it."""
        self._respond = respond
        self._late = late

    async def resume(self) -> None:
        """Wind the timers of the albums that a restart fell into: anew, for more may have come."""
        for chat_id, group_id in await self._albums.open():
            if (chat_id, group_id) not in self._timers:
                self._wind(chat_id, group_id, self._albums.settle.total_seconds())

    async def add(self, incoming: ParsedMessage) -> None:
        """Keep one item and wait for the next."""
        item = incoming.album_item(self._clock())
        waits = await self._albums.add(item)
        if waits:
            self._wind(item.chat_id, item.group_id, self._albums.settle.total_seconds())
        elif waits is False and self._late:
            self._late(incoming)

    async def stop(self) -> None:
        """Stop all timers; open albums are closed after the next start."""
        for timer in self._timers.values():
            timer.cancel()
        if self._closing:
            await asyncio.wait(self._closing, timeout=STORAGE_PAUSE)

    def _wind(self, chat_id: int, group_id: str, seconds: float) -> None:
        key = (chat_id, group_id)
        if earlier := self._timers.pop(key, None):
            earlier.cancel()
        loop = asyncio.get_running_loop()
        self._timers[key] = loop.call_later(seconds, self._due, chat_id, group_id)

    def _due(self, chat_id: int, group_id: str) -> None:
        self._timers.pop((chat_id, group_id), None)
        task = asyncio.create_task(self._close(chat_id, group_id))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, chat_id: int, group_id: str) -> None:
        try:
            closed = await self._albums.close(chat_id, group_id)
            left = None if closed else await self._albums.left(chat_id, group_id)
        except StorageUnavailable:
            self._wind(chat_id, group_id, STORAGE_PAUSE)
            return
        except Exception:  # the task's edge
            log.exception("album not closed", chat=chat_id)
            return
        if left is not None:  # a timer or a clock ran ahead of the other
            self._wind(chat_id, group_id, max(SHORTEST, left))
        if closed and self._respond:
            self._respond(closed)


def speakers(desk: Desk) -> tuple[Callable[[ClosedAlbum], None], Callable[[ParsedMessage], None]]:
    """Make what the album timers call."""

    def closed(album: ClosedAlbum) -> None:
        if isinstance(album.submission, LimitReached):
            reply(desk, album.wish, limit_text(desk, album.wish.locale, album.submission))
        else:
            respond(desk, album.wish, album.submission)
            if len(album.wish.sources) == 1:  # there is no album of one
                privacy_mode.explain(desk, album.wish)

    def late(incoming: ParsedMessage) -> None:
        wish = incoming.prompt
        if incoming.addressed:
            reply(desk, wish, desk.texts(wish.locale, "album.late"))

    return closed, late
