"""What inline mode reads and keeps: an account's pictures by their words, and deletions to be made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import PendingDeletion, Picture, Undeletable
from bot.storage.engine import Store
from bot.storage.wait import run_to_completion

NEWEST = (1 << 63) - 1
PAGE = 20  # pictures shown at once
LOOKED_AT = 200  # pictures that one page looks through for its words

DELETIONS = 100  # read at a time
GIVEN_UP = timedelta(days=2)  # nothing that Telegram does not answer is tried for longer


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture that stands in a chat: the words that it was asked for by, of which model, when."""

    picture: Picture
    prompt: str
    model: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PicturePage:
    """Pictures, newest first; `next_page` is where the next page begins, None after the last.

    Such a mark is the id of a picture: the next page has older ones.
    """

    pictures: tuple[FoundPicture, ...]
    next_page: int | None


@dataclass(frozen=True, slots=True)
class PictureSearch:
    """Looks through an account's pictures: one read of the database for each page."""

    store: Store

    async def page(self, account_id: int, words: str, before: int = NEWEST) -> PicturePage:
        """List pictures whose prompts hold all `words`, from the mark `before` on."""
        wanted = words.casefold().split()
        at_most = LOOKED_AT if wanted else PAGE
        rows = await self.store.read(lambda tx: tx.pictures.latest(account_id, before, at_most))
        found = [FoundPicture(*row) for row in rows if _holds(row[1], wanted)]
        if len(found) > PAGE:
            return PicturePage(tuple(found[:PAGE]), found[PAGE - 1].picture.id)
        more = len(rows) == at_most
        return PicturePage(tuple(found), rows[-1][0].id if more else None)


def _holds(prompt: str, words: list[str]) -> bool:
    folded = prompt.casefold()
    return all(word in folded for word in words)


@dataclass(frozen=True, slots=True)
class PendingDeletions:
    """Keeps what is to be deleted until it is gone, or its owner knows that it is not."""

    store: Store
    clock: Callable[[], datetime]

    async def waiting(self) -> list[PendingDeletion]:
        return await self.store.read(lambda tx: tx.deletions.waiting(DELETIONS))

    async def end(self, deletion: PendingDeletion, *, gone: bool) -> None:
        await run_to_completion(
            self.store.write(
                lambda tx: tx.deletions.done(deletion) if gone else tx.deletions.refused(deletion)
            )
        )

    async def unreported(self) -> list[Undeletable]:
        """List who is to be told that something stays."""
        return await self.store.read(lambda tx: tx.deletions.undeletable())

    async def report_sent(self, undeletable: Undeletable) -> None:
        """Forget what stays: its owner knows."""
        account_id = undeletable.account_id
        await run_to_completion(self.store.write(lambda tx: tx.deletions.forget(account_id)))

    def is_too_old(self, deletion: PendingDeletion) -> bool:
        return self.clock() - deletion.at > GIVEN_UP
