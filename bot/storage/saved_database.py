"""A database as one file: saved while others write in it, checked, and put where none is yet."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import URL, inspect, text

from bot.descriptors import sync
from bot.domain import BotError, now
from bot.domain.administration import AdminVerb
from bot.storage import postgres_dump, sqlite_copy, state
from bot.storage.actions import Actions, command_line
from bot.storage.admin_tables import ACTIONS
from bot.storage.engine import normalised
from bot.storage.lock import file_lock
from bot.storage.schema import REVISION, connected, sqlite_file
from bot.storage.tables import METADATA

FileName = Literal["bot.db", "bot.dump"]
SQLITE: Final = "bot.db"
POSTGRES: Final = "bot.dump"
_COMING = ".restoring"
_TABLES = {*METADATA.tables, "alembic_version"}
_OBJECTS = text(
    "SELECT type, name FROM sqlite_master WHERE type != 'index' AND name NOT LIKE 'sqlite%'"
)


class NotSaved(BotError):
    """There is nothing to be saved, or it cannot be put there: one line for the operator."""


@dataclass(frozen=True, slots=True)
class SavedDatabase:
    """A saved database: the name of its file, and what is known of it."""

    name: FileName
    revision: str
    server: str
    differences: list[str]


def obstacle(url: str) -> str | None:
    """Say what this machine lacks to save a database; None where nothing. Blocks; raises as `state.look`."""
    return None if sqlite_file(url) else postgres_dump.obstacle(state.server(url))


def size(url: str) -> int:
    """Tell about how many bytes saving takes, as far as that is known beforehand."""
    file = sqlite_file(url)
    return file.stat().st_size if file and file.exists() else 0


def save(url: str, folder: Path, go_on: Callable[[], object]) -> SavedDatabase:
    """Save a database in a folder, and check it; `go_on` may end it by raising. Blocks.

    Raises NotSaved, DamagedDatabase, StorageUnavailable, StorageLost, OSError.
    """
    file = sqlite_file(url)
    if file is None:
        found = state.look(url)
        if found is None or found.revision is None:
            raise NotSaved("there are no tables of the bot's in the database")
        if told := postgres_dump.obstacle(found.server):
            raise NotSaved(told)
        postgres_dump.save(normalised(url), folder / POSTGRES, go_on)
        return SavedDatabase(POSTGRES, found.revision, found.server, list(found.differences))
    if not file.exists():
        raise NotSaved(f"there is no database at {file}")
    sqlite_copy.copy(file, folder / SQLITE, go_on)
    copied = sqlite_copy.inspect(folder / SQLITE, REVISION, go_on=go_on)
    if copied.revision is None:
        raise NotSaved(f"{file} is not a database of the bot's")
    server = f"SQLite {sqlite_copy.VERSION}"
    return SavedDatabase(SQLITE, copied.revision, server, list(copied.differences))


def readable(database: SavedDatabase, folder: Path, url: str) -> str | None:
    """Tell where what was saved can be read: in its copy or, of a Postgres, where it is still.

    None where it has another schema.
    """
    if database.revision != REVISION:
        return None
    return f"sqlite:///{(folder / SQLITE).absolute()}" if database.name == SQLITE else url


def check(file: Path, revision: str) -> list[str]:
    """Look into a saved database, and tell where its books do not agree; a dump's are not known.

    Raises DamagedDatabase where it is not one of the bot's with the schema `revision`.
    """
    if file.name == POSTGRES:
        postgres_dump.check(file)
        return []
    with sqlite_copy.reading(file) as sql:
        objects = sql.execute(_OBJECTS).all()
    # Before anything is read: a view may never end.
    if other := next((f"{row.type} {row.name}" for row in objects if row.type != "table"), None):
        raise sqlite_copy.DamagedDatabase(f"no database of the bot's has the {other}")
    if revision == REVISION and {row.name for row in objects} != _TABLES:
        raise sqlite_copy.DamagedDatabase(f"its tables are not those of schema {revision}")
    found = sqlite_copy.inspect(file, REVISION)
    if found.revision != revision:
        raise sqlite_copy.DamagedDatabase(f"its schema is {found.revision}, not {revision}")
    return list(found.differences)


def check_place(url: str, name: str) -> None:
    """Make sure that a file of this name can be put at a URL; raises NotSaved where not."""
    file = sqlite_file(url)
    if (file is None) != (name == POSTGRES):
        meant = "Postgres: let DATABASE_URL" if name == POSTGRES else "SQLite: let DATABASE_URL"
        raise NotSaved(f"this backup is for {meant} name one")
    if file is None:
        found = state.look(url)
        if found and found.revision:
            raise NotSaved("there are the bot's tables in the database already")
        return
    for suffix in ("", "-wal", "-journal"):
        if os.path.lexists(f"{file}{suffix}"):  # also a link that leads nowhere
            raise NotSaved(f"there is a database at {file} already")


def held(url: str) -> AbstractContextManager[None]:
    """Keep bots off a SQLite file; raises InUse where one runs on it. An empty Postgres has none."""
    return file_lock(normalised(url)) if sqlite_file(url) else nullcontext()


def put(source: Path, url: str, made_at: datetime) -> None:
    """Put a database saved at that moment where none is, as a whole or not at all. Blocks.

    An action in it says so, where its schema has a place for one.
    """
    file = sqlite_file(url)
    if file is None:
        postgres_dump.restore(normalised(url), source)
        _note(normalised(url), made_at)
        return
    coming = Path(f"{file}{_COMING}")
    try:
        shutil.copyfile(source, coming)
        _note(normalised(f"sqlite:///{coming}"), made_at)
        sync(coming)
        coming.rename(file)
    finally:
        coming.unlink(missing_ok=True)
    sync(file.parent)


def _note(url: URL, made_at: datetime) -> None:
    with connected(url) as sql:
        if inspect(sql).has_table(ACTIONS.name):  # not before schema 0011
            after = {"backup": made_at.isoformat(timespec="seconds")}
            Actions(sql).add(
                command_line(), AdminVerb.RESTORE, "bot", now(), before={}, after=after
            )
