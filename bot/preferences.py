"""What accounts have chosen for their pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.domain import Preferences
    from bot.storage.engine import Store


@dataclass(frozen=True, slots=True)
class Chosen:
    """Reads and keeps an account's choices; what is chosen was offered, so it is not checked."""

    store: Store

    async def of(self, account_id: int) -> Preferences:
        """Tell what an account has chosen."""
        async with self.store.reading() as tx:
            return await tx.preferences.get(account_id)

    async def model(self, account_id: int, model: str) -> None:
        """Keep the model that an account has chosen."""
        async with self.store.transaction() as tx:
            await tx.preferences.set_model(account_id, model)

    async def aspect_ratio(self, account_id: int, ratio: str | None) -> None:
        """Keep the aspect ratio that an account has chosen; None leaves it to the model."""
        async with self.store.transaction() as tx:
            await tx.preferences.set_aspect_ratio(account_id, ratio)

    async def size(self, account_id: int, size: str | None) -> None:
        """Keep the resolution that an account has chosen; None leaves it to the model."""
        async with self.store.transaction() as tx:
            await tx.preferences.set_size(account_id, size)

    async def count(self, account_id: int, count: int) -> None:
        """Keep how many pictures a prompt of an account makes."""
        async with self.store.transaction() as tx:
            await tx.preferences.set_count(account_id, count)
