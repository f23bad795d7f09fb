"""A database that is damaged, gone or another one: nothing is told as kept, and nothing goes on."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.domain import StorageLost
from bot.storage import Store, Transaction, prepare
from bot.storage.schema import ForeignDatabase
from tests.storage.rows import accepted, draft
from tests.support import postgres


def write(tx: Transaction, message: int = 1) -> None:
    accepted(tx, draft(message))


@pytest.fixture
async def store(sqlite_url: str) -> AsyncIterator[Store]:
    opened = await Store.open(sqlite_url)
    yield opened
    await opened.close()


def foreign(path: Path) -> Path:
    """Make another program's database."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, words TEXT)")
        connection.executemany("INSERT INTO notes (words) VALUES (?)", [("mine" * 99,)] * 99)
    connection.close()
    return path


def delete(path: Path) -> None:
    path.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("elsewhere.db"))


def replace(path: Path) -> None:
    other = path.with_name("other.db")
    shutil.copy(path, other)
    other.replace(path)


def overwrite(path: Path) -> None:
    """Copy another database into the same file, as `cp` does."""
    with path.open("r+b") as file:
        file.write(foreign(path.with_name("foreign.db")).read_bytes())
        file.truncate()


def garble(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.write(b"\xff" * size)


@pytest.mark.parametrize("happens", [delete, move, replace, overwrite, garble])
async def test_what_happens_to_the_file_is_seen_at_the_next_commit(
    happens: Callable[[Path], None], store: Store, tmp_path: Path
) -> None:
    await store.write(write)
    with sqlite3.connect(tmp_path / "bot.db") as connection:  # as after a while: in the file itself
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    happens(tmp_path / "bot.db")
    waiting = asyncio.create_task(store.until_lost())
    told: list[str] = []

    def write_and_tell(tx: Transaction) -> None:
        tx.after_commit(told.append, "committed")
        write(tx, 2)

    with pytest.raises(StorageLost):
        await store.write(write_and_tell)
    with pytest.raises(StorageLost):
        await waiting
    with pytest.raises(StorageLost):
        await store.read(lambda _tx: None)
    assert told == []


async def test_a_damaged_page_is_seen_where_it_is_needed(sqlite_url: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "bot.db") as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'jobs'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with (tmp_path / "bot.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    store = await Store.open(sqlite_url)
    with pytest.raises(StorageLost):
        await store.write(write)
    await store.close()


async def test_a_database_that_can_only_be_read_is_lost(store: Store) -> None:
    def forbid(tx: Transaction) -> None:
        tx.jobs._sql.exec_driver_sql("PRAGMA query_only = ON")

    await store.write(forbid)
    with pytest.raises(StorageLost):
        await store.write(write)


async def test_to_write_while_reading_is_a_mistake_and_loses_nothing(store: Store) -> None:
    with pytest.raises(DBAPIError):
        await store.read(write)
    await store.write(write)


async def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = foreign(tmp_path / "notes.db")
    before = file.read_bytes()
    with pytest.raises(ForeignDatabase):
        await prepare(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:  # of a program that migrates like us
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.close()
    with pytest.raises(ForeignDatabase):
        await prepare(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('0009')")
    connection.close()
    with pytest.raises(ForeignDatabase):
        await prepare(f"sqlite:///{file}")
    assert b"jobs" not in file.read_bytes()
    assert before[:16] == file.read_bytes()[:16]


async def test_a_postgres_whose_tables_are_gone_is_lost(
    postgres_server: postgres.Postgres,
) -> None:
    name = postgres_server.create()
    store = await Store.open(postgres_server.url(name))
    with pytest.raises(StorageLost):
        await store.write(write)
    await store.close()
    postgres_server.drop(name)


async def test_a_postgres_that_is_read_only_for_now_is_waited_for(postgres_url: str) -> None:
    store = await Store.open(postgres_url)

    def fail(tx: Transaction) -> None:
        tx.jobs._sql.execute(text("SET TRANSACTION READ ONLY"))
        write(tx)

    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is told below
        await store.write(fail)
    assert type(caught.value).__name__ == "StorageUnavailable"
    await store.write(write)
    await store.close()
