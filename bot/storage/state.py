"""A database's state, for who asks what is wrong with it: nothing is created, locked or written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from bot.domain import StorageUnavailable
from bot.storage import audit, postgres, sqlite_copy
from bot.storage.engine import normalised
from bot.storage.errors import translated
from bot.storage.schema import REVISION, is_suitable, sqlite_file
from bot.storage.transaction import Transaction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What is known of a database; no `revision` where there are no tables of ours yet.

    `journal` is SQLite's journal mode; a newer schema is `suitable` where this version may use it.
    """

    revision: str | None
    differences: tuple[str, ...]
    server: str
    journal: str | None = None
    suitable: bool = False

    @property
    def is_current(self) -> bool:
        return self.revision == REVISION

    @property
    def is_newer(self) -> bool:
        return self.revision is not None and self.revision > REVISION


def look(url: str) -> DatabaseState | None:
    """Look at a database; None where there is no file. Blocks.

    Raises StorageUnavailable, StorageLost, DamagedDatabase.
    """
    file = sqlite_file(url)
    if file is None:
        return _look_at_server(url)
    if not file.exists():
        return None
    found = sqlite_copy.inspect(file, REVISION, "quick_check")
    with sqlite_copy.reading(file) as sql:
        journal = sql.scalar(text("PRAGMA journal_mode"))
        suitable = found.revision is not None and is_suitable(sql)
    server = f"SQLite {sqlite_copy.VERSION}"
    return DatabaseState(found.revision, found.differences, server, journal, suitable)


def server(url: str) -> str:
    """Tell a Postgres' version. Blocks; raises as `look`."""
    with reading(url) as sql:
        return _version(sql)


def _version(sql: Connection) -> str:
    return f"Postgres {sql.scalar(text('SHOW server_version'))}"


def _look_at_server(url: str) -> DatabaseState:
    with reading(url) as sql:
        server = _version(sql)
        revision = sqlite_copy.revision_of(sql)
        suitable = revision is not None and is_suitable(sql)
        # Else one snapshot would keep the server from cleaning up for as long as all parts take.
        sql.rollback()
        differences = audit.differences(sql, sql.rollback) if revision == REVISION else []
        return DatabaseState(revision, tuple(differences), server, suitable=suitable)


def is_current(url: str) -> bool:
    """Whether there is a database of today's schema. Blocks; raises as `look`."""
    file = sqlite_file(url)
    if file and not file.exists():
        return False
    with reading(url) as sql:
        return sqlite_copy.revision_of(sql) == REVISION


def read(url: str, work: Callable[[Transaction], T]) -> T:
    """Read from a database of today's schema. Blocks; raises as `look`."""
    with reading(url) as sql:
        return work(Transaction(sql))


@contextmanager
def reading(url: str) -> Iterator[Connection]:
    """Read one snapshot of a database, whoever writes in it. Blocks; raises as `look`."""
    file = sqlite_file(url)
    if file:
        with sqlite_copy.reading(file) as sql:
            sql.exec_driver_sql("BEGIN")
            yield sql
        return
    engine = postgres.engine(normalised(url))
    try:
        with translated(reading=True), engine.connect() as sql:
            yield sql.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    except DBAPIError as exc:
        raise StorageUnavailable(str(exc.orig)) from exc
    finally:
        engine.dispose()
