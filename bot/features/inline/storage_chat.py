"""The storage chat: a private channel in which pictures for inline messages are uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from telegram import ChatMemberAdministrator, ChatMemberRestricted
from telegram.constants import ChatMemberStatus, ChatType

from bot.domain import TryLater, Unreachable
from bot.tg.errors import Moved, Rejected, translated

if TYPE_CHECKING:
    from telegram import Bot, ChatMember

log = structlog.get_logger(__name__)

OUT = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)


async def problem(bot: Bot, chat_id: int) -> str | None:
    """Tell what is wrong with the storage chat, None if nothing is, or nobody can tell now."""
    try:
        with translated():
            chat = await bot.get_chat(chat_id)
            member = await bot.get_chat_member(chat_id, bot.id)
    except Moved as moved:
        return f"is a supergroup now: its number is {moved.chat_id}"
    except (Rejected, Unreachable) as refused:
        return f"cannot be used: {refused}; make the bot an administrator of that channel"
    except TryLater:
        log.warning("the storage chat could not be looked at")
        return None
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
