"""Own data: the commands with which people get, or erase, what is kept of them, and the terms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from telegram.constants import ChatType

from bot.domain import BotError
from bot.i18n import pick
from bot.tg import owners
from bot.tg.incoming import account_of, thread_of
from bot.tg.keyboards import EVERYTHING, Verb
from bot.tg.spots import Spot

if TYPE_CHECKING:
    from telegram import CallbackQuery, InlineKeyboardMarkup, Message, Update
    from telegram.ext import ContextTypes

    from bot.tg.desk import Desk
    from bot.tg.keyboards import Press

EXPORT_NAME = "my-data.zip"


async def on_export(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Send somebody everything that is kept of him, as one file."""
    if not (message := _private(desk, update.message)):
        return
    if await desk.own_data.may_export(message.chat.id):
        desk.talk.start(_send_export(desk, message), "export")
    else:
        _reply(desk, message, "export.wait")


async def on_forget(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Ask whether everything that is kept of somebody shall be erased."""
    if message := _private(desk, update.message):
        _reply(desk, message, "forget.ask", desk.keyboards.forget(_locale(message)))


async def on_terms(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Tell the operator's terms, and what the bot itself promises."""
    if (message := update.message) and account_of(message) is not None:
        own = desk.facts.terms or desk.texts(_locale(message), "terms.none")
        _reply(desk, message, "terms", terms=own)


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Erase everything, or keep it; only in private, where whoever presses is the owner."""
    message = query.message
    private = message is not None and message.chat.id == query.from_user.id
    if not private or not owners.under(query, {Verb.FORGET}):
        owners.answer(desk, query, "press.stale")
        return
    if press.argument != EVERYTHING:
        desk.talk.start(_say_instead(desk, query, "forget.kept"), "nothing erased")
        return
    erased = await desk.own_data.erase(query.from_user.id, query.id)
    desk.preferences.forget()
    # A press that comes again finds nothing to do, but perhaps it was not answered.
    desk.talk.start(_finish(desk, query, erased.files if erased else ()), "erasure")


async def _finish(desk: Desk, query: CallbackQuery, files: tuple[str, ...]) -> None:
    await desk.own_data.discard(files)
    await _say_instead(desk, query, "forget.done")


async def _say_instead(desk: Desk, query: CallbackQuery, key: str) -> None:
    """Put an answer in the place of the question."""
    await desk.messages.answer(query.id)
    if query.message:
        text = desk.texts(pick(query.from_user.language_code), key)
        await desk.messages.edit(query.message.chat.id, query.message.message_id, text, None)


async def _send_export(desk: Desk, message: Message) -> None:
    try:
        file = await desk.own_data.export(message.chat.id)
        try:
            await desk.messages.send_file(_spot(message), file, EXPORT_NAME)
        finally:
            await asyncio.to_thread(file.close)
    except (BotError, OSError):
        _reply(desk, message, "export.failed")
        raise


def _private(desk: Desk, message: Message | None) -> Message | None:
    """Take a person's message in his private chat; elsewhere he is told to write there."""
    if message is None or account_of(message) is None:
        return None
    if message.chat.type == ChatType.PRIVATE:
        return message
    _reply(desk, message, "own_data.private")
    return None


def _locale(message: Message) -> str:
    return pick(message.from_user.language_code if message.from_user else None)


def _spot(message: Message) -> Spot:
    return Spot(message.chat.id, thread_of(message), message.message_id)


def _reply(
    desk: Desk,
    message: Message,
    key: str,
    markup: InlineKeyboardMarkup | None = None,
    **args: object,
) -> None:
    text = desk.texts(_locale(message), key, **args)
    desk.talk.start(desk.messages.say(_spot(message), text, markup), key)
