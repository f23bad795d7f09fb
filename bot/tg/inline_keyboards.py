"""The buttons of inline messages; what a press says is read by `keyboards`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
)

from bot.tg.captions import fit
from bot.tg.keyboards import Verb

if TYPE_CHECKING:
    from bot.i18n.texts import Texts

HERE = "here"  # a job that has no number yet: the one of the message in which the button stands
DRAW = "draw"  # the id of the result that draws; others are `picture:` and a number
START = "inline"  # what /start is told
PROMPT = 256  # characters that a client lets one write after the bot's name


def placeholder(texts: Texts, locale: str, prompt: str) -> str:
    """Say what stands in a message until its picture is there."""
    return texts(locale, "inline.drawing", prompt=fit(prompt, 2 * PROMPT))


def cancel(texts: Texts, locale: str, job_id: int | None) -> InlineKeyboardMarkup:
    """Make what stands under a placeholder; Telegram names no message without any button."""
    data = f"{Verb.CANCEL}:{job_id or HERE}"
    button = InlineKeyboardButton(texts(locale, "button.cancel"), callback_data=data)
    return InlineKeyboardMarkup([[button]])


def another(texts: Texts, locale: str, prompt: str) -> InlineKeyboardMarkup | None:
    """Make what stands under a picture: it begins a new message, so it costs nobody else."""
    words = fit(prompt, PROMPT)
    button = InlineKeyboardButton(
        texts(locale, "inline.another"), switch_inline_query_current_chat=words
    )
    return InlineKeyboardMarkup([[button]])


def offer(
    texts: Texts, locale: str, prompt: str, job_id: int | None = None
) -> InlineQueryResultArticle:
    """Make the result that stands for a picture that is not drawn yet."""
    return InlineQueryResultArticle(
        DRAW,
        texts(locale, "inline.draw", prompt=fit(prompt, PROMPT)),
        InputTextMessageContent(placeholder(texts, locale, prompt)),
        reply_markup=cancel(texts, locale, job_id),
    )


def words(text: str) -> InlineQueryResultArticle:
    """Make the result that says something and draws nothing."""
    return InlineQueryResultArticle(DRAW, fit(text, PROMPT), InputTextMessageContent(text))


def door(texts: Texts, locale: str, key: str) -> InlineQueryResultsButton:
    """Make the button above the results that opens the private chat with the bot."""
    return InlineQueryResultsButton(texts(locale, key), start_parameter=START)
