"""Albums: messages that belong together are collected durably and become one prompt.

Telegram sends an album's items as separate messages, in one or several batches, with no end
marker. Each is committed before it is confirmed; the album is closed once it has been quiet for
the settle window, also when a restart fell into it. A text that was too long for one message, and a
comment with what was forwarded, are such groups, too: the first part founds one, by its own id.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain import AlbumItem, Author, LimitReached, Prompt
from bot.domain.albums import TEXT_GROUP, merge_album
from bot.jobs.pending import LIFETIME, is_about_pictures
from bot.jobs.submit import SubmitResult, SubmitService
from bot.storage.engine import Store
from bot.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ClosedAlbum:
    """An album that was closed now: its prompt, and what became of it or the limit in its way."""

    prompt: Prompt
    result: SubmitResult | LimitReached


@dataclass(frozen=True, slots=True)
class AlbumService:
    """Collects albums and closes those that have been quiet for the `settle` window."""

    store: Store
    submit: SubmitService
    settle: timedelta
    clock: Callable[[], datetime]

    async def add(self, item: AlbumItem, author: Author | None = None) -> bool | None:
        """Keep one message of an album; False if its album is closed, None if it came before.

        `author` is remembered: of an album that is for the bot.
        """
        return await self.store.write(self._add, item, author)

    def _add(self, tx: Transaction, item: AlbumItem, author: Author | None) -> bool | None:
        if author:
            self.submit.people.remember(tx, item.chat_id, author, self.clock())
        return tx.albums.add(replace(item, arrived_at=tx.moment(item.arrived_at)))

    async def known(self, chat_id: int, message_id: int) -> bool:
        """Whether a message was kept before, to be joined by others or asked about; open or closed."""
        place = (chat_id, message_id)
        return await self.store.read(
            lambda tx: tx.albums.known(*place) or tx.questions.known(*place)
        )

    async def open(self) -> list[tuple[int, str]]:
        found = await self.store.read(lambda tx: tx.albums.open_albums())
        return [(chat_id, album_id) for chat_id, album_id, _ in found]

    async def open_texts(self) -> list[AlbumItem]:
        """List the last message of each open group that began with a text."""

        def read(tx: Transaction) -> list[AlbumItem]:
            texts = [one for one in tx.albums.open_albums() if one[1].startswith(TEXT_GROUP)]
            return [tx.albums.items(*one[:2])[-1] for one in texts]

        return await self.store.read(read)

    async def has_picture(self, prompt: Prompt) -> bool:
        """Whether a prompt's picture is there already: what waits for words, or is replied to."""
        since = self.clock() - LIFETIME
        return await self.store.read(lambda tx: is_about_pictures(tx, prompt, since))

    async def words(self, chat_id: int, album_id: str) -> Prompt | None:
        """Make a prompt of a group of texts alone that is due, which stays open; None if it is none."""

        def read(tx: Transaction) -> Prompt | None:
            due = self._is_due(tx, tx.albums.waiting(chat_id, album_id))
            items = tx.albums.items(chat_id, album_id) if due else []
            return merge_album(items) if items and not any(one.source for one in items) else None

        return await self.store.read(read)

    async def end(self, chat_id: int, album_id: str) -> None:
        """Close a group whose prompt is known elsewhere by now."""
        await self.store.write(lambda tx: tx.albums.close(chat_id, album_id))

    async def seconds_left(self, chat_id: int, album_id: str) -> float | None:
        """Tell in how many seconds an open album is due; None if it is closed.

        A clock that was set back never makes it wait longer than the settle window.
        """

        def read(tx: Transaction) -> float | None:
            last = tx.albums.waiting(chat_id, album_id)
            if last is None:
                return None
            left = last + self.settle - tx.moment(self.clock())
            return min(left, self.settle).total_seconds()

        return await self.store.read(read)

    async def close(self, chat_id: int, album_id: str) -> ClosedAlbum | None:
        """Make an album that has been quiet long enough one prompt; None if it is not due.

        An album that is not for the bot is closed, too, and forgotten.
        """
        try:
            return await self.store.write(self._close, chat_id, album_id)
        except LimitReached as reached:
            items = await self.store.write(self._take, chat_id, album_id)
            return ClosedAlbum(merge_album(items), reached) if items else None

    def _close(self, tx: Transaction, chat_id: int, album_id: str) -> ClosedAlbum | None:
        items = self._take(tx, chat_id, album_id)
        if not any(item.addressed for item in items):
            return None
        prompt = merge_album(items)
        return ClosedAlbum(prompt, self.submit.submit_in(tx, prompt))

    def _is_due(self, tx: Transaction, last: datetime | None) -> bool:
        return last is not None and last + self.settle <= tx.moment(self.clock())

    def _take(self, tx: Transaction, chat_id: int, album_id: str) -> list[AlbumItem]:
        return tx.albums.close(chat_id, album_id, tx.moment(self.clock()) - self.settle)
