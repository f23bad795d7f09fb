"""Handled: each is done once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.storage.rows import NOON

if TYPE_CHECKING:
    from bot.storage import Store
    from tests.storage.direct import Direct


async def test_of_many_deliveries_of_a_press_one_is_new(store: Store) -> None:
    presses = (store.write(lambda tx: tx.keys.add("press", NOON)) for _ in range(6))
    assert sum(await asyncio.gather(*presses)) == 1


def test_what_is_old_is_forgotten(db: Direct) -> None:
    with db.transaction() as tx:
        tx.keys.add("press", NOON)
        tx.keys.prune(NOON)
        assert not tx.keys.add("press", NOON)
        tx.keys.prune(NOON + timedelta(seconds=1))
        assert tx.keys.add("press", NOON)
