"""Moving to Postgres by the command itself: killed in the middle, and the bot goes on there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from bot.domain import JobState
from bot.storage import Store, schema, sqlite_copy
from bot.storage.engine import normalised
from tests.storage.rows import ANN, NOON, accepted
from tests.support import process
from tests.support.command import PROGRAM, Ended, ended, running
from tests.support.conversation import PICTURE
from tests.support.database import migrated
from tests.support.waiting import patient, within

AGREE = "the books agree: set DATABASE_URL, and start no bot on FROM any more\n"


async def copied(folder: Path, source: str, target: str) -> Ended:
    return await ended(folder, "copy-database", source, target, LOG_LEVEL="WARNING")


async def refused(folder: Path, source: str, target: str, code: int = 1) -> str:
    end = await copied(folder, source, target)
    assert (end.code, end.stdout) == (code, "")
    assert end.stderr.count("\n") == 1
    return end.stderr


async def test_a_bot_goes_on_where_its_database_was_copied_to(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    there = await Store.open(empty_postgres_url)
    async with process.running(tmp_path, MAX_CONCURRENCY="1") as bot:
        (drawn,) = await bot.row(bot.alice, "a red fox", PICTURE)
        with bot.gateway.hold() as gate:
            bot.alice.send(text="a blue fox")
            await bot.gateway.until(lambda: gate.waiting)
            bot.bob.send(text="a green fox")  # waits for room
            async with patient():
                while len(await bot.jobs()) < 3:
                    await asyncio.sleep(0.02)
            told = await refused(tmp_path, f"{tmp_path}/bot.db", empty_postgres_url)
            assert told == "FROM is in use: stop the bot that runs on it\n"
            await bot.kill()
        end = await copied(tmp_path, f"{tmp_path}/bot.db", empty_postgres_url)
        assert (end.code, end.stderr) == (0, "")
        assert end.stdout.endswith(AGREE)
        bot.store = there
        await bot.begin(DATABASE_URL=empty_postgres_url)
        await bot.sees(bot.alice, PICTURE, PICTURE)
        await bot.sees(bot.bob, PICTURE)
        assert await bot.states() == [JobState.DELIVERED] * 3
        assert len(bot.gateway.calls) == 4  # the one in flight at the kill was asked again
        await bot.press(bot.alice, drawn, "Again")
        await bot.sees(bot.alice, PICTURE, PICTURE, PICTURE)
        await bot.quiet()
        (used,) = await bot.row(bot.alice, "/usage", "*")
        assert "All time \N{EN DASH} pictures: 3" in used["text"]
    await there.close()


async def many_rows(url: str) -> int:
    """Write more rows than are in memory at a time."""
    store = await Store.open(url)
    job = await store.write(accepted)
    await store.write(lambda tx: tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0))
    await store.close()
    with schema.connected(normalised(url)) as sql:
        sql.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
            " INSERT INTO idempotency_keys SELECT 'press ' || i, '2026-11-22 12:00:00' FROM n"
        )
    return 2505


async def test_killed_in_the_middle_it_begins_anew_and_done_once_it_is_not_done_again(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    source, target = await migrated(tmp_path), empty_postgres_url
    rows = await many_rows(source)
    await schema.migrate(target)
    with psycopg.connect(target) as other:
        other.execute("LOCK TABLE ledger IN EXCLUSIVE MODE")
        async with running(tmp_path, "copy-database", source, target) as command:
            async with patient():
                waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
                while not other.execute(waiting).fetchone():
                    await asyncio.sleep(0.02)
            command.process.kill()
            await within(command.process.wait())
        assert other.execute("SELECT 1 FROM jobs").fetchone() is None
    for told in ("copied to", "had been copied already to"):
        end = await copied(tmp_path, source, target)
        assert (end.code, end.stderr) == (0, "")
        assert end.stdout.startswith(f"{rows} rows {told} the local server, test_")
        assert end.stdout.endswith(f", and each compared\n{AGREE}")
    with psycopg.connect(target) as there:
        assert there.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (2500,)


async def test_what_cannot_be_copied_is_told_in_one_line(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    file, new = tmp_path / "bot.db", f"{tmp_path}/new.db"
    await migrated(tmp_path)
    for nothing, target in ((new, empty_postgres_url), (empty_postgres_url, new)):
        told = await refused(tmp_path, nothing, target)
        assert told == "FROM cannot be copied: there is no database of the bot's\n"
    same = await refused(tmp_path, "bot.db", f"sqlite:///{file}", code=2)
    assert same == "FROM and TO are the same database\n"
    for url in ("mysql://bot:s3cret@db/bot", "postgresql://bot:s3@cret@db/bot"):
        told = await refused(tmp_path, str(file), url, code=2)
        assert told.startswith("TO must ")
        assert "s3" not in told
    gone = await refused(tmp_path, str(file), "postgresql://bot:s3cret@127.0.0.1:9/bot")
    assert gone.startswith("TO cannot be used: ")
    assert "s3cret" not in gone
    (tmp_path / "other.db").write_text("no database at all, but text")
    other = await refused(tmp_path, str(file), f"{tmp_path}/other.db")
    assert other == "TO cannot be used: DatabaseError: file is not a database\n"
    assert not {"new.db", "new.db.lock"} & set(os.listdir(tmp_path))  # noqa: PTH208 - names


@pytest.mark.parametrize(
    ("revision", "told"),
    [
        (
            "0010",
            f"it has schema 0010, not {schema.REVISION}: run `picturebot migrate` on it first",
        ),
        ("9999", "the database has schema 9999, newer than this version of the bot knows"),
    ],
)
async def test_another_schema_is_not_copied(
    tmp_path: Path, empty_postgres_url: str, revision: str, told: str
) -> None:
    source = await migrated(tmp_path)
    with schema.connected(normalised(source)) as sql:
        sql.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    assert told in await refused(tmp_path, source, empty_postgres_url)


async def test_books_that_do_not_agree_are_copied_and_told(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    source = await migrated(tmp_path)
    await many_rows(source)
    with schema.connected(normalised(source)) as sql:
        sql.exec_driver_sql("UPDATE counters SET reserved = 2 WHERE period = 'all'")
    end = await copied(tmp_path, source, empty_postgres_url)
    assert end.code == 1
    assert end.stderr == (
        "the books do not agree, as in FROM: account 1001, all: rows minus counters are"
        " -1 reserved, 0 settled\n"
    )


async def test_without_its_driver_the_extra_is_named(tmp_path: Path) -> None:
    await migrated(tmp_path)
    (tmp_path / "psycopg.py").write_text("raise ImportError\n")
    words = ("copy-database", "bot.db", "postgresql://db/bot")
    here = f"{tmp_path}{os.pathsep}{Path.cwd()}"
    async with running(tmp_path, *words, program=PROGRAM, PYTHONPATH=here) as command:
        await command.says("^TO cannot be used: its driver needs picturebot.postgres.$")
        assert await within(command.process.wait()) == 1


async def test_a_postgres_is_copied_into_a_file_as_well(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    source = await migrated(tmp_path)
    rows = await many_rows(source)
    assert (await copied(tmp_path, source, empty_postgres_url)).code == 0
    end = await copied(tmp_path, empty_postgres_url, "back.db")
    assert end.stdout.startswith(f"{rows} rows copied to back.db, ")
    found = sqlite_copy.inspect(tmp_path / "back.db", schema.REVISION)
    assert (found.revision, found.differences) == (schema.REVISION, ())


async def test_a_file_that_was_not_finished_has_not_its_name_and_the_next_begins_anew(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    source, folder = await migrated(tmp_path), tmp_path / "back"
    rows = await many_rows(source)
    assert (await copied(tmp_path, source, empty_postgres_url)).code == 0
    words = ("copy-database", empty_postgres_url, str(folder / "bot.db"))
    with psycopg.connect(empty_postgres_url) as other:
        other.execute("LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE")
        async with running(tmp_path, *words) as command:
            async with patient():
                while not (folder / "bot.db.partial").exists():
                    await asyncio.sleep(0.02)
            command.process.kill()
            await within(command.process.wait())
    left = {path.name for path in folder.iterdir()}
    assert {"bot.db.partial", "bot.db.lock"} <= left <= {*left, "bot.db.partial-journal"}
    assert "bot.db" not in left
    (folder / "bot.db.partial").write_bytes(b"half a page")
    end = await copied(tmp_path, empty_postgres_url, str(folder / "bot.db"))
    assert end.stdout.startswith(f"{rows} rows copied to "), end.stderr
    assert {path.name for path in folder.iterdir()} == {"bot.db", "bot.db.lock"}
    found = sqlite_copy.inspect(folder / "bot.db", schema.REVISION)
    assert (found.revision, found.differences) == (schema.REVISION, ())
