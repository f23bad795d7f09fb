"""Migrations: one chain, up, down and up again on both databases, and no drift from the tables."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import procrastinate
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from bot.domain import StorageUnavailable
from bot.storage import SchemaOutdated, SchemaTooNew, Store, migrate, prepare, schema
from bot.storage.engine import normalised
from bot.storage.tables import METADATA

QUEUE = "procrastinate_"  # the tables of the queue on Postgres are not ours


def tables(connection: Connection) -> set[str]:
    names = inspect(connection).get_table_names()
    ours = {name for name in names if not name.startswith(QUEUE)}
    return ours - {"alembic_version", "sqlite_sequence"}


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "table" or not (name or "").startswith(QUEUE)


def details(connection: Connection) -> set[str]:
    """Describe what Alembic does not compare: conditions of indexes and checks."""
    if connection.dialect.name == "sqlite":
        sql = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"
    else:
        sql = (
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
            " SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE connamespace = 'public'::regnamespace"
        )
    found = connection.scalars(text(sql))
    rows = [row for row in found if "alembic" not in row and "procrastinate" not in row]
    # The order in which a table's columns and constraints are written says nothing, nor do blanks
    # before a bracket: SQLite writes a column that came later behind all others.
    return {
        " ".join(sorted(re.sub(r"([()])", r" \1 ", row.replace(",", " ")).split())) for row in rows
    }


async def test_up_down_and_up_again(empty_url: str) -> None:
    for revision in ("head", "base", "head"):
        with schema.connected(normalised(empty_url)) as connection:
            if revision == "base":
                command.downgrade(schema.configured(connection), revision)
                assert tables(connection) == set()
            else:
                schema.upgrade(connection, revision)
                assert set(METADATA.tables) == tables(connection)


async def test_the_migrated_schema_is_that_of_the_tables(empty_url: str) -> None:
    await migrate(empty_url)
    with schema.connected(normalised(empty_url)) as connection:
        opts = {"compare_type": True, "include_name": is_ours}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, METADATA) == []
        migrated = details(connection)
    with schema.connected(normalised(empty_url)) as connection:
        command.downgrade(schema.configured(connection), "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        METADATA.create_all(connection)
        assert details(connection) == migrated


JOB_OF_0010 = """
INSERT INTO jobs (account_id, chat_id, message_id, ordinal, request, locale, state, claim, dispatched,
    created_at, ended_at, text, detail, private, after_message_id)
VALUES (1001, 1001, 7, 0, :request, 'en', 'cancelled', 0, false,
    '2026-11-22 12:00:00', '2026-11-22 12:00:01', '', '', true, 0)
"""


async def test_a_database_of_0010_keeps_what_it_has(empty_url: str) -> None:
    with schema.connected(normalised(empty_url)) as connection:
        schema.upgrade(connection, "0010")
        request = (
            '{"v": 1, "prompt": "a fox", "model": "painter", "aspect_ratio": null, "sources": []}'
        )
        connection.execute(text(JOB_OF_0010), {"request": request})
    await migrate(empty_url)
    store = await Store.open(empty_url)
    job = await store.read(lambda tx: tx.jobs.find(1001, 7, 0))
    assert job
    assert (job.request.prompt, job.missing) == ("a fox", 0)
    assert await store.read(lambda tx: tx.decisions.rules()) == []
    await store.close()


def test_the_code_needs_the_head_of_the_chain_whose_numbers_go_up() -> None:
    script = ScriptDirectory(str(schema.MIGRATIONS))
    chain = [revision.revision for revision in script.walk_revisions()][::-1]
    assert script.get_heads() == [schema.REVISION]
    assert [f"{number:04}" for number in range(10, 10 + len(chain))] == chain


async def test_a_sqlite_file_is_created_and_migrated_wherever_the_process_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await prepare("sqlite:///data/deep/bot.db")
    await prepare("sqlite:///data/deep/bot.db")
    store = await Store.open("sqlite:///data/deep/bot.db")
    assert await store.read(lambda tx: tx.jobs.unfinished()) == []
    await store.close()


async def test_several_processes_may_migrate_at_once(empty_url: str) -> None:
    await asyncio.gather(*(migrate(empty_url) for _ in range(4)))
    await prepare(empty_url)


async def test_an_empty_postgres_is_refused_with_the_command_that_helps(
    empty_postgres_url: str,
) -> None:
    with pytest.raises(SchemaOutdated, match="python -m bot migrate"):
        await prepare(empty_postgres_url)
    await migrate(empty_postgres_url)
    await prepare(empty_postgres_url)


async def test_an_older_postgres_is_refused(empty_postgres_url: str) -> None:
    await migrate(empty_postgres_url)
    with schema.connected(normalised(empty_postgres_url)) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    with pytest.raises(SchemaOutdated):
        await prepare(empty_postgres_url)


async def test_a_newer_database_is_left_alone(empty_url: str) -> None:
    await migrate(empty_url)
    with schema.connected(normalised(empty_url)) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for bring_up in (prepare, migrate):
        with pytest.raises(SchemaTooNew, match="9999"):
            await bring_up(empty_url)


async def test_a_failed_migration_changes_nothing(empty_url: str) -> None:
    def fail() -> None:
        with schema.connected(normalised(empty_url)) as connection:
            schema.upgrade(connection)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with schema.connected(normalised(empty_url)) as connection:
        assert tables(connection) == set()


async def test_a_place_where_no_file_can_be_is_storage_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageUnavailable):
        await prepare(f"sqlite:///{tmp_path}/file/bot.db")


def test_the_queues_schema_is_that_of_the_library_in_use() -> None:
    library = Path(procrastinate.__file__).parent / "sql" / "schema.sql"
    ours = schema.MIGRATIONS / "versions" / "0012_queue.sql"
    assert ours.read_text() == library.read_text(), "a new one needs a migration of ours"
