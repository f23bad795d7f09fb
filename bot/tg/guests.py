"""Guest mode: a question to the bot in a chat where it is no member, answered once, with a picture.

Telegram hands over that one message, and takes one answer, which is an inline message from then on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from telegram.ext import filters

from bot.i18n.texts import pick
from bot.inline import GUEST, number_of
from bot.tg import inline, languages
from bot.tg.incoming import read

if TYPE_CHECKING:
    from telegram import Update
    from telegram.ext import ContextTypes

    from bot.tg.desk import Desk


class GuestMessages(filters.UpdateFilter):
    """Tells a guest message from all others, for which PTB has no filter yet."""

    def filter(self, update: Update) -> bool:
        """Whether this is one."""
        return update.guest_message is not None


async def on_message(desk: Desk, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Draw what a guest message asks for."""
    message = update.guest_message
    if message is None or not message.guest_query_id or message.from_user is None:
        return
    incoming = read(message, context.bot, pick)
    if incoming is None or incoming.thrown:
        return
    locale = await languages.of_user(desk, message.from_user)
    wish, chat = incoming.wish, message.chat.id
    await inline.submit(
        desk,
        replace(
            wish,
            locale=locale,
            chat_id=desk.facts.storage_chat or 0,
            message_id=number_of(f"{chat}:{message.message_id}"),
            thread_id=None,
            private=False,
            introduction=None,
            # A message of that chat means nothing in the storage chat, its picture does.
            sources=wish.sources
            or ((wish.reply.source,) if wish.reply and wish.reply.source else ()),
            reply=None,
            inline_message_id=GUEST + message.guest_query_id,
        ),
    )
