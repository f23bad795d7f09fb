"""Who added the bot to a group or channel, and what that chat was told once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.domain import Author
    from bot.storage.engine import Store
    from bot.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class GroupService:
    """Keeps what happens to the bot in groups and channels."""

    store: Store
    clock: Callable[[], datetime]

    async def added(self, chat_id: int, by: Author) -> None:
        """Keep who added the bot: he hears of it where it cannot work."""
        await self.store.write(self._added, chat_id, by)

    async def added_by(self, chat_id: int) -> tuple[int, str | None] | None:
        """Tell who added the bot, and his Telegram's language."""
        return await self.store.read(lambda tx: tx.people.added_by(chat_id))

    async def hint(self, chat_id: int) -> bool:
        """Whether a group must still hear what the bot cannot see; from now on it has."""
        return await self.store.write(lambda tx: tx.people.hint(chat_id, self.clock()))

    def _added(self, tx: Transaction, chat_id: int, by: Author) -> None:
        if by.user_id is None:
            return
        at = self.clock()
        tx.people.seen_user(by.user_id, by.name, by.username, by.language, at)
        tx.people.seen_chat(chat_id, by.chat_kind, by.chat_title, at)
        tx.people.added(chat_id, by.user_id)
