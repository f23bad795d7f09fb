"""Albums: each picture is kept until its album has been quiet, then the album is one prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from telegram import Message, Update
from telegram.ext import ContextTypes, MessageHandler, filters

from bot.domain import LimitReached, StorageUnavailable, now
from bot.features.albums.service import AlbumService, ClosedAlbum
from bot.jobs.messages import SentMessages
from bot.tg.feature import MESSAGE, POST, Feature, Handler
from bot.tg.parse import ParsedMessage, read, source_of
from bot.tg.privacy_mode import PrivacyModeHint
from bot.tg.replies import Replies, SubmitReplies

log = structlog.get_logger(__name__)

STORAGE_PAUSE, SHORTEST = 5.0, 0.05  # seconds


class _AlbumPicture(filters.MessageFilter):
    def filter(self, message: Message) -> bool:
        return message.media_group_id is not None and source_of(message) is not None


@dataclass(slots=True)
class AlbumsFeature(Feature):
    """Collects albums, each with a timer that is wound anew by each of its pictures."""

    replies: Replies
    submit_replies: SubmitReplies
    albums: AlbumService
    sent: SentMessages
    privacy_mode: PrivacyModeHint
    _timers: dict[tuple[int, str], asyncio.TimerHandle] = field(default_factory=dict, init=False)
    _closing: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def handlers(self) -> Sequence[Handler]:
        return (MessageHandler((MESSAGE | POST) & _AlbumPicture(), self.on_picture),)

    async def resume(self, chat_id: int | None = None) -> None:
        """Wind the timers of open albums that have none, of one chat or of all.

        A restart fell into them, or their chat has another id. Anew, for more may have come.
        """
        for album in await self.albums.open():
            if album not in self._timers and chat_id in (None, album[0]):
                self._schedule(album, self.albums.settle.total_seconds())

    async def stop(self) -> None:
        """Stop all timers; open albums are closed after the next start."""
        for timer in self._timers.values():
            timer.cancel()
        if self._closing:
            await asyncio.wait(self._closing, timeout=STORAGE_PAUSE)

    async def on_picture(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        incoming = read(update.effective_message, context.bot)
        if incoming is None:
            return
        incoming = await self.replies.as_chosen(incoming)
        prompt = incoming.prompt
        if not self.replies.access.admits(prompt.account_id, prompt.chat_id):
            await self._deny(incoming)
            return
        item = incoming.album_item(now())
        waits = await self.albums.add(item, prompt.author if incoming.addressed else None)
        if waits:
            self._schedule((item.chat_id, item.group_id), self.albums.settle.total_seconds())
        elif waits is False and incoming.addressed:
            self.replies.answer(prompt, "album.late")

    async def _deny(self, message: ParsedMessage) -> None:
        denial = f"denied:{message.prompt.chat_id}:{message.album_id}"
        if message.addressed and await self.sent.first_time(denial):
            self.replies.admits(message.prompt)

    def _schedule(self, album: tuple[int, str], seconds: float) -> None:
        if earlier := self._timers.pop(album, None):
            earlier.cancel()
        self._timers[album] = asyncio.get_running_loop().call_later(seconds, self._due, album)

    def _due(self, album: tuple[int, str]) -> None:
        self._timers.pop(album, None)
        task = asyncio.create_task(self._close(album))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, album: tuple[int, str]) -> None:
        try:
            closed = await self.albums.close(*album)
            left = None if closed else await self.albums.seconds_left(*album)
        except StorageUnavailable:
            self._schedule(album, STORAGE_PAUSE)
            return
        except Exception:  # the task's edge
            log.exception("album not closed", chat=album[0])
            return
        if left is not None:  # a timer or a clock ran ahead of the other
            self._schedule(album, max(SHORTEST, left))
        if closed:
            self._respond(closed)

    def _respond(self, album: ClosedAlbum) -> None:
        prompt, result = album.prompt, album.result
        self.submit_replies.respond(prompt, result)
        # There is no album of one.
        if len(prompt.sources) == 1 and not isinstance(result, LimitReached):
            self.privacy_mode.explain(prompt)
