"""Own data: read whole, erased whole, with the books as before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

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
    Scope,
    Source,
    Wake,
)
from bot.storage import Transaction, erasure
from bot.storage.tables import CALLS, CHATS, METADATA, PENDING, USERS
from tests.storage.direct import Direct
from tests.storage.rows import (
    ANN,
    BOB,
    GROUP,
    NOON,
    accepted,
    album_item,
    ask,
    draft,
    erase,
    of,
    picture,
    running,
)

SHARED, OWN, HIS = "a" * 64, "b" * 64, "c" * 64
LATER = NOON + timedelta(minutes=5)


def drawn(db: Direct, message_id: int, account_id: int, *files: str) -> Job:
    """Bring a job in the group to its end, with words everywhere, and charge it."""
    asked = replace(draft(message_id, account_id=account_id, chat_id=GROUP), parent_picture_id=7)
    secret = replace(
        asked.request, prompt=f"secret of {account_id}", sources=(Source(file_id="secret file"),)
    )
    job = running(db, replace(asked, request=secret))
    with db.transaction() as tx:
        tx.ledger.reserve(account_id, job.id, 1, NOON, 0, 0)
        call = tx.calls.start(job, "painter", "host", "chat", NOON)
        report = CallReport(kind=OutcomeKind.DRAWN, detail="secret words")
        tx.calls.finish(call, report, NOON)
        pictures = tuple(picture(at, sha256) for at, sha256 in enumerate(files))
        assert tx.jobs.keep(job.id, job.claim, Drawn(pictures, "secret text"), NOON)
        for kept in tx.pictures.of_job(job.id):
            tx.pictures.placed(kept.id, GROUP, 100 * message_id + kept.position)
        ended = tx.jobs.end(
            job.id, job.claim, JobState.DELIVERED, OutcomeKind.DRAWN, "secret detail", NOON
        )
        tx.ledger.settle(job.id, 1, NOON, also=GROUP)
    assert ended
    return ended


def fill(db: Direct) -> tuple[Job, Job]:
    """Write something into every table for Ann, and a job of Bob's."""
    hers = drawn(db, 1, ANN, SHARED, OWN)
    his = drawn(db, 2, BOB, SHARED, HIS)
    with db.transaction() as tx:
        tx.people.seen_user(ANN, "secret name", "secret", "en", NOON)
        tx.people.seen_chat(ANN, "private", "secret title", NOON)
        tx.preferences.choose(Scope(ANN), "model", "secret model")
        tx.albums.add(replace(album_item(50), prompt="secret album"))
        tx.questions.put(replace(ask(), prompt="secret ask"))
    return hers, his


def everything(tx: Transaction) -> str:
    """Write all rows of all tables down, in an order that no update changes."""
    rows = [(tx.people._sql.execute(select(table))).all() for table in METADATA.sorted_tables]
    return repr([sorted(map(repr, table)) for table in rows])


def test_erasing_leaves_no_words_and_clean_books(db: Direct) -> None:
    hers, his = fill(db)
    with db.transaction() as tx:
        before = tx.ledger.totals(ANN, NOON)
        erased = erase(tx, ANN, LATER)
    assert (erased.wakes, set(erased.files)) == ((), {SHARED, OWN})
    with db.reading() as tx:
        kept = tx.jobs.get(his.id)
        assert kept == his
        gone = tx.jobs.get(hers.id)
        assert gone
        assert gone.request.erased
        assert (gone.state, gone.created_at, gone.ended_at) == (JobState.DELIVERED, NOON, NOON)
        assert tx.pictures.of_job(hers.id) == []
        assert len(tx.pictures.of_job(his.id)) == 2
        assert tx.preferences.get(ANN) == Preferences()
        assert before == tx.ledger.totals(ANN, NOON)
        assert before[Period.ALL].pictures == 1
        assert tx.ledger.audit() == []
        rows = everything(tx)
    assert "secret of 1001" not in rows
    assert rows.count("secret of 1002") == 1
    assert "secret album" not in rows
    assert "secret ask" not in rows
    assert "secret name" not in rows
    assert "secret model" not in rows


