"""Clearances: pictures that somebody had erased go out of the storage chat, too."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain import Clearance, Leftover
    from bot.storage.engine import Store

PAGE = 100
GIVEN_UP = timedelta(days=2)  # nothing that Telegram does not answer is tried for longer


class Clearances:
    """Keeps what is to be taken out until it is gone, or its owner knows that it is not."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def waiting(self) -> list[Clearance]:
        """List the next messages to be taken out."""
        async with self._store.reading() as tx:
            return await tx.clearances.waiting(PAGE)

    def too_old(self, clearance: Clearance) -> bool:
        """Whether a message has been tried for long enough."""
        return self._clock() - clearance.at > GIVEN_UP

    async def end(self, clearance: Clearance, *, gone: bool) -> None:
        """Note whether a message is gone."""
        async with self._store.transaction() as tx:
            if gone:
                await tx.clearances.done(clearance)
            else:
                await tx.clearances.refused(clearance)

    async def left(self) -> list[Leftover]:
        """List who is to be told that something stays."""
        async with self._store.reading() as tx:
            return await tx.clearances.left()

    async def told(self, leftover: Leftover) -> None:
        """Forget what stays: its owner knows."""
        async with self._store.transaction() as tx:
            await tx.clearances.told(leftover.account_id)
