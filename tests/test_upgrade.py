"""A database of the last revision before the first release becomes today's, with all it knows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.engine import Connection
from structlog.testing import capture_logs

from bot.domain import (
    AlbumItem,
    Enhancement,
    Job,
    JobState,
    OutcomeKind,
    PendingPrompt,
    Preferences,
    Reply,
    Request,
    Source,
    Voice,
    Wake,
)
from bot.storage import (
    SchemaOutdated,
    SchemaTooOld,
    Store,
    Transaction,
    before_release,
    migrate,
    schema,
)
from bot.storage.calls import UnfinishedCall
from bot.storage.columns import CallKind
from bot.storage.engine import normalised
from tests.storage.rows import ANN, GROUP, NOON, accepted, allowance_used, draft, picture
from tests.storage.test_migrations import details

DATA = Path(__file__).parent / "storage" / "revisions"
PHOTO = '{"v":1,"sources":[{"file_id":"photo","sha256":null,"size":7}]}'
NOTHING = '{"v":1,"sources":[]}'
MEANT = {"v": 1, "prompt": "кот 🐈", "model": "painter", "aspect_ratio": "16:9", "sources": []}


def fill(connection: Connection, revision: str = "0009") -> None:
    """Write a database as the version of then left it."""
    statements = (DATA / f"0009-{connection.dialect.name}.sql").read_text().split(";\n")
    for statement in [
        *filter(str.strip, statements),
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)",
        f"INSERT INTO alembic_version VALUES ('{revision}')",
    ]:
        connection.execute(text(statement))
    for table, known in ROWS:
        row = known
        if connection.dialect.name == "sqlite":  # which keeps no zone
            row = {name: AT[:-6] if value == AT else value for name, value in known.items()}
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f":{name}" for name in row)
        insert = f"INSERT INTO {table} ({names}) VALUES ({values})"
        connection.execute(text(insert), row)
    if connection.dialect.name == "postgresql":
        for table, number in (("jobs", 9), ("pictures", 5), ("ledger", 3), ("attempts", 4)):
            connection.execute(text(f"SELECT setval('{table}_id_seq', {number})"))
    else:
        connection.execute(text("UPDATE sqlite_sequence SET seq = 9 WHERE name = 'jobs'"))


AT = "2026-11-22 12:00:00.000000+00:00"
JOB = {
    "id": 7,
    "account_id": ANN,
    "chat_id": GROUP,
    "message_id": 5,
    "ordinal": 0,
    "request": json.dumps(MEANT),
    "locale": "en",
    "state": "running",
    "attempt": 3,
    "dispatched": True,
    "created_at": AT,
    "started_at": AT,
    "text": "",
    "detail": "",
    "private": False,
    "after_message_id": 5,
}
ANNS = {"chat_id": GROUP, "account_id": ANN, "locale": "de", "private": False}
ITEM = {
    **ANNS,
    "sources": PHOTO,
    "prompt": "as oil",
    "addressed": True,
    "arrived_at": AT,
    "reply_id": 3,
}
ASK = {**ANNS, "thread_id": 0, "sources": PHOTO, "asked_at": AT, "flags": "16:9"}
REPLIED = {"reply_id": 3, "reply_sources": PHOTO}
VOICE = {
    **ANNS,
    **REPLIED,
    "sources": PHOTO,
    "seconds": 4,
    "caption": "x2",
    "arrived_at": AT,
    "thread_id": 9,
}
REWRITE = {
    **ANNS,
    **REPLIED,
    "words": "a cat --ar 1:1",
    "bare": "a cat",
    "flags": "1:1",
    "asked_at": AT,
    "reply_sources": NOTHING,
}
CALL = {"model": "painter", "host": "host", "started_at": AT}
ROWS: list[tuple[str, dict[str, Any]]] = [
    ("users", {"id": ANN, "name": "Ann", "first_seen": AT, "last_seen": AT}),
    ("chats", {"id": GROUP, "kind": "group", "first_seen": AT, "last_seen": AT, "added_by": ANN}),
    ("preferences", {"account_id": ANN, "thread_id": 0, "model": "painter", "enhance": True}),
    ("jobs", JOB),
    ("jobs", {**JOB, "id": 8, "ordinal": 1, "state": "delivered", "ended_at": AT}),
    (
        "attempts",
        {
            **CALL,
            "id": 3,
            "job_id": 8,
            "attempt": 1,
            "state": "ended",
            "route": "chat",
            "ended_at": AT,
            "outcome": "drawn",
            "latency_ms": 900,
            "cost_micros": 5,
            "currency": "USD",
            "cost_source": "reported",
            "detail": "said",
        },
    ),
    (
        "attempts",
        {
            **CALL,
            "id": 4,
            "job_id": 7,
            "attempt": 3,
            "state": "started",
            "route": "chat",
            "detail": "",
        },
    ),
    (
        "errands",
        {**CALL, "id": 1, "kind": "voice", "account_id": ANN, "chat_id": 1, "message_id": 2},
    ),
    (
        "pictures",
        {
            "id": 4,
            "job_id": 8,
            "position": 0,
            "sha256": "a" * 64,
            "mime": "image/png",
            "width": 64,
            "height": 48,
            "size": 1234,
            "chat_id": GROUP,
            "message_id": 60,
            "file_id": "file",
            "account_id": ANN,
            "deleted": False,
        },
    ),
    ("stand_ins", {"chat_id": GROUP, "message_id": 61, "picture_id": 4}),
    *(
        (
            "ledger",
            {
                "id": number,
                "account_id": ANN,
                "job_id": job,
                "kind": kind,
                "reserved_delta": reserved,
                "settled_delta": settled,
                "day": "2026-11-22",
                "month": "2026-11",
                "at": AT,
            },
        )
        for number, (job, kind, reserved, settled) in enumerate(
            [(7, "reserve", 1, 0), (8, "reserve", 1, 0), (8, "settle", -1, 1)], 1
        )
    ),
    *(
        (
            "counters",
            {
                "account_id": ANN,
                "period": period,
                "reserved": 1,
                "settled": 1,
                "tokens_in": 0,
                "tokens_out": 0,
                "unpriced_calls": 0,
            },
        )
        for period in ("2026-11-22", "2026-11", "all")
    ),
    ("costs", {"account_id": ANN, "period": "all", "currency": "USD", "micros": 5}),
    ("allowances", {"chat_id": GROUP, "account_id": ANN, "day": "2026-11-22", "used": 2}),
    ("handled", {"key": "press", "at": AT}),
    ("outgoing", {"chat_id": GROUP, "message_id": 62, "at": AT}),
    (
        "clearances",
        {
            "chat_id": -9,
            "message_id": 3,
            "account_id": 4,
            "locale": "en",
            "at": AT,
            "refused": False,
        },
    ),
    ("published", {"what": "1 commands", "digest": "d"}),
    ("albums", {"chat_id": GROUP, "group_id": "album", "last_at": AT, "closed": False}),
    ("albums", {"chat_id": GROUP, "group_id": "done", "last_at": AT, "closed": True}),
    ("album_items", {**ITEM, "message_id": 20, "group_id": "album"}),
    ("album_items", {**ITEM, "message_id": 21, "group_id": "done"}),
    ("asks", {**ASK, "message_id": 22, "open": True}),
    ("asks", {**ASK, "message_id": 23, "open": False, "prompt": "blue", "question_id": 24}),
    ("voices", {**VOICE, "message_id": 25}),
    ("voices", {**VOICE, "message_id": 26, "words": "fox", "ended_at": AT, "outcome": "drawn"}),
    ("rewrites", {**REWRITE, "message_id": 27, "shown": False}),
    (
        "rewrites",
        {**REWRITE, "message_id": 28, "shown": True, "better": "a fine cat", "shown_id": 29},
    ),
]


def look(tx: Transaction) -> None:
    request = Request("кот 🐈", "painter", (), "16:9")
    running = tx.jobs.get(7)
    assert isinstance(running, Job)
    assert (running.request, running.claim, running.started_at) == (request, 3, NOON)
    assert tx.preferences.get(ANN) == Preferences(model="painter", enhance=True)
    assert tx.people.added_by(GROUP) == (ANN, None)
    assert [call for call in tx.calls.unfinished(9) if call.job_id] == [
        UnfinishedCall(4, CallKind.IMAGE, 7, ANN, "painter", "host", NOON, awaited=True)
    ]
    (text_call,) = [call for call in tx.calls.unfinished(9) if not call.job_id]
    assert (text_call.kind, text_call.account_id) == (CallKind.VOICE, ANN)
    assert tx.calls.interrupted_text(1, 2) == 1
    assert tx.calls.interrupted(7, 4) == 1
    assert tx.calls.latencies(9) == [("painter", 900)]
    (drawn,) = tx.pictures.of_job(8)
    assert tx.pictures.linked(GROUP, 61) == tx.pictures.at(GROUP, 60) == drawn
    assert tx.ledger.audit() == []
    assert allowance_used(tx, GROUP, ANN, NOON) == 2
    assert tx.keys.has("press")
    assert tx.messages.known(GROUP, 61, 62) == {62}
    assert len(tx.deletions.waiting(9)) == 1
    assert tx.profile.of(1) == {"1 commands": "d"}


def look_at_pending(tx: Transaction) -> None:
    photo = Source("photo", size=7)
    place: dict[str, Any] = {"account_id": ANN, "chat_id": GROUP, "locale": "de"}
    item = AlbumItem(
        group_id="album",
        message_id=20,
        source=photo,
        prompt="as oil",
        addressed=True,
        arrived_at=NOON,
        private=False,
        reply_id=3,
        **place,
    )
    assert tx.albums.open_albums() == [(GROUP, "album", NOON)]
    assert tx.albums.add(replace(item, group_id="done", message_id=99)) is False
    assert tx.albums.add(item) is None
    assert tx.albums.close(GROUP, "album") == [item]
    ask = PendingPrompt(
        message_id=22,
        thread_id=None,
        sources=(photo,),
        asked_at=NOON,
        private=False,
        flags="16:9",
        **place,
    )
    worded = replace(ask, message_id=23, prompt="blue", question_id=24)
    assert tx.questions.take_replied(ANN, GROUP, 24, NOON) == worded
    assert tx.questions.take(ANN, GROUP, None, NOON) == ask
    voice = Voice(
        message_id=25,
        source=photo,
        seconds=4,
        arrived_at=NOON,
        thread_id=9,
        private=False,
        caption="x2",
        reply=Reply(3, photo),
        **place,
    )
    assert tx.voices.unfinished(NOON) == [voice]
    assert tx.voices.known(GROUP, 26)
    rewrite = Enhancement(
        message_id=27,
        words="a cat --ar 1:1",
        asked_at=NOON,
        private=False,
        reply=Reply(3),
        bare="a cat",
        flags="1:1",
        **place,
    )
    assert tx.enhancements.unfinished(NOON) == [rewrite]
    shown = replace(rewrite, message_id=28, better="a fine cat", shown_id=29, shown=True)
    assert tx.enhancements.open(GROUP, 28) == shown


def go_on(tx: Transaction) -> None:
    """Numbers are given on, also those whose rows are gone."""
    assert accepted(tx, draft(99)).id > 9
    kept = tx.jobs.claim(Wake(7, 3), datetime(2026, 11, 23, tzinfo=UTC))
    assert kept is not None
    assert tx.calls.start(kept, "painter", "host", "chat", NOON) > 4
    tx.pictures.add(7, ANN, [picture()])
    tx.ledger.settle(7, 1, NOON)
    ended = tx.jobs.end(7, 4, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
    assert ended is not None
    assert tx.ledger.audit() == []


async def test_what_a_database_of_the_last_revision_knows_is_taken_over(
    empty_url: str,
) -> None:
    with schema.connected(normalised(empty_url)) as connection:
        fill(connection)
    await migrate(empty_url)
    await migrate(empty_url)
    store = await Store.open(empty_url)
    await store.read(look)
    await store.write(look_at_pending)
    await store.write(go_on)
    await store.close()
    with schema.connected(normalised(empty_url)) as connection:
        taken_over = details(connection)
        command.downgrade(schema.configured(connection), "base")
        schema.upgrade(connection)
        assert details(connection) == taken_over


async def test_a_migration_says_what_it_does_and_how_far_it_is(
    empty_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(before_release, "MANY", 1)
    with schema.connected(normalised(empty_url)) as connection:
        fill(connection)
        rows = connection.scalar(text("SELECT count(*) FROM jobs"))
    with capture_logs() as logs:
        await migrate(empty_url)
    begun, *steps, done = [one for one in logs if "file" not in one]
    assert (begun["event"], begun["revision"], begun["to"]) == (
        "migrating the database",
        "0009",
        schema.REVISION,
    )
    assert done["event"] == "the database is migrated"
    jobs = [one for one in steps if one["table"] == "jobs"]
    assert [(one["event"], one["rows"]) for one in jobs] == [
        ("a table is put aside", rows),
        ("a table is filled again", rows),
    ]
    assert all(" of " in one["step"] for one in steps)


def earlier(folder: Path) -> str:
    url = f"sqlite:///{folder}/bot.db"
    with schema.connected(normalised(url)) as connection:
        fill(connection)
    return url


async def test_a_file_is_kept_as_it_was_before_its_migration(tmp_path: Path) -> None:
    url = earlier(tmp_path)
    with schema.connected(normalised(url)) as connection:
        before = details(connection)
    await migrate(url)
    kept = tmp_path / "bot.db.before-migration-0009"
    with schema.connected(normalised(f"sqlite:///{kept}")) as connection:
        assert details(connection) == before
    kept.replace(tmp_path / "bot.db")  # to go back, and forward again
    await migrate(url)
    store = await Store.open(url)
    await store.read(look)
    await store.close()


async def test_the_last_two_such_files_are_kept(tmp_path: Path) -> None:
    url = earlier(tmp_path)
    for revision in ("0007", "0008"):
        (tmp_path / f"bot.db.before-migration-{revision}").touch()
    await migrate(url)
    left = [(tmp_path / f"bot.db.before-migration-000{one}").exists() for one in (7, 8, 9)]
    assert left == [False, True, True]


async def test_where_no_copy_can_be_kept_one_line_says_so_and_the_migration_goes_on(
    tmp_path: Path,
) -> None:
    url = earlier(tmp_path)
    (tmp_path / "bot.db.before-migration-0009.partial").mkdir()
    with capture_logs() as logs:
        await migrate(url)
    told = [one for one in logs if one["log_level"] == "warning"]
    assert [one["event"] for one in told] == ["migrating without a copy of the database"]
    await schema.check(url)


async def test_older_ones_are_refused_in_one_line_and_left_alone(
    empty_url: str,
) -> None:
    with schema.connected(normalised(empty_url)) as connection:
        fill(connection, "0008")
        before = details(connection)
    for _ in range(2):
        with pytest.raises(SchemaTooOld, match="0008"):
            await migrate(empty_url)
    with schema.connected(normalised(empty_url)) as connection:
        assert details(connection) == before


async def test_an_outdated_postgres_is_told_the_command(
    empty_postgres_url: str,
) -> None:
    with schema.connected(normalised(empty_postgres_url)) as connection:
        fill(connection)
    with pytest.raises(SchemaOutdated):
        await schema.prepare(empty_postgres_url)
