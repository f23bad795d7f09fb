"""Database errors: which of them pass by waiting, translated at the border."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.domain import StorageUnavailable

# https://www.sqlite.org/rescode.html: what another process, the disk or memory may cure.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_PRIMARY_CODE = 0xFF


@contextmanager
def translated() -> Iterator[None]:
    """Raise StorageUnavailable for what passes by waiting; a mistake of ours stays what it is."""
    try:
        yield
    except PoolTimeout as exc:
        raise StorageUnavailable("no free database connection") from exc
    except DBAPIError as exc:
        if not _passes(exc):
            raise
        # The statement's values are people's words: only the driver's message goes further.
        raise StorageUnavailable(f"{type(exc.orig).__name__}: {exc.orig}") from exc
    except sqlite3.Error as exc:
        if not _sqlite_passes(exc):
            raise
        raise StorageUnavailable(f"{type(exc).__name__}: {exc}") from exc


def _passes(exc: DBAPIError) -> bool:
    if exc.connection_invalidated:
        return True
    if isinstance(exc.orig, sqlite3.Error):
        return _sqlite_passes(exc.orig)
    # psycopg sorts by SQLSTATE: connection, resources, shutdown, deadlock, serialization.
    return isinstance(exc, OperationalError | InterfaceError)


def _sqlite_passes(exc: sqlite3.Error) -> bool:
    return getattr(exc, "sqlite_errorcode", 0) & _PRIMARY_CODE in _PASSING
