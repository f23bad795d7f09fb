"""Inline mode: what is offered behind the bot's name in any chat, and what was chosen of it.

A query comes with each keystroke: it costs one indexed read and no call but its answer. Nothing is
kept of it; what was chosen comes back with its words, if BotFather's /setinlinefeedback is on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telegram.ext import filters

from bot.domain import LimitReached, Prompt
from bot.domain.jobs import GUEST, number_of
from bot.features.inline import messages as inline_messages
from bot.features.inline.messages import DRAW, HERE
from bot.features.inline.service import NEWEST, PicturePage
from bot.i18n.texts import pick
from bot.jobs.options import InvalidOption, Unsupported
from bot.jobs.results import (
    Accepted,
    AlreadyRunning,
    Duplicate,
    Incomplete,
    NoInput,
    PhotoNeeded,
    TooManyInputs,
)
from bot.tg import callbacks, preset_keyboard, replies
from bot.tg.keyboards import Verb
from bot.tg.parse import read
from bot.tg.replies import lack_text, misfit_text
from bot.tg.submit_replies import limit_text

if TYPE_CHECKING:
    from telegram import CallbackQuery, ChosenInlineResult, InlineQuery, InlineQueryResult, Update
    from telegram.ext import ContextTypes

    from bot.domain import Job
    from bot.features.desk import Desk
    from bot.jobs.results import SubmitResult
    from bot.tg.keyboards import Press


MARK = 19  # digits of an offset, at most


async def on_query(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Offer to draw what was typed, and one's own pictures that it is about."""
    query = update.inline_query
    if query is None:
        return
    desk.background.run(_answer(desk, query), "answer to an inline query")


