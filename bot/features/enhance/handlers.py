"""`/enhance`: a prompt made better, shown, and drawn in the wording that somebody presses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import Enhancement, LimitReached, Reply, now
from bot.features.enhance.service import EnhanceAdmission
from bot.jobs.options import InvalidOption
from bot.jobs.results import Accepted, AlreadyRunning, Duplicate, Incomplete
from bot.tg import callbacks, replies
from bot.tg.keyboards import Verb
from bot.tg.parse import account_of, introduction_of, reply_of, source_of, thread_of
from bot.tg.replies import misfit_text
from bot.tg.sender import Target, reply
from bot.tg.submit_replies import admitted, limit_text, respond

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telegram import CallbackQuery, InlineKeyboardMarkup, Message, Update
    from telegram.ext import ContextTypes

    from bot.domain import Author
    from bot.features.desk import Desk
    from bot.tg.keyboards import Press


WORDINGS = frozenset({Verb.BETTER, Verb.WORDS, Verb.REWRITE, Verb.DROP})


async def on_enhance(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Commit a prompt, and have it made better; without a model that is said."""
    message = update.message
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return
    locale = await replies.of_message(desk, message, account_id)
    rewrite = _read(message, account_id, locale)
    wish = rewrite.as_prompt("")
    if not admitted(desk, wish):
        return
    try:
        problem = await take(desk, rewrite, introduction_of(message))
    except LimitReached as reached:
        problem = limit_text(desk, locale, reached)
    if problem:
        reply(desk, wish, problem)


