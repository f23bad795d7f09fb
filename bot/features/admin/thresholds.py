"""Thresholds: how little room is too little, and how old a backup too old; for all who look."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bot.config import Settings
from bot.features.admin.backup_place import here

MIB = 1 << 20
_EARLY = 2  # times what must be left: then there is time to do something


@dataclass(frozen=True, slots=True)
class Room:
    """What is free on a folder's disk, in MB; where `full`, under `least`, nothing is drawn."""

    free: int
    least: int

    @property
    def full(self) -> bool:
        return self.free < self.least

    @property
    def low(self) -> bool:
        return self.free < _EARLY * self.least


def room_in(folder: Path, settings: Settings) -> Room:
    """Look how much is free for a folder that is there. Blocks."""
    return Room(shutil.disk_usage(folder).free // MIB, settings.min_free_mb)


@dataclass(frozen=True, slots=True)
class NewestBackup:
    """When it was made, None where there is none; `late` where the bot was to have made another."""

    made_at: datetime | None
    late: bool


def newest_backup(settings: Settings, at: datetime) -> NewestBackup:
    """Look for it in BACKUP_DIR, at a moment. Blocks."""
    from bot.features.admin.backup import last_made  # noqa: PLC0415 - who makes none needs it not

    made, every = last_made(here(settings)), timedelta(hours=settings.backup_every)
    return NewestBackup(made, bool(every) and (made is None or at - made > 2 * every))
