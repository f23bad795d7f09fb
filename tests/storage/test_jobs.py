"""Jobs: each step once, by the right attempt only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain import Drawn, Job, JobState, NewJob, OutcomeKind, Request, Source, Undrawn, Wake
from bot.storage.jobs import COUNTED_AHEAD
from bot.storage.tables import JOBS
from tests.storage.rows import ANN, BOB, NOON, accepted, draft, picture, running

if TYPE_CHECKING:
    from bot.storage import Store

LATER = NOON + timedelta(minutes=5)


async def end(store: Store, job: Job, attempt: int | None = None) -> Job | None:
    async with store.transaction() as tx:
        return await tx.jobs.end(job.id, attempt, JobState.DELIVERED, OutcomeKind.DRAWN, "", LATER)


async def test_a_job_comes_back_as_it_was_accepted(store: Store) -> None:
    request = Request("кот 🐈", "painter", (Source("f", None, 7), Source(None, "b" * 64)), "16:9")
    asked = NewJob(
        account_id=ANN,
        chat_id=-5,
        message_id=9,
        request=request,
        locale="zh-hans",
        thread_id=4,
        ordinal=2,
        parent_picture_id=77,
        private=False,
    )
    async with store.transaction() as tx:
        job = await accepted(tx, asked)
    async with store.reading() as tx:
        assert job == await tx.jobs.get(job.id)
        assert job == await tx.jobs.find(-5, 9, 2)
    assert (job.state, job.attempt, job.dispatched) == (JobState.ACCEPTED, 0, False)
    assert (request, NOON) == (job.request, job.created_at)


async def test_a_jobs_messages_come_after_its_prompt_unless_said_otherwise(store: Store) -> None:
    async with store.transaction() as tx:
        plain = await accepted(tx, draft(9))
        told = await accepted(tx, replace(draft(9, ordinal=1), after_message_id=0))
        for job, after in ((plain, 9), (told, 0)):
            found = await tx.jobs.get(job.id)
            assert found is not None
            assert (job.after_message_id, found.after_message_id) == (after, after)


async def test_a_repeated_message_is_no_second_job(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.jobs.add(draft(), NOON) is not None
        assert await tx.jobs.add(draft(), NOON) is None
        assert await tx.jobs.add(draft(ordinal=1), NOON) is not None


async def test_what_is_not_there_is_none(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.jobs.get(1) is None
        assert await tx.jobs.find(ANN, 1, 0) is None
        assert await tx.jobs.open_at(ANN, 1) == []
        assert await tx.jobs.claim(Wake(1, 0), NOON) is None
        assert await tx.jobs.call_off(1, NOON) is None
        assert not await tx.jobs.keep(1, 1, Drawn((picture(),), ""), NOON)
        assert not await tx.jobs.set_status_message(1, 5)


async def test_ordinals_of_a_message_go_up(store: Store) -> None:
    async with store.transaction() as tx:
        assert await tx.jobs.next_ordinal(ANN, 1) == 0
        await accepted(tx, draft(ordinal=0))
        assert await tx.jobs.next_ordinal(ANN, 1) == 1


async def test_an_account_gets_its_oldest_jobs_dispatched_up_to_the_limit(store: Store) -> None:
    async with store.transaction() as tx:
        jobs = [await accepted(tx, draft(message)) for message in range(4)]
        await accepted(tx, draft(1, account_id=BOB, chat_id=BOB))
        assert await tx.jobs.admit(ANN, 2) == [Wake(jobs[0].id, 0), Wake(jobs[1].id, 0)]
        assert await tx.jobs.admit(ANN, 2) == []
        assert await tx.jobs.admit(ANN, 1) == []
    assert await end(store, jobs[0], attempt=0) is not None
    async with store.transaction() as tx:
        assert await tx.jobs.admit(ANN, 2) == [Wake(jobs[2].id, 0)]


async def test_simultaneous_admissions_never_exceed_the_limit(store: Store) -> None:
    async with store.transaction() as tx:
        for message in range(12):
            await accepted(tx, draft(message))

    async def admit() -> list[Wake]:
        async with store.transaction() as tx:
            return await tx.jobs.admit(ANN, 3)

    woken = [wake for wakes in await asyncio.gather(*(admit() for _ in range(8))) for wake in wakes]
    assert len(woken) == 3


async def test_only_one_of_many_claims_succeeds(store: Store) -> None:
    async with store.transaction() as tx:
        job = await accepted(tx)
        (wake,) = await tx.jobs.admit(ANN, 1)

    async def claim() -> Job | None:
        async with store.transaction() as tx:
            return await tx.jobs.claim(wake, LATER)

    claimed = [job for job in await asyncio.gather(*(claim() for _ in range(8))) if job]
    assert [(job.id, 1, JobState.RUNNING, LATER)] == [
        (job.id, job.attempt, job.state, job.started_at) for job in claimed
    ]


async def test_a_job_that_was_not_dispatched_cannot_be_claimed(store: Store) -> None:
    async with store.transaction() as tx:
        job = await accepted(tx)
        assert await tx.jobs.claim(Wake(job.id, 0), NOON) is None


async def test_claiming_again_keeps_state_and_start_and_voids_the_earlier_attempt(
    store: Store,
) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        again = await tx.jobs.claim(Wake(job.id, 1), LATER)
        assert again is not None
        assert (again.attempt, again.state, again.started_at) == (2, JobState.RUNNING, NOON)
        assert not await tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), LATER)
        assert await tx.jobs.keep(job.id, 2, Drawn((picture(),), "words"), LATER)
        rendered = await tx.jobs.claim(Wake(job.id, 2), LATER)
        assert rendered is not None
        assert (rendered.attempt, rendered.state, rendered.text) == (3, JobState.RENDERED, "words")
        assert rendered.rendered_at == LATER


async def test_rendering_stores_the_pictures_once(store: Store) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        assert await tx.jobs.keep(job.id, 1, Drawn((picture(0), picture(1)), ""), NOON)
        assert not await tx.jobs.keep(job.id, 1, Drawn((picture(0), picture(1)), ""), NOON)
        assert [found.position for found in await tx.pictures.of_job(job.id)] == [0, 1]


async def test_a_job_ends_exactly_once(store: Store) -> None:
    job = await running(store)
    ends = await asyncio.gather(*(end(store, job) for _ in range(6)))
    (ended,) = [found for found in ends if found]
    assert (
        ended.state,
        ended.outcome,
        ended.ended_at,
    ) == (JobState.DELIVERED, OutcomeKind.DRAWN, LATER)
    async with store.transaction() as tx:
        assert await tx.jobs.claim(Wake(job.id, 1), NOON) is None
        assert await tx.jobs.call_off(job.id, NOON) is None


async def test_a_paused_worker_cannot_end_what_another_has_claimed(store: Store) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        assert await tx.jobs.claim(Wake(job.id, 1), NOON) is not None
    assert await end(store, job, attempt=1) is None
    assert await end(store, job, attempt=2) is not None


async def test_what_is_rendered_cannot_be_cancelled(store: Store) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        await tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
        assert await tx.jobs.call_off(job.id, NOON) is None


async def test_what_is_running_can_be_cancelled_and_then_renders_nothing(store: Store) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        wake = await tx.jobs.call_off(job.id, NOON)
        assert wake == Wake(job.id, 2)
        told = await tx.jobs.claim(wake, NOON)
        assert told is not None
        assert (told.state, told.outcome) == (JobState.RENDERED, OutcomeKind.CANCELLED)
        assert not await tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
        assert await tx.pictures.of_job(job.id) == []


async def test_what_waits_is_dispatched_when_it_is_called_off(store: Store) -> None:
    async with store.transaction() as tx:
        job = await accepted(tx)
        wake = await tx.jobs.call_off(job.id, NOON)
        assert wake == Wake(job.id, 1)
        assert await tx.jobs.unfinished() == [wake]


async def test_that_there_is_no_picture_is_kept_like_a_picture(store: Store) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        assert await tx.jobs.keep(job.id, 1, Undrawn(OutcomeKind.REFUSED, "no"), NOON)
        kept = await tx.jobs.get(job.id)
        assert kept is not None
        assert (kept.state, kept.outcome, kept.detail) == (
            JobState.RENDERED,
            OutcomeKind.REFUSED,
            "no",
        )


async def test_the_first_status_message_stays_until_it_is_cleared(store: Store) -> None:
    async with store.transaction() as tx:
        job = await accepted(tx)
        assert await tx.jobs.set_status_message(job.id, 50)
        assert not await tx.jobs.set_status_message(job.id, 51)
        await tx.jobs.clear_status_message(job.id)
        assert await tx.jobs.set_status_message(job.id, 52)


async def test_the_open_job_of_a_message_is_found_until_it_ends(store: Store) -> None:
    job = await running(store)
    async with store.reading() as tx:
        assert await tx.jobs.open_at(ANN, 1) == [job]
    await end(store, job)
    async with store.reading() as tx:
        assert await tx.jobs.open_at(ANN, 1) == []


async def test_after_a_start_dispatched_jobs_are_found_page_by_page(store: Store) -> None:
    async with store.transaction() as tx:
        jobs = [await accepted(tx, draft(message)) for message in range(5)]
        await tx.jobs.admit(ANN, 3)
        first = await tx.jobs.unfinished(limit=2)
        rest = await tx.jobs.unfinished(after_id=first[-1].job_id)
        assert [job.id for job in jobs[:3]] == [wake.job_id for wake in first + rest]


async def test_after_a_start_waiting_accounts_are_found_longest_waiting_first(
    store: Store,
) -> None:
    async with store.transaction() as tx:
        await accepted(tx, draft(1, account_id=BOB, chat_id=BOB))
        await accepted(tx, draft(1))
        await accepted(tx, draft(2))
        await tx.jobs.admit(ANN, 1)
        assert await tx.jobs.undispatched_accounts() == [BOB, ANN]


async def test_only_older_jobs_that_nobody_has_begun_are_ahead(store: Store) -> None:
    await running(store)
    async with store.transaction() as tx:
        waiting = [await accepted(tx, draft(message)) for message in range(2, 6)]
        await tx.jobs.call_off(waiting[1].id, NOON)
        assert [await tx.jobs.ahead(waiting[i].id) for i in (0, 2, 3)] == [0, 1, 2]


async def test_counting_what_is_ahead_stops_at_a_bound(store: Store) -> None:
    async with store.transaction() as tx:
        for message in range(COUNTED_AHEAD + 5):
            job = await accepted(tx, draft(message))
        assert await tx.jobs.ahead(job.id) == COUNTED_AHEAD


async def test_an_accounts_unfinished_jobs_are_listed_oldest_first(store: Store) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        second = await accepted(tx, draft(2))
        await accepted(tx, draft(3))
        assert [job, second] == await tx.jobs.of_account(ANN, 2)


def test_the_states_that_the_database_calls_unfinished_are_the_domains() -> None:
    (check,) = [c for c in JOBS.constraints if c.name == "ck_jobs_ended"]
    sql = str(check.sqltext)  # type: ignore[attr-defined]
    assert {s for s in JobState if not s.final} == {s for s in JobState if f"'{s}'" in sql}
