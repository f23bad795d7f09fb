"""Prompts: messages that ask for a picture, or bring one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import AllowanceReached, InputProblem, LimitReached, Period, now
from bot.i18n.texts import pick
from bot.options import Inability, Misfit
from bot.ready import Place
from bot.rewrites import rewrite_of
from bot.submissions import Asked, Duplicate, Entered, Nothing, PhotoWanted, TooMany
from bot.tg import blind_spots, ideas, languages, wordings
from bot.tg.advice import inability_text, misfit_text
from bot.tg.incoming import Content, Incoming, read
from bot.tg.keyboards import FORCE_REPLY
from bot.tg.prefix import addressed
from bot.tg.spots import Spot

if TYPE_CHECKING:
    from telegram import ForceReply, InlineKeyboardMarkup, Update
    from telegram.ext import ContextTypes

    from bot.domain import Ask, Wish
    from bot.submissions import Submission
    from bot.tg.desk import Desk

    Markup = InlineKeyboardMarkup | ForceReply | None


async def on_message(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take a message of any kind of chat; what is not for the bot is left alone."""
    message = update.effective_message
    incoming = read(message, context.bot, pick) if message else None
    if message is None or incoming is None:
        return
    if incoming.thrown and not await desk.ready.expects(incoming.wish):
        return
    incoming = await as_chosen(desk, incoming)
    if incoming.group_id and incoming.wish.sources:
        await _on_album_item(desk, incoming)
    elif incoming.addressed and admitted(desk, incoming.wish):
        await _on_wish(desk, incoming)
        if blind_spots.saw_part(message, incoming.wish):
            blind_spots.explain(desk, incoming.wish)


async def as_chosen(desk: Desk, incoming: Incoming) -> Incoming:
    """Read a message as its chat wants: by its keyword, answered in its language."""
    wish = incoming.wish
    if not wish.private and not incoming.addressed:
        group = await desk.preferences.of(wish.chat_id)
        incoming = addressed(incoming, group.prefix)
        wish = incoming.wish
    if not incoming.addressed and not incoming.group_id:
        return incoming
    locale = await languages.of_wish(desk, wish)
    return replace(incoming, wish=replace(wish, locale=locale))


async def _on_album_item(desk: Desk, incoming: Incoming) -> None:
    if not desk.accounts.admits(incoming.wish.account_id, incoming.wish.chat_id):
        denial = f"denied:{incoming.wish.chat_id}:{incoming.group_id}"
        if incoming.addressed and await desk.places.first_time(denial):  # not for each picture
            admitted(desk, incoming.wish)
        return
    await desk.albums.add(incoming)


async def _on_wish(desk: Desk, incoming: Incoming) -> None:
    wish = incoming.wish
    if problem := _problem(desk, incoming):
        reply(desk, wish, problem)
        return
    try:
        if await desk.rewrites.wanted(wish):
            rewrite = rewrite_of(wish, now())
            if answer := await wordings.take(desk, rewrite, wish.introduction):
                reply(desk, wish, answer)
            return
        submission = await desk.generation.submit(wish)
    except LimitReached as reached:
        reply(desk, wish, limit_text(desk, wish.locale, reached))
        return
    respond(desk, wish, submission)


def respond(desk: Desk, wish: Wish, submission: Submission) -> None:
    """Tell what became of a wish."""
    match submission:
        case Entered(jobs):
            for accepted in jobs:
                desk.statuses.announce(accepted)
        case Asked(ask):
            desk.talk.start(put_question(desk, ask, again=False), "question")
        case TooMany(limit):
            reply(desk, wish, desk.texts(wish.locale, "album.too_many", limit=limit))
        case Misfit():
            reply(desk, wish, misfit_text(desk.texts, wish.locale, submission))
        case Inability():
            reply(desk, wish, inability_text(desk.texts, wish.locale, submission))
        case PhotoWanted(ask):
            desk.talk.start(_want_photo(desk, wish, ask), "question for a photo")
        case Nothing():
            reply(desk, wish, desk.texts(wish.locale, "ask.text"))
        case Duplicate():
            pass


async def put_question(desk: Desk, ask: Ask, *, again: bool) -> None:
    """Ask what to do with pictures, or which model shall draw.

    `again` says that it may have been asked before a crash.
    """

    async def commit(message_id: int) -> None:
        await desk.places.questioned(ask.chat_id, ask.message_id, message_id)

    text, markup = await _question(desk, ask)
    # A photo that a migration left behind has no number that could be replied to.
    photo = ask.message_id if ask.message_id > 0 else None
    await desk.messages.establish(
        Spot(ask.chat_id, ask.thread_id, photo),
        text,
        markup,
        commit=commit,
        above=max(0, ask.message_id),
        uncertain=again,
    )


async def _want_photo(desk: Desk, wish: Wish, ask: Ask) -> None:
    """Ask for the photo again; a reply to either question brings it."""

    async def commit(message_id: int) -> None:
        place = Place(ask.account_id, wish.chat_id, wish.thread_id, message_id)
        await desk.ready.asked(place, ask.prompt, wish.locale, private=wish.private)

    await desk.messages.establish(
        Spot(wish.chat_id, wish.thread_id, wish.message_id),
        desk.texts(wish.locale, "ask.photo"),
        FORCE_REPLY,
        commit=commit,
        above=wish.message_id,
        uncertain=False,
    )


async def _question(desk: Desk, ask: Ask) -> tuple[str, Markup]:
    inability = await desk.generation.inability(ask)
    if inability is None:
        return ideas.question(desk, ask)
    text = inability_text(desk.texts, ask.locale, inability)
    return text, desk.keyboards.offer(ask.message_id, inability.others)


def reply(desk: Desk, wish: Wish, text: str, markup: Markup = None) -> None:
    """Answer a wish with words."""
    spot = Spot(wish.chat_id, wish.thread_id, wish.message_id)
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


def admitted(desk: Desk, wish: Wish) -> bool:
    """Check that whoever wishes may; if not he is told how to be let in."""
    if desk.accounts.admits(wish.account_id, wish.chat_id):
        return True
    reply(desk, wish, desk.texts(wish.locale, "access.denied", id=wish.account_id))
    return False


def _problem(desk: Desk, incoming: Incoming) -> str | None:
    locale = incoming.wish.locale
    if incoming.content is Content.OTHER_FILE:
        return desk.limits.explain(locale, InputProblem.NOT_A_PICTURE)
    if incoming.content is Content.COMMAND:
        return desk.texts(locale, "ask.command")
    if incoming.content is Content.OTHER:
        return desk.texts(locale, "ask.other_heard" if desk.voices.on else "ask.other")
    if incoming.size > desk.limits.max_bytes:
        return desk.limits.explain(locale, InputProblem.TOO_MANY_BYTES)
    return None
