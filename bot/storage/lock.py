"""The lock: one process on a SQLite database. Two would buy each other's pictures again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool

from bot.domain import BotError, StorageUnavailable

NUMBER = 7_205_813  # any, the same for all bots; migrations have the one before
PAUSE = 0.2  # seconds between two tries
_ALONE = text(f"SELECT pg_try_advisory_lock({NUMBER}, hashtext(current_schema()))")


class InUse(BotError):
    """Another process runs on this database: one line for the operator."""

    def __init__(self) -> None:
        super().__init__("DATABASE_URL is in use: another bot runs on this database")


@contextmanager
def file_lock(url: URL, patience: float = 0) -> Iterator[None]:
    """Hold a SQLite database for this process, until it ends however it ends.

    By whatever name it is called: links are followed. Commands that only look may use it at the
    same time. Its file stays, and holds nobody up: root's is given to whose the database is. Raises InUse where another process has it for more than `patience` seconds, in which
    it blocks, and StorageUnavailable where there can be no file.
    """
    path = Path(url.database or "").resolve()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = Path(f"{path}.lock").open("w")  # noqa: SIM115 - closed below
    except OSError as exc:
        raise StorageUnavailable(f"no file for its lock: {exc}") from exc
    with file:
        _give(file.fileno(), path)
        until = monotonic() + patience
        while not _locked(file.fileno()):
            if monotonic() >= until:
                raise InUse
            sleep(PAUSE)
        yield


def _give(descriptor: int, database: Path) -> None:
    """Let who owns the database, or its folder, lock it later, as SQLite does with its log."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        owner = (database if database.exists() else database.parent).stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)


def _locked(descriptor: int) -> bool:
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:  # pragma: no cover
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@asynccontextmanager
async def alone(url: URL) -> AsyncIterator[None]:
    """Keep bots off a database of either kind; raises InUse where one runs on it."""
    if url.get_backend_name() == "sqlite":
        with file_lock(url):
            yield
        return
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    session = await asyncio.to_thread(engine.connect)
    try:
        if not await asyncio.to_thread(session.scalar, _ALONE):
            raise InUse
        yield
    finally:
        await asyncio.to_thread(session.close)
