"""Albums: messages that belong together are collected durably and become one wish.

Telegram sends an album's items as separate messages, in one or several batches, with no end
marker. Each is committed before it is confirmed; the album is closed once it has been quiet for
the settle window, also when a restart fell into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain import LimitReached, Prompt, Reply, Wake
from bot.jobs.results import NoInput, SubmitResult

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain import AlbumItem
    from bot.jobs.submit import SubmitService
    from bot.storage.engine import Store


@dataclass(frozen=True, slots=True)
class ClosedAlbum:
    """An album that was closed now: its wish, and what became of it or the limit in its way."""

    wish: Prompt
    submission: SubmitResult | LimitReached


class AlbumService:
    """Collects albums and closes the quiet ones."""

    def __init__(
        self,
        *,
        store: Store,
        submit: SubmitService,
        settle_seconds: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._submit = generation
        self._clock = clock
        self.settle = timedelta(seconds=settle_seconds)

    async def add(self, item: AlbumItem) -> bool | None:
        """Keep one message of an album; False if its album is closed, None if it came before."""
        async with self._store.transaction() as tx:
            return await tx.albums.add(item)

    async def open(self) -> list[tuple[int, str]]:
        """List the albums that a restart interrupted: chat and album."""
        async with self._store.reading() as tx:
            return [(chat, group) for chat, group, _ in await tx.albums.open_albums()]

    async def left(self, chat_id: int, group_id: str) -> float | None:
        """Tell in how many seconds an open album is due; None if it is closed.

        A clock that was set back never makes it wait longer than the settle window.
        """
        async with self._store.reading() as tx:
            last = await tx.albums.waiting(chat_id, group_id)
        if last is None:
            return None
        left = last + self.settle - self._clock()
        return min(left, self.settle).total_seconds()

    async def close(self, chat_id: int, group_id: str) -> ClosedAlbum | None:
        """Make an album that has been quiet long enough one wish; None if it is not due.

        An album that is not for the bot is closed, too, and forgotten.
        """
        try:
            return await self._close(chat_id, group_id)
        except LimitReached as reached:
            return await self._refuse(chat_id, group_id, reached)

    async def _close(self, chat_id: int, group_id: str) -> ClosedAlbum | None:
        wakes: list[Wake] = []
        async with self._store.transaction() as tx:
            items = await tx.albums.close(chat_id, group_id, self._clock() - self.settle)
            if not items:
                return None
            wish = merged(items)
            addressed = any(item.addressed for item in items)
            entered = await self._submit.enter(tx, wish, wakes) if addressed else NoInput()
        submission = self._submit.begin(entered, wakes)
        return ClosedAlbum(wish, submission) if addressed else None

    async def _refuse(
        self, chat_id: int, group_id: str, reached: LimitReached
    ) -> ClosedAlbum | None:
        async with self._store.transaction() as tx:
            items = await tx.albums.close(chat_id, group_id, self._clock() - self.settle)
        return ClosedAlbum(merged(items), reached) if items else None


def merged(items: list[AlbumItem]) -> Prompt:
    """Make one wish of an album: all pictures in order, the caption from whichever item has one."""
    first = items[0]
    prompt = next((item.prompt for item in items if item.prompt), "")
    reply_id = next((item.reply_id for item in items if item.reply_id), None)
    return Prompt(
        account_id=first.account_id,
        chat_id=first.chat_id,
        thread_id=first.thread_id,
        message_id=first.message_id,
        text=prompt,
        locale=first.locale,
        private=first.private,
        sources=tuple(item.source for item in items),
        reply=Reply(reply_id) if reply_id else None,
    )
