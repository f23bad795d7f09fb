"""Authors: who wrote, and where, as Telegram names them."""

from __future__ import annotations

from telegram import Chat, User

from bot.domain import Author
from bot.domain.shown_names import clean_name


def author_of(user: User | None, chat: Chat) -> Author:
    named = user if user and not user.is_bot else None
    name = named.full_name if named else ""
    return Author(
        user_id=named.id if named else None,
        name=name if name.isprintable() else clean_name(name),
        username=named.username if named else None,
        language=named.language_code if named else None,
        chat_kind=str(chat.type),
        chat_title=title_of(chat) if chat.title else "",
    )


def title_of(chat: Chat) -> str:
    return clean_name(chat.title or "")
