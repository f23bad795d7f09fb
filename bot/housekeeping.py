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
PARTIAL = timedelta(days=1)


class Housekeeping:
    """Prunes traces of handled updates, and media past `retention_days` (0 = kept for ever)."""

    def __init__(
        self, store: Store, media: MediaStore, retention_days: int, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._media = media
        self._retention_days = retention_days
        self._clock = clock

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
        days = self._retention_days
        older = at - (timedelta(days=days) if days else PARTIAL)
        deleted = await self._media.expire(older, self._kept if days else _all_kept)
        if deleted:
            log.info("media expired", files=deleted)

    async def _kept(self, sha256: str) -> bool:
        """Keep what an unfinished job still needs."""
        async with self._store.reading() as tx:
            return await tx.pictures.undelivered(sha256)


async def _all_kept(_sha256: str) -> bool:
    return True
