"""Backups of a Postgres, by its own programs: saved beside a bot that runs, restored into an empty one."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import psycopg

from bot.features.admin.backup import backups
from bot.storage import migrate
from tests.support import postgres, process
from tests.support.command import Ended, ended
from tests.support.conversation import PICTURE


async def said(folder: Path, url: str, *words: str) -> Ended:
    path = f"{postgres._binaries()}{os.pathsep}{os.environ['PATH']}"
    given = {"DATABASE_URL": url, "MEDIA_URL": f"{folder}/media", "PATH": path}
    return await ended(folder, *words, **given)


async def test_what_a_bot_on_postgres_has_is_restored_into_an_empty_one(
    tmp_path: Path, empty_postgres_url: str, postgres_server: postgres.Postgres
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    async with process.running(here, DATABASE_URL=empty_postgres_url) as bot:
        await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.quiet()
        end = await said(here, empty_postgres_url, "backup", "kept")
        assert (end.code, end.stderr) == (0, "")
    (source,) = backups(here / "kept")
    empty = postgres_server.create()
    try:
        end = await said(there, postgres_server.url(empty), "restore", str(source))
        assert (end.code, end.stderr) == (0, "")
        audit = await said(there, postgres_server.url(empty), "audit")
        assert audit.stdout.endswith("the books agree\n")
        with psycopg.connect(postgres_server.url(empty)) as restored:
            named = {sha256 for (sha256,) in restored.execute("SELECT sha256 FROM pictures")}
        assert named == {path.name for path in (there / "media").glob("??/*")} != set()
        again = await said(there, postgres_server.url(empty), "restore", str(source))
        assert (again.code, again.stderr) == (
            1,
            "not restored: there are the bot's tables in the database already\n",
        )
        wrong = await said(there, f"sqlite:///{there}/bot.db", "restore", str(source))
        assert "is for Postgres: let DATABASE_URL name one" in wrong.stderr
    finally:
        postgres_server.drop(empty)


async def test_a_damaged_dump_is_not_restored(
    tmp_path: Path, empty_postgres_url: str, postgres_server: postgres.Postgres
) -> None:
    await migrate(empty_postgres_url)
    assert (await said(tmp_path, empty_postgres_url, "backup", "kept")).code == 0
    (source,) = backups(tmp_path / "kept")
    with (source / "bot.dump").open("r+b") as file:
        file.seek(2000)
        file.write(b"rot")
    empty = postgres_server.create()
    end = await said(tmp_path, postgres_server.url(empty), "restore", str(source))
    postgres_server.drop(empty)
    assert (end.code, end.stderr) == (1, f"not restored: {source} is damaged: bot.dump\n")


async def test_without_its_programs_or_tables_there_is_no_backup(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    end = await said(tmp_path, empty_postgres_url, "backup", "kept")
    assert end.stderr == "no backup: there are no tables of the bot's in the database\n"
    await migrate(empty_postgres_url)
    given = {
        "DATABASE_URL": empty_postgres_url,
        "MEDIA_URL": f"{tmp_path}/media",
        "PATH": str(tmp_path),
    }
    end = await ended(tmp_path, "backup", "kept", **given)
    told = "no backup: pg_dump is not there: install the client of Postgres\n"
    assert (end.code, end.stderr) == (1, told)
    assert not (tmp_path / "kept").exists()


async def test_a_pg_dump_that_is_older_than_the_server_is_named_by_backup_and_doctor(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    await migrate(empty_postgres_url)
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.1"\n')
    program.chmod(0o755)
    given = {
        "DATABASE_URL": empty_postgres_url,
        "MEDIA_URL": f"{tmp_path}/media",
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
    }
    end = await ended(tmp_path, "backup", "kept", **given)
    told = (
        r"pg_dump 9 does not save a Postgres (\d+): install the client of Postgres \1 or newer .*\n"
    )
    assert end.code == 1
    assert re.fullmatch(f"no backup: {told}", end.stderr)
    for every, level in (("24", "wrong"), ("0", "note")):
        end = await ended(tmp_path, "doctor", "--json", BACKUP_EVERY=every, **given)
        found = [one for one in json.loads(end.stdout)["findings"] if one["subject"] == "backups"]
        assert found[0]["level"] == level
        assert re.fullmatch(told, f"{found[0]['text']}\n")
        assert not [one for one in found if one["level"] == "ok"]


async def test_no_password_is_seen_by_others_of_the_machine(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    await migrate(empty_postgres_url)
    program = tmp_path / "pg_dump"
    program.write_text('#!/bin/sh\necho "$@ with $PGPASSWORD" | tee seen >&2; exit 1\n')
    program.chmod(0o755)
    with_password = empty_postgres_url.replace("postgres@", "postgres:s3cret@")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    end = await ended(tmp_path, "backup", "kept", DATABASE_URL=with_password, PATH=path)
    assert end.code == 1
    seen = (tmp_path / "seen").read_text()
    assert "s3cret" not in seen.partition(" with ")[0]
    assert seen.endswith(" with s3cret\n")
