"""Who administers which chat: asked at Telegram and remembered for some minutes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from telegram import Bot

from bot.tg.errors import Rejected, translated

ANSWER_SECONDS = 3.0  # a handler waits for it, and updates wait for handlers
REMEMBERED = 10_000
# A fresh administrator tries at once; one who was deposed can do little harm in five minutes.
YES_SECONDS, NO_SECONDS = 300.0, 15.0


@dataclass(frozen=True, slots=True)
class ChatAdmins:
    """Knows for a while what `getChatMember` said."""

    bot: Bot
    _known: OrderedDict[tuple[int, int], tuple[bool, float]] = field(
        default_factory=OrderedDict, init=False
    )

    async def is_admin(self, chat_id: int, user_id: int) -> bool:
        """Whether a user is among a chat's administrators; TryLater if that takes too long."""
        now = asyncio.get_running_loop().time()
        known, until = self._known.get((chat_id, user_id), (False, 0.0))
        if now < until:
            return known
        is_admin = await self._ask(chat_id, user_id)
        until = now + (YES_SECONDS if is_admin else NO_SECONDS)
        self._known[chat_id, user_id] = is_admin, until
        self._known.move_to_end((chat_id, user_id))
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return is_admin

    async def _ask(self, chat_id: int, user_id: int) -> bool:
        try:
            with translated():
                async with asyncio.timeout(ANSWER_SECONDS):
                    member = await self.bot.get_chat_member(chat_id, user_id)
        except Rejected:
            return False
        return member.status in (member.OWNER, member.ADMINISTRATOR)
