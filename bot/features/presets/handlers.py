"""Presets as buttons: under the question about a picture, and listed by /presets."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telegram.constants import ChatType

from bot.domain import LimitReached, Prompt
from bot.features.presets.service import PresetQuestion
from bot.jobs.options import Unsupported
from bot.jobs.results import Accepted, AlreadyRunning, Duplicate, Incomplete, NoInput, Stale
from bot.tg import callbacks, preset_keyboard, replies
from bot.tg.keyboards import FORCE_REPLY, Verb
from bot.tg.parse import account_of, introduction_of, reply_of, thread_of
from bot.tg.picture_actions import put_to, spot_of
from bot.tg.replies import inability_text
from bot.tg.sender import Lost, reply
from bot.tg.submit_replies import admitted, limit_text, respond

if TYPE_CHECKING:
    from telegram import CallbackQuery, Message, Update
    from telegram.ext import ContextTypes

    from bot.catalogue.presets import Preset
    from bot.domain import PendingPrompt
    from bot.features.desk import Desk
    from bot.tg.keyboards import Press


IDEAS = frozenset({Verb.PRESET})
LIST = f"{preset_keyboard.NO_PICTURE}:"


async def on_presets(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """List the presets; in reply to a picture, those for it."""
    message = update.message
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return
    locale = await replies.of_message(desk, message, account_id)
    wish = _wish(message, account_id, locale)
    if not admitted(desk, wish):
        return
    submission = await desk.submit.submit(wish) if wish.reply else NoInput()
    if not isinstance(submission, NoInput):
        respond(desk, wish, submission)
        return
    if not list(desk.presets):
        reply(desk, wish, desk.texts(locale, "idea.none"))
        return
    shown = preset_keyboard.keyboard(
        desk, locale, list(desk.presets), preset_keyboard.NO_PICTURE, 0
    )
    reply(desk, wish, desk.texts(locale, "idea.list"), shown)


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Turn the page, draw a preset once, or ask for what it needs."""
    message_id, word = press.of_message or (preset_keyboard.NO_PICTURE, "")
    ask = await _own_ask(desk, query, message_id) if message_id else None
    if message_id and ask is None:
        return
    # Data can be forged: a list's button acts on a list, and on no other message.
    if not word or (not message_id and not callbacks.under(query, IDEAS, LIST)):
        callbacks.answer(desk, query, "press.stale")
        return
    if press.verb is Verb.PRESETS:
        await _turn(desk, query, message_id, word)
        return
    preset = desk.presets.get(word)
    if preset is None or (ask and preset.from_words):
        callbacks.answer(desk, query, "press.stale")
    elif ask:
        await _draw(desk, query, ask, preset)
    else:
        await _request(desk, query, preset)


async def _turn(desk: Desk, query: CallbackQuery, message_id: int, page: str) -> None:
    if query.message is None or not page.isascii() or not page.isdigit() or len(page) > 3:  # noqa: PLR2004
        callbacks.answer(desk, query, "press.stale")
        return
    presets = desk.presets.of_pictures if message_id else list(desk.presets)
    locale = await replies.of_press(desk, query)
    chat_id, here = query.message.chat.id, query.message.message_id
    markup = preset_keyboard.keyboard(desk, locale, presets, message_id, int(page))

    async def turn() -> None:
        try:
            await desk.sender.rekey(chat_id, here, markup)
        except Lost:
            return

    desk.turns.wish(chat_id, here, turn)
    desk.background.run(desk.sender.answer(query.id), "answer to a press")


