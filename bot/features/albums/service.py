"""Albums: messages that belong together are collected durably and become one prompt.

Telegram sends an album's items as separate messages, in one or several batches, with no end
marker. Each is committed before it is confirmed; the album is closed once it has been quiet for
the settle window, also when a restart fell into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import AlbumItem, Author, LimitReached, Prompt
from bot.domain.albums import merge_album
from bot.jobs.submit import SubmitResult, SubmitService, remember_author
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
            remember_author(tx, item.chat_id, author, self.clock())
        return tx.albums.add(item)

    async def open(self) -> list[tuple[int, str]]:
        found = await self.store.read(lambda tx: tx.albums.open_albums())
        return [(chat_id, album_id) for chat_id, album_id, _ in found]

    async def seconds_left(self, chat_id: int, album_id: str) -> float | None:
        """Tell in how many seconds an open album is due; None if it is closed.

        A clock that was set back never makes it wait longer than the settle window.
        """
        last = await self.store.read(lambda tx: tx.albums.waiting(chat_id, album_id))
        if last is None:
            return None
        return min(last + self.settle - self.clock(), self.settle).total_seconds()

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

    def _take(self, tx: Transaction, chat_id: int, album_id: str) -> list[AlbumItem]:
        return tx.albums.close(chat_id, album_id, self.clock() - self.settle)
