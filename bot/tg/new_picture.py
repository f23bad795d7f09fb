"""A picture as a message of its own, where Telegram does not let a message become one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from telegram import InlineKeyboardMarkup, Message

from bot.tg.errors import Rejected, translated
from bot.tg.files import Upload, file_id_of
from bot.tg.sender import PROBES, UPLOAD_SECONDS, WINDOW, Sender, Target
from bot.tg.text_limits import CAPTION, fit

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A picture and what stands below it, for a message that is not there yet."""

    target: Target
    upload: Upload
    caption: str
    markup: InlineKeyboardMarkup | None
    as_file: bool

    async def send(
        self,
        sender: Sender,
        remember: Callable[[int, str], Awaitable[T]],
        *,
        above: int,
        uncertain: bool,
    ) -> T:
        """Make sure that it stands once, and `remember` its message and file id.

        `uncertain` says that it may stand already, unknown to us, behind the message `above`: then
        it is looked for by an edit that succeeds on our own pictures only. Raises TryLater.
        """
        async with sender.turns.turn(self.target.chat_id):
            message_id = await self._find(sender, above) if uncertain else None
            file_id = ""
            if message_id is None:
                message = await self._send(sender)
                message_id, file_id = message.message_id, file_id_of(message)
            return await remember(message_id, file_id)

    async def _find(self, sender: Sender, above: int) -> int | None:
        chat_id = self.target.chat_id
        known = await sender.sent.known(chat_id, above, above + WINDOW)
        unknown = (id_ for id_ in range(above + 1, above + 1 + WINDOW) if id_ not in known)
        for message_id in islice(unknown, PROBES):
            try:
                with translated():
                    await sender.bot.edit_message_caption(
                        chat_id, message_id, caption=self._caption, reply_markup=self.markup
                    )
            except Rejected as refused:
                if not refused.says("message is not modified"):
                    continue
            return message_id
        return None

    async def _send(self, sender: Sender) -> Message:
        if self.upload.fits_photo and not self.as_file:
            try:
                return await self._upload(sender, photo=True)
            except Rejected:  # a document may do where a photo does not
                pass
        return await self._upload(sender, photo=False)

    async def _upload(self, sender: Sender, *, photo: bool) -> Message:
        target = self.target
        # Otherwise a GIF would become a film without sound, and no longer be what was drawn.
        send_file = partial(sender.bot.send_document, disable_content_type_detection=True)
        send = sender.bot.send_photo if photo else send_file
        async with self.upload.input_file() as file:
            with translated():
                async with asyncio.timeout(UPLOAD_SECONDS):
                    return await send(
                        target.chat_id,
                        file,
                        caption=self._caption,
                        reply_markup=self.markup,
                        message_thread_id=target.topic,
                        direct_messages_topic_id=target.direct_topic,
                        reply_parameters=target.reply,
                    )

    @property
    def _caption(self) -> str | None:
        return fit(self.caption, CAPTION) or None