async def _draw(desk: Desk, query: CallbackQuery, ask: PendingPrompt, preset: Preset) -> None:
    locale = await replies.of_press(desk, query)
    ask = replace(ask, account_id=callbacks.payer(query, ask.account_id), locale=locale)
    if not callbacks.admitted(desk, query, ask.account_id, ask.chat_id):
        return
    try:
        submission = await desk.ready.draw(ask, preset, press_id=query.id)
    except LimitReached as reached:
        callbacks.say(desk, query, limit_text(desk, locale, reached), alert=True)
        return
    match submission:
        case Accepted(jobs):
            for accepted in jobs:
                desk.status.announce(accepted)
            callbacks.say(desk, query, preset_keyboard.label(desk, locale, preset), alert=False)
        case Incomplete(worded):
            desk.background.run(_offer(desk, query, worded), "offer of models")
        case Unsupported():
            text = inability_text(desk.texts, locale, submission)
            callbacks.say(desk, query, text, alert=True)
        case AlreadyRunning():
            callbacks.answer(desk, query, "press.already_drawing")
        case Stale():
            callbacks.answer(desk, query, "press.stale")
        case Duplicate():
            pass


async def _offer(desk: Desk, query: CallbackQuery, ask: PendingPrompt) -> None:
    """Offer the models that can, in place of the presets."""
    await desk.sender.answer(query.id)
    lacks = await desk.submit.inability(ask)
    if query.message and lacks:
        text = inability_text(desk.texts, ask.locale, lacks)
        markup = desk.keyboards.offer(ask.message_id, lacks.others)
        await desk.sender.edit(query.message.chat.id, query.message.message_id, text, markup)


async def _request(desk: Desk, query: CallbackQuery, preset: Preset) -> None:
    """Ask for the photo or the words that a preset needs; the reply brings them."""
    message, target = query.message, spot_of(query)
    if message is None or target is None or message.chat.type == ChatType.CHANNEL:
        callbacks.answer(desk, query, "edit.channel", alert=True)
        return
    account_id = query.from_user.id
    if not callbacks.admitted(desk, query, account_id, target.chat_id):
        return
    first = await desk.sent.first_time(f"press:{query.id}")
    asking = (target.chat_id, message.message_id, account_id, preset.id)
    if not first or asking in desk.asking:  # an impatient finger
        desk.background.run(desk.sender.answer(query.id), "answer to a press")
        return
    desk.asking.add(asking)
    locale = await replies.of_press(desk, query)
    private = message.chat.type == ChatType.PRIVATE

    async def remember(message_id: int) -> None:
        place = PresetQuestion(account_id, target.chat_id, target.thread_id, message_id)
        await desk.ready.asked(place, preset.prompt, locale, private=private)

    key = "idea.words" if preset.from_words else "idea.photo"
    words = desk.texts(locale, key, name=preset_keyboard.label(desk, locale, preset))
    text, entities = put_to(query, words)
    asked = desk.sender.send_once(
        target,
        text,
        FORCE_REPLY,
        remember=remember,
        above=target.reply_to,
        uncertain=False,
        entities=entities,
    )
    task = desk.background.run(asked, "question of a preset")
    if task is None:
        desk.asking.discard(asking)
    else:
        task.add_done_callback(lambda _: desk.asking.discard(asking))
    desk.background.run(desk.sender.answer(query.id), "answer to a press")


async def _own_ask(desk: Desk, query: CallbackQuery, message_id: int) -> PendingPrompt | None:
    ask = await desk.submit.ask(query.message.chat.id, message_id) if query.message else None
    if ask is None or not callbacks.asks(query, ask, IDEAS):
        callbacks.answer(desk, query, "press.stale")
        return None
    mine = await callbacks.may_act_for(desk, query, ask.account_id, "press.not_yours")
    return ask if mine else None


def _wish(message: Message, account_id: int, locale: str) -> Prompt:
    """Read the command as a wish without words."""
    return Prompt(
        account_id=account_id,
        chat_id=message.chat.id,
        thread_id=thread_of(message),
        message_id=message.message_id,
        text="",
        locale=locale,
        private=message.chat.type == ChatType.PRIVATE,
        reply=reply_of(message),
        introduction=introduction_of(message),
    )
