"""Offers: which other models can draw a wish that the chosen one cannot, and a press on one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain import LimitReached
from bot.submissions import AlreadyDrawing, Duplicate, Entered, Stale
from bot.tg import languages, owners
from bot.tg.keyboards import Verb
from bot.tg.prompts import limit_text

if TYPE_CHECKING:
    from telegram import CallbackQuery

    from bot.domain import Ask
    from bot.tg.desk import Desk
    from bot.tg.keyboards import Press


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Draw a wish that waits with the model of the button, once; preferences stay."""
    ask = await _own_ask(desk, query, press)
    if ask is None or press.use is None:
        return
    locale = await languages.of_press(desk, query)
    ask = replace(ask, account_id=owners.payer(query, ask.account_id), locale=locale)
    if not owners.admitted(desk, query, ask.account_id, ask.chat_id):
        return
    try:
        submission = await desk.generation.draw_with(ask, press.use[1], press_id=query.id)
    except LimitReached as reached:
        owners.say(desk, query, limit_text(desk, locale, reached), alert=True)
        return
    match submission:
        case Entered(jobs):
            for accepted in jobs:
                desk.statuses.announce(accepted)
            desk.talk.start(_taken(desk, query, ask, press.use[1]), "offer taken")
        case AlreadyDrawing():
            owners.answer(desk, query, "press.already_chosen")
        case Stale():
            owners.answer(desk, query, "press.stale")
        case Duplicate():
            pass


async def _own_ask(desk: Desk, query: CallbackQuery, press: Press) -> Ask | None:
    if press.use is None or query.message is None:
        owners.answer(desk, query, "press.stale")
        return None
    ask = await desk.generation.ask(query.message.chat.id, press.use[0])
    if ask is None or not owners.asks(query, ask, {Verb.USE}):
        owners.answer(desk, query, "press.stale")
        return None
    mine = await owners.acts_for(desk, query, ask.account_id, "press.not_yours")
    return ask if mine else None


async def _taken(desk: Desk, query: CallbackQuery, ask: Ask, model: str) -> None:
    """Say which model draws, in place of the question and its buttons."""
    await desk.messages.answer(query.id)
    profile = desk.catalogue.get(model)
    if query.message and profile:
        text = desk.texts(ask.locale, "offer.taken", model=profile.label)
        await desk.messages.edit(query.message.chat.id, query.message.message_id, text, None)
