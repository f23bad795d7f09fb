"""Pictures that the database has and the disk has not: deleted by hand, or on a disk that is not mounted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bot.domain import now
from bot.media.regular import is_regular
from bot.storage import state
from bot.storage.transaction import Transaction

BATCH = 500
_BEGINNING = datetime.min.replace(tzinfo=UTC)


def missing_pictures(
    url: str, folder: Path, retention_days: int, go_on: Callable[[], object] = lambda: None
) -> list[str]:
    """List files that pictures name and that are not there, though they are not too old to be kept.

    Blocks; raises as `state.look`.
    """
    since = now() - timedelta(days=retention_days) if retention_days else _BEGINNING
    missing: dict[str, None] = {}
    after = 0
    while rows := state.read(url, partial(_files, after, since)):
        go_on()
        missing |= {name: None for _, name in rows if not is_regular(folder / name[:2] / name)}
        after = rows[-1][0]
    return list(missing)


def _files(after: int, since: datetime, tx: Transaction) -> list[tuple[int, str]]:
    return tx.pictures.files(after, since, BATCH)
