"""Jobs: each step once, by the right claim only."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from bot.domain import (
    Drawn,
    Job,
    JobState,
    NewJob,
    OutcomeKind,
    Period,
    Request,
    Source,
    Undrawn,
    Wake,
)
from bot.jobs.queue import positions_of
from bot.storage import Store, Transaction
from bot.storage.job_queue import COUNTED_AHEAD
from bot.storage.tables import JOBS
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, NOON, accepted, draft, picture, running

LATER = NOON + timedelta(minutes=5)


def end(db: Direct, job: Job, claim: int | None = None) -> Job | None:
    with db.transaction() as tx:
        return tx.jobs.end(job.id, claim, JobState.DELIVERED, OutcomeKind.DRAWN, "", LATER)


def test_a_job_comes_back_as_it_was_accepted(db: Direct) -> None:
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
    with db.transaction() as tx:
        job = accepted(tx, asked)
    with db.reading() as tx:
        assert job == tx.jobs.get(job.id)
        assert job == tx.jobs.find(-5, 9, 2)
    assert (job.state, job.claim, job.dispatched) == (JobState.ACCEPTED, 0, False)
    assert (request, NOON) == (job.request, job.created_at)


def test_a_jobs_messages_come_after_its_prompt_unless_said_otherwise(db: Direct) -> None:
    with db.transaction() as tx:
        plain = accepted(tx, draft(9))
        told = accepted(tx, replace(draft(9, ordinal=1), after_message_id=0))
        for job, after in ((plain, 9), (told, 0)):
            found = tx.jobs.get(job.id)
            assert found is not None
            assert (job.after_message_id, found.after_message_id) == (after, after)


def test_a_repeated_message_is_no_second_job(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.jobs.add(draft(), NOON) is not None
        assert tx.jobs.add(draft(), NOON) is None
        assert tx.jobs.add(draft(ordinal=1), NOON) is not None


def test_what_is_not_there_is_none(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.jobs.get(1) is None
        assert tx.jobs.find(ANN, 1, 0) is None
        assert tx.jobs.open_at(ANN, 1) == []
        assert tx.jobs.claim(Wake(1, 0), NOON) is None
        assert tx.jobs.cancel(1, NOON) is None
        assert not tx.jobs.keep(1, 1, Drawn((picture(),), ""), NOON)
        assert not tx.jobs.set_status_message(1, 5)


def test_ordinals_of_a_message_go_up(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.jobs.next_ordinal(ANN, 1) == 0
        accepted(tx, draft(ordinal=0))
        assert tx.jobs.next_ordinal(ANN, 1) == 1


def test_whatever_plan_postgres_chooses_no_more_are_dispatched_than_the_limit(
    postgres_url: str,
) -> None:
    """A nested loop ran the subquery that takes the next ones again for each job."""
    db = Direct(postgres_url)
    with db.transaction() as tx:
        jobs = [accepted(tx, draft(message)) for message in range(6)]
    with db.transaction() as tx:
        for plan in ("hashagg", "hashjoin", "mergejoin", "material", "sort"):
            tx.jobs._sql.exec_driver_sql(f"SET LOCAL enable_{plan} = off")
        assert tx.jobs.admit(ANN, 2) == [Wake(jobs[0].id, 0), Wake(jobs[1].id, 0)]
        assert tx.jobs.admit(ANN, 2) == []
        assert tx.jobs.admit(ANN, 3) == [Wake(jobs[2].id, 0)]
    db.close()


def test_an_account_gets_its_oldest_jobs_dispatched_up_to_the_limit(db: Direct) -> None:
    with db.transaction() as tx:
        jobs = [accepted(tx, draft(message)) for message in range(4)]
        accepted(tx, draft(1, account_id=BOB, chat_id=BOB))
        assert tx.jobs.admit(ANN, 2) == [Wake(jobs[0].id, 0), Wake(jobs[1].id, 0)]
        assert tx.jobs.admit(ANN, 2) == []
        assert tx.jobs.admit(ANN, 1) == []
    assert end(db, jobs[0], claim=0) is not None
    with db.transaction() as tx:
        assert tx.jobs.admit(ANN, 2) == [Wake(jobs[2].id, 0)]


async def test_simultaneous_admissions_never_exceed_the_limit(store: Store) -> None:
    def accept(tx: Transaction) -> None:
        for message in range(12):
            accepted(tx, draft(message))

    await store.write(accept)
    admissions = (store.write(lambda tx: tx.jobs.admit(ANN, 3)) for _ in range(8))
    woken = [wake for wakes in await asyncio.gather(*admissions) for wake in wakes]
    assert len(woken) == 3


async def test_only_one_of_many_claims_succeeds(store: Store) -> None:
    job = await store.write(accepted)
    (wake,) = await store.write(lambda tx: tx.jobs.admit(ANN, 1))
    claims = (store.write(lambda tx: tx.jobs.claim(wake, LATER)) for _ in range(8))
    claimed = [found for found in await asyncio.gather(*claims) if found]
    assert [(job.id, 1, JobState.RUNNING, LATER)] == [
        (found.id, found.claim, found.state, found.started_at) for found in claimed
    ]


def test_a_job_that_was_not_dispatched_cannot_be_claimed(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx)
        assert tx.jobs.claim(Wake(job.id, 0), NOON) is None


def test_claiming_again_keeps_state_and_start_and_voids_the_earlier_one(
    db: Direct,
) -> None:
    job = running(db)
    with db.transaction() as tx:
        again = tx.jobs.claim(Wake(job.id, 1), LATER)
        assert again is not None
        assert (again.claim, again.state, again.started_at) == (2, JobState.RUNNING, NOON)
        assert not tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), LATER)
        assert tx.jobs.keep(job.id, 2, Drawn((picture(),), "words"), LATER)
        rendered = tx.jobs.claim(Wake(job.id, 2), LATER)
        assert rendered is not None
        assert (rendered.claim, rendered.state, rendered.text) == (3, JobState.RENDERED, "words")
        assert rendered.rendered_at == LATER


def test_rendering_stores_the_pictures_once(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        assert tx.jobs.keep(job.id, 1, Drawn((picture(0), picture(1)), ""), NOON)
        assert not tx.jobs.keep(job.id, 1, Drawn((picture(0), picture(1)), ""), NOON)
        assert [found.position for found in tx.pictures.of_job(job.id)] == [0, 1]


async def test_a_job_ends_exactly_once(store: Store, db: Direct) -> None:
    job = running(db)

    def finish(tx: Transaction) -> Job | None:
        return tx.jobs.end(job.id, None, JobState.DELIVERED, OutcomeKind.DRAWN, "", LATER)

    ends = await asyncio.gather(*(store.write(finish) for _ in range(6)))
    (ended,) = [found for found in ends if found]
    assert (
        ended.state,
        ended.outcome,
        ended.ended_at,
    ) == (JobState.DELIVERED, OutcomeKind.DRAWN, LATER)
    with db.transaction() as tx:
        assert tx.jobs.claim(Wake(job.id, 1), NOON) is None
        assert tx.jobs.cancel(job.id, NOON) is None


def test_a_paused_worker_cannot_end_what_another_has_claimed(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        assert tx.jobs.claim(Wake(job.id, 1), NOON) is not None
    assert end(db, job, claim=1) is None
    assert end(db, job, claim=2) is not None


def test_what_is_rendered_cannot_be_cancelled(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
        assert tx.jobs.cancel(job.id, NOON) is None


def test_what_is_running_can_be_cancelled_and_then_renders_nothing(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        wake = tx.jobs.cancel(job.id, NOON)
        assert wake == Wake(job.id, 2)
        told = tx.jobs.claim(wake, NOON)
        assert told is not None
        assert (told.state, told.outcome) == (JobState.RENDERED, OutcomeKind.CANCELLED)
        assert not tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
        assert tx.pictures.of_job(job.id) == []


def test_what_waits_is_dispatched_when_it_is_called_off(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx)
        wake = tx.jobs.cancel(job.id, NOON)
        assert wake == Wake(job.id, 1)
        assert tx.jobs.unfinished() == [wake]


def test_that_there_is_no_picture_is_kept_like_a_picture(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        assert tx.jobs.keep(job.id, 1, Undrawn(OutcomeKind.REFUSED, "no"), NOON)
        kept = tx.jobs.get(job.id)
        assert kept is not None
        assert (kept.state, kept.outcome, kept.detail) == (
            JobState.RENDERED,
            OutcomeKind.REFUSED,
            "no",
        )


def test_the_first_status_message_stays_until_it_is_cleared(db: Direct) -> None:
    with db.transaction() as tx:
        job = accepted(tx)
        assert tx.jobs.set_status_message(job.id, 50)
        assert not tx.jobs.set_status_message(job.id, 51)
        tx.jobs.clear_status_message(job.id)
        assert tx.jobs.set_status_message(job.id, 52)


def test_the_open_job_of_a_message_is_found_until_it_ends(db: Direct) -> None:
    job = running(db)
    with db.reading() as tx:
        assert tx.jobs.open_at(ANN, 1) == [job]
    end(db, job)
    with db.reading() as tx:
        assert tx.jobs.open_at(ANN, 1) == []


def test_after_a_start_dispatched_jobs_are_found_page_by_page(db: Direct) -> None:
    with db.transaction() as tx:
        jobs = [accepted(tx, draft(message)) for message in range(5)]
        tx.jobs.admit(ANN, 3)
        first = tx.jobs.unfinished(limit=2)
        rest = tx.jobs.unfinished(after_id=first[-1].job_id)
        assert [job.id for job in jobs[:3]] == [wake.job_id for wake in first + rest]


def test_after_a_start_waiting_accounts_are_found_longest_waiting_first(
    db: Direct,
) -> None:
    with db.transaction() as tx:
        accepted(tx, draft(1, account_id=BOB, chat_id=BOB))
        accepted(tx, draft(1))
        accepted(tx, draft(2))
        tx.jobs.admit(ANN, 1)
        assert tx.jobs.undispatched_accounts() == [BOB, ANN]


def test_only_older_jobs_that_nobody_has_begun_are_ahead(db: Direct) -> None:
    running(db)
    with db.transaction() as tx:
        waiting = [accepted(tx, draft(message)) for message in range(2, 6)]
        tx.jobs.cancel(waiting[1].id, NOON)
        assert [tx.jobs.ahead(waiting[i].id, ANN) for i in (0, 2, 3)] == [0, 1, 2]


def test_all_of_an_accounts_jobs_end_or_are_cancelled_and_give_their_pictures_back(
    db: Direct,
) -> None:
    begun = running(db)
    with db.transaction() as tx:
        waiting = [accepted(tx, draft(n)) for n in range(2, 600)]
        inline = accepted(tx, replace(draft(600), inline_message_id="inline"))
        others = accepted(tx, draft(1, account_id=BOB, chat_id=BOB))
        for job in (begun, *waiting, inline, others):
            tx.ledger.reserve(job.account_id, job.id, 2, NOON, 0, 0)
    later = NOON + timedelta(days=1)
    with db.transaction() as tx:
        ended = tx.jobs.end_waiting(ANN, later)
        assert [job.id for job in ended] == [job.id for job in waiting]
        assert {job.state for job in ended} == {JobState.CANCELLED}
        wakes = tx.jobs.cancel_all(ANN, later)
        assert {wake.job_id for wake in wakes} == {begun.id, inline.id}
        for _ in range(2):  # once
            released = tx.ledger.release_all(ANN, [job.id for job in ended], later)
            assert released in ({job.id: 2 for job in waiting}, {})
        assert tx.ledger.totals(ANN, NOON)[Period.DAY].reserved == 4
        assert tx.ledger.totals(BOB, NOON)[Period.DAY].reserved == 2
        assert tx.jobs.get(others.id) == others
        assert tx.jobs.claim(Wake(waiting[0].id, 0), later) is None
        assert tx.ledger.audit() == []


def test_what_waits_for_an_accounts_own_jobs_is_ahead_of_nobody_else(db: Direct) -> None:
    with db.transaction() as tx:
        his = [accepted(tx, draft(n, account_id=BOB, chat_id=BOB)) for n in range(1, 5)]
        tx.jobs.admit(BOB, 1)
        mine = accepted(tx, draft(9))
        tx.jobs.admit(ANN, 1)
        ahead = [tx.jobs.ahead(job.id, job.account_id) for job in (*his, mine)]
        assert ahead == [0, 1, 2, 3, 1]
        places = list(positions_of(tx.jobs.queue(10)))
        assert [place.ahead for place in places] == ahead


def test_counting_what_is_ahead_stops_at_a_bound(db: Direct) -> None:
    with db.transaction() as tx:
        for message in range(COUNTED_AHEAD + 5):
            job = accepted(tx, draft(message))
        assert tx.jobs.ahead(job.id, ANN) == COUNTED_AHEAD


def test_an_accounts_unfinished_jobs_are_listed_oldest_first(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        second = accepted(tx, draft(2))
        accepted(tx, draft(3))
        assert [job, second] == tx.jobs.of_account(ANN, 2)


def test_the_states_that_the_database_calls_unfinished_are_the_domains() -> None:
    (check,) = [c for c in JOBS.constraints if c.name == "ck_jobs_ended"]
    sql = str(check.sqltext)  # type: ignore[attr-defined]
    assert {s for s in JobState if not s.final} == {s for s in JobState if f"'{s}'" in sql}
