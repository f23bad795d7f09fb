"""What operators hear by the clock: each fault once a period, and nothing while all is well."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from bot.domain import Job, NewJob, OutcomeKind, Request, now
from bot.domain.administration import AdminVerb
from bot.features.admin import checks
from bot.features.admin.checks import Failing, failing
from bot.storage import Transaction
from bot.storage.tables import CALLS, COUNTERS
from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.support.conversation import Conversation
from tests.support.waiting import patient

BOB = "1002"
AT = now()
HOUR = timedelta(hours=1)
GOOD, BAD = OutcomeKind.DRAWN, OutcomeKind.GATEWAY_ERROR


def calls(*parts: tuple[int, OutcomeKind, timedelta]) -> list[tuple[datetime, OutcomeKind]]:
    return [(AT - ago, kind) for count, kind, ago in parts for _ in range(count)]


@pytest.mark.parametrize(
    ("made", "found"),
    [
        ([(9, BAD, timedelta())], None),  # too few
        ([(20, GOOD, timedelta())], None),
        ([(8, GOOD, timedelta()), (2, BAD, timedelta())], Failing(0.2, 0.0, BAD)),
        ([(9, GOOD, timedelta()), (1, BAD, timedelta())], None),  # that may happen
        ([(8, GOOD, timedelta()), (2, BAD, timedelta()), (9, GOOD, HOUR), (1, BAD, HOUR)], None),
        ([(5, GOOD, timedelta()), (5, BAD, timedelta()), (8, GOOD, HOUR), (2, BAD, HOUR)], 0.5),
        ([(1, GOOD, timedelta()), (9, BAD, timedelta()), (2, GOOD, HOUR), (8, BAD, HOUR)], None),
        ([(20, OutcomeKind.REFUSED, timedelta())], None),  # a model's own mind
        ([(20, OutcomeKind.OUT_OF_MONEY, timedelta())], None),  # of that they hear elsewhere
    ],
)
def test_calls_fail_where_they_do_more_than_usual(
    made: Sequence[tuple[int, OutcomeKind, timedelta]], found: Failing | float | None
) -> None:
    told = failing(calls(*made), AT)
    assert (told.lately if told and isinstance(found, float) else told) == found


@given(st.lists(st.tuples(st.integers(0, 90), st.sampled_from(OutcomeKind)), max_size=60))
def test_whatever_failed_is_told_in_parts_of_all(made: list[tuple[int, OutcomeKind]]) -> None:
    told = failing([(AT - timedelta(minutes=ago), kind) for ago, kind in made], AT)
    if told:
        assert 0.2 <= told.lately <= 1
        assert 0 <= told.usually < 0.5
        assert told.kind is not GOOD


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PAUSE", 0.05)
    monkeypatch.setattr(checks, "ROUNDS", 1)


async def told(chat: Conversation, pattern: str) -> None:
    """Wait until Bob has heard something, and see that he hears it once."""
    async with patient():
        while not any(fnmatchcase(line, pattern) for line in chat.lines(chat.bob)):
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)  # some rounds more
    assert len([line for line in chat.lines(chat.bob) if fnmatchcase(line, pattern)]) == 1


def ask(tx: Transaction, number: int, at: datetime) -> Job:
    new = NewJob(
        account_id=7,
        chat_id=7,
        message_id=number,
        request=Request(prompt="a cat", model="painter"),
        locale="en",
    )
    job = tx.jobs.add(new, at, 1)
    assert job is not None
    return job


async def change(chat: Conversation, statement: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
    await chat.store.write(lambda tx: tx.jobs._sql.execute(statement))


@pytest.mark.usefixtures("often")
async def test_while_all_is_well_nothing_is_said(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        await chat.row(chat.alice, "a red fox", "[photo]*")
        await asyncio.sleep(0.5)
        assert chat.lines(chat.bob) == []


@pytest.mark.usefixtures("often")
async def test_a_picture_that_waits_long_for_room(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        await chat.store.write(ask, 1, now() - timedelta(minutes=11))
        await told(chat, "Pictures wait for room: the oldest for 11 minutes.*")
        await chat.restart(ADMIN_IDS=BOB)
        await asyncio.sleep(0.3)
        assert len(chat.lines(chat.bob)) == 1  # the next period comes in hours


@pytest.mark.usefixtures("often")
async def test_a_disk_that_fills_up(start: Start) -> None:
    async with start(ADMIN_IDS=BOB, MIN_FREE_MB=str(10**9)) as chat:
        await told(chat, "The disk is filling up: * MB are left.*")


@pytest.mark.usefixtures("often")
async def test_pictures_that_are_gone_with_their_disk(start: Start, tmp_path: Path) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        await chat.row(chat.alice, "a red fox", "[photo]*")
        await chat.end()
        (tmp_path / "media").rename(tmp_path / "elsewhere")
        await chat.begin(ADMIN_IDS=BOB)
        await told(chat, f"None of the newest pictures is in {tmp_path}/media (MEDIA_URL)*")


@pytest.mark.usefixtures("often")
async def test_a_database_that_was_brought_up(start: Start) -> None:
    def brought(tx: Transaction, at: datetime) -> None:
        change = {"before": {"schema": "0011"}, "after": {"schema": "0012"}}
        tx.actions.add("cli:root", AdminVerb.MIGRATE, "bot", at, **change)

    async with start(ADMIN_IDS=BOB) as chat:
        await chat.store.write(brought, now() - timedelta(days=2))  # that is old news
        await asyncio.sleep(0.3)
        assert chat.lines(chat.bob) == []
        await chat.store.write(brought, now())
        await told(chat, "The database has a new schema: 0012 instead of 0011.*")


async def test_books_that_do_not_agree(start: Start, request: pytest.FixtureRequest) -> None:
    async with start() as chat:
        await chat.row(chat.alice, "a red fox", "[photo]*")
        await chat.quiet()
        request.getfixturevalue("often")
        await change(chat, update(COUNTERS).values(settled=COUNTERS.c.settled + 1))
        await chat.restart(ADMIN_IDS=BOB)
        await told(chat, "The books do not agree (differences: 3)*")
        await change(chat, update(COUNTERS).values(settled=COUNTERS.c.settled - 1))


@pytest.mark.usefixtures("often")
async def test_a_call_without_an_end(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        await chat.row(chat.alice, "a red fox", "[photo]*")
        await chat.quiet()
        past = now() - timedelta(hours=2)
        await change(chat, update(CALLS).values(ended_at=None, started_at=past))
        await told(chat, "Calls without an end: 1.*")


@pytest.mark.usefixtures("often")
async def test_a_gateway_that_is_left_alone(start: Start, alone: dict[str, str]) -> None:
    async with start(ADMIN_IDS=BOB, USER_CONCURRENCY="20", **alone) as chat:
        chat.gateway.default = Reply(failure=Failure.OVERLOADED)
        for number in range(12):
            chat.alice.send(chat.alice, f"fox {number}")
        await told(chat, "Too many calls to main* failed in a row*")
        await told(chat, "In the last half hour 100% of the calls*unavailable*")


@pytest.mark.usefixtures("often")
async def test_backups_that_are_not_made(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "GRACE", timedelta())
    (tmp_path / "file").touch()
    folder = str(tmp_path / "file" / "backups")  # where nothing can be made
    async with start(ADMIN_IDS=BOB, BACKUP_EVERY="1", BACKUP_DIR=folder) as chat:
        await told(chat, "The last backup is 1 hours old*")
