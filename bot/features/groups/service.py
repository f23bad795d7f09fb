"""The bot's memberships: who added it to a chat, and what that chat was told once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain import Author
    from bot.storage.engine import Store


@dataclass(frozen=True, slots=True)
class GroupService:
    """Keeps what happens to the bot in groups and channels."""

    store: Store
    clock: Callable[[], datetime]

    async def added(self, chat_id: int, who: Author) -> None:
        """Keep who added the bot: he hears of it where it cannot work."""
        if who.user_id is None:
            return
        at = self.clock()
        async with self.store.transaction() as tx:
            await tx.people.seen_user(who.user_id, who.name, who.username, who.language, at)
            await tx.people.seen_chat(chat_id, who.chat_kind, who.chat_title, at)
            await tx.people.added(chat_id, who.user_id)

    async def added_by(self, chat_id: int) -> tuple[int, str | None] | None:
        """Tell who added the bot, and his Telegram's language."""
        async with self.store.reading() as tx:
            return await tx.people.added_by(chat_id)

    async def hint(self, chat_id: int) -> bool:
        """Tell whether a group must still hear what the bot cannot see; from now on it has."""
        async with self.store.transaction() as tx:
            return await tx.people.hint(chat_id, self.clock())