def test_only_the_words_of_ones_own_calls_are_erased(db: Direct) -> None:
    hers, his = fill(db)
    with db.transaction() as tx:
        erase(tx, ANN, LATER)
        sql = tx.people._sql
        words = {
            row.job_id: row.detail for row in sql.execute(select(CALLS.c.job_id, CALLS.c.detail))
        }
        people = (sql.execute(select(USERS.c.id))).all()
        chats = (sql.execute(select(CHATS.c.id))).all()
    assert words == {hers.id: "", his.id: "secret words"}
    assert (people, chats) == ([], [])


def test_a_call_that_ends_after_the_erasure_leaves_no_words(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        call = tx.calls.start(job, "painter", "host", "chat", NOON)
        erase(tx, ANN, LATER)
        report = CallReport(kind=OutcomeKind.REFUSED, http_status=200, detail="secret words")
        tx.calls.finish(call, report, LATER)
        row = (tx.people._sql.execute(select(CALLS))).one()
    assert (row.detail, row.http_status, row.outcome) == ("", 200, OutcomeKind.REFUSED)


def test_messages_of_erased_pictures_are_still_known(db: Direct) -> None:
    fill(db)
    with db.transaction() as tx:
        before = tx.messages.known(GROUP, 0, 1000)
        erase(tx, ANN, LATER)
        assert before == tx.messages.known(GROUP, 0, 1000)
    assert {100, 101} <= before


def test_erasing_again_changes_nothing(db: Direct) -> None:
    fill(db)
    with db.transaction() as tx:
        erase(tx, ANN, LATER)
        once = everything(tx)
        again = erase(tx, ANN, LATER)
        assert once == everything(tx)
    assert (again.wakes, again.files) == ((), ())


def test_an_erasure_goes_on_in_slices_from_the_newest_job(db: Direct) -> None:
    jobs = [drawn(db, number, ANN, f"{number}" * 64) for number in (1, 2, 3)]
    with db.transaction() as tx:
        assert tx.erasure.begin(ANN, LATER, "de", 77)
        assert tx.erasure.begin(ANN, LATER, "en", 78) is None
        assert tx.erasure.left(of(tx, ANN)) == 3
        assert tx.erasure.go_on(of(tx, ANN), 2, LATER) in (
            ["2" * 64, "3" * 64],
            ["3" * 64, "2" * 64],
        )
        assert [bool(tx.pictures.of_job(job.id)) for job in jobs] == [True, False, False]
        begun = of(tx, ANN)
        assert (begun.message_id, begun.locale, begun.up_to_job_id) == (77, "de", jobs[1].id - 1)
        late = accepted(tx, draft(9, account_id=ANN))  # what is asked for after it is no part of it
        tx.ledger.reserve(ANN, late.id, 1, NOON, 0, 0)
        assert tx.erasure.go_on(begun, 2, LATER) == ["1" * 64]
        assert of(tx, ANN).up_to_job_id == 0
        kept = tx.jobs.get(late.id)
        tx.erasure.end(ANN)
        assert tx.erasure.under_way(9) == []
    assert kept == late


def test_what_cannot_be_deleted_is_not_told_before_all_is_known(db: Direct) -> None:
    job = running(db, replace(draft(1), inline_message_id="i"))
    with db.transaction() as tx:
        tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        assert tx.jobs.keep(job.id, job.claim, Drawn((picture(),)), NOON)
        (kept,) = tx.pictures.of_job(job.id)
        tx.pictures.placed(kept.id, -5, 6)
        assert tx.jobs.end(job.id, job.claim, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
        assert tx.erasure.begin(ANN, LATER, "en", 7)
        tx.erasure.go_on(of(tx, ANN), 9, LATER)
        assert of(tx, ANN).stored == 1
        (deletion,) = tx.deletions.waiting(9)
        tx.deletions.refused(deletion)
        assert tx.deletions.undeletable() == []
        tx.erasure.end(ANN)
        assert [one.messages for one in tx.deletions.undeletable()] == [1]


def test_an_open_album_that_was_erased_makes_no_job(db: Direct) -> None:
    fill(db)
    with db.transaction() as tx:
        erase(tx, ANN, LATER)
        assert tx.albums.open_albums() == []
        assert tx.albums.add(album_item(51)) is False  # it comes too late


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED])
def test_an_unfinished_job_is_called_off(db: Direct, state: JobState) -> None:
    if state is JobState.ACCEPTED:
        with db.transaction() as tx:
            job = accepted(tx)
    else:
        job = running(db)
    with db.transaction() as tx:
        tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        if state is JobState.RENDERED:
            assert tx.jobs.keep(job.id, job.claim, Drawn((picture(),)), NOON)
        erased = erase(tx, ANN, LATER)
        assert erased.wakes == (Wake(job.id, job.claim + 1),)
        # Whoever worked on it has lost it, his words do not come back.
        lost = tx.jobs.end(job.id, job.claim, JobState.DELIVERED, OutcomeKind.DRAWN, "secret", NOON)
        assert lost is None
        ending = tx.jobs.claim(erased.wakes[0], LATER)
    assert ending
    assert (ending.state, ending.outcome) == (JobState.RENDERED, OutcomeKind.CANCELLED)
    assert ending.request.erased


