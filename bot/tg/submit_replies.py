"""What a prompt is answered with: what became of it, or why nothing did."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import AllowanceReached, LimitReached, Period
from bot.features.presets.service import PresetQuestion
from bot.jobs.options import InvalidOption, Unsupported
from bot.jobs.results import (
    Accepted,
    Duplicate,
    Incomplete,
    NoInput,
    PhotoNeeded,
    TooManyInputs,
)
from bot.tg import preset_keyboard, replies
from bot.tg.keyboards import FORCE_REPLY
from bot.tg.parse import ParsedMessage, addressed
from bot.tg.replies import inability_text, misfit_text
from bot.tg.sender import Target

if TYPE_CHECKING:
    from telegram import ForceReply, InlineKeyboardMarkup

    from bot.domain import PendingPrompt, Prompt
    from bot.features.desk import Desk
    from bot.jobs.results import SubmitResult

    Markup = InlineKeyboardMarkup | ForceReply | None


async def as_chosen(desk: Desk, incoming: ParsedMessage) -> ParsedMessage:
    """Read a message as its chat wants: by its keyword, answered in its language."""
    wish = incoming.wish
    if not wish.private and not incoming.addressed:
        group = await desk.preferences.of(wish.chat_id)
        incoming = addressed(incoming, group.prefix)
        wish = incoming.wish
    if not incoming.addressed and not incoming.group_id:
        return incoming
    locale = await replies.of_wish(desk, wish)
    return replace(incoming, wish=replace(wish, locale=locale))


def respond(desk: Desk, wish: Prompt, submission: SubmitResult) -> None:
    """Tell what became of a wish."""
    match submission:
        case Accepted(jobs):
            for accepted in jobs:
                desk.statuses.announce(accepted)
        case Incomplete(ask):
            desk.talk.start(put_question(desk, ask, again=False), "question")
        case TooManyInputs(limit):
            reply(desk, wish, desk.texts(wish.locale, "album.too_many", limit=limit))
        case InvalidOption():
            reply(desk, wish, misfit_text(desk.texts, wish.locale, submission))
        case Unsupported():
            reply(desk, wish, inability_text(desk.texts, wish.locale, submission))
        case PhotoNeeded(ask):
            desk.talk.start(_want_photo(desk, wish, ask), "question for a photo")
        case NoInput():
            reply(desk, wish, desk.texts(wish.locale, "ask.text"))
        case Duplicate():
            pass


async def put_question(desk: Desk, ask: PendingPrompt, *, again: bool) -> None:
    """Ask what to do with pictures, or which model shall draw.

    `again` says that it may have been asked before a crash.
    """

    async def commit(message_id: int) -> None:
        await desk.places.questioned(ask.chat_id, ask.message_id, message_id)

    text, markup = await _question(desk, ask)
    # A photo that a migration left behind has no number that could be replied to.
    photo = ask.message_id if ask.message_id > 0 else None
    await desk.messages.establish(
        Target(ask.chat_id, ask.thread_id, photo),
        text,
        markup,
        commit=commit,
        above=max(0, ask.message_id),
        uncertain=again,
    )


async def _want_photo(desk: Desk, wish: Prompt, ask: PendingPrompt) -> None:
    """Ask for the photo again; a reply to either question brings it."""

    async def commit(message_id: int) -> None:
        place = PresetQuestion(ask.account_id, wish.chat_id, wish.thread_id, message_id)
        await desk.ready.asked(place, ask.prompt, wish.locale, private=wish.private)

    await desk.messages.establish(
        Target(wish.chat_id, wish.thread_id, wish.message_id),
        desk.texts(wish.locale, "ask.photo"),
        FORCE_REPLY,
        commit=commit,
        above=wish.message_id,
        uncertain=False,
    )


async def _question(desk: Desk, ask: PendingPrompt) -> tuple[str, Markup]:
    inability = await desk.generation.inability(ask)
    if inability is None:
        return preset_keyboard.question(desk, ask)
    text = inability_text(desk.texts, ask.locale, inability)
    return text, desk.keyboards.offer(ask.message_id, inability.others)


def reply(desk: Desk, wish: Prompt, text: str, markup: Markup = None) -> None:
    """Answer a wish with words."""
    spot = Target(wish.chat_id, wish.thread_id, wish.message_id)
    desk.talk.start(desk.messages.say(spot, text, markup), "reply")


def limit_text(desk: Desk, locale: str, reached: LimitReached) -> str:
    """Tell that a quota is used up, or what is left of it, and when there is a new one."""
    if isinstance(reached, AllowanceReached):
        key = "allowance.chat" if reached.everybody else "allowance.member"
        return desk.texts(locale, key, n=reached.limit, limit=reached.limit)
    day = reached.period is Period.DAY
    if reached.left:
        key = "limit.day_left" if day else "limit.month_left"
        return desk.texts(locale, key, n=reached.left, asked=reached.asked)
    key = "limit.day" if day else "limit.month"
    return desk.texts(locale, key, n=reached.limit, limit=reached.limit)


def admitted(desk: Desk, wish: Prompt) -> bool:
    """Check that whoever wishes may; if not he is told how to be let in."""
    if desk.accounts.admits(wish.account_id, wish.chat_id):
        return True
    reply(desk, wish, desk.texts(wish.locale, "access.denied", id=wish.account_id))
    return False
