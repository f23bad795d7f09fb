"""The bot's rights in the storage chat, where pictures for inline messages are uploaded."""

from __future__ import annotations

import structlog
from telegram import Bot, ChatMember, ChatMemberAdministrator, ChatMemberRestricted
from telegram.constants import ChatMemberStatus, ChatType

from bot.domain import StartError, TryLater, Unreachable
from bot.tg.errors import Moved, Rejected, translated

log = structlog.get_logger(__name__)

OUT = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)


async def check_storage_chat(bot: Bot, chat_id: int | None) -> None:
    """Raise StartError where pictures for inline messages could not be stored, if anybody can tell."""
    if chat_id is None:
        return
    try:
        problem = await storage_chat_problem(bot, chat_id)
    except TryLater:
        log.warning("the storage chat could not be looked at")
    else:
        if problem:
            raise StartError(f"STORAGE_CHAT_ID {problem}")


async def storage_chat_problem(bot: Bot, chat_id: int) -> str | None:
    """Tell what is wrong with the storage chat, None if nothing is; raises TryLater."""
    try:
        with translated():
            chat = await bot.get_chat(chat_id)
            member = await bot.get_chat_member(chat_id, bot.id)
    except Moved as moved:
        return f"is a supergroup now: its number is {moved.chat_id}"
    except (Rejected, Unreachable) as refused:
        return f"cannot be used: {refused}; make the bot an administrator of that channel"
    if chat.type == ChatType.PRIVATE:  # whose account would count what others draw
        return "must be a channel or a group of its own"
    if _may_post(member, channel=chat.type == ChatType.CHANNEL):
        return None
    return "names a chat where the bot may not post: make it an administrator there"


def _may_post(member: ChatMember, *, channel: bool) -> bool:
    if channel:
        return isinstance(member, ChatMemberAdministrator) and bool(member.can_post_messages)
    if isinstance(member, ChatMemberRestricted):
        return bool(member.can_send_photos and member.can_send_messages)
    return member.status not in OUT
