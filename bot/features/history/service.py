"""The history: somebody's pictures one by one, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.domain import Job, Picture
from bot.storage.engine import Store
from bot.storage.transaction import Transaction

_AFTER_ALL = 2**63 - 1
MOST_COUNTED = 1000  # pictures on each side of one


class Direction(StrEnum):
    """Where a history goes from a picture."""

    HERE = "here"
    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A picture of a history, and how many others there are on either side.

    One more than MOST_COUNTED stands for all that are more.
    """

    picture: Picture
    job: Job
    newer: int
    older: int

    @property
    def position(self) -> str:
        """Its place among all, such as `3/27` or `3/1003+`; the newest is the first."""
        if self.newer > MOST_COUNTED:
            return f"{MOST_COUNTED}+"
        if self.older > MOST_COUNTED:
            return f"{self.newer + 1}/{self.newer + 1 + MOST_COUNTED}+"
        return f"{self.newer + 1}/{self.newer + 1 + self.older}"


@dataclass(frozen=True, slots=True)
class HistoryService:
    """Reads the pictures of an account; with a chat, only those that were made there."""

    store: Store

    async def step(
        self,
        account_id: int,
        chat_id: int | None,
        anchor: int = _AFTER_ALL,
        direction: Direction = Direction.OLDER,
    ) -> HistoryPage | None:
        """Go on from the picture with the id `anchor`; None where there is nothing more."""
        return await self.store.read(_step, account_id, chat_id, anchor, direction)

    async def delete(self, picture: Picture) -> None:
        """Pass a picture over from now on."""
        await self.store.write(lambda tx: tx.pictures.delete_one(picture.id))

    async def shown_in(self, chat_id: int, message_id: int) -> Picture | None:
        return await self.store.read(lambda tx: tx.pictures.linked(chat_id, message_id))


def _step(
    tx: Transaction, account_id: int, chat_id: int | None, anchor: int, direction: Direction
) -> HistoryPage | None:
    if direction is Direction.NEWER:
        picture = tx.pictures.newer(account_id, chat_id, anchor)
    else:  # ids are whole numbers: what is here is older than the next
        before = anchor + 1 if direction is Direction.HERE else anchor
        picture = tx.pictures.older(account_id, chat_id, before)
    job = tx.jobs.get(picture.job_id) if picture else None
    if picture is None or job is None:
        return None
    newer, older = tx.pictures.counts(account_id, chat_id, picture.id, MOST_COUNTED + 1)
    return HistoryPage(picture, job, newer, older)
