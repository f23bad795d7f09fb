"""Presets as buttons: under the question about a picture, and listed by /presets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telegram.constants import ChatType

from bot.domain import LimitReached, Wish
from bot.options import Inability
from bot.ready import Place
from bot.submissions import AlreadyDrawing, Asked, Duplicate, Entered, Nothing, Stale
from bot.tg import ideas, languages, owners
from bot.tg.advice import inability_text
from bot.tg.editing import put_to, spot_of
from bot.tg.incoming import account_of, introduction_of, reply_of, thread_of
from bot.tg.keyboards import FORCE_REPLY, Verb
from bot.tg.messages import Lost
from bot.tg.prompts import admitted, limit_text, reply, respond

if TYPE_CHECKING:
    from telegram import CallbackQuery, Message, Update
    from telegram.ext import ContextTypes

    from bot.catalogue.presets import Preset
    from bot.domain import Ask
    from bot.tg.desk import Desk
    from bot.tg.keyboards import Press


IDEAS = frozenset({Verb.PRESET})
LIST = f"{ideas.NO_PICTURE}:"


async def on_presets(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """List the presets; in reply to a picture, those for it."""
    message = update.message
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return
    locale = await languages.of_message(desk, message, account_id)
    wish = _wish(message, account_id, locale)
    if not admitted(desk, wish):
        return
    submission = await desk.generation.submit(wish) if wish.reply else Nothing()
    if not isinstance(submission, Nothing):
        respond(desk, wish, submission)
        return
    if not list(desk.presets):
        reply(desk, wish, desk.texts(locale, "idea.none"))
        return
    shown = ideas.keyboard(desk, locale, list(desk.presets), ideas.NO_PICTURE, 0)
    reply(desk, wish, desk.texts(locale, "idea.list"), shown)


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Turn the page, draw a preset once, or ask for what it needs."""
    message_id, word = press.of_message or (ideas.NO_PICTURE, "")
    ask = await _own_ask(desk, query, message_id) if message_id else None
    if message_id and ask is None:
        return
    # Data can be forged: a list's button acts on a list, and on no other message.
    if not word or (not message_id and not owners.under(query, IDEAS, LIST)):
        owners.answer(desk, query, "press.stale")
        return
    if press.verb is Verb.PRESETS:
        await _turn(desk, query, message_id, word)
        return
    preset = desk.presets.get(word)
    if preset is None or (ask and preset.from_words):
        owners.answer(desk, query, "press.stale")
    elif ask:
        await _draw(desk, query, ask, preset)
    else:
        await _request(desk, query, preset)


async def _turn(desk: Desk, query: CallbackQuery, message_id: int, page: str) -> None:
    if query.message is None or not page.isascii() or not page.isdigit() or len(page) > 3:  # noqa: PLR2004
        owners.answer(desk, query, "press.stale")
        return
    presets = desk.presets.of_pictures if message_id else list(desk.presets)
    locale = await languages.of_press(desk, query)
    chat_id, here = query.message.chat.id, query.message.message_id
    markup = ideas.keyboard(desk, locale, presets, message_id, int(page))

    async def turn() -> None:
        try:
            await desk.messages.rekey(chat_id, here, markup)
        except Lost:
            return

    desk.turns.wish(chat_id, here, turn)
    desk.talk.start(desk.messages.answer(query.id), "answer to a press")


async def _draw(desk: Desk, query: CallbackQuery, ask: Ask, preset: Preset) -> None:
    locale = await languages.of_press(desk, query)
    ask = replace(ask, account_id=owners.payer(query, ask.account_id), locale=locale)
    if not owners.admitted(desk, query, ask.account_id, ask.chat_id):
        return
    try:
        submission = await desk.ready.draw(ask, preset, press_id=query.id)
    except LimitReached as reached:
        owners.say(desk, query, limit_text(desk, locale, reached), alert=True)
        return
    match submission:
        case Entered(jobs):
            for accepted in jobs:
                desk.statuses.announce(accepted)
            owners.say(desk, query, ideas.label(desk, locale, preset), alert=False)
        case Asked(worded):
            desk.talk.start(_offer(desk, query, worded), "offer of models")
        case Inability():
            text = inability_text(desk.texts, locale, submission)
            owners.say(desk, query, text, alert=True)
        case AlreadyDrawing():
            owners.answer(desk, query, "press.already_drawing")
        case Stale():
            owners.answer(desk, query, "press.stale")
        case Duplicate():
            pass


async def _offer(desk: Desk, query: CallbackQuery, ask: Ask) -> None:
    """Offer the models that can, in place of the presets."""
    await desk.messages.answer(query.id)
    lacks = await desk.generation.inability(ask)
    if query.message and lacks:
        text = inability_text(desk.texts, ask.locale, lacks)
        markup = desk.keyboards.offer(ask.message_id, lacks.others)
        await desk.messages.edit(query.message.chat.id, query.message.message_id, text, markup)


async def _request(desk: Desk, query: CallbackQuery, preset: Preset) -> None:
    """Ask for the photo or the words that a preset needs; the reply brings them."""
    message, spot = query.message, spot_of(query)
    if message is None or spot is None or message.chat.type == ChatType.CHANNEL:
        owners.answer(desk, query, "edit.channel", alert=True)
        return
    account_id = query.from_user.id
    if not owners.admitted(desk, query, account_id, spot.chat_id):
        return
    first = await desk.places.first_time(f"press:{query.id}")
    asking = (spot.chat_id, message.message_id, account_id, preset.id)
    if not first or asking in desk.asking:  # an impatient finger
        desk.talk.start(desk.messages.answer(query.id), "answer to a press")
        return
    desk.asking.add(asking)
    locale = await languages.of_press(desk, query)
    private = message.chat.type == ChatType.PRIVATE

    async def commit(message_id: int) -> None:
        place = Place(account_id, spot.chat_id, spot.thread_id, message_id)
        await desk.ready.asked(place, preset.prompt, locale, private=private)

    key = "idea.words" if preset.from_words else "idea.photo"
    words = desk.texts(locale, key, name=ideas.label(desk, locale, preset))
    text, entities = put_to(query, words)
    asked = desk.messages.establish(
        spot,
        text,
        FORCE_REPLY,
        commit=commit,
        above=spot.reply_to,
        uncertain=False,
        entities=entities,
    )
    task = desk.talk.start(asked, "question of a preset")
    if task is None:
        desk.asking.discard(asking)
    else:
        task.add_done_callback(lambda _: desk.asking.discard(asking))
    desk.talk.start(desk.messages.answer(query.id), "answer to a press")


async def _own_ask(desk: Desk, query: CallbackQuery, message_id: int) -> Ask | None:
    ask = await desk.generation.ask(query.message.chat.id, message_id) if query.message else None
    if ask is None or not owners.asks(query, ask, IDEAS):
        owners.answer(desk, query, "press.stale")
        return None
    mine = await owners.acts_for(desk, query, ask.account_id, "press.not_yours")
    return ask if mine else None


def _wish(message: Message, account_id: int, locale: str) -> Wish:
    """Read the command as a wish without words."""
    return Wish(
        account_id=account_id,
        chat_id=message.chat.id,
        thread_id=thread_of(message),
        message_id=message.message_id,
        prompt="",
        locale=locale,
        private=message.chat.type == ChatType.PRIVATE,
        reply=reply_of(message),
        introduction=introduction_of(message),
    )
