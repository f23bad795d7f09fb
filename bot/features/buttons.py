"""Buttons under jobs and pictures: pressed, checked, done once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import BotError, JobState
from bot.features.enhance import handlers as enhance_handlers
from bot.features.history import handlers as history_handlers
from bot.features.inline import handlers as inline_handlers
from bot.features.pictures import handlers as pictures_handlers
from bot.features.presets import handlers as presets_handlers
from bot.features.privacy import handlers as privacy_handlers
from bot.features.prompts import handlers as prompts_handlers
from bot.features.queue import handlers as queue_handlers
from bot.features.settings import handlers as settings_handlers
from bot.tg import callbacks, picture_actions
from bot.tg.errors import Rejected
from bot.tg.keyboards import Verb, parse
from bot.tg.sender import Target

if TYPE_CHECKING:
    from telegram import CallbackQuery, Update
    from telegram.ext import ContextTypes

    from bot.domain import Job, Picture
    from bot.features.desk import Desk
    from bot.tg.keyboards import Press

_ELSEWHERE = {
    Verb.FORGET: privacy_handlers.on_press,
    Verb.USE: prompts_handlers.on_press,
    Verb.HISTORY: history_handlers.on_press,
    Verb.PRESET: presets_handlers.on_press,
    Verb.PRESETS: presets_handlers.on_press,
    Verb.BETTER: enhance_handlers.on_press,
    Verb.WORDS: enhance_handlers.on_press,
    Verb.REWRITE: enhance_handlers.on_press,
    Verb.DROP: enhance_handlers.on_press,
}
# Of a job that ended so the chat may not know: the bot was blocked, or put out.
UNTOLD = frozenset({JobState.FAILED, JobState.REFUSED, JobState.EXPIRED})
VARIATIONS = 2  # as many pictures come of one press
OF_A_PICTURE = frozenset(
    {Verb.ORIGINAL, Verb.DELETE, Verb.EDIT, Verb.LEVEL, Verb.RESHAPE, Verb.RESIZE, Verb.REMODEL}
)


async def on_press(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take a pressed button; a forged or stale one gets an explanation."""
    query = update.callback_query
    if query is None:
        return
    press = parse(query.data)
    if press is None:
        callbacks.answer(desk, query, "press.stale")
        return
    if query.inline_message_id:
        await inline_handlers.on_press(desk, query, press)
        return
    if elsewhere := _ELSEWHERE.get(press.verb):
        await elsewhere(desk, query, press)
        return
    await _on_press(desk, query, press)


async def _on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    match press.verb:
        case Verb.CANCEL | Verb.CALL_OFF:
            await _on_cancel(desk, query, press)
        case Verb.AGAIN | Verb.VARY:
            await _on_again(desk, query, press)
        case verb if verb in OF_A_PICTURE:
            await _on_picture(desk, query, press)
        case Verb.MENU | Verb.MODEL | Verb.RATIO | Verb.SIZE | Verb.COUNT | Verb.SET:
            await settings_handlers.on_press(desk, query, press)


async def _on_cancel(desk: Desk, query: CallbackQuery, press: Press) -> None:
    job = await desk.submit.job(press.id) if press.id else None
    if job is None or not _listed(query, job):
        job = job if await _may(desk, query, job) else None
    if job is None:
        return
    cancelled = await desk.submit.cancel(job.id)
    gone = cancelled or job.state is JobState.CANCELLED
    callbacks.answer(desk, query, "press.cancelled" if gone else "press.too_late")
    if job.state in UNTOLD and press.verb is Verb.CANCEL:
        desk.background.run(desk.delivery.explain(job), "word that could not be said before")
    if press.verb is Verb.CALL_OFF:
        await queue_handlers.redraw(desk, query, job)


def _listed(query: CallbackQuery, job: Job) -> bool:
    """Whether /queue lists a job for this person here: one for an inline message, in private."""
    private = query.message is not None and query.message.chat.id == query.from_user.id
    return private and job.inline_message_id is not None and job.account_id == query.from_user.id


async def _on_again(desk: Desk, query: CallbackQuery, press: Press) -> None:
    job = await _own_job(desk, query, press)
    if job is None:
        return
    if press.verb is Verb.AGAIN:
        if await picture_actions.draw(desk, query, job):
            callbacks.answer(desk, query, "press.accepted")
    elif jobs := await picture_actions.draw(desk, query, job, count=VARIATIONS):
        callbacks.answer(desk, query, "press.varied", n=len(jobs))


async def _on_picture(desk: Desk, query: CallbackQuery, press: Press) -> None:
    found = await _own_picture(desk, query, press)
    if found is None or query.message is None:
        return
    picture, job = found
    match press.verb:
        case Verb.ORIGINAL:
            target = Target(job.chat_id, job.thread_id, _place(picture, job))
            await picture_actions.send(desk, query, picture, target)
        case Verb.DELETE:
            desk.background.run(_delete(desk, query, job, query.message.message_id), "delete")
        case Verb.EDIT:
            await picture_actions.ask(desk, query, picture, job)
        case _:
            await pictures_handlers.on_press(desk, query, press, picture, job)


async def _delete(desk: Desk, query: CallbackQuery, job: Job, message_id: int) -> None:
    try:
        await desk.sender.delete(job.chat_id, message_id)
    except Rejected:  # Telegram lets bots delete for 48 hours only
        callbacks.answer(desk, query, "press.too_old", alert=True)
        return
    except BotError:
        callbacks.answer(desk, query, "error.internal", alert=True)
        raise
    await desk.sent.deleted(job.chat_id, message_id)
    callbacks.answer(desk, query, "press.deleted")


async def _own_job(desk: Desk, query: CallbackQuery, press: Press) -> Job | None:
    job = await desk.submit.job(press.id) if press.id else None
    return job if await _may(desk, query, job) else None


async def _own_picture(
    desk: Desk, query: CallbackQuery, press: Press
) -> tuple[Picture, Job] | None:
    number = press.of_picture[0] if press.of_picture else press.id
    found = await desk.submit.picture(number) if number else None
    # Data can be forged: a picture's buttons act on the message that it stands in, and no other.
    if found and query.message and _place(*found) != query.message.message_id:
        found = None
    return found if await _may(desk, query, found[1] if found else None) else None


def _place(picture: Picture, job: Job) -> int | None:
    """Name a picture's message; the first one has it before it is noted: it was the status."""
    if picture.message_id is None and picture.position == 0:
        return job.status_message_id
    return picture.message_id


async def _may(desk: Desk, query: CallbackQuery, job: Job | None) -> bool:
    """Check that this button belongs to this chat and this person to this job."""
    if job is None or query.message is None or query.message.chat.id != job.chat_id:
        callbacks.answer(desk, query, "press.stale")
        return False
    if job.request.erased:
        callbacks.answer(desk, query, "press.erased")
        return False
    return await callbacks.may_act_for(desk, query, job.account_id, "press.not_yours")
