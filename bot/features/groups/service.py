"""Who added the bot to a group or channel, and what that chat was told once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.domain import Author
from bot.jobs.people import RecentPeople
from bot.storage.engine import Store
from bot.storage.transaction import Transaction


@dataclass(frozen=True, slots=True)
class GroupService:
    """Keeps what happens to the bot in groups and channels."""

    store: Store
    people: RecentPeople
    clock: Callable[[], datetime]

    async def added(self, chat_id: int, by: Author) -> None:
        """Keep who added the bot: he hears of it where it cannot work."""

        def note(tx: Transaction) -> None:
            if by.user_id is not None:
                self.people.remember(tx, chat_id, by, self.clock())
                tx.people.added(chat_id, by.user_id)

        await self.store.write(note)

    async def added_by(self, chat_id: int) -> tuple[int, str | None] | None:
        """Tell who added the bot, and his Telegram's language."""
        return await self.store.read(lambda tx: tx.people.added_by(chat_id))

    async def hint(self, chat_id: int) -> bool:
        """Whether a group must still hear what the bot cannot see; from now on it has."""
        return await self.store.write(lambda tx: tx.people.hint(chat_id, self.clock()))
