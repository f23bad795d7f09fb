"""Own data: read whole, erased whole, with the books as before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from bot.domain import (
    CallReport,
    Drawn,
    Job,
    JobState,
    OutcomeKind,
    Period,
    Preferences,
    Source,
    Wake,
)
from bot.storage.tables import ATTEMPTS, CHATS, METADATA, USERS
from tests.storage.rows import (
    ANN,
    BOB,
    GROUP,
    NOON,
    accepted,
    album_item,
    ask,
    draft,
    picture,
    running,
)

if TYPE_CHECKING:
    from bot.storage import Store, Transaction

SHARED, OWN, HIS = "a" * 64, "b" * 64, "c" * 64
LATER = NOON + timedelta(minutes=5)


async def drawn(store: Store, message_id: int, account_id: int, *files: str) -> Job:
    """Bring a job in the group to its end, with words everywhere, and charge it."""
    asked = replace(draft(message_id, account_id=account_id, chat_id=GROUP), parent_picture_id=7)
    secret = replace(
        asked.request, prompt=f"secret of {account_id}", sources=(Source(file_id="secret file"),)
    )
    job = await running(store, replace(asked, request=secret))
    async with store.transaction() as tx:
        await tx.ledger.reserve(account_id, job.id, 1, NOON, 0, 0)
        call = await tx.attempts.start(job.id, job.attempt, "painter", "host", "chat", NOON)
        report = CallReport(kind=OutcomeKind.DRAWN, detail="secret words")
        await tx.attempts.finish(call, report, NOON)
        pictures = tuple(picture(at, sha256) for at, sha256 in enumerate(files))
        assert await tx.jobs.keep(job.id, job.attempt, Drawn(pictures, "secret text"), NOON)
        for kept in await tx.pictures.of_job(job.id):
            await tx.pictures.placed(kept.id, GROUP, 100 * message_id + kept.position)
        ended = await tx.jobs.end(
            job.id, job.attempt, JobState.DELIVERED, OutcomeKind.DRAWN, "secret detail", NOON
        )
        await tx.ledger.settle(job.id, 1, NOON, also=GROUP)
    assert ended
    return ended


async def fill(store: Store) -> tuple[Job, Job]:
    """Write something into every table for Ann, and a job of Bob's."""
    hers = await drawn(store, 1, ANN, SHARED, OWN)
    his = await drawn(store, 2, BOB, SHARED, HIS)
    async with store.transaction() as tx:
        await tx.people.seen_user(ANN, "secret name", "secret", "en", NOON)
        await tx.people.seen_chat(ANN, "private", "secret title", NOON)
        await tx.preferences.set_model(ANN, "secret model")
        await tx.albums.add(replace(album_item(50), prompt="secret album"))
        await tx.asks.put(replace(ask(), prompt="secret ask"))
    return hers, his


async def everything(tx: Transaction) -> str:
    """Write all rows of all tables down, in an order that no update changes."""
    rows = [(await tx.people._sql.execute(select(table))).all() for table in METADATA.sorted_tables]
    return repr([sorted(map(repr, table)) for table in rows])


async def test_erasing_leaves_no_words_and_clean_books(store: Store) -> None:
    hers, his = await fill(store)
    async with store.transaction() as tx:
        before = await tx.ledger.totals(ANN, NOON)
        erased = await tx.own_data.erase(ANN, LATER, "en")
    assert (erased.wakes, set(erased.files)) == ((), {SHARED, OWN})
    async with store.reading() as tx:
        kept = await tx.jobs.get(his.id)
        assert kept == his
        gone = await tx.jobs.get(hers.id)
        assert gone
        assert gone.request.erased
        assert (gone.state, gone.created_at, gone.ended_at) == (JobState.DELIVERED, NOON, NOON)
        assert await tx.pictures.of_job(hers.id) == []
        assert len(await tx.pictures.of_job(his.id)) == 2
        assert await tx.preferences.get(ANN) == Preferences()
        assert before == await tx.ledger.totals(ANN, NOON)
        assert before[Period.ALL].pictures == 1
        assert await tx.ledger.audit() == []
        rows = await everything(tx)
    assert "secret of 1001" not in rows
    assert rows.count("secret of 1002") == 1
    assert "secret album" not in rows
    assert "secret ask" not in rows
    assert "secret name" not in rows
    assert "secret model" not in rows


async def test_only_the_words_of_ones_own_calls_are_erased(store: Store) -> None:
    hers, his = await fill(store)
    async with store.transaction() as tx:
        await tx.own_data.erase(ANN, LATER, "en")
        sql = tx.people._sql
        words = {
            row.job_id: row.detail
            for row in await sql.execute(select(ATTEMPTS.c.job_id, ATTEMPTS.c.detail))
        }
        people = (await sql.execute(select(USERS.c.id))).all()
        chats = (await sql.execute(select(CHATS.c.id))).all()
    assert words == {hers.id: "", his.id: "secret words"}
    assert (people, chats) == ([], [])


