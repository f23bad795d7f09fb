"""Outgoing messages: what is known cannot be a lost message, and chats share their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bot.domain import Drawn
from tests.storage.rows import ANN, BOB, GROUP, NOON, draft, picture, running

if TYPE_CHECKING:
    from bot.storage import Store

SUPER, CHANNEL = -1_000_000_002_001, -1_000_000_000_000
HIGH = 1 << 31


async def send(store: Store, chat_id: int, first: int) -> None:
    """Let the bot send into a chat what it can: prompt `first`, then status, pictures, another."""
    job = await running(store, draft(first, chat_id=chat_id))
    async with store.transaction() as tx:
        await tx.jobs.set_status_message(job.id, first + 1)
        await tx.jobs.keep(job.id, 1, Drawn((picture(0), picture(1), picture(2)), ""), NOON)
        one, two, _unsent = await tx.pictures.of_job(job.id)
        await tx.pictures.placed(one.id, chat_id, first + 1)
        await tx.pictures.placed(two.id, chat_id, first + 2)
        await tx.outgoing.add(chat_id, first + 4, NOON)
        await tx.outgoing.add(chat_id, first + 4, NOON)


@pytest.mark.parametrize("chat_id", [ANN, GROUP, SUPER, CHANNEL])
async def test_prompts_status_messages_pictures_and_others_are_known(
    store: Store, chat_id: int
) -> None:
    await send(store, chat_id, 10)
    async with store.reading() as tx:
        assert await tx.outgoing.known(chat_id, 0, HIGH) == {10, 11, 12, 14}
        assert await tx.outgoing.known(chat_id, 10, 12) == {11, 12}
        assert await tx.outgoing.known(chat_id, 14, HIGH) == set()
        assert await tx.outgoing.newest(chat_id) == 14


@pytest.mark.parametrize("chat_id", [SUPER, CHANNEL])
async def test_a_supergroup_or_channel_numbers_its_messages_by_itself(
    store: Store, chat_id: int
) -> None:
    for first, other in ((10, ANN), (20, GROUP), (30, chat_id - 1)):
        await send(store, other, first)
    async with store.reading() as tx:
        assert await tx.outgoing.known(chat_id, 0, HIGH) == set()
        assert await tx.outgoing.newest(chat_id) == 0


async def test_private_chats_and_basic_groups_share_one_counter(store: Store) -> None:
    for first, chat_id in ((10, ANN), (20, GROUP), (30, SUPER), (40, CHANNEL)):
        await send(store, chat_id, first)
    async with store.reading() as tx:
        for chat_id in (ANN, BOB, GROUP, CHANNEL + 1):
            assert await tx.outgoing.known(chat_id, 11, HIGH) == {12, 14, 20, 21, 22, 24}
            assert await tx.outgoing.newest(chat_id) == 24


@pytest.mark.parametrize("chat_id", [ANN, SUPER])
async def test_the_newest_may_be_of_any_kind(store: Store, chat_id: int) -> None:
    job = await running(store, draft(10, chat_id=chat_id))
    async with store.transaction() as tx:
        assert await tx.outgoing.newest(chat_id) == 10
        await tx.jobs.set_status_message(job.id, 11)
        assert await tx.outgoing.newest(chat_id) == 11
        await tx.jobs.keep(job.id, 1, Drawn((picture(),), ""), NOON)
        (drawn,) = await tx.pictures.of_job(job.id)
        await tx.pictures.placed(drawn.id, chat_id, 12)
        assert await tx.outgoing.newest(chat_id) == 12
        await tx.outgoing.add(chat_id, 13, NOON)
        assert await tx.outgoing.newest(chat_id) == 13
