"""Prompts: messages that ask for a picture, or bring one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import InputProblem, LimitReached, now
from bot.features.enhance import handlers as enhance_handlers
from bot.features.enhance.service import enhancement_of
from bot.i18n.texts import pick
from bot.jobs.edits import EditedJobs
from bot.jobs.options import InvalidOption
from bot.jobs.results import (
    Accepted,
    AlreadyRunning,
    Duplicate,
    Stale,
)
from bot.tg import callbacks, privacy_mode, replies
from bot.tg.keyboards import Verb
from bot.tg.parse import ContentKind, ParsedMessage, read
from bot.tg.replies import lack_text, misfit_text
from bot.tg.sender import reply
from bot.tg.submit_replies import admitted, as_chosen, limit_text, respond

if TYPE_CHECKING:
    from telegram import CallbackQuery, ForceReply, InlineKeyboardMarkup, Update
    from telegram.ext import ContextTypes

    from bot.domain import PendingPrompt, Prompt
    from bot.features.desk import Desk
    from bot.jobs.edits import Revision
    from bot.tg.keyboards import Press

    Markup = InlineKeyboardMarkup | ForceReply | None


async def on_message(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take a message of any kind of chat; what is not for the bot is left alone."""
    message = update.effective_message
    incoming = read(message, context.bot, pick) if message else None
    if message is None or incoming is None:
        return
    if incoming.casual and not await desk.ready.expects(incoming.prompt):
        return
    incoming = await as_chosen(desk, incoming)
    if incoming.group_id and incoming.prompt.sources:
        await _on_album_item(desk, incoming)
    elif incoming.addressed and admitted(desk, incoming.prompt):
        await _on_wish(desk, incoming)
        if privacy_mode.saw_part(message, incoming.prompt):
            privacy_mode.explain(desk, incoming.prompt)


async def _on_album_item(desk: Desk, incoming: ParsedMessage) -> None:
    if not desk.access.admits(incoming.prompt.account_id, incoming.prompt.chat_id):
        denial = f"denied:{incoming.prompt.chat_id}:{incoming.group_id}"
        if incoming.addressed and await desk.sent.first_time(denial):  # not for each picture
            admitted(desk, incoming.prompt)
        return
    await desk.albums.add(incoming)


async def _on_wish(desk: Desk, incoming: ParsedMessage) -> None:
    wish = incoming.prompt
    if problem := _problem(desk, incoming):
        reply(desk, wish, problem)
        return
    try:
        if await desk.rewrites.wanted(wish):
            rewrite = enhancement_of(wish, now())
            if answer := await enhance_handlers.take(desk, rewrite, wish.introduction):
                reply(desk, wish, answer)
            return
        submission = await desk.submit.submit(wish)
    except LimitReached as reached:
        reply(desk, wish, limit_text(desk, wish.locale, reached))
        return
    respond(desk, wish, submission)


def _problem(desk: Desk, incoming: ParsedMessage) -> str | None:
    locale = incoming.prompt.locale
    if incoming.content is ContentKind.OTHER_FILE:
        return desk.limits.explain(locale, InputProblem.NOT_A_PICTURE)
    if incoming.content is ContentKind.COMMAND:
        return desk.texts(locale, "ask.command")
    if incoming.content is ContentKind.OTHER:
        return desk.texts(locale, "ask.other_heard" if desk.voices.on else "ask.other")
    if incoming.size > desk.limits.max_bytes:
        return desk.limits.explain(locale, InputProblem.TOO_MANY_BYTES)
    return None


REQUESTS = frozenset({ContentKind.WORDS, ContentKind.PICTURE})


async def on_edit(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take an edited message; what was begun already stays as it is, without a word."""
    message = update.effective_message
    incoming = read(message, context.bot, pick) if message else None
    if incoming is None or incoming.casual or incoming.content not in REQUESTS:
        return
    incoming = await as_chosen(desk, incoming)
    wish = incoming.prompt
    if not desk.access.admits(wish.account_id, wish.chat_id):
        return
    try:
        revision = await _revision(desk, incoming, str(update.update_id))
    except LimitReached as reached:
        reply(desk, wish, _kept(desk, wish, limit_text(desk, wish.locale, reached)))
        return
    _tell(desk, incoming, revision)


async def _revision(desk: Desk, incoming: ParsedMessage, edit: str) -> Revision:
    if incoming.group_id and incoming.prompt.sources:
        return await desk.edits.revise(incoming.album_item(now()), edit)
    return await desk.edits.revise(incoming.prompt, edit) if incoming.addressed else None


def _tell(desk: Desk, incoming: ParsedMessage, revision: Revision) -> None:
    if isinstance(revision, EditedJobs):
        for accepted in revision.jobs:
            desk.status.changed(accepted)
        for accepted in revision.added:
            desk.status.announce(accepted)
    elif isinstance(revision, InvalidOption):
        wish = incoming.prompt
        reply(desk, wish, _kept(desk, wish, misfit_text(desk.texts, wish.locale, revision)))
    elif revision is not None:
        wish = incoming.prompt
        reply(desk, wish, _kept(desk, wish, lack_text(desk.texts, wish.locale, revision)))


def _kept(desk: Desk, wish: Prompt, why: str) -> str:
    """Say what becomes of the earlier words, where new ones cannot be drawn."""
    return f"{why}\n\n{desk.texts(wish.locale, 'edit.kept')}"


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Draw a wish that waits with the model of the button, once; preferences stay."""
    ask = await _own_ask(desk, query, press)
    if ask is None or press.use is None:
        return
    locale = await replies.of_press(desk, query)
    ask = replace(ask, account_id=callbacks.payer(query, ask.account_id), locale=locale)
    if not callbacks.admitted(desk, query, ask.account_id, ask.chat_id):
        return
    try:
        submission = await desk.submit.draw_with(ask, press.use[1], press_id=query.id)
    except LimitReached as reached:
        callbacks.say(desk, query, limit_text(desk, locale, reached), alert=True)
        return
    match submission:
        case Accepted(jobs):
            for accepted in jobs:
                desk.status.announce(accepted)
            desk.background.run(_taken(desk, query, ask, press.use[1]), "offer taken")
        case AlreadyRunning():
            callbacks.answer(desk, query, "press.already_chosen")
        case Stale():
            callbacks.answer(desk, query, "press.stale")
        case Duplicate():
            pass


async def _own_ask(desk: Desk, query: CallbackQuery, press: Press) -> PendingPrompt | None:
    if press.use is None or query.message is None:
        callbacks.answer(desk, query, "press.stale")
        return None
    ask = await desk.submit.ask(query.message.chat.id, press.use[0])
    if ask is None or not callbacks.asks(query, ask, {Verb.USE}):
        callbacks.answer(desk, query, "press.stale")
        return None
    mine = await callbacks.may_act_for(desk, query, ask.account_id, "press.not_yours")
    return ask if mine else None


async def _taken(desk: Desk, query: CallbackQuery, ask: PendingPrompt, model: str) -> None:
    """Say which model draws, in place of the question and its buttons."""
    await desk.sender.answer(query.id)
    profile = desk.catalogue.get(model)
    if query.message and profile:
        text = desk.texts(ask.locale, "offer.taken", model=profile.label)
        await desk.sender.edit(query.message.chat.id, query.message.message_id, text, None)
