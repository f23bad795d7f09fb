"""Outgoing messages: the bot knows all its own, wherever they are remembered."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain import Drawn
from tests.storage.rows import ANN, BOB, NOON, picture, running

if TYPE_CHECKING:
    from bot.storage import Store


async def test_status_messages_pictures_and_others_are_known(store: Store) -> None:
    job = await running(store)
    async with store.transaction() as tx:
        await tx.jobs.set_status_message(job.id, 10)
        await tx.jobs.keep(job.id, 1, Drawn((picture(0), picture(1)), ""), NOON)
        first, second = await tx.pictures.of_job(job.id)
        await tx.pictures.placed(first.id, ANN, 10)
        await tx.pictures.placed(second.id, ANN, 11)
        await tx.outgoing.add(ANN, 12, NOON)
        await tx.outgoing.add(ANN, 12, NOON)
        await tx.outgoing.add(BOB, 13, NOON)
        assert await tx.outgoing.known(ANN, 0, 100) == {10, 11, 12}
        assert await tx.outgoing.known(ANN, 10, 100) == {11, 12}
        assert await tx.outgoing.known(ANN, 0, 2) == {10, 11}


async def test_old_messages_of_the_table_are_forgotten(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.outgoing.add(ANN, 12, NOON)
        await tx.outgoing.prune(NOON)
        assert await tx.outgoing.known(ANN, 0, 100) == {12}
        await tx.outgoing.prune(NOON + timedelta(seconds=1))
        assert await tx.outgoing.known(ANN, 0, 100) == set()
