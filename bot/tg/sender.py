"""Every call with which the bot writes into a chat.

What can be repeated without harm is repeated by the caller; what cannot, a new message, goes
through `send_once`, which finds a message again whose sending nobody saw the end of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO

import structlog
from telegram import (
    Bot,
    ForceReply,
    InlineKeyboardMarkup,
    InputFile,
    InputMediaDocument,
    InputMediaPhoto,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
)

from bot.domain import Enhancement, Job, PendingPrompt, Prompt, TryLater, Voice
from bot.jobs.messages import SentMessages
from bot.tg.chat_admins import ChatAdmins
from bot.tg.chat_turns import ChatTurns
from bot.tg.errors import Rejected, Uncertain, translated
from bot.tg.files import Upload, file_id_of
from bot.tg.text_limits import CAPTION, TEXT, fit

Markup = InlineKeyboardMarkup | ForceReply | None
Waiting = Job | Prompt | PendingPrompt | Voice | Enhancement

log = structlog.get_logger(__name__)

TRIES = 4
WINDOW, PROBES = 1000, 30  # where a lost message is looked for, and how many ids are tried
UPLOAD_SECONDS = 180.0  # the transport itself would wait for a reader for ever

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
NOT_MODIFIED = "message is not modified"
LOST = ("message to edit not found", "message can't be edited", "message_id_invalid")


class Lost(Rejected):
    """The message is gone, or was never ours."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a new message goes: under which message of which chat and topic.

    Where it `reply_required`, nothing is sent once the message that it answers is gone. A `thread_id`
    below zero is a topic of a channel's direct messages, its sign changed.
    """

    chat_id: int
    thread_id: int | None = None
    reply_to: int | None = None
    reply_required: bool = False

    @property
    def topic(self) -> int | None:
        """The topic of a group, as Telegram numbers it."""
        return self.thread_id if self.thread_id and self.thread_id > 0 else None

    @property
    def direct_topic(self) -> int | None:
        """The topic of a channel's direct messages, as Telegram numbers it."""
        return -self.thread_id if self.thread_id and self.thread_id < 0 else None

    @property
    def reply(self) -> ReplyParameters | None:
        if self.reply_to is None:
            return None
        return ReplyParameters(self.reply_to, allow_sending_without_reply=not self.reply_required)


def target_of(item: Waiting, *, reply_required: bool = False) -> Target:
    """Name the place under an item's message; one that a migration left behind has no number."""
    reply_to = item.message_id if item.message_id > 0 else None
    return Target(item.chat_id, item.thread_id, reply_to, reply_required)


@dataclass(slots=True)
class _Search:
    """How far a lost message has been looked for: not up to `above`, and `probes` more times.

    What a broken connection ends goes on there.
    """

    above: int | None
    probes: int = PROBES


