"""The bot's own membership: added, muted, blocked or put out.

Who added it hears of what it may not do; what waits for a chat that is closed to it is called off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import ChatMemberAdministrator, ChatMemberRestricted
from telegram.constants import ChatMemberStatus, ChatType

from bot.domain import Author
from bot.tg import replies
from bot.tg.sender import Target

if TYPE_CHECKING:
    from telegram import ChatMember, ChatMemberUpdated, Update
    from telegram.ext import ContextTypes

    from bot.features.desk import Desk

_OUT = frozenset({ChatMemberStatus.LEFT, ChatMemberStatus.BANNED})


async def on_change(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take note of who added the bot, and tell him once where it cannot do its work any more."""
    change = update.my_chat_member
    if change is None:
        return
    if _is_out(change.new_chat_member):
        await _call_off(desk, change.chat.id, update.update_id)
    if change.chat.type == ChatType.PRIVATE:
        return
    if _is_out(change.old_chat_member) and not _is_out(change.new_chat_member):
        await desk.memberships.added(change.chat.id, _introduced(change))
    key = _hindrance(change)
    if key is None:
        return
    told = await desk.memberships.added_by(change.chat.id)
    if told is None or (key == "member.removed" and told[0] == change.from_user.id):
        return
    if await desk.sent.first_time(f"membership:{update.update_id}"):
        admin, language = told
        locale = await replies.of_person(desk, admin, language)
        text = desk.texts(locale, key, chat=change.chat.title or "")
        desk.background.run(desk.sender.say(Target(admin), text), "word to an administrator")


async def _call_off(desk: Desk, chat_id: int, update_id: int) -> None:
    """Buy nothing more for a chat that would not see it.

    What is being drawn is paid for: it goes on, and stands in the gallery of who asked. Once for
    each update: when it comes again, the bot may be back, with other wishes.
    """
    if not await desk.sent.first_time(f"out:{update_id}"):
        return
    for place in await desk.queue.line():
        if place.chat_id == chat_id:
            await desk.submit.cancel(place.job_id)


def _hindrance(change: ChatMemberUpdated) -> str | None:
    """Name the text about what the bot cannot do now and could before."""
    old, new = _hindered(change, change.old_chat_member), _hindered(change, change.new_chat_member)
    return new if new != old else None


def _hindered(change: ChatMemberUpdated, member: ChatMember) -> str | None:
    if _is_out(member):
        return "member.removed"
    if change.chat.type == ChatType.CHANNEL:
        posts = isinstance(member, ChatMemberAdministrator) and member.can_post_messages
        return None if posts else "member.muted"
    if not isinstance(member, ChatMemberRestricted):
        return None
    if not member.can_send_messages:
        return "member.muted"
    return None if member.can_send_photos or member.can_send_documents else "member.no_pictures"


def _is_out(member: ChatMember) -> bool:
    gone = isinstance(member, ChatMemberRestricted) and not member.is_member
    return gone or member.status in _OUT


def _introduced(change: ChatMemberUpdated) -> Author:
    user, chat = change.from_user, change.chat
    return Author(
        user_id=user.id,
        name=user.full_name,
        username=user.username,
        language=user.language_code,
        chat_kind=str(chat.type),
        chat_title=chat.title or "",
    )
