"""Inline messages: every call that writes into a message of which only its inline id is known.

Edits of them may be repeated; they upload nothing, so a picture is named by its file id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import InputMediaDocument, InputMediaPhoto

from bot.tg.captions import CAPTION, TEXT, fit
from bot.tg.errors import Rejected, translated
from bot.tg.messages import NOT_MODIFIED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import (
        Bot,
        InlineKeyboardMarkup,
        InlineQueryResult,
        InlineQueryResultArticle,
        InlineQueryResultsButton,
    )

    Markup = InlineKeyboardMarkup | None

CACHE_SECONDS = 2  # one's next picture is there by then
TOO_OLD = ("query is too old", "query id is invalid")


class InlineMessages:
    """Answers queries and rewrites what came of them; only our own errors come out."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def edit(self, message_id: str, text: str, markup: Markup) -> None:
        """Make a message say this; harmless when repeated."""
        try:
            with translated():
                await self._bot.edit_message_text(
                    fit(text, TEXT), inline_message_id=message_id, reply_markup=markup
                )
        except Rejected as refused:
            _forgive(refused)

    async def put(
        self, message_id: str, file_id: str, caption: str, markup: Markup, *, photo: bool
    ) -> None:
        """Turn a message into a picture that Telegram has; harmless when repeated.

        A file that is no `photo`, or was not taken as one, goes as a document.
        """
        if photo:
            try:
                return await self._put(InputMediaPhoto, message_id, file_id, caption, markup)
            except Rejected as refused:
                if not refused.says("file of type document"):
                    raise
        return await self._put(InputMediaDocument, message_id, file_id, caption, markup)

    async def offer(
        self,
        query_id: str,
        results: Sequence[InlineQueryResult],
        following: str,
        button: InlineQueryResultsButton | None,
    ) -> None:
        """Answer an inline query; one that waited too long for it is forgotten."""
        try:
            with translated():
                await self._bot.answer_inline_query(
                    query_id,
                    results,
                    cache_time=CACHE_SECONDS,
                    is_personal=True,
                    next_offset=following,
                    button=button,
                )
        except Rejected as refused:
            if not refused.says(*TOO_OLD):
                raise

    async def answer_guest(self, query_id: str, result: InlineQueryResultArticle) -> str:
        """Answer a message in a chat where the bot is not; tells the answer's inline id."""
        with translated():
            sent = await self._bot.answer_guest_query(query_id, result)
        return sent.inline_message_id

    async def _put(
        self,
        kind: type[InputMediaPhoto | InputMediaDocument],
        message_id: str,
        file_id: str,
        caption: str,
        markup: Markup,
    ) -> None:
        try:
            with translated():
                await self._bot.edit_message_media(
                    kind(file_id, caption=fit(caption, CAPTION) or None),
                    inline_message_id=message_id,
                    reply_markup=markup,
                )
        except Rejected as refused:
            _forgive(refused)


def _forgive(refused: Rejected) -> None:
    if not refused.says(NOT_MODIFIED):
        raise refused