def enhancer(desk: Desk) -> Callable[[Enhancement, bool], Awaitable[None]]:
    """Make what brings a prompt from where it is to its buttons."""

    async def follow(rewrite: Enhancement, again: bool) -> None:  # noqa: FBT001 - the book's own
        better = rewrite if rewrite.better is not None else await desk.rewrites.better(rewrite)
        if better is None:  # called off, or erased: nobody waits for it
            return
        text, markup = _shown(desk, better)
        if better.shown_id is not None:
            await desk.sender.edit(better.chat_id, better.shown_id, text, markup)
            await desk.rewrites.shown(better, better.shown_id)
            return

        async def remember(message_id: int) -> None:
            await desk.rewrites.shown(better, message_id)

        prompt = better.message_id if better.message_id > 0 else None
        await desk.sender.send_once(
            Target(better.chat_id, better.thread_id, prompt, reply_required=True),
            text,
            markup,
            remember=remember,
            above=max(0, better.message_id),
            uncertain=again,
        )

    return follow


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Draw one of the wordings, once, or look for another, or for none."""
    rewrite = await _own(desk, query, press)
    if rewrite is None:
        return
    if press.verb is Verb.REWRITE:
        await _anew(desk, query, rewrite)
        return
    if press.verb is Verb.DROP:
        await _drop(desk, query, rewrite)
        return
    locale = await replies.of_press(desk, query)
    payer = callbacks.payer(query, rewrite.account_id)
    rewrite = replace(rewrite, account_id=payer, locale=locale)
    if not callbacks.admitted(desk, query, payer, rewrite.chat_id):
        return
    prompt = rewrite.words
    if press.verb is Verb.BETTER:
        prompt = f"{rewrite.better} {rewrite.flags}".strip()
    await _draw(desk, query, rewrite, prompt)


async def _anew(desk: Desk, query: CallbackQuery, rewrite: Enhancement) -> None:
    try:
        arrival = await desk.rewrites.anew(rewrite, query.id)
    except LimitReached as reached:
        callbacks.say(desk, query, limit_text(desk, rewrite.locale, reached), alert=True)
        return
    if arrival is EnhanceAdmission.KEPT:
        desk.enhancing.begin(rewrite, again=True)
    callbacks.answer(desk, query, ANSWERS.get(arrival, "enhance.again"))


async def _drop(desk: Desk, query: CallbackQuery, rewrite: Enhancement) -> None:
    if not await desk.rewrites.give_up(rewrite):
        callbacks.answer(desk, query, "press.stale")
        return
    said = desk.texts(await replies.of_press(desk, query), "press.cancelled")
    desk.background.run(_taken(desk, query, rewrite, said), "wording dropped")


async def _draw(desk: Desk, query: CallbackQuery, rewrite: Enhancement, prompt: str) -> None:
    try:
        submission = await desk.rewrites.draw(rewrite, prompt, query.id)
    except LimitReached as reached:
        callbacks.say(desk, query, limit_text(desk, rewrite.locale, reached), alert=True)
        return
    match submission:
        case AlreadyRunning():
            callbacks.answer(desk, query, "press.already_drawing")
        case Duplicate():
            pass
        case Accepted() | Incomplete():
            respond(desk, rewrite.as_prompt(prompt), submission)
            desk.background.run(_taken(desk, query, rewrite, prompt), "wording taken")
        case _:  # the other wording may be drawn yet
            respond(desk, rewrite.as_prompt(prompt), submission)
            desk.background.run(desk.sender.answer(query.id), "answer to a press")


async def _taken(desk: Desk, query: CallbackQuery, rewrite: Enhancement, prompt: str) -> None:
    """Leave of the question what became of it."""
    await desk.sender.answer(query.id)
    if query.message:
        await desk.sender.edit(rewrite.chat_id, query.message.message_id, prompt, None)


async def _own(desk: Desk, query: CallbackQuery, press: Press) -> Enhancement | None:
    """Find the prompt of a press: that of this message, shown as it stands, and of this person."""
    message = query.message
    found = await desk.rewrites.find(message.chat.id, press.id) if message and press.id else None
    if found is None or message is None or found.shown_id not in (None, message.message_id):
        callbacks.answer(desk, query, "press.stale")
        return None
    if not callbacks.under(query, WORDINGS):
        callbacks.answer(desk, query, "press.stale")
        return None
    if not await callbacks.may_act_for(desk, query, found.account_id, "press.not_yours"):
        return None
    # A finger may be quicker than the commit of where the words stand.
    if found.better is None or not (found.shown or found.shown_id is None):
        callbacks.answer(desk, query, "enhance.again")
        return None
    if press.verb is Verb.BETTER and not found.better:
        callbacks.answer(desk, query, "press.stale")
        return None
    return found


def _shown(desk: Desk, rewrite: Enhancement) -> tuple[str, InlineKeyboardMarkup]:
    key = "enhance.better" if rewrite.better else "enhance.failed"
    text = desk.texts(rewrite.locale, key, words=f"{rewrite.better} {rewrite.flags}".strip())
    better = bool(rewrite.better)
    return text, desk.keyboards.wordings(rewrite.locale, rewrite.message_id, better=better)


def _read(message: Message, account_id: int, locale: str) -> Enhancement:
    source = source_of(message)  # what the words stand under is what they are about
    _, _, words = (message.text or message.caption or "").partition(" ")
    return Enhancement(
        account_id=account_id,
        chat_id=message.chat.id,
        message_id=message.message_id,
        words=words.strip(),
        locale=locale,
        asked_at=now(),
        thread_id=thread_of(message),
        private=message.chat.type == message.chat.PRIVATE,
        reply=Reply(message.message_id, source) if source else reply_of(message),
    )


ANSWERS = {
    EnhanceAdmission.TOO_MANY: "enhance.many",
    EnhanceAdmission.CROWDED: "enhance.busy",
    EnhanceAdmission.NO_WORDS: "enhance.words",
}


async def take(desk: Desk, rewrite: Enhancement, introduction: Author | None) -> str | None:
    """Commit a prompt and have it made better; tells what to answer where that cannot be.

    Raises LimitReached where its picture could not be drawn anyway.
    """
    locale = rewrite.locale
    if not desk.rewrites.on:
        return desk.texts(locale, "enhance.off")
    if not rewrite.words:
        return desk.texts(locale, "enhance.words")
    came = await desk.rewrites.accept(rewrite, introduction)
    if isinstance(came, InvalidOption):
        return misfit_text(desk.texts, locale, came)
    kept, arrival = came
    if arrival is EnhanceAdmission.KEPT:
        desk.enhancing.begin(kept)
    return desk.texts(locale, ANSWERS[arrival]) if arrival in ANSWERS else None
