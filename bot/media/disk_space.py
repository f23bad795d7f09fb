"""Space on the disk: pictures are bought only while they can be kept."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from bot.media.store import MediaStore

log = structlog.get_logger(__name__)

PAUSE = 300.0  # seconds; what is of no use does not grow faster
_TRUSTED = 5.0  # seconds that one look at the disk counts
_MIB = 1 << 20


@dataclass(slots=True)
class DiskSpace:
    """What is left on the disk of a store, which must be `least` MiB; 0 never looks.

    Where it is less, `make_room` is called first, and not again before PAUSE.
    """

    _media: MediaStore
    _least: int
    _clock: Callable[[], float]
    _make_room: Callable[[], Awaitable[object]]
    _made_room: float | None = None
    _looked: float | None = None
    _enough: bool = True

    async def is_enough(self) -> bool:
        """Tell whether a picture may be bought; when there is not enough the log says so.

        Raises MediaUnavailable where it would go to a bucket that does not answer.
        """
        await self._media.check()
        now = self._clock()
        if self._least and (self._looked is None or now - self._looked > _TRUSTED):
            self._looked = now
            free = await self._free()
            if free < self._least and (self._made_room is None or now - self._made_room > PAUSE):
                self._made_room = now
                await self._make_room()
                free = await self._free()
            self._enough = free >= self._least
            if not self._enough:
                log.error("the disk is full: nothing is drawn", free_mb=free, least_mb=self._least)
        return self._enough

    async def _free(self) -> int:
        usage = await asyncio.to_thread(shutil.disk_usage, self._media.root)
        return usage.free // _MIB
