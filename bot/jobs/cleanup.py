"""Cleanup: what is of no more use is forgotten, once an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.media.store import MediaStore
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

log = structlog.get_logger(__name__)

PAUSE = 3600.0
TRACES = timedelta(days=7)  # Telegram redelivers updates for a day
SLICE, SLICE_PAUSE = 1000, 0.02  # rows of one transaction, seconds between two
_PRUNES: tuple[Callable[[Transaction, datetime], int], ...] = (
    lambda tx, before: tx.keys.prune(before, SLICE),
    lambda tx, before: tx.pending.prune(before, SLICE),
    lambda tx, before: tx.allowances.prune(before, SLICE),
)
# How long a file that is nobody's picture is kept, and how often such are looked for.
STRAY = timedelta(days=1)
STRAY_IN_NEED = timedelta(minutes=10)  # where the disk is full


@dataclass(slots=True)
class Cleanup:
    """Prunes traces of handled updates, stray files, and media past `retention_days` (0 = never).

    Stray is a file that is no picture in the database: what somebody sent, which Telegram hands out
    again, what a cancelled job drew, what a crash kept an erasure from deleting.
    """

    store: Store
    media: MediaStore
    retention_days: int
    clock: Callable[[], datetime]
    _strays_at: datetime | None = None

    async def run(self) -> None:
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.tidy()
            except Exception:  # the loop's edge: dust does no harm
                log.exception("housekeeping failed")

    async def tidy(self) -> None:
        at = self.clock()
        await self._prune(at - TRACES)
        deleted = 0
        if days := self.retention_days:
            deleted += await self.media.expire(at - timedelta(days=days), self._undelivered)
        if self._strays_at is None or at - self._strays_at >= STRAY:
            deleted += await self._drop_strays(at, STRAY)
            self._strays_at = at
        if deleted:
            log.info("media expired", files=deleted)

    async def make_room(self) -> None:
        """Delete the strays of the last day, too: whoever sends photos must not stop all others."""
        deleted = await self._drop_strays(self.clock(), STRAY_IN_NEED)
        log.warning("the disk is full: files of no more use are deleted", files=deleted)

    async def _drop_strays(self, at: datetime, age: timedelta) -> int:
        """Delete strays; what a running job has brought so far is none, however long it runs."""
        since = await self.store.read(lambda tx: tx.jobs.running_since())
        return await self.media.expire(min(at, since or at) - age, self._known)

    async def _prune(self, before: datetime) -> None:
        """Delete old rows in slices: whoever writes to the bot waits behind one of them at most."""
        for prune in _PRUNES:
            deleted = SLICE
            while deleted == SLICE:
                deleted = await self.store.write(prune, before)
                await asyncio.sleep(SLICE_PAUSE)

    async def _undelivered(self, files: Sequence[str]) -> set[str]:
        """Keep what an unfinished job still needs."""
        return await self.store.read(lambda tx: tx.pictures.undelivered(files))

    async def _known(self, files: Sequence[str]) -> set[str]:
        return await self.store.read(lambda tx: tx.pictures.known(files))
