"""Albums: each message is kept until its album has been quiet, then the album is one prompt.

So are the parts of a long text, and a comment with the pictures that are forwarded behind it: the
first part waits for the others if it looks like one, or if the others came in the same batch.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise

import structlog
from telegram import Message, Update
from telegram.ext import ContextTypes, MessageHandler, filters

from bot.domain import AlbumItem, LimitReached, StorageUnavailable, now
from bot.domain.albums import TEXT_GROUP
from bot.features.albums.first_parts import is_comment, is_cut, is_full, separator
from bot.features.albums.service import AlbumService, ClosedAlbum
from bot.jobs.edits import EditService
from bot.jobs.messages import SentMessages
from bot.tg.feature import MESSAGE, POST, Feature, Handler
from bot.tg.parse import (
    ContentKind,
    ParsedMessage,
    account_of,
    command_in,
    read,
    source_of,
    thread_of,
)
from bot.tg.privacy_mode import PrivacyModeHint
from bot.tg.replies import Replies, SubmitReplies

log = structlog.get_logger(__name__)

LONGEST_COMMAND = 64  # UTF-16 units: what may have been taken off the beginning, at most
STORAGE_PAUSE, SHORTEST = 5.0, 0.05  # seconds
NOTED = 10_000  # people whose last words are known
AT_ONCE = timedelta(seconds=2)  # between what a client sends as one; Telegram's clock has seconds

Album = tuple[int, str]


class _AlbumPicture(filters.MessageFilter):
    def filter(self, message: Message) -> bool:
        return message.media_group_id is not None and source_of(message) is not None


@dataclass(slots=True)
class AlbumsFeature(Feature):
    """Collects albums, each with a timer that is wound anew by each of its messages.

    `draw` takes a prompt of texts alone as if it had come in one message.
    """

    replies: Replies
    submit_replies: SubmitReplies
    albums: AlbumService
    sent: SentMessages
    privacy_mode: PrivacyModeHint
    edits: EditService
    draw: Callable[[ParsedMessage], Awaitable[None]]
    _timers: dict[Album, asyncio.TimerHandle] = field(default_factory=dict, init=False)
    _closing: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    # The last message of each group that began with a text, by chat and account.
    _texts: dict[tuple[int, int], AlbumItem] = field(default_factory=dict, init=False)
    _accounts: dict[Album, int] = field(default_factory=dict, init=False)  # of these groups
    # Texts that are taken next, by chat and message; some are nobody's prompts.
    _commented: OrderedDict[tuple[int, int], None] = field(default_factory=OrderedDict, init=False)
    # Words that are drawn by now, and when they were sent: what they comment on may come yet.
    _drawn: OrderedDict[tuple[int, int], tuple[int, datetime]] = field(
        default_factory=OrderedDict, init=False
    )
    _starting: bool = field(default=True, init=False)

    def handlers(self) -> Sequence[Handler]:
        return (
            MessageHandler((MESSAGE | POST) & _Further(self), self.on_further),
            MessageHandler((MESSAGE | POST) & _AlbumPicture(), self.on_picture),
        )

    async def load(self) -> None:
        """Know what waits before any update comes: its other messages may be among them."""
        for item in await self.albums.open_texts():
            self._expect_more(item)

    async def resume(self, chat_id: int | None = None, grace: float = 0) -> None:
        """Wind the timers of open albums that have none, of one chat or of all.

        A restart fell into them, their chat has another id, or another process has them, which has
        `grace` seconds more. Anew, for more may have come.
        """
        for album in await self.albums.open():
            if album not in self._timers and chat_id in (None, album[0]):
                self._schedule(album, self.albums.settle.total_seconds() + grace)
        self._starting = self._starting and chat_id is not None

    async def stop(self) -> None:
        """Stop all timers; open albums are closed after the next start."""
        for timer in self._timers.values():
            timer.cancel()
        if self._closing:
            await asyncio.wait(self._closing, timeout=STORAGE_PAUSE)

    def foresee(self, updates: Sequence[Update]) -> None:
        """Note which texts of a chat's batch are followed by what they comment on."""
        messages = [update.effective_message for update in updates]
        for before, after in pairwise(messages):
            if before and after and _comments_on(before, after):
                self._commented[before.chat.id, before.message_id] = None
                if len(self._commented) > NOTED:
                    self._commented.popitem(last=False)

    async def learn(self, update: Update) -> None:
        """Know what a message may go on from, though another process has taken that."""
        message = update.message or update.channel_post
        if message is None or not (message.text or message.forward_origin):
            return
        key = (message.chat.id, account_of(message) or 0)
        self._texts.pop(key, None)
        for item in await self.albums.open_texts():
            if (item.chat_id, item.account_id) == key:
                self._expect_more(item)

    async def keep_first(self, message: ParsedMessage) -> bool:
        """Keep a prompt that looks like a first part; False if it does not, and is to be drawn."""
        prompt = message.prompt
        place = (prompt.chat_id, prompt.message_id)
        if self._starting and await self.albums.known(*place):
            return True
        foreseen = place in self._commented
        self._commented.pop(place, None)
        if message.content is ContentKind.PICTURE:
            return await self._join_drawing(message)
        if message.content is not ContentKind.WORDS or not prompt.text:
            return False
        cut = is_cut(message.raw)
        if not cut and not foreseen:
            commenting = prompt.reply is None and is_comment(prompt.text)
            if not commenting or await self.albums.has_picture(prompt):
                self._note_drawn(message)
                return False
        item = message.album_item(now(), f"{TEXT_GROUP}{prompt.message_id}")
        item = replace(item, full=is_full(message.raw))
        if await self.albums.add(item, prompt.author):
            self._wind_text(item)
        return True

    def _note_drawn(self, message: ParsedMessage) -> None:
        prompt = message.prompt
        if prompt.reply is None and message.sent_at:
            self._drawn[prompt.chat_id, prompt.account_id] = prompt.message_id, message.sent_at
            if len(self._drawn) > NOTED:
                self._drawn.popitem(last=False)

    async def _join_drawing(self, message: ParsedMessage) -> bool:
        """Put a forwarded picture to the words that came with it and are being drawn already."""
        prompt = message.prompt
        drawn = self._drawn.get((prompt.chat_id, prompt.account_id)) if message.forwarded else None
        if drawn is None or message.sent_at is None or not _at_once(drawn[1], message.sent_at):
            return False
        return await self.edits.add_picture(prompt, drawn[0], self.albums.settle.total_seconds())

    def continues(self, message: Message) -> AlbumItem | None:
        """Find the message that this one goes on from, as its client sent them at once."""
        before = self._texts.get((message.chat.id, account_of(message) or 0))
        if before is None or before.thread_id != thread_of(message):
            return None
        if not _at_once(before.sent_at, message.date):
            return None
        if source_of(message):
            return before if message.forward_origin else None
        goes_on = bool(message.forward_origin) or _is_cut(before)
        words = bool(message.text) and command_in(message, message.get_bot()) is None
        return before if goes_on and words else None

    async def on_further(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.effective_message
        incoming, before = read(message, context.bot), message and self.continues(message)
        if incoming is None or message is None or not before:
            return
        item = incoming.album_item(now(), before.group_id)
        between = separator(before, message.text or "") if _is_cut(before) else "\n"
        item = replace(
            item,
            prompt="" if item.source else item.prompt,
            addressed=True,
            separator=between,
            full=is_full(message.text or ""),
            locale=before.locale,
        )
        # What is kept while its timer runs out must not be left behind.
        self._stop_timer(item.album)
        await self.albums.add(item)
        self._wind_text(item)

    async def on_picture(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        incoming = read(update.effective_message, context.bot)
        if incoming is None:
            return
        incoming = await self.replies.as_chosen(incoming)
        prompt = incoming.prompt
        if not self.replies.access.admits(
            prompt.account_id, prompt.chat_id, as_chat=prompt.speaker_id
        ):
            await self._deny(incoming)
            return
        if await self._join_drawing(incoming):
            return
        item = incoming.album_item(now())
        waits = await self.albums.add(item, prompt.author if incoming.addressed else None)
        if waits:
            self._schedule(item.album, self.albums.settle.total_seconds())
        elif waits is False and incoming.addressed:
            self.replies.answer(prompt, "album.late")

    async def _deny(self, message: ParsedMessage) -> None:
        denial = f"denied:{message.prompt.chat_id}:{message.album_id}"
        if message.addressed and await self.sent.first_time(denial):
            self.replies.admits(message.prompt)

    def _wind_text(self, item: AlbumItem) -> None:
        self._expect_more(item)
        self._schedule(item.album, self.albums.settle.total_seconds())

    def _expect_more(self, item: AlbumItem) -> None:
        self._texts[item.chat_id, item.account_id] = item
        self._accounts[item.album] = item.account_id

    def _stop_timer(self, album: Album) -> None:
        if earlier := self._timers.pop(album, None):
            earlier.cancel()

    def _schedule(self, album: Album, seconds: float) -> None:
        self._stop_timer(album)
        self._timers[album] = asyncio.get_running_loop().call_later(seconds, self._due, album)

    def _due(self, album: Album) -> None:
        self._timers.pop(album, None)
        key = (album[0], self._accounts.pop(album, 0))
        if (last := self._texts.get(key)) and last.album == album:
            del self._texts[key]
        task = asyncio.create_task(self._close(album))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close(self, album: Album) -> None:
        closed, left = None, None
        try:
            words = await self.albums.words(*album) if album[1].startswith(TEXT_GROUP) else None
            if words:
                await self.draw(ParsedMessage.of_words(words))
                await self.albums.end(*album)
            else:
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


class _Further(filters.MessageFilter):
    """Takes the further messages of a prompt whose first part waits."""

    def __init__(self, feature: AlbumsFeature) -> None:
        super().__init__()
        self._feature = feature

    def filter(self, message: Message) -> bool:
        return self._feature.continues(message) is not None


def _is_cut(item: AlbumItem) -> bool:
    return item.source is None and is_cut(item.prompt, spare=LONGEST_COMMAND)


def _at_once(before: datetime | None, after: datetime) -> bool:
    return before is not None and timedelta(0) <= after - before <= AT_ONCE


def _comments_on(before: Message, after: Message) -> bool:
    """Whether a text is followed by what was forwarded with it."""
    words = before.text and not before.forward_origin and before.reply_to_message is None
    forwarded = after.forward_origin and (source_of(after) or after.text)
    return bool(
        words
        and forwarded
        and account_of(before) == account_of(after)
        and thread_of(before) == thread_of(after)
        and _at_once(before.date, after.date)
    )
