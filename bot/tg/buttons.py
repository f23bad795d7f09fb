"""Buttons under jobs and pictures: pressed, checked, done once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import BotError, LimitReached
from bot.i18n import pick
from bot.submissions import AlreadyDrawing, Duplicate, Entered
from bot.tg import inline_buttons, offers, own_data, owners, settings_menu
from bot.tg.errors import Rejected
from bot.tg.keyboards import Verb, parse
from bot.tg.messages import Spot
from bot.tg.prompts import limit_text

if TYPE_CHECKING:
    from telegram import CallbackQuery, Update
    from telegram.ext import ContextTypes

    from bot.domain import Job, Picture
    from bot.submissions import Accepted
    from bot.tg.desk import Desk
    from bot.tg.keyboards import Press

VARIATIONS = 2  # as many pictures come of one press


async def on_press(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take a pressed button; a forged or stale one gets an explanation."""
    query = update.callback_query
    if query is None:
        return
    press = parse(query.data)
    if press is None:
        owners.answer(desk, query, "press.stale")
        return
    if query.inline_message_id:
        await inline_buttons.on_press(desk, query, press)
        return
    await _on_press(desk, query, press)


async def _on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    match press.verb:
        case Verb.CANCEL:
            await _on_cancel(desk, query, press)
        case Verb.AGAIN | Verb.VARY:
            await _on_again(desk, query, press)
        case Verb.ORIGINAL:
            await _on_original(desk, query, press)
        case Verb.DELETE:
            await _on_delete(desk, query, press)
        case Verb.FORGET:
            await own_data.on_press(desk, query, press)
        case Verb.USE:
            await offers.on_press(desk, query, press)
        case Verb.MENU | Verb.MODEL | Verb.RATIO | Verb.SIZE | Verb.COUNT:
            await settings_menu.on_press(desk, query, press)


async def _on_cancel(desk: Desk, query: CallbackQuery, press: Press) -> None:
    job = await _own_job(desk, query, press)
    if job is None:
        return
    cancelled = await desk.generation.cancel(job.id)
    owners.answer(desk, query, "press.cancelled" if cancelled else "press.too_late")


async def _on_again(desk: Desk, query: CallbackQuery, press: Press) -> None:
    job = await _own_job(desk, query, press)
    if job is None or query.message is None:
        return
    locale = pick(query.from_user.language_code)
    payer = owners.payer(query, job.account_id)
    if not owners.admitted(desk, query, payer, job.chat_id):
        return
    try:
        submission = await desk.generation.repeat(
            replace(job, account_id=payer, locale=locale),
            press_id=query.id,
            message_id=query.message.message_id,
            count=VARIATIONS if press.verb is Verb.VARY else 1,
        )
    except LimitReached as reached:
        owners.say(desk, query, limit_text(desk, locale, reached), alert=True)
        return
    match submission:
        case Entered(jobs):
            _accepted(desk, query, press, jobs)
        case AlreadyDrawing():
            owners.answer(desk, query, "press.already_drawing")
        case Duplicate():
            pass


def _accepted(desk: Desk, query: CallbackQuery, press: Press, jobs: tuple[Accepted, ...]) -> None:
    for accepted in jobs:
        desk.statuses.announce(accepted)
    if press.verb is Verb.VARY:
        owners.answer(desk, query, "press.varied", n=len(jobs))
    else:
        owners.answer(desk, query, "press.accepted")


async def _on_original(desk: Desk, query: CallbackQuery, press: Press) -> None:
    found = await _own_picture(desk, query, press)
    if found is None or not await desk.places.first_time(f"press:{query.id}"):
        return
    picture, job = found
    kept = await desk.media.size(picture.sha256) is not None
    if picture.original_file_id is None and not kept:
        owners.answer(desk, query, "press.original_gone", alert=True)
        return
    if picture.id in desk.delivery.originals:  # an impatient finger
        owners.answer(desk, query, "press.original_sent")
        return
    desk.delivery.originals.add(picture.id)
    desk.talk.start(_send_original(desk, query, picture, job), "original file")


async def _send_original(desk: Desk, query: CallbackQuery, picture: Picture, job: Job) -> None:
    spot = Spot(job.chat_id, job.thread_id, _place(picture, job))
    content = picture.original_file_id or desk.delivery.upload(picture)
    try:
        file_id = await desk.messages.send_original(spot, content)
    except BotError:
        owners.answer(desk, query, "error.internal", alert=True)
        raise
    finally:
        desk.delivery.originals.discard(picture.id)
    owners.answer(desk, query, "press.original_sent")
    if picture.original_file_id is None and file_id:
        await desk.places.original_sent(picture, file_id)


async def _on_delete(desk: Desk, query: CallbackQuery, press: Press) -> None:
    found = await _own_picture(desk, query, press)
    if found is None or query.message is None:
        return
    desk.talk.start(_delete(desk, query, found[1], query.message.message_id), "delete")


async def _delete(desk: Desk, query: CallbackQuery, job: Job, message_id: int) -> None:
    try:
        await desk.messages.delete(job.chat_id, message_id)
    except Rejected:  # Telegram lets bots delete for 48 hours only
        owners.answer(desk, query, "press.too_old", alert=True)
        return
    except BotError:
        owners.answer(desk, query, "error.internal", alert=True)
        raise
    await desk.places.removed(job.chat_id, message_id)
    owners.answer(desk, query, "press.deleted")


async def _own_job(desk: Desk, query: CallbackQuery, press: Press) -> Job | None:
    job = await desk.generation.job(press.id) if press.id else None
    return job if await _may(desk, query, job) else None


async def _own_picture(
    desk: Desk, query: CallbackQuery, press: Press
) -> tuple[Picture, Job] | None:
    found = await desk.generation.picture(press.id) if press.id else None
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
        owners.answer(desk, query, "press.stale")
        return False
    if job.request.erased:
        owners.answer(desk, query, "press.erased")
        return False
    return await owners.acts_for(desk, query, job.account_id, "press.not_yours")
