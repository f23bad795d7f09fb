"""Backups as they are asked for: on the command line, and by the clock while the bot runs."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.config import Settings
from bot.domain import Abandoned, BotError, CommandFailed, now
from bot.features.admin.backup_place import S3, here

if TYPE_CHECKING:  # a bot that makes no backups does not load it
    from bot.features.admin.backup import Manifest

log = structlog.get_logger(__name__)

NICENESS = 15
MOST_NAMED = 5
AGAIN = 900.0  # seconds until a backup that failed is tried again


async def backup(settings: Settings, into: str | None) -> None:
    """Make a backup, and tell what is in it; old ones go, but for a place that was named.

    Raises CommandFailed, also where what was copied is not as it should be.
    """
    made, manifest, gone = await _made(settings, into)
    told = [f"{made}: {_content(manifest)}", *(f"deleted {path}" for path in gone)]
    sys.stdout.writelines(f"{line}\n" for line in told)
    if faults := _faults(manifest):
        raise CommandFailed("; ".join(faults))


async def restore(settings: Settings, source: str) -> None:
    """Restore a backup; raises CommandFailed where nothing was changed, and why."""
    manifest = await asyncio.to_thread(_restore, settings, source)
    sys.stdout.write(f"restored {source} of {manifest.made_at:%Y-%m-%d %H:%M:%S} UTC: ")
    sys.stdout.write(f"{_content(manifest)}\n")


def _restore(settings: Settings, source: str) -> Manifest:
    if source.startswith(S3):
        from bot.features.admin import bucket_backup  # noqa: PLC0415 - as above

        return bucket_backup.fetch(settings, source)
    from bot.features.admin import restore as restoring  # noqa: PLC0415 - as above

    return restoring.restore(settings, Path(source))


def _content(manifest: Manifest) -> str:
    books = "the books do not agree" if manifest.differences else "the books agree"
    size = manifest.bytes / (1 << 20)
    return f"schema {manifest.revision}, {manifest.files} pictures ({size:.1f} MB), {books}"


def _faults(manifest: Manifest) -> list[str]:
    damaged = [f"picture {sha256} is damaged and left out" for sha256 in manifest.damaged]
    missing = [f"picture {sha256} is missing" for sha256 in manifest.missing[:MOST_NAMED]]
    if more := len(manifest.missing) - MOST_NAMED:
        missing += [f"{more} more are missing"] if more > 0 else []
    rescued = [
        f"picture {sha256} is damaged or missing: its copy of an earlier backup is in this one"
        for sha256 in manifest.rescued[:MOST_NAMED]
    ]
    return [*damaged, *missing, *rescued, *manifest.differences]


async def run(settings: Settings) -> None:
    """Make a backup whenever the newest is BACKUP_EVERY hours old, for ever; one fails alone."""
    while True:
        try:
            wait = await asyncio.to_thread(_until_due, settings)
            if wait <= 0:
                made, manifest, _ = await _made(settings, None)
                log.info("backup made", place=made, pictures=manifest.files)
                for fault in _faults(manifest):
                    log.error("the backup is as the bot's data are", fault=fault)
        except Exception as error:  # noqa: BLE001 - the loop's edge: the bot goes on
            log.error("no backup was made", error=str(error))  # noqa: TRY400 - it is one line
            wait = AGAIN
        await asyncio.sleep(min(max(wait, 0), AGAIN))


def _until_due(settings: Settings) -> float:
    """Tell in how many seconds the next backup is to be made; it is late where they are negative."""
    from bot.features.admin.backup import last_made  # noqa: PLC0415 - as above

    at = last_made(here(settings))
    due = at + timedelta(hours=settings.backup_every) if at else now()
    return (due - now()).total_seconds()


async def _made(settings: Settings, into: str | None) -> tuple[str, Manifest, list[str]]:
    """Make a backup on a thread that lets all others go first; who is cancelled ends it."""
    ended = threading.Event()

    def go_on() -> None:
        if ended.is_set():
            raise Abandoned

    pool = ThreadPoolExecutor(1, "backup", _step_back)
    try:
        return await asyncio.get_running_loop().run_in_executor(pool, _make, settings, into, go_on)
    finally:
        ended.set()
        pool.shutdown(wait=False)


def _make(
    settings: Settings, into: str | None, go_on: Callable[[], object]
) -> tuple[str, Manifest, list[str]]:
    """Make a backup, and let old ones go; tell where it is, what is in it, and which went."""
    from bot.features.admin import backup, bucket_backup  # noqa: PLC0415 - as above

    place = into or settings.backup_dir
    if place.startswith(S3):
        made, manifest = bucket_backup.make(settings, place, go_on)
    else:
        folder = backup.make(settings, Path(place), go_on)
        made, manifest = str(folder), backup.read_manifest(folder)
    gone: list[str] = []
    if into is None:
        daily, weekly = settings.backup_keep_daily, settings.backup_keep_weekly
        try:
            if place.startswith(S3):
                gone = bucket_backup.prune(settings, daily, weekly, go_on)
            else:
                gone = [str(path) for path in backup.prune(Path(place), daily, weekly)]
        except (BotError, OSError) as error:  # the new one is there all the same
            log.warning("old backups were not deleted", error=str(error))
    return made, manifest, gone


def _step_back() -> None:
    """Let this thread alone, as Linux can, come last wherever somebody else wants the CPU."""
    with suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