@dataclass(frozen=True, slots=True)
class Sender:
    """Writes and rewrites messages; only our own errors come out."""

    bot: Bot
    sent: SentMessages
    admins: ChatAdmins
    turns: ChatTurns = field(default_factory=ChatTurns)

    async def send(self, target: Target, text: str, markup: Markup = None) -> int:
        """Say something that belongs to no job, once; tells the message's id."""
        remember = partial(self.sent.sent, target.chat_id)
        return await self.send_once(target, text, markup, remember=remember)

    async def send_link(self, chat_id: int, text: str) -> None:
        """Say something with a link that works once: Telegram must not open it for a preview."""
        with translated():
            message = await self.bot.send_message(chat_id, text, link_preview_options=NO_PREVIEW)
        await self.sent.sent(chat_id, message.message_id)

    async def send_at_most_once(
        self,
        target: Target,
        text: str,
        entities: Sequence[MessageEntity] = (),
        photo: str | None = None,
    ) -> None:
        """Say something, below a photo that Telegram knows, that may be lost and is never said twice.

        Raises Uncertain where nobody knows, and TryLater where it was certainly not said.
        """
        async with self.turns.turn(target.chat_id):
            if not photo:
                message_id = await self._send(target, text, None, entities)
            else:
                with translated():
                    send = self.bot.send_photo
                    message = await send(target.chat_id, photo, text, caption_entities=entities)
                message_id = message.message_id
            await self.sent.sent(target.chat_id, message_id)

    async def send_once(
        self,
        target: Target,
        text: str,
        markup: Markup = None,
        *,
        remember: Callable[[int], Awaitable[object]],
        above: int | None = None,
        uncertain: bool = False,
        entities: Sequence[MessageEntity] = (),
    ) -> int:
        """Make sure that one such message stands, and `remember` its id; tells it.

        `uncertain` says that it may stand already, unknown to us: after a crash, or a timeout.
        Then it is looked for among the ids behind `above` (if not given: the message that it
        replies to) by editing: an edit succeeds on our own messages only, and those that we know
        are left out. Raises TryLater.
        """
        search = _Search(target.reply_to if above is None else above)
        for tries in range(TRIES):
            async with self.turns.turn(target.chat_id):
                try:
                    message_id = None
                    if uncertain:
                        message_id = await self._find_sent(target, text, markup, search)
                    if message_id is None:
                        message_id = await self._send(target, text, markup, entities)
                except Uncertain:
                    uncertain = True
                else:
                    await remember(message_id)
                    return message_id
            await asyncio.sleep(2**tries)
        raise TryLater

    async def edit(
        self, chat_id: int, message_id: int, text: str, markup: InlineKeyboardMarkup | None
    ) -> None:
        """Make a message say this; raises Lost if it is gone. Harmless when repeated."""
        with _editing():
            await self.bot.edit_message_text(
                fit(text, TEXT), chat_id, message_id, reply_markup=markup
            )

    async def edit_keyboard(
        self, chat_id: int, message_id: int, markup: InlineKeyboardMarkup | None
    ) -> None:
        """Put other buttons under a message; raises Lost if it is gone. Harmless when repeated."""
        with _editing():
            await self.bot.edit_message_reply_markup(chat_id, message_id, reply_markup=markup)

    async def put_known(
        self,
        chat_id: int,
        message_id: int,
        file_id: str,
        caption: str,
        markup: InlineKeyboardMarkup,
        *,
        photo: bool,
    ) -> None:
        """Turn a message into a picture that Telegram has; Rejected where it has it no longer.

        Lost if the message is gone. Harmless when repeated.
        """
        kind = InputMediaPhoto if photo else InputMediaDocument
        media = kind(file_id, caption=fit(caption, CAPTION) or None)
        with _editing():
            await self.bot.edit_message_media(media, chat_id, message_id, reply_markup=markup)

    async def put_picture(
        self,
        chat_id: int,
        message_id: int,
        upload: Upload,
        caption: str,
        markup: InlineKeyboardMarkup | None,
        *,
        as_file: bool = False,
    ) -> str:
        """Turn a message into this picture; tells Telegram's file id. Harmless when repeated."""
        if upload.fits_photo and not as_file:
            try:
                return await self._put(chat_id, message_id, upload, caption, markup, photo=True)
            except Lost:
                raise
            except Rejected as refused:  # a document may do where a photo does not
                log.warning("photo refused, sent as a document", reason=refused.reason)
        return await self._put(chat_id, message_id, upload, caption, markup, photo=False)

    async def send_original(self, target: Target, content: Upload | str) -> str:
        """Send untouched bytes, or what Telegram knows by a file id; tells the file id."""
        if isinstance(content, str):
            return await self._send_document(target, content)
        async with content.input_file() as file:
            return await self._send_document(target, file)

    async def send_file(self, target: Target, handle: BinaryIO, name: str) -> None:
        await self._send_document(target, InputFile(handle, name, read_file_handle=False))

    async def _send_document(self, target: Target, file: InputFile | str) -> str:
        async with self.turns.turn(target.chat_id):
            with translated():
                async with asyncio.timeout(UPLOAD_SECONDS):
                    message = await self.bot.send_document(
                        target.chat_id,
                        file,
                        message_thread_id=target.topic,
                        direct_messages_topic_id=target.direct_topic,
                        reply_parameters=target.reply,
                        disable_content_type_detection=True,
                    )
                message_id = message.message_id
            await self.sent.sent(target.chat_id, message_id)
        return file_id_of(message)

    async def delete(self, chat_id: int, message_id: int) -> None:
        """Delete a message; one that is gone already is fine. Raises Rejected if it is too old."""
        try:
            with translated():
                await self.bot.delete_message(chat_id, message_id)
        except Rejected as refused:
            if not refused.says("message to delete not found"):
                raise

    async def act(self, chat_id: int, thread_id: int | None, action: str) -> None:
        """Show a chat action; a channel's direct messages know none."""
        target = Target(chat_id, thread_id)
        if target.direct_topic:
            return
        with translated():
            await self.bot.send_chat_action(chat_id, action, message_thread_id=target.topic)

    async def draft(self, job: Job, text: str) -> None:
        with translated():
            await self.bot.send_message_draft(
                job.chat_id, job.id, fit(text, TEXT), message_thread_id=target_of(job).topic
            )

    async def answer(self, press_id: str, text: str | None = None, *, alert: bool = False) -> None:
        """Answer a pressed button; one that waited too long for it is forgotten."""
        try:
            with translated():
                await self.bot.answer_callback_query(press_id, text, show_alert=alert)
        except Rejected as refused:
            if not refused.says("query is too old"):
                raise

    async def is_admin(self, chat_id: int, user_id: int) -> bool:
        return await self.admins.is_admin(chat_id, user_id)

    async def bot_is_admin(self, chat_id: int) -> bool:
        return await self.admins.is_admin(chat_id, self.bot.id)

    @property
    def username(self) -> str:
        return self.bot.username

    @property
    def reads_all(self) -> bool:
        return bool(self.bot.bot.can_read_all_group_messages)

    async def _send(
        self, target: Target, text: str, markup: Markup, entities: Sequence[MessageEntity]
    ) -> int:
        """Send a message, beside its topic where that is gone, in private also where it is closed.

        Tells its id.
        """
        try:
            with translated():
                message = await self.bot.send_message(
                    target.chat_id,
                    fit(text, TEXT),
                    message_thread_id=target.topic,
                    direct_messages_topic_id=target.direct_topic,
                    reply_parameters=target.reply,
                    reply_markup=markup,
                    entities=entities,
                )
                return message.message_id
        except Rejected as refused:
            closed = target.chat_id > 0 and refused.says("topic_closed")
            if target.thread_id is None or not (closed or refused.says("thread not found")):
                raise
            return await self._send(replace(target, thread_id=None), text, markup, entities)

    async def _find_sent(
        self, target: Target, text: str, markup: Markup, search: _Search
    ) -> int | None:
        if search.above is None or search.above < 0:
            return None
        above, end = search.above, search.above + WINDOW
        known = await self.sent.known(target.chat_id, above, end)
        inline = markup if isinstance(markup, InlineKeyboardMarkup) else None
        for message_id in range(above + 1, end + 1):
            if message_id in known:
                continue
            if not search.probes:
                return None
            try:
                await self.edit(target.chat_id, message_id, text, inline)
            except Rejected:
                search.above, search.probes = message_id, search.probes - 1
                continue
            log.info("found a message again", chat=target.chat_id, message=message_id)
            return message_id
        return None

    async def _put(
        self,
        chat_id: int,
        message_id: int,
        upload: Upload,
        caption: str,
        markup: InlineKeyboardMarkup | None,
        *,
        photo: bool,
    ) -> str:
        file_id = ""  # where it has the picture already
        async with upload.input_file(attach=True) as file:
            media = _media(file, fit(caption, CAPTION) or None, photo=photo)
            with _editing():
                async with asyncio.timeout(UPLOAD_SECONDS):
                    message = await self.bot.edit_message_media(
                        media, chat_id, message_id, reply_markup=markup
                    )
                file_id = file_id_of(message)
        return file_id


def _media(
    file: InputFile, caption: str | None, *, photo: bool
) -> InputMediaPhoto | InputMediaDocument:
    if photo:
        return InputMediaPhoto(file, caption=caption)
    # Otherwise a GIF would become a film without sound, and no longer be what was drawn.
    return InputMediaDocument(file, caption=caption, disable_content_type_detection=True)


@contextmanager
def _editing() -> Iterator[None]:
    """Pass over an edit that changes nothing; raises Lost where the message is gone."""
    try:
        with translated():
            yield
    except Rejected as refused:
        if refused.says(NOT_MODIFIED):
            return
        if refused.says(*LOST):
            raise Lost(refused.reason) from refused
        raise
