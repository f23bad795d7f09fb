"""Buttons under inline messages: pressed by anybody in any chat, done for the one who asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import LimitReached
from bot.inline import number_of
from bot.submissions import AlreadyDrawing, Duplicate, Entered
from bot.tg import languages, owners
from bot.tg.inline_keyboards import HERE
from bot.tg.keyboards import Verb
from bot.tg.prompts import limit_text

if TYPE_CHECKING:
    from telegram import CallbackQuery

    from bot.domain import Job
    from bot.tg.desk import Desk
    from bot.tg.keyboards import Press


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Take a press; all buttons but these two are none of an inline message's: data can be forged."""
    if press.verb not in (Verb.CANCEL, Verb.AGAIN):
        owners.answer(desk, query, "press.stale")
        return
    job = await _job(desk, query, press)
    if job is None:
        return
    if press.verb is Verb.CANCEL:
        cancelled = await desk.generation.cancel(job.id)
        owners.answer(desk, query, "press.cancelled" if cancelled else "press.too_late")
    else:
        await _on_again(desk, query, job)


async def _on_again(desk: Desk, query: CallbackQuery, job: Job) -> None:
    locale = await languages.of_press(desk, query)
    payer = query.from_user.id
    if not owners.admitted(desk, query, payer, payer):
        return
    try:
        submission = await desk.generation.repeat(
            replace(job, account_id=payer, locale=locale),
            press_id=query.id,
            message_id=job.message_id,
        )
    except LimitReached as reached:
        owners.say(desk, query, limit_text(desk, locale, reached), alert=True)
        return
    match submission:
        case Entered(jobs):
            for accepted in jobs:
                desk.inline.announce(accepted)
            owners.answer(desk, query, "press.accepted")
        case AlreadyDrawing():
            owners.answer(desk, query, "press.already_drawing")
        case Duplicate():
            pass


async def _job(desk: Desk, query: CallbackQuery, press: Press) -> Job | None:
    """Find the job of this message and check that this person may press for it."""
    here = press.argument == HERE
    if here and desk.facts.storage_chat is not None:
        number = number_of(query.inline_message_id or "")
        job = await desk.generation.job_of(desk.facts.storage_chat, number)
    else:
        job = await desk.generation.job(press.id) if press.id else None
    if job is None or job.inline_message_id != query.inline_message_id:
        owners.answer(desk, query, "inline.not_yet" if here else "press.stale")
        return None
    if job.request.erased:
        owners.answer(desk, query, "press.erased")
        return None
    return job if await owners.acts_for(desk, query, job.account_id, "press.not_yours") else None
