"""Pictures: found by their place, forever."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import Drawn, JobState, OutcomeKind
from tests.storage.rows import ANN, NOON, picture, running

if TYPE_CHECKING:
    from bot.domain import Picture
    from bot.storage import Store


async def drawn(store: Store, *pictures: Picture) -> list[Picture]:
    job = await running(store)
    async with store.transaction() as tx:
        await tx.jobs.keep(job.id, 1, Drawn(tuple(pictures)), NOON)
        return await tx.pictures.of_job(job.id)


async def test_a_picture_comes_back_as_it_was_drawn(store: Store) -> None:
    second, first = picture(1, "b" * 64), picture(0)
    found = await drawn(store, second, first)
    assert [first, second] == [replace(each, id=0, job_id=0, account_id=0) for each in found]
    async with store.reading() as tx:
        assert found[0] == await tx.pictures.get(found[0].id)
        assert await tx.pictures.get(0) is None


async def test_a_picture_is_found_where_it_stands(store: Store) -> None:
    (found,) = await drawn(store, picture())
    async with store.transaction() as tx:
        assert await tx.pictures.at(ANN, 9) is None
        await tx.pictures.placed(found.id, ANN, 9)
        standing = await tx.pictures.at(ANN, 9)
        assert standing == replace(found, chat_id=ANN, message_id=9)
        await tx.pictures.unplace(ANN, 9)
        assert await tx.pictures.at(ANN, 9) is None


async def test_the_newest_picture_of_a_message_is_the_one_that_stands_there(store: Store) -> None:
    older, newer = await drawn(store, picture(0), picture(1))
    async with store.transaction() as tx:
        await tx.pictures.placed(newer.id, ANN, 9)
        await tx.pictures.placed(older.id, ANN, 9)
        standing = await tx.pictures.at(ANN, 9)
    assert standing is not None
    assert standing.id == newer.id


async def test_telegrams_names_of_a_picture_are_kept_apart(store: Store) -> None:
    (found,) = await drawn(store, picture())
    async with store.transaction() as tx:
        await tx.pictures.delivered(found.id, "shown")
        await tx.pictures.original(found.id, "untouched")
        assert await tx.pictures.get(found.id) == replace(
            found, file_id="shown", original_file_id="untouched"
        )


async def test_a_result_on_its_way_keeps_its_bytes_until_its_job_has_ended(store: Store) -> None:
    (found,) = await drawn(store, picture())
    async with store.transaction() as tx:
        assert await tx.pictures.undelivered("a" * 64)
        assert not await tx.pictures.undelivered("b" * 64)
        await tx.jobs.end(found.job_id, None, JobState.DELIVERED, OutcomeKind.DRAWN, "", NOON)
        assert not await tx.pictures.undelivered("a" * 64)
