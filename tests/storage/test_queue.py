"""The queue as the databases know it: who waits, what is rewritten, how long calls took."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.domain import CallReport, Job, JobState, OutcomeKind, Request, Wake
from bot.jobs.queue import Latencies, TypicalLatency
from bot.storage import Store, Transaction
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON, accepted, album_item, draft, running

BLUE = Request(prompt="a blue cat", model="painter")


def call(db: Direct, job: Job, kind: OutcomeKind, milliseconds: int) -> None:
    with db.transaction() as tx:
        attempt = tx.calls.start(job, "painter", "host", "chat", NOON)
        tx.calls.finish(attempt, CallReport(kind, latency_ms=milliseconds), NOON)


def test_who_waits_stands_in_order_and_who_is_drawn_or_cancelled_does_not(
    db: Direct,
) -> None:
    begun = running(db)
    with db.transaction() as tx:
        waiting = [accepted(tx, draft(n, account_id=BOB, chat_id=GROUP)) for n in range(3)]
        tx.jobs.cancel(waiting[0].id, NOON)
        tx.jobs.admit(BOB, 2)  # the cancelled one is one of them
        assert tx.jobs.queue(10) == [
            (waiting[1].id, BOB, GROUP, True),
            (waiting[2].id, BOB, GROUP, False),
        ]
        assert tx.jobs.queue(1) == [(waiting[1].id, BOB, GROUP, True)]
        assert tx.jobs.counts() == (1, 2)
    assert begun.account_id == ANN


def test_unfinished_jobs_are_counted_by_state_and_the_oldest_that_waits_is_known(
    db: Direct,
) -> None:
    with db.transaction() as tx:
        assert (tx.jobs.by_state(), tx.jobs.waiting_since()) == ({}, None)
    begun = running(db)
    with db.transaction() as tx:
        for number in range(3):
            at = NOON + timedelta(minutes=number)
            tx.jobs.add(draft(number, account_id=BOB, chat_id=GROUP), at, slots=0)
        assert tx.jobs.by_state() == {JobState.RUNNING: 1, JobState.ACCEPTED: 3}
        assert tx.jobs.waiting_since() == NOON
        tx.jobs.end(begun.id, begun.claim, JobState.FAILED, OutcomeKind.INTERNAL, "", NOON)
        tx.jobs.end_waiting(BOB, NOON)
        assert (tx.jobs.by_state(), tx.jobs.waiting_since()) == ({}, None)


def test_only_what_nobody_has_begun_is_rewritten(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx)
        rewritten = tx.jobs.replace_request(job, BLUE)
        assert rewritten == replace(job, request=BLUE)
        assert tx.jobs.of_message(job.chat_id, job.message_id, 10) == [rewritten]
        tx.jobs.admit(ANN, 1)
        claimed = tx.jobs.claim(Wake(job.id, 0), NOON)
        assert claimed is not None
        assert claimed.request == BLUE
        assert tx.jobs.replace_request(job, Request("a red cat", "painter")) is None
        assert tx.jobs.get(job.id) == claimed


async def test_an_edit_and_a_claim_never_mix(store: Store, db: Direct) -> None:
    with db.transaction() as tx:
        jobs = [accepted(tx, draft(number)) for number in range(20)]
        tx.jobs.admit(ANN, 20)

    def edit(tx: Transaction, job: Job) -> Job | None:
        return tx.jobs.replace_request(job, BLUE)

    def claim(tx: Transaction, job: Job) -> Job | None:
        return tx.jobs.claim(Wake(job.id, 0), NOON)

    steps = [step for job in jobs for step in (store.write(edit, job), store.write(claim, job))]
    done = await asyncio.gather(*steps)
    for edited, claimed in zip(done[::2], done[1::2], strict=True):
        assert claimed is not None
        assert claimed.request.prompt == ("a blue cat" if edited else "a cat")


def test_a_caption_counts_for_its_writer_only(db: Direct) -> None:
    with db.transaction() as tx:
        tx.albums.add(album_item(1))
        tx.albums.add(album_item(2))
        blue = replace(album_item(2), prompt="in blue")
        assert tx.albums.reword(blue) == []  # it is open yet, and nothing else is to be done
        assert tx.albums.reword(replace(album_item(1), account_id=BOB, prompt="!")) == []
        assert tx.albums.close(GROUP, "album") == [album_item(1), blue]
        red = replace(album_item(2), prompt="in red", addressed=False)
        assert tx.albums.reword(red) == [album_item(1), red]


async def test_earlier_processes_calls_tell_what_is_usual(store: Store, db: Direct) -> None:
    job = running(db)
    call(db, job, OutcomeKind.DRAWN, 8000)
    call(db, job, OutcomeKind.TIMEOUT, 99_000)
    call(db, job, OutcomeKind.DRAWN, 10_000)
    call(db, job, OutcomeKind.DRAWN, 12_000)
    with db.transaction() as tx:
        tx.calls.start(job, "painter", "host", "chat", NOON)
        assert tx.calls.latencies(2) == [("painter", 12_000)]
    assert (await Latencies.read(store)).all() == [TypicalLatency("painter", 10.0, 3)]
