"""Space on the disk: pictures are bought only while there is space to keep them."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

_TRUSTED = 5.0  # seconds that one look at the disk counts
_MIB = 1 << 20


@dataclass(slots=True)
class DiskSpace:
    """What is left on the disk of a folder, which must be `least` MiB; 0 never looks."""

    _folder: Path
    _least: int
    _clock: Callable[[], float]
    _looked: float | None = None
    _enough: bool = True

    async def is_enough(self) -> bool:
        """Tell whether a picture may be bought; when there is not enough the log says so."""
        now = self._clock()
        if self._least and (self._looked is None or now - self._looked > _TRUSTED):
            self._looked = now
            usage = await asyncio.to_thread(shutil.disk_usage, self._folder)
            free = usage.free // _MIB
            self._enough = free >= self._least
            if not self._enough:
                log.error("the disk is full: nothing is drawn", free_mb=free, least_mb=self._least)
        return self._enough
