"""Albums: each picture is kept until its album is quiet, then the album is one prompt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from telegram.ext import MessageHandler, filters

from bot.domain import LimitReached, now
from bot.features.albums.timers import AlbumTimers
from bot.tg.commands import MESSAGE, POST
from bot.tg.feature import Feature
from bot.tg.parse import read, source_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Message, Update
    from telegram.ext import ContextTypes

    from bot.features.albums.service import AlbumService, ClosedAlbum
    from bot.jobs.messages import SentMessages
    from bot.tg.feature import Handler
    from bot.tg.parse import ParsedMessage
    from bot.tg.privacy_mode import PrivacyModeHint
    from bot.tg.replies import Replies
    from bot.tg.submit_replies import SubmitReplies


class _AlbumPicture(filters.MessageFilter):
    def filter(self, message: Message) -> bool:
        return message.media_group_id is not None and source_of(message) is not None


@dataclass(slots=True)
class AlbumsFeature(Feature):
    replies: Replies
    submit_replies: SubmitReplies
    albums: AlbumService
    sent: SentMessages
    privacy_mode: PrivacyModeHint
    _timers: AlbumTimers = field(init=False)

    def __post_init__(self) -> None:
        self._timers = AlbumTimers(self.albums, self._on_closed)

    def handlers(self) -> Sequence[Handler]:
        return (MessageHandler((MESSAGE | POST) & _AlbumPicture(), self.on_picture),)

    async def resume(self) -> None:
        """Go on with the albums that a restart fell into, once everything older was received."""
        await self._timers.resume()

    async def stop(self) -> None:
        """Close no more albums; those that are open are closed after the next start."""
        await self._timers.stop()

    async def on_picture(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.effective_message
        incoming = read(message, context.bot) if message else None
        if incoming is None:
            return
        incoming = await self.replies.as_chosen(incoming)
        prompt = incoming.prompt
        if not self.replies.access.admits(prompt.account_id, prompt.chat_id):
            await self._deny(incoming)
            return
        item = incoming.album_item(now())
        waits = await self.albums.add(item)
        if waits:
            self._timers.wind(item.chat_id, item.group_id)
        elif waits is False and incoming.addressed:
            self.replies.reply(prompt, self.replies.texts(prompt.locale, "album.late"))

    async def _deny(self, message: ParsedMessage) -> None:
        """Tell how to be let in, once for an album and not for each picture."""
        denial = f"denied:{message.prompt.chat_id}:{message.album_id}"
        if message.addressed and await self.sent.first_time(denial):
            self.replies.admits(message.prompt)

    def _on_closed(self, album: ClosedAlbum) -> None:
        prompt, result = album.prompt, album.result
        if isinstance(result, LimitReached):
            self.replies.reply(prompt, self.replies.limit_text(prompt.locale, result))
            return
        self.submit_replies.respond(prompt, result)
        if len(prompt.sources) == 1:  # there is no album of one
            self.privacy_mode.explain(prompt)