def test_jobs_are_read_newest_first(db: Direct) -> None:
    jobs = [drawn(db, number, ANN, OWN) for number in (1, 2, 3)]
    his = drawn(db, 4, BOB, HIS)
    with db.reading() as tx:
        own = tx.export
        assert own.job_ids(ANN) == [jobs[2].id, jobs[1].id, jobs[0].id]
        assert own.jobs([jobs[0].id, jobs[2].id]) == [jobs[2], jobs[0]]
        ids = [jobs[2].id, jobs[0].id]
        assert [found.job_id for found in own.pictures(ids)] == ids
        kinds = [row.kind for row in own.movements(ANN, [jobs[0].id, his.id])]
    assert kinds == ["reserve", "settle"]  # the group's own row of statistics is not hers


def test_what_waits_is_read(db: Direct) -> None:
    fill(db)
    with db.reading() as tx:
        waiting = tx.export.waiting(ANN)
        person = tx.export.person(ANN)
        assert tx.export.waiting(BOB) == []
        assert tx.export.person(BOB) is None
    assert {row.prompt for row in waiting} == {"secret album", "secret ask"}
    assert {row.at for row in waiting} == {NOON}
    assert person
    assert (person.name, person.first_seen) == ("secret name", NOON)


def test_an_export_begins_once_in_a_while(db: Direct) -> None:
    pause = timedelta(minutes=5)
    moments = (NOON, NOON + pause / 2, NOON + pause, NOON + pause * 1.5)
    with db.transaction() as tx:
        begun = [tx.export.begin(ANN, at, at - pause) for at in moments]
        other = tx.export.begin(BOB, NOON, NOON - pause)
    assert (begun, other) == ([True, False, True, False], True)


def test_running_jobs_tell_since_when(db: Direct) -> None:
    with db.reading() as tx:
        assert tx.jobs.running_since() is None
    running(db)
    with db.reading() as tx:
        assert tx.jobs.running_since() == NOON
        assert tx.pictures.known([OWN]) == set()
    drawn(db, 9, BOB, OWN)
    with db.reading() as tx:
        assert tx.pictures.known([OWN, HIS]) == {OWN}


def test_what_waited_is_erased_in_slices_and_what_comes_later_stays(
    db: Direct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "_PENDING_AT_ONCE", 3)

    def left(tx: Transaction) -> int:
        rows = tx.people._sql.execute(select(PENDING.c.payload).where(PENDING.c.account_id == ANN))
        return len([row for row in rows if row.payload])

    with db.transaction() as tx:
        for number in range(10):  # of each place the newest waits, the others are closed
            tx.questions.put(replace(ask(), account_id=ANN, message_id=100 + number))
        assert tx.erasure.begin(ANN, LATER, "en", 7)
        assert left(tx) == 6
        assert of(tx, ANN).up_to_job_id == 1
        late = replace(ask(), account_id=ANN, message_id=200, asked_at=LATER + timedelta(seconds=1))
        tx.questions.put(late)
        sizes = []
        while (under_way := of(tx, ANN)).up_to_job_id:
            tx.erasure.go_on(under_way, 50, LATER)
            sizes.append(left(tx))
    assert sizes == [4, 1, 1]
