"""What users, chats and topics have chosen for their pictures."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from bot import inheritance
from bot.domain import Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain import Preferences
    from bot.storage.engine import Store

REMEMBERED = 10_000  # levels whose choices are kept at hand: groups ask with every message


class Chosen:
    """Reads and keeps choices; what is chosen was offered, so it is not checked.

    One process has the database for itself, so what was read stays true until it is written here,
    or until `forget`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[Level, Preferences] = OrderedDict()
        self._changes = 0

    async def of(self, account_id: int) -> Preferences:
        """Tell what an account itself has chosen."""
        (own,) = await self.levels([Level(account_id)])
        return own

    async def at(self, account_id: int, chat_id: int, thread_id: int | None) -> Preferences:
        """Tell what holds for somebody somewhere."""
        levels = inheritance.levels(account_id, chat_id, thread_id)
        return inheritance.merged(await self.levels(levels))

    async def levels(self, levels: Sequence[Level]) -> list[Preferences]:
        """Tell what was chosen on each of at most three levels."""
        known = [self._known.get(level) for level in levels]
        if None not in known:
            return [one for one in known if one is not None]
        changes = self._changes
        async with self._store.reading() as tx:
            read = await tx.preferences.levels(levels)
        if changes == self._changes:  # nobody has written meanwhile
            self._remember(levels, read)
        return read

    async def choose(self, level: Level, field: str, value: str | int | None) -> None:
        """Keep a choice; None goes back to what is inherited."""
        try:
            async with self._store.transaction() as tx:
                await tx.preferences.choose(level, field, value)
        finally:
            self.forget()

    def forget(self) -> None:
        """Read anew: something was written."""
        self._changes += 1
        self._known.clear()

    def _remember(self, levels: Sequence[Level], read: Sequence[Preferences]) -> None:
        self._known.update(zip(levels, read, strict=True))
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
