"""Latest: what was drawn for an account, newest first, and nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import Drawn, JobState, OutcomeKind
from bot.features.inline.service import NEWEST, PictureSearch
from tests.storage.rows import ANN, BOB, NOON, draft, picture, running

if TYPE_CHECKING:
    from bot.domain import Picture
    from bot.storage import Store


async def delivered(store: Store, account_id: int, message_id: int, *drawn: Picture) -> None:
    job = await running(store, draft(message_id, account_id=account_id))
    async with store.transaction() as tx:
        await tx.ledger.reserve(account_id, job.id, 1, NOON, 0, 0)
        await tx.jobs.keep(job.id, 1, Drawn(drawn), NOON)
        for kept in await tx.pictures.of_job(job.id):
            await tx.pictures.placed(kept.id, ANN, 100 + kept.id)
            await tx.pictures.delivered(kept.id, f"file {message_id}.{kept.position}")
        await tx.jobs.end(job.id, 1, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
        await tx.ledger.settle(job.id, 1, NOON)


async def test_an_accounts_own_pictures_come_newest_first(store: Store) -> None:
    latest = PictureSearch(store)
    await delivered(store, ANN, 1, picture(0))
    await delivered(store, BOB, 2, picture(0))
    await delivered(store, ANN, 3, picture(0), picture(1))
    page = await latest.page(ANN, "")
    assert [found.picture.file_id for found in page.pictures] == [
        "file 3.1",
        "file 3.0",
        "file 1.0",
    ]
    assert page.following is None
    assert (await latest.page(ANN, "no such words")).pictures == ()
    assert len((await latest.page(ANN, "A CAT")).pictures) == 3


async def test_pages_have_every_picture_once(store: Store) -> None:
    latest = PictureSearch(store)
    for number in range(45):
        await delivered(store, ANN, number + 1, picture(0), picture(1))
    seen: list[str | None] = []
    mark: int | None = NEWEST
    while mark is not None:
        page = await latest.page(ANN, "", mark)
        seen += [found.picture.file_id for found in page.pictures]
        mark = page.following
    assert len(seen) == len(set(seen)) == 90


async def test_what_was_not_delivered_or_is_gone_is_left_out(store: Store) -> None:
    latest = PictureSearch(store)
    await delivered(store, ANN, 1, picture(0))
    job = await running(store, draft(2))
    async with store.transaction() as tx:
        await tx.ledger.reserve(ANN, job.id, 1, NOON, 0, 0)
        await tx.jobs.keep(job.id, 1, Drawn((picture(0),)), NOON)
    (found,) = (await latest.page(ANN, "")).pictures
    async with store.transaction() as tx:
        assert found.picture.message_id is not None
        await tx.pictures.unplace(ANN, found.picture.message_id)
    assert (await latest.page(ANN, "")).pictures == ()


async def test_a_job_remembers_its_inline_message(store: Store) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        await tx.jobs.set_inline_message(job.id, "AgAAA")
        found = await tx.jobs.get(job.id)
    assert found is not None
    assert found.inline_message_id == "AgAAA"
