"""A database of the last revision before the first release becomes today's, with all it knows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from bot.domain import Job, JobState, OutcomeKind, Preferences, Request, Wake
from bot.storage import SchemaOutdated, SchemaTooOld, Store, migrate, schema
from bot.storage.calls import UnfinishedCall
from bot.storage.engine import normalised
from bot.storage.tables import CallKind
from tests.storage.rows import ANN, GROUP, NOON, accepted, draft, picture
from tests.test_migrations import details, empty_url, postgres_url, server  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from bot.storage import Transaction

DATA = Path(__file__).parent / "storage" / "data"
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
    for table, row in ROWS:
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    if connection.dialect.name == "postgresql":
        for table, number in (("jobs", 9), ("pictures", 5), ("ledger", 2), ("attempts", 4)):
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
CALL = {"model": "painter", "host": "host", "started_at": AT}


def _counters(*periods: str) -> list[tuple[str, dict[str, object]]]:
    sums = {"reserved": 1, "settled": 1, "tokens_in": 0, "tokens_out": 0, "unpriced_calls": 0}
    return [("counters", {"account_id": ANN, "period": period, **sums}) for period in periods]


ROWS: list[tuple[str, dict[str, object]]] = [
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
    *_counters("2026-11-22", "2026-11", "all"),
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
]


def look(tx: Transaction) -> None:
    request = Request("кот 🐈", "painter", (), "16:9")
    running = tx.jobs.get(7)
    assert isinstance(running, Job)
    assert (running.request, running.claim, running.started_at) == (request, 3, NOON)
    assert tx.preferences.get(ANN) == Preferences(model="painter", enhance=True)
    assert tx.people.added_by(GROUP) == (ANN, None)
    assert [call for call in tx.calls.unfinished(9) if call.job_id] == [
        UnfinishedCall(4, CallKind.IMAGE, 7, ANN, "painter", "host", NOON)
    ]
    (text_call,) = [call for call in tx.calls.unfinished(9) if not call.job_id]
    assert (text_call.kind, text_call.account_id) == (CallKind.VOICE, ANN)
    assert tx.calls.interrupted_text(1, 2) == 1
    assert tx.calls.interrupted(7, 4) == 1
    assert tx.calls.latencies(9) == [("painter", 900)]
    (drawn,) = tx.pictures.of_job(8)
    assert tx.pictures.linked(GROUP, 61) == tx.pictures.at(GROUP, 60) == drawn
    assert tx.ledger.audit() == []
    assert tx.allowances.used(GROUP, ANN, NOON) == 2
    assert tx.keys.has("press")
    assert tx.messages.known(GROUP, 61, 62) == {62}
    assert len(tx.deletions.waiting(9)) == 1
    assert tx.profile.of(1) == {"1 commands": "d"}


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
    empty_url: str,  # noqa: F811 - a fixture
) -> None:
    with schema.connected(normalised(empty_url)) as connection:
        fill(connection)
    await migrate(empty_url)
    await migrate(empty_url)
    store = await Store.open(empty_url)
    await store.read(look)
    await store.write(go_on)
    await store.close()
    with schema.connected(normalised(empty_url)) as connection:
        taken_over = details(connection)
        schema.downgrade(connection, "base")
        schema.upgrade(connection)
        assert details(connection) == taken_over


async def test_older_ones_are_refused_in_one_line_and_left_alone(
    empty_url: str,  # noqa: F811 - a fixture
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
    postgres_url: str,  # noqa: F811 - a fixture
) -> None:
    with schema.connected(normalised(postgres_url)) as connection:
        fill(connection)
    with pytest.raises(SchemaOutdated):
        await schema.prepare(postgres_url)