async def test_a_call_that_ends_after_the_erasure_leaves_no_words(store: Store) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        await tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        call = await tx.attempts.start(job.id, job.attempt, "painter", "host", "chat", NOON)
        await tx.own_data.erase(ANN, LATER, "en")
        report = CallReport(kind=OutcomeKind.REFUSED, http_status=200, detail="secret words")
        await tx.attempts.finish(call, report, LATER)
        row = (await tx.people._sql.execute(select(ATTEMPTS))).one()
    assert (row.detail, row.http_status, row.outcome) == ("", 200, OutcomeKind.REFUSED)


async def test_messages_of_erased_pictures_are_still_known(store: Store) -> None:
    await fill(store)
    async with store.transaction() as tx:
        before = await tx.outgoing.known(GROUP, 0, 1000)
        await tx.own_data.erase(ANN, LATER, "en")
        assert before == await tx.outgoing.known(GROUP, 0, 1000)
    assert {100, 101} <= before


async def test_erasing_again_changes_nothing(store: Store) -> None:
    await fill(store)
    async with store.transaction() as tx:
        await tx.own_data.erase(ANN, LATER, "en")
        once = await everything(tx)
        again = await tx.own_data.erase(ANN, LATER, "en")
        assert once == await everything(tx)
    assert (again.wakes, again.files, again.stored) == ((), (), 0)


async def test_an_open_album_that_was_erased_makes_no_job(store: Store) -> None:
    await fill(store)
    async with store.transaction() as tx:
        await tx.own_data.erase(ANN, LATER, "en")
        assert await tx.albums.open_albums() == []
        assert await tx.albums.add(album_item(51)) is False  # it comes too late


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED])
async def test_an_unfinished_job_is_called_off(store: Store, state: JobState) -> None:
    if state is JobState.ACCEPTED:
        async with store.transaction() as tx:
            job = await accepted(tx)
    else:
        job = await running(store)
    async with store.transaction() as tx:
        await tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        if state is JobState.RENDERED:
            assert await tx.jobs.keep(job.id, job.attempt, Drawn((picture(),)), NOON)
        erased = await tx.own_data.erase(ANN, LATER, "en")
        assert erased.wakes == (Wake(job.id, job.attempt + 1),)
        # Whoever worked on it has lost it, his words do not come back.
        lost = await tx.jobs.end(
            job.id, job.attempt, JobState.DELIVERED, OutcomeKind.DRAWN, "secret", NOON
        )
        assert lost is None
        ending = await tx.jobs.claim(erased.wakes[0], LATER)
    assert ending
    assert (ending.state, ending.outcome) == (JobState.RENDERED, OutcomeKind.CANCELLED)
    assert ending.request.erased


async def test_jobs_are_read_newest_first(store: Store) -> None:
    jobs = [await drawn(store, number, ANN, OWN) for number in (1, 2, 3)]
    his = await drawn(store, 4, BOB, HIS)
    async with store.reading() as tx:
        own = tx.own_data
        assert await own.job_ids(ANN) == [jobs[2].id, jobs[1].id, jobs[0].id]
        assert await own.jobs([jobs[0].id, jobs[2].id]) == [jobs[2], jobs[0]]
        ids = [jobs[2].id, jobs[0].id]
        assert [found.job_id for found in await own.pictures(ids)] == ids
        kinds = [row.kind for row in await own.movements(ANN, [jobs[0].id, his.id])]
    assert kinds == ["reserve", "settle"]  # the group's own row of statistics is not hers


async def test_what_waits_is_read(store: Store) -> None:
    await fill(store)
    async with store.reading() as tx:
        waiting = await tx.own_data.waiting(ANN)
        person = await tx.own_data.person(ANN)
        assert await tx.own_data.waiting(BOB) == []
        assert await tx.own_data.person(BOB) is None
    assert {row.prompt for row in waiting} == {"secret album", "secret ask"}
    assert {row.at for row in waiting} == {NOON}
    assert person
    assert (person.name, person.first_seen) == ("secret name", NOON)


async def test_an_export_begins_once_in_a_while(store: Store) -> None:
    pause = timedelta(minutes=5)
    moments = (NOON, NOON + pause / 2, NOON + pause, NOON + pause * 1.5)
    async with store.transaction() as tx:
        begun = [await tx.own_data.begin_export(ANN, at, at - pause) for at in moments]
        other = await tx.own_data.begin_export(BOB, NOON, NOON - pause)
    assert (begun, other) == ([True, False, True, False], True)


async def test_running_jobs_tell_since_when(store: Store) -> None:
    async with store.reading() as tx:
        assert await tx.own_data.running_since() is None
    await running(store)
    async with store.reading() as tx:
        assert await tx.own_data.running_since() == NOON
        assert not await tx.own_data.shown(OWN)
    await drawn(store, 9, BOB, OWN)
    async with store.reading() as tx:
        assert await tx.own_data.shown(OWN)
