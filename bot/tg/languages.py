"""Languages: in which one somebody is answered.

What was chosen for the topic or the chat, else by himself, else what his Telegram speaks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.i18n.texts import pick
from bot.tg.incoming import thread_of

if TYPE_CHECKING:
    from telegram import CallbackQuery, Message, User

    from bot.domain import Wish
    from bot.tg.desk import Desk


async def of_user(desk: Desk, user: User) -> str:
    """Tell it of somebody who is in no chat of the bot's: what chats have chosen is theirs."""
    return await of_person(desk, user.id, user.language_code)


async def of_person(desk: Desk, account_id: int, language_code: str | None) -> str:
    """Tell it of somebody who does not speak now, but whose Telegram's language was noted."""
    return await _held(desk, account_id, account_id, None, pick(language_code))


async def of_message(desk: Desk, message: Message, account_id: int) -> str:
    """Tell it of whoever wrote a message in an account's name."""
    spoken = pick(message.from_user.language_code if message.from_user else None)
    return await _held(desk, account_id, message.chat.id, thread_of(message), spoken)


async def of_press(desk: Desk, query: CallbackQuery) -> str:
    """Tell it of whoever pressed a button."""
    user, message = query.from_user, query.message
    if message is None:
        return await of_user(desk, user)
    spoken = pick(user.language_code)
    return await _held(desk, user.id, message.chat.id, thread_of(message), spoken)


async def of_wish(desk: Desk, wish: Wish) -> str:
    """Tell it of whoever wishes for something in a chat; `wish.locale` is what he speaks."""
    return await _held(desk, wish.account_id, wish.chat_id, wish.thread_id, wish.locale)


async def _held(
    desk: Desk, account_id: int, chat_id: int, thread_id: int | None, spoken: str
) -> str:
    chosen = await desk.preferences.at(account_id, chat_id, thread_id)
    return chosen.language or spoken
