"""Pictures that the database has and the store has not: deleted by hand, or on a disk that is not mounted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from bot.domain import now
from bot.media.kept_files import KeptFiles
from bot.media.store import MediaStore
from bot.storage import Store, Transaction, state

BATCH, NEWEST = 500, 5
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def missing_pictures(
    url: str, files: KeptFiles, retention_days: int, go_on: Callable[[], object] = lambda: None
) -> list[str]:
    """List files that pictures name and that are not there, though they are not too old to be kept.

    Blocks; raises as `state.look`, and MediaUnavailable.
    """
    since = _since(retention_days)
    missing: dict[str, None] = {}
    after = 0
    while rows := state.read(url, partial(_files, after, since)):
        go_on()
        missing |= dict.fromkeys(files.missing([name for _, name in rows]))
        after = rows[-1][0]
    return list(missing)


def has_pictures(url: str, retention_days: int) -> bool:
    """Whether there is a picture that is not too old to be kept. Blocks; raises as `state.look`."""
    return bool(state.read(url, partial(_files, 0, _since(retention_days))))


async def newest_are_gone(store: Store, media: MediaStore, retention_days: int) -> bool:
    """Whether none of the newest pictures is in their folder, as where a disk is not mounted.

    A bucket is not asked: it is paid by the question. Raises StorageUnavailable.
    """
    if media.in_bucket:
        return False
    since = _since(retention_days)
    names = await store.read(lambda tx: tx.pictures.newest_files(since, NEWEST))
    sizes = [await media.size(name) for name in names]
    return bool(sizes) and not any(sizes)


def _since(retention_days: int) -> datetime:
    return now() - timedelta(days=retention_days) if retention_days else _BEGINNING


def _files(after: int, since: datetime, tx: Transaction) -> list[tuple[int, str]]:
    return tx.pictures.files(after, since, BATCH)
