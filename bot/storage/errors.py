"""Database errors: which of them pass by waiting and which never will, translated at the border."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.domain import StorageLost, StorageUnavailable

# https://www.sqlite.org/rescode.html: what another process, the disk or memory may cure.
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
_LOST = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_READONLY})
_PRIMARY_CODE = 0xFF
# What SQLite says, under the code of any mistake, where the file has become another database.
_FOREIGN = ("no such table", "no such column")
# https://www.postgresql.org/docs/current/errcodes-appendix.html: no such table, column, database,
# schema; and a server that only reads for now, as during a failover.
_FOREIGN_STATES = frozenset({"42P01", "42703", "3D000", "3F000"})
_READ_ONLY_STATE = "25006"


@contextmanager
def translated(*, reading: bool = False) -> Iterator[None]:
    """Raise StorageUnavailable for what passes by waiting, StorageLost for what never will.

    A mistake of ours stays what it is, such as to write where one is `reading`.
    """
    try:
        yield
    except PoolTimeout as exc:
        raise StorageUnavailable("no free database connection") from exc
    except (DBAPIError, sqlite3.Error) as exc:
        kind = _kind(exc)
        origin = exc.orig if isinstance(exc, DBAPIError) else exc
        # Its other codes tell of the file or its folder.
        ours = reading and getattr(origin, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY
        if kind is None or ours:
            raise
        # The statement's values are people's words: only the driver's message goes further.
        raise kind(f"{type(origin).__name__}: {origin}") from exc


def of_commit(failure: BaseException) -> StorageUnavailable:
    """Tell of a commit that has failed, whatever the reason: nobody's work is kept."""
    if isinstance(failure, StorageUnavailable):
        return type(failure)(str(failure))
    kind = _kind(failure) or StorageUnavailable
    return kind(f"not committed: {type(failure).__name__}: {failure}")


def _kind(exc: BaseException) -> type[StorageUnavailable] | None:
    origin = exc.orig if isinstance(exc, DBAPIError) else exc
    if isinstance(exc, DBAPIError) and exc.connection_invalidated:
        return StorageUnavailable
    if isinstance(origin, sqlite3.Error):
        code = _code(origin)
        if code in _LOST or str(origin).startswith(_FOREIGN):
            return StorageLost
        return StorageUnavailable if code in _PASSING else None
    state = getattr(origin, "sqlstate", None)
    if state in _FOREIGN_STATES:
        return StorageLost
    # psycopg sorts by SQLSTATE: connection, resources, shutdown, deadlock, serialization.
    passes = isinstance(exc, OperationalError | InterfaceError) or state == _READ_ONLY_STATE
    return StorageUnavailable if passes else None


def _code(error: BaseException | None) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & _PRIMARY_CODE