async def on_chosen(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Draw what was chosen, into the message that it became."""
    chosen = update.chosen_inline_result
    if chosen is None or chosen.result_id != DRAW or not chosen.inline_message_id:
        return
    await submit(desk, await _wish(desk, chosen, chosen.inline_message_id))


async def submit(desk: Desk, wish: Prompt) -> None:
    """Accept a wish for an inline message, or say in that message why not."""
    if desk.facts.storage_chat is None:  # Telegram asks though the setting is not there (any more)
        _tell(desk, wish, desk.texts(wish.locale, "inline.off"))
        return
    if not desk.access.admits(wish.account_id, wish.account_id):
        _tell(desk, wish, desk.texts(wish.locale, "access.denied", id=wish.account_id))
        return
    try:
        submission = await desk.submit.submit(wish)
    except LimitReached as reached:
        _tell(desk, wish, limit_text(desk, wish.locale, reached))
        return
    if isinstance(submission, Accepted):
        for accepted in submission.jobs:
            desk.inline.announce(accepted)
    elif text := _objection(desk, wish, submission):
        _tell(desk, wish, text)


def _tell(desk: Desk, wish: Prompt, text: str) -> None:
    desk.inline.tell(wish.inline_message_id or "", text)


def _objection(desk: Desk, wish: Prompt, submission: SubmitResult) -> str | None:
    locale = wish.locale
    match submission:
        case InvalidOption():
            return misfit_text(desk.texts, locale, submission)
        case Unsupported():
            # Which model shall draw instead cannot be asked here.
            why = lack_text(desk.texts, locale, submission)
            return f"{why}\n\n{desk.texts(locale, 'inline.choose')}"
        case TooManyInputs(limit):
            return desk.texts(locale, "album.too_many", limit=limit)
        case NoInput() | Incomplete() | PhotoNeeded():
            return desk.texts(locale, "ask.inline", bot=desk.sender.username)
        case Duplicate() | Accepted():
            return None


async def _wish(desk: Desk, chosen: ChosenInlineResult, message_id: str) -> Prompt:
    return Prompt(
        account_id=chosen.from_user.id,
        chat_id=desk.facts.storage_chat or 0,
        message_id=number_of(message_id),
        text=chosen.query.strip(),
        locale=await replies.of_user(desk, chosen.from_user),
        private=False,
        inline_message_id=message_id,
    )


async def _answer(desk: Desk, query: InlineQuery) -> None:
    locale, user = await replies.of_user(desk, query.from_user), query.from_user.id
    if not desk.access.admits(user, user):
        stranger = inline_messages.door(desk.texts, locale, "inline.stranger")
        await desk.inline_results.offer(query.id, [], PicturePage((), None), stranger)
        return
    words, before = query.query.strip(), _mark(query.offset)
    page = _short(desk, locale, await desk.latest.page(user, words, before))
    drawn = _offers(desk, words, locale) if before == NEWEST else []
    door = inline_messages.door(desk.texts, locale, "inline.door") if not words else None
    await desk.inline_results.offer(query.id, drawn, page, door)


def _short(desk: Desk, locale: str, page: PicturePage) -> PicturePage:
    """Have pictures go by the words that their person knows: a preset by its name."""
    named = [
        replace(one, prompt=preset_keyboard.short(desk, locale, one.prompt))
        for one in page.pictures
    ]
    return replace(page, pictures=tuple(named))


def _offers(desk: Desk, words: str, locale: str) -> list[InlineQueryResult]:
    if not words or desk.facts.storage_chat is None:
        return []
    return [inline_messages.offer(desk.texts, locale, words)]


def _mark(offset: str) -> int:
    """Read where a page begins: what a client sends back of what we said."""
    known = offset.isascii() and offset.isdigit() and len(offset) < MARK
    return int(offset) if known else NEWEST


class GuestMessages(filters.UpdateFilter):
    """Tells a guest message from all others, for which PTB has no filter yet."""

    def filter(self, update: Update) -> bool:
        """Whether this is one."""
        return update.guest_message is not None


async def on_message(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Draw what a guest message asks for."""
    message = update.guest_message
    if message is None or not message.guest_query_id or message.from_user is None:
        return
    incoming = read(message, context.bot, pick)
    if incoming is None or incoming.casual:
        return
    locale = await replies.of_user(desk, message.from_user)
    wish, chat = incoming.prompt, message.chat.id
    await submit(
        desk,
        replace(
            wish,
            locale=locale,
            chat_id=desk.facts.storage_chat or 0,
            message_id=number_of(f"{chat}:{message.message_id}"),
            thread_id=None,
            private=False,
            introduction=None,
            # A message of that chat means nothing in the storage chat, its picture does.
            sources=wish.sources
            or ((wish.reply.source,) if wish.reply and wish.reply.source else ()),
            reply=None,
            inline_message_id=GUEST + message.guest_query_id,
        ),
    )


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Take a press; all buttons but these two are none of an inline message's: data can be forged."""
    if press.verb not in (Verb.CANCEL, Verb.AGAIN):
        callbacks.answer(desk, query, "press.stale")
        return
    job = await _job(desk, query, press)
    if job is None:
        return
    if press.verb is Verb.CANCEL:
        cancelled = await desk.submit.cancel(job.id)
        callbacks.answer(desk, query, "press.cancelled" if cancelled else "press.too_late")
    else:
        await _on_again(desk, query, job)


async def _on_again(desk: Desk, query: CallbackQuery, job: Job) -> None:
    locale = await replies.of_press(desk, query)
    payer = query.from_user.id
    if not callbacks.admitted(desk, query, payer, payer):
        return
    try:
        submission = await desk.submit.repeat(
            replace(job, account_id=payer, locale=locale),
            press_id=query.id,
            message_id=job.message_id,
        )
    except LimitReached as reached:
        callbacks.say(desk, query, limit_text(desk, locale, reached), alert=True)
        return
    match submission:
        case Accepted(jobs):
            for accepted in jobs:
                desk.inline.announce(accepted)
            callbacks.answer(desk, query, "press.accepted")
        case AlreadyRunning():
            callbacks.answer(desk, query, "press.already_drawing")
        case Duplicate():
            pass


async def _job(desk: Desk, query: CallbackQuery, press: Press) -> Job | None:
    """Find the job of this message and check that this person may press for it."""
    here = press.argument == HERE
    if here and desk.facts.storage_chat is not None:
        number = number_of(query.inline_message_id or "")
        job = await desk.submit.job_of(desk.facts.storage_chat, number)
    else:
        job = await desk.submit.job(press.id) if press.id else None
    if job is None or job.inline_message_id != query.inline_message_id:
        callbacks.answer(desk, query, "inline.not_yet" if here else "press.stale")
        return None
    if job.request.erased:
        callbacks.answer(desk, query, "press.erased")
        return None
    return (
        job if await callbacks.may_act_for(desk, query, job.account_id, "press.not_yours") else None
    )
