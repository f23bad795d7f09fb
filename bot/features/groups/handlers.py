"""The bot's own membership: added, muted, blocked or put out; and groups that get another id.

Who added it hears of what it may not do; what waits for a chat that is closed to it is cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telegram import (
    ChatMember,
    ChatMemberAdministrator,
    ChatMemberRestricted,
    ChatMemberUpdated,
    Update,
)
from telegram.constants import ChatMemberStatus, ChatType
from telegram.ext import ChatMemberHandler, ContextTypes, MessageHandler, filters

from bot.features.groups.service import GroupService
from bot.jobs.messages import SentMessages
from bot.jobs.queue import QueueService
from bot.jobs.submit import SubmitService
from bot.tg.authors import author_of, title_of
from bot.tg.feature import MESSAGE, Feature, Handler
from bot.tg.replies import Replies
from bot.tg.sender import Target

_OUT = frozenset({ChatMemberStatus.LEFT, ChatMemberStatus.BANNED})


@dataclass(frozen=True, slots=True)
class GroupsFeature(Feature):
    """Follows what happens to the bot in chats."""

    replies: Replies
    groups: GroupService
    submit: SubmitService
    queue: QueueService
    sent: SentMessages

    def handlers(self) -> Sequence[Handler]:
        return (
            ChatMemberHandler(self.on_membership),
            MessageHandler(MESSAGE & filters.StatusUpdate.MIGRATE, self.on_migration),
        )

    async def on_membership(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        change = update.my_chat_member
        if change is None:
            return
        if _is_out(change.new_chat_member):
            await self._cancel_waiting(change.chat.id, update.update_id)
        if change.chat.type == ChatType.PRIVATE:
            return
        if _is_out(change.old_chat_member) and not _is_out(change.new_chat_member):
            await self.groups.added(change.chat.id, author_of(change.from_user, change.chat))
        old = _obstacle(change.old_chat_member, change.chat.type)
        new = _obstacle(change.new_chat_member, change.chat.type)
        if new and new != old:
            await self._warn(change, new, update.update_id)

    async def on_migration(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.message
        if message and message.migrate_to_chat_id:
            await self.sent.chat_migrated(message.chat.id, message.migrate_to_chat_id)

    async def _cancel_waiting(self, chat_id: int, update_id: int) -> None:
        """Buy nothing more for a chat that would not see it.

        What is being drawn is paid for: it goes on, and stands in the history of who asked. Once
        for each update: when it comes again, the bot may be back, with other prompts.
        """
        if not await self.sent.first_time(f"out:{update_id}"):
            return
        for position in await self.queue.positions():
            if position.chat_id == chat_id:
                await self.submit.cancel(position.job_id)

    async def _warn(self, change: ChatMemberUpdated, key: str, update_id: int) -> None:
        added_by = await self.groups.added_by(change.chat.id)
        if added_by is None:
            return
        admin, language = added_by
        if key == "member.removed" and admin == change.from_user.id:  # he knows
            return
        if await self.sent.first_time(f"membership:{update_id}"):
            locale = await self.replies.locale_of_person(admin, language)
            text = self.replies.texts(locale, key, chat=title_of(change.chat))
            self.replies.say(Target(admin), text)


def _obstacle(member: ChatMember, chat_type: str) -> str | None:
    if _is_out(member):
        return "member.removed"
    if chat_type == ChatType.CHANNEL:
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
