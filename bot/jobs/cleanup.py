"""Housekeeping: what is of no more use is forgotten, once an hour."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.media.store import MediaStore
    from bot.storage.engine import Store

log = structlog.get_logger(__name__)

PAUSE = 3600.0
TRACES = timedelta(days=7)  # Telegram redelivers updates for a day
STRAY = timedelta(
    days=1
)  # how long a file that is nobody's picture is kept, and how often looked for


class Cleanup:
    """Prunes traces of handled updates, stray files, and media past `retention_days` (0 = never).

    Stray is a file that is no picture in the database: what somebody sent, which Telegram hands out
    again, what a cancelled job drew, what a crash kept an erasure from deleting.
    """

    def __init__(
        self, store: Store, media: MediaStore, retention_days: int, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._media = media
        self._retention_days = retention_days
        self._clock = clock
        self._strays_at: datetime | None = None

    async def run(self) -> None:
        """Tidy up again and again, until cancelled."""
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.tidy()
            except Exception:  # the loop's edge: dust does no harm
                log.exception("housekeeping failed")

    async def tidy(self) -> None:
        """Forget once what may be forgotten."""
        at = self._clock()
        async with self._store.transaction() as tx:
            await tx.handled.prune(at - TRACES)
            await tx.albums.drop_older(at - TRACES)
            await tx.asks.drop_older(at - TRACES)
            await tx.voices.drop_older(at - TRACES)
            await tx.rewrites.drop_older(at - TRACES)
            await tx.allowances.drop_older(at - TRACES)
        deleted = 0
        if days := self._retention_days:
            deleted += await self._media.expire(at - timedelta(days=days), self._undelivered)
        if self._strays_at is None or at - self._strays_at >= STRAY:
            deleted += await self._drop_strays(at)
            self._strays_at = at
        if deleted:
            log.info("media expired", files=deleted)

    async def _drop_strays(self, at: datetime) -> int:
        """Delete strays; what a running job has brought so far is none, however long it runs."""
        async with self._store.reading() as tx:
            since = await tx.own_data.running_since()
        return await self._media.expire(min(at, since or at) - STRAY, self._shown)

    async def _undelivered(self, sha256: str) -> bool:
        """Keep what an unfinished job still needs."""
        async with self._store.reading() as tx:
            return await tx.pictures.undelivered(sha256)

    async def _shown(self, sha256: str) -> bool:
        async with self._store.reading() as tx:
            return await tx.own_data.shown(sha256)
