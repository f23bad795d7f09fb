"""Latest pictures: what somebody has had drawn, in pages, perhaps only what some words are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.domain import Picture
    from bot.storage.engine import Store

NEWEST = (1 << 63) - 1
PAGE = 20  # pictures shown at once
LOOKED_AT = 200  # pictures that one page looks through for its words


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture that stands in a chat, and the words that it was asked for by."""

    picture: Picture
    prompt: str


@dataclass(frozen=True, slots=True)
class PicturePage:
    """Pictures, newest first; `following` is where the next page begins, None after the last.

    Such a mark is the id of a picture: the next page has older ones.
    """

    pictures: tuple[FoundPicture, ...]
    following: int | None


class PictureSearch:
    """Looks through an account's pictures: one read of the database for each page."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, account_id: int, words: str, before: int = NEWEST) -> PicturePage:
        """List pictures whose prompts hold all `words`, from the mark `before` on."""
        wanted = words.casefold().split()
        at_most = LOOKED_AT if wanted else PAGE
        async with self._store.reading() as tx:
            rows = await tx.latest.page(account_id, before, at_most)
        held = [FoundPicture(*row) for row in rows if _holds(row[1], wanted)]
        if len(held) > PAGE:
            return PicturePage(tuple(held[:PAGE]), held[PAGE - 1].picture.id)
        more = len(rows) == at_most
        return PicturePage(tuple(held), rows[-1][0].id if more else None)


def _holds(prompt: str, words: list[str]) -> bool:
    folded = prompt.casefold()
    return all(word in folded for word in words)
