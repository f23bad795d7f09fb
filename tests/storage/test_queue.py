"""The queue as the databases know it: who waits, what is rewritten, how long calls took."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import CallReport, OutcomeKind, Request, Wake
from bot.jobs.queue import Latencies, TypicalLatency
from tests.storage.rows import ANN, BOB, GROUP, NOON, accepted, album_item, draft, running

if TYPE_CHECKING:
    from bot.domain import Job
    from bot.storage import Store

BLUE = Request(prompt="a blue cat", model="painter")


async def call(store: Store, job: Job, kind: OutcomeKind, milliseconds: int) -> None:
    async with store.transaction() as tx:
        attempt = await tx.attempts.start(job.id, 1, "painter", "host", "chat", NOON)
        await tx.attempts.finish(attempt, CallReport(kind, latency_ms=milliseconds), NOON)


async def test_who_waits_stands_in_order_and_who_is_drawn_or_cancelled_does_not(
    store: Store,
) -> None:
    begun = await running(store)
    async with store.transaction() as tx:
        waiting = [await accepted(tx, draft(n, account_id=BOB, chat_id=GROUP)) for n in range(3)]
        await tx.jobs.call_off(waiting[0].id, NOON)
        await tx.jobs.admit(BOB, 2)  # the cancelled one is one of them
        assert await tx.queue.line(10) == [
            (waiting[1].id, GROUP, True),
            (waiting[2].id, GROUP, False),
        ]
        assert await tx.queue.line(1) == [(waiting[1].id, GROUP, True)]
        assert await tx.queue.counts() == (1, 2)
    assert begun.account_id == ANN


async def test_only_what_nobody_has_begun_is_rewritten(store: Store) -> None:
    async with store.transaction() as tx:
        job = await accepted(tx)
        rewritten = await tx.queue.rewrite(job, BLUE)
        assert rewritten == replace(job, request=BLUE)
        assert await tx.queue.of_message(job.chat_id, job.message_id, 10) == [rewritten]
        await tx.jobs.admit(ANN, 1)
        claimed = await tx.jobs.claim(Wake(job.id, 0), NOON)
        assert claimed is not None
        assert claimed.request == BLUE
        assert await tx.queue.rewrite(job, Request("a red cat", "painter")) is None
        assert await tx.jobs.get(job.id) == claimed


async def test_an_edit_and_a_claim_never_mix(store: Store) -> None:
    async with store.transaction() as tx:
        jobs = [await accepted(tx, draft(number)) for number in range(20)]
        await tx.jobs.admit(ANN, 20)

    async def edit(job: Job) -> bool:
        async with store.transaction() as tx:
            return await tx.queue.rewrite(job, BLUE) is not None

    async def claim(job: Job) -> str:
        async with store.transaction() as tx:
            claimed = await tx.jobs.claim(Wake(job.id, 0), NOON)
        assert claimed is not None
        return claimed.request.prompt

    steps = [step for job in jobs for step in (edit(job), claim(job))]
    done = await asyncio.gather(*steps)
    for edited, drawn in zip(done[::2], done[1::2], strict=True):
        assert drawn == ("a blue cat" if edited else "a cat")


async def test_a_caption_counts_for_its_writer_only(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.albums.add(album_item(1))
        await tx.albums.add(album_item(2))
        blue = replace(album_item(2), prompt="in blue")
        assert await tx.albums.reword(blue) == []  # it is open yet, and nothing else is to be done
        assert await tx.albums.reword(replace(album_item(1), account_id=BOB, prompt="!")) == []
        assert await tx.albums.close(GROUP, "album") == [album_item(1), blue]
        red = replace(album_item(2), prompt="in red", addressed=False)
        assert await tx.albums.reword(red) == [album_item(1), red]


async def test_earlier_processes_calls_tell_what_is_usual(store: Store) -> None:
    job = await running(store)
    await call(store, job, OutcomeKind.DRAWN, 8000)
    await call(store, job, OutcomeKind.TIMEOUT, 99_000)
    await call(store, job, OutcomeKind.DRAWN, 10_000)
    await call(store, job, OutcomeKind.DRAWN, 12_000)
    async with store.transaction() as tx:
        await tx.attempts.start(job.id, 1, "painter", "host", "chat", NOON)
        assert await tx.attempts.latencies(2) == [("painter", 12_000)]
    assert (await Latencies.read(store)).all() == [TypicalLatency("painter", 10.0, 3)]


async def test_a_call_without_an_end_of_its_own_may_be_billed(store: Store) -> None:
    job = await running(store)
    await call(store, job, OutcomeKind.RATE_LIMITED, 10)
    async with store.transaction() as tx:
        assert not await tx.attempts.broken_off(job.id)
        await tx.attempts.start(job.id, 1, "painter", "host", "chat", NOON)
        assert await tx.attempts.broken_off(job.id)
    other = await running(store, draft(2))
    await call(store, other, OutcomeKind.CANCELLED, 10)
    async with store.transaction() as tx:
        assert await tx.attempts.broken_off(other.id)
