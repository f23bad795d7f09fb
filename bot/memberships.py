"""The bot's memberships: who added it to a chat, and what that chat was told once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from bot.storage.engine import Store


@dataclass(frozen=True, slots=True)
class Memberships:
    """Keeps what happens to the bot in groups and channels."""

    store: Store
    clock: Callable[[], datetime]

    async def added(self, chat_id: int, kind: str, title: str, by: int) -> None:
        """Keep who added the bot: he hears of it where it cannot work."""
        async with self.store.transaction() as tx:
            await tx.people.seen_chat(chat_id, kind, title, self.clock())
            await tx.people.added(chat_id, by)

    async def added_by(self, chat_id: int) -> int | None:
        """Tell who added the bot."""
        async with self.store.reading() as tx:
            return await tx.people.added_by(chat_id)

    async def hint(self, chat_id: int, kind: str, title: str) -> bool:
        """Tell whether a chat must still hear what the bot cannot see; from now on it has."""
        async with self.store.transaction() as tx:
            await tx.people.seen_chat(chat_id, kind, title, self.clock())
            return await tx.people.hint(chat_id, self.clock())
