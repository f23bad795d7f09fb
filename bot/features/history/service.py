"""The gallery: somebody's pictures one by one, newest first, and messages that stand for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain import Job, Picture
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction

_AFTER_ALL = 2**63 - 1


class Direction(StrEnum):
    """Where a gallery goes from a picture."""

    HERE = "here"
    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A picture of a gallery, and whether there are others on either side."""

    picture: Picture
    job: Job
    newer: bool
    older: bool


class HistoryService:
    """Reads the pictures of an account; with a chat, only those that were made there."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def newest(self, account_id: int, chat_id: int | None) -> HistoryPage | None:
        """Open a gallery; None if there is nothing in it."""
        async with self._store.reading() as tx:
            picture = await tx.shelves.older(account_id, chat_id, _AFTER_ALL)
            return await _page(tx, picture, account_id, chat_id)

    async def step(
        self, account_id: int, chat_id: int | None, anchor: int, way: Direction
    ) -> HistoryPage | None:
        """Go on from the picture with the id `anchor`; None where there is nothing more."""
        async with self._store.reading() as tx:
            if way is Direction.NEWER:
                picture = await tx.shelves.newer(account_id, chat_id, anchor)
            else:  # ids are whole: what is here is older than the next
                than = anchor + 1 if way is Direction.HERE else anchor
                picture = await tx.shelves.older(account_id, chat_id, than)
            return await _page(tx, picture, account_id, chat_id)

    async def stands_for(self, chat_id: int, message_id: int) -> Picture | None:
        """Find the picture that a message stands for."""
        async with self._store.reading() as tx:
            return await tx.stand_ins.at(chat_id, message_id)

    async def sent(self, chat_id: int, message_id: int, picture_id: int) -> None:
        """Note a message that was sent just now and stands for a picture."""
        async with self._store.transaction() as tx:
            await tx.outgoing.add(chat_id, message_id, self._clock())
            await tx.stand_ins.put(chat_id, message_id, picture_id)

    async def stands(self, chat_id: int, message_id: int, picture_id: int) -> None:
        """Note that a message stands for a picture: a reply to it is about that."""
        async with self._store.transaction() as tx:
            await tx.stand_ins.put(chat_id, message_id, picture_id)


async def _page(
    tx: Transaction, picture: Picture | None, account_id: int, chat_id: int | None
) -> HistoryPage | None:
    job = await tx.jobs.get(picture.job_id) if picture else None
    if picture is None or job is None:
        return None
    newer = await tx.shelves.newer(account_id, chat_id, picture.id)
    older = await tx.shelves.older(account_id, chat_id, picture.id)
    return HistoryPage(picture, job, newer is not None, older is not None)
