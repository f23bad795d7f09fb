"""Two versions on one database: what the one before reads and writes still works on today's schema."""

from __future__ import annotations

import shutil
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, Table, delete, insert, select, update
from sqlalchemy.engine import Connection

from bot.domain import StorageUnavailable
from bot.features.admin.findings import Level
from bot.features.admin.inside_checks import _schema
from bot.storage import SchemaTooNew, Store, migrate, prepare, schema, state
from bot.storage.engine import normalised
from tests.storage.rows import accepted

SCRIPT = ScriptDirectory(str(schema.MIGRATIONS))
CHAIN = [one.revision for one in SCRIPT.walk_revisions()][::-1]
STEPS = list(pairwise(CHAIN))[-2:]
FIRST = "0012"  # the first program that reads what a migration works with
# Words that a rule of a table asks for, and values by a column's type in Python.
WORDS = {"state": "accepted"}
VALUES: dict[type, object] = {
    bool: True,
    int: 2**62,
    str: "x",
    datetime: datetime(2026, 11, 22, 12),  # noqa: DTZ001 - as a database without zones has it
}
ADDING = '''
"""A later one."""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "9000", "{before}"
{mark}
def upgrade():
    op.add_column("users", sa.Column("mood", sa.Text(), server_default=sa.text("'fine'"), nullable=False))
def downgrade():
    op.drop_column("users", "mood")
'''


def value(column: Column[Any]) -> object:
    if column.name in WORDS:
        return WORDS[column.name]
    if column.primary_key or column.foreign_keys:
        return 1 if column.type.python_type is int else "x"
    return None if column.nullable else VALUES[column.type.python_type]


def tables(connection: Connection) -> list[Table]:
    """Read what an earlier program knew of its tables; a library's own queue is no program's."""
    known = MetaData()
    known.reflect(connection)
    ours = [one for one in known.sorted_tables if not one.name.startswith("procrastinate_")]
    return [one for one in ours if one.name != "alembic_version"]


@pytest.mark.parametrize(("before", "after"), STEPS)
async def test_what_the_version_before_reads_and_writes_works_on_the_next_schema(
    empty_url: str, before: str, after: str
) -> None:
    with schema.connected(normalised(empty_url)) as connection:
        schema.upgrade(connection, before)
        known = tables(connection)
        schema.upgrade(connection, after)
    with schema.connected(normalised(empty_url)) as connection:
        for table in known:
            row = {column.name: value(column) for column in table.columns}
            connection.execute(insert(table), row)
            connection.execute(update(table).values(row))
            (found,) = connection.execute(select(table)).mappings()
            there = {name: one for name, one in found.items() if not isinstance(one, datetime)}
            assert there == {name: row[name] for name in there}
        for table in reversed(known):
            assert connection.execute(delete(table)).rowcount == 1


def test_each_migration_says_which_version_works_beside_it() -> None:
    later = [one for one in SCRIPT.walk_revisions() if one.revision > FIRST]
    said = {one.revision: getattr(one.module, "works_with", None) for one in later}
    assert {name for name, oldest in said.items() if not FIRST <= (oldest or "") <= name} == set()


def extended(folder: Path, monkeypatch: pytest.MonkeyPatch, mark: str) -> None:
    """Let the chain go on, as it does in a later version, and `schema` be of today's program."""
    shutil.copytree(schema.MIGRATIONS, folder / "migrations")
    monkeypatch.setattr(schema, "MIGRATIONS", folder / "migrations")
    later = ADDING.format(before=schema.REVISION, mark=mark)
    (folder / "migrations/versions/9000_later.py").write_text(later)


async def test_a_program_works_with_a_newer_schema_that_has_only_added_to_its_own(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extended(tmp_path, monkeypatch, f'works_with = "{schema.REVISION}"')
    await migrate(empty_url)
    store = await Store.open(empty_url)  # it runs while another one migrates
    with schema.connected(normalised(empty_url)) as connection:
        schema.upgrade(connection)
    await store.write(accepted)
    await store.close()
    for start in (prepare, migrate, schema.check):
        await start(empty_url)
    found = state.look(empty_url)
    assert found
    assert found.revision == "9000"
    assert _schema(found, on_server=False).level is Level.NOTE
    with schema.connected(normalised(empty_url)) as connection:
        command.downgrade(schema.configured(connection), schema.REVISION)
        assert not schema.is_suitable(connection)
    await prepare(empty_url)


@pytest.mark.parametrize("mark", ["", 'works_with = "9000"'])
async def test_a_program_refuses_a_newer_schema_that_says_nothing_of_it(
    empty_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    extended(tmp_path, monkeypatch, mark)
    with schema.connected(normalised(empty_url)) as connection:
        schema.upgrade(connection)
    for start in (prepare, migrate, schema.check):
        with pytest.raises(SchemaTooNew, match="9000"):
            await start(empty_url)
    found = state.look(empty_url)
    assert found
    assert _schema(found, on_server=False).level is Level.WRONG


async def test_a_migration_gives_up_before_those_who_write_wait_long_behind_it(
    empty_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "TURN", 1.0)
    with schema.connected(normalised(empty_postgres_url)) as connection:
        schema.upgrade(connection, CHAIN[-2])
    with psycopg.connect(empty_postgres_url) as other:
        other.execute("LOCK TABLE jobs IN ACCESS SHARE MODE")  # as pg_dump does
        with pytest.raises(StorageUnavailable, match="lock timeout"):
            await migrate(empty_postgres_url)
    await migrate(empty_postgres_url)
