"""Own data: the commands with which people get, or erase, what is kept of them, and the terms."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from telegram.constants import ChatType

from bot.domain import BotError
from bot.tg import callbacks, replies
from bot.tg.keyboards import EVERYTHING, Verb
from bot.tg.parse import account_of, thread_of
from bot.tg.sender import Target

if TYPE_CHECKING:
    from telegram import CallbackQuery, InlineKeyboardMarkup, Message, Update
    from telegram.ext import ContextTypes

    from bot.features.desk import Desk
    from bot.tg.keyboards import Press

EXPORT_NAME = "my-data.zip"


async def on_export(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Send somebody everything that is kept of him, as one file."""
    if not (asked := await _private(desk, update.message)):
        return
    message, locale = asked
    if await desk.own_data.may_export(message.chat.id):
        desk.background.run(_send_export(desk, message, locale), "export")
    else:
        _reply(desk, message, desk.texts(locale, "export.wait"))


async def on_forget(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Ask whether everything that is kept of somebody shall be erased."""
    if asked := await _private(desk, update.message):
        message, locale = asked
        text, keyboard = desk.texts(locale, "forget.ask"), desk.keyboards.forget(locale)
        _reply(desk, message, text, keyboard)


async def on_terms(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Tell the operator's terms, and what the bot itself promises."""
    message = update.message
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return
    locale = await replies.of_message(desk, message, account_id)
    own = desk.facts.terms or desk.texts(locale, "terms.none")
    _reply(desk, message, desk.texts(locale, "terms", terms=own))


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Erase everything, or keep it; only in private, where whoever presses is the owner."""
    message = query.message
    private = message is not None and message.chat.id == query.from_user.id
    if not private or not callbacks.under(query, {Verb.FORGET}):
        callbacks.answer(desk, query, "press.stale")
        return
    locale = await replies.of_press(desk, query)  # before it is erased, too
    if press.argument != EVERYTHING:
        text = desk.texts(locale, "forget.kept")
        desk.background.run(_say_instead(desk, query, text), "nothing erased")
        return
    erased = await desk.own_data.erase(query.from_user.id, query.id, locale)
    desk.preferences.forget()
    desk.clearing.wake()
    # A press that comes again finds nothing to do, but perhaps it was not answered.
    files, stored = (erased.files, erased.stored) if erased else ((), 0)
    desk.background.run(_finish(desk, query, locale, files, stored), "erasure")


async def _finish(
    desk: Desk, query: CallbackQuery, locale: str, files: tuple[str, ...], stored: int
) -> None:
    await desk.own_data.discard(files)
    text = desk.texts(locale, "forget.done")
    if stored:
        text += "\n\n" + desk.texts(locale, "forget.stored", n=stored)
    await _say_instead(desk, query, text)


async def _say_instead(desk: Desk, query: CallbackQuery, text: str) -> None:
    """Put an answer in the place of the question."""
    await desk.sender.answer(query.id)
    if query.message:
        await desk.sender.edit(query.message.chat.id, query.message.message_id, text, None)


async def _send_export(desk: Desk, message: Message, locale: str) -> None:
    try:
        file = await desk.own_data.export(message.chat.id)
        try:
            await desk.sender.send_file(_spot(message), file, EXPORT_NAME)
        finally:
            await asyncio.to_thread(file.close)
    except (BotError, OSError):
        _reply(desk, message, desk.texts(locale, "export.failed"))
        raise


async def _private(desk: Desk, message: Message | None) -> tuple[Message, str] | None:
    """Take a person's message in his private chat, and what he speaks; elsewhere he is sent there."""
    account_id = account_of(message) if message else None
    if message is None or account_id is None:
        return None
    locale = await replies.of_message(desk, message, account_id)
    if message.chat.type == ChatType.PRIVATE:
        return message, locale
    _reply(desk, message, desk.texts(locale, "own_data.private"))
    return None


def _spot(message: Message) -> Target:
    return Target(message.chat.id, thread_of(message), message.message_id)


def _reply(
    desk: Desk, message: Message, text: str, markup: InlineKeyboardMarkup | None = None
) -> None:
    desk.background.run(desk.sender.say(_spot(message), text, markup), "answer about own data")
