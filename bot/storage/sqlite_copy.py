"""A copy of a SQLite file: made while others write in it, and looked at before it is trusted."""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from bot.domain import BotError, StorageUnavailable
from bot.storage import audit
from bot.storage.errors import translated

VERSION = sqlite3.sqlite_version
BEFORE, KEPT = ".before-migration-", 2  # copies of that name
PAGES = 256  # a megabyte
STEPS = 100_000  # of SQLite's machine: some milliseconds
# https://sqlite.org/wal.html#walresetbug: a checkpoint and a commit at the same moment may lose
# what was written. The fix is in these of the older lines, and in all from _FIXED on.
FIXED_IN = "3.51.3, 3.50.7 and 3.44.6"
_FIRST = "SELECT 1 FROM sqlite_master LIMIT 0"  # SQLite looks at its journal before that
_FIXED, _PATCHED = (3, 51, 3), {(3, 44): 6, (3, 50): 7}


class DamagedDatabase(BotError):
    """A database's pages or its indexes are not as they must be."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a whole database is: its schema's revision, and where its books do not agree.

    Books of a revision that is not known are not read: `differences` is then empty.
    """

    revision: str | None
    differences: tuple[str, ...]


def may_lose_writes(version: tuple[int, ...] | None = None) -> bool:
    """Whether this SQLite has the WAL-reset fault, by its number: a distribution may have mended it."""
    version = version or sqlite3.sqlite_version_info
    if version < (3, 7) or version >= _FIXED:
        return False
    return version[2] < _PATCHED.get((version[0], version[1]), version[2] + 1)


def read_only(path: Path) -> sqlite3.Connection:
    """Open a database for reading: never created, never locked for others, never checkpointed.

    What somebody who was killed has half written is taken back. Raises sqlite3.Error.
    """
    reading = _opened(path, "ro")
    try:
        reading.execute(_FIRST)
    except sqlite3.Error as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
            return reading
        reading.close()
        with closing(_opened(path, "rw")) as writing:
            writing.execute(_FIRST)
        return _opened(path, "ro")
    return reading


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None)


def copy(source: Path, target: Path, go_on: Callable[[], object] = lambda: None) -> None:
    """Copy one snapshot into a file that is not there yet; it is on the disk when this returns.

    Nobody's write waits for it: in WAL mode a reader locks nobody out, and no more than a megabyte
    is on its way to the disk at a time (docs/decisions/0024). What `go_on`, called after each, raises ends it.
    Blocks. Raises StorageUnavailable, or StorageLost where the source is none.
    """
    target.touch(exist_ok=False)
    with target.open("rb+") as file, translated():

        def written(_status: int, _remaining: int, _total: int) -> None:
            os.fsync(file.fileno())
            go_on()

        with closing(read_only(source)) as reading, closing(_new(target)) as writing:
            # One snapshot from here on: else each write of others would begin the copy anew.
            reading.execute("BEGIN")
            reading.execute("SELECT 1 FROM sqlite_master").fetchone()
            reading.backup(writing, pages=PAGES, progress=written)
        with closing(sqlite3.connect(target, isolation_level=None)) as copied:
            copied.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        os.fsync(file.fileno())


def keep(database: Path, revision: str) -> Path:
    """Copy a database to `….before-migration-<revision>` beside it, and delete older ones but KEPT.

    Nothing of it stays where it is not whole. Blocks. Raises OSError, StorageUnavailable.
    """
    kept, partial = (Path(f"{database}{BEFORE}{revision}{end}") for end in ("", ".partial"))
    need, free = database.stat().st_size, shutil.disk_usage(database.parent).free
    if free < need:
        raise StorageUnavailable(f"{need >> 20} MB are needed for it, {free >> 20} MB are free")
    partial.unlink(missing_ok=True)
    try:
        copy(database, partial)
        partial.replace(kept)
    finally:
        partial.unlink(missing_ok=True)
    for old in sorted(database.parent.glob(f"{glob.escape(database.name)}{BEFORE}*"))[:-KEPT]:
        old.unlink()
    return kept


def _new(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def inspect(
    path: Path,
    known: str,
    check: str = "integrity_check",
    go_on: Callable[[], object] = lambda: None,
) -> Inspection:
    """Check all pages and indexes of a file, and its books where its revision is the `known` one.

    A `quick_check` looks at pages alone. What `go_on` raises ends it, as StorageUnavailable. Blocks.
    Raises DamagedDatabase, and StorageLost where it is no database.
    """
    with reading(path, go_on) as sql:
        fault = sql.scalar(text(f"PRAGMA {check}(1)"))
        if fault != "ok":
            raise DamagedDatabase(" ".join(str(fault).split()))
        revision = revision_of(sql)
        # Each statement is a read of its own here: the log can be shortened between two.
        differences = audit.differences(sql) if revision == known else []
        return Inspection(revision, tuple(differences))


def revision_of(sql: Connection) -> str | None:
    """Tell a database's revision, on SQLite and Postgres; None where it has no tables of ours."""
    if not sqlalchemy.inspect(sql).has_table("alembic_version"):
        return None
    revision: str | None = sql.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


@contextmanager
def reading(path: Path, go_on: Callable[[], object] = lambda: None) -> Iterator[Connection]:
    """Read a file as it is, whoever writes in it; what `go_on` raises ends a statement."""

    def step() -> int:
        go_on()
        return 0

    def connect() -> sqlite3.Connection:
        connection = read_only(path)
        connection.set_progress_handler(step, STEPS)
        return connection

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
    with translated(reading=True), engine.connect() as sql:
        yield sql
