"""Redraws: a job's request drawn again, as it was or changed, for the press of a button."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telegram import MessageEntity
from telegram.constants import ChatType

from bot.domain import BotError, LimitReached
from bot.jobs.results import Accepted, AlreadyRunning, Duplicate
from bot.tg import callbacks, replies
from bot.tg.keyboards import FORCE_REPLY
from bot.tg.parse import thread_of
from bot.tg.sender import Target
from bot.tg.submit_replies import limit_text
from bot.tg.text_limits import fit, units

if TYPE_CHECKING:
    from telegram import CallbackQuery

    from bot.domain import Job, Picture
    from bot.features.desk import Desk
    from bot.jobs.results import QueuedJob


async def draw(
    desk: Desk, query: CallbackQuery, job: Job, *, count: int = 1
) -> tuple[QueuedJob, ...] | None:
    """Draw a job's request below the message that was pressed, for the account of who pressed.

    Tells the new jobs, which are announced; None where there are none, and that was explained.
    """
    if query.message is None:
        return None
    locale = await replies.of_press(desk, query)
    payer = callbacks.payer(query, job.account_id)
    if not callbacks.admitted(desk, query, payer, job.chat_id):
        return None
    try:
        submission = await desk.generation.repeat(
            replace(job, account_id=payer, locale=locale),
            press_id=query.id,
            message_id=query.message.message_id,
            count=count,
        )
    except LimitReached as reached:
        callbacks.say(desk, query, limit_text(desk, locale, reached), alert=True)
        return None
    match submission:
        case Accepted(jobs):
            for accepted in jobs:
                desk.statuses.announce(accepted)
            return jobs
        case AlreadyRunning():
            callbacks.answer(desk, query, "press.already_drawing")
        case Duplicate():
            pass
    return None


_NAME = 64


async def ask(desk: Desk, query: CallbackQuery, picture: Picture, job: Job) -> None:
    """Ask what to change, once for each press; the answer may come weeks later."""
    payer = callbacks.payer(query, job.account_id)
    if query.message is None or not callbacks.admitted(desk, query, payer, query.message.chat.id):
        return
    if query.message.chat.type == ChatType.CHANNEL:  # where nobody can be made to reply
        callbacks.answer(desk, query, "edit.channel", alert=True)
        return
    place = (query.message.chat.id, query.message.message_id)
    first = await desk.places.first_time(f"press:{query.id}")
    if not first or place in desk.asking:  # an impatient finger
        desk.talk.start(desk.messages.answer(query.id), "answer to a press")
        return
    desk.asking.add(place)
    task = desk.talk.start(_ask(desk, query, picture), "question what to change")
    if task is None:
        desk.asking.discard(place)
    else:
        task.add_done_callback(lambda _: desk.asking.discard(place))


async def _ask(desk: Desk, query: CallbackQuery, picture: Picture) -> None:
    spot = spot_of(query)
    if spot is None:
        return
    locale = await replies.of_press(desk, query)
    text, entities = put_to(query, desk.texts(locale, "edit.ask"))

    async def commit(message_id: int) -> None:
        await desk.gallery.sent(spot.chat_id, message_id, picture.id)

    await desk.messages.establish(
        spot,
        text,
        FORCE_REPLY,
        commit=commit,
        above=spot.reply_to,
        uncertain=False,
        entities=entities,
    )
    await desk.messages.answer(query.id)


def spot_of(query: CallbackQuery) -> Target | None:
    """Name the place below the message that was pressed, in its topic."""
    message = query.message
    if message is None:
        return None
    return Target(message.chat.id, thread_of(message), message.message_id)


def put_to(query: CallbackQuery, text: str) -> tuple[str, list[MessageEntity]]:
    """Put a question to whoever pressed; in groups it names him, for only he is shown a reply."""
    user, message = query.from_user, query.message
    if message is None or message.chat.type == ChatType.PRIVATE:
        return text, []
    name = fit(user.full_name, _NAME) or str(user.id)
    mention = MessageEntity(MessageEntity.TEXT_MENTION, 0, units(name), user=user)
    return f"{name}: {text}", [mention]


async def send(desk: Desk, query: CallbackQuery, picture: Picture, spot: Target) -> None:
    """Send a picture's file, once for each press, or explain that it is no longer kept."""
    if not await desk.places.first_time(f"press:{query.id}"):
        return
    kept = await desk.media.size(picture.sha256) is not None
    if picture.original_file_id is None and not kept:
        callbacks.answer(desk, query, "press.original_gone", alert=True)
        return
    if picture.id in desk.delivery.originals:  # an impatient finger
        callbacks.answer(desk, query, "press.original_sent")
        return
    desk.delivery.originals.add(picture.id)
    desk.talk.start(_send(desk, query, picture, spot), "original file")


async def _send(desk: Desk, query: CallbackQuery, picture: Picture, spot: Target) -> None:
    content = picture.original_file_id or desk.delivery.upload(picture)
    try:
        file_id = await desk.messages.send_original(spot, content)
    except BotError:
        callbacks.answer(desk, query, "error.internal", alert=True)
        raise
    finally:
        desk.delivery.originals.discard(picture.id)
    callbacks.answer(desk, query, "press.original_sent")
    if picture.original_file_id is None and file_id:
        await desk.places.original_sent(picture, file_id)
