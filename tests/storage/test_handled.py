"""Handled: each is done once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.storage.rows import NOON

if TYPE_CHECKING:
    from bot.storage import Store


async def test_of_many_deliveries_of_a_press_one_is_new(store: Store) -> None:
    async def press() -> bool:
        async with store.transaction() as tx:
            return await tx.handled.add("press", NOON)

    assert sum(await asyncio.gather(*(press() for _ in range(6)))) == 1


async def test_what_is_old_is_forgotten(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.handled.add("press", NOON)
        await tx.handled.prune(NOON)
        assert not await tx.handled.add("press", NOON)
        await tx.handled.prune(NOON + timedelta(seconds=1))
        assert await tx.handled.add("press", NOON)
