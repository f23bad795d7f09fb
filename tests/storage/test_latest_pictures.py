"""Latest: what was drawn for an account, newest first, and nobody else's."""

from __future__ import annotations

from bot.domain import Arrival, Drawn, JobState, OutcomeKind, Picture
from bot.features.inline.service import NEWEST, PictureSearch
from bot.storage import Store
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, NOON, draft, picture, running


def delivered(db: Direct, account_id: int, message_id: int, *drawn: Picture) -> None:
    job = running(db, draft(message_id, account_id=account_id))
    with db.transaction() as tx:
        tx.ledger.reserve(account_id, job.id, 1, NOON, 0, 0)
        tx.jobs.keep(job.id, 1, Drawn(drawn), NOON)
        for kept in tx.pictures.of_job(job.id):
            name = f"file {message_id}.{kept.position}"
            tx.pictures.arrive(Arrival(kept.id, ANN, 100 + kept.id, name))
        tx.jobs.end(job.id, 1, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
        tx.ledger.settle(job.id, 1, NOON)


async def test_an_accounts_own_pictures_come_newest_first(store: Store, db: Direct) -> None:
    latest = PictureSearch(store)
    delivered(db, ANN, 1, picture(0))
    delivered(db, BOB, 2, picture(0))
    delivered(db, ANN, 3, picture(0), picture(1))
    page = await latest.page(ANN, "")
    assert [found.picture.file_id for found in page.pictures] == [
        "file 3.1",
        "file 3.0",
        "file 1.0",
    ]
    assert page.next_page is None
    assert (await latest.page(ANN, "no such words")).pictures == ()
    assert len((await latest.page(ANN, "A CAT")).pictures) == 3


async def test_pages_have_every_picture_once(store: Store, db: Direct) -> None:
    latest = PictureSearch(store)
    for number in range(45):
        delivered(db, ANN, number + 1, picture(0), picture(1))
    seen: list[str | None] = []
    mark: int | None = NEWEST
    while mark is not None:
        page = await latest.page(ANN, "", mark)
        seen += [found.picture.file_id for found in page.pictures]
        mark = page.next_page
    assert len(seen) == len(set(seen)) == 90


async def test_what_was_not_delivered_or_is_gone_is_left_out(store: Store, db: Direct) -> None:
    latest = PictureSearch(store)
    delivered(db, ANN, 1, picture(0))
    job = running(db, draft(2))
    with db.transaction() as tx:
        tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        tx.jobs.keep(job.id, 1, Drawn((picture(0),)), NOON)
    (found,) = (await latest.page(ANN, "")).pictures
    with db.transaction() as tx:
        assert found.picture.message_id is not None
        tx.pictures.unplace(ANN, found.picture.message_id)
    assert (await latest.page(ANN, "")).pictures == ()


def test_a_job_remembers_its_inline_message(db: Direct) -> None:
    job = running(db)
    with db.transaction() as tx:
        tx.jobs.set_inline_message(job.id, "AgAAA")
        found = tx.jobs.get(job.id)
    assert found is not None
    assert found.inline_message_id == "AgAAA"
