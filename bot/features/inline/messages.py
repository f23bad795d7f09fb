"""Inline messages: every call that writes into a message of which only its inline id is known.

Edits of them may be repeated; they upload nothing, so a picture is named by its file id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputMediaDocument,
    InputMediaPhoto,
    InputTextMessageContent,
)

from bot.tg.callbacks import Verb
from bot.tg.errors import Rejected, translated
from bot.tg.sender import NOT_MODIFIED
from bot.tg.text_limits import CAPTION, TEXT, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import Bot, InlineQueryResult

    from bot.i18n.texts import Texts

    Markup = InlineKeyboardMarkup | None

CACHE_SECONDS = 2  # one's next picture is there by then
TOO_OLD = ("query is too old", "query id is invalid")

HERE = "here"  # a job that has no number yet: the one of the message in which the button stands
DRAW = "draw"  # the id of the result that draws; others are `picture:` and a number
START = "inline"  # what /start is told
PROMPT = 256  # characters that a client lets one write after the bot's name


@dataclass(frozen=True, slots=True)
class InlineSender:
    """Answers queries and rewrites what came of them; only our own errors come out."""

    bot: Bot

    async def edit(self, message_id: str, text: str, markup: Markup) -> None:
        """Make a message say this; harmless when repeated."""
        try:
            with translated():
                await self.bot.edit_message_text(
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
        words = fit(caption, CAPTION) or None
        if photo:
            try:
                return await self._put(message_id, InputMediaPhoto(file_id, caption=words), markup)
            except Rejected as refused:
                if not refused.says("file of type document"):
                    raise
        return await self._put(message_id, InputMediaDocument(file_id, caption=words), markup)

    async def answer_query(
        self,
        query_id: str,
        results: Sequence[InlineQueryResult],
        next_offset: str,
        button: InlineQueryResultsButton | None,
    ) -> None:
        """Answer an inline query; one that waited too long for it is forgotten."""
        try:
            with translated():
                await self.bot.answer_inline_query(
                    query_id,
                    results,
                    cache_time=CACHE_SECONDS,
                    is_personal=True,
                    next_offset=next_offset,
                    button=button,
                )
        except Rejected as refused:
            if not refused.says(*TOO_OLD):
                raise

    async def answer_guest(self, query_id: str, result: InlineQueryResultArticle) -> str:
        """Answer a message in a chat where the bot is not; tells the answer's inline id."""
        with translated():
            sent = await self.bot.answer_guest_query(query_id, result)
        return sent.inline_message_id

    async def _put(
        self, message_id: str, media: InputMediaPhoto | InputMediaDocument, markup: Markup
    ) -> None:
        try:
            with translated():
                await self.bot.edit_message_media(
                    media, inline_message_id=message_id, reply_markup=markup
                )
        except Rejected as refused:
            _forgive(refused)


def _forgive(refused: Rejected) -> None:
    if not refused.says(NOT_MODIFIED):
        raise refused


def cancel(texts: Texts, locale: str, job_id: int | None) -> InlineKeyboardMarkup:
    """Make what stands under a placeholder; Telegram names no message without any button."""
    data = f"{Verb.CANCEL}:{job_id or HERE}"
    button = InlineKeyboardButton(texts(locale, "button.cancel"), callback_data=data)
    return InlineKeyboardMarkup([[button]])


def another(texts: Texts, locale: str, prompt: str) -> InlineKeyboardMarkup:
    """Make what stands under a picture: it begins a new message, so it costs nobody else."""
    label, words = texts(locale, "inline.another"), fit(prompt, PROMPT)
    button = InlineKeyboardButton(label, switch_inline_query_current_chat=words)
    return InlineKeyboardMarkup([[button]])


def offer(
    texts: Texts, locale: str, prompt: str, job_id: int | None = None
) -> InlineQueryResultArticle:
    """Make the result that stands for a picture that is not drawn yet."""
    return InlineQueryResultArticle(
        DRAW,
        texts(locale, "inline.draw", prompt=fit(prompt, PROMPT)),
        InputTextMessageContent(texts(locale, "inline.drawing", prompt=fit(prompt, 2 * PROMPT))),
        reply_markup=cancel(texts, locale, job_id),
    )


def note(text: str) -> InlineQueryResultArticle:
    """Make the result that says something and draws nothing."""
    return InlineQueryResultArticle(DRAW, fit(text, PROMPT), InputTextMessageContent(text))


def door(texts: Texts, locale: str, key: str) -> InlineQueryResultsButton:
    """Make the button above the results that opens the private chat with the bot."""
    return InlineQueryResultsButton(texts(locale, key), start_parameter=START)
