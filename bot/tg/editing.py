"""Editing: the question what to change about a picture; the reply to it is the instruction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import MessageEntity
from telegram.constants import ChatType

from bot.tg import languages, owners
from bot.tg.captions import fit, units
from bot.tg.incoming import thread_of
from bot.tg.keyboards import FORCE_REPLY
from bot.tg.spots import Spot

if TYPE_CHECKING:
    from telegram import CallbackQuery

    from bot.domain import Job, Picture
    from bot.tg.desk import Desk

_NAME = 64


async def ask(desk: Desk, query: CallbackQuery, picture: Picture, job: Job) -> None:
    """Ask what to change, once for each press; the answer may come weeks later."""
    payer = owners.payer(query, job.account_id)
    if query.message is None or not owners.admitted(desk, query, payer, query.message.chat.id):
        return
    if query.message.chat.type == ChatType.CHANNEL:  # where nobody can be made to reply
        owners.answer(desk, query, "edit.channel", alert=True)
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
    locale = await languages.of_press(desk, query)
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


def spot_of(query: CallbackQuery) -> Spot | None:
    """Name the place below the message that was pressed, in its topic."""
    message = query.message
    if message is None:
        return None
    return Spot(message.chat.id, thread_of(message), message.message_id)


def put_to(query: CallbackQuery, text: str) -> tuple[str, list[MessageEntity]]:
    """Put a question to whoever pressed; in groups it names him, for only he is shown a reply."""
    user, message = query.from_user, query.message
    if message is None or message.chat.type == ChatType.PRIVATE:
        return text, []
    name = fit(user.full_name, _NAME) or str(user.id)
    mention = MessageEntity(MessageEntity.TEXT_MENTION, 0, units(name), user=user)
    return f"{name}: {text}", [mention]
