"""Inline mode: what is offered behind the bot's name in any chat, and what was chosen of it.

A query comes with each keystroke: it costs one indexed read and no call but its answer. Nothing is
kept of it; what was chosen comes back with its words, if BotFather's /setinlinefeedback is on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import LimitReached, Wish
from bot.inline import number_of
from bot.latest import NEWEST, Page
from bot.options import Inability, Misfit
from bot.submissions import Asked, Duplicate, Entered, Nothing, PhotoWanted, TooMany
from bot.tg import ideas, inline_keyboards, languages
from bot.tg.advice import lack_text, misfit_text
from bot.tg.inline_keyboards import DRAW
from bot.tg.prompts import limit_text

if TYPE_CHECKING:
    from telegram import ChosenInlineResult, InlineQuery, InlineQueryResult, Update
    from telegram.ext import ContextTypes

    from bot.submissions import Submission
    from bot.tg.desk import Desk

MARK = 19  # digits of an offset, at most


async def on_query(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Offer to draw what was typed, and one's own pictures that it is about."""
    query = update.inline_query
    if query is None:
        return
    desk.talk.start(_answer(desk, query), "answer to an inline query")


async def on_chosen(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Draw what was chosen, into the message that it became."""
    chosen = update.chosen_inline_result
    if chosen is None or chosen.result_id != DRAW or not chosen.inline_message_id:
        return
    await submit(desk, await _wish(desk, chosen, chosen.inline_message_id))


async def submit(desk: Desk, wish: Wish) -> None:
    """Accept a wish for an inline message, or say in that message why not."""
    if desk.facts.storage_chat is None:  # Telegram asks though the setting is not there (any more)
        _tell(desk, wish, desk.texts(wish.locale, "inline.off"))
        return
    if not desk.accounts.admits(wish.account_id, wish.account_id):
        _tell(desk, wish, desk.texts(wish.locale, "access.denied", id=wish.account_id))
        return
    try:
        submission = await desk.generation.submit(wish)
    except LimitReached as reached:
        _tell(desk, wish, limit_text(desk, wish.locale, reached))
        return
    if isinstance(submission, Entered):
        for accepted in submission.jobs:
            desk.inline.announce(accepted)
    elif text := _objection(desk, wish, submission):
        _tell(desk, wish, text)


def _tell(desk: Desk, wish: Wish, text: str) -> None:
    desk.inline.tell(wish.inline_message_id or "", text)


def _objection(desk: Desk, wish: Wish, submission: Submission) -> str | None:
    locale = wish.locale
    match submission:
        case Misfit():
            return misfit_text(desk.texts, locale, submission)
        case Inability():
            # Which model shall draw instead cannot be asked here.
            why = lack_text(desk.texts, locale, submission)
            return f"{why}\n\n{desk.texts(locale, 'inline.choose')}"
        case TooMany(limit):
            return desk.texts(locale, "album.too_many", limit=limit)
        case Nothing() | Asked() | PhotoWanted():
            return desk.texts(locale, "ask.inline", bot=desk.messages.username)
        case Duplicate() | Entered():
            return None


async def _wish(desk: Desk, chosen: ChosenInlineResult, message_id: str) -> Wish:
    return Wish(
        account_id=chosen.from_user.id,
        chat_id=desk.facts.storage_chat or 0,
        message_id=number_of(message_id),
        prompt=chosen.query.strip(),
        locale=await languages.of_user(desk, chosen.from_user),
        private=False,
        inline_message_id=message_id,
    )


async def _answer(desk: Desk, query: InlineQuery) -> None:
    locale, user = await languages.of_user(desk, query.from_user), query.from_user.id
    if not desk.accounts.admits(user, user):
        stranger = inline_keyboards.door(desk.texts, locale, "inline.stranger")
        await desk.inline_results.offer(query.id, [], Page((), None), stranger)
        return
    words, before = query.query.strip(), _mark(query.offset)
    page = _short(desk, locale, await desk.latest.page(user, words, before))
    drawn = _offers(desk, words, locale) if before == NEWEST else []
    door = inline_keyboards.door(desk.texts, locale, "inline.door") if not words else None
    await desk.inline_results.offer(query.id, drawn, page, door)


def _short(desk: Desk, locale: str, page: Page) -> Page:
    """Have pictures go by the words that their person knows: a preset by its name."""
    named = [replace(one, prompt=ideas.short(desk, locale, one.prompt)) for one in page.pictures]
    return replace(page, pictures=tuple(named))


def _offers(desk: Desk, words: str, locale: str) -> list[InlineQueryResult]:
    if not words or desk.facts.storage_chat is None:
        return []
    return [inline_keyboards.offer(desk.texts, locale, words)]


def _mark(offset: str) -> int:
    """Read where a page begins: what a client sends back of what we said."""
    known = offset.isascii() and offset.isdigit() and len(offset) < MARK
    return int(offset) if known else NEWEST
